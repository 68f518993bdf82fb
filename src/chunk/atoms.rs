//! An outline's stretches → atoms: sentences, rows and lines with their tokens, each counted once. What lies between two
//! atoms is counted by a subtraction.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::outline::{Matter, Outline, Strength};
use super::{Cut, Prefix, without_blank_lines};
use crate::model::Tokenizer;

/// Text that is not cut without need.
#[derive(Debug, Clone, Copy)]
pub(super) struct Atom {
    pub(super) start: usize,
    /// How good the cut before it is.
    pub(super) strength: Strength,
    /// What the cut before it is.
    pub(super) cut: Cut,
    pub(super) matter: Matter,
    /// Whether a word ends before it, so that the counts of both sides add up.
    apart: bool,
}

/// A text's atoms. They cover it without gap or overlap.
pub(super) struct Atoms<'t> {
    text: &'t str,
    tokenizer: &'t Tokenizer,
    /// Tokens that an atom may have.
    most: usize,
    /// Whether the counts of two texts add up at white space.
    adds_up: bool,
    /// Where the text's tokens begin, if that tells anything.
    tokens: Vec<usize>,
    atoms: Vec<Atom>,
    /// Tokens before each atom, and of all.
    sums: Vec<usize>,
}

/// Bytes that a token may take on average. A word of a hundred characters, and a run of white space, is one token or none:
/// without this a chunk might be as long as the document.
const BYTES_PER_TOKEN: usize = 32;

/// Bytes that so many tokens may take. A word of more bytes is counted in parts, so that its count does not add up.
fn most_bytes(tokens: usize) -> usize {
    tokens
        .saturating_mul(BYTES_PER_TOKEN)
        .min(Tokenizer::LONGEST_WORD)
}

/// Bytes of the pieces that a sentence is cut into where it is too long.
const GRAIN: usize = 32;

impl<'t> Atoms<'t> {
    /// Breaks a text up so that every atom has at most `most` tokens. A section that fits as it is is not broken up further.
    pub(super) fn of(
        text: &'t str,
        outline: &Outline,
        tokenizer: &'t Tokenizer,
        most: usize,
    ) -> Self {
        let adds_up = tokenizer.counts_add_up();
        let mut atoms = Self {
            text,
            tokenizer,
            most,
            adds_up,
            tokens: match adds_up {
                true => tokenizer.starts(text),
                false => Vec::new(),
            },
            atoms: Vec::new(),
            sums: vec![0],
        };
        // A line that is wrapped does not end its sentence.
        let unwrapped = text.replace(['\n', '\r'], " ");
        let mut seams = outline.seams.iter().peekable();
        let ends = outline.sections.iter().skip(1).map(|section| section.start);
        let mut start = 0;
        for end in ends.chain([text.len()]) {
            let fits = atoms.adds_up && atoms.begin_in(&(start..end)) <= most;
            start = end;
            while let Some(seam) = seams.next_if(|seam| seam.at < end) {
                let span = seam.at..seams.peek().map_or(text.len(), |next| next.at);
                let atom = Atom {
                    start: span.start,
                    strength: seam.strength,
                    cut: Cut::Paragraph,
                    matter: seam.matter,
                    apart: true,
                };
                match seam.matter {
                    Matter::Prose if !fits => atoms.sentences(atom, span, &unwrapped),
                    Matter::Code if !fits => atoms.lines(atom, span, Cut::Line),
                    Matter::Table if !fits => atoms.lines(atom, span, Cut::Row),
                    _ => atoms.add(atom, span),
                }
            }
        }
        atoms
    }

    /// Tokens that begin in a span.
    fn begin_in(&self, span: &Range<usize>) -> usize {
        let before = |offset: usize| self.tokens.partition_point(|start| *start < offset);
        before(span.end) - before(span.start)
    }

    fn sentences(&mut self, first: Atom, span: Range<usize>, unwrapped: &str) {
        let stretch = unwrapped.get(span.clone()).unwrap_or_default();
        let last = span.start + stretch.trim_end().len();
        let (mut next, mut end, mut letters) = (first, span.start, 0);
        each_sentence(stretch, &mut |sentence, is_whole| {
            end += sentence.len();
            let of_words = sentence.chars().filter(|c| c.is_alphabetic());
            letters += of_words.take(2).count();
            // The point behind the number of an item or an initial does not end a sentence.
            let is_ended = is_whole
                && letters >= 2
                && sentence.ends_with(|c: char| c.is_whitespace() || ENDS.contains(&c));
            if is_ended && end < last {
                self.add(next, next.start..end);
                letters = 0;
                next = Atom {
                    start: end,
                    strength: Strength::Sentence,
                    cut: Cut::Sentence,
                    ..first
                };
            }
        });
        self.add(next, next.start..span.end);
    }

