//! Golden queries: questions that matter, and what must be found for them. A version carries its file along; gates, reports
//! and warm-up read it from there.

mod compare;
mod score;
mod suggest;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use compare::{Regression, regressions};
pub use score::{Answered, DEPTH, RECALL_AT, Scores, TagScores, evaluate};
pub use suggest::{Suggestion, suggest};

use crate::durable::{self, PathError};
use crate::fault::{Fault, Kind};

/// The file's name inside a version.
pub const GOLDEN: &str = "golden.jsonl";

/// One question.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Its name; the line's number where it has none.
    pub id: String,
    /// What is asked.
    pub text: String,
    /// The group that it is scored with, beside all.
    pub tag: Option<String>,
    /// What must be found.
    pub expect: Vec<Expectation>,
}

/// One thing that must be found.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// What it is.
    pub wanted: Wanted,
    /// How much it is worth, above 0; 1 where nothing is said.
    pub grade: f64,
}

/// What a hit is recognised by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A document's or chunk's id, or a document's URI.
    Named(String),
    /// A document's id, or a chunk's.
    Id(String),
    /// A document's URI.
    Uri(String),
    /// Words that stand in the chunk, whatever the space between them.
    Text(String),
}

/// Golden queries that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] PathError),
    /// A line is wrong.
    #[error("{file} line {line}: {problem}")]
    Line {
        /// The file.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// There is no question.
    #[error("{0} holds no question")]
    Empty(String),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Io(e) if e.is_not_found() => Kind::Usage,
            Self::Io(e) => e.kind(),
            Self::Line { .. } | Self::Empty(_) => Kind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io(e) => return e.hint(),
            Self::Line { .. } | Self::Empty(_) => "A line is {\"query\": \"how do I …?\", \"expect\": [\"docs/install.md\", {\"text\": \"a sentence that must be found\", \"grade\": 2}], \"tag\": \"install\"}. `ragctl golden suggest` proposes some.".into(),
        })
    }
}

/// A line as it is written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    query: String,
    expect: Vec<LineExpectation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(
    untagged,
    expecting = "an expectation is an id or URI in quotes, or {\"id\" | \"uri\" | \"text\": …, \"grade\": 1}"
)]
enum LineExpectation {
    Named(String),
    Described(Described),
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Described {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grade: Option<f64>,
}

/// Reads golden queries from a file.
pub fn read(path: &Path) -> Result<Vec<Query>, Error> {
    use crate::durable::Context as _;
    let bytes = std::fs::read(path).context(path)?;
    parse(&bytes, &path.display().to_string())
}

/// Reads the golden queries that a version carries, if it does.
pub fn of_version(dir: &Path) -> Result<Option<Vec<Query>>, Error> {
    match durable::read_beneath(dir, Path::new(GOLDEN)) {
        Ok(bytes) => parse(&bytes, GOLDEN).map(Some),
        Err(e) if e.is_not_found() => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Reads golden queries, one a line; empty lines count for nothing.
pub fn parse(bytes: &[u8], file: &str) -> Result<Vec<Query>, Error> {
    let mut queries = Vec::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let wrong = |problem: String| Error::Line {
            file: file.to_owned(),
            line: index + 1,
            problem,
        };
        let line: Line = serde_json::from_slice(line).map_err(|e| wrong(e.to_string()))?;
        if line.query.trim().is_empty() {
            return Err(wrong("the query is empty".into()));
        }
        if line.expect.is_empty() {
            return Err(wrong("nothing is expected".into()));
        }
        let expect = line.expect.into_iter().map(LineExpectation::read);
        queries.push(Query {
            id: line.id.unwrap_or_else(|| (index + 1).to_string()),
            text: line.query,
            tag: line.tag,
            expect: expect.collect::<Result<_, _>>().map_err(wrong)?,
        });
    }
    if queries.is_empty() {
        return Err(Error::Empty(file.to_owned()));
    }
    Ok(queries)
}

impl LineExpectation {
    fn read(self) -> Result<Expectation, String> {
        let (wanted, grade) = match self {
            Self::Named(name) => (Wanted::Named(name), None),
            Self::Described(Described {
                id,
                uri,
                text,
                grade,
            }) => match (id, uri, text) {
                (Some(id), None, None) => (Wanted::Id(id), grade),
                (None, Some(uri), None) => (Wanted::Uri(uri), grade),
                (None, None, Some(text)) => (Wanted::Text(text), grade),
                _ => return Err("an expectation has one of id, uri and text".into()),
            },
        };
        let grade = grade.unwrap_or(1.0);
        if wanted.as_str().trim().is_empty() {
            return Err("an expectation is empty".into());
        }
        match grade.is_finite() && grade > 0.0 {
            true => Ok(Expectation { wanted, grade }),
            false => Err(format!("a grade is above 0, not {grade}")),
        }
    }
}

impl Wanted {
    /// The words that it was written with.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Named(text) | Self::Id(text) | Self::Uri(text) | Self::Text(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(line: &str) -> String {
        parse(line.as_bytes(), "g").unwrap_err().to_string()
    }

    #[test]
    fn a_line_says_what_is_asked_and_what_must_be_found() {
        let text = b"\n{\"query\":\"how?\",\"expect\":[\"a.md\",{\"text\":\"do so\",\"grade\":2}],\"tag\":\"t\"}\n";
        let queries = parse(text, "g").unwrap();
        assert_eq!(queries.len(), 1);
        assert_eq!(queries[0].id, "2");
        assert_eq!(queries[0].tag.as_deref(), Some("t"));
        let wanted = |index: usize| {
            (
                &queries[0].expect[index].wanted,
                queries[0].expect[index].grade,
            )
        };
        assert_eq!(wanted(0), (&Wanted::Named("a.md".into()), 1.0));
        assert_eq!(wanted(1), (&Wanted::Text("do so".into()), 2.0));
    }

    #[test]
    fn a_wrong_line_is_named_with_what_is_wrong() {
        assert!(
            problem("{\"query\":\"q\",\"expect\":[]}").contains("g line 1: nothing is expected")
        );
        assert!(problem("{\"query\":\" \",\"expect\":[\"a\"]}").contains("is empty"));
        assert!(
            problem("{\"query\":\"q\",\"expects\":[\"a\"]}").contains("unknown field `expects`")
        );
        assert!(
            problem("{\"query\":\"q\",\"expect\":[{\"id\":\"a\",\"uri\":\"b\"}]}")
                .contains("one of")
        );
        assert!(
            problem("{\"query\":\"q\",\"expect\":[{\"id\":\"a\",\"grade\":0}]}")
                .contains("above 0")
        );
        assert!(
            problem("{\"query\":\"q\",\"expect\":[{\"idd\":\"a\"}]}").contains("an expectation is")
        );
        assert!(problem("\n\n").contains("holds no question"));
    }
}
