//! The forward pass: tokens in, one vector a text out.
//!
//! A text's vector must not depend on the batch it rides in: the mask reaches attention and the mean alike.

use candle_core::{DType, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};

use super::{Device, Error};
use crate::model::{Encoding, Model, Tokenizer};
use crate::progress::Interrupted;
use crate::space::{Pooling, Space};

/// A model on a device.
pub struct Embedder {
    bert: BertModel,
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
        let bert = BertModel::load(weights, &config).map_err(compute)?;
        Ok(Self {
            bert,
            tokenizer,
            space: model.space,
            device,
        })
    }

    /// What its vectors are comparable with.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// The device that computes.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The model's tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
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
        let mut order: Vec<usize> = (0..encodings.len()).collect();
        let length = |index: &usize| {
            encodings
                .get(*index)
                .map_or(0, |encoding: &Encoding| encoding.ids.len())
        };
        order.sort_by_key(|index| std::cmp::Reverse(length(index)));
        let mut vectors = vec![Vec::new(); texts.len()];
        let mut rest = order.as_slice();
        while let Some(longest) = rest.first() {
            // Sorted longest first, so that padding is the least there is.
            let count = (self.device.batch_tokens() / length(longest).max(1)).clamp(1, rest.len());
            let (batch, after) = rest.split_at(count);
            let batch_encodings: Vec<&Encoding> = batch
                .iter()
                .filter_map(|index| encodings.get(*index))
                .collect();
            let computed = self
                .forward(&batch_encodings)
                .map_err(|source| Error::Compute {
                    doing: "embedding",
                    source,
                })?;
            for (index, vector) in batch.iter().zip(computed) {
                if !vector.iter().all(|number| number.is_finite()) {
                    return Err(Error::NotFinite);
                }
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
    fn forward(&self, batch: &[&Encoding]) -> candle_core::Result<Vec<Vec<f32>>> {
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
        let hidden = self.bert.forward(&ids, &types, Some(&mask))?;
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
        let rows = pooled.to_vec2::<f32>()?;
        Ok(if self.space.normalize {
            rows.into_iter().map(to_unit_length).collect()
        } else {
            rows
        })
    }
}

fn to_unit_length(mut vector: Vec<f32>) -> Vec<f32> {
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
    vector
}
