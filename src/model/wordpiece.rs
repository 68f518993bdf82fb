//! BERT's WordPiece without the `tokenizers` crate's bookkeeping: the same ids, many times as fast.
//!
//! BERT's normalizer and pre-tokenizer see nothing across ASCII white space, so a text is tokenized run by run, a run being
//! what stands between white space. A run of printable ASCII is tokenized here. Any other run, and one that holds an added
//! token, is the crate's.

#[cfg(test)]
#[path = "../../benches/support/strings.rs"]
mod strings;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aho_corasick::AhoCorasick;
use foldhash::fast::RandomState;
use tokenizers::{
    Model as _, ModelWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper,
};

/// Tokens by their bytes. Its hash is seeded: a document must not be able to choose words that collide.
type Vocabulary = HashMap<Box<[u8]>, u32, RandomState>;

/// Tokenizes as a BERT tokenizer does. It shares nothing mutable, so threads may share it; each thread remembers words apart.
pub(super) struct WordPiece {
    /// Tells it from every other one of the process, so that no thread takes another's words.
    number: u64,
    /// The tokenizer that it equals, which neither truncates nor pads.
    tokenizer: Arc<tokenizers::Tokenizer>,
    /// Tokens that begin a word.
    beginning: Vocabulary,
    /// Tokens that go on with one, without their prefix.
    continuing: Vocabulary,
    /// Bytes of the longest token of both.
    longest: usize,
    /// Stands for a word that no tokens make up.
    unknown: u32,
    /// Bytes that a word may have without being unknown.
    longest_word: usize,
    lowercase: bool,
    /// Special tokens before and behind the content.
    frame: (Vec<u32>, Vec<u32>),
    /// Tokens of content that fit between them.
    content: usize,
    /// Bytes that may keep a run from the fast path: those that are not printable ASCII, and first ones of added tokens.
    suspect: [bool; 256],
    /// Finds what looks like an added token, in any case, since one may be looked for in the normalized text.
    added: AhoCorasick,
}

