//! Document → Chunk: spans that fit the model's window, cut where the structure allows.
//!
//! Headings make sections, and a chunk never mixes two of them but where one is too short to stand alone. Within a section
//! cuts go between paragraphs, else between items, rows and lines, else between sentences, and only where one sentence is
//! longer than a chunk between words. What would fit a chunk of its own is not cut; a heading or a lead-in stays with what
//! follows; the last sentences before a cut are repeated behind it.

mod atoms;
mod outline;
mod pack;
mod record;
mod stats;
#[cfg(test)]
mod tests;

use atoms::Atoms;
use outline::Heading;
pub use record::ChunkRecord;
pub use stats::{Bin, Ends, Lengths, Stats, Summary};

use crate::corpus::{Document, Flag};
use crate::fault::{Fault, Kind};
use crate::model::Tokenizer;

/// The version of chunking: raised when the same text gives other chunks.
pub const CHUNKER: &str = "2";

/// How documents become chunks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strategy {
    /// By headings and semantic units.
    #[default]
    Structure,
    /// One chunk a document; what exceeds the window has no part in the vector.
    Document,
}

/// How documents are cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policy {
    /// Where cuts may be.
    pub strategy: Strategy,
    /// The cap of a chunk's text in tokens; the model's window by default.
    pub max_tokens: Option<usize>,
    /// Tokens below which a piece is joined to a neighbour where both fit; an eighth of the cap by default.
    pub min_tokens: Option<usize>,
    /// Tokens that neighbours of a section may share, in whole sentences; 32 by default, and at most a quarter of the cap.
    pub overlap: Option<usize>,
    /// Whether the headings above a chunk are embedded before its text.
    pub heading_prefix: bool,
}

const DEFAULT_OVERLAP: usize = 32;
/// The part of the window that headings before a text may take.
const PREFIX_SHARE: usize = 4;

/// What the end of a chunk is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cut {
    /// The end of its section, or of the document.
    #[default]
    Section,
    /// The end of a paragraph, an item or another block.
    Paragraph,
    /// The end of a row, in a table.
    Row,
    /// The end of a line, in code.
    Line,
    /// The end of a sentence, in a paragraph.
    Sentence,
    /// The end of a word, in a sentence.
    Words,
    /// A place in a word.
    Word,
}

/// A span of a document, the unit that is embedded and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Its place in the document, from 0.
    pub ordinal: u32,
    /// Byte offset of its first byte in the document's text.
    pub start: usize,
    /// Byte offset behind its last byte.
    pub end: usize,
    /// Headings above it, outermost first.
    pub heading: Vec<String>,
    /// The page that it begins on, from 1; `None` where there are no pages.
    pub page: Option<u32>,
    /// Tokens of what is embedded, special tokens not counted.
    pub tokens: usize,
    /// Whether its end lies outside the model's window.
    pub truncated: bool,
    /// What a reader should know about it, sorted.
    pub flags: Vec<Flag>,
    /// Where it was cut off.
    pub cut: Cut,
    /// Pieces below the minimum that were joined to it.
    pub joined: usize,
    /// What is embedded before its text: headings that it does not have itself, and the line break behind them.
    pub prefix: Option<String>,
    /// Its text.
    pub text: String,
}

/// Settings that no chunker can follow.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cap is larger than the window, or nothing fits.
    #[error("chunk.max_tokens is {asked}, but the model takes 1 to {window} tokens of content")]
    Window {
        /// The cap asked for.
        asked: usize,
        /// Tokens of content that the model takes.
        window: usize,
    },
    /// The overlap is not below the cap.
    #[error("chunk.overlap is {asked}, but must be below the cap of {max_tokens} tokens")]
    Overlap {
        /// The overlap asked for.
        asked: usize,
        /// The cap.
        max_tokens: usize,
    },
    /// The minimum is more than two chunks can always have.
    #[error("chunk.min_tokens is {asked}, but may be at most half the cap of {max_tokens} tokens")]
    Minimum {
        /// The minimum asked for.
        asked: usize,
        /// The cap.
        max_tokens: usize,
    },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        let key = match self {
            Self::Window { .. } => "chunk.max_tokens",
            Self::Overlap { .. } => "chunk.overlap",
            Self::Minimum { .. } => "chunk.min_tokens",
        };
        Some(format!("Leave {key} out for what fits the model."))
    }
}

/// Cuts documents into chunks.
pub struct Chunker<'a> {
    tokenizer: &'a Tokenizer,
    strategy: Strategy,
    window: usize,
    max_tokens: usize,
    min_tokens: usize,
    overlap: usize,
    heading_prefix: bool,
}

/// What is embedded before a text.
#[derive(Default)]
struct Prefix {
    text: String,
    tokens: usize,
}

impl<'a> Chunker<'a> {
    /// Prepares to cut as a policy says.
    pub fn new(tokenizer: &'a Tokenizer, policy: Policy) -> Result<Self, Error> {
        let window = tokenizer.content_window();
        let max_tokens = policy.max_tokens.unwrap_or(window);
        if max_tokens == 0 || max_tokens > window {
            return Err(Error::Window {
                asked: max_tokens,
                window,
            });
        }
        let overlap = policy
            .overlap
            .unwrap_or(DEFAULT_OVERLAP.min(max_tokens / 4));
        if overlap >= max_tokens {
            return Err(Error::Overlap {
                asked: overlap,
                max_tokens,
            });
        }
        let min_tokens = policy.min_tokens.unwrap_or(max_tokens / 8);
        if min_tokens > max_tokens / 2 {
            return Err(Error::Minimum {
                asked: min_tokens,
                max_tokens,
            });
        }
        Ok(Self {
            tokenizer,
            strategy: policy.strategy,
            window,
            max_tokens,
            min_tokens,
            overlap,
            heading_prefix: policy.heading_prefix,
        })
    }

