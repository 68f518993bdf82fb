//! The rows of two versions by what was embedded, and the vectors of what is in both.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::{Changes, Error};
use crate::digest::FieldHasher;
use crate::embed::probes::{SAME, cosine};
use crate::index::Table;
use crate::progress::Progress;
use crate::store::Held;

/// Rows whose vectors are held at once: about 100 MB at 384 numbers.
const BLOCK_ROWS: usize = 65_536;
/// Chunks whose vectors moved that are named.
const NAMED: usize = 20;

/// Texts that are in both versions, and whose vectors differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MovedVectors {
    /// Rows that were compared.
    pub compared: u64,
    /// Rows whose cosine to the vector before is below 0.9999.
    pub moved: u64,
    /// The lowest cosine.
    pub lowest_cosine: f64,
    /// The first of those that moved, by document and cosine.
    pub examples: Vec<(String, f64)>,
}

/// The beginning of a hash: of what was embedded, or of a document's name. 128 bits do not collide by chance.
type Key = u128;

struct Row {
    text: Key,
    document: u32,
}

/// The rows of one version in their order.
struct Rows {
    rows: Vec<Row>,
    /// Source and id of each document.
    names: Vec<String>,
}

/// Numbers documents across both versions.
#[derive(Default)]
struct Documents(HashMap<Key, u32>);

impl Rows {
    fn read(table: &Table, known: &mut Documents, progress: &dyn Progress) -> Result<Self, Error> {
        let (mut rows, mut names) = (Vec::new(), Vec::new());
        table.each_chunk(|chunk| {
            if rows.len() % 1024 == 0 {
                progress.checkpoint()?;
            }
            let document = key(&[chunk.source, chunk.doc_id]);
            let next = u32::try_from(known.0.len()).unwrap_or(u32::MAX);
            let document = *known.0.entry(document).or_insert(next);
            while names.len() <= document as usize {
                names.push(String::new());
            }
            if let Some(name) = names
                .get_mut(document as usize)
                .filter(|name| name.is_empty())
            {
                *name = format!("{}/{}", chunk.source, chunk.doc_id);
            }
            rows.push(Row {
                text: key(&[chunk.prefix, chunk.text]),
                document,
            });
            Ok::<_, Error>(())
        })?;
        Ok(Self { rows, names })
    }
}

fn key(fields: &[&str]) -> Key {
    let mut hasher = FieldHasher::default();
    for field in fields {
        hasher.field(field);
    }
    let digest = hasher.finish();
    let half = digest.as_bytes().first_chunk::<16>();
    half.map_or(0, |half| Key::from_be_bytes(*half))
}

/// Compares the rows of two versions, and the vectors of what is in both where they are of one space.
pub(super) fn compare(
    from: &Held,
    to: &Held,
    with_vectors: bool,
    progress: &dyn Progress,
) -> Result<(Changes, Option<MovedVectors>), Error> {
    let (old_table, new_table) = (Table::open(&from.dir)?, Table::open(&to.dir)?);
    let mut known = Documents::default();
    let stage = progress.stage("compare texts", None, "versions");
    let old = Rows::read(&old_table, &mut known, progress)?;
    stage.advance(1);
    let new = Rows::read(&new_table, &mut known, progress)?;
    drop(stage);
    let changes = changes(&old.rows, &new.rows);
    if !with_vectors {
        return Ok((changes, None));
    }
    let moved = moved(&old_table, &old.rows, &new_table, &new, progress)?;
    Ok((changes, Some(moved)))
}

