//! A version from elsewhere: a manifest that nobody here wrote, the one list of what is taken from there, and sealed as its
//! exact bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use unicode_normalization::UnicodeNormalization as _;

use super::{
    Draft, Error, LockedStore, MANIFEST, MANIFEST_SHA256, Manifest, SOURCES, Sealed, Store,
    VersionName,
};
use crate::digest::Digest;
use crate::durable;
use crate::space::{DECIDING, OPTIONAL};

/// Bytes of the largest record that is taken from elsewhere; a manifest of a hundred thousand files is half of it.
pub const MOST_RECORD: u64 = 64 << 20;
/// Bytes of the largest file of a model that is taken; its size is not in the manifest.
pub const MOST_MODEL: u64 = 16 << 30;
/// Files that a version may have; ours have some tens.
const MOST_FILES: usize = 100_000;
/// Bytes of the longest name in a path, as filesystems have it.
const LONGEST_NAME: usize = 255;
/// Bytes of the longest path below a version.
const LONGEST_PATH: usize = 1024;
/// The signature beside a version's reports, in minisign's format.
const SIGNATURE: &str = "manifest.json.minisig";

/// A manifest whose every name may be used as a path, with its exact bytes.
#[derive(Debug)]
pub struct Received {
    /// What it says.
    pub manifest: Manifest,
    /// The hash of its bytes.
    pub manifest_sha256: Digest,
    bytes: Vec<u8>,
}

impl Received {
    /// Reads a manifest that should be of this version. It is refused unless every path in it is relative, plain, and no other
    /// one's on any filesystem, and the model that it lists is the one that its space names.
    pub fn parse(name: &VersionName, bytes: Vec<u8>) -> Result<Self, Error> {
        let manifest = Manifest::parse(name, &bytes)?;
        let refused = |problem: String| Error::Refused {
            name: name.clone(),
            problem,
        };
        if manifest.version != *name {
            return Err(refused(format!("it is of {}", manifest.version)));
        }
        check_paths(manifest.files.iter().map(|file| file.path.as_str())).map_err(refused)?;
        check_paths(manifest.model_files.keys().map(String::as_str)).map_err(refused)?;
        check_table(&manifest).map_err(refused)?;
        let mut total: u64 = 0;
        let mut sizes = BTreeMap::new();
        for file in &manifest.files {
            if *sizes.entry(file.sha256).or_insert(file.size) != file.size {
                return Err(refused("it gives the same bytes two sizes".into()));
            }
            let sum = total.checked_add(file.size);
            total = sum.ok_or_else(|| refused("its sizes are no sizes".into()))?;
        }
        if manifest.space.fingerprint() != manifest.fingerprint {
            return Err(refused("its fingerprint is not of its space".into()));
        }
        let lists = |(file, digest): (&String, &Digest)| {
            manifest
                .model_files
                .get(file)
                .is_none_or(|listed| listed != digest)
        };
        if manifest.space.files.iter().any(lists) {
            return Err(refused("its model files are not of its space".into()));
        }
        let known = |file: &&String| DECIDING.iter().chain(&OPTIONAL).any(|known| file == known);
        if let Some(file) = manifest.model_files.keys().find(|file| !known(file)) {
            return Err(refused(format!("{file:?} is no file of a model")));
        }
        Ok(Self {
            manifest_sha256: Digest::of(&bytes),
            manifest,
            bytes,
        })
    }

    /// The exact bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes of all its files, without the model.
    pub fn total(&self) -> u64 {
        self.manifest.files.iter().map(|file| file.size).sum()
    }

