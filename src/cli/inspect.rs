//! `ragctl inspect`

use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::context::{Context, ModelOptions};
use super::error::CliError;
use super::ingest::{PageArgs, policy, program};
use crate::chunk::{ChunkRecord, Chunker, Lengths, Stats};
use crate::corpus::{self, Document, Failure, Format, Metadata, SourceSpec};
use crate::ui::Answer;

/// Show what one file becomes at each stage
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl inspect extract report.pdf | less\n  ragctl inspect chunk report.pdf"
)]
pub(super) struct InspectArgs {
    #[command(subcommand)]
    stage: Stage,
}

#[derive(Debug, Subcommand)]
enum Stage {
    /// Show the text that is extracted from a file
    Extract {
        /// The file
        file: String,
        #[command(flatten)]
        pages: PageArgs,
    },
    /// Show the chunks that a file is cut into
    Chunk {
        /// The file, directory or glob
        file: String,
        #[command(flatten)]
        pages: PageArgs,
        #[command(flatten)]
        model: ModelOptions,
        /// Show how long the chunks are and how they were cut, instead of the chunks
        #[arg(long)]
        stats: bool,
    },
}

#[derive(Serialize)]
struct Extracted {
    uri: String,
    documents: Vec<Shown>,
    failures: Vec<Failure>,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    title: Option<String>,
    format: Format,
    bytes: u64,
    pages: usize,
    metadata: Metadata,
    text: String,
}

#[derive(Serialize)]
struct Chunked {
    uri: String,
    chunks: Vec<ChunkRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Stats>,
    failures: Vec<Failure>,
}

impl InspectArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        match &self.stage {
            Stage::Extract { file, pages } => {
                let (documents, failures) = read(context, file, pages)?;
                let documents = documents.into_iter().map(|document| Shown {
                    id: document.id,
                    title: document.title,
                    format: document.format,
                    bytes: document.bytes,
                    pages: document.pages.len(),
                    metadata: document.metadata,
                    text: document.text,
                });
                context.ui.answer(&Extracted {
                    uri: file.clone(),
                    documents: documents.collect(),
                    failures: failures.clone(),
                })?;
                fail_if(failures)
            }
            Stage::Chunk {
                file,
                pages,
                model,
                stats,
            } => {
                let loaded = context.settings(model.overrides())?;
                let model = context.model(&loaded)?;
                let tokenizer = model.tokenizer()?;
                let chunker = Chunker::new(&tokenizer, policy(&loaded.config)?)?;
                let (documents, failures) = read(context, file, pages)?;
                let mut statistics = Stats::default();
                let mut chunks = Vec::new();
                for document in &documents {
                    let cut = chunker.chunk(document);
                    statistics.add(&cut);
                    chunks.extend(
                        cut.into_iter()
                            .map(|chunk| ChunkRecord::new(document, chunk)),
                    );
                }
                context.ui.answer(&Chunked {
                    uri: file.clone(),
                    chunks: if *stats { Vec::new() } else { chunks },
                    stats: stats.then_some(statistics),
                    failures: failures.clone(),
                })?;
                fail_if(failures)
            }
        }
    }
}

fn read(
    context: &Context<'_>,
    file: &str,
    pages: &PageArgs,
) -> Result<(Vec<Document>, Vec<Failure>), CliError> {
    let mut source = SourceSpec::of_path(file);
    source.base = context.working_dir.clone();
    pages.apply(&mut source);
    Ok(corpus::read_all(&program()?, &source, context.ui)?)
}

fn fail_if(failures: Vec<Failure>) -> Result<(), CliError> {
    match failures.into_iter().next() {
        None => Ok(()),
        Some(failure) => Err(CliError::document(&failure)),
    }
}

impl Answer for Extracted {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        for document in &self.documents {
            writeln!(out, "{}", document.text.trim_end())?;
        }
        Ok(())
    }
}

fn write_stats(stats: &Stats, out: &mut dyn Write) -> io::Result<()> {
    let summary = stats.summary();
    let Lengths {
        min,
        lower_quartile,
        median,
        upper_quartile,
        max,
        mean,
        total,
    } = summary.tokens;
    writeln!(out, "{} chunks, {total} tokens", summary.chunks)?;
    writeln!(
        out,
        "tokens: shortest {min}, quartiles {lower_quartile}, {median}, {upper_quartile}, longest {max}, mean {mean:.1}"
    )?;
    let most = summary
        .histogram
        .iter()
        .map(|bin| bin.chunks)
        .max()
        .unwrap_or(0)
        .max(1);
    for bin in &summary.histogram {
        let bar = "#".repeat((bin.chunks * WIDEST).div_ceil(most));
        writeln!(out, "  to {:>4}  {:>6}  {bar}", bin.up_to, bin.chunks)?;
    }
    let ends = summary.ends;
    let ends = [
        (ends.section, "end with their section"),
        (ends.paragraph, "end between paragraphs"),
        (ends.sentence, "end between sentences"),
        (ends.row, "split a table between rows"),
        (ends.line, "split code between lines"),
        (ends.words, "split a sentence between words"),
        (ends.word, "split a word"),
        (summary.joined, "small pieces joined to a neighbour"),
        (summary.truncated, "longer than the model's window"),
    ];
    for (count, what) in ends.iter().filter(|(count, _)| *count > 0) {
        writeln!(out, "{count:>8} {what}")?;
    }
    Ok(())
}

/// Characters of the longest bar.
const WIDEST: usize = 40;

impl Answer for Chunked {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(stats) = &self.stats {
            return write_stats(stats, out);
        }
        for chunk in &self.chunks {
            let page = chunk
                .page
                .map_or(String::new(), |page| format!(", page {page}"));
            let heading = chunk
                .heading_path()
                .map_or(String::new(), |heading| format!(" · {heading}"));
            let (start, end) = (chunk.byte_start, chunk.byte_end);
            writeln!(
                out,
                "--- chunk {}: {} tokens, bytes {start} to {end}{page}{heading}",
                chunk.ordinal, chunk.tokens
            )?;
            writeln!(out, "{}", chunk.text.trim_end())?;
        }
        Ok(())
    }
}
