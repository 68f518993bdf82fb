//! Sitemaps: what a site says that it has.

use std::collections::BTreeSet;
use std::io::BufRead;

use serde::{Deserialize, Serialize};
use sitemapo::{Parser, Record};
use url::Url;

use super::name::{self, Found};
use super::visit::Visitor;
use super::{Error, secret, site};
use crate::corpus::format::unpacked;

/// Sitemaps of one source that are read.
const MAX_FILES: usize = 100;
/// An index may list indexes, and these sitemaps.
const MAX_DEPTH: usize = 2;
/// Pages that one source may list.
const MAX_PAGES: usize = 100_000;

/// What one sitemap lists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sitemap {
    /// Pages.
    pub urls: Vec<String>,
    /// Further sitemaps.
    pub sitemaps: Vec<String>,
    /// Why more would have followed, as a clause.
    pub cut: Option<String>,
}

/// Reads a sitemap: XML, an index of sitemaps, or text, compressed or not. Runs in a worker process.
pub(crate) fn parse(bytes: &[u8]) -> Result<Sitemap, String> {
    let mut bytes = bytes;
    let unpacked = unpacked(&mut bytes).map_err(|e| format!("is no sitemap: {e}"))?;
    read(unpacked)
}

fn read(reader: impl BufRead) -> Result<Sitemap, String> {
    let mut sitemap = Sitemap::default();
    for record in Parser::new(reader) {
        match record {
            Ok(Record::Entry(entry)) => sitemap.urls.push(entry.location.into()),
            Ok(Record::Sitemap(nested)) => sitemap.sitemaps.push(nested.location.into()),
            Err(sitemapo::Error::RecordLimit | sitemapo::Error::ByteLimit) => {
                sitemap.cut = Some("is larger than a sitemap may be".into());
            }
            Err(e) => return Err(format!("is no sitemap: {e}")),
        }
    }
    match sitemap == Sitemap::default() {
        true => Err("is no sitemap: it lists nothing".into()),
        false => Ok(sitemap),
    }
}

/// Collects the pages of a sitemap and of those that it lists. Only pages of its own site count, in the
/// spelling that was configured or the one that answered: a sitemap says nothing about another's.
pub(super) fn collect(visitor: &mut Visitor<'_>, start: &Url) -> Result<BTreeSet<Url>, Error> {
    let mut pages = BTreeSet::new();
    let mut seen = BTreeSet::from([start.clone()]);
    let mut level = BTreeSet::from([start.clone()]);
    let mut home = start.clone();
    for depth in 0..=MAX_DEPTH {
        let mut next = BTreeSet::new();
        for url in std::mem::take(&mut level) {
            let Some((answered, sitemap)) = visitor.sitemap(&url)? else {
                continue;
            };
            if url == *start && site::is_same_elsewhere(start, &answered) {
                home = answered;
            }
            if let Some(cut) = &sitemap.cut {
                visitor.fall_short(format!("{} {cut}", secret::public(&url)));
            }
            for page in addresses(&sitemap.urls) {
                if !site::same_site(&page, start) && !site::same_site(&page, &home) {
                    let name = name::of(&page, Found::OnAPage);
                    visitor.leave_out(name, "is of another site than its sitemap".into());
                } else if pages.len() < MAX_PAGES {
                    pages.insert(page);
                } else if !pages.contains(&page) {
                    visitor.fall_short(format!("only {MAX_PAGES} pages of a sitemap are read"));
                    break;
                }
            }
            for nested in addresses(&sitemap.sitemaps) {
                if seen.contains(&nested) {
                    continue;
                }
                if seen.len() >= MAX_FILES {
                    visitor.fall_short(format!("only {MAX_FILES} sitemaps are read"));
                    break;
                }
                seen.insert(nested.clone());
                next.insert(nested);
            }
        }
        if depth == MAX_DEPTH && !next.is_empty() {
            visitor.fall_short(format!("sitemaps are nested deeper than {MAX_DEPTH}"));
        }
        level = next;
    }
    Ok(pages)
}

fn addresses(list: &[String]) -> impl Iterator<Item = Url> {
    list.iter()
        .filter_map(|url| site::found(Url::parse(url).ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<url><loc>http://h/a?x=1&amp;y=2</loc><lastmod>2026-01-01</lastmod></url>
<url><loc> http://h/b </loc><lastmod>never</lastmod></url><url><loc>nothing</loc></url></urlset>"#;

    #[test]
    fn every_kind_of_sitemap_is_read() {
        let urls = |bytes: &[u8]| parse(bytes).unwrap().urls;
        let pages = vec!["http://h/a?x=1&y=2".to_owned(), "http://h/b".to_owned()];
        assert_eq!(urls(XML.as_bytes()), pages);
        assert_eq!(urls(&gzip(XML.as_bytes())), pages);
        let mut parts = gzip(&XML.as_bytes()[..60]);
        parts.extend(gzip(&XML.as_bytes()[60..]));
        assert_eq!(urls(&parts), pages);
        assert_eq!(
            urls(b"\xef\xbb\xbfhttp://h/a\r\nhttp://h/b\n"),
            ["http://h/a", "http://h/b"]
        );
        let index = "<sitemapindex><sitemap><loc>http://h/1.xml.gz</loc></sitemap></sitemapindex>";
        assert_eq!(
            parse(index.as_bytes()).unwrap().sitemaps,
            ["http://h/1.xml.gz"]
        );
    }

    #[test]
    fn what_is_no_sitemap_is_an_error_and_one_too_long_is_cut() {
        for bad in [
            "",
            "<html><body>Not here</body></html>",
            "<urlset></urlset>",
            "words",
            "<urlset><url>",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        parse(&gzip(XML.as_bytes())[..40]).unwrap_err();
        let long: String = (0..60_000).map(|n| format!("http://h/{n}\n")).collect();
        let cut = parse(long.as_bytes()).unwrap();
        assert_eq!((cut.urls.len(), cut.cut.is_some()), (50_000, true));
        let mut bomb = b"<urlset><url><loc>".to_vec();
        bomb.resize(60 << 20, b' ');
        assert!(parse(&gzip(&bomb)).unwrap().cut.is_some());
    }
}
