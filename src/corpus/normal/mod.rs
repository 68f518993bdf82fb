//! Extracted text → the text that is chunked, and the way back.
//!
//! What a reader sees stays; what nobody sees goes, and a mark tells where it stood. Typographic forms that split a word
//! for a tokenizer (ligatures, soft hyphens, words broken across lines) become what they stand for.

mod broken;
mod invisible;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use super::format::{Flag, Mark};
use broken::Words;

/// Stands in an extracted text where a hidden element was taken out, until normalisation makes it a mark. A noncharacter:
/// Unicode keeps it for such use, and no interchanged text holds it.
pub(super) const HIDDEN: char = '\u{FDD0}';

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Written text.
    Prose,
    /// Text from the lines of a page, where a line may break a word.
    Pdf,
    /// Source code, where what is written is what is meant.
    Code,
}

/// A text as it is chunked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Normalised {
    /// The text.
    pub(super) text: String,
    /// Where something stood that nobody sees.
    pub(super) marks: Vec<Mark>,
    /// The way back.
    pub(super) offsets: Offsets,
}

impl Normalised {
    /// Returns where an offset into the text before has its place now.
    pub(super) fn map(&self, original: usize) -> usize {
        self.offsets.normalised(original).min(self.text.len())
    }
}

/// Where the bytes of a normalised text stood before: for a UTF-8 text file, in the file.
///
/// Pieces that moved as one, each by its start now and its start before; neither ever falls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offsets(Vec<(usize, usize)>);

impl Offsets {
    /// Returns the offset before normalisation that an offset into the text stands for.
    pub fn original(&self, at: usize) -> usize {
        let known = self.0.partition_point(|(start, _)| *start <= at);
        match known.checked_sub(1).and_then(|index| self.0.get(index)) {
            None => at,
            Some((start, original)) => original + (at - start),
        }
    }

    /// The same text, where `by` bytes were cut off before it was normalised.
    pub(super) fn shifted(mut self, by: usize) -> Self {
        if by == 0 {
            return self;
        }
        for (_, original) in &mut self.0 {
            *original += by;
        }
        if self.0.first().is_none_or(|(start, _)| *start > 0) {
            self.0.insert(0, (0, by));
        }
        self
    }

    fn normalised(&self, original: usize) -> usize {
        let before = self.0.partition_point(|(_, begins)| *begins < original);
        let piece = before.checked_sub(1).and_then(|index| self.0.get(index));
        let (start, begins) = piece.copied().unwrap_or_default();
        // An offset inside of what was taken out has its place where that stood.
        let end = self.0.get(before).map_or(usize::MAX, |(start, _)| *start);
        (start + original.saturating_sub(begins)).min(end)
    }

    /// From `start` on, the text is what stood at `original`.
    fn add(&mut self, start: usize, original: usize) {
        if self.0.last().is_some_and(|(last, _)| *last == start) {
            self.0.pop();
        }
        let expected = self
            .0
            .last()
            .map_or(start, |(last, begins)| begins + (start - last));
        if expected != original {
            self.0.push((start, original));
        }
    }
}

/// What stands at one place of a text and must change.
struct Change {
    /// Bytes that it takes.
    length: usize,
    becomes: Becomes,
    flag: Option<Flag>,
}

enum Becomes {
    Nothing,
    One(char),
    Decomposed(char),
}

/// Normalises a text in one pass. A text in which nothing changes is returned as it is.
pub(super) fn normalise(text: String, kind: Kind) -> Normalised {
    let words = match kind {
        Kind::Pdf => Words::of(&text),
        Kind::Prose | Kind::Code => Words::default(),
    };
    let mut out = Normalised {
        text: String::new(),
        marks: Vec::new(),
        offsets: Offsets::default(),
    };
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = text
        .as_bytes()
        .get(at..)
        .and_then(|rest| rest.iter().position(|byte| suspect(*byte)))
    {
        at += found;
        let Some((before, rest)) = text.split_at_checked(at) else {
            break;
        };
        let Some(c) = rest.chars().next() else { break };
        let Some(change) = change(kind, &words, before, c, rest) else {
            at += c.len_utf8();
            continue;
        };
        if out.text.capacity() == 0 {
            out.text.reserve(text.len());
        }
        out.text.push_str(before.get(copied..).unwrap_or_default());
        out.apply(&change, at);
        at += change.length;
        copied = at;
    }
    if copied == 0 {
        out.text = text;
    } else {
        out.text.push_str(text.get(copied..).unwrap_or_default());
    }
    out
}

