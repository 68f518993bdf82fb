//! One page: asked for with what is known of it, put down for extraction where it is new, and what was learnt of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use url::{Position, Url};

use super::client::{Client, Redirects};
use super::guard::Guard;
use super::media::Media;
use super::name::{self, Found};
use super::reply::{DISALLOWED, Got, Reply, Validators, Want};
use super::robots::Verdict;
use super::sitemap::Sitemap;
use super::{Error, Fetched, LeftOut, Memory, Outcome, Page, Visited, secret, site};
use crate::corpus::Worker;
use crate::digest::Digest;
use crate::durable::Context as _;
use crate::progress::{Progress, Stage};

/// Bytes that one source may put down in one run.
const MAX_SPOOLED: u64 = 8 << 30;
/// Links of one page that are followed.
const MAX_LINKS: usize = 10_000;
/// Bytes of links that are remembered of one source. Where they are not, a page is fetched whole the next time.
const MAX_REMEMBERED: usize = 64 << 20;
/// Pages that are told of though they are left out.
const MAX_TOLD: usize = 10_000;
/// Reasons for an incomplete listing that are told.
const MAX_REASONS: usize = 20;

/// What parses pages: a worker process, since what they hold is not trusted.
pub(super) trait Reader {
    /// The addresses that a page points to.
    fn links(
        &mut self,
        page: &[u8],
        base: &str,
        charset: Option<&str>,
    ) -> Result<Vec<String>, String>;

    /// What a sitemap lists.
    fn sitemap(&mut self, bytes: &[u8]) -> Result<Sitemap, String>;
}

impl Reader for Worker {
    fn links(
        &mut self,
        page: &[u8],
        base: &str,
        charset: Option<&str>,
    ) -> Result<Vec<String>, String> {
        Self::links(self, page, base, charset)
    }

    fn sitemap(&mut self, bytes: &[u8]) -> Result<Sitemap, String> {
        Self::sitemap(self, bytes)
    }
}

/// What is done with a page beside fetching it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purpose<'a> {
    pub(super) found: Found,
    /// Whether it is a document of the source.
    pub(super) keep: bool,
    /// The site whose links are followed. Redirects then are links, too.
    pub(super) follow: Option<&'a Url>,
}

/// Where a page leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// To these pages of its site.
    Links(Vec<Url>),
    /// To one in its place.
    Moved(Url),
    /// Its site does not want it read, so it was not asked for.
    Unasked,
    /// Nobody knows, and it may be more.
    Unknown,
}

/// Goes from page to page.
pub(super) struct Visitor<'a> {
    client: Client<'a>,
    reader: &'a mut dyn Reader,
    memory: &'a Memory,
    spool: &'a Path,
    stage: Box<dyn Stage + 'a>,
    fetched: Fetched,
    spooled: u64,
    files: usize,
    room: Room,
}

/// Bytes of links that may yet be remembered: they are as many as a site likes.
#[derive(Debug)]
struct Room(usize);

impl<'a> Visitor<'a> {
    pub(super) fn new(
        client: Client<'a>,
        reader: &'a mut dyn Reader,
        memory: &'a Memory,
        spool: &'a Path,
        progress: &'a dyn Progress,
    ) -> Self {
        Self {
            client,
            reader,
            memory,
            spool,
            stage: progress.stage("fetch", None, "pages"),
            fetched: Fetched {
                complete: true,
                ..Fetched::default()
            },
            spooled: 0,
            files: 0,
            room: Room(MAX_REMEMBERED),
        }
    }

    /// Fails where nothing can come of a start that is refused as it stands.
    pub(super) fn admit(&mut self, guard: &Guard, start: &Url) -> Result<(), Error> {
        let url = || secret::public(start);
        guard
            .check(start)
            .map_err(|why| Error::Refused { url: url(), why })?;
        match self.client.judge(start)? {
            Verdict::Disallowed => Err(Error::Robots { url: url() }),
            Verdict::Refused(why) => Err(Error::Refused { url: url(), why }),
            Verdict::Allowed | Verdict::Unknown(_) => Ok(()),
        }
    }

