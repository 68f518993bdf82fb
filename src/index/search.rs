//! A table opened read-only by its real path, and searched.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{Array as _, RecordBatch};
use arrow_schema::{DataType, Schema};
use futures::TryStreamExt as _;
use lancedb::DistanceType;
use lancedb::query::{ExecutableQuery as _, QueryBase as _, Select};
use serde::Serialize;
use tokio::runtime::Runtime;

use super::schema::{EMBEDDED_PREFIX, FLAGS, METADATA, VECTOR, is_own, kind_of};
use super::{Error, Filter, LANCE_DIR, TABLE, lance, open_table, runtime};
use crate::corpus::{ColumnKind, Metadata, Value};

/// What is asked of a table beside the query's vector.
#[derive(Debug, Clone)]
pub struct Search {
    /// How many hits.
    pub k: usize,
    /// Whether every row is compared, whatever index there is.
    pub exact: bool,
    /// Which rows count.
    pub filter: Option<Filter>,
}

/// One chunk found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// Its place among the hits, from 1.
    pub rank: usize,
    /// Cosine similarity to the query.
    pub score: f32,
    /// The chunk's id.
    pub id: String,
    /// The document's id.
    pub doc_id: String,
    /// The source's id.
    pub source: String,
    /// Where the document lies.
    pub uri: String,
    /// The document's title.
    pub title: Option<String>,
    /// Headings above the chunk.
    pub heading: Option<String>,
    /// The page it begins on.
    pub page: Option<i64>,
    /// Its text.
    pub text: String,
    /// What a reader should know about it, such as `invisible-characters`: something was taken out of the text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// The document's metadata.
    pub metadata: Metadata,
}

/// A row as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// The chunk's id.
    pub id: &'a str,
    /// The source's id.
    pub source: &'a str,
    /// The document's id.
    pub doc_id: &'a str,
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
    /// The index's columns.
    pub columns: String,
    /// Rows in the index.
    pub covered: u64,
    /// Rows outside it.
    pub uncovered: u64,
}

/// A version's table, open for reading.
pub struct Table {
    table: lancedb::Table,
    runtime: Runtime,
    schema: Arc<Schema>,
    probes: Option<usize>,
    refine: Option<u32>,
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
            probes: None,
            refine: None,
        })
    }

    /// Sets how hard a search through the index tries.
    pub fn set_effort(&mut self, probes: usize, refine: u32) {
        self.probes = Some(probes);
        self.refine = Some(refine);
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
                    columns: index.columns.join(","),
                    covered: covered as u64,
                    uncovered: uncovered as u64,
                });
            }
            Ok(coverage)
        })
    }

    /// Finds the chunks nearest to a vector, best first.
    pub fn search(&self, vector: &[f32], search: &Search) -> Result<Vec<Hit>, Error> {
        let expected = self.dimension()?;
        if vector.len() != expected {
            return Err(Error::Dimension {
                expected,
                found: vector.len(),
            });
        }
        let unwanted = [VECTOR, METADATA, EMBEDDED_PREFIX];
        let wanted = self
            .columns()
            .into_iter()
            .filter(|name| !unwanted.contains(&name.as_str()));
        let wanted = wanted.chain(["_distance".to_owned()]).collect();
        let mut query = self
            .table
            .query()
            .nearest_to(vector)
            .map_err(lance("searching"))?;
        query = query
            .distance_type(DistanceType::Cosine)
            .limit(search.k)
            .select(Select::Columns(wanted));
        if search.exact {
            query = query.bypass_vector_index();
        } else if let (Some(probes), Some(refine)) = (self.probes, self.refine) {
            query = query
                .nprobes(probes)
                .map_err(lance("searching"))?
                .refine_factor(refine);
        }
        if let Some(filter) = &search.filter {
            query = query.only_if_expr(filter.bind(&self.fields())?);
        }
        let batches: Vec<RecordBatch> = self
            .runtime
            .block_on(async { query.execute().await?.try_collect().await })
            .map_err(lance("searching"))?;
        let mut hits = Vec::new();
        for batch in &batches {
            hits_of(batch, &mut hits)?;
        }
        Ok(hits)
    }

    /// Reads what names each row, its text and its vector, in row order.
    pub fn each_chunk<E: From<Error>>(
        &self,
        mut visit: impl FnMut(Stored<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let has_prefix = self.schema.field_with_name(EMBEDDED_PREFIX).is_ok();
        let mut columns = vec!["id", "source", "doc_id", "text", VECTOR];
        columns.extend(has_prefix.then_some(EMBEDDED_PREFIX));
        let select = Select::columns(&columns);
        let query = self.table.query().select(select);
        let mut stream = self
            .runtime
            .block_on(query.execute())
            .map_err(lance("reading vectors"))?;
        while let Some(batch) = self
            .runtime
            .block_on(stream.try_next())
            .map_err(lance("reading vectors"))?
        {
            let (ids, texts) = (Texts::of(&batch, "id")?, Texts::of(&batch, "text")?);
            let (sources, doc_ids) = (Texts::of(&batch, "source")?, Texts::of(&batch, "doc_id")?);
            let prefixes = has_prefix
                .then(|| Texts::of(&batch, EMBEDDED_PREFIX))
                .transpose()?;
            let vectors = batch
                .column_by_name(VECTOR)
                .and_then(|column| column.as_fixed_size_list_opt());
            let vectors = vectors.ok_or(Error::MissingColumn(VECTOR))?;
            for row in 0..batch.num_rows() {
                let vector = vectors.value(row);
                let vector = vector
                    .as_primitive_opt::<Float32Type>()
                    .ok_or(Error::MissingColumn(VECTOR))?;
                visit(Stored {
                    id: ids.get(row).unwrap_or_default(),
                    source: sources.get(row).unwrap_or_default(),
                    doc_id: doc_ids.get(row).unwrap_or_default(),
                    text: texts.get(row).unwrap_or_default(),
                    prefix: prefixes
                        .as_ref()
                        .and_then(|texts| texts.get(row))
                        .unwrap_or_default(),
                    vector: vector.values(),
                })?;
            }
        }
        Ok(())
    }

    /// Reads about `count` vectors, spread evenly over a table of `rows` rows.
    pub fn sample_vectors(&self, count: usize, rows: u64) -> Result<Vec<Vec<f32>>, Error> {
        let step = (rows / count as u64).max(1);
        let mut row = 0;
        let mut sample = Vec::new();
        self.each_chunk(|chunk| {
            if row % step == 0 && sample.len() < count {
                sample.push(chunk.vector.to_vec());
            }
            row += 1;
            Ok::<_, Error>(())
        })?;
        Ok(sample)
    }
}

