//! The embedding space: what makes two vectors comparable. Its fingerprint guards every query.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, FieldHasher};

/// The files that decide what a model computes.
pub const DECIDING: [&str; 3] = ["config.json", "model.safetensors", "tokenizer.json"];
/// Files of a model that are read where they exist: pooling, normalisation, window and prefixes.
pub const OPTIONAL: [&str; 4] = [
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
];

/// How token vectors become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The mean over the tokens that are not padding.
    Mean,
    /// The vector of the first token.
    Cls,
}

/// Everything that decides which vector a text gets, up to the numerics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// The model's name, for people; not part of the fingerprint.
    pub model: String,
    /// The revision that the files were pinned to, for people; not part of the fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Numbers in a vector.
    pub dimension: usize,
    /// How token vectors become one.
    pub pooling: Pooling,
    /// Whether vectors are scaled to unit length.
    pub normalize: bool,
    /// Tokens the model sees, its special tokens included; the rest of a text is cut off.
    pub max_tokens: usize,
    /// Put before a query's text.
    #[serde(default)]
    pub query_prefix: String,
    /// Put before a chunk's text.
    #[serde(default)]
    pub document_prefix: String,
    /// The files that decide, by name.
    pub files: BTreeMap<String, Digest>,
}

impl Space {
    /// Returns the digest that two spaces share exactly when their vectors are comparable.
    pub fn fingerprint(&self) -> Digest {
        let mut hasher = FieldHasher::default();
        hasher
            .field("ragctl space 1")
            .field(self.dimension.to_string())
            .field(match self.pooling {
                Pooling::Mean => "mean",
                Pooling::Cls => "cls",
            })
            .field(if self.normalize { "unit" } else { "raw" })
            .field(self.max_tokens.to_string())
            .field(&self.query_prefix)
            .field(&self.document_prefix);
        for (name, digest) in &self.files {
            hasher.field(name).field(digest.as_bytes());
        }
        hasher.finish()
    }
}
