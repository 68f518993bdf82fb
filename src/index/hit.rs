//! What a search finds, read from Arrow batches.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{Array as _, ArrayRef, Int64Array, RecordBatch};
use serde::{Deserialize, Serialize};

use super::Error;
use super::schema::{FLAGS, is_own, kind_of};
use crate::corpus::{ColumnKind, Metadata, Value};

/// One chunk found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// Its place among the hits, from 1.
    pub rank: usize,
    /// How well it fits: cosine similarity to the query by vector, BM25 by text, the sum of reciprocal ranks in hybrid search.
    pub score: f32,
    /// The chunk.
    #[serde(flatten)]
    pub chunk: Chunk,
}

/// What a hit shows of a chunk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// The document's metadata.
    pub metadata: Metadata,
}

/// A text column of a batch.
pub(super) struct Texts<'a>(&'a arrow_array::StringArray);

impl<'a> Texts<'a> {
    pub(super) fn of(batch: &'a RecordBatch, name: &'static str) -> Result<Self, Error> {
        let column = batch
            .column_by_name(name)
            .and_then(|column| column.as_string_opt::<i32>());
        column.map(Self).ok_or(Error::MissingColumn(name))
    }

    pub(super) fn get(&self, row: usize) -> Option<&'a str> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }
}

/// The column that holds how well a row fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scored {
    /// `_distance`: 1 minus the cosine similarity.
    Distance,
    /// `_score`: BM25.
    Text,
    /// `_relevance_score`: the sum of reciprocal ranks.
    Fused,
}

impl Scored {
    /// The column's name.
    pub(super) fn column(self) -> &'static str {
        match self {
            Self::Distance => "_distance",
            Self::Text => "_score",
            Self::Fused => "_relevance_score",
        }
    }
}

/// The columns of a batch that a hit shows.
pub(super) struct Columns<'a> {
    ids: Texts<'a>,
    doc_ids: Texts<'a>,
    sources: Texts<'a>,
    uris: Texts<'a>,
    titles: Texts<'a>,
    headings: Texts<'a>,
    texts: Texts<'a>,
    flags: Option<Texts<'a>>,
    pages: Option<&'a Int64Array>,
    metadata: Vec<(&'a str, ColumnKind, &'a ArrayRef)>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(batch: &'a RecordBatch) -> Result<Self, Error> {
        let metadata = batch.schema_ref().fields().iter().zip(batch.columns());
        let metadata =
            metadata.filter(|(field, _)| !is_own(field.name()) && !field.name().starts_with('_'));
        let metadata = metadata.filter_map(|(field, column)| {
            Some((field.name().as_str(), kind_of(field.data_type())?, column))
        });
        Ok(Self {
            metadata: metadata.collect(),
            ids: Texts::of(batch, "id")?,
            doc_ids: Texts::of(batch, "doc_id")?,
            sources: Texts::of(batch, "source")?,
            uris: Texts::of(batch, "uri")?,
            titles: Texts::of(batch, "title")?,
            headings: Texts::of(batch, "heading")?,
            texts: Texts::of(batch, "text")?,
            flags: Texts::of(batch, FLAGS).ok(),
            pages: batch
                .column_by_name("page")
                .and_then(|column| column.as_primitive_opt::<Int64Type>()),
        })
    }

    pub(super) fn chunk(&self, row: usize) -> Chunk {
        let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let flags = self.flags.as_ref().and_then(|flags| flags.get(row));
        Chunk {
            id: owned(self.ids.get(row)),
            doc_id: owned(self.doc_ids.get(row)),
            source: owned(self.sources.get(row)),
            uri: owned(self.uris.get(row)),
            title: self.titles.get(row).map(str::to_owned),
            heading: self.headings.get(row).map(str::to_owned),
            page: self
                .pages
                .filter(|pages| pages.is_valid(row))
                .map(|pages| pages.value(row)),
            text: owned(self.texts.get(row)),
            flags: flags.map_or(Vec::new(), |flags| {
                flags.split(',').map(str::to_owned).collect()
            }),
            metadata: self.metadata(row),
        }
    }
}

impl Columns<'_> {
    fn metadata(&self, row: usize) -> Metadata {
        let values = self.metadata.iter().filter_map(|(name, kind, column)| {
            Some(((*name).to_owned(), value_of(column, *kind, row)?))
        });
        values.collect()
    }
}

/// Appends a batch's rows to the hits.
pub(super) fn hits_of(
    batch: &RecordBatch,
    scored: Scored,
    hits: &mut Vec<Hit>,
) -> Result<(), Error> {
    let columns = Columns::of(batch)?;
    let scores = batch
        .column_by_name(scored.column())
        .and_then(|column| column.as_primitive_opt::<Float32Type>());
    let scores = scores.ok_or(Error::MissingColumn(scored.column()))?;
    for row in 0..batch.num_rows() {
        hits.push(Hit {
            rank: hits.len() + 1,
            score: match scored {
                Scored::Distance => 1.0 - scores.value(row),
                Scored::Text | Scored::Fused => scores.value(row),
            },
            chunk: columns.chunk(row),
        });
    }
    Ok(())
}

/// The value of a row of a metadata column; `None` where it has none.
fn value_of(column: &ArrayRef, kind: ColumnKind, row: usize) -> Option<Value> {
    if column.is_null(row) {
        return None;
    }
    match kind {
        ColumnKind::Boolean => column
            .as_boolean_opt()
            .map(|array| Value::Boolean(array.value(row))),
        ColumnKind::Integer => column
            .as_primitive_opt::<Int64Type>()
            .map(|array| Value::Integer(array.value(row))),
        ColumnKind::Float => column
            .as_primitive_opt::<Float64Type>()
            .map(|array| Value::Float(array.value(row))),
        ColumnKind::Text => column
            .as_string_opt::<i32>()
            .map(|array| Value::Text(array.value(row).to_owned())),
    }
}
