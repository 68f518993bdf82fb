//! Two versions side by side: what came, went, changed and moved, in documents, chunks, vectors and answers.

mod churn;
mod condition;
mod rows;

use std::collections::BTreeMap;

use serde::Serialize;

pub use churn::{Churn, QueryChurn};
pub use condition::{Condition, Outcome, ParseConditionError};
pub use rows::MovedVectors;

use crate::fault::{Fault, Kind};
use crate::golden::{Answered, Query};
use crate::index;
use crate::progress::{Interrupted, Progress};
use crate::snapshot::{self, DocumentRecord, documents_of_version};
use crate::store::{Held, Manifest, VersionName};

/// Documents that are listed by name.
const LISTED: usize = 1_000;

/// How two versions differ.
#[derive(Debug, Clone, Serialize)]
pub struct Diff {
    /// The version that is left.
    pub from: VersionName,
    /// The version that is gone to.
    pub to: VersionName,
    /// Whether vectors of the one mean nothing to the other.
    pub space_changed: bool,
    /// Settings that differ.
    pub settings: Vec<Setting>,
    /// Documents, by id: `changed` in their bytes, `moved` to another id.
    pub documents: Changes,
    /// Chunks, by what was embedded: `changed` within a document, `moved` to another one.
    pub chunks: Changes,
    /// Tokens of all chunks.
    pub tokens: Sizes,
    /// Bytes on disk.
    pub bytes: Sizes,
    /// Texts that are in both, and whose vectors differ all the same; unknown where the space changed.
    pub moved_vectors: Option<MovedVectors>,
    /// How far the golden queries' answers changed; unknown without any.
    pub churn: Option<Churn>,
    /// The documents that differ, the first thousand.
    pub changed_documents: Vec<ChangedDocument>,
}

/// How many of a kind came, went, changed, moved and stayed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// There before.
    pub before: u64,
    /// There now.
    pub now: u64,
    /// Came.
    pub added: u64,
    /// Went.
    pub removed: u64,
    /// Are there with other content.
    pub changed: u64,
    /// Are there with the same content in another place.
    pub moved: u64,
    /// Are there as they were.
    pub unchanged: u64,
}

/// A size before and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// Before.
    pub before: u64,
    /// Now.
    pub now: u64,
}

/// A setting that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// What it was.
    pub before: String,
    /// What it is.
    pub now: String,
}

/// A document that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedDocument {
    /// How.
    pub change: Change,
    /// Its source.
    pub source: String,
    /// Its id.
    pub id: String,
    /// The id that it had, where it moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// How a document differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It came.
    Added,
    /// It went.
    Removed,
    /// Its bytes are others.
    Changed,
    /// Its bytes have another id.
    Moved,
}

/// Versions that cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A table cannot be read.
    #[error(transparent)]
    Index(#[from] index::Error),
    /// A list of documents cannot be read.
    #[error(transparent)]
    Documents(#[from] snapshot::Error),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Index(e) => e.kind(),
            Self::Documents(e) => e.kind(),
            Self::Interrupted(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Index(e) => e.hint(),
            Self::Documents(e) => e.hint(),
            Self::Interrupted(e) => e.hint(),
        }
    }
}

/// Golden queries with the answers of both versions.
pub struct Asked<'a> {
    /// The queries.
    pub queries: &'a [Query],
    /// The answers of the version that is left.
    pub before: &'a [Answered],
    /// The answers of the version that is gone to.
    pub now: &'a [Answered],
}

/// Compares two held versions.
pub fn diff(
    from: &Held,
    to: &Held,
    asked: Option<&Asked<'_>>,
    progress: &dyn Progress,
) -> Result<Diff, Error> {
    let (old, new) = (&from.manifest, &to.manifest);
    let space_changed = old.fingerprint != new.fingerprint;
    let (documents, changed_documents) = documents(from, to)?;
    let (chunks, moved_vectors) = rows::compare(from, to, !space_changed, progress)?;
    Ok(Diff {
        from: from.name.clone(),
        to: to.name.clone(),
        space_changed,
        settings: settings(old, new),
        documents,
        chunks,
        tokens: Sizes {
            before: old.counts.tokens,
            now: new.counts.tokens,
        },
        bytes: Sizes {
            before: old.resources.disk_bytes,
            now: new.resources.disk_bytes,
        },
        moved_vectors,
        churn: asked.map(churn::churn),
        changed_documents,
    })
}