    fn lines(&mut self, first: Atom, span: Range<usize>, cut: Cut) {
        let stretch = self.text.get(span.clone()).unwrap_or_default();
        let fenced = is_fence(stretch);
        let (mut start, mut blank) = (span.start, false);
        for (index, line) in stretch.split_inclusive('\n').enumerate() {
            let opens = match cut {
                // A head and its rule say nothing without a row.
                Cut::Row => index <= 2,
                _ => fenced && index == 1,
            };
            let atom = match index {
                0 => first,
                _ => Atom {
                    start,
                    strength: match () {
                        () if opens || fenced && is_fence(line) => Strength::Held,
                        () if blank => Strength::Inner,
                        () => Strength::Line,
                    },
                    cut,
                    ..first
                },
            };
            blank = line.trim().is_empty();
            start += line.len();
            self.add(atom, atom.start..start);
        }
    }

    /// Adds an atom, or what it breaks into where it is too long.
    fn add(&mut self, atom: Atom, span: Range<usize>) {
        let piece = self.text.get(span.clone()).unwrap_or_default();
        let apart = is_apart(self.text, span.start);
        let tokens = match self.adds_up && apart && is_apart(self.text, span.end) {
            _ if piece.len() > most_bytes(self.most) => usize::MAX,
            true => self.begin_in(&span),
            false => self.tokenizer.count(without_blank_lines(piece)),
        };
        if tokens <= self.most || piece.chars().nth(1).is_none() {
            let sum = self.sums.last().copied().unwrap_or(0);
            self.sums.push(sum.saturating_add(tokens));
            self.atoms.push(Atom { apart, ..atom });
            return;
        }
        let size = GRAIN.min(piece.len() / 2).max(1);
        let words = piece.trim_end();
        let (lengths, (strength, cut)) = if words.contains('\n') {
            let lines = piece.split_inclusive('\n').map(str::len).collect();
            (lines, (Strength::Wrap, Cut::Words))
        } else if words.contains(char::is_whitespace) {
            let words = piece.split_inclusive(char::is_whitespace);
            (grains(words, size), (Strength::Word, Cut::Words))
        } else {
            let graphemes = grains(piece.graphemes(true), size);
            let lengths = match graphemes.len() {
                1 => grains(piece.split_inclusive(|_| true), size),
                _ => graphemes,
            };
            (lengths, (Strength::Inside, Cut::Word))
        };
        let mut next = atom;
        for length in lengths {
            let end = next.start + length;
            self.add(next, next.start..end);
            next = Atom {
                start: end,
                strength,
                cut,
                ..atom
            };
        }
    }

    /// How many atoms there are.
    pub(super) fn len(&self) -> usize {
        self.atoms.len()
    }

    pub(super) fn get(&self, index: usize) -> Option<&Atom> {
        self.atoms.get(index)
    }

    /// The first atom at or behind an offset.
    pub(super) fn at(&self, offset: usize) -> usize {
        self.atoms.partition_point(|atom| atom.start < offset)
    }

    /// Where an atom begins, or the text ends.
    pub(super) fn start(&self, index: usize) -> usize {
        self.get(index).map_or(self.text.len(), |atom| atom.start)
    }

    pub(super) fn strength(&self, index: usize) -> Strength {
        self.get(index)
            .map_or(Strength::Block, |atom| atom.strength)
    }

    fn sum(&self, index: usize) -> usize {
        self.sums.get(index).copied().unwrap_or(usize::MAX)
    }

    /// Tokens of some atoms, as long as every cut lies between words.
    pub(super) fn tokens(&self, atoms: Range<usize>) -> usize {
        self.sum(atoms.end).saturating_sub(self.sum(atoms.start))
    }

    pub(super) fn fits(&self, atoms: Range<usize>, most: usize) -> bool {
        let bytes = self.start(atoms.end) - self.start(atoms.start);
        self.tokens(atoms) <= most && bytes <= most_bytes(most)
    }

    /// The end of the longest run of atoms that fits; it has one at least.
    pub(super) fn reach(&self, from: usize, end: usize, most: usize) -> usize {
        let (mut fits, mut over) = (from + 1, end + 1);
        while fits + 1 < over {
            let middle = fits.midpoint(over);
            match self.fits(from..middle, most) {
                true => fits = middle,
                false => over = middle,
            }
        }
        fits
    }

