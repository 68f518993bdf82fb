//! The sources that a command line names, and the secrets that sources need.

use std::collections::{BTreeMap, HashSet};
use std::env;
use std::io::{self, Read as _};
use std::path::PathBuf;

use clap::Args;

use super::super::context::{Context, duration};
use super::super::error::CliError;
use crate::corpus::{HtmlMode, Secret, SourceSpec, Value};
use crate::durable::{Context as _, PathError};

/// What is read.
#[derive(Debug, Args)]
pub(in crate::cli) struct SourceArgs {
    /// Directories, files, globs or addresses; `-` is standard input. `{name}` in a glob makes that part metadata
    paths: Vec<String>,
    /// Read paths and addresses from this file, one a line; `-` is standard input
    #[arg(long, value_name = "FILE")]
    files_from: Option<PathBuf>,
    /// Read only what matches, in directories and sites
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    include: Vec<String>,
    /// Leave out what matches, in directories and sites
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    exclude: Vec<String>,
    /// A metadata value for every document
    #[arg(long, value_name = "KEY=VALUE", value_parser = metadata)]
    metadata: Vec<(String, Value)>,
    /// Records: the field that holds the id
    #[arg(long, value_name = "FIELD")]
    id_field: Option<String>,
    /// Records: the field that holds the title
    #[arg(long, value_name = "FIELD")]
    title_field: Option<String>,
    /// Records: the field that holds the text
    #[arg(long, value_name = "FIELD")]
    text_field: Option<String>,
    /// Records: the field that holds the address to cite
    #[arg(long, value_name = "FIELD")]
    uri_field: Option<String>,
    /// Records: fields that become metadata columns
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    metadata_field: Vec<String>,
    #[command(flatten)]
    pages: PageArgs,
    #[command(flatten)]
    web: WebArgs,
}

/// How documents are read, for every command that reads some.
#[derive(Debug, Default, Args)]
pub(in crate::cli) struct PageArgs {
    /// What is taken of a web page: `auto`, `main`, `full` or `css:SELECTOR`
    #[arg(long, value_name = "MODE")]
    html: Option<HtmlMode>,
    /// Passwords for encrypted PDFs, one a line
    #[arg(long, value_name = "FILE")]
    pdf_passwords: Option<PathBuf>,
}

/// What is fetched, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "The web")]
struct WebArgs {
    /// Read the pages of a sitemap
    #[arg(long, value_name = "URL")]
    sitemap: Vec<String>,
    /// Follow links from here within the site
    #[arg(long, value_name = "URL")]
    crawl: Vec<String>,
    /// Links that a crawl goes from its start
    #[arg(long, value_name = "N")]
    depth: Option<u32>,
    /// Pages that are read of a site
    #[arg(long, value_name = "N")]
    max_pages: Option<u64>,
    /// Time between two requests to a host
    #[arg(long, value_name = "DURATION", value_parser = checked_duration)]
    delay: Option<String>,
    /// Reach this host although its addresses are private
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
    /// Reach this private network
    #[arg(long, value_name = "CIDR")]
    allow_cidr: Vec<String>,
    /// A request header whose value is in an environment variable
    #[arg(long, value_name = "NAME=VARIABLE", value_parser = pair)]
    header_env: Vec<(String, String)>,
    /// A request header whose value is in a file
    #[arg(long, value_name = "NAME=FILE", value_parser = pair)]
    header_file: Vec<(String, String)>,
}

impl PageArgs {
    /// Gives a source what was asked for.
    pub(in crate::cli) fn apply(&self, source: &mut SourceSpec) {
        source.html = self.html.clone().unwrap_or_default();
        source.pdf_passwords = self
            .pdf_passwords
            .as_ref()
            .map(|file| file.to_string_lossy().into_owned());
    }
}

impl SourceArgs {
    /// The sources that the command line names: one a path, one for each site, and those of a list.
    pub(super) fn specs(&self, context: &Context<'_>) -> Result<Vec<SourceSpec>, CliError> {
        let web = &self.web;
        let sitemaps = web.sitemap.iter().map(|url| SourceSpec {
            sitemap: Some(url.clone()),
            ..SourceSpec::default()
        });
        let crawls = web.crawl.iter().map(|url| SourceSpec {
            crawl: Some(url.clone()),
            ..SourceSpec::default()
        });
        let named = self.paths.iter().map(|path| match is_address(path) {
            true => of_urls(vec![path.clone()]),
            false => SourceSpec::of_path(path),
        });
        let listed = self.listed(context)?;
        let mut sources: Vec<SourceSpec> =
            named.chain(sitemaps).chain(crawls).chain(listed).collect();
        self.check_use(&sources)?;
        let mut ids = HashSet::new();
        for source in &mut sources {
            source.base = context.working_dir.clone();
            source.include = self.include.clone();
            source.exclude = self.exclude.clone();
            source.metadata = self.metadata.iter().cloned().collect();
            source.id_field = self.id_field.clone();
            source.title_field = self.title_field.clone();
            source.text_field = self.text_field.clone();
            source.uri_field = self.uri_field.clone();
            source.metadata_fields = self.metadata_field.clone();
            self.pages.apply(source);
            if source.is_web() {
                source.depth = web.depth.filter(|_| source.crawl.is_some());
                source.max_pages = web.max_pages.filter(|_| source.urls.is_empty());
                source.delay = web.delay.clone();
                source.allow_hosts = web.allow_host.clone();
                source.allow_cidrs = web.allow_cidr.clone();
                source.header_env = web.header_env.iter().cloned().collect();
                source.header_file = web.header_file.iter().cloned().collect();
            }
            // Ids must differ; a number tells apart what the last part of the path does not.
            let first = source.id().to_owned();
            source.id = first.clone();
            let mut number = 1;
            while !ids.insert(source.id.clone()) {
                number += 1;
                source.id = format!("{first}-{number}");
            }
        }
        Ok(sources)
    }

