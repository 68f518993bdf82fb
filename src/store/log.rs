//! Append-only records, one JSON document a line: the history of releases, every name that was ever sealed, and what was
//! withdrawn.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Error, VersionName};
use crate::digest::Digest;
use crate::durable;

pub(super) const HISTORY: &str = "history.jsonl";
pub(super) const NAMES: &str = "names.jsonl";
pub(super) const WITHDRAWN: &str = "withdrawn.jsonl";

/// A name that was sealed, and what it meant. It outlives the version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameRecord {
    /// The version's name.
    pub name: VersionName,
    /// The hash of its manifest.
    pub manifest_sha256: Digest,
    /// What it says.
    pub content_digest: Digest,
}

/// Reads every whole record of a log in the store's `state/`. A last line without its newline was torn by a crash and never
/// acknowledged; a torn line that was closed by a later append does not parse. Both are left out.
pub(super) fn read<T: DeserializeOwned>(root: &Path, log: &str) -> Result<Vec<T>, Error> {
    let text = match durable::read_beneath(root, &super::state(log)) {
        Err(e) if e.is_not_found() => return Ok(Vec::new()),
        other => other?,
    };
    let whole = text
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let lines = text
        .get(..whole)
        .unwrap_or_default()
        .split(|byte| *byte == b'\n');
    Ok(lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect())
}

/// Appends one record, durable.
pub(super) fn append<T: Serialize>(path: &Path, record: &T, mode: u32) -> Result<(), Error> {
    let malformed = |source| Error::Malformed {
        what: path.display().to_string(),
        source,
    };
    let line = serde_json::to_string(record).map_err(malformed)?;
    Ok(durable::append_line(path, &line, mode)?)
}
