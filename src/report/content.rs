//! What is in a version: its chunks by source, format and section, their lengths, their neighbours, and where they lie.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Error;
use super::page::{Duplicates, Histogram, Map, Pair, Point, Share};
use super::plane::Plane;
use crate::digest::Digest;
use crate::index::{Asked, Search, Table};
use crate::progress::Progress;
use crate::snapshot::documents_of_version;
use crate::store::Held;

/// Chunks that are drawn on the map.
const DRAWN: usize = 8_000;
/// Chunks whose nearest neighbour is looked up.
const NEIGHBOURS: usize = 300;
/// Cosine from which on two chunks say nearly the same.
const NEAR: f32 = 0.95;
/// Shares that are listed; the rest is summed up.
const SHARES: usize = 12;
/// Categories of the map that have a colour of their own.
const COLOURS: usize = 11;
/// Pairs of near duplicates that are shown.
const PAIRS: usize = 5;

/// How chunks are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum By {
    /// By the source's id.
    Source,
    /// By the document's format.
    Format,
    /// By the first directory of the document's id, or its first heading where there is none.
    Section,
}

const ALL: [By; 3] = [By::Source, By::Format, By::Section];

#[derive(Default)]
struct Count {
    documents: u64,
    chunks: u64,
    tokens: u64,
}

/// A drawn chunk.
struct Drawn {
    id: String,
    category: String,
    uri: String,
    text: String,
    vector: Vec<f32>,
}

/// What is in one version.
pub(super) struct Content {
    counts: HashMap<By, BTreeMap<String, Count>>,
    tokens: Vec<u64>,
    exact_duplicates: u64,
    drawn: Vec<Drawn>,
    space: Digest,
    rows: u64,
    widest: u64,
}

impl Content {
    /// Reads a version. What is compared with another one has histograms of the same bins.
    pub(super) fn read(
        held: &Held,
        other: Option<&Self>,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let mut formats: HashMap<(String, String), String> = HashMap::new();
        for document in documents_of_version(&held.dir)? {
            let document = document?;
            let format = document
                .format
                .and_then(|format| Some(serde_json::to_value(format).ok()?.as_str()?.to_owned()));
            let format = format.unwrap_or_else(|| "unknown".into());
            formats.insert((document.source, document.id), format);
        }
        let rows = held.manifest.counts.chunks;
        let mut content = Self {
            counts: HashMap::new(),
            tokens: Vec::new(),
            exact_duplicates: 0,
            drawn: Vec::new(),
            space: held.manifest.fingerprint,
            rows,
            widest: other.map_or(0, |other| other.widest),
        };
        let step = rows.div_ceil(DRAWN as u64).max(1);
        let mut texts: HashSet<Digest> = HashSet::new();
        let mut seen: HashSet<(By, String, Digest)> = HashSet::new();
        let mut row = 0;
        Table::open(&held.dir)?.each_chunk(|chunk| {
            if row % 1024 == 0 {
                progress.checkpoint()?;
            }
            let document = Digest::of(format!("{}/{}", chunk.source, chunk.doc_id));
            let key = (chunk.source.to_owned(), chunk.doc_id.to_owned());
            for by in ALL {
                let name = match by {
                    By::Source => chunk.source.to_owned(),
                    By::Format => formats.get(&key).cloned().unwrap_or_default(),
                    By::Section => section(chunk.doc_id, chunk.heading),
                };
                let counts = content.counts.entry(by).or_default();
                let count = counts.entry(name.clone()).or_default();
                count.chunks += 1;
                count.tokens += chunk.tokens;
                count.documents += u64::from(seen.insert((by, name, document)));
            }
            content.tokens.push(chunk.tokens);
            content.widest = content.widest.max(chunk.tokens);
            content.exact_duplicates += u64::from(!texts.insert(Digest::of(chunk.text)));
            if row % step == 0 {
                content.drawn.push(Drawn {
                    id: chunk.id.to_owned(),
                    category: chunk.source.to_owned(),
                    uri: chunk.uri.to_owned(),
                    text: chunk.text.chars().take(300).collect(),
                    vector: chunk.vector.to_vec(),
                });
            }
            row += 1;
            Ok::<_, Error>(())
        })?;
        Ok(content)
    }

    /// The shares, the largest first, with those of another version beside them.
    pub(super) fn shares(&self, by: By, before: Option<&Self>) -> Vec<Share> {
        let none = BTreeMap::new();
        let counts = self.counts.get(&by).unwrap_or(&none);
        let old = before.map(|before| before.counts.get(&by).unwrap_or(&none));
        let was = |name: &String| old.map(|old| old.get(name).map_or(0, |count| count.chunks));
        let mut shares: Vec<Share> = counts
            .iter()
            .map(|(name, count)| Share {
                name: name.clone(),
                documents: count.documents,
                chunks: count.chunks,
                tokens: count.tokens,
                before: was(name),
            })
            .collect();
        let gone = old.into_iter().flatten();
        shares.extend(
            gone.filter(|(name, _)| !counts.contains_key(*name))
                .map(|(name, count)| Share {
                    name: name.clone(),
                    before: Some(count.chunks),
                    ..Share::default()
                }),
        );
        shares.sort_by(|a, b| {
            let size = |share: &Share| share.chunks.max(share.before.unwrap_or(0));
            size(b).cmp(&size(a)).then_with(|| a.name.cmp(&b.name))
        });
        if shares.len() > SHARES {
            let rest = shares.split_off(SHARES - 1);
            let sum = |get: fn(&Share) -> u64| rest.iter().map(get).sum();
            shares.push(Share {
                name: format!("{} others", rest.len()),
                documents: sum(|share| share.documents),
                chunks: sum(|share| share.chunks),
                tokens: sum(|share| share.tokens),
                before: before.map(|_| sum(|share| share.before.unwrap_or(0))),
            });
        }
        shares
    }

