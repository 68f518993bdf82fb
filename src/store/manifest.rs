//! The record that describes a sealed version: `manifest.json`, and its hash in `manifest.sha256`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Error, Head, VersionName};
use crate::digest::Digest;
use crate::space::Space;

/// The manifest format that this program writes, and the newest that it reads.
pub const MANIFEST_FORMAT: u32 = 1;
/// The manifest's file name inside a version.
pub const MANIFEST: &str = "manifest.json";
/// The file beside it that holds its hash, in sha256sum's format.
pub const MANIFEST_SHA256: &str = "manifest.sha256";
/// The file of a version that lists its documents, one a line.
pub const SOURCES: &str = "sources.jsonl";

/// What a version is made of. Hashes are over the bytes of the files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// The shape of this record.
    pub format: u32,
    /// The version's name.
    pub version: VersionName,
    /// When it was sealed, or when the version was that it was promoted from.
    pub created: Timestamp,
    /// The program that sealed it.
    pub tool: String,
    /// What the version says: rows without vectors, the strings that were embedded, and the space.
    pub content_digest: Digest,
    /// The content digest together with the index settings and the numerics.
    pub build_digest: Digest,
    /// The snapshot that it was built from.
    pub snapshot: Digest,
    /// The version that was live when it was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<VersionName>,
    /// The pre-release whose content it is, under its final name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted_from: Option<VersionName>,
    /// The person's own words about it.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How much it holds.
    pub counts: Counts,
    /// What makes its vectors comparable.
    pub space: Space,
    /// The digest of the space.
    pub fingerprint: Digest,
    /// The hash of every file of its model, which lies in the store under the fingerprint.
    #[serde(default)]
    pub model_files: BTreeMap<String, Digest>,
    /// How the space was computed.
    pub numerics: Numerics,
    /// Versions of the parts that decided its chunks, by name.
    pub makers: BTreeMap<String, String>,
    /// Its tables; one now.
    pub tables: Vec<Table>,
    /// Which Lance reads it.
    pub lance: Lance,
    /// What it costs to keep and to serve.
    pub resources: Resources,
    /// Seconds that each stage of the build took, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timings: Vec<(String, f64)>,
    /// Every file but this one and its hash, sorted by path.
    pub files: Vec<FileRecord>,
}

/// How much a version holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Documents that were read.
    pub documents: u64,
    /// Chunks, which are the table's rows.
    pub chunks: u64,
    /// Tokens in all chunks, special tokens not counted.
    pub tokens: u64,
    /// Documents that could not be read.
    pub failed: u64,
    /// Chunks longer than the model's window, whose ends no vector covers.
    pub truncated: u64,
}

/// How vectors were computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numerics {
    /// The equivalence class, such as `f32`.
    pub class: String,
    /// How they were computed within the class, such as `exact16`.
    #[serde(default)]
    pub scheme: String,
    /// The device that computed them.
    pub device: String,
}

/// One Lance table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Table {
    /// Its name for LanceDB.
    pub name: String,
    /// Its directory, relative to the version.
    pub path: String,
    /// Its number of rows.
    pub rows: u64,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// Its indexes.
    pub indexes: Vec<Index>,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, such as `text`, `integer` or `vector[384]`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether the user's metadata brought it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub metadata: bool,
}

/// One index over a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// The column.
    pub column: String,
    /// `vector`, `fts` or `scalar`.
    pub kind: String,
    /// How it was built and is searched.
    pub params: BTreeMap<String, serde_json::Value>,
    /// Measured recall@10 against exact search, for a vector index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<f64>,
    /// Measured median latency of one search in milliseconds, for a vector index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// The same of exact search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact_ms: Option<f64>,
    /// What was measured to choose how hard a search tries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<CurvePoint>,
}

/// What one setting of a vector index gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Partitions that are looked through.
    pub nprobes: usize,
    /// Candidates per wanted hit that are ranked again by exact distance.
    pub refine_factor: u32,
    /// Candidates that a graph keeps while it is walked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ef: Option<usize>,
    /// Recall@10 against exact search, from 0 to 1.
    pub recall: f64,
    /// Median milliseconds of a search.
    pub p50_ms: f64,
    /// The 99th percentile of them.
    pub p99_ms: f64,
}

/// Which Lance wrote the tables.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Lance {
    /// The storage version of the data files.
    pub data_format: String,
    /// The oldest LanceDB that is known to read them.
    pub minimum_reader: String,
}

/// What a version costs.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Resources {
    /// Bytes on disk, without the model.
    pub disk_bytes: u64,
    /// Estimated bytes of memory to keep vectors and texts resident.
    pub resident_bytes: u64,
}

/// One file of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its path relative to the version, with `/`.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// The hash of its bytes.
    pub sha256: Digest,
}

impl Manifest {
    /// Reads a manifest's bytes. A format this program does not know is refused before anything else is looked at.
    pub fn parse(version: &VersionName, bytes: &[u8]) -> Result<Self, Error> {
        let malformed = |source| Error::Malformed {
            what: format!("the manifest of {version}"),
            source,
        };
        let Head { format } = serde_json::from_slice(bytes).map_err(malformed)?;
        if format != MANIFEST_FORMAT {
            let what = format!("version {version}");
            return Err(Error::UnknownFormat {
                what,
                found: format,
                known: MANIFEST_FORMAT,
            });
        }
        serde_json::from_slice(bytes).map_err(malformed)
    }

    /// Returns the bytes that are sealed.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let malformed = |source| Error::Malformed {
            what: "the new manifest".into(),
            source,
        };
        let mut bytes = serde_json::to_vec_pretty(self).map_err(malformed)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}
