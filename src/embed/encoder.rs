//! The forward pass: tokens in, one vector a text out.
//!
//! A text's vector must not depend on the batch it rides in: the mask reaches attention and the mean alike.

use candle_core::{DType, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};

use super::device::EXACT16;
#[cfg(target_arch = "x86_64")]
use super::native::Native;
use super::{Device, Error, Precision};
use crate::model::{Encoding, Model, Tokenizer};
use crate::progress::Interrupted;
use crate::space::{Pooling, Space};

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
        let tokenizer = model.tokenizer()?;
        let weights =
            VarBuilder::from_buffered_safetensors(model.take_weights(), DType::F32, &device.device)
                .map_err(compute)?;
        let engine =
            Engine::load(&weights, &config, model.space.pooling, &device).map_err(compute)?;
        let embedder = Self {
            engine,
            tokenizer,
            space: model.space,
            device,
        };
        if embedder.device.precision == Precision::Exact16 && embedder.scheme() != EXACT16 {
            return Err(Error::Device {
                device: format!("{} with precision {EXACT16}", embedder.device.name),
                reason: "it needs a processor with AVX-512 VNNI and a model that our own engine computes".into(),
            });
        }
        Ok(embedder)
    }

    /// How vectors are computed: `exact16` or `f32` by our own kernels, or `candle`.
    pub fn scheme(&self) -> &'static str {
        match &self.engine {
            #[cfg(target_arch = "x86_64")]
            Engine::Native(native) => native.scheme(),
            Engine::Candle(_) => "candle f32",
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
        self.embed_watched(texts, &mut |_| Ok(()))
    }

    /// The same, telling after each batch how many texts it held; the one told may stop the work.
    pub(super) fn embed_watched(
        &self,
        texts: &[&str],
        watch: &mut dyn FnMut(usize) -> Result<(), Interrupted>,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let encodings = texts
            .iter()
            .map(|text| self.tokenizer.encode(text))
            .collect::<Result<Vec<_>, _>>()
            .map_err(Error::Tokenize)?;
        let mut vectors = match &self.engine {
            #[cfg(target_arch = "x86_64")]
            Engine::Native(native) => native.embed(&encodings, watch)?,
            Engine::Candle(bert) => self.embed_by_candle(bert, &encodings, watch)?,
        };
        if self.space.normalize {
            vectors.iter_mut().for_each(|vector| to_unit_length(vector));
        }
        match vectors.iter().flatten().all(|number| number.is_finite()) {
            true => Ok(vectors),
            false => Err(Error::NotFinite),
        }
    }

    fn embed_by_candle(
        &self,
        bert: &BertModel,
        encodings: &[Encoding],
        watch: &mut dyn FnMut(usize) -> Result<(), Interrupted>,
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
            watch(batch.len())?;
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

impl Engine {
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(
            unused_variables,
            reason = "only our own engine pools and asks for the device"
        )
    )]
    fn load(
        weights: &VarBuilder<'_>,
        config: &Config,
        pooling: Pooling,
        device: &Device,
    ) -> candle_core::Result<Self> {
        #[cfg(target_arch = "x86_64")]
        if device.device.is_cpu()
            && let Some(native) = Native::load(weights, config, pooling, device.precision)?
        {
            return Ok(Self::Native(Box::new(native)));
        }
        Ok(Self::Candle(Box::new(BertModel::load(
            weights.clone(),
            config,
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
        let has_integers = crate::simd::Level::detect() == Some(crate::simd::Level::Avx512Vnni);
        for (precision, least) in least.into_iter().take(1 + usize::from(has_integers)) {
            for pooling in [Pooling::Mean, Pooling::Cls] {
                let mut own = load(precision);
                own.space.pooling = pooling;
                let mut oracle = load(precision);
                oracle.space.pooling = pooling;
                let model = Model::open(&dir, "tiny-bert", None).unwrap();
                let config: Config = serde_json::from_slice(model.config()).unwrap();
                let weights = load_weights(model, &own.device);
                oracle.engine =
                    Engine::Candle(Box::new(BertModel::load(weights.clone(), &config).unwrap()));
                own.engine = Engine::load(&weights, &config, pooling, &own.device).unwrap();
                for (a, b) in own
                    .embed(&texts)
                    .unwrap()
                    .iter()
                    .zip(oracle.embed(&texts).unwrap())
                {
                    assert!(
                        cosine(a, &b) >= least,
                        "{precision} {pooling:?}: {}",
                        cosine(a, &b)
                    );
                }
            }
        }
    }

    fn load_weights(mut model: Model, device: &Device) -> VarBuilder<'static> {
        VarBuilder::from_buffered_safetensors(model.take_weights(), DType::F32, &device.device)
            .unwrap()
    }
}
