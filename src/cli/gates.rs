//! Gates and indexes as they are configured, and what a release is compared with.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::Path;

use super::context::Context;
use super::error::CliError;
use crate::config::{Loaded, Override};
use crate::durable;
use crate::embed::{self, Embedder};
use crate::golden;
use crate::index::{IndexPolicy, Mode, ParseVectorIndexError, Table};
use crate::query::{self, model_of};
use crate::store::{Channel, Held, Store, VersionName};
use crate::verify::{Gates, WAIVABLE};

/// Options that set what retrieval must reach.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Gates")]
pub(super) struct GateOptions {
    /// The recall@10 against exact search that a vector index must have
    #[arg(long, value_name = "0..1")]
    min_ann_recall: Option<f64>,
    /// The recall@5 that golden queries must reach
    #[arg(long, value_name = "0..1")]
    min_recall_at_5: Option<f64>,
    /// The mean reciprocal rank that golden queries must reach
    #[arg(long, value_name = "0..1")]
    min_mrr: Option<f64>,
    /// The nDCG@10 that golden queries must reach
    #[arg(long, value_name = "0..1")]
    min_ndcg_at_10: Option<f64>,
    /// What golden queries may lose to the live version, where the loss is no chance
    #[arg(long, value_name = "0..1")]
    max_regression: Option<f64>,
    /// Milliseconds that the median search by vector may take
    #[arg(long, value_name = "MS")]
    max_query_ms: Option<f64>,
}

impl GateOptions {
    /// The options as layers over the configuration.
    pub(super) fn overrides(&self) -> Vec<Override> {
        let given = [
            ("gate.min_ann_recall", "min-ann-recall", self.min_ann_recall),
            (
                "gate.min_recall_at_5",
                "min-recall-at-5",
                self.min_recall_at_5,
            ),
            ("gate.min_mrr", "min-mrr", self.min_mrr),
            ("gate.min_ndcg_at_10", "min-ndcg-at-10", self.min_ndcg_at_10),
            ("gate.max_regression", "max-regression", self.max_regression),
            ("gate.max_query_ms", "max-query-ms", self.max_query_ms),
        ];
        let layer = |(key, flag, value): (_, _, Option<f64>)| {
            Some(Override {
                key,
                flag,
                value: value?.to_string(),
            })
        };
        given.into_iter().filter_map(layer).collect()
    }
}

/// Options that let a release through.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct WaiveOptions {
    /// Let it through although these gates fail: recall, latency, golden, regression, shrink; needs --reason
    #[arg(long, value_name = "GATE", value_delimiter = ',', value_parser = WAIVABLE)]
    waive: Vec<String>,
}

impl WaiveOptions {
    /// The gates' names. Whoever waives one says why.
    pub(super) fn names(&self, reason: Option<&String>) -> Result<BTreeSet<String>, CliError> {
        if !self.waive.is_empty() && reason.is_none_or(|reason| reason.trim().is_empty()) {
            return Err(CliError::usage(
                "--waive needs a reason, which the history keeps",
                "Say why with --reason TEXT.",
            ));
        }
        Ok(self.waive.iter().cloned().collect())
    }
}

/// Fails where a setting is no part of a whole.
fn part(key: &str, value: f64) -> Result<f64, CliError> {
    match (0.0..=1.0).contains(&value) {
        true => Ok(value),
        false => Err(CliError::usage(
            format!("{key} is {value}"),
            "It goes from 0 to 1.",
        )),
    }
}

/// What retrieval must reach, as it is configured.
pub(super) fn gates(loaded: &Loaded) -> Result<Gates, CliError> {
    let gate = &loaded.config.gate;
    let optional = |key, value: Option<f64>| value.map(|value| part(key, value)).transpose();
    if let Some(budget) = gate.max_query_ms.filter(|ms| !ms.is_finite() || *ms <= 0.0) {
        return Err(CliError::usage(
            format!("gate.max_query_ms is {budget}"),
            "Give milliseconds above 0.",
        ));
    }
    Ok(Gates {
        min_ann_recall: part("gate.min_ann_recall", gate.min_ann_recall)?,
        min_recall_at_5: optional("gate.min_recall_at_5", gate.min_recall_at_5)?,
        min_mrr: optional("gate.min_mrr", gate.min_mrr)?,
        min_ndcg_at_10: optional("gate.min_ndcg_at_10", gate.min_ndcg_at_10)?,
        max_regression: part("gate.max_regression", gate.max_regression)?,
        max_query_ms: gate.max_query_ms,
        golden_mode: golden_mode(loaded)?,
    })
}

