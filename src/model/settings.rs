//! What a sentence-transformers directory says about pooling, normalisation, window and prefixes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{CONFIG, Error};
use crate::space::Pooling;

pub(super) struct Settings {
    pub(super) dimension: usize,
    pub(super) pooling: Pooling,
    pub(super) normalize: bool,
    pub(super) max_tokens: usize,
    pub(super) query_prefix: String,
    pub(super) document_prefix: String,
}

#[derive(Deserialize)]
struct EncoderConfig {
    #[serde(default)]
    model_type: String,
    hidden_size: usize,
    max_position_embeddings: usize,
}

#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PoolingConfig {
    pooling_mode: Option<String>,
    pooling_mode_cls_token: bool,
    pooling_mode_mean_tokens: bool,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
    pooling_mode_weightedmean_tokens: bool,
    pooling_mode_lasttoken: bool,
}

#[derive(Deserialize, Default)]
struct SentenceConfig {
    max_seq_length: Option<usize>,
}

#[derive(Deserialize, Default)]
struct Prompts {
    #[serde(default)]
    prompts: BTreeMap<String, String>,
}

pub(super) fn read(model: &str, files: &BTreeMap<String, Vec<u8>>) -> Result<Settings, Error> {
    let unsupported = |problem: String| Error::Unsupported {
        model: model.to_owned(),
        problem,
    };
    let config: EncoderConfig = required(model, files, CONFIG)?;
    if config.model_type != "bert" {
        return Err(unsupported(format!(
            "is a `{}` model; ragctl computes BERT",
            config.model_type
        )));
    }
    let mut normalize = false;
    if let Some(modules) = optional::<Vec<Module>>(model, files, "modules.json")? {
        for Module { kind } in modules {
            // `sentence_transformers.models.Pooling`; later releases moved the classes, not their names.
            match kind.rsplit('.').next().unwrap_or_default() {
                "Transformer" | "Pooling" => {}
                "Normalize" => normalize = true,
                other => {
                    return Err(unsupported(format!(
                        "has a module `{other}`, which ragctl does not compute"
                    )));
                }
            }
        }
    }
    let pooling = match optional::<PoolingConfig>(model, files, "1_Pooling/config.json")? {
        None => Pooling::Mean,
        Some(pooling) => pooling
            .mode()
            .ok_or_else(|| unsupported("pools in a way that ragctl does not compute".into()))?,
    };
    let sentence: SentenceConfig =
        optional(model, files, "sentence_bert_config.json")?.unwrap_or_default();
    let Prompts { mut prompts } =
        optional(model, files, "config_sentence_transformers.json")?.unwrap_or_default();
    Ok(Settings {
        dimension: config.hidden_size,
        pooling,
        normalize,
        max_tokens: sentence
            .max_seq_length
            .unwrap_or(config.max_position_embeddings)
            .min(config.max_position_embeddings),
        query_prefix: prompts.remove("query").unwrap_or_default(),
        document_prefix: prompts
            .remove("document")
            .or_else(|| prompts.remove("passage"))
            .unwrap_or_default(),
    })
}

impl PoolingConfig {
    fn mode(&self) -> Option<Pooling> {
        let other = self.pooling_mode_max_tokens
            || self.pooling_mode_mean_sqrt_len_tokens
            || self.pooling_mode_weightedmean_tokens
            || self.pooling_mode_lasttoken;
        match (
            self.pooling_mode.as_deref(),
            self.pooling_mode_mean_tokens,
            self.pooling_mode_cls_token,
            other,
        ) {
            (Some("mean"), ..) | (None, true, false, false) => Some(Pooling::Mean),
            (Some("cls"), ..) | (None, false, true, false) => Some(Pooling::Cls),
            _ => None,
        }
    }
}

fn required<T: DeserializeOwned>(
    model: &str,
    files: &BTreeMap<String, Vec<u8>>,
    file: &str,
) -> Result<T, Error> {
    let missing = || Error::Unreadable {
        model: model.to_owned(),
        file: file.to_owned(),
        problem: "is missing".into(),
    };
    optional(model, files, file)?.ok_or_else(missing)
}

fn optional<T: DeserializeOwned>(
    model: &str,
    files: &BTreeMap<String, Vec<u8>>,
    file: &str,
) -> Result<Option<T>, Error> {
    let unreadable = |e: serde_json::Error| Error::Unreadable {
        model: model.to_owned(),
        file: file.to_owned(),
        problem: e.to_string(),
    };
    files
        .get(file)
        .map(|bytes| serde_json::from_slice(bytes).map_err(unreadable))
        .transpose()
}
