//! Why a version does not answer.

use crate::digest::Digest;
use crate::durable::PathError;
use crate::fault::{Fault, Kind};
use crate::progress::Interrupted;
use crate::store::VersionName;
use crate::{embed, golden, index, model, query, store, verify};

/// A version that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store said no.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The filesystem said no.
    #[error(transparent)]
    Io(#[from] PathError),
    /// Its bytes are not those of its manifest.
    #[error(transparent)]
    Verify(#[from] verify::Error),
    /// Its model cannot be read.
    #[error(transparent)]
    Model(#[from] model::Error),
    /// Its model cannot be used.
    #[error(transparent)]
    Embed(#[from] embed::Error),
    /// Its table cannot be searched.
    #[error(transparent)]
    Index(#[from] index::Error),
    /// A question cannot be answered.
    #[error(transparent)]
    Query(#[from] query::Error),
    /// Its golden queries cannot be read.
    #[error(transparent)]
    Golden(#[from] golden::Error),
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
    /// The process is to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

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
            Self::Store(e) => e.kind(),
            Self::Io(e) => e.kind(),
            Self::Verify(e) => e.kind(),
            Self::Model(e) => e.kind(),
            Self::Embed(e) => e.kind(),
            Self::Index(e) => e.kind(),
            Self::Query(e) => e.kind(),
            Self::Golden(e) => e.kind(),
            Self::Interrupted(e) => e.kind(),
            Self::Probes(_) => Kind::Integrity,
            Self::OtherSpace { .. } | Self::WrongModel { .. } => Kind::Incompatible,
            Self::NoMemory { .. } | Self::Panicked => Kind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(e) => e.hint(),
            Self::Io(e) => e.hint(),
            Self::Verify(e) => e.hint(),
            Self::Model(e) => e.hint(),
            Self::Embed(e) => e.hint(),
            Self::Index(e) => e.hint(),
            Self::Query(e) => e.hint(),
            Self::Golden(e) => e.hint(),
            Self::NoMemory { .. } => Some(
                "Raise the limit, let go of the old version first with --reload drain-first, or search its index with --search index.".into(),
            ),
            _ => None,
        }
    }
}
