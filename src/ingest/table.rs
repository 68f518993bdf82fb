//! What became of the documents, by format: the table at the end of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::chunk::ChunkRecord;
use crate::corpus::Format;

/// What became of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Read,
    Unchanged,
    Failed,
    Empty,
}

/// One line of the table.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Row {
    /// Documents that were read and cut.
    pub read: u64,
    /// Documents taken over from the last run.
    pub unchanged: u64,
    /// Documents that could not be read.
    pub failed: u64,
    /// Documents that hold no text.
    pub empty: u64,
    /// Their chunks.
    pub chunks: u64,
    /// The chunks' tokens.
    pub tokens: u64,
    /// Seconds of work on them, of all cores together.
    pub seconds: f64,
}

/// The table.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: BTreeMap<Option<Format>, Row>,
    last: Option<Format>,
}

impl Table {
    /// Counts a document.
    pub(super) fn add(&mut self, format: Option<Format>, fate: Fate, chunks: &[ChunkRecord]) {
        let row = self.rows.entry(format).or_default();
        match fate {
            Fate::Read => row.read += 1,
            Fate::Unchanged => row.unchanged += 1,
            Fate::Failed => row.failed += 1,
            Fate::Empty => row.empty += 1,
        }
        row.chunks += chunks.len() as u64;
        row.tokens += chunks
            .iter()
            .map(|chunk| u64::from(chunk.tokens))
            .sum::<u64>();
        self.last = format;
    }

    /// Counts the time that the last document took.
    pub(super) fn took(&mut self, time: Duration) {
        self.rows.entry(self.last).or_default().seconds += time.as_secs_f64();
    }

    /// Returns the lines by the formats' names.
    pub(super) fn rows(self) -> BTreeMap<String, Row> {
        let name = |format: Option<Format>| {
            format.map_or("unknown".to_owned(), |format| format.to_string())
        };
        self.rows
            .into_iter()
            .map(|(format, row)| (name(format), row))
            .collect()
    }
}
