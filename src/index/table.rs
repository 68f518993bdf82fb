//! A table opened read-only by its real path: what it holds, and its rows one by one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float32Type, Int64Type, UInt64Type};
use arrow_array::{Array as _, RecordBatch};
use arrow_schema::{DataType, Schema};
use futures::TryStreamExt as _;
use lancedb::expr::{col, lit};
use lancedb::query::{ExecutableQuery as _, Query, QueryBase as _, Select};

use super::hit::{Chunk, Columns, Texts};
use super::resident::{ROW_ID, Resident, wanted};
use super::schema::{EMBEDDED_PREFIX, VECTOR, kind_of};
use super::{
    Effort, Error, Filter, LANCE_DIR, RESIDENT_RECALL, TABLE, Threads, lance, open_table, runtime,
};
use crate::corpus::ColumnKind;
use crate::progress::Progress;
use crate::store::Manifest;

/// A row as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// The chunk's id.
    pub id: &'a str,
    /// The source's id.
    pub source: &'a str,
    /// The document's id.
    pub doc_id: &'a str,
    /// Where the document lies.
    pub uri: &'a str,
    /// The document's title.
    pub title: Option<&'a str>,
    /// Headings above the chunk.
    pub heading: Option<&'a str>,
    /// The tokens of what was embedded.
    pub tokens: u64,
    /// The chunk's text.
    pub text: &'a str,
    /// What stood before it when it was embedded; mostly nothing.
    pub prefix: &'a str,
    /// Its vector.
    pub vector: &'a [f32],
}

/// How many rows an index covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// What LanceDB calls the kind of index, such as `IVF_RQ`.
    pub kind: String,
    /// The index's columns.
    pub columns: String,
    /// Rows in the index.
    pub covered: u64,
    /// Rows outside it.
    pub uncovered: u64,
}

/// A version's table, open for reading.
pub struct Table {
    pub(super) table: lancedb::Table,
    pub(super) runtime: Threads,
    schema: Arc<Schema>,
    pub(super) effort: Option<Effort>,
    pub(super) has_text_index: OnceLock<bool>,
    pub(super) resident: Option<Resident>,
}

impl Table {
    /// Opens the table below a version's real directory.
    pub fn open(version_dir: &Path) -> Result<Self, Error> {
        let dir = version_dir.join(LANCE_DIR);
        // LanceDB creates a directory that it is asked to connect to.
        if !dir.join(format!("{TABLE}.lance")).is_dir() {
            return Err(Error::NoTable(dir));
        }
        let runtime = runtime()?;
        let (table, schema) = runtime.block_on(async {
            let table = open_table(&dir).await?;
            let schema = table
                .schema()
                .await
                .map_err(lance("reading the table's columns"))?;
            Ok::<_, Error>((table, schema))
        })?;
        Ok(Self {
            table,
            runtime,
            schema,
            effort: None,
            has_text_index: OnceLock::new(),
            resident: None,
        })
    }

    /// Opens a version's table, and searches it as hard as its manifest says.
    pub fn open_version(version_dir: &Path, manifest: &Manifest) -> Result<Self, Error> {
        let mut table = Self::open(version_dir)?;
        table.check(manifest)?;
        let indexes = manifest.tables.iter().flat_map(|table| &table.indexes);
        table.effort = indexes
            .filter(|index| index.kind == "vector")
            .find_map(|index| Effort::of_params(&index.params));
        Ok(table)
    }

    /// Fails where a manifest says something else than itself or than the table: its bytes may be those that were sealed, and
    /// still be wrong.
    fn check(&self, manifest: &Manifest) -> Result<(), Error> {
        let wrong = |what: String| Err(Error::Contradiction(what));
        let space = &manifest.space;
        if space.fingerprint() != manifest.fingerprint {
            return wrong("its space has another fingerprint".into());
        }
        let path = format!("{LANCE_DIR}/{TABLE}.lance");
        let [described] = manifest.tables.as_slice() else {
            return wrong(format!("it describes {} tables", manifest.tables.len()));
        };
        if described.path != path {
            return wrong(format!("its table lies at {}, not {path}", described.path));
        }
        let (rows, chunks, counted) = (described.rows, manifest.counts.chunks, self.count()?);
        if rows != chunks || rows != counted {
            return wrong(format!(
                "it counts {chunks} chunks and {rows} rows, the table has {counted}"
            ));
        }
        let (said, found) = (space.dimension, self.dimension()?);
        match said == found {
            true => Ok(()),
            false => wrong(format!(
                "its vectors have {said} numbers, the table's {found}"
            )),
        }
    }

    /// Sets how hard a search through the index tries.
    pub fn set_effort(&mut self, effort: Effort) {
        self.effort = Some(effort);
    }

