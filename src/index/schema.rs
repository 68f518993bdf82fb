//! The table's columns, and rows as Arrow batches.
//!
//! `id`, `doc_id`, `text` and `vector` are what LangChain and LlamaIndex look for, and `metadata` is the struct that they
//! hand on with a document; the user's fields are columns of their own as well, so that filters are plain.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::types::Float32Type;
use arrow_array::{
    ArrayRef, BooleanArray, FixedSizeListArray, Float64Array, Int64Array, RecordBatch, StringArray,
    StructArray,
};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};

use super::{Error, arrow};
use crate::chunk::ChunkRecord;
use crate::corpus::{ColumnKind, Value};

pub(super) const VECTOR: &str = "vector";
pub(super) const TEXT: &str = "text";
pub(super) const SOURCE: &str = "source";
pub(super) const METADATA: &str = "metadata";
/// What stood before the text when it was embedded. Older versions lack it, and had nothing there.
pub(super) const EMBEDDED_PREFIX: &str = "embedded_prefix";
/// What a reader should know about the text, joined by commas. Older versions lack it.
pub(super) const FLAGS: &str = "flags";
/// Columns that the `metadata` struct repeats beside the user's.
const CITED: [&str; 5] = ["doc_id", "uri", "title", "heading", "page"];

/// The columns of a table.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    pub(super) schema: SchemaRef,
    metadata: BTreeMap<String, ColumnKind>,
    dimension: i32,
}

fn data_type(kind: ColumnKind) -> DataType {
    match kind {
        ColumnKind::Boolean => DataType::Boolean,
        ColumnKind::Integer => DataType::Int64,
        ColumnKind::Float => DataType::Float64,
        ColumnKind::Text => DataType::Utf8,
    }
}

/// Returns the kind of a column, if it is one that metadata and filters know.
pub(super) fn kind_of(data_type: &DataType) -> Option<ColumnKind> {
    Some(match data_type {
        DataType::Boolean => ColumnKind::Boolean,
        DataType::Int64 => ColumnKind::Integer,
        DataType::Float64 => ColumnKind::Float,
        DataType::Utf8 => ColumnKind::Text,
        _ => return None,
    })
}

/// Names a column's type as the manifest does.
pub(super) fn type_name(data_type: &DataType) -> String {
    match (kind_of(data_type), data_type) {
        (Some(kind), _) => kind.to_string(),
        (None, DataType::FixedSizeList(_, dimension)) => format!("vector[{dimension}]"),
        (None, DataType::Struct(_)) => "struct".into(),
        (None, other) => other.to_string(),
    }
}

/// The store's own columns but the vector, in order.
fn own_fields() -> Vec<Field> {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let optional = |name: &str| Field::new(name, DataType::Utf8, true);
    let number = |name: &str| Field::new(name, DataType::Int64, false);
    vec![
        text("id"),
        text("doc_id"),
        text("text"),
        text("source"),
        text("uri"),
        optional("title"),
        optional("heading"),
        Field::new("page", DataType::Int64, true),
        number("byte_start"),
        number("byte_end"),
        number("ordinal"),
        number("tokens"),
        text("text_sha256"),
        optional(EMBEDDED_PREFIX),
        optional(FLAGS),
    ]
}

/// Says whether a column is one of the store's own, not the user's.
pub(super) fn is_own(name: &str) -> bool {
    name == VECTOR || name == METADATA || own_fields().iter().any(|field| field.name() == name)
}

/// Lance's key for how a field is packed.
const COMPRESSION: &str = "lance-encoding:compression";

/// Asks Lance to write a text column so that the same rows give the same bytes. What it does by itself draws a sample at random,
/// and no two files are alike; files that are alike are neither sent to a remote nor fetched from one again.
fn reproducible(field: Field) -> Field {
    match field.data_type() {
        DataType::Utf8 => field.with_metadata([(COMPRESSION.into(), "lz4".into())].into()),
        _ => field,
    }
}

impl Columns {
    pub(super) fn new(dimension: usize, metadata: &BTreeMap<String, ColumnKind>) -> Self {
        let dimension = i32::try_from(dimension).unwrap_or(i32::MAX);
        let user: Vec<Field> = metadata
            .iter()
            .map(|(name, kind)| Field::new(name, data_type(*kind), true))
            .collect();
        let cited = own_fields()
            .into_iter()
            .filter(|field| CITED.contains(&field.name().as_str()));
        let nested: Fields = cited.chain(user.clone()).map(reproducible).collect();
        let mut fields = own_fields();
        let item = Arc::new(Field::new("item", DataType::Float32, true));
        fields.insert(
            3,
            Field::new(VECTOR, DataType::FixedSizeList(item, dimension), false),
        );
        fields.extend(user);
        fields.push(Field::new(METADATA, DataType::Struct(nested), false));
        let fields: Vec<Field> = fields.into_iter().map(reproducible).collect();
        Self {
            schema: Arc::new(Schema::new(fields)),
            metadata: metadata.clone(),
            dimension,
        }
    }

