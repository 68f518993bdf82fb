//! The forward pass: tokens in, one vector a text out.
//!
//! A text's vector must not depend on the batch it rides in: the mask reaches attention and the mean alike.

use candle_core::{DType, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};

use super::device::EXACT16;
#[cfg(target_arch = "x86_64")]
use super::native::{self, Native};
use super::pipeline::{self, BATCH_BYTES, Row};
use super::{Device, Error, Precision};
use crate::model::{Encoding, Model, Tokenizer};
#[cfg(target_arch = "x86_64")]
use crate::simd::Level;
use crate::space::{Pooling, Space};

/// The name of having none of our own kernels.
const CANDLE: &str = "candle";
/// Bytes of text that candle takes at once: a GPU is kept busy by many.
const CANDLE_BYTES: usize = 1 << 20;

/// What runs the forward pass.
enum Engine {
    /// Our own, on processors that it has kernels for.
    #[cfg(target_arch = "x86_64")]
    Native(Box<Native>),
    /// candle's, on any device.
    Candle(Box<BertModel>),
}

/// A model on a device.
pub struct Embedder {
    engine: Engine,
    tokenizer: Tokenizer,
    space: Space,
    device: Device,
    work: Work,
}

/// What one worker writes into, batch after batch.
#[derive(Default)]
pub(super) struct Workspace {
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
        let engine = Engine::load(&weights, &config, model.space.pooling, precision, kernels)
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

