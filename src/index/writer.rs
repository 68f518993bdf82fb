//! Writing a table once: rows in one stream, then the index, then exactly one Lance version on disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use lancedb::table::WriteOptions;

use super::indexes::{self, Variety};
use super::schema::{Columns, is_own, type_name};
use super::{Error, IndexPolicy, LANCE_DIR, TABLE, Table, lance, runtime};
use crate::chunk::ChunkRecord;
use crate::corpus::ColumnKind;
use crate::progress::Progress;
use crate::store;

/// Rows of one Arrow batch.
const BATCH_ROWS: usize = 4096;
/// Rows of one data file, about 40 MB: verification hashes files side by side, and one file of all rows would keep one core
/// busy and the others idle.
const FILE_ROWS: usize = 16_384;

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
    variety: Variety,
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
            variety: Variety::default(),
            pending: Vec::new(),
            rows: 0,
            sender: Some(sender),
            writer: Some(writer),
        })
    }

    /// Adds a row.
    pub fn push(&mut self, record: ChunkRecord, vector: Vec<f32>) -> Result<(), Error> {
        self.variety.see(&record);
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

    /// Writes what is left, builds the indexes that the policy asks for, measures them, and leaves one Lance version.
    pub fn finish(
        mut self,
        version_dir: &Path,
        policy: &IndexPolicy,
        progress: &dyn Progress,
    ) -> Result<Written, Error> {
        self.flush()?;
        self.join()?;
        let known = &self.columns.schema;
        let indexes = indexes::build(
            version_dir,
            self.rows,
            policy,
            known,
            &self.variety,
            progress,
        )?;
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
