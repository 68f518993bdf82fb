//! Documents that say the same: exactly, or nearly. Nothing is dropped for it; people should know.
//!
//! Near ones are found by MinHash (Broder 1997) with one permutation (Li, Owen and Zhang 2012): of the hashes of all runs of
//! five words, the smallest in each of 64 bins. Two texts share a bin's minimum as often as their sets of runs overlap.
//! Bands of four bins find the candidates: at an overlap of 0.8 a pair shares one of 16 bands with a probability of 0.9998.
//! No crate is used: those that exist bring random-number generators that have known faults.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hasher as _};

use serde::Serialize;

use crate::chunk::ChunkRecord;
use crate::digest::{Digest, FieldHasher};

const WORDS: usize = 5;
const BINS: usize = 64;
const BAND: usize = 4;
/// The part of their runs of words that two texts share, from which they are told.
const NEAR: f64 = 0.8;
/// Shorter texts share runs by chance.
const LEAST_RUNS: usize = 20;
/// Documents of one band that are compared with each other; more are one template.
const LARGEST_BAND: usize = 50;

/// Two documents that say nearly the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NearPair {
    /// The one that came first.
    pub first: String,
    /// The other.
    pub second: String,
    /// The estimated part of their runs of five words that they share.
    pub overlap: f64,
}

/// Which documents say the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SameText {
    /// Documents with exactly the same text, by the first of each group.
    pub exact: BTreeMap<String, Vec<String>>,
    /// Pairs with nearly the same text.
    pub near: Vec<NearPair>,
}

/// The documents seen so far.
#[derive(Debug, Default)]
pub(super) struct Duplicates {
    first: HashMap<Digest, usize>,
    exact: BTreeMap<usize, Vec<String>>,
    documents: Vec<(String, Option<Box<[u64; BINS]>>)>,
}

impl Duplicates {
    pub(super) fn add(&mut self, uri: &str, chunks: &[ChunkRecord]) {
        let mut hasher = FieldHasher::default();
        for chunk in chunks {
            hasher.field(&chunk.text);
        }
        let index = self.documents.len();
        let first = *self.first.entry(hasher.finish()).or_insert(index);
        // One of a group stands for it.
        let sketch = (first == index).then(|| sketch(chunks)).flatten();
        self.documents.push((uri.to_owned(), sketch));
        if first != index {
            self.exact.entry(first).or_default().push(uri.to_owned());
        }
    }

    pub(super) fn found(self) -> SameText {
        let mut candidates = BTreeSet::new();
        // One band after the other: all of them at once would take gigabytes for a million documents.
        for band in 0..BINS / BAND {
            let mut alike: HashMap<&[u64], Vec<usize>> = HashMap::new();
            for (index, (_, sketch)) in self.documents.iter().enumerate() {
                let bins = sketch.iter().find_map(|bins| bins.chunks(BAND).nth(band));
                // An empty bin says nothing.
                if let Some(bins) = bins.filter(|bins| !bins.contains(&u64::MAX)) {
                    alike.entry(bins).or_default().push(index);
                }
            }
            for same in alike.values().filter(|same| same.len() <= LARGEST_BAND) {
                for (place, first) in same.iter().enumerate() {
                    let others = same.iter().skip(place + 1);
                    candidates.extend(others.map(|second| (*first, *second)));
                }
            }
        }
        let uri = |index: usize| {
            self.documents
                .get(index)
                .map(|(uri, _)| uri.clone())
                .unwrap_or_default()
        };
        let sketch = |index: usize| {
            self.documents
                .get(index)
                .and_then(|(_, sketch)| sketch.as_ref())
        };
        let near = candidates.into_iter().filter_map(|(first, second)| {
            let overlap = overlap(sketch(first)?, sketch(second)?);
            (overlap >= NEAR).then(|| NearPair {
                first: uri(first),
                second: uri(second),
                overlap,
            })
        });
        let near = near.collect();
        let exact = self.exact.into_iter();
        let exact = exact.map(|(first, others)| {
            let first = self.documents.get(first).map(|(uri, _)| uri.clone());
            (first.unwrap_or_default(), others)
        });
        SameText {
            exact: exact.collect(),
            near,
        }
    }
}

fn sketch(chunks: &[ChunkRecord]) -> Option<Box<[u64; BINS]>> {
    let words = chunks
        .iter()
        .flat_map(|chunk| chunk.text.split_whitespace());
    let words: Vec<u64> = words.map(hash).collect();
    let mut bins = [u64::MAX; BINS];
    if words.len() < WORDS + LEAST_RUNS {
        return None;
    }
    for run in words.windows(WORDS) {
        let run = hash(run);
        if let Some(bin) = bins.get_mut((run % BINS as u64) as usize) {
            *bin = (*bin).min(run);
        }
    }
    Some(Box::new(bins))
}

/// The hash has no key: a sketch must be the same in every run.
fn hash<T: std::hash::Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Estimates the part of their runs that two texts share, by the bins that both fill.
fn overlap(a: &[u64; BINS], b: &[u64; BINS]) -> f64 {
    let pairs = a
        .iter()
        .zip(b)
        .filter(|(a, b)| **a != u64::MAX || **b != u64::MAX);
    let (same, all) = pairs.fold((0, 0), |(same, all), (a, b)| {
        (same + u64::from(a == b), all + 1)
    });
    if all == 0 {
        0.0
    } else {
        same as f64 / all as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Metadata;

    fn chunk(text: &str) -> Vec<ChunkRecord> {
        vec![ChunkRecord {
            id: String::new(),
            source: String::new(),
            doc_id: String::new(),
            uri: String::new(),
            title: None,
            heading: Vec::new(),
            page: None,
            byte_start: 0,
            byte_end: 0,
            ordinal: 0,
            tokens: 0,
            truncated: false,
            flags: Vec::new(),
            prefix: None,
            text_sha256: Digest::of(text),
            metadata: Metadata::new(),
            text: text.to_owned(),
        }]
    }

    #[test]
    fn equal_and_nearly_equal_documents_are_told_and_others_are_not() {
        let words = |seed: usize, count: usize| -> String {
            (0..count)
                .map(|n| format!("w{} ", (n * 7919 + seed) % 10_007))
                .collect()
        };
        let original = words(1, 1000);
        let edited = original
            .replace("w1 ", "other ")
            .replace("w500 ", "changed ");
        let mut duplicates = Duplicates::default();
        for (uri, text) in [
            ("a", &original),
            ("b", &words(77, 1000)),
            ("c", &edited),
            ("d", &original),
        ] {
            duplicates.add(uri, &chunk(text));
        }
        let found = duplicates.found();
        assert_eq!(
            found.exact,
            BTreeMap::from([("a".into(), vec!["d".to_owned()])])
        );
        let near: Vec<_> = found
            .near
            .iter()
            .map(|pair| (pair.first.as_str(), pair.second.as_str()))
            .collect();
        assert_eq!(near, [("a", "c")]);
    }
}
