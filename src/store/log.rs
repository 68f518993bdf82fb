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

/// Reads every record of a log in the store's `state/`. A line that a crash tore was never acknowledged, and is left out: the
/// last one without its newline, one that a later append closed, one whose bytes never reached the disk. Any other that
/// cannot be read is damage, and an error: what it said may be what keeps a version, or keeps a document away.
pub(super) fn read<T: DeserializeOwned>(root: &Path, log: &str) -> Result<Vec<T>, Error> {
    read_last(root, log, usize::MAX)
}

/// Reads the records in the last `most` bytes of a log, as [`read`] reads them all.
pub(super) fn read_last<T: DeserializeOwned>(
    root: &Path,
    log: &str,
    most: usize,
) -> Result<Vec<T>, Error> {
    let relative = super::state(log);
    let text = match durable::read_beneath(root, &relative) {
        Err(e) if e.is_not_found() => return Ok(Vec::new()),
        other => other?,
    };
    let is_end = |byte: &u8| *byte == b'\n';
    let whole = text.iter().rposition(is_end).map_or(0, |end| end + 1);
    let text = text.get(..whole).unwrap_or_default();
    let skipped = text.len().saturating_sub(most);
    // The line that the cut goes through is left out, unless it goes through none.
    let begin = match skipped {
        0 => 0,
        _ => text
            .iter()
            .skip(skipped)
            .position(is_end)
            .map_or(whole, |end| skipped + end + 1),
    };
    let mut records = Vec::new();
    for line in text.get(begin..).unwrap_or_default().split(is_end) {
        match serde_json::from_slice(line) {
            Ok(record) => records.push(record),
            Err(e) if e.is_eof() || line.iter().all(|byte| *byte == 0) => {}
            Err(source) => {
                let number = text
                    .split(is_end)
                    .position(|other| other == line)
                    .unwrap_or(0)
                    + 1;
                return Err(Error::Malformed {
                    what: format!("line {number} of {}", root.join(relative).display()),
                    source,
                });
            }
        }
    }
    Ok(records)
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
