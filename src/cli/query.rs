//! `ragctl query`

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::context::{Context, ModelOptions};
use super::error::CliError;
use crate::durable::Context as _;
use crate::index::{Filter, Hit, Mode, Search};
use crate::query::{Reader, model_of};
use crate::store::VersionName;
use crate::ui::Answer;
use crate::verify;

/// Ask a version a question
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl query 'how do I roll back?' -k 3 --filter \"lang = 'en'\"\n  ragctl query --input queries.jsonl --json\n\nWith --json each question gives one line."
)]
pub(super) struct QueryArgs {
    /// The question
    #[arg(required_unless_present = "input", conflicts_with = "input")]
    text: Option<String>,
    /// Many questions: JSON Lines with `_id` or `id`, and `text`; `-` is standard input
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// The version; the live one by default
    #[arg(long, value_name = "VERSION")]
    version: Option<VersionName>,
    /// How many hits
    #[arg(short, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    k: u16,
    /// What finds chunks: vector, text (words, by BM25) or hybrid (both, their ranks fused)
    #[arg(long, value_name = "MODE", default_value_t)]
    mode: Mode,
    /// Compare with every chunk, whatever vector index there is
    #[arg(long)]
    exact: bool,
    /// Only chunks that match, such as: product = 'search' and year >= 2024
    #[arg(long, value_name = "FILTER")]
    filter: Option<Filter>,
    #[command(flatten)]
    model: ModelOptions,
}

struct Question {
    id: String,
    text: String,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "_id")]
    underscore_id: Option<serde_json::Value>,
    id: Option<serde_json::Value>,
    text: String,
}

#[derive(Serialize)]
struct Answered {
    query_id: String,
    #[serde(skip)]
    question: String,
    version: VersionName,
    hits: Vec<Hit>,
}

impl QueryArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let loaded = context.settings(self.model.overrides())?;
        let store = context.store(&loaded)?;
        let held = store.hold(self.version.as_ref())?;
        verify::check_structure(&held)?;
        let model = if self.model.names_model() {
            context.model(&loaded)?
        } else {
            model_of(&store, &held)?
        };
        let reader = Reader::open(held, model, context.device(&loaded)?)?;
        let search = Search {
            k: usize::from(self.k),
            exact: self.exact,
            filter: self.filter.clone(),
        };
        let ask = |question: Question| -> Result<(), CliError> {
            if question.text.trim().is_empty() {
                let message = format!("question {} is empty", question.id);
                return Err(CliError::usage(message, "Ask something."));
            }
            let hits = reader.ask(&question.text, self.mode, &search)?;
            let version = reader.held().name.clone();
            Ok(context.ui.answer_line(&Answered {
                query_id: question.id,
                question: question.text,
                version,
                hits,
            })?)
        };
        match (&self.text, &self.input) {
            (Some(text), _) => ask(Question {
                id: "1".into(),
                text: text.clone(),
            }),
            (None, Some(path)) => questions(context, path)?.try_for_each(|question| ask(question?)),
            (None, None) => Ok(()),
        }
    }
}

fn questions<'a>(
    context: &Context<'_>,
    path: &'a PathBuf,
) -> Result<impl Iterator<Item = Result<Question, CliError>> + use<'a>, CliError> {
    let reader: Box<dyn BufRead> = if path.as_os_str() == "-" {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let path = context.working_dir.join(path);
        Box::new(BufReader::new(File::open(&path).context(&path).map_err(
            |e| CliError::usage(e.to_string(), "Name a file of questions."),
        )?))
    };
    let lines = reader
        .lines()
        .enumerate()
        .filter(|(_, line)| line.as_ref().map_or(true, |line| !line.trim().is_empty()));
    Ok(lines.map(move |(index, line)| {
        let number = index + 1;
        let line = line.context(path)?;
        let wrong = |e| {
            CliError::usage(
                format!("{} line {number}: {e}", path.display()),
                "Each line is {\"id\": …, \"text\": …}.",
            )
        };
        let line: Line = serde_json::from_str(&line).map_err(wrong)?;
        let id = line.underscore_id.or(line.id).map_or_else(
            || number.to_string(),
            |id| match id {
                serde_json::Value::String(id) => id,
                other => other.to_string(),
            },
        );
        Ok(Question {
            id,
            text: line.text,
        })
    }))
}

/// Characters of a hit's text that people are shown.
const SHOWN: usize = 300;

impl Answer for Answered {
    fn name(&self) -> Option<String> {
        Some(
            self.hits
                .iter()
                .map(|hit| hit.chunk.id.clone())
                .collect::<Vec<_>>()
                .join("\n"),
        )
    }

    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} answers: {}", self.version, self.question)?;
        if self.hits.is_empty() {
            writeln!(out, "  nothing found")?;
        }
        for hit in &self.hits {
            let page = hit
                .chunk
                .page
                .map_or(String::new(), |page| format!(", page {page}"));
            let heading = hit
                .chunk
                .heading
                .as_ref()
                .map_or(String::new(), |heading| format!(" · {heading}"));
            writeln!(
                out,
                "{:>3}. {:.4}  {}{page}{heading}",
                hit.rank, hit.score, hit.chunk.uri
            )?;
            let words = hit
                .chunk
                .text
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            let shown: String = words.chars().take(SHOWN).collect();
            let more = if shown.len() < words.len() { "…" } else { "" };
            writeln!(out, "     {shown}{more}")?;
        }
        Ok(())
    }
}
