//! How long chunks are, and how they were cut.

use serde::{Serialize, Serializer};

use super::{Chunk, Cut};

/// What is known of the chunks seen so far. It serializes as its [`Summary`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    tokens: Vec<usize>,
    ends: Ends,
    joined: usize,
    truncated: usize,
}

/// The lengths and cuts of some chunks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// How many there are.
    pub chunks: usize,
    /// Their lengths in tokens.
    pub tokens: Lengths,
    /// How many are how long: ten parts of equal width from one token to the longest chunk.
    pub histogram: Vec<Bin>,
    /// How many end where.
    pub ends: Ends,
    /// Pieces below the minimum that were joined to a neighbour.
    pub joined: usize,
    /// Chunks of which the model does not see the end.
    pub truncated: usize,
}

/// The distribution of lengths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Lengths {
    /// The shortest.
    pub min: usize,
    /// A quarter is no longer.
    pub lower_quartile: usize,
    /// A half is no longer.
    pub median: usize,
    /// Three quarters are no longer.
    pub upper_quartile: usize,
    /// The longest.
    pub max: usize,
    /// The arithmetic mean.
    pub mean: f64,
    /// The sum.
    pub total: usize,
}

/// One part of a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bin {
    /// The longest that it counts, in tokens.
    pub up_to: usize,
    /// How many chunks it counts.
    pub chunks: usize,
}

/// How many chunks end where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Ends {
    /// With their section or document.
    pub section: usize,
    /// Between paragraphs, items or other blocks.
    pub paragraph: usize,
    /// Between rows: their table was split.
    pub row: usize,
    /// Between lines of code: their block was split.
    pub line: usize,
    /// Between sentences of a paragraph.
    pub sentence: usize,
    /// Between words of a sentence.
    pub words: usize,
    /// Inside a word.
    pub word: usize,
}

const BINS: usize = 10;

impl Stats {
    /// Adds some chunks.
    pub fn add(&mut self, chunks: &[Chunk]) {
        for chunk in chunks {
            self.tokens.push(chunk.tokens);
            self.joined += chunk.joined;
            self.truncated += usize::from(chunk.truncated);
            *match chunk.cut {
                Cut::Section => &mut self.ends.section,
                Cut::Paragraph => &mut self.ends.paragraph,
                Cut::Row => &mut self.ends.row,
                Cut::Line => &mut self.ends.line,
                Cut::Sentence => &mut self.ends.sentence,
                Cut::Words => &mut self.ends.words,
                Cut::Word => &mut self.ends.word,
            } += 1;
        }
    }

    /// Sums up.
    pub fn summary(&self) -> Summary {
        let mut sorted = self.tokens.clone();
        sorted.sort_unstable();
        let total: usize = sorted.iter().sum();
        // The smallest that at least this many quarters are not longer than.
        let quarter = |quarters: usize| {
            let rank = (sorted.len() * quarters).div_ceil(4).max(1);
            sorted.get(rank - 1).copied().unwrap_or(0)
        };
        let max = quarter(4);
        let mut counted = 0;
        let bin = |part: usize| {
            let up_to = (max * part).div_ceil(BINS);
            let until = sorted.partition_point(|tokens| *tokens <= up_to);
            let chunks = until - std::mem::replace(&mut counted, until);
            Bin { up_to, chunks }
        };
        Summary {
            chunks: sorted.len(),
            tokens: Lengths {
                min: quarter(0),
                lower_quartile: quarter(1),
                median: quarter(2),
                upper_quartile: quarter(3),
                max,
                mean: total as f64 / sorted.len().max(1) as f64,
                total,
            },
            histogram: (1..=BINS).map(bin).collect(),
            ends: self.ends,
            joined: self.joined,
            truncated: self.truncated,
        }
    }
}

impl Serialize for Stats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.summary().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_counts_every_chunk_once() {
        let chunk = |tokens, cut| Chunk {
            tokens,
            cut,
            joined: 1,
            truncated: tokens > 90,
            ..Chunk::default()
        };
        let mut stats = Stats::default();
        assert_eq!(stats.summary().chunks, 0);
        stats.add(&[chunk(100, Cut::Section), chunk(10, Cut::Row)]);
        stats.add(&[
            chunk(20, Cut::Section),
            chunk(21, Cut::Word),
            chunk(30, Cut::Sentence),
        ]);
        let summary = stats.summary();
        let tokens = summary.tokens;
        assert_eq!(
            (tokens.min, tokens.lower_quartile, tokens.median),
            (10, 20, 21)
        );
        assert_eq!(
            (tokens.upper_quartile, tokens.max, tokens.total),
            (30, 100, 181)
        );
        let bins: Vec<usize> = summary.histogram.iter().map(|bin| bin.chunks).collect();
        assert_eq!(bins, [1, 1, 2, 0, 0, 0, 0, 0, 0, 1]);
        let Ends {
            section,
            row,
            word,
            sentence,
            ..
        } = summary.ends;
        assert_eq!((section, row, word, sentence), (2, 1, 1, 1));
        assert_eq!((summary.joined, summary.truncated), (5, 1));
        let json = serde_json::to_value(&stats).unwrap();
        assert_eq!(json["histogram"][9]["up_to"], 100);
    }
}