impl WordPiece {
    /// Takes over a tokenizer that neither truncates nor pads, to encode at most `max_tokens` tokens. `None` where it is not
    /// surely computed exactly.
    pub(super) fn of(tokenizer: &Arc<tokenizers::Tokenizer>, max_tokens: usize) -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let ModelWrapper::WordPiece(model) = tokenizer.get_model() else {
            return None;
        };
        let lowercase = match tokenizer.get_normalizer() {
            None => false,
            Some(NormalizerWrapper::BertNormalizer(normalizer)) => normalizer.lowercase,
            Some(_) => return None,
        };
        let added = tokenizer.get_added_tokens_decoder().into_values();
        let added: Vec<String> = added.map(|token| token.content).collect();
        let is_known = matches!(
            tokenizer.get_pre_tokenizer(),
            Some(PreTokenizerWrapper::BertPreTokenizer(_))
        ) && matches!(
            tokenizer.get_post_processor(),
            Some(PostProcessorWrapper::Template(_) | PostProcessorWrapper::Bert(_))
        ) && tokenizer.get_truncation().is_none()
            && tokenizer.get_padding().is_none()
            // Any other content may be normalized to something that looks different, or lie across runs.
            && added.iter().all(|token| token.bytes().all(|byte| byte.is_ascii_graphic()));
        if !is_known {
            return None;
        }
        let mut suspect = [false; 256];
        for (byte, is_suspect) in (0..=u8::MAX).zip(&mut suspect) {
            let is_first = |token: &String| {
                let first = token.bytes().next();
                first.is_some_and(|first| first.eq_ignore_ascii_case(&byte))
            };
            *is_suspect = !byte.is_ascii_graphic() || added.iter().any(is_first);
        }
        let (mut beginning, mut continuing) = (Vocabulary::default(), Vocabulary::default());
        for (token, id) in model.get_vocab() {
            if let Some(token) = token.strip_prefix(&model.continuing_subword_prefix) {
                continuing.insert(token.as_bytes().into(), id);
            }
            beginning.insert(token.into_bytes().into(), id);
        }
        let lengths = beginning.keys().chain(continuing.keys());
        let frame = frame(tokenizer)?;
        Some(Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            tokenizer: Arc::clone(tokenizer),
            longest: lengths.map(|token| token.len()).max()?,
            beginning,
            continuing,
            unknown: model.token_to_id(&model.unk_token)?,
            longest_word: model.max_input_chars_per_word,
            lowercase,
            content: max_tokens.checked_sub(frame.0.len() + frame.1.len())?,
            frame,
            suspect,
            added: AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .build(added)
                .ok()?,
        })
    }

    /// Replaces `ids` by those of a text, special tokens included, cut at the window. Their segment is always 0. False where
    /// the crate has an error to tell; `ids` is then unspecified.
    pub(super) fn encode(&self, text: &str, ids: &mut Vec<u32>) -> bool {
        let (before, behind) = &self.frame;
        let most = before.len() + self.content;
        ids.clear();
        ids.extend_from_slice(before);
        let is_whole = self.with_words(|words| {
            for run in runs(text) {
                if ids.len() >= most {
                    break;
                }
                self.push_run(run, ids, words)?;
            }
            Some(())
        });
        ids.truncate(most);
        ids.extend_from_slice(behind);
        is_whole.is_some()
    }

    /// Counts a text's tokens, without the special ones and without a window. `None` where the crate has an error to tell.
    pub(super) fn count(&self, text: &str) -> Option<usize> {
        self.with_words(|words| {
            let (mut ids, mut count) = (Vec::new(), 0);
            for run in runs(text) {
                ids.clear();
                self.push_run(run, &mut ids, words)?;
                count += ids.len();
            }
            Some(count)
        })
    }

    /// Does something with the words that this thread remembers of this tokenizer.
    fn with_words<T>(&self, act: impl FnOnce(&mut Words) -> T) -> T {
        thread_local!(static WORDS: RefCell<Words> = RefCell::default());
        WORDS.with_borrow_mut(|words| {
            if words.of != self.number {
                words.forget();
                words.of = self.number;
            }
            act(words)
        })
    }

    /// Appends a run's ids. `None` where the crate has an error to tell.
    fn push_run(&self, run: &[u8], ids: &mut Vec<u32>, words: &mut Words) -> Option<()> {
        let is_suspect = |byte: &u8| self.suspect.get(usize::from(*byte)) == Some(&true);
        if run.iter().any(is_suspect)
            && (!run.iter().all(u8::is_ascii_graphic) || self.added.is_match(run))
        {
            return words.push(run, ids, |ids| {
                let run = std::str::from_utf8(run).ok()?;
                let encoding = self.tokenizer.encode_fast(run, false).ok()?;
                ids.extend_from_slice(encoding.get_ids());
                Some(())
            });
        }
        let is_within =
            |left: &u8, right: &u8| !left.is_ascii_punctuation() && !right.is_ascii_punctuation();
        run.chunk_by(is_within)
            .try_for_each(|word| self.push_word(word, ids, words))
    }

    fn push_word(&self, word: &[u8], ids: &mut Vec<u32>, words: &mut Words) -> Option<()> {
        if word.len() > self.longest_word {
            ids.push(self.unknown);
            return Some(());
        }
        let mut lower = std::mem::take(&mut words.lower);
        lower.clear();
        lower.extend_from_slice(word);
        if self.lowercase {
            lower.make_ascii_lowercase();
        }
        let pushed = match self.beginning.get(lower.as_slice()) {
            Some(id) => {
                ids.push(*id);
                Some(())
            }
            None => words.push(&lower, ids, |ids| {
                self.push_pieces(&lower, ids);
                Some(())
            }),
        };
        words.lower = lower;
        pushed
    }

    /// Takes the longest token that the rest of a word begins with, over and over.
    fn push_pieces(&self, word: &[u8], ids: &mut Vec<u32>) {
        let start = ids.len();
        let (mut rest, mut tokens) = (word, &self.beginning);
        while !rest.is_empty() {
            let lengths = 1..=rest.len().min(self.longest);
            let found = lengths.rev().find_map(|length| {
                let (piece, behind) = rest.split_at_checked(length)?;
                Some((tokens.get(piece)?, behind))
            });
            let Some((id, behind)) = found else {
                ids.truncate(start);
                ids.push(self.unknown);
                return;
            };
            ids.push(*id);
            (rest, tokens) = (behind, &self.continuing);
        }
    }
}

