//! The web: lists of URLs, sitemaps and crawls of one site, fetched politely, only from where a stranger may look, and only
//! what changed.
//!
//! - `guard`, `ranges`: which servers may be spoken to · `transport`: one request · `client`, `reply`: tries, redirects,
//!   pauses · `robots` · `media`: which types are taken
//! - `visit`: one page · `crawl`, `sitemap`: which pages · `site`: one spelling a URL
//! - `secret`, `name`: what people may see of a URL

mod client;
mod crawl;
mod guard;
mod media;
mod name;
mod ranges;
mod reply;
mod robots;
mod secret;
mod site;
pub(super) mod sitemap;
#[cfg(test)]
mod tests;
mod transport;
mod visit;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use self::client::Client;
use self::crawl::Bounds;
use self::guard::{Guard, Refused};
use self::name::Found;
use self::site::Scope;
use self::visit::{Purpose, Reader, Visitor};
use super::{Format, Worker};
use crate::digest::Digest;
use crate::durable::{Context as _, PathError};
use crate::fault::{Fault, Kind};
use crate::progress::{Interrupted, Progress};

pub(super) use guard::parse_cidr;
pub use secret::{Secret, redact};
pub(super) use sitemap::Sitemap;

/// Links from the start that a crawl follows unless told otherwise.
pub(super) const DEPTH: usize = 5;
/// Pages that a crawl visits unless told otherwise.
pub(super) const MAX_PAGES: usize = 1_000;

/// What is fetched, and how.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    /// Which pages.
    pub pages: Pages,
    /// Pages at most: of a crawl [`MAX_PAGES`] where it is not said, of a sitemap all that it may list.
    pub max_pages: Option<usize>,
    /// Globs over the path of pages that are read, all by default. Of a crawl nothing else is requested but its start.
    pub include: Vec<String>,
    /// Globs over the path of pages that are not requested.
    pub exclude: Vec<String>,
    /// Hosts that may be asked though they are private.
    pub allow_hosts: Vec<String>,
    /// Addresses that may be connected to though they are private.
    pub allow_cidrs: Vec<IpNet>,
    /// Between two requests to a host; a site may ask for more.
    pub delay: Option<Duration>,
    /// Headers that the configured URLs' own origins get, and no other.
    pub headers: Vec<(String, Secret)>,
}

/// Which pages are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pages {
    /// These.
    Urls(Vec<String>),
    /// What a sitemap, or an index of sitemaps, lists of its own site.
    Sitemap(String),
    /// What a page leads to on its own site: the same scheme, host and port.
    Crawl {
        /// The first page.
        start: String,
        /// Links from there.
        depth: usize,
    },
}

impl Default for Pages {
    fn default() -> Self {
        Self::Urls(Vec::new())
    }
}

/// What was learnt of a source's pages at earlier runs, by the names of pages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Each page that was read, by its name.
    pub pages: BTreeMap<String, Visited>,
}

/// What was learnt of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visited {
    /// The server's mark of its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// When it last changed, as the server says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// The hash of its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// Its type.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub content_type: String,
    /// The encoding that the server declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
    /// Where redirects led.
    pub final_url: String,
    /// The paths on its site that it points to, where they are known and hold no secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<Vec<String>>,
    /// When it was last seen.
    pub checked: Timestamp,
}

impl Visited {
    /// Says whether two visits found the same.
    fn says_the_same(&self, other: &Self) -> bool {
        self.sha256 == other.sha256
            && self.content_type == other.content_type
            && self.charset == other.charset
    }
}

impl Memory {
    /// Forgets how to tell that a page did not change, for all pages but those that `is_at_hand` says the text of is still
    /// known. The others are then fetched whole.
    pub fn refetch_unless(&mut self, is_at_hand: impl Fn(&str, &Visited) -> bool) {
        for (name, visited) in &mut self.pages {
            if !is_at_hand(name, visited) {
                visited.etag = None;
                visited.last_modified = None;
                visited.sha256 = None;
            }
        }
    }
}

/// What a source's pages gave.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    /// The source's documents, in the order of the list or else by URL.
    pub pages: Vec<Page>,
    /// Whether these are all there are: only then is a page that is not among them gone.
    pub complete: bool,
    /// Why there may be more, as clauses.
    pub shortfalls: Vec<String>,
    /// Pages that were met and are none of the source's documents.
    pub left_out: Vec<LeftOut>,
    /// What to hand in at the next run.
    pub memory: Memory,
}

/// One document of the web.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// Its id and address: what people may see of its URL.
    pub url: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its bytes are new.
    New {
        /// Where they lie.
        file: PathBuf,
        /// How many they are.
        bytes: u64,
        /// Their hash.
        sha256: Digest,
        /// Their format, where the server told it.
        format: Option<Format>,
        /// The encoding that the server declared.
        charset: Option<String>,
        /// A file name that says what else is known of the format.
        name: String,
    },
    /// It is as it was at the last run.
    NotModified,
    /// It was read before, or found somewhere, and is no more; why, as a clause.
    Gone(String),
    /// It could not be had this time; why, as a clause. The last good copy stays.
    Failed(String),
}

/// A page that is none of a source's documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// What people may see of its URL.
    pub url: String,
    /// Why, as a clause.
    pub reason: String,
}

