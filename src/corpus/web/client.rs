//! A polite visitor: one request at a time, no oftener than a site wants, patient with one that is busy, and never on to
//! where a redirect must not lead.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use reqwest::header::{
    ACCEPT, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
};
use url::Url;

use super::guard::{Guard, is_private};
use super::reply::{Reply, Want, answers, is_passing, limit, retry_after};
use super::robots::{Rules, Verdict};
use super::transport::{Answer, Transport, Trouble};
use super::{Error, Secret, Visited, secret};
use crate::progress::{Interrupted, Progress};

const MAX_REDIRECTS: usize = 5;
/// Requests for one page, the first among them.
const TRIES: usize = 3;
/// A server that asks for a longer pause is not waited for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);
/// Between two requests to a public host that does not ask for more.
const PUBLIC_DELAY: Duration = Duration::from_millis(100);
/// Pages in a row that a host failed to answer before it is given up.
const MAX_TROUBLES: u32 = 5;
/// Sites whose rules are kept: redirects can lead to ever more, and their files are large.
const MAX_RULES: usize = 64;
const ACCEPTED: &str =
    "text/html,application/xhtml+xml,application/pdf,text/markdown,text/plain;q=0.9,*/*;q=0.5";

/// Headers that say how a message is framed, or what is asked for: not the user's to set.
const RESERVED: [&str; 11] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "if-modified-since",
    "if-none-match",
    "range",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// What is done with a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Redirects {
    /// It is followed.
    Follow,
    /// It is the answer.
    Report,
}

/// What is known of a host.
#[derive(Debug)]
struct Host {
    /// When the last answer had come.
    last: Option<Instant>,
    /// It asked not to be asked again before.
    not_before: Option<Instant>,
    /// Between two requests.
    delay: Duration,
    /// The same, where its `robots.txt` asks for it.
    wanted: Duration,
    /// Pages in a row that it did not answer.
    troubles: u32,
    /// Why it is asked no more.
    given_up: Option<String>,
}

/// Asks for pages.
pub(super) struct Client<'a> {
    transport: Transport<'a>,
    delay: Option<Duration>,
    headers: HeaderMap,
    /// The only origins that see the user's headers.
    trusted: BTreeSet<String>,
    hosts: BTreeMap<String, Host>,
    rules: BTreeMap<String, Rules>,
    /// The sites of `rules`, the oldest first.
    rules_by_age: VecDeque<String>,
}

/// How one request went.
enum Outcome {
    Done(Answer),
    Again {
        reason: String,
        after: Option<Duration>,
    },
    /// The host's fault, and not to be tried again.
    TooSlow(String),
    Over(Reply),
}

impl<'a> Client<'a> {
    /// Makes a client that sends `headers` to the origins of `trusted` only.
    pub(super) fn new(
        guard: Arc<Guard>,
        delay: Option<Duration>,
        headers: &[(String, Secret)],
        trusted: &[Url],
        progress: &'a dyn Progress,
    ) -> Result<Self, Error> {
        Ok(Self {
            transport: Transport::new(guard, progress).map_err(Error::Client)?,
            delay,
            headers: headers.iter().map(header).collect::<Result<_, _>>()?,
            trusted: trusted.iter().map(origin).collect(),
            hosts: BTreeMap::new(),
            rules: BTreeMap::new(),
            rules_by_age: VecDeque::new(),
        })
    }

    /// Asks for a page, and follows where it went.
    pub(super) fn get(
        &mut self,
        start: &Url,
        want: Want,
        redirects: Redirects,
        known: Option<&Visited>,
    ) -> Result<Reply, Interrupted> {
        let mut url = start.clone();
        for hop in 0..=MAX_REDIRECTS {
            let reply = self.hop(&url, want, known)?;
            let reply = match reply {
                Reply::Moved(to) if url.scheme() == "https" && to.scheme() == "http" => {
                    Reply::Failed(format!(
                        "redirects from https to {}, which anybody could read and change",
                        secret::public(&to)
                    ))
                }
                Reply::Moved(to) if redirects == Redirects::Follow => {
                    url = to;
                    continue;
                }
                other => other,
            };
            return Ok(match hop {
                0 => reply,
                _ => reply.through(&url),
            });
        }
        Ok(Reply::Failed(format!(
            "redirects more than {MAX_REDIRECTS} times"
        )))
    }

