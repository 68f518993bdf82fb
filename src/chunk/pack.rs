//! Atoms → pieces: as much as fits, cut at the best place that leaves no scrap.

use std::ops::Range;

use super::atoms::Atoms;
use super::outline::{Heading, Matter, Outline, Strength};
use super::{Chunker, Cut};

/// What becomes one chunk.
pub(super) struct Piece<'o> {
    pub(super) atoms: Range<usize>,
    pub(super) path: &'o [Heading],
    /// Tokens of its text and its prefix.
    pub(super) tokens: usize,
    /// What its end is.
    pub(super) cut: Cut,
    /// Pieces below the minimum that were joined to it.
    pub(super) joined: usize,
    /// Whether it is all of its section.
    is_whole: bool,
}

const STRENGTHS: [Strength; 9] = [
    Strength::Block,
    Strength::Item,
    Strength::Inner,
    Strength::Line,
    Strength::Sentence,
    Strength::Wrap,
    Strength::Word,
    Strength::Held,
    Strength::Inside,
];

/// Cuts a document's text into pieces.
pub(super) fn pack<'o>(
    chunker: &Chunker<'_>,
    outline: &'o Outline,
    atoms: &Atoms<'_>,
) -> Vec<Piece<'o>> {
    let packer = Packer { chunker, atoms };
    let mut pieces = Vec::new();
    for section in packer.sections(outline) {
        packer.cut(section, &mut pieces);
    }
    packer.gather(pieces)
}

struct Section<'o> {
    atoms: Range<usize>,
    path: &'o [Heading],
    /// Introductions that were joined to it.
    joined: usize,
}

struct Packer<'c> {
    chunker: &'c Chunker<'c>,
    atoms: &'c Atoms<'c>,
}