fn changes(old: &[Row], new: &[Row]) -> Changes {
    let mut changes = Changes {
        before: old.len() as u64,
        now: new.len() as u64,
        ..Changes::default()
    };
    let mut here: HashMap<(u32, Key), u64> = HashMap::new();
    for row in old {
        *here.entry((row.document, row.text)).or_default() += 1;
    }
    let mut came = Vec::new();
    for row in new {
        match here.get_mut(&(row.document, row.text)) {
            Some(left) if *left > 0 => {
                *left -= 1;
                changes.unchanged += 1;
            }
            _ => came.push(row),
        }
    }
    // What is left of the old rows went, unless the same text came in another document.
    let mut gone: HashMap<Key, Vec<u32>> = HashMap::new();
    for ((document, text), left) in here {
        for _ in 0..left {
            gone.entry(text).or_default().push(document);
        }
    }
    let mut came_in: HashMap<u32, u64> = HashMap::new();
    for row in came {
        match gone.get_mut(&row.text).and_then(Vec::pop) {
            Some(_) => changes.moved += 1,
            None => *came_in.entry(row.document).or_default() += 1,
        }
    }
    let mut went_from: HashMap<u32, u64> = HashMap::new();
    for document in gone.into_values().flatten() {
        *went_from.entry(document).or_default() += 1;
    }
    // Within one document a text that went and one that came are one that changed.
    for (document, came) in came_in {
        let went = went_from.remove(&document).unwrap_or(0);
        let changed = came.min(went);
        changes.changed += changed;
        changes.added += came - changed;
        changes.removed += went - changed;
    }
    changes.removed += went_from.into_values().sum::<u64>();
    changes
}

/// Compares vectors, a block of the old version's rows at a time.
fn moved(
    old_table: &Table,
    old: &[Row],
    new_table: &Table,
    new: &Rows,
    progress: &dyn Progress,
) -> Result<MovedVectors, Error> {
    let dimension = old_table.dimension()?.max(1);
    let mut found = MovedVectors {
        compared: 0,
        moved: 0,
        lowest_cosine: 1.0,
        examples: Vec::new(),
    };
    let blocks = old.len().div_ceil(BLOCK_ROWS);
    let stage = progress.stage("compare vectors", Some(blocks as u64), "blocks");
    // Equal texts have equal vectors within a version: the first one stands for all.
    let mut seen: HashSet<Key> = HashSet::new();
    for block in 0..blocks {
        let range = block * BLOCK_ROWS..(block + 1) * BLOCK_ROWS;
        let mut places: HashMap<Key, usize> = HashMap::new();
        for (place, row) in old.iter().skip(range.start).take(BLOCK_ROWS).enumerate() {
            if seen.insert(row.text) {
                places.insert(row.text, place);
            }
        }
        let mut vectors: Vec<f32> = Vec::new();
        let mut row = 0;
        old_table.each_block(|numbers| {
            progress.checkpoint()?;
            for vector in numbers.chunks_exact(dimension) {
                if range.contains(&row) {
                    vectors.extend_from_slice(vector);
                }
                row += 1;
            }
            Ok::<_, Error>(())
        })?;
        let mut row = 0;
        new_table.each_block(|numbers| {
            progress.checkpoint()?;
            for vector in numbers.chunks_exact(dimension) {
                if let Some(now) = new.rows.get(row)
                    && let Some(place) = places.get(&now.text)
                {
                    let before = vectors.get(place * dimension..(place + 1) * dimension);
                    found.take(cosine(before.unwrap_or_default(), vector), now, new);
                }
                row += 1;
            }
            Ok::<_, Error>(())
        })?;
        stage.advance(1);
    }
    Ok(found)
}

impl MovedVectors {
    fn take(&mut self, cosine: f64, row: &Row, rows: &Rows) {
        self.compared += 1;
        self.lowest_cosine = self.lowest_cosine.min(cosine);
        if cosine < SAME {
            self.moved += 1;
            if self.examples.len() < NAMED {
                let name = rows.names.get(row.document as usize);
                self.examples
                    .push((name.cloned().unwrap_or_default(), cosine));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[(u32, Key)]) -> Vec<Row> {
        rows.iter()
            .map(|(document, text)| Row {
                text: *text,
                document: *document,
            })
            .collect()
    }

    #[test]
    fn a_row_stays_moves_changes_comes_or_goes() {
        let old = rows(&[(0, 1), (0, 2), (0, 3), (1, 4), (2, 5)]);
        let new = rows(&[(0, 1), (0, 9), (3, 3), (1, 4), (1, 6)]);
        let found = changes(&old, &new);
        let counts = (found.unchanged, found.moved, found.changed);
        assert_eq!(counts, (2, 1, 1));
        assert_eq!((found.added, found.removed), (1, 1));
        assert_eq!((found.before, found.now), (5, 5));
    }

    #[test]
    fn a_text_that_stands_twice_counts_twice() {
        let old = rows(&[(0, 1), (0, 1)]);
        let new = rows(&[(0, 1)]);
        let found = changes(&old, &new);
        assert_eq!((found.unchanged, found.removed), (1, 1));
    }
}