    /// The cap of a chunk's text in tokens.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Tokens below which a piece is joined to a neighbour.
    pub fn min_tokens(&self) -> usize {
        self.min_tokens
    }

    /// Tokens that neighbours may share.
    pub fn overlap(&self) -> usize {
        self.overlap
    }

    /// Cuts one document.
    pub fn chunk(&self, document: &Document) -> Vec<Chunk> {
        let text = document.text.as_str();
        let mut cutting = Cutting::new(document);
        if self.strategy == Strategy::Document {
            let tokens = self.tokenizer.count(text);
            cutting.push(0..text.len(), tokens, Chunk::default());
            return self.finish(cutting);
        }
        let outline = outline::of(document);
        // No prefix leaves less room than this.
        let least_room = self.max_tokens.min(self.window - self.prefix_cap());
        let atoms = Atoms::of(text, &outline, self.tokenizer, least_room);
        for piece in pack::pack(self, &outline, &atoms) {
            let span = atoms.start(piece.atoms.start)..atoms.start(piece.atoms.end);
            let prefix = self.prefix(piece.path, span.start);
            let about = Chunk {
                heading: piece
                    .path
                    .iter()
                    .map(|heading| heading.title.clone())
                    .collect(),
                cut: piece.cut,
                joined: piece.joined,
                prefix: (!prefix.text.is_empty()).then_some(prefix.text),
                ..Chunk::default()
            };
            cutting.push(span, piece.tokens, about);
        }
        self.finish(cutting)
    }

    fn finish(&self, cutting: Cutting<'_>) -> Vec<Chunk> {
        let mut chunks = cutting.chunks;
        for chunk in &mut chunks {
            chunk.truncated = chunk.tokens > self.window;
        }
        chunks
    }

    fn prefix_cap(&self) -> usize {
        if self.heading_prefix {
            self.window / PREFIX_SHARE
        } else {
            0
        }
    }

    /// What is embedded before a text that begins at an offset: the headings above it, without those that it has itself. Of a
    /// long path the innermost headings are taken.
    fn prefix(&self, path: &[Heading], start: usize) -> Prefix {
        let above = path.partition_point(|heading| heading.at < start);
        let mut path = path.get(..above).unwrap_or_default();
        while let ([_, inner @ ..], true) = (path, self.heading_prefix) {
            let titles: Vec<&str> = path.iter().map(|heading| heading.title.as_str()).collect();
            let text = format!("{}\n", titles.join(" > "));
            let tokens = self.tokenizer.count(&text);
            if tokens <= self.prefix_cap() {
                return Prefix { text, tokens };
            }
            path = inner;
        }
        Prefix::default()
    }

    /// Tokens that a text may have behind a prefix.
    fn room(&self, prefix: &Prefix) -> usize {
        self.max_tokens.min(self.window - prefix.tokens)
    }
}

/// A document's chunks as they are made.
struct Cutting<'d> {
    document: &'d Document,
    marks: Vec<(usize, Flag)>,
    chunks: Vec<Chunk>,
}

impl<'d> Cutting<'d> {
    fn new(document: &'d Document) -> Self {
        let mut marks: Vec<(usize, Flag)> = document
            .marks
            .iter()
            .map(|mark| (mark.at, mark.flag))
            .collect();
        marks.sort_unstable();
        Self {
            document,
            marks,
            chunks: Vec::new(),
        }
    }

    /// Adds a span of the document, if it says anything.
    fn push(&mut self, span: std::ops::Range<usize>, tokens: usize, about: Chunk) {
        let whole = self.document.text.get(span.clone()).unwrap_or_default();
        if !whole.contains(char::is_alphanumeric) {
            return;
        }
        let text = without_blank_lines(whole);
        let start = span.start + (whole.trim_end().len() - text.len());
        // What stood in the white space around it is told with it.
        let first = self.marks.partition_point(|(at, _)| *at < span.start);
        let behind = self.marks.partition_point(|(at, _)| *at <= span.end);
        let marks = self.marks.get(first..behind).unwrap_or_default();
        let mut flags: Vec<Flag> = marks.iter().map(|(_, flag)| *flag).collect();
        flags.sort_unstable();
        flags.dedup();
        let pages = self.document.pages.partition_point(|page| *page <= start);
        self.chunks.push(Chunk {
            ordinal: self.chunks.len() as u32,
            start,
            end: start + text.len(),
            page: (pages > 0).then_some(pages as u32),
            tokens,
            flags,
            text: text.to_owned(),
            ..about
        });
    }
}

/// Takes blank lines and the last line's end away. The first line keeps its indentation.
fn without_blank_lines(text: &str) -> &str {
    let bare = text.trim_end();
    let indented = bare.trim_start();
    let blank = bare.strip_suffix(indented).unwrap_or_default();
    match blank.rfind('\n') {
        Some(newline) => bare.get(newline + 1..).unwrap_or(bare),
        None => bare,
    }
}
