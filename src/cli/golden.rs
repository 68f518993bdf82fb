//! `ragctl golden`

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::context::{Context, ModelOptions};
use super::error::CliError;
use super::gates::{ask_golden, golden_mode};
use crate::config::Override;
use crate::golden::{self, Answered, Query, Regression, Scores, TagScores};
use crate::index::{Mode, Table};
use crate::store::{Held, VersionName};
use crate::ui::{Answer, table};

/// Propose golden queries, and see how a version answers them
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl golden suggest > golden.jsonl\n  ragctl golden score --file golden.jsonl\n\nA line is {\"query\": …, \"expect\": [\"document id or URI\", {\"text\": \"words of it\", \"grade\": 2}],\n\"tag\": …}. Name the file under [golden] in ragctl.toml: versions carry it along, and `verify` asks it."
)]
pub(super) struct GoldenArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Write queries made of headings and titles, for you to edit
    Suggest(SuggestArgs),
    /// Ask a version golden queries, and tell what it found
    Score(ScoreArgs),
}

#[derive(Debug, Args)]
struct SuggestArgs {
    /// The version; the live one by default
    version: Option<VersionName>,
    /// How many queries at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    count: usize,
}

#[derive(Debug, Args)]
struct ScoreArgs {
    /// The version; the live one by default
    version: Option<VersionName>,
    /// The golden queries; those that the version carries by default
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Compare with the answers of this version
    #[arg(long, value_name = "VERSION")]
    against: Option<VersionName>,
    /// How the queries are searched: vector, text, hybrid
    #[arg(long, value_name = "MODE")]
    mode: Option<Mode>,
    #[command(flatten)]
    model: ModelOptions,
}

/// How a version answered.
#[derive(Serialize)]
struct Scored {
    version: VersionName,
    mode: Mode,
    #[serde(flatten)]
    scores: Scores,
    tags: Vec<TagScores>,
    against: Option<VersionName>,
    regressions: Vec<Regression>,
    queries: Vec<ScoredQuery>,
}

/// How it answered one query.
#[derive(Serialize)]
struct ScoredQuery {
    id: String,
    query: String,
    tag: Option<String>,
    recall_at_5: f64,
    reciprocal_rank: f64,
    ndcg_at_10: f64,
    expected: Vec<String>,
    found: Vec<String>,
}

impl GoldenArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        match &self.what {
            What::Suggest(args) => args.run(context),
            What::Score(args) => args.run(context),
        }
    }
}

impl SuggestArgs {
    fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let store = context.only_store()?;
        let held = store.hold(self.version.as_ref())?;
        let suggestions = golden::suggest(&Table::open(&held.dir)?, self.count)?;
        if suggestions.is_empty() {
            context
                .ui
                .warn("no heading or title of this version makes a question");
        }
        let lines = suggestions.iter().map(serde_json::to_string);
        let lines: Vec<String> = lines.filter_map(Result::ok).collect();
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        Ok(context.ui.document(text.as_bytes())?)
    }
}

impl ScoreArgs {
    fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let mode = self.mode.map(|mode| Override {
            key: "golden.mode",
            flag: "mode",
            value: mode.to_string(),
        });
        let loaded = context.settings(self.model.overrides().into_iter().chain(mode).collect())?;
        let mode = golden_mode(&loaded)?;
        let store = context.store(&loaded)?;
        let held = store.hold(self.version.as_ref())?;
        let queries = match &self.file {
            Some(file) => golden::read(&context.working_dir.join(file))?,
            None => golden::of_version(&held.dir)?.ok_or_else(|| {
                CliError::usage(
                    format!("{} carries no golden queries", held.name),
                    "Name a file with --file; `ragctl golden suggest` proposes one.",
                )
            })?,
        };
        let ask = |held: &Held| ask_golden(context, &loaded, &store, held, &queries, mode);
        let answers = ask(&held)?;
        let against = self.against.as_ref();
        let against = against.map(|name| store.hold(Some(name))).transpose()?;
        let before = against.as_ref().map(ask).transpose()?;
        let regressions = before
            .as_ref()
            .map(|before| golden::regressions(before, &answers));
        let scored = Scored {
            version: held.name.clone(),
            mode,
            scores: Scores::of(&answers),
            tags: TagScores::of(&queries, &answers),
            against: against.map(|held| held.name.clone()),
            regressions: regressions.unwrap_or_default(),
            queries: answers
                .iter()
                .filter_map(|answer| Some(ScoredQuery::of(queries.get(answer.place)?, answer)))
                .collect(),
        };
        Ok(context.ui.answer(&scored)?)
    }
}

impl ScoredQuery {
    fn of(query: &Query, answer: &Answered) -> Self {
        let expected = query.expect.iter();
        Self {
            id: query.id.clone(),
            query: query.text.clone(),
            tag: query.tag.clone(),
            recall_at_5: answer.recall_at_5,
            reciprocal_rank: answer.reciprocal_rank,
            ndcg_at_10: answer.ndcg_at_10,
            expected: expected
                .map(|expected| expected.wanted.as_str().to_owned())
                .collect(),
            found: answer
                .hits
                .iter()
                .map(|hit| hit.chunk.uri.clone())
                .collect(),
        }
    }
}

/// Queries that people are shown, the worst first.
const SHOWN: usize = 10;

impl Answer for Scored {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} by {}", self.version, self.mode)?;
        let row = |name: &str, scores: &Scores| {
            vec![
                name.to_owned(),
                scores.queries.to_string(),
                format!("{:.3}", scores.recall_at_5),
                format!("{:.3}", scores.mrr),
                format!("{:.3}", scores.ndcg_at_10),
            ]
        };
        let tags = self.tags.iter().map(|tag| row(&tag.tag, &tag.scores));
        let rows = std::iter::once(row("all", &self.scores)).chain(tags);
        let headings = ["TAG", "QUERIES", "RECALL@5", "MRR", "NDCG@10"];
        write!(out, "{}", table(&headings, rows))?;
        if let Some(against) = &self.against {
            for one in &self.regressions {
                writeln!(
                    out,
                    "{} {:.3} → {:.3} against {against}; as much is lost by chance in {:.1} % of cases",
                    one.score,
                    one.before,
                    one.now,
                    one.chance * 100.0
                )?;
            }
        }
        let mut missed: Vec<&ScoredQuery> = self
            .queries
            .iter()
            .filter(|query| query.recall_at_5 < 1.0)
            .collect();
        missed.sort_by(|a, b| a.ndcg_at_10.total_cmp(&b.ndcg_at_10));
        for query in missed.iter().take(SHOWN) {
            writeln!(out, "missed: {}", query.query)?;
            writeln!(out, "  expected {}", query.expected.join(", "))?;
            let found: Vec<&str> = query.found.iter().take(3).map(String::as_str).collect();
            writeln!(out, "  found    {}", found.join(", "))?;
        }
        if missed.len() > SHOWN {
            writeln!(out, "… and {} more; --json lists all", missed.len() - SHOWN)?;
        }
        Ok(())
    }

    fn name(&self) -> Option<String> {
        Some(self.version.to_string())
    }
}