/// How golden queries are searched, as it is configured.
pub(super) fn golden_mode(loaded: &Loaded) -> Result<Mode, CliError> {
    wrong_word("golden.mode", loaded.config.golden.mode.parse())
}

/// Which indexes a build makes, as it is configured.
pub(super) fn index_policy(loaded: &Loaded) -> Result<IndexPolicy, CliError> {
    let index = &loaded.config.index;
    let vector: Result<_, ParseVectorIndexError> = index.vector.parse();
    let text = match index.text_language.as_str() {
        "none" => None,
        language => Some(wrong_word("index.text_language", language.parse())?),
    };
    Ok(IndexPolicy {
        vector: wrong_word("index.vector", vector)?,
        exact_below: index.exact_below,
        min_ann_recall: part("index.min_ann_recall", index.min_ann_recall)?,
        text,
        filters: index.filters.clone(),
    })
}

fn wrong_word<T, E: Display>(key: &str, parsed: Result<T, E>) -> Result<T, CliError> {
    parsed.map_err(|e| {
        CliError::usage(
            format!("{key}: {e}"),
            "Leave it out for the default; `ragctl config show` tells it.",
        )
    })
}

/// The bytes of the configured golden queries, which are read to see that they can be.
pub(super) fn golden_file(loaded: &Loaded) -> Result<Option<Vec<u8>>, CliError> {
    let Some(file) = &loaded.config.golden.file else {
        return Ok(None);
    };
    let path = loaded.path("golden.file", file);
    let bytes = std::fs::read(&path).map_err(|e| {
        CliError::usage(
            format!("golden.file: {}: {e}", path.display()),
            "`ragctl golden suggest` proposes queries to begin with.",
        )
    })?;
    golden::parse(&bytes, &path.display().to_string())?;
    Ok(Some(bytes))
}

/// The bytes of the golden queries that a version carries, if it does.
pub(super) fn golden_of(held: &Held) -> Result<Option<Vec<u8>>, CliError> {
    match durable::read_beneath(&held.dir, Path::new(golden::GOLDEN)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.is_not_found() => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// What loads a held version's own model onto the configured device.
pub(super) fn embedder_for<'a>(
    context: &'a Context<'_>,
    loaded: &'a Loaded,
    store: &'a Store,
) -> impl Fn(&Held) -> Result<Embedder, embed::Error> + use<'a> {
    move |held| Embedder::load(model_of(store, held)?, context.device(loaded)?)
}

/// Asks a held version golden queries, with its own model.
pub(super) fn ask_golden(
    context: &Context<'_>,
    loaded: &Loaded,
    store: &Store,
    held: &Held,
    queries: &[golden::Query],
    mode: Mode,
) -> Result<Vec<golden::Answered>, CliError> {
    let embedder = embedder_for(context, loaded, store)(held)?;
    let table = Table::open_version(&held.dir, &held.manifest)?;
    let embed = |text: &str| Ok::<_, query::Error>(embedder.embed_query(text)?);
    Ok(golden::evaluate(&table, queries, mode, embed, context.ui)?)
}

/// Holds the version that is live on a channel, unless it is the one that is looked at. One that cannot be read is nothing to
/// compare with.
pub(super) fn hold_live(
    context: &Context<'_>,
    store: &Store,
    channel: &Channel,
    but: &VersionName,
) -> Result<Option<Held>, CliError> {
    let Some(live) = store.live_on(channel)?.filter(|live| live != but) else {
        return Ok(None);
    };
    match store.hold(Some(&live)) {
        Ok(held) => Ok(Some(held)),
        Err(e) => {
            let message = format!("{live} is live but cannot be compared with: {e}");
            context.ui.warn(&message);
            Ok(None)
        }
    }
}
