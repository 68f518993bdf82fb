//! Nothing of a forgotten document is left: by its id in every list and table, by its text in every byte of the store.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use serde::Serialize;

use super::{Error, Found, Target, find};
use crate::durable::{Context as _, PathError};
use crate::index::Table;
use crate::store::{LeaseKind, Store, VersionName};

/// Bytes of a text that are looked for, from its beginning. Shorter texts than the least could stand anywhere by chance.
const MOST: usize = 160;
const LEAST: usize = 24;
/// Bytes of a file that are in memory at a time.
const PIECE: u64 = 16 << 20;

/// What the search for remains gave.
#[derive(Debug, Serialize)]
pub struct Proof {
    /// Files that were read to their end.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Texts that were looked for.
    pub texts: usize,
    /// Where something is left.
    pub remains: Vec<Remains>,
}

/// A place that still holds something.
#[derive(Debug, Serialize)]
pub struct Remains {
    /// The place, as a path in the store.
    pub at: PathBuf,
    /// Why, where that is known.
    pub because: String,
    /// Whether it is in order: a reader still holds the version, or another document has the same text.
    pub accounted: bool,
}

impl Proof {
    /// Whether all that is left is accounted for.
    pub fn holds(&self) -> bool {
        self.remains.iter().all(|remains| remains.accounted)
    }
}

/// Looks through the whole store. `found` is what held the documents before they were forgotten.
pub fn prove(store: &Store, target: &Target, found: &Found) -> Result<Proof, Error> {
    let mut remains: Vec<Remains> = Vec::new();
    let left = find(store, target)?;
    let unseen = store.lease_kind() == LeaseKind::None;
    let held: Vec<(VersionName, PathBuf)> = left
        .versions
        .iter()
        .filter(|holding| holding.channels.is_empty() && (holding.readers > 0 || unseen))
        .map(|holding| (holding.version.clone(), store.version_dir(&holding.version)))
        .collect();
    let relative = |path: &Path| path.strip_prefix(store.root()).unwrap_or(path).to_owned();
    for holding in left.versions {
        let accounted = held.iter().any(|(version, _)| *version == holding.version);
        remains.push(Remains {
            at: relative(&store.version_dir(&holding.version)),
            because: match holding.readers {
                0 if unseen => {
                    "its readers cannot be seen: gc removes it after --grace-unleased".into()
                }
                readers => format!("{readers} readers hold it"),
            },
            accounted,
        });
    }
    for snapshot in left.snapshots {
        remains.push(Remains {
            at: relative(&store.snapshot_dir(&snapshot)),
            because: "the snapshot lists them".into(),
            accounted: false,
        });
    }
    for version in left.trash {
        let at = Path::new("trash").join(version.to_string());
        remains.push(Remains {
            at,
            because: "it is in the trash".into(),
            accounted: false,
        });
    }
    if store.has_live_drafts()? {
        remains.push(Remains {
            at: "staging".into(),
            because: "somebody is ingesting, embedding or building".into(),
            accounted: false,
        });
    }
    let mut search = Search::new(found);
    let shared = search.shared_with_others(store, target)?;
    // The cache may lie elsewhere, behind a link.
    let cache = store.cache_dir();
    let elsewhere = cache.is_symlink().then_some(cache);
    search.walk(
        elsewhere
            .into_iter()
            .chain([store.root().to_owned()])
            .collect(),
    )?;
    for (path, needle) in std::mem::take(&mut search.hits) {
        if held.iter().any(|(_, dir)| path.starts_with(dir)) {
            continue;
        }
        let other = shared.get(&needle);
        remains.push(Remains {
            at: relative(&path),
            because: match other {
                Some(document) => format!("document {document} has the same text"),
                None => "their text stands there".into(),
            },
            accounted: other.is_some(),
        });
    }
    Ok(Proof {
        files: search.files,
        bytes: search.bytes,
        texts: search.texts.len(),
        remains,
    })
}

/// The texts, and the bytes that show them in a file: as they are, and as JSON writes them.
struct Search {
    texts: Vec<String>,
    needles: Vec<(Vec<u8>, usize)>,
    files: u64,
    bytes: u64,
    hits: Vec<(PathBuf, usize)>,
}