    /// Whether our own kernels compute.
    pub fn has_own_kernels(&self) -> bool {
        !matches!(self.engine, Engine::Candle(_))
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
        let text = format!("{}{text}", self.space.query_prefix);
        Ok(self.embed(&[&text])?.pop().unwrap_or_default())
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

    /// Embeds a few texts on this thread, in their order: each vector with its text's tokens.
    pub(super) fn compute(
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
            Engine::Native(native) => by_kernels(native, &encodings, &mut workspace.scratch)?,
            Engine::Candle(bert) => self.embed_by_candle(bert, &encodings)?,
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

    fn embed_by_candle(
        &self,
        bert: &BertModel,
        encodings: &[Encoding],
    ) -> Result<Vec<Vec<f32>>, Error> {
        let mut order: Vec<usize> = (0..encodings.len()).collect();
        let length = |index: &usize| {
            encodings
                .get(*index)
                .map_or(0, |encoding: &Encoding| encoding.ids.len())
        };
        order.sort_by_key(|index| std::cmp::Reverse(length(index)));
        let mut vectors = vec![Vec::new(); encodings.len()];
        let mut rest = order.as_slice();
        while let Some(longest) = rest.first() {
            // Sorted longest first, so that padding is the least there is.
            let count = (self.device.batch_tokens() / length(longest).max(1)).clamp(1, rest.len());
            let (batch, after) = rest.split_at(count);
            let batch_encodings: Vec<&Encoding> = batch
                .iter()
                .filter_map(|index| encodings.get(*index))
                .collect();
            let computed =
                self.forward(bert, &batch_encodings)
                    .map_err(|source| Error::Compute {
                        doing: "embedding",
                        source,
                    })?;
            for (index, vector) in batch.iter().zip(computed) {
                if let Some(slot) = vectors.get_mut(*index) {
                    *slot = vector;
                }
            }
            rest = after;
        }
        Ok(vectors)
    }

    /// Computes one batch, whose first text is its longest.
    fn forward(&self, bert: &BertModel, batch: &[&Encoding]) -> candle_core::Result<Vec<Vec<f32>>> {
        let width = batch.first().map_or(0, |longest| longest.ids.len());
        let padded = |row: &dyn Fn(&Encoding, usize) -> u32| -> candle_core::Result<Tensor> {
            let rows: Vec<u32> = batch
                .iter()
                .flat_map(|encoding| (0..width).map(|at| row(encoding, at)))
                .collect();
            Tensor::from_vec(rows, (batch.len(), width), &self.device.device)
        };
        let ids = padded(&|encoding, at| encoding.ids.get(at).copied().unwrap_or(0))?;
        let types = padded(&|encoding, at| encoding.type_ids.get(at).copied().unwrap_or(0))?;
        let mask = padded(&|encoding, at| u32::from(at < encoding.ids.len()))?;
        let hidden = bert.forward(&ids, &types, Some(&mask))?;
        let pooled = match self.space.pooling {
            Pooling::Cls => hidden.narrow(1, 0, 1)?.squeeze(1)?,
            Pooling::Mean => {
                let mask = mask.to_dtype(DType::F32)?.unsqueeze(2)?;
                hidden
                    .broadcast_mul(&mask)?
                    .sum(1)?
                    .broadcast_div(&mask.sum(1)?)?
            }
        };
        pooled.to_vec2::<f32>()
    }
}

/// Which kernels of our own may be used.
#[derive(Clone, Copy)]
enum Kernels {
    #[cfg(target_arch = "x86_64")]
    UpTo(Level),
    None,
}

impl Kernels {
    #[cfg(target_arch = "x86_64")]
    fn of(device: &Device) -> Result<Self, Error> {
        let best = Level::detect().filter(|_| device.device.is_cpu());
        let asked = match device.kernels.as_deref() {
            None => best,
            Some(CANDLE) => None,
            Some(name) => {
                let unusable = |reason: String| Error::Device {
                    device: format!("{} with kernels {name}", device.name),
                    reason,
                };
                let asked: Level = name.parse().map_err(|_| {
                    unusable(format!(
                        "the kernels are avx2, avx512, avx512-vnni and {CANDLE}"
                    ))
                })?;
                if best < Some(asked) {
                    return Err(unusable("this processor lacks the instructions".into()));
                }
                Some(asked)
            }
        };
        Ok(asked.map_or(Self::None, Self::UpTo))
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn of(device: &Device) -> Result<Self, Error> {
        match device.kernels.as_deref() {
            None | Some(CANDLE) => Ok(Self::None),
            Some(name) => Err(Error::Device {
                device: format!("{} with kernels {name}", device.name),
                reason: format!("this processor has no kernels but {CANDLE}"),
            }),
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
    ) -> candle_core::Result<Self> {
        #[cfg(target_arch = "x86_64")]
        if let Kernels::UpTo(level) = kernels
            && let Some(native) = Native::load(weights, config, pooling, precision, level)?
        {
            return Ok(Self::Native(Box::new(native)));
        }
        Ok(Self::Candle(Box::new(BertModel::load(
            weights.clone(),
            config,
        )?)))
    }
}

/// Runs our own engine over texts, pack by pack.
#[cfg(target_arch = "x86_64")]
fn by_kernels(
    native: &Native,
    encodings: &[Encoding],
    scratch: &mut native::Scratch,
) -> Result<Vec<Vec<f32>>, Error> {
    let lengths: Vec<usize> = encodings
        .iter()
        .map(|encoding| encoding.ids.len())
        .collect();
    let mut vectors = vec![Vec::new(); encodings.len()];
    for pack in native::packs(&lengths) {
        let texts: Vec<&Encoding> = pack
            .iter()
            .filter_map(|index| encodings.get(*index))
            .collect();
        for (index, row) in pack.iter().zip(native.forward(&texts, scratch)?) {
            if let Some(slot) = vectors.get_mut(*index) {
                *slot = row;
            }
        }
    }
    Ok(vectors)
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
        let levels = [Level::Avx2, Level::Avx512, Level::Avx512Vnni];
        for level in levels
            .into_iter()
            .filter(|level| Some(*level) <= Level::detect())
        {
            for (precision, least) in least {
                for pooling in [Pooling::Mean, Pooling::Cls] {
                    let mut own = load(precision);
                    let model = Model::open(&dir, "tiny-bert", None).unwrap();
                    let config: Config = serde_json::from_slice(model.config()).unwrap();
                    let weights = load_weights(model, &own.device);
                    let mut with = |kernels| {
                        own.space.pooling = pooling;
                        own.engine =
                            Engine::load(&weights, &config, pooling, precision, kernels).unwrap();
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