    /// Lays rows out as one batch.
    pub(super) fn batch(&self, rows: &[(ChunkRecord, Vec<f32>)]) -> Result<RecordBatch, Error> {
        let mut arrays: BTreeMap<&str, ArrayRef> = BTreeMap::new();
        for field in own_fields() {
            let name = field.name();
            let text = |get: &dyn Fn(&ChunkRecord) -> Option<String>| -> ArrayRef {
                Arc::new(StringArray::from_iter(
                    rows.iter().map(|(record, _)| get(record)),
                ))
            };
            let number = |get: &dyn Fn(&ChunkRecord) -> Option<i64>| -> ArrayRef {
                Arc::new(Int64Array::from_iter(
                    rows.iter().map(|(record, _)| get(record)),
                ))
            };
            let (name, array) = match name.as_str() {
                "id" => ("id", text(&|row| Some(row.id.clone()))),
                "doc_id" => ("doc_id", text(&|row| Some(row.doc_id.clone()))),
                "text" => ("text", text(&|row| Some(row.text.clone()))),
                "source" => ("source", text(&|row| Some(row.source.clone()))),
                "uri" => ("uri", text(&|row| Some(row.uri.clone()))),
                "title" => ("title", text(&|row| row.title.clone())),
                "heading" => ("heading", text(&ChunkRecord::heading_path)),
                "page" => ("page", number(&|row| row.page.map(i64::from))),
                "byte_start" => ("byte_start", number(&|row| Some(row.byte_start as i64))),
                "byte_end" => ("byte_end", number(&|row| Some(row.byte_end as i64))),
                "ordinal" => ("ordinal", number(&|row| Some(i64::from(row.ordinal)))),
                "tokens" => ("tokens", number(&|row| Some(i64::from(row.tokens)))),
                EMBEDDED_PREFIX => (EMBEDDED_PREFIX, text(&|row| row.prefix.clone())),
                FLAGS => (FLAGS, text(&ChunkRecord::flags_text)),
                _ => (
                    "text_sha256",
                    text(&|row| Some(row.text_sha256.to_string())),
                ),
            };
            arrays.insert(name, array);
        }
        let vectors = rows
            .iter()
            .map(|(_, vector)| Some(vector.iter().copied().map(Some)));
        let vectors =
            FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(vectors, self.dimension);
        arrays.insert(VECTOR, Arc::new(vectors));
        for (name, kind) in &self.metadata {
            arrays.insert(name, metadata_array(rows, name, *kind));
        }
        if let Some(DataType::Struct(fields)) = self
            .schema
            .field_with_name(METADATA)
            .ok()
            .map(Field::data_type)
        {
            let children = fields
                .iter()
                .filter_map(|field| arrays.get(field.name().as_str()).cloned())
                .collect();
            let nested = StructArray::try_new(fields.clone(), children, None)
                .map_err(arrow("laying out metadata"))?;
            arrays.insert(METADATA, Arc::new(nested));
        }
        let columns = self
            .schema
            .fields()
            .iter()
            .filter_map(|field| arrays.get(field.name().as_str()).cloned())
            .collect();
        RecordBatch::try_new(self.schema.clone(), columns).map_err(arrow("laying out rows"))
    }
}

fn metadata_array(rows: &[(ChunkRecord, Vec<f32>)], name: &str, kind: ColumnKind) -> ArrayRef {
    let values = rows.iter().map(|(record, _)| record.metadata.get(name));
    match kind {
        ColumnKind::Boolean => Arc::new(BooleanArray::from_iter(values.map(|value| match value {
            Some(Value::Boolean(value)) => Some(*value),
            _ => None,
        }))),
        ColumnKind::Integer => Arc::new(Int64Array::from_iter(values.map(|value| match value {
            Some(Value::Integer(value)) => Some(*value),
            _ => None,
        }))),
        ColumnKind::Float => Arc::new(Float64Array::from_iter(values.map(|value| match value {
            Some(Value::Float(value)) => Some(*value),
            Some(Value::Integer(value)) => Some(*value as f64),
            _ => None,
        }))),
        ColumnKind::Text => Arc::new(StringArray::from_iter(values.map(|value| match value {
            Some(Value::Text(value)) => Some(value.as_str()),
            _ => None,
        }))),
    }
}
