//! What a server sent → the hits in it, if it has the shape and the types that the mapping says.

use std::time::Duration;

use serde_json::Value;
use serde_json_path::JsonPath;

use super::finding::{Flaw, Wrong};
use super::mapping::{Mapping, VersionAt};

/// What a server sent.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) body: Vec<u8>,
    /// The version that a header names.
    pub(super) version: Option<String>,
    /// From the question to the last byte.
    pub(super) took: Duration,
}

/// What it says.
#[derive(Debug)]
pub(super) struct Answer {
    /// The version that it names, if the mapping says where.
    pub(super) version: Option<String>,
    pub(super) hits: Vec<Hit>,
}

/// One hit, as far as the mapping says where its parts are.
#[derive(Debug)]
pub(super) struct Hit {
    pub(super) id: String,
    pub(super) score: Option<f64>,
    pub(super) text: Option<String>,
}

/// Reads an answer.
pub(super) fn read(reply: Reply, mapping: &Mapping) -> Result<Answer, Wrong> {
    let json: Value = serde_json::from_slice(&reply.body).map_err(|e| {
        let text = String::from_utf8_lossy(&reply.body);
        Wrong::new(Flaw::NotJson, "JSON", format!("{e}: `{text}`"))
    })?;
    let version = match &mapping.version {
        VersionAt::Body(path) => Some(text(path, &json)?.to_owned()),
        VersionAt::Header(name) => Some(reply.version.ok_or_else(|| {
            let found = "no such header, or one that is no text";
            Wrong::new(Flaw::Shape, format!("the header `{name}`"), found)
        })?),
        VersionAt::Nowhere => None,
    };
    let hits = hits(&json, mapping).map_err(|wrong| match &version {
        Some(version) => wrong.of(version),
        None => wrong,
    })?;
    Ok(Answer { version, hits })
}

fn hits(json: &Value, mapping: &Mapping) -> Result<Vec<Hit>, Wrong> {
    if let Some(list) = &mapping.list {
        let value = only(list, json)?;
        if !value.is_array() {
            return Err(mistyped(list, "a list", value));
        }
    }
    let read = |(place, value)| hit(value, mapping).map_err(|wrong| wrong.at(place));
    mapping
        .hits
        .query(json)
        .into_iter()
        .enumerate()
        .map(read)
        .collect()
}

fn hit(value: &Value, mapping: &Mapping) -> Result<Hit, Wrong> {
    let score = mapping.scores.as_ref().map(|scores| {
        let found = only(&scores.path, value)?;
        // Larger numbers than a double holds are no JSON here, so that each one is finite.
        found
            .as_f64()
            .ok_or_else(|| mistyped(&scores.path, "a number", found))
    });
    let words = mapping.text.as_ref().map(|path| text(path, value));
    Ok(Hit {
        id: text(&mapping.id, value)?.to_owned(),
        score: score.transpose()?,
        text: words.transpose()?.map(str::to_owned),
    })
}

fn text<'v>(path: &JsonPath, value: &'v Value) -> Result<&'v str, Wrong> {
    let found = only(path, value)?;
    found
        .as_str()
        .ok_or_else(|| mistyped(path, "a string", found))
}

fn only<'v>(path: &JsonPath, value: &'v Value) -> Result<&'v Value, Wrong> {
    let found = path.query(value);
    let count = found.len();
    found.exactly_one().map_err(|_| {
        let found = match count {
            0 => format!("none in `{value}`"),
            many => format!("{many} in `{value}`"),
        };
        Wrong::new(Flaw::Shape, format!("one `{path}`"), found)
    })
}

fn mistyped(path: &JsonPath, expected: &str, found: &Value) -> Wrong {
    Wrong::new(
        Flaw::Type,
        format!("{expected} at `{path}`"),
        format!("`{found}`"),
    )
}
