//! candle's forward pass: any device, and the oracle of our own.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};

use crate::model::Encoding;
use crate::space::Pooling;

/// A model as candle computes it.
pub(super) struct Candle {
    bert: BertModel,
    device: Device,
    pooling: Pooling,
}

impl Candle {
    pub(super) fn load(
        weights: &VarBuilder<'_>,
        config: &Config,
        pooling: Pooling,
    ) -> candle_core::Result<Self> {
        Ok(Self {
            bert: BertModel::load(weights.clone(), config)?,
            device: weights.device().clone(),
            pooling,
        })
    }

    /// Embeds texts in their order, each pooled to one row that is not normalised yet.
    pub(super) fn embed(&self, encodings: &[Encoding]) -> candle_core::Result<Vec<Vec<f32>>> {
        let mut order: Vec<(usize, &Encoding)> = encodings.iter().enumerate().collect();
        order.sort_by_key(|(_, encoding)| std::cmp::Reverse(encoding.ids.len()));
        let mut vectors = vec![Vec::new(); encodings.len()];
        let mut rest = order.as_slice();
        while let Some((_, longest)) = rest.first() {
            // Sorted longest first, so that padding is the least there is.
            let count = (self.batch_tokens() / longest.ids.len().max(1)).clamp(1, rest.len());
            let (batch, after) = rest.split_at(count);
            for ((index, _), vector) in batch.iter().zip(self.forward(batch)?) {
                if let Some(slot) = vectors.get_mut(*index) {
                    *slot = vector;
                }
            }
            rest = after;
        }
        Ok(vectors)
    }

    /// Tokens of one batch, padding included: few on a processor, whose caches are small.
    fn batch_tokens(&self) -> usize {
        if self.device.is_cpu() { 2_048 } else { 65_536 }
    }

    /// Computes one batch, whose first text is its longest. The mask reaches attention and the mean alike.
    fn forward(&self, batch: &[(usize, &Encoding)]) -> candle_core::Result<Vec<Vec<f32>>> {
        let width = batch.first().map_or(0, |(_, longest)| longest.ids.len());
        let padded = |row: &dyn Fn(&Encoding, usize) -> u32| -> candle_core::Result<Tensor> {
            let rows: Vec<u32> = batch
                .iter()
                .flat_map(|(_, encoding)| (0..width).map(|at| row(encoding, at)))
                .collect();
            Tensor::from_vec(rows, (batch.len(), width), &self.device)
        };
        let ids = padded(&|encoding, at| encoding.ids.get(at).copied().unwrap_or(0))?;
        let types = padded(&|encoding, at| encoding.type_ids.get(at).copied().unwrap_or(0))?;
        let mask = padded(&|encoding, at| u32::from(at < encoding.ids.len()))?;
        let hidden = self.bert.forward(&ids, &types, Some(&mask))?;
        let pooled = match self.pooling {
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
