//! `ragctl inspect`

use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::context::{Context, ModelOptions};
use super::error::CliError;
use super::ingest::policy;
use crate::chunk::{ChunkRecord, Chunker};
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
    },
    /// Show the chunks that a file is cut into
    Chunk {
        /// The file
        file: String,
        #[command(flatten)]
        model: ModelOptions,
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
    failures: Vec<Failure>,
}

impl InspectArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        match &self.stage {
            Stage::Extract { file } => {
                let (documents, failures) = read(context, file)?;
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
            Stage::Chunk { file, model } => {
                let loaded = context.settings(model.overrides())?;
                let model = context.model(&loaded)?;
                let tokenizer = model.tokenizer()?;
                let chunker = Chunker::new(&tokenizer, policy(&loaded.config)?)?;
                let (documents, failures) = read(context, file)?;
                let record = |document: &Document| {
                    chunker
                        .chunk(document)
                        .into_iter()
                        .map(|chunk| ChunkRecord::new(document, chunk))
                        .collect::<Vec<_>>()
                };
                let chunks = documents.iter().flat_map(record).collect();
                context.ui.answer(&Chunked {
                    uri: file.clone(),
                    chunks,
                    failures: failures.clone(),
                })?;
                fail_if(failures)
            }
        }
    }
}

fn read(context: &Context<'_>, file: &str) -> Result<(Vec<Document>, Vec<Failure>), CliError> {
    let mut source = SourceSpec::of_path(file);
    source.base = context.working_dir.clone();
    let (mut documents, mut failures) = (Vec::new(), Vec::new());
    for item in corpus::list(&source)?.items {
        corpus::read(&source, &item, &mut |outcome| {
            match outcome {
                Ok(document) => documents.push(document),
                Err(failure) => failures.push(failure),
            }
            Ok::<_, CliError>(())
        })?;
    }
    Ok((documents, failures))
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

impl Answer for Chunked {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
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
