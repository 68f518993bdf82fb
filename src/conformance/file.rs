//! A mapping as it is written: its keys, and what stands for those that are left out.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) request: Option<RequestPart>,
    pub(super) response: Option<ResponsePart>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestPart {
    #[serde(default)]
    pub(super) method: Verb,
    #[serde(default = "path")]
    pub(super) path: String,
    pub(super) body: Option<Value>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(super) enum Verb {
    #[serde(rename = "GET")]
    Get,
    #[default]
    #[serde(rename = "POST")]
    Post,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResponsePart {
    #[serde(default = "hits")]
    pub(super) hits: String,
    #[serde(default = "id")]
    pub(super) id: String,
    pub(super) score: Option<String>,
    pub(super) kind: Option<ScoreKind>,
    pub(super) range: Option<[f64; 2]>,
    pub(super) text: Option<String>,
    pub(super) version: Option<String>,
    pub(super) version_header: Option<String>,
}

/// What a server's score says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ScoreKind {
    /// More is better.
    Similarity,
    /// Less is better.
    Distance,
    /// It is not looked at.
    None,
}

impl RequestPart {
    pub(super) fn ragctl() -> Self {
        Self {
            method: Verb::Post,
            path: path(),
            body: Some(body()),
            headers: BTreeMap::new(),
        }
    }
}

impl ResponsePart {
    pub(super) fn ragctl() -> Self {
        Self {
            hits: hits(),
            id: id(),
            score: Some("$.score".into()),
            kind: None,
            range: None,
            text: Some("$.text".into()),
            version: Some("$.version".into()),
            version_header: None,
        }
    }
}

fn path() -> String {
    "/v1/search".into()
}

pub(super) fn body() -> Value {
    json!({ "text": "{query}", "k": "{k}" })
}

fn hits() -> String {
    "$.hits[*]".into()
}

fn id() -> String {
    "$.id".into()
}
