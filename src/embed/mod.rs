//! Text → Embedding: the encoder through candle, its devices, and the content-addressed cache.

mod cache;
mod candle;
mod device;
mod encoder;
mod fill;
#[cfg(target_arch = "x86_64")]
mod native;
mod pipeline;
pub mod probes;

pub use cache::{Cache, SegmentFile, key, segment_path, segments, trim};
pub use device::{Device, DeviceRequest, ParseDeviceError, ParsePrecisionError, Precision};
pub use encoder::{Embedder, Work, Workspace};
pub use fill::{Filled, fill, missing};

use crate::durable::PathError;
use crate::fault::{Fault, Kind};
use crate::model;
use crate::progress::Interrupted;

/// The equivalence class of the numerics: f32 throughout, on any device without TF32.
pub const NUMERICS: &str = "f32";

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
