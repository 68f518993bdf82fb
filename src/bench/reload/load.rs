//! Clients that ask a server over sockets, each as soon as it is answered, and look at every answer.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Error;

/// How hard is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pace {
    /// Each client waits 5 ms between an answer and its next question.
    Steady,
    /// As fast as answers come.
    #[default]
    Peak,
    /// As fast as answers come for a second, and not at all for the next.
    Burst,
}

/// A text that names no pace.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no pace: steady, peak or burst")]
pub struct ParsePaceError(String);

impl FromStr for Pace {
    type Err = ParsePaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "steady" => Ok(Self::Steady),
            "peak" => Ok(Self::Peak),
            "burst" => Ok(Self::Burst),
            other => Err(ParsePaceError(other.to_owned())),
        }
    }
}

/// Which answers are right.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// The letter that ids of a version begin with.
    pub letters: Vec<(String, char)>,
}

/// What is asked of a server.
#[derive(Debug, Clone)]
pub struct Load {
    /// Where it listens.
    pub address: SocketAddr,
    /// The path.
    pub path: String,
    /// The token, if it wants one.
    pub token: Option<String>,
    /// Clients, a connection each.
    pub connections: usize,
    /// How hard they ask.
    pub pace: Pace,
    /// What they ask, in turn.
    pub bodies: Vec<Bytes>,
    /// Which answers are right; empty for any.
    pub expected: Expected,
}

/// One answer.
#[derive(Debug, Clone, Copy)]
pub struct Answered {
    /// Seconds from the beginning to the answer.
    pub at: f32,
    /// How long it took, in milliseconds.
    pub took: f32,
    /// The version's place among those that are expected.
    pub version: u8,
}

/// What the clients saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Every answer that was right.
    pub answers: Vec<Answered>,
    /// Requests that were not answered, or not by 200.
    pub errors: u64,
    /// What one of them said.
    pub error: Option<String>,
    /// Answers that hold another version than they name.
    pub mixed: u64,
}

impl Load {
    /// Asks until it is told to stop. Blocks this thread, on which all clients run.
    pub fn run(&self, begun: Instant, stop: &AtomicBool) -> Result<Seen, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::Threads)?;
        runtime.block_on(async {
            let clients = (0..self.connections).map(|number| self.ask(number, begun, stop));
            let all = futures::future::join_all(clients).await;
            let mut seen = Seen::default();
            for one in all {
                seen.answers.extend(one.answers);
                seen.errors += one.errors;
                seen.mixed += one.mixed;
                seen.error = seen.error.or(one.error);
            }
            seen.answers.sort_by(|a, b| a.at.total_cmp(&b.at));
            Ok(seen)
        })
    }

    async fn ask(&self, number: usize, begun: Instant, stop: &AtomicBool) -> Seen {
        let mut seen = Seen::default();
        let mut sender = None;
        let mut bodies = self
            .bodies
            .iter()
            .cycle()
            .skip(number * 7 % self.bodies.len().max(1));
        while !stop.load(Ordering::Relaxed) {
            match self.pace {
                Pace::Steady => tokio::time::sleep(Duration::from_millis(5)).await,
                Pace::Peak => {}
                Pace::Burst if begun.elapsed().as_secs().is_multiple_of(2) => {}
                Pace::Burst => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            }
            let Some(body) = bodies.next() else {
                break;
            };
            let asked = Instant::now();
            match self.once(&mut sender, body.clone()).await {
                Ok(Some(version)) => seen.answers.push(Answered {
                    at: begun.elapsed().as_secs_f32(),
                    took: asked.elapsed().as_secs_f32() * 1e3,
                    version,
                }),
                Ok(None) => seen.mixed += 1,
                Err(e) => {
                    sender = None;
                    seen.errors += 1;
                    seen.error.get_or_insert(e);
                    // A server that is gone is not asked a million times a second.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
        seen
    }

    /// Asks once. `None` for an answer that mixes versions.
    async fn once(
        &self,
        connection: &mut Option<SendRequest<Full<Bytes>>>,
        body: Bytes,
    ) -> Result<Option<u8>, String> {
        let failed = |e: hyper::Error| e.to_string();
        let sender = match connection {
            Some(sender) if !sender.is_closed() => sender,
            _ => {
                let stream = TcpStream::connect(self.address)
                    .await
                    .map_err(|e| e.to_string())?;
                stream.set_nodelay(true).ok();
                let (sender, driven) = handshake(TokioIo::new(stream)).await.map_err(failed)?;
                tokio::spawn(driven);
                connection.insert(sender)
            }
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&self.path)
            .header(HOST, self.address.to_string())
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body)).map_err(|e| e.to_string())?;
        sender.ready().await.map_err(failed)?;
        let response = sender.send_request(request).await.map_err(failed)?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(failed)?.to_bytes();
        if parts.status != 200 {
            let said: String = String::from_utf8_lossy(&body).chars().take(200).collect();
            return Err(format!("{}: {said}", parts.status));
        }
        let named = parts.headers.get("ragctl-version");
        Ok(self
            .expected
            .version(named.and_then(|name| name.to_str().ok()), &body))
    }
}

impl Expected {
    /// The place of the version that an answer names and holds; `None` where those differ.
    fn version(&self, named: Option<&str>, body: &[u8]) -> Option<u8> {
        const ID: &str = "\"id\":\"";
        if self.letters.is_empty() {
            return Some(0);
        }
        let place = self
            .letters
            .iter()
            .position(|(name, _)| Some(name.as_str()) == named)?;
        let (name, letter) = self.letters.get(place)?;
        let body = std::str::from_utf8(body).ok()?;
        let mut ids = body.match_indices(ID).peekable();
        ids.peek()?;
        let right = body.contains(&format!("\"version\":\"{name}\""))
            && ids.all(|(at, _)| {
                body.get(at + ID.len()..)
                    .is_some_and(|id| id.starts_with(*letter))
            });
        right.then_some(u8::try_from(place).ok()?)
    }
}
