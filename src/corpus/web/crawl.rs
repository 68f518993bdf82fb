//! From page to page of one site: breadth first, to a depth, up to a number of pages. What is followed does not depend on
//! the order of links in a page.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::name::{self, Found};
use super::reply::DISALLOWED;
use super::site::{Scope, is_same_elsewhere, same_site};
use super::visit::{Leads, Purpose, Visitor};
use super::{Error, Outcome};

/// Redirects that may follow each other.
const MAX_HOPS: usize = 5;
/// Pages that are known and not yet visited, at most: a site can make up addresses without end.
const MAX_KNOWN: usize = 100_000;

/// Where a crawl may go.
#[derive(Debug)]
pub(super) struct Bounds<'a> {
    pub(super) scope: &'a Scope,
    /// Links from the start.
    pub(super) depth: usize,
    pub(super) max_pages: usize,
}

/// Visits the site of `start`.
pub(super) fn run(
    visitor: &mut Visitor<'_>,
    start: &Url,
    bounds: &Bounds<'_>,
) -> Result<(), Error> {
    let (site, leads) = begin(visitor, start, bounds)?;
    let mut seen = BTreeSet::from([start.clone(), site.clone()]);
    let mut visited = 1;
    let mut level = BTreeSet::new();
    // Known pages, by where redirects led from them: what becomes of the one is no proof against the other.
    let mut origins = BTreeMap::new();
    gather(visitor, leads, bounds, 0, &mut seen, &mut level);
    for depth in 1..=bounds.depth {
        let mut next = BTreeSet::new();
        while let Some((url, hops)) = level.pop_first() {
            if visited >= bounds.max_pages {
                visitor.fall_short(format!("only {} pages are visited", bounds.max_pages));
                return Ok(());
            }
            let name = name::of(&url, Found::OnAPage);
            let purpose = Purpose {
                found: Found::OnAPage,
                keep: true,
                follow: Some(&site),
            };
            let origin = origins.remove(&url).unwrap_or_else(|| name.clone());
            match visitor.visit(&url, name.clone(), purpose)? {
                Leads::Unasked => {
                    if origin != name {
                        let reason = format!("redirects to {name}, which {DISALLOWED}");
                        let leads = visitor.turn_away(origin, reason);
                        gather(visitor, leads, bounds, depth, &mut seen, &mut next);
                    }
                    continue;
                }
                // Where a page has gone is a page of the same level.
                Leads::Moved(to) if same_site(&to, &site) && hops < MAX_HOPS => {
                    if bounds.scope.holds(&to) && seen.insert(to.clone()) {
                        if visitor.remembers(&origin) {
                            origins.insert(to.clone(), origin);
                        }
                        level.insert((to, hops + 1));
                    }
                }
                Leads::Moved(_) if hops < MAX_HOPS => {
                    let leads = visitor.turn_away(origin, "redirects to another site".into());
                    gather(visitor, leads, bounds, depth, &mut seen, &mut next);
                }
                Leads::Moved(_) => {
                    let reason = format!("redirects more than {MAX_HOPS} times");
                    visitor.end(origin, Outcome::Failed(reason));
                    gather(visitor, Leads::Unknown, bounds, depth, &mut seen, &mut next);
                }
                leads => gather(visitor, leads, bounds, depth, &mut seen, &mut next),
            }
            visited += 1;
        }
        level = next;
    }
    Ok(())
}

/// Visits the start, and says which site it belongs to. It may have moved to the site's other spelling.
fn begin(
    visitor: &mut Visitor<'_>,
    start: &Url,
    bounds: &Bounds<'_>,
) -> Result<(Url, Leads), Error> {
    let mut url = start.clone();
    for _ in 0..=MAX_HOPS {
        let name = name::of(&url, Found::Configured);
        let purpose = Purpose {
            found: Found::Configured,
            keep: bounds.scope.holds(&url),
            follow: Some(&url),
        };
        match visitor.visit(&url, name.clone(), purpose)? {
            Leads::Moved(to) if is_same_elsewhere(&url, &to) => url = to,
            Leads::Moved(to) => {
                let reason = format!(
                    "redirects to {}; name that as the start",
                    name::of(&to, Found::Configured)
                );
                visitor.fall_short(format!("{name} {reason}"));
                visitor.end(name, Outcome::Failed(reason));
                return Ok((url, Leads::Unasked));
            }
            leads => {
                if !matches!(leads, Leads::Links(_)) || visitor.lost(&name) {
                    visitor.fall_short(format!("the start, {name}, cannot be read"));
                }
                return Ok((url, leads));
            }
        }
    }
    let name = name::of(start, Found::Configured);
    let reason = format!("redirects more than {MAX_HOPS} times");
    visitor.fall_short(format!("the start, {name}, {reason}"));
    visitor.end(name, Outcome::Failed(reason));
    Ok((url, Leads::Unasked))
}

/// Adds what a page leads to, where it is new and within bounds.
fn gather(
    visitor: &mut Visitor<'_>,
    leads: Leads,
    bounds: &Bounds<'_>,
    depth: usize,
    seen: &mut BTreeSet<Url>,
    next: &mut BTreeSet<(Url, usize)>,
) {
    let Leads::Links(links) = leads else {
        if leads == Leads::Unknown {
            visitor.fall_short("pages that failed may lead to others".into());
        }
        return;
    };
    for link in links {
        if !bounds.scope.holds(&link) || seen.contains(&link) {
            continue;
        }
        if depth == bounds.depth {
            // What lies deeper is no part of the source; but nothing shows that what was part of it is no more.
            if visitor.remembers(&name::of(&link, Found::OnAPage)) {
                visitor.fall_short(format!(
                    "some known pages now lie deeper than {depth} links"
                ));
            }
        } else if seen.len() >= MAX_KNOWN {
            visitor.fall_short(format!("only {MAX_KNOWN} addresses of a site are followed"));
            return;
        } else {
            seen.insert(link.clone());
            next.insert((link, 0));
        }
    }
}