    /// Says whether the store has this very version. Its name with another manifest, now or in the past, is an error, and so is a
    /// model that differs from the one that versions here have under the same fingerprint: it would take that one's place.
    pub fn is_in(&self, store: &Store) -> Result<bool, Error> {
        let name = &self.manifest.version;
        for other in store.versions()? {
            if let Ok((other, _)) = store.manifest(&other)
                && other.fingerprint == self.manifest.fingerprint
                && other.model_files != self.manifest.model_files
            {
                return Err(Error::Refused {
                    name: name.clone(),
                    problem: format!("{} has other files of the same model", other.version),
                });
            }
        }
        let taken = || Error::NameTaken { name: name.clone() };
        let means_another = |digest: &Digest| *digest != self.manifest_sha256;
        let names = store.names()?;
        if names
            .iter()
            .any(|known| known.name == *name && means_another(&known.manifest_sha256))
        {
            return Err(taken());
        }
        match store.manifest(name) {
            Ok((_, digest)) if means_another(&digest) => Err(taken()),
            Ok(_) => Ok(true),
            Err(Error::NoVersion { .. }) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Keeps the signature that came with it, if one did: one that was `checked`, or where the store has none yet.
    pub fn keep_signature(
        &self,
        store: &LockedStore,
        signature: Option<&str>,
        checked: bool,
    ) -> Result<(), Error> {
        let name = &self.manifest.version;
        let Some(signature) = signature else {
            return Ok(());
        };
        match store.signature(name)? {
            Some(kept) if kept == signature || !checked => Ok(()),
            _ => store.keep_signature(name, signature),
        }
    }

    /// Seals a draft that holds the manifest's files.
    pub fn seal(&self, draft: Draft, store: &LockedStore) -> Result<Sealed, Error> {
        draft.seal_as(store, &self.manifest, &self.bytes)
    }
}

impl Store {
    /// Where the signature of a version lies, whether there is one or not: beside its reports, because it says something about
    /// the version and is no part of it.
    pub fn signature_file(&self, name: &VersionName) -> PathBuf {
        self.reports_dir(name).join(SIGNATURE)
    }

    /// Reads the signature of a version, if there is one.
    pub fn signature(&self, name: &VersionName) -> Result<Option<String>, Error> {
        let path = self.signature_file(name);
        let relative = path.strip_prefix(&self.root).unwrap_or(&path);
        match durable::read_beneath(&self.root, relative) {
            Err(e) if e.is_not_found() => Ok(None),
            other => Ok(Some(String::from_utf8_lossy(&other?).into_owned())),
        }
    }

    /// Keeps the signature of a version.
    pub fn keep_signature(&self, name: &VersionName, signature: &str) -> Result<(), Error> {
        let dir = self.reports_dir(name);
        let relative = dir.strip_prefix(&self.root).unwrap_or(&dir);
        durable::make_dirs(&self.root, relative)?;
        let (path, mode) = (self.signature_file(name), self.shared().file());
        Ok(durable::write_atomic(&path, signature.as_bytes(), mode)?)
    }

    /// Says whether the model of a fingerprint lies here with exactly these files.
    pub fn has_model(&self, manifest: &Manifest) -> Result<bool, Error> {
        let dir = self.model_dir(&manifest.fingerprint);
        if !fs::symlink_metadata(&dir).is_ok_and(|found| found.is_dir()) {
            return Ok(false);
        }
        for (file, expected) in &manifest.model_files {
            match Digest::of_file_beneath(&dir, Path::new(file)) {
                Ok(found) if found == *expected => {}
                Ok(_) => return Ok(false),
                Err(e) if e.is_not_found() => return Ok(false),
                Err(e) => return Err(e.into()),
            }
        }
        Ok(true)
    }
}

/// Checks that there is what every version has: its list of documents, and one table with its files.
fn check_table(manifest: &Manifest) -> Result<(), String> {
    let has = |wanted: &dyn Fn(&str) -> bool| manifest.files.iter().any(|file| wanted(&file.path));
    let [table] = manifest.tables.as_slice() else {
        return Err(format!("it describes {} tables", manifest.tables.len()));
    };
    check_path(&table.path)?;
    let below = format!("{}/", table.path);
    match has(&|path| path == SOURCES) && has(&|path| path.starts_with(&below)) {
        true => Ok(()),
        false => Err("it lacks what every version has".into()),
    }
}

fn check_paths<'a>(paths: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut folded = BTreeSet::new();
    for path in paths {
        check_path(path)?;
        // Some filesystems know one name where others know two.
        let name: String = path.nfc().flat_map(char::to_lowercase).nfc().collect();
        let top = name.split('/').next().unwrap_or_default();
        if [MANIFEST, MANIFEST_SHA256].contains(&top) {
            return Err(format!("it lists {path:?} as one of its files"));
        }
        if !folded.insert(name) {
            return Err(format!("it lists {path:?} twice, or in another case"));
        }
        if folded.len() > MOST_FILES {
            return Err("it lists too many files".into());
        }
    }
    let is_dir = |path: &String| {
        let below = format!("{path}/");
        let next = folded.range(below.clone()..).next();
        next.is_some_and(|next| next.starts_with(&below))
    };
    match folded.iter().find(|path| is_dir(path)) {
        Some(path) => Err(format!("it lists {path:?} as a file and as a directory")),
        None => Ok(()),
    }
}

fn check_path(path: &str) -> Result<(), String> {
    let is_plain = |name: &str| {
        let allowed = |c: char| !c.is_control() && c != '\\';
        !name.is_empty()
            && name.len() <= LONGEST_NAME
            && name != "."
            && name != ".."
            && name.chars().all(allowed)
    };
    match path.len() <= LONGEST_PATH && path.split('/').all(is_plain) {
        true => Ok(()),
        // A path of any length is not worth repeating.
        false => Err(format!(
            "{:?} is no path below a version",
            path.chars().take(80).collect::<String>()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_below_its_version_on_every_filesystem() {
        let long = "a".repeat(256);
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a//b",
            "a/",
            "./a",
            "a\\b",
            "a\0b",
            "a\nb",
            long.as_str(),
            "manifest.json",
            "Manifest.SHA256",
            "manifest.json/x",
        ] {
            assert!(check_paths([bad].into_iter()).is_err(), "{bad:?}");
        }
        for bad in [["a/B", "a/b"], ["a", "a/b"], ["é", "e\u{301}"]] {
            assert!(check_paths(bad.into_iter()).is_err(), "{bad:?}");
        }
        let good = [
            "lance/chunks.lance/_versions/1.manifest",
            "a-b",
            "a/b",
            "a.b",
            "…",
        ];
        check_paths(good.into_iter()).unwrap();
    }
}
