//! One thing that was looked at: how it stands, what was seen, what to do.

use std::io;

use serde::Serialize;

use crate::durable::PathError;
use crate::fault::{Fault, Kind};
use crate::store::Error as StoreError;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// What the filesystem can do.
    Filesystem,
    /// What the store looks like.
    Store,
    /// What this machine has.
    Machine,
    /// What a remote can do.
    Remote,
}

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, but somebody should know.
    Warning,
    /// It does not work, or is damaged.
    Failed,
    /// It could not be looked at from here.
    NotRun,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What it is about.
    pub group: Group,
    /// Its name, which stays the same from release to release.
    pub name: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// What to do, unless all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    #[serde(skip)]
    pub(super) kind: Kind,
}

/// What looking at one thing gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok(String),
    Warning {
        seen: String,
        advice: String,
    },
    Failed {
        kind: Kind,
        seen: String,
        advice: String,
    },
    NotRun {
        seen: String,
        advice: String,
    },
}

impl Outcome {
    pub(super) fn ok(seen: impl Into<String>) -> Self {
        Self::Ok(seen.into())
    }

    pub(super) fn warning(seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Warning {
            seen: seen.into(),
            advice: advice.into(),
        }
    }

    pub(super) fn damaged(seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Failed {
            kind: Kind::Integrity,
            seen: seen.into(),
            advice: advice.into(),
        }
    }

    pub(super) fn unsuitable(seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Failed {
            kind: Kind::Filesystem,
            seen: seen.into(),
            advice: advice.into(),
        }
    }

    pub(super) fn not_run(seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::NotRun {
            seen: seen.into(),
            advice: advice.into(),
        }
    }
}

impl From<PathError> for Outcome {
    fn from(error: PathError) -> Self {
        match error.source.kind() {
            io::ErrorKind::PermissionDenied => Self::not_run(
                format!("cannot be looked at: {error}"),
                "Run this as the user who owns the store.",
            ),
            _ => Self::Failed {
                kind: error.kind(),
                advice: error
                    .hint()
                    .unwrap_or_else(|| "Look at the disk and at the system's log.".into()),
                seen: error.to_string(),
            },
        }
    }
}

impl From<StoreError> for Outcome {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Io(e) => e.into(),
            other => Self::Failed {
                kind: other.kind(),
                advice: other
                    .hint()
                    .unwrap_or_else(|| "`ragctl verify` tells more.".into()),
                seen: other.to_string(),
            },
        }
    }
}

impl<E: Into<Self>> From<Result<Self, E>> for Outcome {
    fn from(result: Result<Self, E>) -> Self {
        result.unwrap_or_else(Into::into)
    }
}

impl Finding {
    pub(super) fn new(group: Group, name: &'static str, outcome: Outcome) -> Self {
        let (verdict, kind, seen, advice) = match outcome {
            Outcome::Ok(seen) => (Verdict::Ok, Kind::Failed, seen, None),
            Outcome::Warning { seen, advice } => {
                (Verdict::Warning, Kind::Failed, seen, Some(advice))
            }
            Outcome::Failed { kind, seen, advice } => (Verdict::Failed, kind, seen, Some(advice)),
            Outcome::NotRun { seen, advice } => (Verdict::NotRun, Kind::Failed, seen, Some(advice)),
        };
        Self {
            group,
            name,
            verdict,
            seen,
            advice,
            kind,
        }
    }
}
