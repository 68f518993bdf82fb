//! Texts in, one vector a text out: the tokenizer, the engine that computes the forward pass, normalisation.
//!
//! A text's vector must not depend on the batch it rides in.

use candle_core::DType;
use candle_nn::VarBuilder;
use candle_transformers::models::bert::Config;

use super::candle::Candle;
use super::device::{EXACT16, Kernels};
#[cfg(target_arch = "x86_64")]
use super::native::{self, Native};
use super::pipeline::{self, BATCH_BYTES, Row};
use super::{Device, Error, Precision};
use crate::model::{Model, Tokenizer};
use crate::space::{Pooling, Space};

/// Bytes of text that candle takes at once: a GPU is kept busy by many.
const CANDLE_BYTES: usize = 1 << 20;

/// What runs the forward pass.
enum Engine {
    /// Our own, on processors that it has kernels for.
    #[cfg(target_arch = "x86_64")]
    Native(Box<Native>),
    /// candle's, on any device.
    Candle(Box<Candle>),
}

/// A model on a device.
pub struct Embedder {
    engine: Engine,
    tokenizer: Tokenizer,
    space: Space,
    device: Device,
    work: Work,
}

/// What one thread computes in, batch after batch, with any model.
#[derive(Default)]
pub struct Workspace {
    #[cfg(target_arch = "x86_64")]
    scratch: native::Scratch,
}

/// The multiplications and additions that a model takes.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// Of weights, a token.
    pub weights: f64,
    /// Of attention, a token and a token of its text.
    pub attention: f64,
}

impl Work {
    fn of(config: &Config) -> Self {
        let (layers, hidden, inner) = (
            config.num_hidden_layers as f64,
            config.hidden_size as f64,
            config.intermediate_size as f64,
        );
        Self {
            weights: layers * 2.0 * hidden * (4.0 * hidden + 2.0 * inner),
            attention: layers * 4.0 * hidden,
        }
    }
}

impl Embedder {
    /// Loads a model onto a device.
    pub fn load(mut model: Model, device: Device) -> Result<Self, Error> {
        let compute = |source| Error::Compute {
            doing: "loading the model",
            source,
        };
        let config: Config =
            serde_json::from_slice(model.config()).map_err(|source| Error::Config {
                model: model.space.model.clone(),
                source,
            })?;
        let precision = match device.precision {
            Precision::Auto if model.passes_exact16() => Precision::Exact16,
            Precision::Auto => Precision::F32,
            asked => asked,
        };
        let kernels = Kernels::of(&device)?;
        let tokenizer = model.tokenizer()?;
        let weights =
            VarBuilder::from_buffered_safetensors(model.take_weights(), DType::F32, &device.device)
                .map_err(compute)?;
        let threads = device.threads.get();
        let engine = Engine::load(
            &weights,
            &config,
            model.space.pooling,
            precision,
            kernels,
            threads,
        )
        .map_err(compute)?;
        let embedder = Self {
            engine,
            tokenizer,
            space: model.space,
            device,
            work: Work::of(&config),
        };
        if embedder.device.precision == Precision::Exact16 && embedder.scheme() != EXACT16 {
            return Err(Error::Device {
                device: format!("{} with precision {EXACT16}", embedder.device.name),
                reason: "it needs an x86-64 processor with AVX2 and a model that our own engine computes".into(),
            });
        }
        Ok(embedder)
    }

