//! What the versions look like, without reading their bytes: `verify` does that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Outcome, list};
use crate::digest::Digest;
use crate::store::{Error, Manifest, Store, VersionName};

type Manifests = BTreeMap<VersionName, Result<Manifest, Error>>;

pub(super) fn look(store: &Store) -> Vec<(&'static str, Outcome)> {
    let names = match store.versions() {
        Ok(names) => names,
        Err(e) => return vec![("manifests", e.into())],
    };
    let manifest = |name: &VersionName| store.manifest(name).map(|(manifest, _)| manifest);
    let manifests: Manifests = names
        .into_iter()
        .map(|name| (name.clone(), manifest(&name)))
        .collect();
    vec![
        ("manifests", damaged(&manifests)),
        ("files", files(store, &manifests)),
        ("models", models(store, &manifests).into()),
    ]
}

fn damaged(manifests: &Manifests) -> Outcome {
    let bad: Vec<String> = manifests
        .values()
        .filter_map(|manifest| Some(manifest.as_ref().err()?.to_string()))
        .collect();
    if bad.is_empty() {
        return Outcome::ok(format!(
            "{} read, each with the hash beside it",
            manifests.len()
        ));
    }
    Outcome::damaged(
        list(&bad),
        "Restore the version from a copy, or build the next one and publish that; `ragctl verify` tells more.",
    )
}

/// Files are there and of the size that the manifest says. Their bytes are read by `verify`.
fn files(store: &Store, manifests: &Manifests) -> Outcome {
    let mut bad = Vec::new();
    let mut seen = 0;
    for (name, manifest) in whole(manifests) {
        for file in &manifest.files {
            seen += 1;
            let path = store.version_dir(name).join(&file.path);
            let is_right = path
                .symlink_metadata()
                .is_ok_and(|found| found.is_file() && found.len() == file.size);
            if !is_right {
                bad.push(format!("{name}/{}", file.path));
            }
        }
    }
    if bad.is_empty() {
        return Outcome::ok(format!("{seen}, each of the size in its manifest"));
    }
    Outcome::damaged(
        format!("missing or of another size: {}", list(&bad)),
        "Restore the version from a copy, or publish another one; `ragctl verify --level bytes` reads every byte.",
    )
}

/// Every version's model lies in the store; that of a live version is read and hashed.
fn models(store: &Store, manifests: &Manifests) -> Result<Outcome, Error> {
    let live: BTreeSet<VersionName> = store
        .channel_names()?
        .iter()
        .filter_map(|channel| store.live_on(channel).ok().flatten())
        .collect();
    // The live version's own list of hashes comes first, so that its files are hashed.
    let mut needed: BTreeMap<Digest, (&VersionName, &Manifest)> = BTreeMap::new();
    for (name, manifest) in whole(manifests) {
        if live.contains(name) || !needed.contains_key(&manifest.fingerprint) {
            needed.insert(manifest.fingerprint, (name, manifest));
        }
    }
    let mut bad = Vec::new();
    for (fingerprint, (name, manifest)) in &needed {
        let dir = store.model_dir(fingerprint);
        let listed = match manifest.model_files.is_empty() {
            true => &manifest.space.files,
            false => &manifest.model_files,
        };
        for (file, expected) in listed {
            let relative = Path::new(file);
            let problem = if live.contains(*name) {
                match Digest::of_file_beneath(&dir, relative) {
                    Ok(found) if found == *expected => None,
                    Ok(_) => Some("has other bytes"),
                    Err(e) if e.is_not_found() => Some("is missing"),
                    Err(e) => return Err(e.into()),
                }
            } else {
                (!dir.join(relative).is_file()).then_some("is missing")
            };
            bad.extend(problem.map(|problem| format!("{file} of {name}'s model {problem}")));
        }
    }
    Ok(match (bad.is_empty(), needed.len()) {
        (true, 0) => Outcome::ok("none needed yet"),
        (true, count) => Outcome::ok(format!(
            "{count} in the store, the live one's bytes as sealed"
        )),
        (false, _) => Outcome::damaged(
            list(&bad),
            "Build a version with the same model: sealing it puts the model right. Rollback needs no model.",
        ),
    })
}

fn whole(manifests: &Manifests) -> impl Iterator<Item = (&VersionName, &Manifest)> {
    manifests
        .iter()
        .filter_map(|(name, manifest)| Some((name, manifest.as_ref().ok()?)))
}