    /// The fields that filters may name, and their types.
    pub fn fields(&self) -> BTreeMap<String, ColumnKind> {
        self.schema
            .fields()
            .iter()
            .filter_map(|field| Some((field.name().clone(), kind_of(field.data_type())?)))
            .collect()
    }

    /// The names of the columns, in order.
    pub fn columns(&self) -> Vec<String> {
        self.schema
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect()
    }

    /// Numbers in a vector.
    pub fn dimension(&self) -> Result<usize, Error> {
        match self
            .schema
            .field_with_name(VECTOR)
            .map(arrow_schema::Field::data_type)
        {
            Ok(DataType::FixedSizeList(_, dimension)) => {
                Ok(usize::try_from(*dimension).unwrap_or(0))
            }
            _ => Err(Error::MissingColumn(VECTOR)),
        }
    }

    /// Counts the rows.
    pub fn count(&self) -> Result<u64, Error> {
        let count = self
            .runtime
            .block_on(self.table.count_rows(None))
            .map_err(lance("counting rows"))?;
        Ok(count as u64)
    }

    /// Counts the versions that Lance keeps of the table.
    pub fn lance_versions(&self) -> Result<usize, Error> {
        Ok(self
            .runtime
            .block_on(self.table.list_versions())
            .map_err(lance("listing table versions"))?
            .len())
    }

    /// Lance's storage version of the data files.
    pub fn data_format(&self) -> Result<String, Error> {
        let Some(native) = self.table.as_native() else {
            return Ok("unknown".into());
        };
        let manifest = self
            .runtime
            .block_on(native.manifest())
            .map_err(lance("reading the table's manifest"))?;
        Ok(manifest.data_storage_format.version.to_string())
    }

    /// Says how many rows each index covers.
    pub fn coverage(&self) -> Result<Vec<Coverage>, Error> {
        self.runtime.block_on(async {
            let mut coverage = Vec::new();
            for index in self
                .table
                .list_indices()
                .await
                .map_err(lance("listing indexes"))?
            {
                let stats = self
                    .table
                    .index_stats(&index.name)
                    .await
                    .map_err(lance("reading an index"))?;
                let (covered, uncovered) = stats.map_or((0, 0), |stats| {
                    (stats.num_indexed_rows, stats.num_unindexed_rows)
                });
                coverage.push(Coverage {
                    kind: index.index_type.to_string(),
                    columns: index.columns.join(","),
                    covered: covered as u64,
                    uncovered: uncovered as u64,
                });
            }
            Ok(coverage)
        })
    }

