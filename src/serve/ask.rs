//! What every transport does with a request: check it, pick one version, have it computed, and say what went wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::live::{Live, Refused, Served};
use super::metrics::Metrics;
use super::pool::{Failed, Outcome, Pool, Question, Task};
use tokio::time::timeout_at;

use crate::fault::{Fault as _, Kind};
use crate::index::{Filter, Mode};

/// What one request may ask for.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Hits a question.
    pub k: usize,
    /// Questions or texts a request.
    pub queries: usize,
    /// Bytes of a question, an id or a filter.
    pub text: usize,
    /// Bytes of a request's body.
    pub body: usize,
    /// How long a request may take, from its header on.
    pub time: Duration,
    /// Questions and texts that wait for a thread.
    pub waiting: usize,
    /// Connections.
    pub connections: usize,
    /// How long a client may take to send a request's header.
    pub header: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            k: 1000,
            queries: 128,
            text: 8 << 10,
            body: 1 << 20,
            time: Duration::from_secs(10),
            waiting: 1024,
            connections: 4096,
            header: Duration::from_secs(30),
        }
    }
}

/// Hits that a question gets unless it says.
pub(super) const DEFAULT_K: usize = 10;
/// Hits of one request, unless one question alone may ask for more.
const HITS: usize = 10_000;
/// Texts that are embedded in one piece: a thread that takes more keeps others waiting.
const TEXTS: usize = 8;

/// What all requests share.
pub(super) struct App {
    pub(super) lives: Vec<Live>,
    pub(super) pool: Pool,
    pub(super) limits: Limits,
    pub(super) metrics: Metrics,
    pub(super) draining: AtomicBool,
}

/// One question as it came.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) text: Option<String>,
    pub(super) vector: Option<Vec<f32>>,
}

/// What a search asks beside its questions.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) k: Option<usize>,
    pub(super) filter: Option<String>,
    pub(super) mode: Option<Mode>,
}

/// Why a request is not answered.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) what: What,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// What kind of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The request is wrong.
    Invalid,
    /// There is no such thing.
    NotFound,
    /// Another version is served than the one asked for.
    Conflict,
    /// There is too much to do.
    Busy,
    /// It took too long.
    Late,
    /// Nothing can answer now.
    Unavailable,
    /// The version or the code is at fault.
    Broken,
}

impl Problem {
    pub(super) fn new(what: What, message: impl Into<String>) -> Self {
        Self {
            what,
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(What::Invalid, message)
    }

    fn hinted(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let what = match refused {
            Refused::Nothing(_) => What::Unavailable,
            Refused::Other { .. } => What::Conflict,
        };
        Self::new(what, refused.to_string())
    }
}

impl From<Failed> for Problem {
    fn from(failed: Failed) -> Self {
        let what = match &failed {
            Failed::Full => What::Busy,
            Failed::Late => What::Late,
            Failed::Panicked => What::Broken,
            Failed::Version(e) => match e.kind() {
                Kind::Usage | Kind::Incompatible => What::Invalid,
                _ => What::Broken,
            },
        };
        let message = match what {
            // What is wrong inside is for the log, not for whoever asks.
            What::Broken => "the version could not be searched".to_owned(),
            _ => failed.to_string(),
        };
        if what == What::Broken {
            tracing::warn!("a request failed: {failed}");
        }
        Self::new(what, message).hinted(failed.hint())
    }
}

impl App {
    /// The store of a name, or the first.
    pub(super) fn live(&self, store: Option<&str>) -> Result<&Live, Problem> {
        let Some(name) = store else {
            let none = || Problem::new(What::Unavailable, "no store is served");
            return self.lives.first().ok_or_else(none);
        };
        self.lives
            .iter()
            .find(|live| live.name() == name)
            .ok_or_else(|| {
                let names: Vec<&str> = self.lives.iter().map(Live::name).collect();
                Problem::new(What::NotFound, "there is no store of that name")
                    .hinted(Some(format!("The stores are: {}.", names.join(", "))))
            })
    }