/// The settings that a manifest tells, by name.
fn told(manifest: &Manifest) -> BTreeMap<String, String> {
    let mut told = BTreeMap::from([
        ("tool".to_owned(), manifest.tool.clone()),
        ("model".to_owned(), manifest.space.model.clone()),
        ("space".to_owned(), manifest.fingerprint.short()),
        ("numerics".to_owned(), manifest.numerics.class.clone()),
        ("scheme".to_owned(), manifest.numerics.scheme.clone()),
    ]);
    for (name, version) in &manifest.makers {
        told.insert(name.clone(), version.clone());
    }
    for index in manifest.tables.iter().flat_map(|table| &table.indexes) {
        let kind = index.params.get("type").and_then(|kind| kind.as_str());
        let name = format!("{} index of {}", index.kind, index.column);
        told.insert(name, kind.unwrap_or("?").to_owned());
    }
    told
}

fn settings(old: &Manifest, new: &Manifest) -> Vec<Setting> {
    let (old, new) = (told(old), told(new));
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let value = |told: &BTreeMap<String, String>, name: &String| {
        told.get(name).cloned().unwrap_or_else(|| "none".into())
    };
    names
        .into_iter()
        .map(|name| Setting {
            name: name.clone(),
            before: value(&old, name),
            now: value(&new, name),
        })
        .filter(|setting| setting.before != setting.now)
        .collect()
}

type Key = (String, String);

fn documents(from: &Held, to: &Held) -> Result<(Changes, Vec<ChangedDocument>), Error> {
    let read = |held: &Held| -> Result<BTreeMap<Key, DocumentRecord>, Error> {
        let mut found = BTreeMap::new();
        for document in documents_of_version(&held.dir)? {
            let document = document?;
            if document.sha256.is_some() {
                found.insert((document.source.clone(), document.id.clone()), document);
            }
        }
        Ok(found)
    };
    let (mut old, new) = (read(from)?, read(to)?);
    let mut changes = Changes {
        before: old.len() as u64,
        now: new.len() as u64,
        ..Changes::default()
    };
    let mut listed = Vec::new();
    let mut came = Vec::new();
    for (key, document) in &new {
        match old.remove(key) {
            None => came.push((key, document)),
            Some(before) if before.sha256 == document.sha256 => changes.unchanged += 1,
            Some(_) => {
                changes.changed += 1;
                listed.push(named(Change::Changed, key, None));
            }
        }
    }
    let mut gone: BTreeMap<_, Vec<Key>> = BTreeMap::new();
    for (key, document) in old {
        let bytes = document.sha256.map(|digest| *digest.as_bytes());
        gone.entry(bytes).or_default().push(key);
    }
    for (key, document) in came {
        let bytes = document.sha256.map(|digest| *digest.as_bytes());
        match gone.get_mut(&bytes).and_then(Vec::pop) {
            Some((_, before)) => {
                changes.moved += 1;
                listed.push(named(Change::Moved, key, Some(before)));
            }
            None => {
                changes.added += 1;
                listed.push(named(Change::Added, key, None));
            }
        }
    }
    for key in gone.into_values().flatten() {
        changes.removed += 1;
        listed.push(named(Change::Removed, &key, None));
    }
    listed.sort_by(|a, b| (a.change, &a.source, &a.id).cmp(&(b.change, &b.source, &b.id)));
    listed.truncate(LISTED);
    Ok((changes, listed))
}

fn named(change: Change, (source, id): &Key, before: Option<String>) -> ChangedDocument {
    ChangedDocument {
        change,
        source: source.clone(),
        id: id.clone(),
        before,
    }
}

impl Diff {
    /// The part of the chunks or tokens that was lost, whichever is more, from 0 to 1.
    pub fn shrink(&self) -> f64 {
        let lost = |before: u64, now: u64| before.saturating_sub(now) as f64 / before.max(1) as f64;
        let chunks = lost(self.chunks.before, self.chunks.now);
        chunks.max(lost(self.tokens.before, self.tokens.now))
    }
}