    /// Visits a page under the name that people know it by.
    pub(super) fn visit(
        &mut self,
        url: &Url,
        name: String,
        purpose: Purpose<'_>,
    ) -> Result<Leads, Error> {
        if self.spooled >= MAX_SPOOLED {
            let reason = format!("is not read: {} GiB of one source are", MAX_SPOOLED >> 30);
            self.end(name, Outcome::Failed(reason));
            return Ok(Leads::Unknown);
        }
        let known = self.memory.pages.get(&name);
        // A page that did not change leads where it led, which somebody must have written down.
        let leads = |known: &&Visited| purpose.follow.is_none() || known.links.is_some();
        let redirects = match purpose.follow {
            Some(_) => Redirects::Report,
            None => Redirects::Follow,
        };
        self.stage.at(&name);
        let reply = self
            .client
            .get(url, Want::Document, redirects, known.filter(leads))?;
        self.stage.advance(1);
        let failed = |reason: String| Outcome::Failed(reason);
        let (outcome, leads) = match reply {
            Reply::Got(got) => return self.got(name, *got, purpose),
            Reply::NotModified(validators) => {
                return Ok(self.not_modified(name, validators, purpose));
            }
            Reply::Moved(to) => return Ok(Leads::Moved(to)),
            Reply::OtherType(reason) if purpose.found == Found::OnAPage && known.is_none() => {
                self.leave_out(name, reason);
                return Ok(Leads::nowhere());
            }
            Reply::Disallowed if purpose.found == Found::OnAPage && known.is_none() => {
                self.leave_out(name, DISALLOWED.into());
                return Ok(Leads::Unasked);
            }
            // Nothing is gone that never was: then the list is wrong.
            Reply::Gone(reason) if purpose.found == Found::Configured && known.is_none() => {
                (failed(reason), Leads::nowhere())
            }
            Reply::Gone(reason) => (Outcome::Gone(reason), Leads::nowhere()),
            // What was read before is not gone for that, nor is what it led to.
            Reply::OtherType(reason) if known.is_some() => (failed(reason), Leads::Unknown),
            Reply::Disallowed if known.is_some() => (failed(DISALLOWED.into()), Leads::Unknown),
            Reply::OtherType(reason) => (failed(reason), Leads::nowhere()),
            Reply::Disallowed => (failed(DISALLOWED.into()), Leads::Unasked),
            Reply::Refused(refused) => (failed(format!("is refused: {refused}")), Leads::Unknown),
            // What was never read has not led to anything that is known.
            Reply::Denied(status, reason) if status.is_client_error() && known.is_none() => {
                (failed(reason), Leads::nowhere())
            }
            Reply::Denied(_, reason) | Reply::Failed(reason) => (failed(reason), Leads::Unknown),
        };
        self.end(name, outcome);
        Ok(leads)
    }

    /// Fetches and reads a sitemap, and says where it was in the end. One that cannot be read is a page that failed, and leaves the listing incomplete.
    pub(super) fn sitemap(&mut self, url: &Url) -> Result<Option<(Url, Sitemap)>, Error> {
        let reply = self
            .client
            .get(url, Want::Sitemap, Redirects::Follow, None)?;
        let read = match reply {
            Reply::Got(got) => self
                .reader
                .sitemap(&got.bytes)
                .map(|sitemap| (got.url, sitemap)),
            Reply::Refused(refused) => Err(format!("is refused: {refused}")),
            Reply::Disallowed => Err(DISALLOWED.into()),
            Reply::Gone(reason)
            | Reply::OtherType(reason)
            | Reply::Denied(_, reason)
            | Reply::Failed(reason) => Err(reason),
            Reply::NotModified(_) | Reply::Moved(_) => Err("has no content".into()),
        };
        match read {
            Ok(found) => Ok(Some(found)),
            Err(reason) => {
                let name = name::of(url, Found::Configured);
                self.fall_short(format!("{name} {reason}"));
                self.end(name, Outcome::Failed(reason));
                Ok(None)
            }
        }
    }

