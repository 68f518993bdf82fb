//! A source of the web as a listing: its pages are fetched, and stand among the items like files.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;

use super::discover::{Item, Listing, Origin};
use super::web::{self, Memory, Pages, Plan};
use super::{Error, SourceSpec, Worker};
use crate::progress::Progress;

/// Fetches a source's pages into `spool`. Gives what was learnt about them as well, for the next run.
pub fn fetch(
    source: &SourceSpec,
    memory: &Memory,
    worker: &mut Worker,
    spool: &Path,
    progress: &dyn Progress,
) -> Result<(Listing, Memory), Error> {
    let failed = |error: web::Error| Error::Web {
        id: source.id().to_owned(),
        source: Box::new(error),
    };
    let plan = plan(source)?;
    let fetched = web::fetch(&plan, memory, worker, spool, progress).map_err(failed)?;
    for shortfall in &fetched.shortfalls {
        progress.warn(&format!("source `{}`: {shortfall}", source.id()));
    }
    let mut left_out: BTreeMap<&str, u64> = BTreeMap::new();
    for page in &fetched.left_out {
        *left_out.entry(&page.reason).or_default() += 1;
    }
    for (reason, count) in left_out {
        progress.warn(&format!(
            "source `{}`: {count} page(s) left out, each for this reason: {reason}",
            source.id()
        ));
    }
    let mut listing = Listing {
        complete: fetched.complete,
        ..Listing::default()
    };
    for page in fetched.pages {
        let url = page.url;
        match page.outcome {
            web::Outcome::New {
                file,
                bytes,
                format,
                charset,
                name,
                ..
            } => listing.items.push(Item {
                format,
                charset,
                bytes,
                name: Some(name),
                ..Item::new(url.clone(), url, Origin::File(file))
            }),
            web::Outcome::NotModified => {
                listing
                    .items
                    .push(Item::new(url.clone(), url, Origin::NotModified));
            }
            web::Outcome::Gone(_) => listing.gone.push(url),
            web::Outcome::Failed(reason) => {
                listing
                    .items
                    .push(Item::new(url.clone(), url, Origin::Failed(reason)));
            }
        }
    }
    Ok((listing, fetched.memory))
}

fn plan(source: &SourceSpec) -> Result<Plan, Error> {
    let wrong = |problem: String| Error::Source {
        id: source.id().to_owned(),
        problem,
        hint: "Times are such as 500ms or 2s, networks such as 10.0.0.0/8.",
    };
    let pages = match (&source.sitemap, &source.crawl) {
        (Some(sitemap), _) => Pages::Sitemap(sitemap.clone()),
        (None, Some(start)) => Pages::Crawl {
            start: start.clone(),
            depth: source.depth.map_or(web::DEPTH, |depth| depth as usize),
        },
        (None, None) => Pages::Urls(source.urls.clone()),
    };
    let delay = |text: &String| -> Result<Duration, Error> {
        let parsed = text.parse::<SignedDuration>().ok();
        let parsed = parsed.and_then(|delay| Duration::try_from(delay).ok());
        parsed.ok_or_else(|| wrong(format!("has the delay `{text}`")))
    };
    let cidrs = source.allow_cidrs.iter();
    let cidrs = cidrs.map(|text| web::parse_cidr(text).map_err(|e| wrong(format!("allows {e}"))));
    Ok(Plan {
        pages,
        max_pages: source.max_pages.map(|pages| pages as usize),
        include: source.include.clone(),
        exclude: source.exclude.clone(),
        allow_hosts: source.allow_hosts.clone(),
        allow_cidrs: cidrs.collect::<Result<_, _>>()?,
        delay: source.delay.as_ref().map(delay).transpose()?,
        headers: source.headers.clone(),
    })
}