impl Packer<'_> {
    /// The outline's sections. An introduction of a few words goes with the first subsection.
    fn sections<'o>(&self, outline: &'o Outline) -> Vec<Section<'o>> {
        let mut sections: Vec<Section<'o>> = Vec::new();
        let mut rest = outline.sections.iter().peekable();
        while let Some(section) = rest.next() {
            let end = rest
                .peek()
                .map_or(self.atoms.len(), |next| self.atoms.at(next.start));
            let next = Section {
                atoms: self.atoms.at(section.start)..end,
                path: &section.path,
                joined: 0,
            };
            match sections.last_mut() {
                Some(last) if self.is_small(&last.atoms) && next.path.starts_with(last.path) => {
                    last.atoms.end = end;
                    last.path = next.path;
                    last.joined += 1;
                }
                _ => sections.push(next),
            }
        }
        sections
    }

    fn is_small(&self, atoms: &Range<usize>) -> bool {
        self.atoms.tokens(atoms.clone()) < self.chunker.min_tokens
    }

    /// Cuts a section.
    fn cut<'o>(&self, section: Section<'o>, pieces: &mut Vec<Piece<'o>>) {
        let Section {
            atoms: all,
            path,
            mut joined,
        } = section;
        // The first atom that no piece has yet, and where the last piece began.
        let (mut floor, mut last) = (all.start, all.start);
        while floor < all.end {
            let prefix = self.chunker.prefix(path, self.atoms.start(floor));
            let room = self.chunker.room(&prefix);
            let mut fill = room;
            let (atoms, tokens) = loop {
                let atoms = self.next(last, floor, all.end, fill);
                let tokens = self.atoms.count(&prefix, atoms.clone());
                let over = tokens.saturating_sub(prefix.tokens + room);
                if over == 0 || fill == 1 || atoms.len() == 1 {
                    break (atoms, tokens);
                }
                // The counts of the parts do not add up to the count of the whole.
                fill = fill.saturating_sub(over).max(1);
            };
            let cut = match self.atoms.get(atoms.end) {
                Some(next) if atoms.end < all.end => next.cut,
                _ => Cut::Section,
            };
            pieces.push(Piece {
                atoms: atoms.clone(),
                path,
                tokens,
                cut,
                joined,
                is_whole: floor == all.start && atoms.end == all.end,
            });
            joined = 0;
            (last, floor) = (atoms.start, atoms.end);
        }
    }

    /// The next piece: it has the atom at `floor`, and may repeat some before it.
    fn next(&self, last: usize, floor: usize, end: usize, room: usize) -> Range<usize> {
        let overlap = self.chunker.overlap;
        if self.atoms.strength(floor) > Strength::Sentence {
            let to = self.best(floor, floor, end, room);
            let spare = room.saturating_sub(self.atoms.tokens(floor..to));
            return self.repeated(last, floor, overlap.min(spare))..to;
        }
        let repeated = self.repeated(last, floor, overlap);
        let begin = match self.atoms.reach(repeated, end, room) > floor {
            true => repeated,
            false => floor,
        };
        begin..self.best(begin, floor, end, room)
    }

    /// Goes back from a cut by whole sentences.
    fn repeated(&self, last: usize, floor: usize, most: usize) -> usize {
        let opens_sentence = |index: usize| {
            self.atoms.get(index).is_some_and(|atom| {
                atom.matter == Matter::Prose && matches!(atom.cut, Cut::Sentence | Cut::Paragraph)
            })
        };
        let mut begin = floor;
        while begin > last + 1
            && opens_sentence(begin)
            && opens_sentence(begin - 1)
            && self.atoms.fits(begin - 1..floor, most)
        {
            begin -= 1;
        }
        begin
    }

    /// The best cut behind `floor` for a piece that begins at `begin`.
    fn best(&self, begin: usize, floor: usize, end: usize, room: usize) -> usize {
        let (atoms, least) = (self.atoms, self.chunker.min_tokens);
        let full = atoms.reach(begin, end, room);
        if full == end {
            return end;
        }
        for strength in STRENGTHS {
            let is_one = |at: &usize| atoms.strength(*at) >= strength;
            let Some(at) = (floor + 1..=full).rev().find(is_one) else {
                continue;
            };
            if strength > Strength::Held {
                // What fits a chunk of its own is left whole, and what does not fits here as well as there.
                let mut behind = (full + 1..=end).take_while(|to| atoms.fits(at..*to, room));
                let is_whole = behind.any(|to| to == end || is_one(&to));
                if !is_whole || atoms.tokens(begin..at) < least {
                    continue;
                }
            }
            // A scrap at the end takes some of what is before it.
            let leaves =
                |at: &usize| atoms.tokens(*at..end) >= least && atoms.tokens(begin..*at) >= least;
            let earlier = (floor + 1..at).rev().find(|at| is_one(at) && leaves(at));
            return match atoms.tokens(at..end) < least {
                true => earlier.unwrap_or(at),
                false => at,
            };
        }
        full
    }

    /// Joins sections below the minimum under their common headings: to each other until they reach it, or to what is beside
    /// them.
    fn gather<'o>(&self, pieces: Vec<Piece<'o>>) -> Vec<Piece<'o>> {
        let is_small = |piece: &Piece<'_>| piece.is_whole && self.is_small(&piece.atoms);
        let mut gathered: Vec<Piece<'o>> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let Some(last) = gathered.last() else {
                gathered.push(piece);
                continue;
            };
            match is_small(last) {
                true if is_small(&piece) && self.join(&mut gathered, &piece) => {}
                true => {
                    self.settle(&mut gathered);
                    let still = gathered.last().is_some_and(is_small);
                    if !(still && self.join(&mut gathered, &piece)) {
                        gathered.push(piece);
                    }
                }
                false => gathered.push(piece),
            }
        }
        self.settle(&mut gathered);
        gathered
    }

    /// Joins the last piece to the one before it, if it is below the minimum.
    fn settle(&self, gathered: &mut Vec<Piece<'_>>) {
        let Some(last) = gathered.pop_if(|last| last.is_whole && self.is_small(&last.atoms)) else {
            return;
        };
        if !self.join(gathered, &last) {
            gathered.push(last);
        }
    }

    /// Joins a piece to the last one, where it is its sibling or child and both fit.
    fn join<'o>(&self, gathered: &mut [Piece<'o>], piece: &Piece<'o>) -> bool {
        let Some(last) = gathered.last_mut() else {
            return false;
        };
        let shared = last
            .path
            .iter()
            .zip(piece.path)
            .take_while(|(a, b)| a == b)
            .count();
        let Some(path) = piece.path.get(..shared) else {
            return false;
        };
        let atoms = last.atoms.start..piece.atoms.end;
        let prefix = self.chunker.prefix(path, self.atoms.start(atoms.start));
        let room = self.chunker.room(&prefix);
        let is_related = shared + 1 >= piece.path.len();
        if !is_related
            || last.atoms.end != piece.atoms.start
            || !self.atoms.fits(atoms.clone(), room)
        {
            return false;
        }
        let tokens = self.atoms.count(&prefix, atoms.clone());
        if tokens > room + prefix.tokens {
            return false;
        }
        *last = Piece {
            atoms,
            path,
            tokens,
            cut: piece.cut,
            joined: last.joined + piece.joined + 1,
            is_whole: last.is_whole && piece.is_whole,
        };
        true
    }
}