/// A source of the web that cannot be fetched at all. A page that cannot is an [`Outcome`] instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A URL cannot be read.
    #[error("the URL `{url}` cannot be read: {problem}")]
    BadUrl {
        /// What people may see of it.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A URL has a user's name or password in it.
    #[error("the URL {url} is written with a user name or password")]
    Credentials {
        /// What people may see of it.
        url: String,
    },
    /// The guard refuses the URL that everything begins with.
    #[error("{url} is refused: {why}")]
    Refused {
        /// What people may see of it.
        url: String,
        /// Why.
        why: Refused,
    },
    /// The site refuses the URL that everything begins with.
    #[error("the robots.txt of its site disallows {url}")]
    Robots {
        /// What people may see of it.
        url: String,
    },
    /// A header cannot be sent.
    #[error("the header `{name}` {problem}")]
    BadHeader {
        /// Its name.
        name: String,
        /// What is wrong with it, as a clause.
        problem: &'static str,
    },
    /// A pattern is not a glob.
    #[error(transparent)]
    Glob(#[from] globset::Error),
    /// No request can be made on this machine.
    #[error("the HTTP client cannot start: {0}")]
    Client(String),
    /// The filesystem said no.
    #[error(transparent)]
    Io(#[from] PathError),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::BadUrl { .. }
            | Self::Credentials { .. }
            | Self::Refused { .. }
            | Self::BadHeader { .. }
            | Self::Glob(_) => Kind::Usage,
            Self::Robots { .. } | Self::Client(_) => Kind::Failed,
            Self::Io(e) => e.kind(),
            Self::Interrupted(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::BadUrl { .. } => Some("Write it whole, such as https://example.com/docs/.".into()),
            Self::Credentials { .. } => Some(
                "Take them out of it, and hand them over as a header: --header-env Authorization=VARIABLE.".into(),
            ),
            Self::Refused { .. } => {
                Some("By default only servers that everybody can reach are asked.".into())
            }
            Self::Robots { .. } => Some("Ask the site's owner for an export, or to allow ragctl.".into()),
            Self::Io(e) => e.hint(),
            Self::Interrupted(e) => e.hint(),
            Self::BadHeader { .. } | Self::Glob(_) | Self::Client(_) => None,
        }
    }
}

/// Fetches a source's pages. What is new lies below `spool` afterwards.
pub(super) fn fetch(
    plan: &Plan,
    memory: &Memory,
    worker: &mut Worker,
    spool: &Path,
    progress: &dyn Progress,
) -> Result<Fetched, Error> {
    fetch_with(plan, memory, worker, spool, progress)
}

fn fetch_with(
    plan: &Plan,
    memory: &Memory,
    reader: &mut dyn Reader,
    spool: &Path,
    progress: &dyn Progress,
) -> Result<Fetched, Error> {
    let urls = match &plan.pages {
        Pages::Urls(urls) => urls.iter().map(|url| site::configured(url)).collect(),
        Pages::Sitemap(start) | Pages::Crawl { start, .. } => {
            site::configured(start).map(|url| vec![url])
        }
    }?;
    let scope = Scope::new(&plan.include, &plan.exclude)?;
    let guard = Arc::new(Guard::new(&plan.allow_hosts, &plan.allow_cidrs));
    let client = Client::new(
        Arc::clone(&guard),
        plan.delay,
        &plan.headers,
        &urls,
        progress,
    )?;
    fs::create_dir_all(spool).context(spool)?;
    let mut visitor = Visitor::new(client, reader, memory, spool, progress);
    match (&plan.pages, urls.first()) {
        (Pages::Urls(_), _) => list(&mut visitor, &urls)?,
        (Pages::Sitemap(_), Some(start)) => {
            visitor.admit(&guard, start)?;
            listed(&mut visitor, start, &scope, plan.max_pages)?;
        }
        (Pages::Crawl { depth, .. }, Some(start)) => {
            visitor.admit(&guard, start)?;
            let bounds = Bounds {
                scope: &scope,
                depth: *depth,
                max_pages: plan.max_pages.unwrap_or(MAX_PAGES),
            };
            crawl::run(&mut visitor, start, &bounds)?;
        }
        (Pages::Sitemap(_) | Pages::Crawl { .. }, None) => {}
    }
    let mut fetched = visitor.finish();
    if !matches!(plan.pages, Pages::Urls(_)) {
        fetched.pages.sort_by(|a, b| a.url.cmp(&b.url));
        fetched.left_out.sort_by(|a, b| a.url.cmp(&b.url));
    }
    Ok(fetched)
}

/// Visits the URLs of a list, each once.
fn list(visitor: &mut Visitor<'_>, urls: &[Url]) -> Result<(), Error> {
    let mut once: Vec<Url> = Vec::new();
    for url in urls {
        if !once.contains(url) {
            once.push(url.clone());
        }
    }
    let purpose = Purpose {
        found: Found::Configured,
        keep: true,
        follow: None,
    };
    for (url, name) in once.iter().zip(name::of_list(&once)) {
        visitor.visit(url, name, purpose)?;
    }
    Ok(())
}

/// Visits the pages of a sitemap.
fn listed(
    visitor: &mut Visitor<'_>,
    start: &Url,
    scope: &Scope,
    max_pages: Option<usize>,
) -> Result<(), Error> {
    let pages = sitemap::collect(visitor, start)?;
    let mut pages = pages.iter().filter(|page| scope.holds(page));
    let purpose = Purpose {
        found: Found::OnAPage,
        keep: true,
        follow: None,
    };
    let max_pages = max_pages.unwrap_or(usize::MAX);
    for page in pages.by_ref().take(max_pages) {
        visitor.visit(page, name::of(page, Found::OnAPage), purpose)?;
    }
    if pages.next().is_some() {
        visitor.fall_short(format!("only {max_pages} pages are visited"));
    }
    Ok(())
}