    /// Refuses options that would do nothing.
    fn check_use(&self, sources: &[SourceSpec]) -> Result<(), CliError> {
        let Self { pages, web, .. } = self;
        let of_the_web = !(web.depth.is_none()
            && web.max_pages.is_none()
            && web.delay.is_none()
            && web.allow_host.is_empty()
            && web.allow_cidr.is_empty()
            && web.header_env.is_empty()
            && web.header_file.is_empty());
        let lists = [&self.include, &self.exclude, &self.metadata_field];
        let fields = [
            &self.id_field,
            &self.title_field,
            &self.text_field,
            &self.uri_field,
        ];
        let of_sources = of_the_web
            || pages.html.is_some()
            || pages.pdf_passwords.is_some()
            || !self.metadata.is_empty()
            || lists.iter().any(|list| !list.is_empty())
            || fields.iter().any(|field| field.is_some());
        if sources.is_empty() && of_sources {
            return Err(CliError::usage(
                "options that describe a source need one that the command line names",
                "Name it, or set them for the [[source]] in ragctl.toml.",
            ));
        }
        if of_the_web && !sources.iter().any(SourceSpec::is_web) {
            return Err(CliError::usage(
                "options about the web need an address to fetch",
                "Name one, or --sitemap or --crawl.",
            ));
        }
        Ok(())
    }

    /// The sources of --files-from: one of files, one of addresses.
    fn listed(&self, context: &Context<'_>) -> Result<Vec<SourceSpec>, CliError> {
        let Some(list) = &self.files_from else {
            return Ok(Vec::new());
        };
        let text = if list.as_os_str() == "-" {
            let mut text = String::new();
            io::stdin()
                .read_to_string(&mut text)
                .context("standard input")?;
            text
        } else {
            let list = context.working_dir.join(list);
            let unusable = |e: PathError| {
                CliError::usage(
                    e.to_string(),
                    "--files-from takes a file of paths and addresses, one a line.",
                )
            };
            std::fs::read_to_string(&list)
                .context(&list)
                .map_err(unusable)?
        };
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let (urls, files): (Vec<String>, Vec<String>) =
            lines.map(str::to_owned).partition(|line| is_address(line));
        let mut sources = Vec::new();
        if !files.is_empty() || urls.is_empty() {
            let mut source = SourceSpec::of_path("files");
            source.files = Some(files);
            sources.push(source);
        }
        if !urls.is_empty() {
            sources.push(of_urls(urls));
        }
        Ok(sources)
    }
}

fn of_urls(urls: Vec<String>) -> SourceSpec {
    SourceSpec {
        urls,
        ..SourceSpec::default()
    }
}

/// Whether something is meant as an address: what fetches it says which schemes there are.
fn is_address(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// Gives a source the values of its request headers: from the environment or from files, never from an argument.
pub(super) fn with_secrets(source: &SourceSpec) -> Result<SourceSpec, CliError> {
    let mut headers: BTreeMap<String, Secret> = BTreeMap::new();
    for (name, variable) in &source.header_env {
        let value = env::var(variable).map_err(|_| {
            CliError::usage(
                format!(
                    "source `{}`: the variable {variable} for the header {name} is not set",
                    source.id()
                ),
                "Set it, or take the header out.",
            )
        })?;
        headers.insert(name.clone(), Secret::new(value));
    }
    for (name, file) in &source.header_file {
        let path = source.base.join(file);
        let value = std::fs::read_to_string(&path).context(&path).map_err(|e| {
            CliError::usage(
                format!("source `{}`: the header {name}: {e}", source.id()),
                "Name a file that holds the header's value.",
            )
        })?;
        headers.insert(name.clone(), Secret::new(value.trim_end().to_owned()));
    }
    let mut source = source.clone();
    source.headers = headers.into_iter().collect();
    Ok(source)
}

fn checked_duration(text: &str) -> Result<String, String> {
    duration(text).map(|_| text.to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("write NAME=WHERE".into()),
    }
}

fn metadata(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    let value = match (
        value.parse::<i64>(),
        value.parse::<f64>(),
        value.parse::<bool>(),
    ) {
        (Ok(number), ..) => Value::Integer(number),
        (_, Ok(number), _) if number.is_finite() => Value::Float(number),
        (.., Ok(boolean)) => Value::Boolean(boolean),
        _ => Value::Text(value.to_owned()),
    };
    Ok((key.to_owned(), value))
}
