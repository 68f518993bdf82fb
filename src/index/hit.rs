//! What a search finds, read from Arrow batches.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{Array as _, RecordBatch};
use serde::Serialize;

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

/// Appends a batch's rows to the hits.
pub(super) fn hits_of(
    batch: &RecordBatch,
    scored: Scored,
    hits: &mut Vec<Hit>,
) -> Result<(), Error> {
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
    let scores = batch
        .column_by_name(scored.column())
        .and_then(|column| column.as_primitive_opt::<Float32Type>());
    let scores = scores.ok_or(Error::MissingColumn(scored.column()))?;
    let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
    for row in 0..batch.num_rows() {
        hits.push(Hit {
            rank: hits.len() + 1,
            score: match scored {
                Scored::Distance => 1.0 - scores.value(row),
                Scored::Text | Scored::Fused => scores.value(row),
            },
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
