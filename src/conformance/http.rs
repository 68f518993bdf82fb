//! Asks a server over HTTP.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, Request, Response};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{StatusCode, redirect};
use url::Url;

use super::Error;
use super::answer::Reply;
use super::finding::{Flaw, Wrong};
use super::mapping::{Mapping, VersionAt};
use super::mistake::Mistake;
use super::template::Filling;
use super::worker::{Trouble, Worker};
use crate::progress::Progress;

/// No honest answer is larger, in bytes.
pub(super) const LARGEST: u64 = 16 << 20;
/// Of an answer that is none, in bytes.
const EXCERPT: u64 = 1 << 10;
const CONNECT: Duration = Duration::from_secs(5);
/// How long to wait before asking again where the server does not say it.
const AGAIN: Duration = Duration::from_millis(250);
/// A server that says 0 is not asked without any pause.
const SOONEST: Duration = Duration::from_millis(50);
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// Reads the URL of a server.
pub(super) fn base(text: &str) -> Result<Url, Mistake> {
    let url = Url::parse(text).map_err(|e| Mistake::Url {
        // What cannot be parsed may hold a password anywhere before its last `@`.
        url: text.rsplit('@').next().unwrap_or_default().to_owned(),
        why: e.to_string(),
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Mistake::Url {
            url: shown(&url),
            why: "it is neither http nor https".into(),
        });
    }
    Ok(url)
}

/// Names a server without its user and the values of its query.
pub(super) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

/// Makes the client that all clients of a check share. No proxy stands between: it would be the proxy that is measured.
pub(super) fn client(timeout: Duration) -> Result<Client, Error> {
    Client::builder()
        .user_agent(USER_AGENT)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        // Shorter than the whole, so that a host that is not there is not taken for one that is slow.
        .connect_timeout(CONNECT.min(timeout / 2))
        .timeout(timeout)
        .build()
        .map_err(|e| Error::Machine(deepest(&e)))
}

/// One client's connection.
pub(super) struct Http {
    client: Client,
    base: Url,
    version: Option<HeaderName>,
    worker: Option<Worker<Request>>,
}

impl Http {
    pub(super) fn new(client: Client, base: &Url, mapping: &Mapping) -> Self {
        let version = match &mapping.version {
            VersionAt::Header(name) => Some(name.clone()),
            VersionAt::Body(_) | VersionAt::Nowhere => None,
        };
        Self {
            client,
            base: base.clone(),
            version,
            worker: None,
        }
    }

    pub(super) fn ask(
        &mut self,
        filling: Filling<'_>,
        mapping: &Mapping,
        timeout: Duration,
        progress: &dyn Progress,
    ) -> Result<Reply, Trouble> {
        let request = self.request(filling, mapping);
        let worker = match self.worker.take() {
            Some(worker) => worker,
            None => {
                let (client, version) = (self.client.clone(), self.version.clone());
                Worker::start(move |request| exchange(&client, request, version.as_ref()))
                    .map_err(|e| Trouble::Fatal(Error::Machine(e.to_string())))?
            }
        };
        let reply = worker.ask(request, timeout, progress)?;
        self.worker = Some(worker);
        Ok(reply)
    }

    fn request(&self, filling: Filling<'_>, mapping: &Mapping) -> Request {
        let mut url = self.base.clone();
        let path = filling.path(&mapping.path);
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path.as_str(), None),
        };
        if !path.is_empty() {
            url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        }
        if let Some(query) = query {
            let query = match url.query() {
                Some(first) => format!("{first}&{query}"),
                None => query.to_owned(),
            };
            url.set_query(Some(&query));
        }
        url.set_fragment(None);
        let mut request = Request::new(mapping.method.clone(), url);
        if let Some(body) = &mapping.body {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
            *request.body_mut() = Some(filling.json(body).to_string().into());
        }
        for (name, value) in &mapping.headers {
            request.headers_mut().insert(name, value.clone());
        }
        request
    }
}

fn exchange(
    client: &Client,
    request: Request,
    version: Option<&HeaderName>,
) -> Result<Reply, Trouble> {
    let begun = Instant::now();
    let response = client.execute(request).map_err(trouble)?;
    if !response.status().is_success() {
        return Err(refused(response));
    }
    let version = version
        .and_then(|name| response.headers().get(name)?.to_str().ok())
        .map(str::to_owned);
    let mut body = Vec::new();
    response
        .take(LARGEST + 1)
        .read_to_end(&mut body)
        .map_err(broken_off)?;
    if body.len() as u64 > LARGEST {
        return Err(too_large().into());
    }
    Ok(Reply {
        body,
        version,
        took: begun.elapsed(),
    })
}

pub(super) fn too_large() -> Wrong {
    Wrong::new(
        Flaw::TooLarge,
        format!("at most {LARGEST} bytes"),
        "an answer with more",
    )
}

fn refused(response: Response) -> Trouble {
    let status = response.status();
    let header = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
    let again = header(RETRY_AFTER);
    let to = header(LOCATION).filter(|_| status.is_redirection());
    let mut excerpt = Vec::new();
    // What it says beside its status is welcome, and nothing is lost without it.
    response.take(EXCERPT).read_to_end(&mut excerpt).ok();
    let excerpt = String::from_utf8_lossy(&excerpt);
    let found = match to {
        Some(to) => format!("{status} to {to}, which is not followed"),
        None if excerpt.trim().is_empty() => status.to_string(),
        None => format!("{status}: {}", excerpt.trim()),
    };
    let wrong = Wrong::new(Flaw::Status, "200 OK", found);
    match again {
        Some(again) if status == StatusCode::SERVICE_UNAVAILABLE => {
            let seconds = again.trim().parse().map(Duration::from_secs);
            Trouble::Starting(wrong, seconds.unwrap_or(AGAIN).max(SOONEST))
        }
        _ => wrong.into(),
    }
}

/// Says what an error of the library means. Its own text would name the URL.
fn trouble(error: reqwest::Error) -> Trouble {
    let error = error.without_url();
    let text = deepest(&error);
    if error.is_connect() {
        let found = format!("cannot be reached: {text}");
        let wrong = Wrong::new(Flaw::Unreachable, "an answer", found);
        return Trouble::Starting(wrong, AGAIN);
    }
    match error.is_timeout() {
        true => Wrong::new(Flaw::Timeout, "an answer in time", "none").into(),
        false => Wrong::new(Flaw::Broken, "an answer", text).into(),
    }
}

fn broken_off(error: io::Error) -> Trouble {
    let is_late = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<reqwest::Error>())
        .is_some_and(reqwest::Error::is_timeout);
    let (flaw, found) = match is_late {
        true => (Flaw::Timeout, "its beginning alone".to_owned()),
        false => (Flaw::Broken, deepest(&error)),
    };
    Wrong::new(flaw, "a whole answer", found).into()
}

fn deepest(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = error.to_string();
        source = error.source();
    }
    text
}