    fn hop(
        &mut self,
        url: &Url,
        want: Want,
        known: Option<&Visited>,
    ) -> Result<Reply, Interrupted> {
        if want != Want::Robots {
            match self.judge(url)? {
                Verdict::Allowed => {}
                Verdict::Disallowed => return Ok(Reply::Disallowed),
                Verdict::Unknown(reason) => return Ok(Reply::Failed(reason)),
                Verdict::Refused(refused) => return Ok(Reply::Refused(refused)),
            }
        }
        // A validator belongs to one address.
        let known = known.filter(|known| known.final_url == secret::public(url));
        let asked =
            known.is_some_and(|known| known.etag.is_some() || known.last_modified.is_some());
        let answer = match self.answer(url, want, known)? {
            Ok(answer) => answer,
            Err(reply) => return Ok(reply),
        };
        Ok(Reply::of(url, want, asked, answer))
    }

    /// Asks as often as it takes, within reason. The inner error is why there is no answer.
    fn answer(
        &mut self,
        url: &Url,
        want: Want,
        known: Option<&Visited>,
    ) -> Result<Result<Answer, Reply>, Interrupted> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(500))
            .with_max_delay(Duration::from_secs(10))
            .with_max_times(TRIES - 1)
            .with_jitter()
            .build();
        loop {
            if let Some(reason) = self.wait_turn(&host)? {
                return Ok(Err(Reply::Failed(reason)));
            }
            match self.once(url, &host, want, known)? {
                Outcome::Done(answer) => {
                    let delay = self.delay;
                    let host = self.host(&host);
                    host.troubles = 0;
                    if delay.is_none() && is_private(answer.peer.ip()) {
                        host.delay = Duration::ZERO;
                    }
                    return Ok(Ok(answer));
                }
                Outcome::Over(reply) => return Ok(Err(reply)),
                Outcome::TooSlow(reason) => {
                    return Ok(Err(Reply::Failed(self.note_trouble(&host, reason))));
                }
                Outcome::Again { reason, after } => {
                    let wait = after.unwrap_or_default();
                    if wait > MAX_RETRY_AFTER {
                        let reason = format!(
                            "{reason} and asks to come back in {} s, longer than ragctl waits",
                            wait.as_secs()
                        );
                        self.host(&host).given_up = Some(reason.clone());
                        return Ok(Err(Reply::Failed(reason)));
                    }
                    // It holds for the host's other pages, too, when this one is tried no more.
                    self.host(&host).not_before = after.map(|after| Instant::now() + after);
                    let Some(pause) = pauses.next() else {
                        return Ok(Err(Reply::Failed(self.note_trouble(&host, reason))));
                    };
                    self.transport.sleep(wait.max(pause))?;
                }
            }
        }
    }

    fn once(
        &mut self,
        url: &Url,
        host: &str,
        want: Want,
        known: Option<&Visited>,
    ) -> Result<Outcome, Interrupted> {
        let headers = self.request_headers(url, known);
        let answer = self.transport.get(url, headers, |status, headers| {
            limit(url, want, status, headers)
        });
        self.host(host).last = Some(Instant::now());
        Ok(match answer {
            Ok(answer) if is_passing(answer.status) => Outcome::Again {
                reason: answers(answer.status),
                after: retry_after(&answer.headers),
            },
            Ok(answer) => Outcome::Done(answer),
            Err(Trouble::Interrupted(interrupted)) => return Err(interrupted),
            Err(Trouble::Passing(reason)) => Outcome::Again {
                reason,
                after: None,
            },
            Err(Trouble::TooSlow(reason)) => Outcome::TooSlow(reason),
            Err(Trouble::Refused(refused)) => Outcome::Over(Reply::Refused(refused)),
            Err(Trouble::Broken(reason)) => Outcome::Over(Reply::Failed(reason)),
        })
    }

    fn request_headers(&self, url: &Url, known: Option<&Visited>) -> HeaderMap {
        let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(ACCEPTED))]);
        let validators = known.map(|known| {
            [
                (IF_NONE_MATCH, &known.etag),
                (IF_MODIFIED_SINCE, &known.last_modified),
            ]
        });
        for (name, value) in validators.into_iter().flatten() {
            if let Some(value) = value.as_ref().and_then(|value| value.parse().ok()) {
                headers.insert(name, value);
            }
        }
        if self.trusted.contains(&origin(url)) {
            headers.extend(self.headers.clone());
        }
        headers
    }

    /// Says whether a page may be requested.
    pub(super) fn judge(&mut self, url: &Url) -> Result<Verdict, Interrupted> {
        Ok(self.rules(url)?.judge(url))
    }

    /// What a site asks of us, which is looked up once.
    fn rules(&mut self, url: &Url) -> Result<&Rules, Interrupted> {
        let site = origin(url);
        if !self.rules.contains_key(&site) {
            let rules = self.fetch_rules(url)?;
            if let Some(wanted) = rules.delay() {
                let host = self.host(url.host_str().unwrap_or_default());
                host.wanted = host.wanted.max(wanted);
            }
            if self.rules.len() >= MAX_RULES
                && let Some(oldest) = self.rules_by_age.pop_front()
            {
                self.rules.remove(&oldest);
            }
            self.rules_by_age.push_back(site.clone());
            self.rules.insert(site.clone(), rules);
        }
        Ok(self.rules.entry(site).or_insert_with(Rules::absent))
    }

    fn fetch_rules(&mut self, url: &Url) -> Result<Rules, Interrupted> {
        let Ok(file) = robotxt::robots_url(url) else {
            return Ok(Rules::absent());
        };
        let reply = self.get(&file, Want::Robots, Redirects::Follow, None)?;
        Ok(match reply {
            Reply::Got(got) => Rules::parse(&got.bytes),
            Reply::Denied(status, _) if status.is_client_error() => Rules::absent(),
            Reply::Refused(refused) => Rules::Refused(refused),
            Reply::Failed(reason) | Reply::Denied(_, reason) => {
                Rules::Unknown(format!("is not read, since its site's robots.txt {reason}"))
            }
            _ => Rules::absent(),
        })
    }

    /// Waits until a host may be asked again; says why it is asked no more.
    fn wait_turn(&mut self, name: &str) -> Result<Option<String>, Interrupted> {
        let host = self.host(name);
        if let Some(reason) = &host.given_up {
            return Ok(Some(reason.clone()));
        }
        let delay = host.delay.max(host.wanted);
        let passed = host.last.map_or(delay, |last| last.elapsed());
        let asked = host.not_before.map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        });
        self.transport
            .sleep(delay.saturating_sub(passed).max(asked))?;
        Ok(None)
    }

    /// Counts a page that a host failed to answer, and gives the host up when there were too many.
    fn note_trouble(&mut self, name: &str, reason: String) -> String {
        let host = self.host(name);
        host.troubles += 1;
        if host.troubles >= MAX_TROUBLES {
            host.given_up = Some(format!(
                "is not asked for: its host failed {MAX_TROUBLES} times in a row, and the last {reason}"
            ));
        }
        reason
    }

    fn host(&mut self, name: &str) -> &mut Host {
        let delay = self.delay.unwrap_or(PUBLIC_DELAY);
        self.hosts.entry(name.to_owned()).or_insert(Host {
            last: None,
            not_before: None,
            delay,
            wanted: Duration::ZERO,
            troubles: 0,
            given_up: None,
        })
    }
}

fn header((name, value): &(String, Secret)) -> Result<(HeaderName, HeaderValue), Error> {
    let bad = |problem| Error::BadHeader {
        name: name.clone(),
        problem,
    };
    let parsed: HeaderName = name
        .parse()
        .map_err(|_| bad("is not a name that a header can have"))?;
    if RESERVED.contains(&parsed.as_str()) {
        return Err(bad("is set by ragctl itself"));
    }
    let mut value: HeaderValue = value
        .reveal()
        .parse()
        .map_err(|_| bad("has a value that a header cannot have"))?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
