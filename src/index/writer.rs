//! Writing a table once: rows in one stream, then the index, then exactly one Lance version on disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use lancedb::DistanceType;
use lancedb::index::Index;
use lancedb::index::vector::IvfRqIndexBuilder;
use lancedb::table::{Duration, OptimizeAction, WriteOptions};
use serde_json::json;

use super::schema::{Columns, VECTOR, is_own, type_name};
use super::search::{Search, Table};
use super::{Error, LANCE_DIR, TABLE, lance, open_table, runtime};
use crate::chunk::ChunkRecord;
use crate::corpus::ColumnKind;
use crate::store;

/// Rows of one Arrow batch.
const BATCH_ROWS: usize = 4096;
/// Rows of one data file, about 40 MB: verification hashes files side by side, and one file of all rows would keep one core
/// busy and the others idle.
const FILE_ROWS: usize = 16_384;
/// Partitions that a search through the index probes, and candidates per wanted hit that it ranks again by exact distance.
const PROBES: usize = 20;
const REFINE: u32 = 4;
/// Stored vectors that recall is measured with, and how many neighbours each asks for.
const RECALL_SAMPLE: usize = 64;
const RECALL_K: usize = 10;

/// When a table gets a vector index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexPolicy {
    /// Below this many rows exact search is as fast, and no index is built.
    pub exact_below: u64,
}

/// A finished table, as the manifest describes it.
#[derive(Debug, Clone)]
pub struct Written {
    /// The table.
    pub table: store::Table,
    /// Lance's storage version of the data files.
    pub data_format: String,
}

/// Writes one table into a directory. Dropping it unfinished leaves rows that no version names.
pub struct IndexWriter {
    columns: Columns,
    pending: Vec<(ChunkRecord, Vec<f32>)>,
    rows: u64,
    sender: Option<SyncSender<RecordBatch>>,
    writer: Option<JoinHandle<Result<(), Error>>>,
}

impl IndexWriter {
    /// Starts a table below `version_dir`, for vectors of `dimension` numbers and these metadata columns.
    pub fn create(
        version_dir: &Path,
        dimension: usize,
        metadata: &BTreeMap<String, ColumnKind>,
    ) -> Result<Self, Error> {
        let columns = Columns::new(dimension, metadata);
        let (sender, receiver) = sync_channel(2);
        let (dir, schema) = (version_dir.join(LANCE_DIR), columns.schema.clone());
        let writer = std::thread::spawn(move || write(&dir, schema, receiver));
        Ok(Self {
            columns,
            pending: Vec::new(),
            rows: 0,
            sender: Some(sender),
            writer: Some(writer),
        })
    }

