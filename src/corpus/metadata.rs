//! Metadata: named values of four types, which become typed columns.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Error;

/// A document's metadata, by field.
pub type Metadata = BTreeMap<String, Value>;

/// One metadata value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Value {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// Text; times are text in RFC 3339, which sorts.
    Text(String),
}

/// The type of a metadata column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// True or false.
    Boolean,
    /// 64-bit signed.
    Integer,
    /// 64-bit IEEE 754.
    Float,
    /// UTF-8.
    Text,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Text => "text",
        })
    }
}

impl Value {
    /// The value's type.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Boolean(_) => Kind::Boolean,
            Self::Integer(_) => Kind::Integer,
            Self::Float(_) => Kind::Float,
            Self::Text(_) => Kind::Text,
        }
    }

    /// Takes a JSON value; `None` for null, and the JSON type's name for what no column holds.
    pub(super) fn from_json(value: &serde_json::Value) -> Result<Option<Self>, &'static str> {
        use serde_json::Value as Json;
        Ok(Some(match value {
            Json::Null => return Ok(None),
            Json::Bool(value) => Self::Boolean(*value),
            Json::String(value) => Self::Text(value.clone()),
            Json::Number(number) => match number.as_i64() {
                Some(value) => Self::Integer(value),
                None => Self::Float(number.as_f64().ok_or("number out of range")?),
            },
            Json::Array(_) => return Err("array"),
            Json::Object(_) => return Err("object"),
        }))
    }
}

/// Columns that the store itself needs.
const RESERVED: &[&str] = &[
    "id",
    "doc_id",
    "text",
    "vector",
    "source",
    "uri",
    "title",
    "heading",
    "page",
    "byte_start",
    "byte_end",
    "ordinal",
    "tokens",
    "text_sha256",
    "embedded_prefix",
    "flags",
    "metadata",
];

/// Checks that a field's name can be a column: a letter or `_`, then letters, digits and `_`, and not one of the store's.
pub fn check_name(name: &str) -> Result<(), Error> {
    let bad = |problem| {
        Err(Error::BadField {
            name: name.to_owned(),
            problem,
        })
    };
    let mut chars = name.chars();
    let starts_well = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return bad("is not a letter or `_` followed by letters, digits and `_`");
    }
    if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
        return bad("has the name of one of the store's own columns");
    }
    Ok(())
}

/// The metadata columns seen so far, each with its type and the document that decided it.
#[derive(Debug, Default)]
pub struct Columns(BTreeMap<String, (Kind, String)>);

/// Two documents give one field two types.
#[derive(Debug, thiserror::Error)]
#[error("has {second_kind} in the metadata field `{field}`, which is {first_kind} in {first}")]
pub struct Conflict {
    /// The field.
    pub field: String,
    /// The document that decided the type.
    pub first: String,
    /// The type.
    pub first_kind: Kind,
    /// The type that contradicts.
    pub second_kind: Kind,
}

impl Columns {
    /// Takes a document's metadata in, or none of it. Whole numbers fit a column of floats; any other difference is a
    /// conflict.
    pub fn add(&mut self, document: &str, metadata: &Metadata) -> Result<(), Conflict> {
        for (field, value) in metadata {
            let Some((first_kind, first)) = self.0.get(field) else {
                continue;
            };
            if !matches!(
                (first_kind, value.kind()),
                (Kind::Integer | Kind::Float, Kind::Integer | Kind::Float)
            ) && *first_kind != value.kind()
            {
                return Err(Conflict {
                    field: field.clone(),
                    first: first.clone(),
                    first_kind: *first_kind,
                    second_kind: value.kind(),
                });
            }
        }
        for (field, value) in metadata {
            let known = self
                .0
                .entry(field.clone())
                .or_insert_with(|| (value.kind(), document.to_owned()));
            if value.kind() == Kind::Float {
                known.0 = Kind::Float;
            }
        }
        Ok(())
    }

    /// Returns the columns by name.
    pub fn kinds(&self) -> BTreeMap<String, Kind> {
        self.0
            .iter()
            .map(|(name, (kind, _))| (name.clone(), *kind))
            .collect()
    }
}
