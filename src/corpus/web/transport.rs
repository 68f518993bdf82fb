//! One request and its answer, with every limit on time and size, to a server that the guard lets pass.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use futures::future::{Either, select};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use reqwest::{Response, StatusCode};
use tokio::runtime::Runtime;
use url::Url;

use super::guard::{Guard, Refused, Resolver, Unresolved};
use crate::progress::{Interrupted, Progress};

const CONNECT: Duration = Duration::from_secs(5);
/// Of one wait for more bytes.
const IDLE: Duration = Duration::from_secs(15);
/// From the request to the last byte.
const TOTAL: Duration = Duration::from_secs(60);
/// How soon a request to stop is noticed.
const TICK: Duration = Duration::from_millis(50);
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// Speaks HTTP.
pub(super) struct Transport<'a> {
    runtime: Runtime,
    http: reqwest::Client,
    guard: Arc<Guard>,
    progress: &'a dyn Progress,
}

/// What a server answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Who answered.
    pub(super) peer: SocketAddr,
    pub(super) body: Body,
}

/// What came after the head.
#[derive(Debug)]
pub(super) enum Body {
    /// Nobody asked for it.
    Unread,
    /// All of it, decoded.
    Whole(Vec<u8>),
    /// As many bytes as were asked for; there are more.
    Cut(Vec<u8>),
}

/// Why there is no answer. Each reads as a clause.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The guard refused, and will again.
    #[error("is refused: {0}")]
    Refused(Refused),
    /// The connection or the answer is broken for good.
    #[error("{0}")]
    Broken(String),
    /// It took all the time that there is, and would the next time.
    #[error("{0}")]
    TooSlow(String),
    /// It may work another time.
    #[error("{0}")]
    Passing(String),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl<'a> Transport<'a> {
    /// Makes a client that connects only to what `guard` lets pass.
    pub(super) fn new(guard: Arc<Guard>, progress: &'a dyn Progress) -> Result<Self, String> {
        let http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .dns_resolver(Resolver(Arc::clone(&guard)))
            // A proxy would resolve names, and connect, where the guard does not see it.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT)
            .read_timeout(IDLE)
            .timeout(TOTAL)
            .build()
            .map_err(|e| deepest(&e))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| e.to_string())?;
        Ok(Self {
            runtime,
            http,
            guard,
            progress,
        })
    }

    /// Asks for a URL. The body is read where `limit` says of how many bytes for this head.
    pub(super) fn get(
        &self,
        url: &Url,
        headers: HeaderMap,
        limit: impl Fn(StatusCode, &HeaderMap) -> Option<usize>,
    ) -> Result<Answer, Trouble> {
        self.guard.check(url).map_err(Trouble::Refused)?;
        let request = self.http.get(url.clone()).headers(headers);
        let begun = Instant::now();
        let answer = self.until_interrupted(async {
            let mut response = request.send().await.map_err(trouble)?;
            let peer = response
                .remote_addr()
                .ok_or(Trouble::Refused(Refused::NoPeer))?;
            self.guard
                .check_address(url.host_str(), peer.ip())
                .map_err(Trouble::Refused)?;
            let status = response.status();
            let body = match limit(status, response.headers()) {
                Some(limit) => read(&mut response, limit).await?,
                None => Body::Unread,
            };
            Ok(Answer {
                status,
                headers: std::mem::take(response.headers_mut()),
                peer,
                body,
            })
        });
        match answer {
            Err(Trouble::Passing(_)) if begun.elapsed() >= TOTAL => Err(Trouble::TooSlow(format!(
                "takes longer than {} s",
                TOTAL.as_secs()
            ))),
            other => other,
        }
    }

    /// Waits, unless the run is asked to stop meanwhile.
    pub(super) fn sleep(&self, mut time: Duration) -> Result<(), Interrupted> {
        while !time.is_zero() {
            self.progress.checkpoint()?;
            let step = time.min(TICK);
            thread::sleep(step);
            time -= step;
        }
        self.progress.checkpoint()
    }

    fn until_interrupted<T>(
        &self,
        work: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        self.progress.checkpoint()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (done, over) = mpsc::channel::<()>();
        let watch = move || {
            while over.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                if self.progress.interrupted() {
                    // Nobody listens any more when the work is just done.
                    stop.send(()).ok();
                    return;
                }
            }
        };
        thread::scope(|scope| {
            thread::Builder::new()
                .spawn_scoped(scope, watch)
                .map_err(|e| Trouble::Broken(e.to_string()))?;
            let outcome = match self.runtime.block_on(select(pin!(work), stopped)) {
                Either::Left((outcome, _)) => outcome,
                Either::Right(_) => Err(Interrupted.into()),
            };
            drop(done);
            outcome
        })
    }
}

async fn read(response: &mut Response, limit: usize) -> Result<Body, Trouble> {
    if let Some(encoding) = response.headers().get(CONTENT_ENCODING)
        && encoding != "identity"
    {
        return Err(Trouble::Broken(
            "is compressed in a way that was not asked for".into(),
        ));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(trouble)? {
        let room = limit - bytes.len();
        match chunk.get(..room) {
            Some(head) if chunk.len() > room => {
                bytes.extend_from_slice(head);
                return Ok(Body::Cut(bytes));
            }
            _ => bytes.extend_from_slice(&chunk),
        }
    }
    Ok(Body::Whole(bytes))
}

/// Says what an error of the library means. Its own text would name the URL.
fn trouble(error: reqwest::Error) -> Trouble {
    let error = error.without_url();
    if let Some(refused) = cause(&error, |_: &Refused| true) {
        return Trouble::Refused(refused.clone());
    }
    if let Some(unresolved) = cause(&error, |_: &Unresolved| true) {
        return Trouble::Passing(format!("cannot be reached: {unresolved}"));
    }
    let what = match (error.is_timeout(), error.is_connect()) {
        (true, true) => return Trouble::Passing("cannot be reached: no connection in time".into()),
        (true, false) => return Trouble::Passing("does not answer in time".into()),
        (false, true) => "cannot be reached",
        (false, false) => "broke off",
    };
    let text = format!("{what}: {}", deepest(&error));
    // So it is with a certificate, or bytes, that are wrong.
    let is_wrong = |e: &io::Error| e.kind() == io::ErrorKind::InvalidData;
    match error.is_builder() || cause(&error, is_wrong).is_some() {
        true => Trouble::Broken(text),
        false => Trouble::Passing(text),
    }
}

/// The outermost cause of a type that `is_meant`.
fn cause<'e, E: std::error::Error + 'static>(
    error: &'e (dyn std::error::Error + 'static),
    is_meant: impl Fn(&E) -> bool + Copy,
) -> Option<&'e E> {
    let mut next = Some(error);
    while let Some(error) = next {
        let found = error.downcast_ref::<E>();
        if let Some(found) = found.filter(|found| is_meant(found)) {
            return Some(found);
        }
        // An I/O error shows what is in it only to whoever asks for that.
        let io = error.downcast_ref::<io::Error>();
        if let Some(inner) = io.and_then(io::Error::get_ref)
            && let Some(found) = cause(inner, is_meant)
        {
            return Some(found);
        }
        next = error.source();
    }
    None
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
