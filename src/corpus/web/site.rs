//! URLs as they are compared: one spelling each, and which of them belong to a source.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use url::Url;

use super::{Error, secret};

/// No server has to take a longer URL.
const MAX_URL: usize = 8192;
/// One that is found and is longer is a trap: a site makes up as many as it likes, and they are kept.
const MAX_FOUND: usize = 2_000;

/// Reads a URL that the user wrote.
pub(super) fn configured(text: &str) -> Result<Url, Error> {
    let bad = |problem: String| Error::BadUrl {
        url: secret::redact(text),
        problem,
    };
    let url = Url::parse(text.trim()).map_err(|e| bad(e.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad(format!("{} is not http or https", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::Credentials {
            url: secret::public(&url),
        });
    }
    within(url, MAX_URL).ok_or_else(|| bad("it is too long".into()))
}

/// Gives a URL that was found somewhere its one spelling; `None` where nothing can be read from it.
pub(super) fn found(url: Url) -> Option<Url> {
    within(url, MAX_FOUND)
}

fn within(mut url: Url, length: usize) -> Option<Url> {
    secret::strip(&mut url);
    let fits = matches!(url.scheme(), "http" | "https") && url.as_str().len() <= length;
    fits.then_some(url)
}

/// Says whether two URLs have scheme, host and port in common.
pub(super) fn same_site(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host() == b.host()
        && a.port_or_known_default() == b.port_or_known_default()
}

/// Says whether a start that moved is still the site that was meant.
pub(super) fn is_same_elsewhere(from: &Url, to: &Url) -> bool {
    let bare = |url: &Url| {
        let host = url.host_str().unwrap_or_default();
        host.strip_prefix("www.").unwrap_or(host).to_owned()
    };
    let upgraded = from.scheme() == "http" && to.scheme() == "https";
    let default_ports = from.port().is_none() && to.port().is_none();
    same_site(from, to)
        || bare(from) == bare(to) && default_ports && (upgraded || from.scheme() == to.scheme())
}

/// Which paths of a site belong to a source.
#[derive(Debug)]
pub(super) struct Scope {
    include: Option<GlobSet>,
    exclude: GlobSet,
}

impl Scope {
    /// Reads globs. One without a leading slash means the same as with one.
    pub(super) fn new(include: &[String], exclude: &[String]) -> Result<Self, Error> {
        Ok(Self {
            include: match include.is_empty() {
                true => None,
                false => Some(globs(include)?),
            },
            exclude: globs(exclude)?,
        })
    }

    /// Says whether a page belongs to the source.
    pub(super) fn holds(&self, url: &Url) -> bool {
        let path = url.path().trim_start_matches('/');
        !self.exclude.is_match(path) && self.include.as_ref().is_none_or(|set| set.is_match(path))
    }
}

fn globs(patterns: &[String]) -> Result<GlobSet, Error> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let pattern = pattern.trim_start_matches('/');
        set.add(GlobBuilder::new(pattern).literal_separator(true).build()?);
    }
    Ok(set.build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_one_spelling() {
        for (written, one) in [
            ("HTTP://Example.COM:80", "http://example.com/"),
            ("https://example.com:443/a/../b#c", "https://example.com/b"),
            (
                " https://bücher.example/ä ",
                "https://xn--bcher-kva.example/%C3%A4",
            ),
        ] {
            assert_eq!(configured(written).unwrap().as_str(), one);
        }
        for bad in [
            "",
            "example.com",
            "file:///etc/passwd",
            "http://",
            "ftp://h/",
        ] {
            assert!(
                matches!(configured(bad), Err(Error::BadUrl { .. })),
                "{bad}"
            );
        }
        let error = configured("https://me:c4nArY7zQ@example.com/").unwrap_err();
        assert!(matches!(error, Error::Credentials { .. }));
        assert!(!error.to_string().contains("c4nArY7zQ"));
        let long = format!("http://example.com/{}", "a".repeat(MAX_URL));
        assert!(configured(&long).is_err());
        let long = format!("http://example.com/{}", "a".repeat(MAX_FOUND));
        assert_eq!(found(configured(&long).unwrap()), None);
    }

    #[test]
    fn a_site_is_scheme_host_and_port() {
        let same = |a: &str, b: &str| same_site(&Url::parse(a).unwrap(), &Url::parse(b).unwrap());
        assert!(same("http://h/a", "http://h:80/b"));
        assert!(!same("http://h/", "https://h/"));
        assert!(!same("http://h/", "http://h:81/"));
        assert!(!same("http://h/", "http://www.h/"));
    }

    #[test]
    fn a_site_may_have_moved_to_its_other_spelling() {
        let moved =
            |a: &str, b: &str| is_same_elsewhere(&Url::parse(a).unwrap(), &Url::parse(b).unwrap());
        assert!(moved("http://h/sitemap.xml", "https://www.h/maps/1.xml"));
        assert!(moved("https://www.h/", "https://h/"));
        assert!(!moved("https://h/", "http://h/"));
        assert!(!moved("http://h:81/", "https://h/"));
        assert!(!moved("http://h/", "https://cdn.h/"));
    }

    #[test]
    fn globs_are_over_the_path() {
        let scope =
            Scope::new(&["/docs/**".into(), "*.html".into()], &["**/old/**".into()]).unwrap();
        let holds = |path: &str| scope.holds(&Url::parse(&format!("http://h{path}")).unwrap());
        assert!(holds("/docs/a/b?old") && holds("/a.html"));
        assert!(!holds("/docs/old/a") && !holds("/a/b.html") && !holds("/"));
        assert!(
            Scope::new(&[], &[])
                .unwrap()
                .holds(&Url::parse("http://h/").unwrap())
        );
        assert!(Scope::new(&["[".into()], &[]).is_err());
    }
}
