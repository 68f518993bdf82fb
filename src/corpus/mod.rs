//! Source → Document: where documents come from, and how each format becomes text with structure.
//!
//! One bad document is that document's failure, with a reason, and never the run's.

mod charset;
mod discover;
mod html;
mod metadata;
mod pdf;
mod records;
mod source;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use discover::{Item, Listing, Origin, list};
pub use metadata::{Columns, Conflict, Kind as ColumnKind, Metadata, Value, check_name};
pub use source::{Input, SourceSpec};

use crate::digest::Digest;
use crate::durable::PathError;
use crate::fault::{Fault, Kind};

/// Bytes of one document beyond which it is refused unread: 64 MiB.
pub const MAX_DOCUMENT_BYTES: u64 = 64 << 20;
/// The version of extraction: raised when the same bytes give another text.
pub const EXTRACTOR: &str = "1";
/// Stack of the extraction thread in bytes. Parsers recurse as deep as a document tells them to.
const EXTRACTION_STACK: usize = 256 << 20;

/// What a document's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Markdown.
    Markdown,
    /// Text without markup that ragctl knows.
    Text,
    /// A web page.
    Html,
    /// A PDF.
    Pdf,
    /// One record of a JSON Lines file.
    Record,
}

impl Format {
    /// Returns the format that a file's extension stands for.
    fn of_extension(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "md" | "markdown" | "mdx" => Self::Markdown,
            "txt" | "text" | "rst" | "adoc" | "log" => Self::Text,
            "html" | "htm" | "xhtml" => Self::Html,
            "pdf" => Self::Pdf,
            "jsonl" | "ndjson" => Self::Record,
            _ => return None,
        })
    }

    /// Returns the format that a file's first bytes stand for, for files whose names do not tell.
    fn of_bytes(bytes: &[u8]) -> Self {
        let head = bytes
            .get(..bytes.len().min(1024))
            .unwrap_or_default()
            .to_ascii_lowercase();
        let has = |needle: &[u8]| head.windows(needle.len()).any(|window| window == needle);
        match () {
            () if has(b"%pdf-") => Self::Pdf,
            () if has(b"<!doctype html") || has(b"<html") => Self::Html,
            () => Self::Text,
        }
    }
}

/// How a document's text marks its structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Markup {
    /// Markdown, headings included.
    Markdown,
    /// None.
    Plain,
}

/// One item of a source, extracted to text.
#[derive(Debug, Clone)]
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
}

/// A source that cannot be listed. A document that cannot be read is a [`Failure`] instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filesystem said no.
    #[error(transparent)]
    Io(#[from] PathError),
    /// The source's path names nothing.
    #[error("source `{id}`: {} does not exist", path.display())]
    NoSuchPath {
        /// The source.
        id: String,
        /// Its path.
        path: PathBuf,
    },
    /// A pattern is not a glob.
    #[error("source `{id}`: {source}")]
    Glob {
        /// The source.
        id: String,
        /// What the glob parser says.
        source: globset::Error,
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
            Self::NoSuchPath { .. }
            | Self::Glob { .. }
            | Self::DuplicateSource(_)
            | Self::BadField { .. } => Kind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io(e) => e.hint(),
            Self::NoSuchPath { .. } => {
                Some("Paths in ragctl.toml are relative to that file, those on the command line to the working directory.".into())
            }
            Self::DuplicateSource(_) => Some("Give each [[source]] an `id` of its own.".into()),
            Self::BadField { .. } => Some("Rename the field in the source's metadata.".into()),
            Self::Glob { .. } => None,
        }
    }
}

/// The text of a document, before it is told where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extracted {
    pub(crate) title: Option<String>,
    pub(crate) text: String,
    pub(crate) markup: Markup,
    pub(crate) pages: Vec<usize>,
}

/// Reads one item of a source. A file of records gives many outcomes, any other item one. `visit` may stop the reading by
/// its error.
pub fn read<E>(
    source: &SourceSpec,
    item: &Item,
    visit: &mut dyn FnMut(Result<Document, Failure>) -> Result<(), E>,
) -> Result<(), E> {
    let fail = |reason: String| Failure {
        source: source.id().to_owned(),
        id: item.id.clone(),
        uri: item.uri.clone(),
        reason,
    };
    if item.format == Some(Format::Record) {
        return match item.open() {
            Ok(reader) => records::read(source, item, reader, visit),
            Err(e) => visit(Err(fail(e.to_string()))),
        };
    }
    visit(
        item.bytes()
            .map_err(|e| e.to_string())
            .and_then(|bytes| read_one(source, item, &bytes))
            .map_err(fail),
    )
}

fn read_one(source: &SourceSpec, item: &Item, bytes: &[u8]) -> Result<Document, String> {
    let format = item.format.unwrap_or_else(|| Format::of_bytes(bytes));
    let extracted = extract(bytes, format)?;
    if !extracted.text.chars().any(char::is_alphanumeric) {
        return Err("holds no text".into());
    }
    Ok(Document {
        source: source.id().to_owned(),
        id: item.id.clone(),
        uri: item.uri.clone(),
        title: extracted.title,
        format,
        text: extracted.text,
        markup: extracted.markup,
        pages: extracted.pages,
        metadata: source.metadata.clone(),
        bytes: bytes.len() as u64,
        sha256: Digest::of(bytes),
    })
}

/// Extracts a document's text on a thread of its own with a deep stack. A parser's panic is the document's failure.
fn extract(bytes: &[u8], format: Format) -> Result<Extracted, String> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(EXTRACTION_STACK)
            .spawn_scoped(scope, || {
                catch_unwind(AssertUnwindSafe(|| extract_here(bytes, format)))
                    .unwrap_or_else(|_| Err("the parser gave up on it".into()))
            })
            .map_err(|e| format!("no thread to read it on: {e}"))?
            .join()
            .unwrap_or_else(|_| Err("the parser gave up on it".into()))
    })
}

fn extract_here(bytes: &[u8], format: Format) -> Result<Extracted, String> {
    match format {
        Format::Pdf => pdf::extract(bytes),
        Format::Html => html::extract(&charset::decode(bytes, charset::Hint::Html)?),
        Format::Markdown | Format::Text | Format::Record => {
            let text = charset::decode(bytes, charset::Hint::None)?;
            let markup = if format == Format::Markdown {
                Markup::Markdown
            } else {
                Markup::Plain
            };
            let title = (markup == Markup::Markdown)
                .then(|| first_heading(&text))
                .flatten();
            Ok(Extracted {
                title,
                text,
                markup,
                pages: Vec::new(),
            })
        }
    }
}

/// Returns the text of a Markdown text's first heading, if that is of level one.
fn first_heading(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with('#'))?;
    let title = line.strip_prefix("# ")?.trim();
    (!title.is_empty()).then(|| title.to_owned())
}
