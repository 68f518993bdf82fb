//! The same content under its final name: a pre-release that proved itself is sealed again without a rebuild.

use std::path::Path;

use crate::durable::{self, PathError};
use crate::fault::{Fault, Kind};
use crate::store::{self, Held, LockedStore, Manifest, Sealed, VersionName};
use crate::verify::{self, Report};

/// What a promotion gave.
#[derive(Debug)]
pub struct Promoted {
    /// The version under its final name.
    pub sealed: Sealed,
    /// Whether it is new.
    pub changed: bool,
    /// Reports that it took over.
    pub reports: usize,
}

/// A promotion that gave no version.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store said no.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The pre-release is damaged, or its reports cannot be carried over.
    #[error(transparent)]
    Verify(Box<verify::Error>),
    /// The filesystem said no.
    #[error(transparent)]
    Io(#[from] PathError),
}

impl From<verify::Error> for Error {
    fn from(error: verify::Error) -> Self {
        Self::Verify(Box::new(error))
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Store(e) => e.kind(),
            Self::Verify(e) => e.kind(),
            Self::Io(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(e) => e.hint(),
            Self::Verify(e) => e.hint(),
            Self::Io(e) => e.hint(),
        }
    }
}

/// Says what the final name would mean: the pre-release's manifest, but for the name. It is the same each time, so that
/// promoting again after a gc gives the version that the name meant before.
fn manifest(held: &Held, to: &VersionName) -> Manifest {
    Manifest {
        version: to.clone(),
        promoted_from: Some(held.name.clone()),
        ..held.manifest.clone()
    }
}

/// Checks that a held version may be promoted to a name, and whether it is already.
pub fn plan(store: &store::Store, held: &Held, to: &VersionName) -> Result<bool, Error> {
    store.check_not_withdrawn(&held.name)?;
    let digest = crate::digest::Digest::of(manifest(held, to).to_bytes()?);
    let taken = || store::Error::NameTaken { name: to.clone() };
    if let Some(known) = store.names()?.iter().find(|known| known.name == *to)
        && known.manifest_sha256 != digest
    {
        return Err(taken().into());
    }
    if !store.version_dir(to).exists() {
        return Ok(true);
    }
    if store.manifest(to)?.1 == digest {
        Ok(false)
    } else {
        Err(taken().into())
    }
}

/// Seals a held version's files under another name, as hard links, and takes its reports over.
pub fn promote(store: &LockedStore, held: &Held, to: &VersionName) -> Result<Promoted, Error> {
    if !plan(store, held, to)? {
        let (_, manifest_sha256) = store.manifest(to)?;
        let name = to.clone();
        let sealed = Sealed {
            name,
            manifest_sha256,
        };
        // Whoever sealed it may have died before its reports were carried over.
        let reports = match Report::kept(store, to)?.is_empty() {
            true => carry(store, held, &sealed)?,
            false => 0,
        };
        return Ok(Promoted {
            sealed,
            changed: false,
            reports,
        });
    }
    // Every path of the manifest is then one that lies in the version.
    verify::check_structure(held)?;
    let draft = store.draft()?;
    for file in &held.manifest.files {
        let path = Path::new(&file.path);
        durable::make_dirs(draft.dir(), path.parent().unwrap_or(Path::new("")))?;
        durable::link_or_copy(&held.dir.join(path), &draft.dir().join(path))?;
    }
    let sealed = draft.seal(store, &manifest(held, to))?;
    let reports = carry(store, held, &sealed)?;
    Ok(Promoted {
        sealed,
        changed: true,
        reports,
    })
}

fn carry(store: &LockedStore, held: &Held, sealed: &Sealed) -> Result<usize, Error> {
    let from = (&held.name, held.manifest_sha256);
    Ok(Report::carry(
        store,
        from,
        (&sealed.name, sealed.manifest_sha256),
    )?)
}
