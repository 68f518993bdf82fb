//! Why a version does not answer.

use crate::digest::Digest;
use crate::durable::PathError;
use crate::fault::{Fault, Kind, takes_faults};
use crate::progress::Interrupted;
use crate::store::VersionName;
use crate::{embed, golden, index, model, query, signature, store, verify};

/// A version that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store, the filesystem, the version's bytes, model, table or golden queries said no.
    #[error("{0}")]
    Fault(Box<dyn Fault>),
    /// Its probes cannot be read.
    #[error("probes.json: {0}")]
    Probes(serde_json::Error),
    /// Its model is of another space.
    #[error("{version} is of the space {}, but its model is of {}", expected.short(), found.short())]
    OtherSpace {
        /// The version.
        version: VersionName,
        /// Its space.
        expected: Digest,
        /// The model's.
        found: Digest,
    },
    /// Its model gives other vectors than those that it was built with.
    #[error(
        "the model of {version} gives other vectors than those that it was built with: cosine {least:.5}"
    )]
    WrongModel {
        /// The version.
        version: VersionName,
        /// The least cosine similarity of a probe.
        least: f64,
    },
    /// It does not fit into memory.
    #[error("{version} needs {needed} bytes of memory where {has} of {limit} are taken")]
    NoMemory {
        /// The version.
        version: VersionName,
        /// What it needs.
        needed: u64,
        /// What the process has.
        has: u64,
        /// What it may have.
        limit: u64,
    },
    /// Loading it panicked.
    #[error("loading it panicked")]
    Panicked,
}

takes_faults!(
    Error:
    store::Error,
    PathError,
    verify::Error,
    model::Error,
    embed::Error,
    index::Error,
    query::Error,
    golden::Error,
    signature::Error,
    Interrupted
);

impl Error {
    /// The reason in one of a few words, for counting.
    pub fn reason(&self) -> &'static str {
        if matches!(self, Self::NoMemory { .. }) {
            return "memory";
        }
        match self.kind() {
            Kind::Integrity => "integrity",
            Kind::Incompatible => "incompatible",
            Kind::NotFound => "not-found",
            Kind::Unavailable => "model",
            Kind::Filesystem => "filesystem",
            _ => "failed",
        }
    }

    /// Whether it was only told to stop.
    pub(super) fn is_interrupted(&self) -> bool {
        self.kind() == Kind::Interrupted
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Fault(e) => e.kind(),
            Self::Probes(_) => Kind::Integrity,
            Self::OtherSpace { .. } | Self::WrongModel { .. } => Kind::Incompatible,
            Self::NoMemory { .. } | Self::Panicked => Kind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Fault(e) => e.hint(),
            Self::NoMemory { .. } => Some(
                "Raise the limit, let go of the old version first with --reload drain-first, or search its index with --search index.".into(),
            ),
            _ => None,
        }
    }
}
