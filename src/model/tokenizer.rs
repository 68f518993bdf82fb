//! The model's own tokenizer, set for two uses: embedding, and counting.
//!
//! `tokenizer.json` of MiniLM truncates at 128 tokens and pads to 128, while the model's window is 256. Embedding truncates
//! at the window and never pads to a fixed length; counting does neither.

use std::sync::Arc;

use tokenizers::{NormalizerWrapper, PreTokenizerWrapper, TruncationParams, TruncationStrategy};

use super::wordpiece::WordPiece;
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
    counting: Arc<tokenizers::Tokenizer>,
    /// What encodes and counts the same, sooner, where the tokenizer is one that it knows.
    fast: Option<WordPiece>,
    content_window: usize,
    counts_add_up: bool,
}

/// Bytes of text that are counted together: the tokenizer takes many times its text's memory.
const COUNTED: usize = 16 << 10;

impl Tokenizer {
    /// Bytes of a word beyond which it is counted as several.
    pub const LONGEST_WORD: usize = 64 << 10;

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
        let counting = Arc::new(counting);
        let mut tokenizer = Self {
            embedding,
            counts_add_up: cuts_at_white_space(&counting),
            fast: WordPiece::of(&counting, space.max_tokens),
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

    /// Whether the counts of two texts add up to the count of the whole where white space stands between them.
    pub fn counts_add_up(&self) -> bool {
        self.counts_add_up
    }

    /// Counts a text's tokens, special tokens not among them.
    pub fn count(&self, text: &str) -> usize {
        // A tokenizer that cannot encode a text says so again when the text is embedded, where it is an error.
        let by_crate = |piece| {
            let found = self.counting.encode_fast(piece, false);
            found.map_or(usize::MAX, |found| found.len())
        };
        let count = |piece| {
            let fast = self.fast.as_ref().and_then(|fast| fast.count(piece));
            fast.unwrap_or_else(|| by_crate(piece))
        };
        self.pieces(text).map(count).fold(0, usize::saturating_add)
    }

    /// Where a text's tokens begin, in bytes and in order. Between two cuts at white space there are as many tokens as begin
    /// there, if counts add up; otherwise about as many.
    pub fn starts(&self, text: &str) -> Vec<usize> {
        let (mut starts, mut at) = (Vec::new(), 0);
        for piece in self.pieces(text) {
            if let Ok(encoding) = self.counting.encode(piece, false) {
                starts.extend(encoding.get_offsets().iter().map(|(start, _)| at + start));
            }
            at += piece.len();
        }
        starts.sort_unstable();
        starts
    }

    /// Cuts a long text at white space, where that changes no count.
    fn pieces<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        let mut rest = Some(text);
        std::iter::from_fn(move || {
            let text = rest?;
            let cut = if self.counts_add_up { cut(text) } else { None };
            let (piece, behind) = cut.map_or((text, None), |(piece, behind)| (piece, Some(behind)));
            rest = behind;
            Some(piece)
        })
    }

    /// Encodes a text, cut at the window.
    pub fn encode(&self, text: &str) -> Result<Encoding, tokenizers::Error> {
        let mut ids = Vec::new();
        match &self.fast {
            Some(fast) if fast.encode(text, &mut ids) => Ok(Encoding {
                type_ids: vec![0; ids.len()],
                ids,
            }),
            _ => self.encode_by_crate(text),
        }
    }

    /// The same by the tokenizers crate alone: what [`encode`](Self::encode) is tested against.
    pub fn encode_by_crate(&self, text: &str) -> Result<Encoding, tokenizers::Error> {
        let encoding = self.embedding.encode_fast(text, true)?;
        Ok(Encoding {
            ids: encoding.get_ids().to_vec(),
            type_ids: encoding.get_type_ids().to_vec(),
        })
    }
}