    /// Whether every store has a version that answers, and the server is not about to end.
    pub(super) fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed)
            && self.lives.iter().all(|live| live.pick(None).is_ok())
    }

    /// Answers questions from one version.
    pub(super) async fn search(
        &self,
        served: &Arc<Served>,
        asked: Vec<Asked>,
        wanted: Wanted,
    ) -> Result<Vec<Outcome>, Problem> {
        let k = wanted.k.unwrap_or(DEFAULT_K);
        if !(1..=self.limits.k).contains(&k) {
            return Err(Problem::invalid(format!(
                "k is from 1 to {}",
                self.limits.k
            )));
        }
        self.check_count(asked.len(), "queries")?;
        let most = self.limits.k.max(HITS);
        if asked.len().saturating_mul(k) > most {
            return Err(Problem::invalid(format!(
                "a request asks for at most {most} hits in all"
            )));
        }
        let filter = wanted.filter.map(|text| self.filter(&text)).transpose()?;
        let mode = wanted.mode.unwrap_or_default();
        let dimension = served.manifest().space.dimension;
        let tasks = asked
            .into_iter()
            .map(|asked| {
                Ok(Task::Search {
                    question: self.question(asked, mode, dimension)?,
                    mode,
                    k,
                    filter: filter.clone(),
                })
            })
            .collect::<Result<Vec<_>, Problem>>()?;
        self.compute(served, tasks).await
    }

    /// Embeds texts as they are: a vector each with its text's tokens.
    pub(super) async fn embed(
        &self,
        served: &Arc<Served>,
        texts: Vec<String>,
    ) -> Result<Vec<(Vec<f32>, usize)>, Problem> {
        self.check_count(texts.len(), "texts")?;
        let pieces = texts.chunks(TEXTS).map(|texts| Task::Embed(texts.to_vec()));
        let outcomes = self.compute(served, pieces.collect()).await?;
        let vectors = outcomes.into_iter().map(|outcome| match outcome {
            Outcome::Vectors(vectors) => vectors,
            _ => Vec::new(),
        });
        Ok(vectors.flatten().collect())
    }

    /// The chunk of an id.
    pub(super) async fn chunk(
        &self,
        served: &Arc<Served>,
        id: &str,
    ) -> Result<crate::index::Chunk, Problem> {
        self.check_text(id, "an id")?;
        let task = Task::Chunk(id.to_owned());
        match self.compute(served, vec![task]).await?.pop() {
            Some(Outcome::Chunk(Some(chunk))) => Ok(*chunk),
            _ => Err(Problem::new(
                What::NotFound,
                format!("{} has no chunk of that id", served.name()),
            )),
        }
    }

    async fn compute(
        &self,
        served: &Arc<Served>,
        tasks: Vec<Task>,
    ) -> Result<Vec<Outcome>, Problem> {
        // Sooner than the request's own end, which came with its header: this one can say why.
        let until = Instant::now() + self.limits.time * 9 / 10;
        let mut waiting = Vec::with_capacity(tasks.len());
        for task in tasks {
            waiting.push(self.pool.submit(served, task, until)?);
        }
        let mut outcomes = Vec::with_capacity(waiting.len());
        for outcome in waiting {
            let outcome = match timeout_at(until.into(), outcome).await {
                Ok(outcome) => outcome.unwrap_or(Err(Failed::Panicked)),
                Err(_) => Err(Failed::Late),
            };
            outcomes.push(outcome.map_err(|failed| problem_of(served, failed))?);
        }
        Ok(outcomes)
    }

    fn question(&self, asked: Asked, mode: Mode, dimension: usize) -> Result<Question, Problem> {
        if let Some(text) = &asked.text {
            self.check_text(text, "a question")?;
        }
        if let Some(vector) = &asked.vector {
            check_vector(vector, dimension)?;
        }
        match (asked.text, asked.vector, mode) {
            (Some(text), None, _) => Ok(Question::Text(text)),
            (None, Some(vector), Mode::Vector) => Ok(Question::Vector(vector)),
            (Some(text), Some(vector), Mode::Hybrid) => Ok(Question::Both(text, vector)),
            (Some(_), Some(_), _) => Err(Problem::invalid(
                "a query has a text and a vector only where mode is hybrid",
            )),
            (None, Some(_), _) => Err(Problem::invalid(format!("mode {mode} needs a text"))),
            (None, None, _) => Err(Problem::invalid("a query has a text or a vector")),
        }
    }

    fn filter(&self, text: &str) -> Result<Arc<Filter>, Problem> {
        self.check_text(text, "a filter")?;
        let wrong = |e: crate::index::FilterError| Problem::invalid(e.to_string()).hinted(e.hint());
        Ok(Arc::new(text.parse().map_err(wrong)?))
    }

    fn check_count(&self, count: usize, what: &str) -> Result<(), Problem> {
        match (1..=self.limits.queries).contains(&count) {
            true => Ok(()),
            false => Err(Problem::invalid(format!(
                "a request has from 1 to {} {what}",
                self.limits.queries
            ))),
        }
    }

    pub(super) fn check_text(&self, text: &str, what: &str) -> Result<(), Problem> {
        if text.trim().is_empty() {
            return Err(Problem::invalid(format!("{what} is empty")));
        }
        match text.len() <= self.limits.text {
            true => Ok(()),
            false => Err(Problem::invalid(format!(
                "{what} is longer than {} bytes",
                self.limits.text
            ))),
        }
    }
}

/// What went wrong with a version's answer. One whose files are gone cannot answer what is not in memory until they are back.
fn problem_of(served: &Served, failed: Failed) -> Problem {
    let problem = Problem::from(failed);
    match problem.what {
        What::Broken if !served.is_there() => Problem::new(
            What::Unavailable,
            format!("the files of {} cannot be read now", served.name()),
        ),
        _ => problem,
    }
}

/// A vector that can be compared: of the right length, of numbers, and not nothing.
fn check_vector(vector: &[f32], dimension: usize) -> Result<(), Problem> {
    if vector.len() != dimension {
        return Err(Problem::invalid(format!(
            "the vector has {} numbers, the version's have {dimension}",
            vector.len()
        )));
    }
    let length: f32 = vector.iter().map(|number| number * number).sum();
    match length.is_finite() && length > 0.0 {
        true => Ok(()),
        false => Err(Problem::invalid(
            "the vector has no length that can be compared",
        )),
    }
}