/// A text column of a batch.
struct Texts<'a>(&'a arrow_array::StringArray);

impl<'a> Texts<'a> {
    fn of(batch: &'a RecordBatch, name: &'static str) -> Result<Self, Error> {
        let column = batch
            .column_by_name(name)
            .and_then(|column| column.as_string_opt::<i32>());
        column.map(Self).ok_or(Error::MissingColumn(name))
    }

    fn get(&self, row: usize) -> Option<&'a str> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }
}

fn hits_of(batch: &RecordBatch, hits: &mut Vec<Hit>) -> Result<(), Error> {
    let (ids, doc_ids, sources) = (
        Texts::of(batch, "id")?,
        Texts::of(batch, "doc_id")?,
        Texts::of(batch, "source")?,
    );
    let (uris, titles, headings) = (
        Texts::of(batch, "uri")?,
        Texts::of(batch, "title")?,
        Texts::of(batch, "heading")?,
    );
    let texts = Texts::of(batch, "text")?;
    let flags = Texts::of(batch, FLAGS).ok();
    let pages = batch
        .column_by_name("page")
        .and_then(|column| column.as_primitive_opt::<Int64Type>());
    let distances = batch
        .column_by_name("_distance")
        .and_then(|column| column.as_primitive_opt::<Float32Type>());
    let distances = distances.ok_or(Error::MissingColumn("_distance"))?;
    let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
    for row in 0..batch.num_rows() {
        hits.push(Hit {
            rank: hits.len() + 1,
            score: 1.0 - distances.value(row),
            id: owned(ids.get(row)),
            doc_id: owned(doc_ids.get(row)),
            source: owned(sources.get(row)),
            uri: owned(uris.get(row)),
            title: titles.get(row).map(str::to_owned),
            heading: headings.get(row).map(str::to_owned),
            page: pages
                .filter(|pages| pages.is_valid(row))
                .map(|pages| pages.value(row)),
            text: owned(texts.get(row)),
            flags: flags
                .as_ref()
                .and_then(|flags| flags.get(row))
                .map_or(Vec::new(), |flags| {
                    flags.split(',').map(str::to_owned).collect()
                }),
            metadata: metadata_of(batch, row),
        });
    }
    Ok(())
}

fn metadata_of(batch: &RecordBatch, row: usize) -> Metadata {
    let mut metadata = Metadata::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if is_own(field.name()) || field.name().starts_with('_') || column.is_null(row) {
            continue;
        }
        let value = match kind_of(field.data_type()) {
            Some(ColumnKind::Boolean) => column
                .as_boolean_opt()
                .map(|array| Value::Boolean(array.value(row))),
            Some(ColumnKind::Integer) => column
                .as_primitive_opt::<Int64Type>()
                .map(|array| Value::Integer(array.value(row))),
            Some(ColumnKind::Float) => column
                .as_primitive_opt::<Float64Type>()
                .map(|array| Value::Float(array.value(row))),
            Some(ColumnKind::Text) => column
                .as_string_opt::<i32>()
                .map(|array| Value::Text(array.value(row).to_owned())),
            None => None,
        };
        if let Some(value) = value {
            metadata.insert(field.name().clone(), value);
        }
    }
    metadata
}