    /// Notes a page that is none of the source's documents.
    pub(super) fn leave_out(&mut self, name: String, reason: String) {
        let left_out = &mut self.fetched.left_out;
        if left_out.len() < MAX_TOLD {
            left_out.push(LeftOut { url: name, reason });
        }
    }

    /// Notes a page that is none of the source's documents, unless it was one: then nothing shows that it is no more.
    pub(super) fn turn_away(&mut self, name: String, reason: String) -> Leads {
        if self.remembers(&name) {
            self.end(name, Outcome::Failed(reason));
            return Leads::Unknown;
        }
        self.leave_out(name, reason);
        Leads::nowhere()
    }

    /// Notes why there may be pages that nobody saw.
    pub(super) fn fall_short(&mut self, reason: String) {
        self.fetched.complete = false;
        let reasons = &mut self.fetched.shortfalls;
        if reasons.len() < MAX_REASONS && !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }

    /// Says whether a page came to nothing in this run.
    pub(super) fn lost(&self, name: &str) -> bool {
        let page = self.fetched.pages.iter().rfind(|page| page.url == name);
        page.is_some_and(|page| matches!(page.outcome, Outcome::Failed(_) | Outcome::Gone(_)))
    }

    /// Says whether a page was read at an earlier run.
    pub(super) fn remembers(&self, name: &str) -> bool {
        self.memory.pages.contains_key(name)
    }

    /// Gives what was fetched, and remembers of earlier runs what was not disproved.
    pub(super) fn finish(self) -> Fetched {
        let mut room = self.room;
        let mut fetched = self.fetched;
        let mut failed = BTreeSet::new();
        let mut gone = BTreeSet::new();
        for page in &fetched.pages {
            match page.outcome {
                Outcome::Failed(_) => failed.insert(page.url.as_str()),
                Outcome::Gone(_) => gone.insert(page.url.as_str()),
                Outcome::New { .. } | Outcome::NotModified => false,
            };
        }
        for (name, visited) in &self.memory.pages {
            let name = name.as_str();
            if failed.contains(name) || !fetched.complete && !gone.contains(name) {
                let pages = &mut fetched.memory.pages;
                pages.entry(name.to_owned()).or_insert_with(|| Visited {
                    links: room.take(visited.links.clone()),
                    ..visited.clone()
                });
            }
        }
        fetched
    }

    fn got(&mut self, name: String, got: Got, purpose: Purpose<'_>) -> Result<Leads, Error> {
        let taken = match got.media.take(&got.url) {
            Ok(taken) => taken,
            Err(reason) => {
                self.end(name, Outcome::Failed(reason));
                return Ok(Leads::nowhere());
            }
        };
        let mut visited = Visited {
            etag: got.validators.etag,
            last_modified: got.validators.last_modified,
            sha256: Some(Digest::of(&got.bytes)),
            content_type: got.media.essence.clone(),
            charset: got.media.charset.clone(),
            final_url: secret::public(&got.url),
            links: None,
            checked: Timestamp::now(),
        };
        let mut leads = Leads::nowhere();
        if let Some(site) = purpose.follow {
            let whole;
            (leads, whole) = self.links(&name, &got.bytes, &got.media, &got.url, site);
            // A part would pass for all of them when the page did not change.
            let written = leads.written().filter(|_| whole);
            visited.links = self.room.take(written);
        }
        if purpose.keep {
            let known = self.memory.pages.get(&name);
            let outcome = match known.is_some_and(|known| known.says_the_same(&visited)) {
                true => Outcome::NotModified,
                false => Outcome::New {
                    file: self.spool(&got.bytes)?,
                    bytes: got.bytes.len() as u64,
                    sha256: Digest::of(&got.bytes),
                    format: taken.format,
                    charset: got.media.charset,
                    name: taken.name,
                },
            };
            self.end(name.clone(), outcome);
        }
        self.fetched.memory.pages.insert(name, visited);
        Ok(leads)
    }