    /// How vectors are computed: `exact16` or `f32` by our own kernels, or `candle f32`.
    pub fn scheme(&self) -> &'static str {
        match &self.engine {
            #[cfg(target_arch = "x86_64")]
            Engine::Native(native) => native.scheme(),
            Engine::Candle(_) => "candle f32",
        }
    }

    /// Measures what one core can do at most with the kernels that compute, in operations a second, two a multiplication with
    /// addition: of single precision, or of 16-bit integers. None where candle computes.
    pub fn peak_of_a_core(&self, integer: bool) -> Option<f64> {
        match &self.engine {
            #[cfg(target_arch = "x86_64")]
            Engine::Native(native) => Some(native.peak_of_a_core(integer)),
            Engine::Candle(_) => None,
        }
    }

    /// The multiplications and additions that its model takes.
    pub fn work(&self) -> Work {
        self.work
    }

    /// How many tokens of a text the model sees, special tokens included.
    pub fn tokens(&self, text: &str) -> Result<usize, Error> {
        let encoding = self.tokenizer.encode(text).map_err(Error::Tokenize)?;
        Ok(encoding.ids.len())
    }

    /// Workers that compute at once: our own engine has one a core, candle is one that uses them all.
    pub(super) fn workers(&self) -> usize {
        match &self.engine {
            #[cfg(target_arch = "x86_64")]
            Engine::Native(_) => self.device.threads.get(),
            Engine::Candle(_) => 1,
        }
    }

    /// Bytes of text that a worker should take at once.
    pub(super) fn batch_bytes(&self) -> usize {
        match &self.engine {
            #[cfg(target_arch = "x86_64")]
            Engine::Native(_) => BATCH_BYTES,
            Engine::Candle(_) => CANDLE_BYTES,
        }
    }

    /// What its vectors are comparable with.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// The device that computes.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Embeds a question: the space's query prefix is put before it.
    pub fn embed_query(&self, text: &str) -> Result<Vec<f32>, Error> {
        Ok(self
            .embed(&[&self.as_query(text)])?
            .pop()
            .unwrap_or_default())
    }

    /// Embeds texts as they are, in their order: one vector of `dimension` numbers each.
    pub fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        if let [text] = texts {
            // A question is answered sooner than threads start.
            let computed = self.compute(&[text], &mut Workspace::default())?;
            return Ok(computed.into_iter().map(|(vector, _)| vector).collect());
        }
        let mut vectors = vec![Vec::new(); texts.len()];
        let numbered = texts.iter().enumerate().map(Ok::<_, Error>);
        pipeline::run(self, numbered, &mut |rows| {
            for Row { key, vector, .. } in rows {
                if let Some(slot) = vectors.get_mut(key) {
                    *slot = vector;
                }
            }
            Ok(())
        })?;
        Ok(vectors)
    }

    /// A question as it is embedded: with the space's query prefix before it.
    pub fn as_query(&self, text: &str) -> String {
        format!("{}{text}", self.space.query_prefix)
    }

    /// Embeds a few texts on this thread, in their order: each vector with its text's tokens.
    pub fn compute(
        &self,
        texts: &[&str],
        #[cfg_attr(
            not(target_arch = "x86_64"),
            expect(unused_variables, reason = "only our own engine has a workspace")
        )]
        workspace: &mut Workspace,
    ) -> Result<Vec<(Vec<f32>, usize)>, Error> {
        let encodings = texts
            .iter()
            .map(|text| self.tokenizer.encode(text))
            .collect::<Result<Vec<_>, _>>()
            .map_err(Error::Tokenize)?;
        let mut vectors = match &self.engine {
            #[cfg(target_arch = "x86_64")]
            Engine::Native(native) => native.embed(&encodings, &mut workspace.scratch)?,
            Engine::Candle(candle) => {
                candle.embed(&encodings).map_err(|source| Error::Compute {
                    doing: "embedding",
                    source,
                })?
            }
        };
        if self.space.normalize {
            vectors.iter_mut().for_each(|vector| to_unit_length(vector));
        }
        match vectors.iter().flatten().all(|number| number.is_finite()) {
            true => Ok(vectors
                .into_iter()
                .zip(encodings.iter().map(|encoding| encoding.ids.len()))
                .collect()),
            false => Err(Error::NotFinite),
        }
    }
}

impl Engine {
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(unused_variables, reason = "only our own engine asks for them")
    )]
    fn load(
        weights: &VarBuilder<'_>,
        config: &Config,
        pooling: Pooling,
        precision: Precision,
        kernels: Kernels,
        threads: usize,
    ) -> candle_core::Result<Self> {
        #[cfg(target_arch = "x86_64")]
        if let Kernels::UpTo(level) = kernels
            && let Some(native) = Native::load(weights, config, pooling, precision, level, threads)?
        {
            return Ok(Self::Native(Box::new(native)));
        }
        Ok(Self::Candle(Box::new(Candle::load(
            weights, config, pooling,
        )?)))
    }
}

fn to_unit_length(vector: &mut [f32]) {
    let length = vector
        .iter()
        .map(|number| f64::from(*number).powi(2))
        .sum::<f64>()
        .sqrt();
    if length > 0.0 {
        vector
            .iter_mut()
            .for_each(|number| *number = (f64::from(*number) / length) as f32);
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::embed::{DeviceRequest, probes::cosine};
    use crate::simd::Level;

    /// The tiny model of the fixtures, whose heads are narrower than a panel.
    fn load(precision: Precision) -> Embedder {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/model/tiny-bert");
        let device = Device::open(DeviceRequest::Cpu)
            .unwrap()
            .with_precision(precision);
        Embedder::load(Model::open(&dir, "tiny-bert", None).unwrap(), device).unwrap()
    }

    #[test]
    fn our_own_engine_equals_candle_whatever_the_pooling() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/model/tiny-bert");
        let words = [
            "the",
            "store",
            "publishes",
            "a",
            "version",
            "and",
            "every",
            "reader",
            "sees",
            "it",
            "whole",
        ];
        let texts: Vec<String> = (0..40)
            .map(|n| {
                words
                    .iter()
                    .cycle()
                    .skip(n)
                    .take(1 + n * 3 % 50)
                    .copied()
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let least = [
            (Precision::F32, 0.999_999_9),
            (Precision::Exact16, 0.999_99),
        ];
        for level in Level::available() {
            for (precision, least) in least {
                for pooling in [Pooling::Mean, Pooling::Cls] {
                    let mut own = load(precision);
                    let model = Model::open(&dir, "tiny-bert", None).unwrap();
                    let config: Config = serde_json::from_slice(model.config()).unwrap();
                    let weights = load_weights(model, &own.device);
                    let mut with = |kernels| {
                        own.engine =
                            Engine::load(&weights, &config, pooling, precision, kernels, 2)
                                .unwrap();
                        own.embed(&texts).unwrap()
                    };
                    let (found, expected) = (with(Kernels::UpTo(level)), with(Kernels::None));
                    for (a, b) in found.iter().zip(&expected) {
                        let cosine = cosine(a, b);
                        assert!(cosine >= least, "{level} {precision} {pooling:?}: {cosine}");
                    }
                }
            }
        }
    }

    fn load_weights(mut model: Model, device: &Device) -> VarBuilder<'static> {
        VarBuilder::from_buffered_safetensors(model.take_weights(), DType::F32, &device.device)
            .unwrap()
    }
}