impl Search {
    fn new(found: &Found) -> Self {
        let mut texts: Vec<String> = found
            .texts
            .values()
            .filter(|text| text.len() >= LEAST)
            .cloned()
            .collect();
        texts.sort();
        texts.dedup();
        let mut needles = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let end = (0..=MOST.min(text.len()))
                .rev()
                .find(|at| text.is_char_boundary(*at));
            let beginning = text.get(..end.unwrap_or(0)).unwrap_or_default();
            let json = serde_json::to_string(beginning).unwrap_or_default();
            let escaped = json.trim_matches('"').as_bytes().to_vec();
            if escaped != beginning.as_bytes() {
                needles.push((escaped, index));
            }
            needles.push((beginning.as_bytes().to_vec(), index));
        }
        Self {
            texts,
            needles,
            files: 0,
            bytes: 0,
            hits: Vec::new(),
        }
    }

    /// Finds the texts that documents have as well that stay: their bytes are rightly there.
    fn shared_with_others(
        &self,
        store: &Store,
        target: &Target,
    ) -> Result<BTreeMap<usize, String>, Error> {
        let mut shared = BTreeMap::new();
        let Some(automaton) = self.automaton() else {
            return Ok(shared);
        };
        for version in store.versions()? {
            Table::open(&store.version_dir(&version))?.each_chunk(|chunk| {
                if !target.covers(chunk.source, chunk.doc_id) {
                    for hit in automaton.find_overlapping_iter(chunk.text) {
                        if let Some((_, text)) = self.needles.get(hit.pattern().as_usize()) {
                            shared.insert(*text, format!("{}/{}", chunk.source, chunk.doc_id));
                        }
                    }
                }
                Ok::<_, Error>(())
            })?;
        }
        Ok(shared)
    }

    fn automaton(&self) -> Option<AhoCorasick> {
        let needles = self.needles.iter().map(|(needle, _)| needle);
        (!self.needles.is_empty())
            .then(|| AhoCorasick::new(needles).ok())
            .flatten()
    }

    /// Reads every regular file below some directories. What others remove meanwhile holds nothing any more.
    fn walk(&mut self, mut dirs: Vec<PathBuf>) -> Result<(), PathError> {
        let Some(automaton) = self.automaton() else {
            return Ok(());
        };
        while let Some(dir) = dirs.pop() {
            let entries = match fs::read_dir(&dir) {
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                other => other.context(&dir)?,
            };
            for entry in entries {
                let path = entry.context(&dir)?.path();
                match fs::symlink_metadata(&path) {
                    Ok(found) if found.is_dir() => dirs.push(path),
                    Ok(found) if found.is_file() => self.search_file(&automaton, path)?,
                    Ok(_) => {}
                    Err(e) if e.kind() == ErrorKind::NotFound => {}
                    Err(e) => return Err(e).context(path),
                }
            }
        }
        Ok(())
    }

    /// Reads a file piece by piece. Each begins with the end of the one before, so that no needle falls between two.
    fn search_file(&mut self, automaton: &AhoCorasick, path: PathBuf) -> Result<(), PathError> {
        let mut file = match File::open(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            other => other.context(&path)?,
        };
        let overlap = automaton.max_pattern_len();
        let mut seen = BTreeSet::new();
        let mut piece: Vec<u8> = Vec::new();
        self.files += 1;
        loop {
            let kept = piece.len().min(overlap);
            piece.drain(..piece.len() - kept);
            let read = (&mut file)
                .take(PIECE)
                .read_to_end(&mut piece)
                .context(&path)?;
            self.bytes += read as u64;
            for hit in automaton.find_overlapping_iter(&piece) {
                if let Some((_, text)) = self.needles.get(hit.pattern().as_usize()) {
                    seen.insert(*text);
                }
            }
            if read == 0 {
                break;
            }
        }
        self.hits
            .extend(seen.into_iter().map(|text| (path.clone(), text)));
        Ok(())
    }
}
