//! A source as the user describes it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Error, Fields, HtmlMode, Metadata, Options, Secret};
use crate::durable::Context as _;

/// Where documents come from: a path, or addresses of the web.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSpec {
    /// Names the source; by default the last part of its path or the host of its address. Ids must differ.
    #[serde(default)]
    pub id: String,
    /// A directory, file or glob, relative to this file; `-` is standard input. Parts may be named, and become metadata:
    /// `docs/{product}/{lang}/**`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Globs of the files to read in a directory, such as `**/*.md`, all known formats by default; of a sitemap
    /// or crawl, the paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Globs of the files, or of a site's paths, to leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Static metadata for every document of the source. A document's own goes before it.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// Records (JSON Lines, JSON, CSV): the field that holds the document's id; `_id` or `id` by default, else its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_field: Option<String>,
    /// Records: the field that holds the title, which is put before the text; `title` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title_field: Option<String>,
    /// Records: the field that holds the text; `text` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_field: Option<String>,
    /// Records: the field that holds the address to cite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri_field: Option<String>,
    /// Records: fields that become metadata columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metadata_fields: Vec<String>,
    /// Web pages: `auto` and `main` take the main content, `full` all visible text, `css:SELECTOR` what it matches.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(with = "String")]
    pub html: HtmlMode,
    /// A file of passwords for encrypted PDFs, one a line, relative to this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pdf_passwords: Option<String>,
    /// Whether the front matter of Markdown becomes metadata; it does by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub front_matter: Option<bool>,
    /// Addresses to read, instead of a path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// The address of a sitemap whose pages are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sitemap: Option<String>,
    /// The address from which the links of the same site are followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crawl: Option<String>,
    /// How many links a crawl goes from its start; 5 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// How many pages of a site are read; 1,000 by default for a crawl, all that it lists for a sitemap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pages: Option<u64>,
    /// The time between two requests to a host, such as `500ms`; what robots.txt asks for goes before a shorter one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<String>,
    /// Hosts that may be reached although their addresses are private.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_hosts: Vec<String>,
    /// Private networks that may be reached, such as `10.0.0.0/8`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_cidrs: Vec<String>,
    /// Request headers whose values are in environment variables: `{ Authorization = "DOCS_TOKEN" }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub header_env: BTreeMap<String, String>,
    /// Request headers whose values are in files, relative to this file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub header_file: BTreeMap<String, String>,
    /// The values of its request headers, by their names.
    #[serde(skip)]
    pub headers: Vec<(String, Secret)>,
    /// The files of a list, relative to `base`; `path` then only names the source.
    #[serde(skip)]
    pub files: Option<Vec<String>>,
    /// The directory that paths are relative to.
    #[serde(skip)]
    pub base: PathBuf,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a source's path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file or directory.
    Path(PathBuf),
    /// The files of a list, as they were written.
    List(Vec<String>),
    /// The files below a directory that match a pattern.
    Glob {
        /// The directory above the first wildcard.
        base: PathBuf,
        /// The pattern below it.
        pattern: String,
    },
}

