//! The model's own tokenizer, set for two uses: embedding, and counting.
//!
//! `tokenizer.json` of MiniLM truncates at 128 tokens and pads to 128, while the model's window is 256. Embedding truncates
//! at the window and never pads to a fixed length; counting does neither.

use tokenizers::{TruncationParams, TruncationStrategy};

use super::{Error, TOKENIZER};
use crate::space::Space;

/// A text as the model sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoding {
    /// Token ids, special tokens included.
    pub ids: Vec<u32>,
    /// Segment of each token.
    pub type_ids: Vec<u32>,
}

/// Counts and encodes tokens. It shares nothing mutable, so threads may share it.
pub struct Tokenizer {
    embedding: tokenizers::Tokenizer,
    counting: tokenizers::Tokenizer,
    content_window: usize,
}

impl Tokenizer {
    pub(super) fn new(bytes: &[u8], space: &Space) -> Result<Self, Error> {
        let unreadable = |e: tokenizers::Error| Error::Unreadable {
            model: space.model.clone(),
            file: TOKENIZER.into(),
            problem: e.to_string(),
        };
        let mut counting = tokenizers::Tokenizer::from_bytes(bytes).map_err(unreadable)?;
        counting
            .with_padding(None)
            .with_truncation(None)
            .map_err(unreadable)?;
        let mut embedding = counting.clone();
        let truncation = TruncationParams {
            max_length: space.max_tokens,
            strategy: TruncationStrategy::LongestFirst,
            ..Default::default()
        };
        embedding
            .with_truncation(Some(truncation))
            .map_err(unreadable)?;
        let mut tokenizer = Self {
            embedding,
            counting,
            content_window: 0,
        };
        let specials = tokenizer
            .counting
            .encode_fast("", true)
            .map_err(unreadable)?
            .len();
        let prefix = tokenizer.count(&space.document_prefix);
        tokenizer.content_window = space.max_tokens.saturating_sub(specials + prefix);
        Ok(tokenizer)
    }

    /// Tokens of content that fit the window beside the special tokens and the prefix.
    pub fn content_window(&self) -> usize {
        self.content_window
    }

    /// Counts a text's tokens, special tokens not among them.
    pub fn count(&self, text: &str) -> usize {
        // A tokenizer that cannot encode a text says so again when the text is embedded, where it is an error.
        self.counting
            .encode_fast(text, false)
            .map_or(usize::MAX, |encoding| encoding.len())
    }

    /// Encodes a text, cut at the window.
    pub fn encode(&self, text: &str) -> Result<Encoding, tokenizers::Error> {
        let encoding = self.embedding.encode_fast(text, true)?;
        Ok(Encoding {
            ids: encoding.get_ids().to_vec(),
            type_ids: encoding.get_type_ids().to_vec(),
        })
    }
}
