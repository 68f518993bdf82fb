//! Whether readers have taken a release up: by the leases on its version, which count readers of this host in any container,
//! and by what servers elsewhere say that they serve.

use std::thread;
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use reqwest::redirect;
use serde::Deserialize;
use url::Url;

use crate::fault::{Fault, Kind};
use crate::progress::{Interrupted, Progress};
use crate::store::{self, Store, VersionName};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(100);
/// How long readers must hold a version to count.
const HELD: Duration = Duration::from_secs(2);
/// How long one server may take to say what it serves.
const ANSWER: Duration = Duration::from_secs(2);
/// What a server is asked where its URL has no path.
const PATH: &str = "/v1/version";

/// What is waited for.
pub struct Wanted<'a> {
    /// The store.
    pub store: &'a Store,
    /// The version that was released.
    pub version: &'a VersionName,
    /// Readers that must hold it.
    pub min_readers: usize,
    /// Servers that must serve it.
    pub urls: &'a [Url],
    /// What they want to be shown.
    pub token: Option<&'a str>,
    /// How long they have.
    pub within: Duration,
}

/// Who has taken a release up.
#[derive(Debug, Clone)]
pub struct Adopted {
    /// Readers that hold the version.
    pub readers: usize,
    /// Servers that serve it.
    pub servers: usize,
    /// How long it took.
    pub took: Duration,
}

/// A release that was not taken up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store said no.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Servers cannot be asked from here.
    #[error("servers cannot be asked: {0}")]
    Machine(#[from] reqwest::Error),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// Its time is over.
    #[error("{version} is published, but was not taken up within {within:?}: {missing}")]
    Late {
        /// The version.
        version: VersionName,
        /// How long readers had.
        within: Duration,
        /// Who has not.
        missing: String,
    },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Store(e) => e.kind(),
            Self::Interrupted(e) => e.kind(),
            Self::Machine(_) => Kind::Failed,
            Self::Late { .. } => Kind::NotAdopted,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(e) => e.hint(),
            Self::Late { .. } => Some(
                "The release stands. `ragctl status` shows who holds what, and servers say why in their log; `ragctl rollback` takes it back.".into(),
            ),
            _ => None,
        }
    }
}

/// The part of a server's answer that counts.
#[derive(Deserialize)]
struct Served {
    version: String,
}

/// Waits until a release is taken up.
pub fn wait(wanted: &Wanted<'_>, progress: &dyn Progress) -> Result<Adopted, Error> {
    let begun = Instant::now();
    let client = Client::builder()
        .timeout(ANSWER)
        .redirect(redirect::Policy::none())
        .build()?;
    let stage = progress.stage("wait for readers", None, "looks");
    let mut held = None;
    loop {
        progress.checkpoint()?;
        let readers = wanted.store.readers(wanted.version)?;
        let says = |url: &Url| said(&client, url, wanted.token);
        let answers: Vec<(&Url, Result<String, String>)> =
            wanted.urls.iter().map(|url| (url, says(url))).collect();
        let is_it = |answer: &Result<String, String>| {
            answer
                .as_ref()
                .is_ok_and(|version| *version == wanted.version.to_string())
        };
        let servers = answers.iter().filter(|(_, answer)| is_it(answer)).count();
        // A server holds what it loads, and lets go of what it then refuses.
        held = match readers >= wanted.min_readers {
            true => held.or(Some(Instant::now())),
            false => None,
        };
        let settled = held.is_some_and(|since| since.elapsed() >= HELD);
        if (settled || wanted.min_readers == 0) && servers == wanted.urls.len() {
            return Ok(Adopted {
                readers,
                servers,
                took: begun.elapsed(),
            });
        }
        if begun.elapsed() >= wanted.within {
            let mut missing: Vec<String> = answers
                .iter()
                .filter(|(_, answer)| !is_it(answer))
                .map(|(url, answer)| match answer {
                    Ok(version) => format!("{} serves {version}", shown(url)),
                    Err(why) => format!("{}: {why}", shown(url)),
                })
                .collect();
            if !settled && wanted.min_readers > 0 {
                missing.push(format!(
                    "{readers} of {} readers hold it",
                    wanted.min_readers
                ));
            }
            return Err(Error::Late {
                version: wanted.version.clone(),
                within: wanted.within,
                missing: missing.join(", "),
            });
        }
        stage.advance(1);
        thread::sleep(EVERY);
    }
}

/// The version that a server says it serves.
fn said(client: &Client, url: &Url, token: Option<&str>) -> Result<String, String> {
    let mut asked = url.clone();
    if asked.path() == "/" {
        asked.set_path(PATH);
    }
    let mut request = client.get(asked);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    // The URL may hold what must not be shown.
    let plain = |e: reqwest::Error| e.without_url().to_string();
    let response = request.send().map_err(plain)?;
    if !response.status().is_success() {
        return Err(format!("it answers {}", response.status()));
    }
    let body = response.bytes().map_err(plain)?;
    let served: Served =
        serde_json::from_slice(&body).map_err(|_| "it names no version".to_owned())?;
    Ok(served.version)
}

/// A server without its user and the values of its query.
fn shown(url: &Url) -> String {
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    format!(
        "{}://{}{port}{}",
        url.scheme(),
        url.host_str().unwrap_or_default(),
        url.path()
    )
}