impl SourceSpec {
    /// Describes a source by its path alone.
    pub fn of_path(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            ..Self::default()
        }
    }

    /// The source's id: the one given, else the last part of its path without wildcards.
    pub fn id(&self) -> &str {
        match self.path.as_str() {
            _ if !self.id.is_empty() => &self.id,
            "" => self.addresses().next().map_or("source", |url| host(url)),
            "-" => "stdin",
            path => path
                .split('/')
                .rfind(|part| !matches!(*part, "" | "." | "..") && !part.contains(WILDCARDS))
                .map_or("source", |part| {
                    part.rsplit_once('.').map_or(part, |(stem, _)| stem)
                }),
        }
    }

    /// Whether fields of records are mapped, so that the source holds records whatever its name.
    pub(super) fn maps_fields(&self) -> bool {
        self.fields() != Fields::default()
    }

    /// Which fields of its records are what.
    pub(super) fn fields(&self) -> Fields {
        Fields {
            id: self.id_field.clone(),
            title: self.title_field.clone(),
            text: self.text_field.clone(),
            uri: self.uri_field.clone(),
            metadata: self.metadata_fields.clone(),
        }
    }

    /// The addresses that it names, where it is a source of the web.
    pub fn addresses(&self) -> impl Iterator<Item = &String> {
        self.urls.iter().chain(&self.sitemap).chain(&self.crawl)
    }

    /// Whether its documents are fetched.
    pub fn is_web(&self) -> bool {
        self.addresses().next().is_some()
    }

    /// Checks that it names one place to read from, and nothing that place has no use for.
    pub fn check(&self) -> Result<(), Error> {
        let places = [
            (!self.path.is_empty() || self.files.is_some(), "path"),
            (!self.urls.is_empty(), "urls"),
            (self.sitemap.is_some(), "sitemap"),
            (self.crawl.is_some(), "crawl"),
        ];
        let named: Vec<&str> = places
            .iter()
            .filter(|(named, _)| *named)
            .map(|(_, key)| *key)
            .collect();
        let wrong = |problem: String, hint: &'static str| Error::Source {
            id: self.id().to_owned(),
            problem,
            hint,
        };
        match named.as_slice() {
            [_] => {}
            [] => {
                let problem = "names no `path`, `urls`, `sitemap` or `crawl`";
                return Err(wrong(problem.into(), "Give it exactly one of them."));
            }
            [first, second, ..] => {
                let problem = format!("names both `{first}` and `{second}`");
                return Err(wrong(problem, "Give it exactly one of them."));
            }
        }
        let (is_web, is_site) = (
            self.is_web(),
            self.sitemap.is_some() || self.crawl.is_some(),
        );
        let useless = [
            (
                self.depth.is_some() && self.crawl.is_none(),
                "depth",
                "a crawl",
            ),
            (
                self.max_pages.is_some() && !is_site,
                "max_pages",
                "a sitemap or a crawl",
            ),
            (
                self.delay.is_some() && !is_web,
                "delay",
                "a source of the web",
            ),
            (
                !self.allow_hosts.is_empty() && !is_web,
                "allow_hosts",
                "a source of the web",
            ),
            (
                !self.allow_cidrs.is_empty() && !is_web,
                "allow_cidrs",
                "a source of the web",
            ),
            (
                !self.header_env.is_empty() && !is_web,
                "header_env",
                "a source of the web",
            ),
            (
                !self.header_file.is_empty() && !is_web,
                "header_file",
                "a source of the web",
            ),
        ];
        match useless.into_iter().find(|(is, ..)| *is) {
            None => Ok(()),
            Some((_, key, of)) => Err(wrong(
                format!("sets `{key}`, which only {of} has a use for"),
                "Take it out.",
            )),
        }
    }

    /// How its documents are read. Passwords come from their file.
    pub fn options(&self) -> Result<Options, Error> {
        let passwords = match &self.pdf_passwords {
            None => Vec::new(),
            Some(file) => {
                let path = self.base.join(file);
                let text = std::fs::read_to_string(&path).context(&path)?;
                text.lines()
                    .map(str::to_owned)
                    .filter(|line| !line.is_empty())
                    .collect()
            }
        };
        Ok(Options {
            html: self.html.clone(),
            passwords,
            keep_front_matter: self.front_matter == Some(false),
            fields: self.fields(),
        })
    }

    /// Reads the path's meaning.
    pub fn input(&self) -> Input {
        if let Some(files) = &self.files {
            return Input::List(files.clone());
        }
        if self.path == "-" {
            return Input::Stdin;
        }
        let path = self.base.join(&self.path);
        if !self.path.contains(WILDCARDS) || path.exists() {
            return Input::Path(path);
        }
        let (fixed, pattern): (Vec<_>, Vec<_>) = {
            let parts: Vec<&str> = self.path.split('/').collect();
            let first = parts
                .iter()
                .position(|part| part.contains(WILDCARDS))
                .unwrap_or(0);
            let (fixed, pattern) = parts.split_at(first);
            (fixed.to_vec(), pattern.to_vec())
        };
        let prefix = if self.path.starts_with('/') && fixed.len() <= 1 {
            "/".into()
        } else {
            fixed.join("/")
        };
        Input::Glob {
            base: self.base.join(prefix),
            pattern: pattern.join("/"),
        }
    }
}

/// Takes the host out of an address, for a name; what is no address is judged where it is fetched.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    host.split(':')
        .next()
        .filter(|host| !host.is_empty())
        .unwrap_or("source")
}

const WILDCARDS: [char; 4] = ['*', '?', '[', '{'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_gives_the_id_and_the_input() {
        let id = |path: &str| SourceSpec::of_path(path).id().to_owned();
        assert_eq!(
            (
                id("docs/").as_str(),
                id("a/tickets.jsonl").as_str(),
                id("docs/**/*.md").as_str()
            ),
            ("docs", "tickets", "docs")
        );
        assert_eq!((id("-").as_str(), id(".").as_str()), ("stdin", "source"));
        let glob = |path: &str| SourceSpec::of_path(path).input();
        assert_eq!(
            glob("no/where/**/*.md"),
            Input::Glob {
                base: "no/where".into(),
                pattern: "**/*.md".into()
            }
        );
        assert_eq!(
            glob("/*.nothing"),
            Input::Glob {
                base: "/".into(),
                pattern: "*.nothing".into()
            }
        );
    }
}
