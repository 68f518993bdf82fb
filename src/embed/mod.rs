//! Text → Embedding: the encoder through candle, its devices, and the content-addressed cache.

mod cache;
mod device;
mod encoder;
#[cfg(target_arch = "x86_64")]
mod native;
pub mod probes;

use std::collections::BTreeMap;

pub use cache::{Cache, key, trim};
pub use device::{Device, DeviceRequest, ParseDeviceError, ParsePrecisionError, Precision};
pub use encoder::Embedder;

use crate::digest::Digest;
use crate::durable::PathError;
use crate::fault::{Fault, Kind};
use crate::model;
use crate::progress::{Interrupted, Progress};

/// The equivalence class of the numerics: f32 throughout, on any device without TF32.
pub const NUMERICS: &str = "f32";
/// Texts that are sorted by length together. Bounds memory; large enough that batches hold texts of one length.
const WINDOW: usize = 4096;
/// Texts that are written to the cache together: an interruption costs at most these.
const SEGMENT: usize = 128;

/// Embedding that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filesystem said no.
    #[error(transparent)]
    Io(#[from] PathError),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The model cannot be used.
    #[error(transparent)]
    Model(#[from] model::Error),
    /// The device cannot be used.
    #[error("device {device} cannot be used: {reason}")]
    Device {
        /// The device asked for.
        device: String,
        /// Why, as a clause.
        reason: String,
    },
    /// The model's configuration is not one of BERT.
    #[error("{model}: config.json: {source}")]
    Config {
        /// The model.
        model: String,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// candle failed.
    #[error("{doing}: {source}")]
    Compute {
        /// What was computed.
        doing: &'static str,
        /// What candle says.
        source: candle_core::Error,
    },
    /// The tokenizer failed.
    #[error("a text cannot be tokenized: {0}")]
    Tokenize(tokenizers::Error),
    /// The cache's own encoding failed.
    #[error("the embedding cache: {0}")]
    Cache(#[from] safetensors::SafeTensorError),
    /// The tokenizer gave a token that the model does not have.
    #[error("the tokenizer gave token {0}, which the model does not have")]
    UnknownToken(u32),
    /// The model gave numbers that are none.
    #[error("the model gave a vector that is not finite")]
    NotFinite,
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Io(e) => e.kind(),
            Self::Interrupted(e) => e.kind(),
            Self::Model(e) => e.kind(),
            Self::Device { .. } | Self::Config { .. } => Kind::Unavailable,
            Self::Compute { .. }
            | Self::Tokenize(_)
            | Self::Cache(_)
            | Self::UnknownToken(_)
            | Self::NotFinite => Kind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io(e) => e.hint(),
            Self::Model(e) => e.hint(),
            Self::Device { .. } => Some("`--device auto` takes the best one that works; a GPU build needs `--features cuda` or `metal`.".into()),
            _ => None,
        }
    }
}

/// What filling the cache did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filled {
    /// Texts embedded now.
    pub embedded: u64,
    /// Texts whose vectors were there.
    pub cached: u64,
}

/// Says how many of these texts the cache lacks. Equal texts count once.
pub fn missing<'a>(cache: &Cache, texts: impl IntoIterator<Item = &'a str>) -> Filled {
    let mut filled = Filled::default();
    let mut seen = std::collections::HashSet::new();
    for key in texts.into_iter().map(Digest::of) {
        match seen.insert(key) {
            true if cache.contains(&key) => filled.cached += 1,
            true => filled.embedded += 1,
            false => {}
        }
    }
    filled
}

/// Embeds every text that the cache lacks. Interrupted, it leaves every finished segment in the cache.
pub fn fill<'a>(
    embedder: &Embedder,
    cache: &mut Cache,
    texts: impl Iterator<Item = &'a str> + Clone,
    progress: &dyn Progress,
) -> Result<Filled, Error> {
    let filled = missing(cache, texts.clone());
    if filled.embedded == 0 {
        return Ok(filled);
    }
    let stage = progress.stage("embed", Some(filled.embedded), "chunks");
    let mut texts = texts.peekable();
    while texts.peek().is_some() {
        let mut window = BTreeMap::new();
        for text in texts.by_ref() {
            let key = Digest::of(text);
            if !cache.contains(&key) {
                window.insert(key, text);
            }
            if window.len() == WINDOW {
                break;
            }
        }
        let mut window: Vec<(Digest, &str)> = window.into_iter().collect();
        window.sort_by_key(|(key, text)| (std::cmp::Reverse(text.len()), *key));
        for segment in window.chunks(SEGMENT) {
            let batch: Vec<&str> = segment.iter().map(|(_, text)| *text).collect();
            let vectors = embedder.embed_watched(&batch, &mut |count| {
                stage.advance(count as u64);
                progress.checkpoint()
            })?;
            cache.append(segment.iter().map(|(key, _)| *key).zip(vectors).collect())?;
        }
    }
    Ok(filled)
}
