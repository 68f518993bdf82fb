//! Words that a line's end broke. A printed hyphen does not say whether the word has one: the rest of the text does.

use std::collections::HashSet;

use super::{Becomes, Change};

/// The words of a text in which lines break words.
#[derive(Debug, Default)]
pub(super) struct Words<'a> {
    whole: HashSet<&'a str>,
    compound: HashSet<&'a str>,
    /// Whether the text's broken words are for the most part whole words elsewhere in it.
    hyphenates: bool,
}

impl<'a> Words<'a> {
    /// Looks for broken words, and where there are any, learns all words.
    pub(super) fn of(text: &'a str) -> Self {
        let breaks: Vec<Break<'a>> = text
            .match_indices(HYPHENS)
            .filter_map(|(at, hyphen)| Break::at(text.get(..at)?, text.get(at + hyphen.len()..)?))
            .collect();
        if breaks.is_empty() {
            return Self::default();
        }
        let mut words = Self::default();
        for word in text.split(|c: char| !c.is_alphanumeric() && !HYPHENS.contains(&c)) {
            words.compound.insert(word);
            words.whole.extend(word.split(HYPHENS));
        }
        let whole = breaks
            .iter()
            .filter(|broken| words.is_whole(broken))
            .count();
        let compound = breaks
            .iter()
            .filter(|broken| words.is_compound(broken))
            .count();
        words.hyphenates = whole > compound;
        words
    }

    /// Says what becomes of a hyphen, with what stands before and after it.
    pub(super) fn change(&self, before: &str, hyphen: char, after: &str) -> Option<Change> {
        let broken = Break::at(before, after)?;
        let joins = self.is_whole(&broken)
            || (!self.is_compound(&broken) && !broken.is_suspended() && self.hyphenates);
        if !joins && broken.is_suspended() && !self.is_compound(&broken) {
            return None;
        }
        Some(Change {
            length: hyphen.len_utf8() + broken.gap,
            becomes: if joins {
                Becomes::Nothing
            } else {
                Becomes::One('-')
            },
            flag: None,
        })
    }

    fn is_whole(&self, broken: &Break<'_>) -> bool {
        self.whole
            .contains([broken.head, broken.tail].concat().as_str())
    }

    fn is_compound(&self, broken: &Break<'_>) -> bool {
        HYPHENS.iter().any(|hyphen| {
            self.compound
                .contains(format!("{}{hyphen}{}", broken.head, broken.tail).as_str())
        })
    }
}

const HYPHENS: [char; 2] = ['-', '\u{2010}'];

/// A lower-case letter, a hyphen, a line's end (or the space that it became), a lower-case letter.
struct Break<'a> {
    head: &'a str,
    tail: &'a str,
    /// Bytes between the hyphen and the tail.
    gap: usize,
}

impl<'a> Break<'a> {
    fn at(before: &'a str, after: &'a str) -> Option<Self> {
        let rest = after.strip_prefix(['\n', ' '])?;
        if !before.ends_with(char::is_lowercase) || !rest.starts_with(char::is_lowercase) {
            return None;
        }
        let head = before.rsplit(|c: char| !c.is_alphanumeric()).next()?;
        let tail = rest.split(|c: char| !c.is_alphanumeric()).next()?;
        Some(Self {
            head,
            tail,
            gap: after.len() - rest.len(),
        })
    }

    /// `pre- and postfix`: the hyphen stands for what follows later.
    fn is_suspended(&self) -> bool {
        [
            "and", "or", "to", "und", "oder", "bis", "et", "ou", "en", "of", "y", "o", "e",
        ]
        .contains(&self.tail)
    }
}

/// Counts the bytes of the line's end, and of the next line's indentation, that a soft hyphen has behind it.
pub(super) fn line_end(after: &str) -> usize {
    const BLANK: [char; 3] = [' ', '\t', '\r'];
    let line = after.trim_start_matches(BLANK);
    let Some(next) = line
        .strip_prefix('\n')
        .map(|next| next.trim_start_matches(BLANK))
    else {
        // A space behind it was a line's end before lines were joined.
        return usize::from(after.starts_with(' ') && line.starts_with(char::is_lowercase));
    };
    if next.starts_with('\n') {
        0
    } else {
        after.len() - next.len()
    }
}