/// Cuts a text at ASCII white space, whatever the normalizer does: each of the four is white space to all of them.
fn runs(text: &str) -> impl Iterator<Item = &[u8]> {
    text.as_bytes()
        .split(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
        .filter(|run| !run.is_empty())
}

/// The special tokens before and behind a text. `None` where the post-processor does more than add them, in segment 0.
fn frame(tokenizer: &tokenizers::Tokenizer) -> Option<(Vec<u32>, Vec<u32>)> {
    let bare = tokenizer.encode_fast("a", false).ok()?;
    let framed = tokenizer.encode_fast("a", true).ok()?;
    let (ids, mask) = (framed.get_ids(), framed.get_special_tokens_mask());
    let before = mask
        .iter()
        .take_while(|is_special| **is_special == 1)
        .count();
    let (before, rest) = ids.split_at_checked(before)?;
    let behind = rest.strip_prefix(bare.get_ids())?;
    let content = mask.iter().filter(|is_special| **is_special == 0).count();
    let is_plain = content == bare.len()
        && !bare.is_empty()
        && framed.get_type_ids().iter().all(|segment| *segment == 0);
    is_plain.then(|| (before.to_vec(), behind.to_vec()))
}

/// What a thread remembers of one [`WordPiece`]: the ids of words that are no token, and of runs that went to the crate. The
/// two do not mix, since no word holds a strange byte or an added token. It takes at most about 4 MiB.
#[derive(Default)]
struct Words {
    /// The number of whose ids these are, 0 of nobody.
    of: u64,
    /// Where the ids of each lie.
    places: HashMap<Box<[u8]>, (u32, u32), RandomState>,
    ids: Vec<u32>,
    /// Room for a word in lower case.
    lower: Vec<u8>,
}

impl Words {
    /// Words that are remembered; one more, and all are forgotten.
    const MOST: usize = 16 << 10;
    /// Bytes, and ids, that a word may have to be remembered.
    const LONGEST: usize = 32;

    fn push(
        &mut self,
        word: &[u8],
        ids: &mut Vec<u32>,
        compute: impl FnOnce(&mut Vec<u32>) -> Option<()>,
    ) -> Option<()> {
        if let Some((start, end)) = self.places.get(word) {
            ids.extend_from_slice(self.ids.get(*start as usize..*end as usize)?);
            return Some(());
        }
        let start = ids.len();
        compute(ids)?;
        let found = ids.get(start..)?;
        if word.len().max(found.len()) <= Self::LONGEST {
            if self.places.len() == Self::MOST {
                self.forget();
            }
            let start = u32::try_from(self.ids.len()).ok()?;
            self.ids.extend_from_slice(found);
            let end = u32::try_from(self.ids.len()).ok()?;
            self.places.insert(word.into(), (start, end));
        }
        Some(())
    }

    fn forget(&mut self) {
        self.places.clear();
        self.ids.clear();
    }
}

#[cfg(test)]
mod tests {
    use tokenizers::normalizers::BertNormalizer;
    use tokenizers::processors::bert::BertProcessing;
    use tokenizers::{AddedToken, Tokenizer, TruncationParams};

    use super::strings::Strings;
    use super::*;

    const TINY: &str = include_str!("../../fixtures/model/tiny-bert/tokenizer.json");

    fn tokenizer(json: &str, change: impl FnOnce(&mut Tokenizer)) -> Tokenizer {
        let mut tokenizer: Tokenizer = json.parse().unwrap();
        tokenizer.with_padding(None).with_truncation(None).unwrap();
        change(&mut tokenizer);
        tokenizer
    }

    fn normalizing(lowercase: bool) -> Arc<Tokenizer> {
        let normalizer = BertNormalizer::new(true, true, Some(lowercase), lowercase);
        Arc::new(tokenizer(TINY, |tokenizer| {
            tokenizer.with_normalizer(Some(normalizer)).unwrap();
        }))
    }

    /// Compares with the crate on so many texts.
    fn differ(tokenizer: Tokenizer, max_tokens: usize, seed: u64, texts: usize) {
        let mut cutting = tokenizer.clone();
        let truncation = TruncationParams {
            max_length: max_tokens,
            ..Default::default()
        };
        cutting.with_truncation(Some(truncation)).unwrap();
        let tokenizer = Arc::new(tokenizer);
        let fast = WordPiece::of(&tokenizer, max_tokens).unwrap();
        let mut ids = Vec::new();
        for text in Strings::new(TINY.as_bytes(), seed).take(texts) {
            let expected = cutting.encode_fast(text.as_str(), true).unwrap();
            assert!(fast.encode(&text, &mut ids));
            assert_eq!(ids, expected.get_ids(), "{text:?}");
            assert!(expected.get_type_ids().iter().all(|segment| *segment == 0));
            let expected = tokenizer.encode_fast(text.as_str(), false).unwrap();
            assert_eq!(fast.count(&text), Some(expected.len()), "{text:?}");
        }
    }

    #[test]
    fn ids_are_the_crates() {
        differ(tokenizer(TINY, |_| ()), 16, 1, 4000);
    }

    #[test]
    fn ids_are_the_crates_whatever_the_flags_and_the_added_tokens() {
        for flags in 0..16 {
            let on = |bit: u64| flags & bit != 0;
            let json = match on(2) {
                true => TINY
                    .replace("word\": 100", "word\": 7")
                    .replace("prefix\": \"##", "prefix\": \""),
                false => TINY.to_owned(),
            };
            let tokenizer = tokenizer(&json, |tokenizer| {
                let normalizer = BertNormalizer::new(on(1), on(2), on(4).then_some(on(8)), on(8));
                tokenizer.with_normalizer(Some(normalizer)).unwrap();
                if on(8) {
                    let [sep, cls] =
                        ["[SEP]", "[CLS]"].map(|token| (token.into(), token.len() as u32));
                    tokenizer.with_post_processor(Some(BertProcessing::new(sep, cls)));
                }
                let special = ["[CLS]", "[SEP]", "[MASK]"]
                    .map(|token| AddedToken::from(token, true).lstrip(on(1)).rstrip(on(2)));
                tokenizer.add_special_tokens(special).unwrap();
                let added = ["Stop", "C++"].map(|token| {
                    AddedToken::from(token, false)
                        .single_word(on(1))
                        .normalized(!on(4))
                });
                tokenizer.add_tokens(added).unwrap();
                tokenizer.set_encode_special_tokens(on(4));
            });
            differ(tokenizer, [2, 3, 8, 64][flags as usize % 4], flags, 400);
        }
    }

    #[test]
    fn a_tokenizer_that_is_not_known_is_the_crates() {
        let is_known = |from: &str, to: &str| {
            let tokenizer = tokenizer(&TINY.replace(from, to), |_| ());
            WordPiece::of(&Arc::new(tokenizer), 16).is_some()
        };
        assert!(is_known("BertNormalizer", "BertNormalizer"));
        assert!(!is_known("type_id\": 0", "type_id\": 1"));
        assert!(!is_known("BertPreTokenizer", "Whitespace"));
        assert!(!is_known("unk_token\": \"[UNK]", "unk_token\": \"?!"));
        for content in ["é", "a b"] {
            let mut tokenizer = tokenizer(TINY, |_| ());
            tokenizer
                .add_tokens([AddedToken::from(content, false)])
                .unwrap();
            assert!(WordPiece::of(&Arc::new(tokenizer), 16).is_none());
        }
        assert!(WordPiece::of(&normalizing(true), 1).is_none());
    }

    #[test]
    fn two_tokenizers_of_one_thread_do_not_take_each_others_words() {
        let [lower, exact] =
            [true, false].map(|lowercase| WordPiece::of(&normalizing(lowercase), 16).unwrap());
        let (mut left, mut right) = (Vec::new(), Vec::new());
        assert!(lower.encode("éa", &mut left) && exact.encode("éa", &mut right));
        assert_ne!(left, right);
        assert!(lower.encode("éa", &mut right));
        assert_eq!(left, right);
    }
}
