//! The embedding cache: what a successor needs is put into it, what was forgotten is taken out.

use std::collections::HashSet;

use super::{Error, Found, Target};
use crate::digest::Digest;
use crate::embed::{self, Cache, NUMERICS};
use crate::index::Table;
use crate::snapshot::Snapshot;
use crate::store::{Held, Store};

/// Puts a version's own vectors into the cache where it lacks them, but for the documents' that are to be forgotten: so a
/// successor is built without computing anything again.
pub fn recover_vectors(store: &Store, held: &Held, target: &Target) -> Result<(), Error> {
    if held.manifest.numerics.class != NUMERICS {
        return Ok(());
    }
    let mut cache = Cache::open(&store.cache_dir(), &held.manifest.fingerprint, NUMERICS)?;
    let mut lacking: Vec<(Digest, Vec<f32>)> = Vec::new();
    let mut seen = HashSet::new();
    Table::open(&held.dir)?.each_chunk(|chunk| {
        let embedded = format!("{}{}", chunk.prefix, chunk.text);
        let key = embed::key(&held.manifest.space.document_prefix, &embedded);
        let wanted = !target.covers(chunk.source, chunk.doc_id) && !cache.contains(&key);
        if wanted && seen.insert(key) {
            lacking.push((key, chunk.vector.to_vec()));
        }
        Ok::<_, Error>(())
    })?;
    if !lacking.is_empty() {
        cache.append(lacking)?;
    }
    Ok(())
}

/// Drops what was learnt about the sources of forgotten documents: addresses and reasons may tell of them. The next ingest
/// reads those sources afresh.
pub fn purge_states(store: &Store, target: &Target, found: &Found) -> Result<(), Error> {
    let documents = found.documents.iter().map(|document| &document.source);
    let named = match target {
        Target::Source(source) => Some(source),
        Target::Document { source, .. } => source.as_ref(),
    };
    let sources: HashSet<&String> = documents.chain(named).collect();
    for source in sources {
        store.drop_source_state(source)?;
    }
    Ok(())
}

/// Takes the vectors of forgotten texts out of the cache, but for those of texts that other documents have as well. Returns
/// the bytes that this gave back.
pub fn purge_cache(store: &Store, target: &Target, found: &Found) -> Result<u64, Error> {
    let mut prefixes: HashSet<String> = HashSet::from([String::new()]);
    for version in store.versions()? {
        if let Ok((manifest, _)) = store.manifest(&version) {
            prefixes.insert(manifest.space.document_prefix);
        }
    }
    let keys = |text: &str| -> Vec<Digest> {
        prefixes
            .iter()
            .map(|prefix| embed::key(prefix, text))
            .collect()
    };
    let mut forgotten: HashSet<Digest> =
        found.embedded.iter().flat_map(|text| keys(text)).collect();
    for (id, _) in store.snapshots()? {
        for chunk in Snapshot::open(store, Some(&id.to_string()))?.chunks()? {
            let chunk = chunk?;
            if !target.covers(&chunk.source, &chunk.doc_id) {
                for key in keys(&chunk.embedded()) {
                    forgotten.remove(&key);
                }
            }
        }
    }
    let keep = |_: &Digest, key: &Digest| !forgotten.contains(key);
    Ok(embed::trim(&store.cache_dir(), 0, &keep)?)
}
