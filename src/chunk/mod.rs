//! Document → Chunk: spans that fit the model's window, cut where the structure allows.
//!
//! Sections come from headings, so that a chunk never mixes two of them; within a section text-splitter finds the largest
//! semantic unit that fits. A heading without a body of its own stays with the section that follows.

mod record;
mod sections;

use text_splitter::{ChunkConfig, ChunkConfigError, ChunkSizer, MarkdownSplitter, TextSplitter};

pub use record::ChunkRecord;

use crate::corpus::{Document, Markup};
use crate::fault::{Fault, Kind};
use crate::model::Tokenizer;

/// The version of chunking: raised when the same text gives other chunks.
pub const CHUNKER: &str = "1";

/// How documents become chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// By headings and semantic units.
    Structure,
    /// One chunk a document; what exceeds the window has no part in the vector.
    Document,
}

/// How documents are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Where cuts may be.
    pub strategy: Strategy,
    /// The cap of a chunk in tokens of content; the model's window by default.
    pub max_tokens: Option<usize>,
    /// Tokens that neighbours of a section share; 32 by default, and at most a quarter of the cap.
    pub overlap: Option<usize>,
}

const DEFAULT_OVERLAP: usize = 32;

/// A span of a document, the unit that is embedded and found.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Its tokens, special tokens not counted.
    pub tokens: usize,
    /// Whether its end lies outside the model's window.
    pub truncated: bool,
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
    #[error("chunk.overlap: {0}")]
    Overlap(#[from] ChunkConfigError),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("Leave chunk.max_tokens and chunk.overlap out for what fits the model.".into())
    }
}

/// Cuts documents into chunks.
pub struct Chunker<'a> {
    tokenizer: &'a Tokenizer,
    strategy: Strategy,
    window: usize,
    max_tokens: usize,
    overlap: usize,
    markdown: MarkdownSplitter<Sizer<'a>>,
    plain: TextSplitter<Sizer<'a>>,
}

struct Sizer<'a>(&'a Tokenizer);

impl ChunkSizer for Sizer<'_> {
    fn size(&self, chunk: &str) -> usize {
        self.0.count(chunk)
    }
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
        let config = || {
            ChunkConfig::new(max_tokens)
                .with_sizer(Sizer(tokenizer))
                .with_overlap(overlap)
        };
        Ok(Self {
            tokenizer,
            strategy: policy.strategy,
            window,
            max_tokens,
            overlap,
            markdown: MarkdownSplitter::new(config()?),
            plain: TextSplitter::new(config()?),
        })
    }

    /// The cap of a chunk in tokens of content.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Tokens that neighbours share.
    pub fn overlap(&self) -> usize {
        self.overlap
    }

    /// Cuts one document.
    pub fn chunk(&self, document: &Document) -> Vec<Chunk> {
        let text = document.text.as_str();
        let mut chunks = Vec::new();
        let mut push = |start: usize, piece: &str, heading: &[String]| {
            if !piece.chars().any(char::is_alphanumeric) {
                return;
            }
            let tokens = self.tokenizer.count(piece);
            chunks.push(Chunk {
                ordinal: chunks.len() as u32,
                start,
                end: start + piece.len(),
                heading: heading.to_vec(),
                page: page_at(&document.pages, start),
                tokens,
                truncated: tokens > self.window,
                text: piece.to_owned(),
            });
        };
        match (self.strategy, document.markup) {
            (Strategy::Document, _) => push(0, text, &[]),
            (Strategy::Structure, Markup::Plain) => {
                self.plain
                    .chunk_indices(text)
                    .for_each(|(start, piece)| push(start, piece, &[]));
            }
            (Strategy::Structure, Markup::Markdown) => {
                for section in sections::of(text) {
                    let body = text.get(section.span.clone()).unwrap_or_default();
                    for (start, piece) in self.pieces(body, section.opens_with) {
                        push(section.span.start + start, piece, &section.heading);
                    }
                }
            }
        }
        chunks
    }

    /// Cuts a section that opens with this many headings. A piece that is nothing but those would answer questions with words
    /// that mean nothing alone: it is joined to what follows where both fit, and left to the heading column where they do not.
    fn pieces<'t>(&self, body: &'t str, mut headings: usize) -> Vec<(usize, &'t str)> {
        let mut pieces: Vec<(usize, &str)> = self.markdown.chunk_indices(body).collect();
        while let [(start, piece), (next, follower), ..] = *pieces {
            let lines = || piece.lines().filter(|line| !line.trim().is_empty());
            // Only the section's own headings: a comment in a shell script begins with `#` as well.
            if lines().count() > headings || !lines().all(|line| line.starts_with('#')) {
                break;
            }
            headings -= lines().count();
            let joined = body.get(start..next + follower.len()).unwrap_or(follower);
            pieces.remove(0);
            if let Some(first) = pieces
                .first_mut()
                .filter(|_| self.tokenizer.count(joined) <= self.max_tokens)
            {
                *first = (start, joined);
                break;
            }
        }
        pieces
    }
}

fn page_at(pages: &[usize], offset: usize) -> Option<u32> {
    let page = pages.partition_point(|start| *start <= offset);
    (page > 0).then_some(page as u32)
}