    /// Chunks by their tokens.
    pub(super) fn lengths(&self) -> Histogram {
        const BINS: u64 = 16;
        let width = self.widest.div_ceil(BINS).max(1);
        let mut counts = vec![0; BINS as usize];
        for tokens in &self.tokens {
            let bin = (tokens / width).min(BINS - 1) as usize;
            if let Some(count) = counts.get_mut(bin) {
                *count += 1;
            }
        }
        Histogram {
            edges: (0..=BINS).map(|bin| (bin * width) as f64).collect(),
            counts,
        }
    }

    /// The similarity of chunks to their nearest others, and how many say the same.
    pub(super) fn neighbours(
        &self,
        held: &Held,
        progress: &dyn Progress,
    ) -> Result<(Histogram, Duplicates), Error> {
        const BINS: usize = 20;
        let table = Table::open_version(&held.dir, &held.manifest)?;
        let step = self.drawn.len().div_ceil(NEIGHBOURS).max(1);
        let mut counts = vec![0; BINS];
        let mut pairs = Vec::new();
        let (mut sampled, mut near) = (0, 0);
        let stage = progress.stage("look up neighbours", Some(NEIGHBOURS as u64), "chunks");
        for drawn in self.drawn.iter().step_by(step) {
            progress.checkpoint()?;
            stage.advance(1);
            let hits = table.search(Asked::Vector(&drawn.vector), &Search::top(2))?;
            let Some(nearest) = hits.iter().find(|hit| hit.chunk.id != drawn.id) else {
                continue;
            };
            sampled += 1;
            let bin = (nearest.score.clamp(0.0, 1.0) * BINS as f32) as usize;
            if let Some(count) = counts.get_mut(bin.min(BINS - 1)) {
                *count += 1;
            }
            if nearest.score >= NEAR {
                near += 1;
                pairs.push(Pair {
                    score: f64::from(nearest.score),
                    a_uri: drawn.uri.clone(),
                    b_uri: nearest.chunk.uri.clone(),
                    a_text: drawn.text.clone(),
                    b_text: nearest.chunk.text.clone(),
                });
            }
        }
        pairs.sort_by(|a, b| b.score.total_cmp(&a.score));
        pairs.truncate(PAIRS);
        let histogram = Histogram {
            edges: (0..=BINS).map(|bin| bin as f64 / BINS as f64).collect(),
            counts,
        };
        let duplicates = Duplicates {
            exact: self.exact_duplicates,
            near,
            sampled,
            examples: pairs,
        };
        Ok((histogram, duplicates))
    }

    /// Both versions' chunks on the plane of this one, coloured by source.
    pub(super) fn map(&self, before: Option<&Self>) -> Option<Map> {
        let dimension = self.drawn.first()?.vector.len();
        let numbers: Vec<f32> = self
            .drawn
            .iter()
            .flat_map(|drawn| drawn.vector.iter().copied())
            .collect();
        let plane = Plane::fit(&numbers, dimension);
        let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
        for drawn in &self.drawn {
            *sizes.entry(&drawn.category).or_default() += 1;
        }
        let mut names: Vec<&str> = sizes.keys().copied().collect();
        names.sort_by_key(|name| std::cmp::Reverse(sizes.get(name).copied()));
        names.truncate(COLOURS);
        let point = |drawn: &Drawn| {
            let (x, y) = plane.place(&drawn.vector);
            let category = names.iter().position(|name| *name == drawn.category);
            Point {
                x,
                y,
                category: u16::try_from(category.unwrap_or(names.len())).unwrap_or(u16::MAX),
            }
        };
        // Vectors of another space have no place on this plane.
        let before = before.filter(|before| before.space == self.space);
        let mut categories: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        if sizes.len() > names.len() {
            categories.push("other".into());
        }
        Some(Map {
            explained: plane.explained(),
            categories,
            points: self.drawn.iter().map(point).collect(),
            before: before.map(|before| before.drawn.iter().map(point).collect()),
            sampled: self.drawn.len() as u64,
            of: self.rows,
        })
    }
}

fn section(doc_id: &str, heading: Option<&str>) -> String {
    let directory = doc_id.split_once('/').map(|(first, _)| first);
    let heading = heading.and_then(|path| path.split(" > ").next());
    directory.or(heading).unwrap_or("no section").to_owned()
}