    /// Reads what names each row, its text and its vector, in row order.
    pub fn each_chunk<E: From<Error>>(
        &self,
        mut visit: impl FnMut(Stored<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let has_prefix = self.schema.field_with_name(EMBEDDED_PREFIX).is_ok();
        let mut columns = vec![
            "id", "source", "doc_id", "uri", "title", "heading", "tokens", "text", VECTOR,
        ];
        columns.extend(has_prefix.then_some(EMBEDDED_PREFIX));
        self.each_batch(&columns, |batch| {
            let (ids, texts) = (Texts::of(batch, "id")?, Texts::of(batch, "text")?);
            let (sources, doc_ids) = (Texts::of(batch, "source")?, Texts::of(batch, "doc_id")?);
            let (uris, titles) = (Texts::of(batch, "uri")?, Texts::of(batch, "title")?);
            let headings = Texts::of(batch, "heading")?;
            let prefixes = has_prefix
                .then(|| Texts::of(batch, EMBEDDED_PREFIX))
                .transpose()?;
            let tokens = batch
                .column_by_name("tokens")
                .and_then(|column| column.as_primitive_opt::<Int64Type>())
                .ok_or(Error::MissingColumn("tokens"))?;
            let (vectors, dimension) = flat_vectors(batch)?;
            for (row, vector) in vectors.chunks_exact(dimension.max(1)).enumerate() {
                visit(Stored {
                    id: ids.get(row).unwrap_or_default(),
                    source: sources.get(row).unwrap_or_default(),
                    doc_id: doc_ids.get(row).unwrap_or_default(),
                    uri: uris.get(row).unwrap_or_default(),
                    title: titles.get(row),
                    heading: headings.get(row),
                    tokens: u64::try_from(tokens.value(row)).unwrap_or(0),
                    text: texts.get(row).unwrap_or_default(),
                    prefix: prefixes
                        .as_ref()
                        .and_then(|texts| texts.get(row))
                        .unwrap_or_default(),
                    vector,
                })?;
            }
            Ok(())
        })
    }

    /// Reads the vectors, a block of rows at a time in row order: each block's rows one after the other.
    pub fn each_block<E: From<Error>>(
        &self,
        mut visit: impl FnMut(&[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each_batch(&[VECTOR], |batch| visit(flat_vectors(batch)?.0))
    }

    fn each_batch<E: From<Error>>(
        &self,
        columns: &[&str],
        visit: impl FnMut(&RecordBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each_of(self.table.query().select(Select::columns(columns)), visit)
    }

    fn each_of<E: From<Error>>(
        &self,
        query: Query,
        mut visit: impl FnMut(&RecordBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut stream = self
            .runtime
            .block_on(query.execute())
            .map_err(lance("reading rows"))?;
        while let Some(batch) = self
            .runtime
            .block_on(stream.try_next())
            .map_err(lance("reading rows"))?
        {
            visit(&batch)?;
        }
        Ok(())
    }

    /// Reads its rows into memory, where it searches by vector from then on, and answers from. Fails, and goes on as before,
    /// where that would find too little of what exact search finds.
    pub fn keep_resident(&mut self, rows: u64, progress: &dyn Progress) -> Result<(), Error> {
        let mut resident = Resident::load(self, rows, progress)?;
        let recall = resident.tune();
        if recall < RESIDENT_RECALL {
            return Err(Error::ResidentRecall { recall });
        }
        self.resident = Some(resident);
        Ok(())
    }

    /// What it has in memory.
    pub fn resident(&self) -> Option<&Resident> {
        self.resident.as_ref()
    }

    /// Reads what a hit shows of each row, its vector and Lance's id of it, in row order.
    pub(super) fn each_shown(
        &self,
        visit: &mut dyn FnMut(&RecordBatch) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let columns = wanted(self.shown());
        let query = self.table.query().select(Select::Columns(columns));
        self.each_of(query.with_row_id(), visit)
    }

    /// Lance's ids of the rows that a filter lets through.
    pub(super) fn row_ids(&self, filter: &Filter) -> Result<Vec<u64>, Error> {
        let query = self.table.query().select(Select::columns(&["id"]));
        let query = query.only_if_expr(filter.bind(&self.fields())?);
        let mut ids = Vec::new();
        self.each_of(query.with_row_id(), |batch| {
            let column = batch
                .column_by_name(ROW_ID)
                .and_then(|column| column.as_primitive_opt::<UInt64Type>())
                .ok_or(Error::MissingColumn(ROW_ID))?;
            ids.extend_from_slice(column.values());
            Ok::<_, Error>(())
        })?;
        Ok(ids)
    }

    /// The chunk of an id.
    pub fn chunk(&self, id: &str) -> Result<Option<Chunk>, Error> {
        if let Some(resident) = &self.resident {
            return resident.find(id).map(|row| resident.chunk(row)).transpose();
        }
        let query = self.table.query().select(Select::Columns(self.shown()));
        let query = query.only_if_expr(col("id").eq(lit(id))).limit(1);
        let mut found = None;
        self.each_of(query, |batch| {
            let columns = Columns::of(batch)?;
            found = (batch.num_rows() > 0)
                .then(|| columns.chunk(0))
                .or(found.take());
            Ok::<_, Error>(())
        })?;
        Ok(found)
    }

    /// Reads the vectors of about `count` rows, spread evenly over a table of `rows` rows, with their ids.
    pub fn sample(&self, count: usize, rows: u64) -> Result<Vec<(String, Vec<f32>)>, Error> {
        let step = (rows / count.max(1) as u64).max(1);
        let (mut row, mut sample) = (0, Vec::new());
        self.each_batch(&["id", VECTOR], |batch| {
            let ids = Texts::of(batch, "id")?;
            let (vectors, dimension) = flat_vectors(batch)?;
            for (place, vector) in vectors.chunks_exact(dimension.max(1)).enumerate() {
                if row % step == 0 && sample.len() < count {
                    let id = ids.get(place).unwrap_or_default();
                    sample.push((id.to_owned(), vector.to_vec()));
                }
                row += 1;
            }
            Ok::<_, Error>(())
        })?;
        Ok(sample)
    }
}

/// A batch's vectors one after the other, and the numbers of each.
pub(super) fn flat_vectors(batch: &RecordBatch) -> Result<(&[f32], usize), Error> {
    let missing = || Error::MissingColumn(VECTOR);
    let vectors = batch
        .column_by_name(VECTOR)
        .and_then(|column| column.as_fixed_size_list_opt())
        .ok_or_else(missing)?;
    let dimension = usize::try_from(vectors.value_length()).unwrap_or(0);
    let numbers = vectors
        .values()
        .as_primitive_opt::<Float32Type>()
        .ok_or_else(missing)?;
    let start = usize::try_from(vectors.value_offset(0)).unwrap_or(0);
    let block = numbers
        .values()
        .get(start..start + vectors.len() * dimension)
        .ok_or_else(missing)?;
    Ok((block, dimension))
}
