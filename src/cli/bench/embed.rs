//! `ragctl bench embed`

use std::fs;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use clap::Args;

use super::super::context::{Context, ModelOptions};
use super::super::error::CliError;
use super::baseline::BaselineOptions;
use crate::bench::embed::{Outcome, Request, measure};
use crate::durable::Context as _;
use crate::embed::Precision;
use crate::model::Model;
use crate::ui::Answer;

#[derive(Debug, Args)]
pub(super) struct EmbedArgs {
    /// The texts: a JSON array of strings, or one text a line
    #[arg(long, value_name = "FILE")]
    texts: PathBuf,
    #[command(flatten)]
    model: ModelOptions,
    /// Use no better kernels than these: avx512-vnni, avx512, avx2, candle
    #[arg(long, value_name = "NAME")]
    kernels: Option<String>,
    /// How often all texts are embedded; the best round counts
    #[arg(long, value_name = "N", default_value = "5")]
    rounds: NonZeroUsize,
    /// Compare the vectors to those of this precision
    #[arg(long, value_name = "PRECISION")]
    compare: Option<Precision>,
    /// Write the vectors there: little-endian f32, row after row, in the texts' order
    #[arg(long, value_name = "FILE")]
    vectors: Option<PathBuf>,
    #[command(flatten)]
    baseline: BaselineOptions,
}

impl EmbedArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        self.baseline.earlier(context)?;
        let loaded = context.settings(self.model.overrides())?;
        let texts = texts(&context.working_dir.join(&self.texts))?;
        let request = Request {
            texts: &texts,
            device: context.device(&loaded)?.with_kernels(self.kernels.clone()),
            rounds: self.rounds,
            compare: self.compare,
        };
        // Fetched and checked before anything is timed.
        let (dir, name) = context.model_dir(&loaded)?;
        let outcome = measure(&request, &|| Model::open(&dir, &name, None), context.ui)?;
        if let Some(path) = &self.vectors {
            let path = context.working_dir.join(path);
            let numbers = outcome.vectors.iter().flatten();
            let bytes: Vec<u8> = numbers.flat_map(|number| number.to_le_bytes()).collect();
            fs::write(&path, bytes).context(&path)?;
        }
        self.baseline.answer(context, &outcome, &outcome.figures)
    }
}

/// Reads a JSON array of strings, or one text a line.
fn texts(path: &Path) -> Result<Vec<String>, CliError> {
    let hint = "Give a JSON array of strings, or one text a line.";
    let wrong = |problem: String| CliError::usage(format!("{}: {problem}", path.display()), hint);
    let content = String::from_utf8(fs::read(path).context(path)?)
        .map_err(|_| wrong("it is not UTF-8 text".into()))?;
    let texts: Vec<String> = if content.trim_start().starts_with('[') {
        serde_json::from_str(&content).map_err(|e| wrong(e.to_string()))?
    } else {
        let lines = content.lines().filter(|line| !line.trim().is_empty());
        lines.map(str::to_owned).collect()
    };
    if texts.is_empty() {
        return Err(wrong("it holds no text".into()));
    }
    Ok(texts)
}

impl Answer for Outcome {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{}, {} on {}, {} thread(s): {} texts, {} tokens",
            self.model, self.scheme, self.device, self.threads, self.texts, self.tokens
        )?;
        let best = self.tokens as f64 / self.tokens_per_second;
        writeln!(
            out,
            "{:.0} tokens/s, {:.1} chunks/s; best of {}: {best:.2} s",
            self.tokens_per_second,
            self.chunks_per_second,
            self.round_seconds.len()
        )?;
        if let Some((peak, share)) = self.peak.zip(self.share_of_peak) {
            writeln!(
                out,
                "{:.0} % of what this machine's peak allows: {:.0} G/s f32, {:.0} G/s int16",
                share * 100.0,
                peak.f32 / 1e9,
                peak.int16 / 1e9
            )?;
        }
        writeln!(
            out,
            "first vector after {:.2} s; a text of 14 words alone in {:.2} ms; at most {} resident",
            self.first_vector_seconds,
            self.query_milliseconds,
            ByteSize(self.peak_rss_bytes)
        )?;
        if let Some((least, mean)) = self.min_cosine.zip(self.mean_cosine) {
            writeln!(out, "cosine: lowest {least:.9}, mean {mean:.9}")?;
        }
        Ok(())
    }
}
