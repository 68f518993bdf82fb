//! `ragctl embed`

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;

use super::context::{Context, ModelOptions};
use super::error::CliError;
use crate::build::{check_space, embedded_texts};
use crate::digest::Digest;
use crate::embed::{self, Cache, Embedder, NUMERICS};
use crate::snapshot::Snapshot;
use crate::ui::Answer;

/// Embed the chunks of a snapshot into the cache; goes on where it was interrupted
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  ragctl embed --device cpu")]
pub(super) struct EmbedArgs {
    /// The snapshot, or the beginning of its id; the newest by default
    #[arg(long, value_name = "ID")]
    snapshot: Option<String>,
    #[command(flatten)]
    model: ModelOptions,
    /// Say how much would be embedded, and embed nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Answered {
    dry_run: bool,
    changed: bool,
    snapshot: Digest,
    fingerprint: Digest,
    device: Option<String>,
    device_reason: Option<String>,
    scheme: Option<&'static str>,
    embedded: u64,
    cached: u64,
    tokens: u64,
    seconds: f64,
    tokens_per_second: Option<f64>,
    chunks_per_second: Option<f64>,
}

impl EmbedArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let loaded = context.settings(self.model.overrides())?;
        let store = context.store(&loaded)?;
        let snapshot = Snapshot::open(&store, self.snapshot.as_deref())?;
        let model = context.model(&loaded)?;
        check_space(&snapshot, &model.space)?;
        let fingerprint = model.space.fingerprint();
        let space = model.space.clone();
        let texts = || embedded_texts(&snapshot, &space);
        let mut cache = Cache::open(&store.cache_dir(), &fingerprint, NUMERICS)?;
        if cache.discarded() > 0 {
            context.ui.warn(&format!(
                "{} damaged cache segment(s) were removed; their chunks are embedded again",
                cache.discarded()
            ));
        }
        let (filled, used) = if self.dry_run {
            (embed::missing(&cache, texts()?)?, None)
        } else {
            // So that gc and forget know that somebody works with the snapshot and the cache.
            let _draft = store.draft()?;
            let embedder = Embedder::load(model, context.device(&loaded)?)?;
            (
                embed::fill(&embedder, &mut cache, texts, context.ui)?,
                Some(embedder),
            )
        };
        let device = used.as_ref().map(Embedder::device);
        let (dry_run, snapshot, changed) = (self.dry_run, snapshot.id, filled.embedded > 0);
        let seconds = filled.elapsed.as_secs_f64();
        let per_second = |count: u64| (seconds > 0.0).then(|| count as f64 / seconds);
        let answer = Answered {
            dry_run,
            changed,
            snapshot,
            fingerprint,
            device: device.map(|device| device.name.clone()),
            device_reason: device.map(|device| device.why.clone()),
            scheme: used.as_ref().map(Embedder::scheme),
            embedded: filled.embedded,
            cached: filled.cached,
            tokens: filled.tokens,
            seconds,
            tokens_per_second: per_second(filled.tokens),
            chunks_per_second: per_second(filled.embedded),
        };
        Ok(context.ui.answer(&answer)?)
    }
}

impl Answer for Answered {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let verb = if self.dry_run { "to embed" } else { "embedded" };
        let on = self
            .device
            .as_ref()
            .zip(self.scheme)
            .map_or(String::new(), |(device, scheme)| {
                format!(" on {device} ({scheme})")
            });
        writeln!(
            out,
            "snapshot {}: {} chunks {verb}{on}, {} in the cache already",
            self.snapshot.short(),
            self.embedded,
            self.cached
        )?;
        if let Some((tokens, chunks)) = self.tokens_per_second.zip(self.chunks_per_second) {
            let (total, seconds) = (self.tokens, self.seconds);
            writeln!(
                out,
                "{total} tokens in {seconds:.1} s: {tokens:.0} tokens/s, {chunks:.0} chunks/s"
            )?;
        }
        match (&self.device, &self.device_reason) {
            (Some(device), Some(reason)) => writeln!(out, "{device}: {reason}"),
            _ => Ok(()),
        }
    }

    fn name(&self) -> Option<String> {
        Some(self.snapshot.to_string())
    }
}
