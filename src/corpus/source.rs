//! A source as the user describes it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Metadata;

/// Where documents come from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSpec {
    /// Names the source; by default the last part of its path. Ids must differ.
    #[serde(default)]
    pub id: String,
    /// A directory, file or glob, relative to this file; `-` is standard input.
    pub path: String,
    /// Globs of the files to read in a directory, such as `**/*.md`; all known formats by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Globs of the files to leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Static metadata for every document of the source.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// JSON Lines: the field that holds the document's id; `_id` or `id` by default, else the line number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_field: Option<String>,
    /// JSON Lines: the field that holds the title, which is put before the text; `title` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title_field: Option<String>,
    /// JSON Lines: the field that holds the text; `text` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_field: Option<String>,
    /// JSON Lines: the field that holds the address to cite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri_field: Option<String>,
    /// JSON Lines: fields that become metadata columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metadata_fields: Vec<String>,
    /// The files of a list, relative to `base`; `path` then only names the source.
    #[serde(skip)]
    pub files: Option<Vec<String>>,
    /// The directory that paths are relative to.
    #[serde(skip)]
    pub base: PathBuf,
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
    pub fn maps_fields(&self) -> bool {
        let fields = [
            &self.id_field,
            &self.title_field,
            &self.text_field,
            &self.uri_field,
        ];
        fields.iter().any(|field| field.is_some()) || !self.metadata_fields.is_empty()
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
