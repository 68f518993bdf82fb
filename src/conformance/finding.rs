//! What can be wrong with an answer, and how it is told.

use std::fmt;

use serde::Serialize;

/// Longer values are cut in findings.
const SHOWN: usize = 200;

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// No connection, though the server had answered before.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// The connection, or the answer, broke off.
    Broken,
    /// The command ended instead of answering.
    Exited,
    /// The status says that it is no answer.
    Status,
    /// The answer is larger than any honest one.
    TooLarge,
    /// The answer is no JSON.
    NotJson,
    /// A field is missing, or is there more than once.
    Shape,
    /// A field is of another type.
    Type,
    /// A score lies outside its range.
    ScoreRange,
    /// A hit is better than the one before it.
    Order,
    /// An id stands there twice.
    Duplicate,
    /// There are more hits than were asked for.
    TooMany,
    /// It names a version that there is not.
    UnknownVersion,
    /// It is right for a version that is no longer served.
    StaleVersion,
    /// It names one version and is wholly another's.
    Misnamed,
    /// Its hits come from more than one version.
    Mixed,
    /// The hits, or their order, are not the version's.
    WrongHits,
    /// A hit's score is not the version's.
    WrongScore,
    /// A hit's text is not the version's.
    WrongText,
}

/// The first thing that is wrong with one answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is.
    pub flaw: Flaw,
    /// The question's id.
    pub question: String,
    /// The round, from 1.
    pub round: usize,
    /// The version that the answer names or comes nearest to, where one is known.
    pub version: Option<String>,
    /// The hit's place, from 1, where it is one hit that is wrong.
    pub rank: Option<usize>,
    /// What should be.
    pub expected: String,
    /// What is.
    pub found: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, round {}", self.question, self.round)?;
        if let Some(version) = &self.version {
            write!(f, ", {version}")?;
        }
        if let Some(rank) = self.rank {
            write!(f, ", rank {rank}")?;
        }
        write!(f, ": expected {}, found {}", self.expected, self.found)
    }
}

/// A finding before it is known which question it belongs to. Its texts are the server's own: of any length, and with any
/// secret that the server sent back.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) flaw: Flaw,
    pub(super) version: Option<String>,
    pub(super) rank: Option<usize>,
    pub(super) expected: String,
    pub(super) found: String,
}

impl Wrong {
    pub(super) fn new(flaw: Flaw, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            flaw,
            version: None,
            rank: None,
            expected: expected.into(),
            found: found.into(),
        }
    }

    pub(super) fn of(self, version: impl Into<String>) -> Self {
        Self {
            version: Some(version.into()),
            ..self
        }
    }

    /// Says which hit, counted from 0.
    pub(super) fn at(self, place: usize) -> Self {
        Self {
            rank: Some(place + 1),
            ..self
        }
    }

    /// Makes it a finding, with texts that are fit to be shown.
    pub(super) fn asked(
        self,
        question: &str,
        round: usize,
        redacted: impl Fn(&str) -> String,
    ) -> Finding {
        let shown = |text: String| cut(&redacted(&text));
        Finding {
            flaw: self.flaw,
            question: question.to_owned(),
            round,
            version: self.version.map(shown),
            rank: self.rank,
            expected: cut(&self.expected),
            found: shown(self.found),
        }
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