    fn not_modified(&mut self, name: String, now: Validators, purpose: Purpose<'_>) -> Leads {
        let Some(mut visited) = self.memory.pages.get(&name).cloned() else {
            return Leads::Unknown;
        };
        visited.etag = now.etag.or(visited.etag);
        visited.last_modified = now.last_modified.or(visited.last_modified);
        visited.checked = Timestamp::now();
        let leads = purpose.follow.map_or_else(Leads::nowhere, |site| {
            Leads::read(visited.links.as_deref().unwrap_or_default(), site)
        });
        visited.links = self.room.take(visited.links);
        if purpose.keep {
            self.end(name.clone(), Outcome::NotModified);
        }
        self.fetched.memory.pages.insert(name, visited);
        leads
    }

    /// The pages of its site that a page points to, and whether these are all.
    fn links(
        &mut self,
        name: &str,
        page: &[u8],
        media: &Media,
        base: &Url,
        site: &Url,
    ) -> (Leads, bool) {
        if !media.is_page() {
            return (Leads::nowhere(), true);
        }
        match self
            .reader
            .links(page, base.as_str(), media.charset.as_deref())
        {
            Ok(links) => {
                // All count, those to other sites among them: whoever read them stopped at so many.
                let whole = links.len() <= MAX_LINKS;
                if !whole {
                    self.fall_short(format!("only {MAX_LINKS} links of {name} are followed"));
                }
                let links = links.iter().take(MAX_LINKS);
                let links = links.filter_map(|link| site::found(Url::parse(link).ok()?));
                let links: BTreeSet<Url> =
                    links.filter(|link| site::same_site(link, site)).collect();
                (Leads::Links(links.into_iter().collect()), whole)
            }
            Err(reason) => {
                self.fall_short(format!("the links of {name} cannot be read: it {reason}"));
                (Leads::Unknown, false)
            }
        }
    }

    fn spool(&mut self, bytes: &[u8]) -> Result<PathBuf, Error> {
        let path = self.spool.join(format!("page-{:06}", self.files));
        fs::write(&path, bytes).context(&path)?;
        self.files += 1;
        self.spooled += bytes.len() as u64;
        Ok(path)
    }

    /// Notes what became of a page.
    pub(super) fn end(&mut self, url: String, outcome: Outcome) {
        self.fetched.pages.push(Page { url, outcome });
    }
}

impl Room {
    /// Gives links back where there is room for them.
    fn take(&mut self, links: Option<Vec<String>>) -> Option<Vec<String>> {
        let links = links?;
        let bytes = links.iter().map(|link| size_of::<String>() + link.len());
        self.0 = self.0.checked_sub(bytes.sum())?;
        Some(links)
    }
}

impl Leads {
    fn nowhere() -> Self {
        Self::Links(Vec::new())
    }

    /// The links as they are remembered: paths, or nothing at all where one of them holds a secret.
    fn written(&self) -> Option<Vec<String>> {
        let Self::Links(links) = self else {
            return None;
        };
        let path = |link: &Url| {
            (!secret::has_secret(link)).then(|| link[Position::BeforePath..].to_owned())
        };
        links.iter().map(path).collect()
    }

    /// Reads links that were remembered.
    fn read(paths: &[String], site: &Url) -> Self {
        let root = &site[..Position::BeforePath];
        let links = paths
            .iter()
            .map(|path| Url::parse(&format!("{root}{path}")));
        Self::Links(links.filter_map(|link| site::found(link.ok()?)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_remembered_while_there_is_room() {
        let mut room = Room(200);
        let links = |length: usize| Some(vec!["x".repeat(length)]);
        assert_eq!(room.take(links(100)), links(100));
        assert_eq!(room.take(links(100)), None);
        assert_eq!(room.take(links(10)), links(10));
        assert_eq!(room.take(None), None);
    }
}