    /// Counts the tokens of some atoms behind a prefix, exactly.
    pub(super) fn count(&self, prefix: &Prefix, atoms: Range<usize>) -> usize {
        let inner = self.atoms.get(atoms.start + 1..atoms.end);
        if self.adds_up && inner.is_some_and(|inner| inner.iter().all(|atom| atom.apart)) {
            return prefix.tokens + self.tokens(atoms);
        }
        let span = self.start(atoms.start)..self.start(atoms.end);
        let text = without_blank_lines(self.text.get(span).unwrap_or_default());
        self.tokenizer.count(&format!("{}{text}", prefix.text))
    }
}

/// Bytes in which the ends of sentences are looked for at a time. A longer sentence is cut anyway.
const WINDOW: usize = 4 << 10;
/// Characters without a letter that one window may have in a row: behind a full stop, each of them is looked at once for
/// every one before it.
const NO_LETTERS: usize = 64;

/// Shows the sentences of a text, in order and without gap, and whether each is whole: one that no window holds comes in
/// parts, of which the last is called whole.
fn each_sentence(text: &str, show: &mut dyn FnMut(&str, bool)) {
    let mut rest = text;
    while !rest.is_empty() {
        let Some((window, behind)) = rest.split_at_checked(window(rest)) else {
            return;
        };
        let mut sentences = window.split_sentence_bounds().peekable();
        let mut shown = 0;
        while let Some(sentence) = sentences.next() {
            let is_cut = sentences.peek().is_none() && !behind.is_empty();
            // What a window cuts opens the next one.
            if is_cut && shown > 0 {
                break;
            }
            show(sentence, !is_cut);
            shown += sentence.len();
        }
        rest = rest.get(shown..).unwrap_or_default();
    }
}

/// The bytes of a text's first window.
fn window(text: &str) -> usize {
    let (mut space, mut others) = (0, 0);
    for (at, c) in text.char_indices() {
        if at >= WINDOW {
            return if space > 0 { space } else { at };
        }
        if others >= NO_LETTERS {
            return at;
        }
        others = if c.is_alphabetic() { 0 } else { others + 1 };
        if c.is_whitespace() {
            space = at + c.len_utf8();
        }
    }
    text.len()
}

/// Characters that end a sentence without white space.
const ENDS: [char; 3] = ['。', '！', '？'];

fn is_fence(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("```") || line.starts_with("~~~")
}

/// Says whether a word surely ends at an offset. BERT takes control characters out, so that some white space joins words.
fn is_apart(text: &str, at: usize) -> bool {
    let Some((before, after)) = text.split_at_checked(at) else {
        return false;
    };
    let is_space =
        |c: char| c.is_whitespace() && !c.is_control() || ['\t', '\n', '\r'].contains(&c);
    let before = before.chars().next_back();
    before.is_none_or(|c| is_space(c) || ENDS.contains(&c)) || after.starts_with(is_space)
}

/// Joins pieces to lengths of at most `size` bytes, but for a piece that is longer.
fn grains<'p>(pieces: impl Iterator<Item = &'p str>, size: usize) -> Vec<usize> {
    let mut lengths: Vec<usize> = Vec::new();
    for piece in pieces {
        match lengths.last_mut() {
            Some(last) if *last + piece.len() <= size => *last += piece.len(),
            _ => lengths.push(piece.len()),
        }
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_the_same_in_windows_and_runs_of_marks_are_taken_in_parts() {
        let split = |text: &str| {
            let mut sentences: Vec<(String, bool)> = Vec::new();
            each_sentence(text, &mut |sentence, is_whole| {
                sentences.push((sentence.to_owned(), is_whole));
            });
            sentences
        };
        let ordinary = "Mr. Smith goes (at 5 p.m.) home. \"Why?\" asks nobody. ".repeat(400);
        let whole: Vec<(String, bool)> = ordinary
            .split_sentence_bounds()
            .map(|sentence| (sentence.to_owned(), true))
            .collect();
        assert_eq!(split(&ordinary), whole);
        for run in [")", " ", "\u{0301}", "9"] {
            let text = format!("A word. {}", run.repeat(100_000));
            let parts = split(&text);
            let joined: String = parts.iter().map(|(part, _)| part.as_str()).collect();
            assert_eq!(joined, text);
            assert!(parts.iter().all(|(part, _)| part.len() <= WINDOW));
        }
    }
}
