//! A chunk with everything that is stored about it: what a snapshot lists and a table holds.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Chunk;
use crate::corpus::{Document, Flag, Metadata};
use crate::digest::{Digest, FieldHasher};

/// One row of a table, but for its vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChunkRecord {
    /// Names the chunk: of its source, document and place, so that it stays the same while its text changes.
    pub id: String,
    /// The source's id.
    pub source: String,
    /// The document's id within the source.
    pub doc_id: String,
    /// Where the document lies.
    pub uri: String,
    /// The document's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Headings above the chunk, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heading: Vec<String>,
    /// The page it begins on, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Byte offset of its first byte in the document's text before it was normalised: for a UTF-8 text file, in the file.
    pub byte_start: u64,
    /// Byte offset behind its last byte, in the same text.
    pub byte_end: u64,
    /// Its place in the document, from 0.
    pub ordinal: u32,
    /// The tokens of what is embedded, special tokens not counted.
    pub tokens: u32,
    /// Whether its end lies outside the model's window.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// The hash of its text.
    pub text_sha256: Digest,
    /// What a reader should know about it, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
    /// The document's metadata.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// What is embedded before the text: headings that the text does not have itself, and the line break behind them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Its text.
    pub text: String,
}

impl ChunkRecord {
    /// Joins a chunk with its document.
    pub fn new(document: &Document, chunk: Chunk) -> Self {
        let mut id = FieldHasher::default();
        id.field(&document.source)
            .field(&document.id)
            .field(chunk.ordinal.to_string());
        Self {
            id: id.finish().to_string().chars().take(32).collect(),
            source: document.source.clone(),
            doc_id: document.id.clone(),
            uri: document.uri.clone(),
            title: document.title.clone(),
            heading: chunk.heading,
            page: chunk.page,
            byte_start: document.offsets.original(chunk.start) as u64,
            byte_end: document.offsets.original(chunk.end) as u64,
            ordinal: chunk.ordinal,
            tokens: u32::try_from(chunk.tokens).unwrap_or(u32::MAX),
            truncated: chunk.truncated,
            text_sha256: Digest::of(&chunk.text),
            flags: chunk.flags,
            metadata: document.metadata.clone(),
            prefix: chunk.prefix,
            text: chunk.text,
        }
    }

    /// The headings as one text, as the table holds them.
    pub fn heading_path(&self) -> Option<String> {
        (!self.heading.is_empty()).then(|| self.heading.join(" > "))
    }

    /// What is embedded, but for what the model puts before every document.
    pub fn embedded(&self) -> Cow<'_, str> {
        match &self.prefix {
            None => Cow::Borrowed(&self.text),
            Some(prefix) => Cow::Owned(format!("{prefix}{}", self.text)),
        }
    }

    /// The flags as one text, as the table holds them.
    pub fn flags_text(&self) -> Option<String> {
        // The names are those of the snapshot's JSON.
        let name = |flag: &Flag| Some(serde_json::to_value(flag).ok()?.as_str()?.to_owned());
        let names: Vec<String> = self.flags.iter().filter_map(name).collect();
        (!names.is_empty()).then(|| names.join(","))
    }
}
