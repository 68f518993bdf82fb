//! What an answer means: a page, its place elsewhere, or why there is none.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{
    CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderName, LAST_MODIFIED, LOCATION,
    RETRY_AFTER,
};
use url::Url;

use super::guard::Refused;
use super::media::Media;
use super::transport::{Answer, Body};
use super::{robots, secret};
use crate::corpus::{MAX_DOCUMENT_BYTES, too_large};

const MAX_SITEMAP_BYTES: usize = 50 << 20;
/// Why a page was not asked for, as a clause.
pub(super) const DISALLOWED: &str = "is disallowed by its site's robots.txt";

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// A document, of a type that is taken.
    Document,
    /// A sitemap.
    Sitemap,
    /// `robots.txt`, from which nothing keeps us.
    Robots,
}

/// What asking for a page gave. Texts are clauses.
#[derive(Debug)]
pub(super) enum Reply {
    /// Its bytes.
    Got(Box<Got>),
    /// It is as it was; the validators that hold from now on.
    NotModified(Validators),
    /// It is elsewhere.
    Moved(Url),
    /// It is no more.
    Gone(String),
    /// It is of a type that is not taken.
    OtherType(String),
    /// The site does not want it read.
    Disallowed,
    /// The guard does not let pass where it is.
    Refused(Refused),
    /// The server does not give it.
    Denied(StatusCode, String),
    /// It could not be had this time.
    Failed(String),
}

/// A page's bytes and what was said of them.
#[derive(Debug)]
pub(super) struct Got {
    /// Where they were in the end.
    pub(super) url: Url,
    pub(super) bytes: Vec<u8>,
    pub(super) media: Media,
    pub(super) validators: Validators,
}

/// What a server can tell a change by.
#[derive(Debug, Clone, Default)]
pub(super) struct Validators {
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

impl Reply {
    /// Reads an answer to the question for `url`. `asked` says whether the server was told what is known of it.
    pub(super) fn of(url: &Url, want: Want, asked: bool, answer: Answer) -> Self {
        let status = answer.status;
        match status {
            StatusCode::NOT_MODIFIED if asked => Self::NotModified(validators(&answer.headers)),
            StatusCode::NOT_FOUND | StatusCode::GONE => Self::Gone(answers(status)),
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => match location(url, &answer.headers) {
                Some(to) => Self::Moved(to),
                None => Self::Failed("redirects to nothing that can be read".into()),
            },
            _ if is_whole(status) => received(url, want, answer),
            _ => Self::Denied(status, answers(status)),
        }
    }

    /// The same, where redirects led to `url`.
    pub(super) fn through(self, url: &Url) -> Self {
        let so = |reason: String| format!("redirects to {}, which {reason}", secret::public(url));
        match self {
            Self::Failed(reason) => Self::Failed(so(reason)),
            Self::Denied(status, reason) => Self::Denied(status, so(reason)),
            Self::OtherType(reason) => Self::OtherType(so(reason)),
            Self::Gone(reason) => Self::Gone(so(reason)),
            Self::Refused(refused) => Self::Failed(so(format!("is refused: {refused}"))),
            Self::Disallowed => Self::Failed(so(DISALLOWED.into())),
            Self::Got(_) | Self::NotModified(_) | Self::Moved(_) => self,
        }
    }
}

pub(super) fn answers(status: StatusCode) -> String {
    format!("answers {status}")
}

pub(super) fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

fn location(url: &Url, headers: &HeaderMap) -> Option<Url> {
    let to = headers.get(LOCATION)?.to_str().ok()?;
    let mut to = url.join(to).ok()?;
    secret::strip(&mut to);
    Some(to)
}

/// Bytes of a body that are read; `None` where it is not wanted.
pub(super) fn limit(
    url: &Url,
    want: Want,
    status: StatusCode,
    headers: &HeaderMap,
) -> Option<usize> {
    if !is_whole(status) {
        return None;
    }
    let limit = match want {
        Want::Robots => return Some(robots::MAX_BYTES),
        Want::Sitemap => MAX_SITEMAP_BYTES,
        Want::Document => {
            Media::of(headers.get(CONTENT_TYPE)).take(url).ok()?;
            usize::try_from(MAX_DOCUMENT_BYTES).unwrap_or(usize::MAX)
        }
    };
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    let fits = announced.is_none_or(|text| text.parse().is_ok_and(|bytes: usize| bytes <= limit));
    fits.then_some(limit)
}

fn is_whole(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION
    )
}

fn received(url: &Url, want: Want, answer: Answer) -> Reply {
    let media = Media::of(answer.headers.get(CONTENT_TYPE));
    if want == Want::Document
        && let Err(reason) = media.take(url)
    {
        return Reply::OtherType(reason);
    }
    let bytes = match (answer.body, want) {
        (Body::Whole(bytes), _) | (Body::Cut(bytes), Want::Robots) => bytes,
        (_, Want::Sitemap) => {
            return Reply::Failed(format!("is larger than {} MiB", MAX_SITEMAP_BYTES >> 20));
        }
        _ => return Reply::Failed(too_large()),
    };
    Reply::Got(Box::new(Got {
        url: url.clone(),
        bytes,
        media,
        validators: validators(&answer.headers),
    }))
}

fn validators(headers: &HeaderMap) -> Validators {
    let text = |name: HeaderName| {
        let value = headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    // Within the second in which it was answered a page may change once more, and its date would not tell.
    let time = |text: &Option<String>| httpdate::parse_http_date(text.as_deref()?).ok();
    let last_modified = text(LAST_MODIFIED);
    let answered = time(&text(DATE)).unwrap_or_else(SystemTime::now);
    let is_old = time(&last_modified).is_some_and(|changed| changed < answered);
    Validators {
        etag: text(ETAG),
        last_modified: last_modified.filter(|_| is_old),
    }
}

/// How long a server asks to be left alone: seconds, or until a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    Some(until.duration_since(SystemTime::now()).unwrap_or_default())
}
