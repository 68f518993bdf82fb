//! What a site asks of programs that visit it: `robots.txt`, as RFC 9309 has it.

use std::time::Duration;

use robotxt::Robots;
use url::Url;

use super::guard::Refused;

/// The name by which a site can address this program.
const PRODUCT: &str = env!("CARGO_PKG_NAME");
/// Bytes of the file that are read; the rest does not count.
pub(super) const MAX_BYTES: usize = robotxt::BYTE_LIMIT;
/// A site that asks for more between two requests gets this.
pub(super) const MAX_DELAY: Duration = Duration::from_secs(60);

/// What a site asks.
#[derive(Debug)]
pub(super) enum Rules {
    /// The file says it, or there is none.
    Known(Robots),
    /// The file could not be had; the reason, as a clause. Nothing of the site may be read until it can.
    Unknown(String),
    /// The site is none that is spoken to.
    Refused(Refused),
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may be made.
    Allowed,
    /// The site does not want it.
    Disallowed,
    /// Nobody can tell, and so it is not made; the reason, as a clause.
    Unknown(String),
    /// The guard does not want it.
    Refused(Refused),
}

impl Rules {
    /// Reads the file.
    pub(super) fn parse(file: &[u8]) -> Self {
        Self::Known(Robots::parse(file, PRODUCT))
    }

    /// The site has no such file.
    pub(super) fn absent() -> Self {
        Self::Known(Robots::allow_all())
    }

    /// Says whether a page may be requested.
    pub(super) fn judge(&self, url: &Url) -> Verdict {
        match self {
            Self::Known(robots) if robots.is_url_allowed(url) => Verdict::Allowed,
            Self::Known(_) => Verdict::Disallowed,
            Self::Unknown(reason) => Verdict::Unknown(reason.clone()),
            Self::Refused(refused) => Verdict::Refused(refused.clone()),
        }
    }

    /// How long the site wants to be left alone between two requests.
    pub(super) fn delay(&self) -> Option<Duration> {
        match self {
            Self::Known(robots) => robots.crawl_delay().map(|delay| delay.min(MAX_DELAY)),
            Self::Unknown(_) | Self::Refused(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_with_our_name_counts_before_that_for_all() {
        let file = format!(
            "User-agent: *\nDisallow: /\n\nUser-agent: {PRODUCT}\nDisallow: /private\nAllow: /private/open\nCrawl-delay: 900\n"
        );
        let rules = Rules::parse(file.as_bytes());
        let judge = |path: &str| rules.judge(&Url::parse(&format!("http://h{path}")).unwrap());
        assert_eq!(judge("/a"), Verdict::Allowed);
        assert_eq!(judge("/private/a?b=1"), Verdict::Disallowed);
        assert_eq!(judge("/%70rivate/a"), Verdict::Disallowed);
        assert_eq!(judge("/private/open/a"), Verdict::Allowed);
        assert_eq!(rules.delay(), Some(MAX_DELAY));
    }
}