    /// Adds a row.
    pub fn push(&mut self, record: ChunkRecord, vector: Vec<f32>) -> Result<(), Error> {
        self.pending.push((record, vector));
        self.rows += 1;
        if self.pending.len() == BATCH_ROWS {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let batch = self.columns.batch(&std::mem::take(&mut self.pending))?;
        match self.sender.as_ref().map(|sender| sender.send(batch)) {
            Some(Ok(())) => Ok(()),
            // The thread ended before its time; joining it tells why.
            _ => Err(self.join().err().unwrap_or(Error::WriterEnded)),
        }
    }

    /// Waits for the writing thread, which ends when no more rows can come.
    fn join(&mut self) -> Result<(), Error> {
        drop(self.sender.take());
        match self.writer.take() {
            Some(writer) => writer.join().unwrap_or(Err(Error::WriterEnded)),
            None => Ok(()),
        }
    }

    /// Writes what is left, builds the index that the policy asks for, measures it, and leaves one Lance version.
    pub fn finish(mut self, version_dir: &Path, policy: IndexPolicy) -> Result<Written, Error> {
        self.flush()?;
        self.join()?;
        let mut indexes = Vec::new();
        if self.rows >= policy.exact_below {
            build_vector_index(&version_dir.join(LANCE_DIR))?;
            indexes.push(measure(version_dir, self.rows)?);
        }
        let table = Table::open(version_dir)?;
        let data_format = table.data_format()?;
        let columns = self
            .columns
            .schema
            .fields()
            .iter()
            .map(|field| store::Column {
                name: field.name().clone(),
                kind: type_name(field.data_type()),
                metadata: !is_own(field.name()),
            });
        let path = format!("{LANCE_DIR}/{TABLE}.lance");
        let table = store::Table {
            name: TABLE.into(),
            path,
            rows: self.rows,
            columns: columns.collect(),
            indexes,
        };
        Ok(Written { table, data_format })
    }
}

impl Drop for IndexWriter {
    fn drop(&mut self) {
        // A thread that still wrote would bring back the directory that the draft is about to remove.
        self.join().ok();
    }
}

fn write(dir: &Path, schema: SchemaRef, receiver: Receiver<RecordBatch>) -> Result<(), Error> {
    runtime()?.block_on(async {
        let connection = lancedb::connect(&dir.to_string_lossy())
            .execute()
            .await
            .map_err(lance("creating the table"))?;
        let batches = receiver.into_iter().map(Ok::<_, ArrowError>);
        let reader: Box<dyn RecordBatchReader + Send> =
            Box::new(RecordBatchIterator::new(batches, schema));
        let mut options = WriteOptions::default();
        options
            .lance_write_params
            .get_or_insert_default()
            .max_rows_per_file = FILE_ROWS;
        connection
            .create_table(TABLE, reader)
            .write_options(options)
            .execute()
            .await
            .map_err(lance("writing the table"))
            .map(drop)
    })
}

fn build_vector_index(lance_dir: &Path) -> Result<(), Error> {
    runtime()?.block_on(async {
        let table = open_table(lance_dir).await?;
        let index = Index::IvfRq(IvfRqIndexBuilder::default().distance_type(DistanceType::Cosine));
        table
            .create_index(&[VECTOR], index)
            .execute()
            .await
            .map_err(lance("building the index"))?;
        let prune = OptimizeAction::Prune {
            older_than: Some(Duration::zero()),
            delete_unverified: Some(true),
            error_if_tagged_old_versions: None,
        };
        table
            .optimize(prune)
            .await
            .map_err(lance("pruning old table versions"))
            .map(drop)
    })
}

/// Measures recall@10 against exact search, and the median latency, with stored vectors spread over the table.
fn measure(version_dir: &Path, rows: u64) -> Result<store::Index, Error> {
    let params = BTreeMap::from([
        ("type".to_owned(), json!("IVF_RQ")),
        ("distance".to_owned(), json!("cosine")),
        ("nprobes".to_owned(), json!(PROBES)),
        ("refine_factor".to_owned(), json!(REFINE)),
    ]);
    let mut table = Table::open(version_dir)?;
    table.set_effort(PROBES, REFINE);
    let (mut found, mut wanted) = (0, 0);
    let mut latencies = Vec::new();
    for vector in table.sample_vectors(RECALL_SAMPLE, rows)? {
        let exact = table.search(
            &vector,
            &Search {
                k: RECALL_K,
                exact: true,
                filter: None,
            },
        )?;
        let begun = Instant::now();
        let approximate = table.search(
            &vector,
            &Search {
                k: RECALL_K,
                exact: false,
                filter: None,
            },
        )?;
        latencies.push(begun.elapsed().as_secs_f64() * 1000.0);
        wanted += exact.len();
        found += approximate
            .iter()
            .filter(|hit| exact.iter().any(|other| other.id == hit.id))
            .count();
    }
    latencies.sort_by(f64::total_cmp);
    let round = |value: f64, digits: f64| (value * digits).round() / digits;
    Ok(store::Index {
        column: VECTOR.into(),
        kind: "vector".into(),
        params,
        recall: (wanted > 0).then(|| round(found as f64 / wanted as f64, 1e4)),
        latency_ms: latencies
            .get(latencies.len() / 2)
            .map(|latency| round(*latency, 1e2)),
    })
}