impl Normalised {
    fn apply(&mut self, change: &Change, at: usize) {
        if let Some(flag) = change.flag {
            let mark = Mark {
                at: self.text.len(),
                flag,
            };
            if self.marks.last() != Some(&mark) {
                self.marks.push(mark);
            }
        }
        match change.becomes {
            Becomes::Nothing => {}
            Becomes::One(c) => self.push(c, at),
            Becomes::Decomposed(c) => c.nfkc().for_each(|c| self.push(c, at)),
        }
        self.offsets.add(self.text.len(), at + change.length);
    }

    fn push(&mut self, c: char, from: usize) {
        self.offsets.add(self.text.len(), from);
        self.text.push(c);
    }
}

/// Whether a byte may begin something that changes. Cheap, and wrong only by saying yes too often.
fn suspect(byte: u8) -> bool {
    matches!(byte, 0..=8 | 11..=31 | b'-' | 127 | 0xC2 | 0xCD | 0xD8 | 0xE1..=0xE3 | 0xEF | 0xF3)
}

/// Says what becomes of a character, with what stands before it and from it on.
fn change(kind: Kind, words: &Words, before: &str, c: char, rest: &str) -> Option<Change> {
    let gone = |length, flag| {
        Some(Change {
            length,
            becomes: Becomes::Nothing,
            flag,
        })
    };
    let after = rest.get(c.len_utf8()..).unwrap_or_default();
    match c {
        '\r' if after.starts_with('\n') => return gone(1, None),
        '\r' => {
            return Some(Change {
                length: 1,
                becomes: Becomes::One('\n'),
                flag: None,
            });
        }
        _ => {}
    }
    if let Some(length) = invisible::length(kind, before, c, after) {
        // A byte-order mark that a file carries twice says nothing of its text.
        let flag = (!before.is_empty() || c != '\u{FEFF}').then_some(Flag::InvisibleCharacters);
        return gone(length, flag);
    }
    if kind == Kind::Code {
        return None;
    }
    match c {
        HIDDEN => gone(c.len_utf8(), Some(Flag::HiddenElement)),
        // Both end a line: a page of text, or a line in a cell or text box.
        '\u{B}' | '\u{C}' => Some(Change {
            length: 1,
            becomes: Becomes::One('\n'),
            flag: None,
        }),
        '\t' | '\n' => None,
        '\0'..='\u{1F}' | '\u{7F}' => gone(1, None),
        '\u{AD}' => gone(c.len_utf8() + broken::line_end(after), None),
        '-' | '\u{2010}' if kind == Kind::Pdf => words.change(before, c, after),
        '\u{FB00}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FDF9}' | '\u{FE70}'..='\u{FEFC}'
            if !c.nfkc().eq([c]) =>
        {
            Some(Change {
                length: c.len_utf8(),
                becomes: Becomes::Decomposed(c),
                flag: None,
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prose(text: &str) -> Normalised {
        normalise(text.to_owned(), Kind::Prose)
    }

    #[test]
    fn typographic_forms_become_the_letters_they_stand_for() {
        assert_eq!(prose("e\u{FB03}cient \u{FB01}les").text, "efficient files");
        assert_eq!(
            prose("un\u{AD}seen, hy\u{AD}\r\n  phen").text,
            "unseen, hyphen"
        );
        assert_eq!(prose("a\u{AD}\n\nb").text, "a\n\nb");
        assert_eq!(prose("\u{FEFB}").text, "\u{644}\u{627}");
        assert_eq!(prose("a\r\nb\rc\0d\u{C}e\tf").text, "a\nb\ncd\ne\tf");
        assert_eq!(prose("½ ① ﷺ Ⅷ").text, "½ ① ﷺ Ⅷ");
    }

    #[test]
    fn what_nobody_sees_goes_and_leaves_one_mark() {
        let found = prose("Read\u{E0049}\u{E0067}\u{200B}\u{202E} this\u{FDD0}.");
        assert_eq!(found.text, "Read this.");
        let marks: Vec<_> = found
            .marks
            .iter()
            .map(|mark| (mark.at, mark.flag))
            .collect();
        assert_eq!(
            marks,
            [(4, Flag::InvisibleCharacters), (9, Flag::HiddenElement)]
        );
        assert_eq!(prose("a\u{FE0F}\u{FE0E}\u{FE00}\u{3164}b").text, "ab");
        assert!(prose("\u{FEFF}a").marks.is_empty());
    }

    #[test]
    fn what_a_script_or_an_emoji_needs_stays() {
        for text in [
            "👩\u{200D}👩\u{200D}👧 ❤\u{FE0F}\u{200D}🔥 1\u{FE0F}\u{20E3}",
            "می\u{200C}خواهم क्\u{200D}ष",
            "🏴\u{E0067}\u{E0062}\u{E0077}\u{E006C}\u{E0073}\u{E007F}",
            "葛\u{E0100}",
            "ภาษา\u{200B}ไทย",
        ] {
            assert_eq!(
                (prose(text).text.as_str(), prose(text).marks.len()),
                (text, 0)
            );
        }
    }

    #[test]
    fn code_keeps_its_bytes_but_not_what_deceives_a_reader() {
        let code = "a\u{AD}b \u{FB01}\u{FDD0} \u{B}\u{3164}";
        assert_eq!(normalise(code.into(), Kind::Code).text, code);
        let trick = normalise("if a {\u{202E} }\u{2066}\r\n".into(), Kind::Code);
        assert_eq!(trick.text, "if a { }\n");
        assert_eq!(trick.marks.len(), 2);
    }

    #[test]
    fn a_word_broken_by_a_line_is_joined_as_the_rest_of_the_text_writes_it() {
        let pdf = |text: &str| normalise(text.into(), Kind::Pdf).text;
        assert_eq!(
            pdf("mon-\nitoring and mon- itoring; monitoring"),
            "monitoring and monitoring; monitoring"
        );
        assert_eq!(pdf("real-\ntime, real-time"), "real-time, real-time");
        assert_eq!(
            pdf("pre- and postfix, a - b, X-\nray"),
            "pre- and postfix, a - b, X-\nray"
        );
        assert_eq!(
            pdf("net-\nwork of com-\nputers, network"),
            "network of computers, network"
        );
        assert_eq!(
            normalise("mon-\nitoring monitoring".into(), Kind::Prose).text,
            "mon-\nitoring monitoring"
        );
    }

    #[test]
    fn a_text_in_which_nothing_changes_is_not_copied() {
        let text = "Größe – naïve, 漢字 and “quotes” - as they are.\n\n| a | b |\n".to_owned();
        let place = text.as_ptr();
        let found = normalise(text, Kind::Pdf);
        assert_eq!(
            (found.text.as_ptr(), found.offsets),
            (place, Offsets::default())
        );
    }

    #[test]
    fn what_was_cut_off_before_a_text_counts() {
        let offsets = prose("a\u{FB01}\r\nb").offsets.shifted(10);
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|at| offsets.original(at)),
            [10, 11, 11, 15, 16, 17]
        );
        assert_eq!(Offsets::default().shifted(3).original(4), 7);
    }

    proptest! {
        #[test]
        fn every_character_knows_where_it_came_from(
            text in "([a-z\\-]|[ \n\r\t]|[\u{AD}\u{FB00}-\u{FB06}\u{200B}-\u{200F}\u{E0061}\u{FDD0}\u{FE0F}é漢👩\u{FEFB}\u{0}]){0,40}",
            kind in prop::sample::select(vec![Kind::Prose, Kind::Pdf, Kind::Code]),
        ) {
            let found = normalise(text.clone(), kind);
            let mut last = 0;
            for (at, c) in found.text.char_indices() {
                let original = found.offsets.original(at);
                prop_assert!(original >= last && text.is_char_boundary(original), "{at} → {original}");
                last = original;
                let from = text[original..].chars().next().unwrap();
                let same = from == c || from.nfkc().any(|d| d == c) || (c == '\n' && from == '\r') || (c == '-' && from == '\u{2010}');
                prop_assert!(same, "{c:?} from {from:?}");
                prop_assert!(found.map(original) <= at);
                prop_assert_eq!(found.offsets.original(found.map(original)), original);
            }
            prop_assert!(found.map(text.len()) == found.text.len());
            for mark in &found.marks {
                prop_assert!(found.text.is_char_boundary(mark.at));
            }
        }
    }
}
