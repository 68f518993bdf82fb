//! Does a running server answer as its versions do? Asks it in concurrent rounds, while versions may flip underneath, and
//! holds every answer against the index of the version that gave it.

mod answer;
mod client;
mod command;
mod differ;
mod file;
mod finding;
mod http;
mod judge;
mod latency;
mod mapping;
mod mistake;
mod outcome;
mod rounds;
mod rules;
mod target;
mod template;
#[cfg(test)]
mod tests;
mod worker;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

pub use finding::{Finding, Flaw};
pub use latency::Latency;
pub use mapping::{Mapping, Variables};
pub use mistake::Mistake;
pub use outcome::{KEPT, Outcome};
pub use rounds::check;
pub use target::Target;

use crate::fault::{Fault, Kind};
use crate::progress::Interrupted;

/// One hit that a version's own index gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// The chunk's id.
    pub id: String,
    /// How similar it is: a cosine.
    pub score: f32,
    /// Its text.
    pub text: String,
}

/// What the versions' own indexes answer.
pub trait Oracle: Sync {
    /// Names the versions that an answer may belong to at this moment, the live one first. It is asked before and after
    /// every question. A version that a server may still hold after a flip belongs to them.
    fn versions(&self) -> Result<Vec<String>, Box<dyn Fault>>;

    /// Gives the first hits of a question in a version, best first: `k` and some more, so that hits that tie with the last
    /// place are known. `None` when there is no such version.
    fn expected(
        &self,
        version: &str,
        question: usize,
    ) -> Result<Option<Arc<Vec<Expected>>>, Box<dyn Fault>>;
}

/// One query that the server is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The name that findings give it.
    pub id: String,
    /// What is asked.
    pub text: String,
}

/// What to ask, and how strictly to look at the answers.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The queries of one round.
    pub questions: &'a [Question],
    /// How many hits each asks for.
    pub k: usize,
    /// How often every query is asked.
    pub rounds: usize,
    /// How many ask at the same time.
    pub clients: usize,
    /// How long one answer may take.
    pub timeout: Duration,
    /// How long after the beginning a server may refuse connections, or say 503 with `Retry-After`.
    pub grace: Duration,
    /// Hits whose expected scores differ by no more than this may stand in either order.
    pub ties: f64,
    /// How far a cosine may be from the expected one.
    pub scores: f64,
}

impl<'a> Request<'a> {
    /// Asks for `k` hits in 3 rounds by 4 clients, with 10 s for an answer and no grace.
    pub fn new(questions: &'a [Question], k: usize) -> Self {
        Self {
            questions,
            k,
            rounds: 3,
            clients: 4,
            timeout: Duration::from_secs(10),
            grace: Duration::ZERO,
            ties: 1e-4,
            scores: 1e-3,
        }
    }
}

/// A check that could not be carried out. What it finds wrong is in the [`Outcome`] instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The mapping, the URL or the numbers make no sense.
    #[error(transparent)]
    Mistake(#[from] Mistake),
    /// Nobody answers there, not even once.
    #[error("{at} {why}")]
    Unreachable {
        /// The server, without secrets.
        at: String,
        /// What happened, as a clause.
        why: String,
    },
    /// The command ended and answered nothing, not even once.
    #[error("{program} answered nothing, but {found}")]
    Ended {
        /// The command.
        program: String,
        /// What came instead.
        found: String,
    },
    /// The command cannot be started.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The command.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// The machine cannot give another thread, or a client for HTTP.
    #[error("cannot ask: {0}")]
    Machine(String),
    /// No version is live, so that no answer can be right.
    #[error("no version is live to hold the answers against")]
    NoVersion,
    /// The versions' own answers cannot be had.
    #[error(transparent)]
    Oracle(OracleFailed),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Why an [`Oracle`] has no answer.
#[derive(Debug)]
pub struct OracleFailed(pub Box<dyn Fault>);

impl fmt::Display for OracleFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for OracleFailed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl From<Box<dyn Fault>> for Error {
    fn from(fault: Box<dyn Fault>) -> Self {
        Self::Oracle(OracleFailed(fault))
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Mistake(e) => e.kind(),
            Self::Unreachable { .. }
            | Self::Ended { .. }
            | Self::Start { .. }
            | Self::Machine(_) => Kind::Failed,
            Self::NoVersion => Kind::NotFound,
            Self::Oracle(e) => e.0.kind(),
            Self::Interrupted(e) => e.kind(),
        }
    }

    fn is_drawn(&self) -> bool {
        match self {
            Self::Mistake(e) => e.is_drawn(),
            Self::Oracle(e) => e.0.is_drawn(),
            _ => false,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Mistake(e) => e.hint(),
            Self::Unreachable { .. } => {
                Some("Start the server first, or give it time to start with a grace period.".into())
            }
            Self::Start { .. } => Some("Give the command and its arguments after `--`.".into()),
            Self::Ended { .. } => Some(
                "It must read requests, one JSON a line, and write an answer for each, one JSON a line.".into(),
            ),
            Self::NoVersion => Some("Publish a version first.".into()),
            Self::Oracle(e) => e.0.hint(),
            Self::Machine(_) | Self::Interrupted(_) => None,
        }
    }
}
