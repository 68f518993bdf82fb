//! Source → Document: where documents come from, and how each format becomes text with structure.
//!
//! Untrusted bytes are parsed in worker processes with limits. One bad document is that document's failure, with a reason,
//! and never the run's.

mod discover;
mod fetched;
mod format;
mod metadata;
mod normal;
mod pattern;
mod read;
mod source;
mod web;
mod worker;

use std::io::{self, Read};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use discover::{Item, LeftOut, Listing, Origin, left_out, list};
pub use fetched::fetch;
pub use format::{Fields, Flag, Format, HtmlMode, HtmlModeError, Mark, Markup, Options, Task};
pub use metadata::{Columns, Conflict, Kind as ColumnKind, Metadata, Value, check_name};
pub use normal::Offsets;
pub use pattern::PatternError;
pub use read::{Job, Outcome, Reader, read_all};
pub use source::{Input, SourceSpec};
pub use web::{Memory as WebMemory, Secret, redact};
pub use worker::{
    COMMAND as WORKER_COMMAND, Error as WorkerError, Stopped, Worker, serve as serve_worker,
};

use crate::digest::Digest;
use crate::durable::PathError;
use crate::fault::{Fault, Kind};

/// Bytes of one document beyond which it is refused unread: 64 MiB.
pub const MAX_DOCUMENT_BYTES: u64 = 64 << 20;
/// Bytes of text that one document may give: 16 MiB.
pub const MAX_TEXT_BYTES: usize = 16 << 20;
/// The version of extraction: raised when the same bytes give another text.
pub const EXTRACTOR: &str = "2";

/// One item of a source, extracted to text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Its source's id.
    pub source: String,
    /// Its id within the source.
    pub id: String,
    /// Where it lies, for people and citations.
    pub uri: String,
    /// Its title, where it has one.
    pub title: Option<String>,
    /// What its bytes were.
    pub format: Format,
    /// The text that is chunked.
    pub text: String,
    /// How the text marks its structure.
    pub markup: Markup,
    /// Byte offsets into `text` at which pages begin; empty where there are no pages.
    pub pages: Vec<usize>,
    /// What a reader of its chunks should know, by place.
    pub marks: Vec<Mark>,
    /// Where its text stood before it was normalised.
    pub offsets: Offsets,
    /// Its own metadata and the user's.
    pub metadata: Metadata,
    /// Size of its bytes.
    pub bytes: u64,
    /// The hash of its bytes.
    pub sha256: Digest,
}

/// A document that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its source's id.
    pub source: String,
    /// Its id within the source.
    pub id: String,
    /// Where it lies.
    pub uri: String,
    /// Why it could not be read, as a clause.
    pub reason: String,
    /// Whether it was read, and held no text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
}

impl Failure {
    /// A document that could not be read, for a reason.
    pub fn new(
        source: impl Into<String>,
        id: impl Into<String>,
        uri: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            source: source.into(),
            id: id.into(),
            uri: uri.into(),
            reason: reason.into(),
            empty: false,
        }
    }
}

/// Why a document larger than [`MAX_DOCUMENT_BYTES`] is not read, as a clause.
fn too_large() -> String {
    format!("is larger than {} MiB", MAX_DOCUMENT_BYTES >> 20)
}

fn refuse_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, too_large())
}

/// Reads what may be a document, and no more than that.
fn read_whole(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_DOCUMENT_BYTES + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MAX_DOCUMENT_BYTES {
        true => Err(refuse_large()),
        false => Ok(bytes),
    }
}

/// A source that cannot be listed. A document that cannot be read is a [`Failure`] instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filesystem said no.
    #[error(transparent)]
    Io(#[from] PathError),
    /// No worker can be used.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The source's path names nothing.
    #[error("source `{id}`: {} does not exist", path.display())]
    NoSuchPath {
        /// The source.
        id: String,
        /// Its path.
        path: PathBuf,
    },
    /// A pattern cannot be used.
    #[error("source `{id}`: {source}")]
    Pattern {
        /// The source.
        id: String,
        /// Why.
        source: PatternError,
    },
    /// A source does not say where to read.
    #[error("source `{id}` {problem}")]
    Source {
        /// The source.
        id: String,
        /// What is wrong with it, as a clause.
        problem: String,
        /// What to do.
        hint: &'static str,
    },
    /// A source of the web cannot be fetched.
    #[error("source `{id}`: {source}")]
    Web {
        /// The source.
        id: String,
        /// Why.
        source: Box<web::Error>,
    },
    /// Two sources share an id.
    #[error("two sources have the id `{0}`")]
    DuplicateSource(String),
    /// A metadata field's name cannot be a column.
    #[error("metadata field `{name}` {problem}")]
    BadField {
        /// The field.
        name: String,
        /// Why it cannot, as a clause.
        problem: &'static str,
    },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Io(e) => e.kind(),
            Self::Worker(e) => e.kind(),
            Self::Web { source, .. } => source.kind(),
            Self::NoSuchPath { .. }
            | Self::Source { .. }
            | Self::Pattern { .. }
            | Self::DuplicateSource(_)
            | Self::BadField { .. } => Kind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io(e) => e.hint(),
            Self::Worker(e) => e.hint(),
            Self::Web { source, .. } => source.hint(),
            Self::NoSuchPath { .. } => {
                Some("Paths in ragctl.toml are relative to that file, those on the command line to the working directory.".into())
            }
            Self::DuplicateSource(_) => Some("Give each [[source]] an `id` of its own.".into()),
            Self::BadField { .. } => Some("Rename the field in the source's metadata.".into()),
            Self::Source { hint, .. } => Some((*hint).into()),
            Self::Pattern { .. } => None,
        }
    }
}