/// Says whether a tokenizer surely cuts at every white space and sees nothing across it, as BERT's does.
fn cuts_at_white_space(tokenizer: &tokenizers::Tokenizer) -> bool {
    let splits = matches!(
        tokenizer.get_pre_tokenizer(),
        Some(PreTokenizerWrapper::BertPreTokenizer(_))
    );
    let normalizes = matches!(
        tokenizer.get_normalizer(),
        None | Some(NormalizerWrapper::BertNormalizer(_))
    );
    let mut added = tokenizer.get_added_tokens_decoder().into_values();
    splits && normalizes && added.all(|token| !token.content.contains(char::is_whitespace))
}

/// Cuts a long text behind the last white space that is not too far in, else behind the first.
fn cut(text: &str) -> Option<(&str, &str)> {
    let is_space = |c| matches!(c, ' ' | '\t' | '\n' | '\r');
    let (head, tail) = text.split_at_checked(text.floor_char_boundary(COUNTED))?;
    if tail.is_empty() {
        return None;
    }
    let longest = text.floor_char_boundary(Tokenizer::LONGEST_WORD);
    let within = tail.get(..longest - head.len())?;
    let space = head
        .rfind(is_space)
        .or_else(|| Some(head.len() + within.find(is_space)?));
    text.split_at_checked(space.map_or(longest, |space| space + 1))
        .filter(|(_, behind)| !behind.is_empty())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::model::Model;

    fn tokenizer() -> Tokenizer {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/model/tiny-bert");
        Model::open(&dir, "tiny-bert", None)
            .unwrap()
            .tokenizer()
            .unwrap()
    }

    fn once(tokenizer: &Tokenizer, text: &str) -> usize {
        tokenizer.counting.encode_fast(text, false).unwrap().len()
    }

    proptest! {
        #[test]
        fn counts_add_up_where_white_space_stands_between(
            parts in prop::collection::vec("([a-cA-Z.,\\[\\]\u{0}\u{b}\u{c}\u{85}\u{ad}\u{200b}\u{301}\u{130}漢。ㄱ한👩é≠]|\\PC|[a-z]{0,120}){0,12}", 1..8),
            spaces in prop::collection::vec(prop::sample::select(vec![" ", "\n", "\t", "\r\n", "\u{a0}", "\u{3000}", "\u{2028}"]), 8),
        ) {
            thread_local!(static TOKENIZER: Tokenizer = tokenizer());
            TOKENIZER.with(|tokenizer| {
                prop_assert!(tokenizer.counts_add_up());
                let mut text = String::new();
                let mut ends = Vec::new();
                for (part, space) in parts.iter().zip(&spaces) {
                    text.push_str(part);
                    text.push_str(space);
                    ends.push(text.len());
                }
                let starts = tokenizer.starts(&text);
                let (mut start, mut sum) = (0, 0);
                for end in ends {
                    let count = tokenizer.count(&text[start..end]);
                    let begun = starts.iter().filter(|at| (start..end).contains(at)).count();
                    prop_assert_eq!(begun, count, "{:?} in {:?}", &text[start..end], text);
                    (start, sum) = (end, sum + count);
                }
                prop_assert_eq!(sum, once(tokenizer, &text));
                Ok(())
            })?;
        }
    }

    #[test]
    fn a_long_text_is_counted_in_parts_without_changing_the_count() {
        let tokenizer = tokenizer();
        for text in ["The store, the reader. ", "漢 字", "\u{85}x\u{a0}é\n"] {
            let long = text.repeat(5 * COUNTED / text.len());
            assert!(tokenizer.pieces(&long).count() > 4);
            assert_eq!(tokenizer.pieces(&long).collect::<String>(), long);
            assert_eq!(tokenizer.count(&long), once(&tokenizer, &long));
            assert_eq!(tokenizer.starts(&long).len(), once(&tokenizer, &long));
        }
        // A word is not cut before it is hopeless.
        let word = "漢".repeat(Tokenizer::LONGEST_WORD / 3 - 1);
        assert_eq!(tokenizer.pieces(&word).count(), 1);
        assert_eq!(tokenizer.pieces(&word.repeat(3)).count(), 3);
    }
}
