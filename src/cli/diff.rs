//! `ragctl diff`

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use indicatif::BinaryBytes;
use serde::Serialize;

use super::context::{Context, ModelOptions};
use super::error::CliError;
use super::gates::{ask_golden, golden_mode};
use crate::config::Loaded;
use crate::diff::{self, Asked, Change, Changes, Condition, Diff, Outcome};
use crate::golden::{self, Query};
use crate::store::{Held, Store, VersionName};
use crate::ui::{Answer, table};

/// Tell how two versions differ, in documents, chunks, vectors and answers
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl diff v1.3.0 v1.4.0\n  ragctl diff v1.4.0 --fail-on 'churn>0.3,shrink>10%,moved>0' --markdown\n\nFigures of --fail-on: churn (mean part of golden queries' top 10 that changed, 0 to 1), shrink (part\nof chunks or tokens that went), moved (texts whose vectors moved though the model did not), added,\nremoved, changed (chunks; with % of the chunks before). Past one it is exit 15."
)]
pub(super) struct DiffArgs {
    /// The version that is left, or, alone, the one that is compared with the live one
    #[arg(value_name = "FROM")]
    first: VersionName,
    /// The version that is gone to
    #[arg(value_name = "TO")]
    second: Option<VersionName>,
    /// Differences that are too much
    #[arg(long, value_name = "CONDITIONS", value_delimiter = ',')]
    fail_on: Vec<Condition>,
    /// The golden queries; by default those that TO carries, or FROM
    #[arg(long, value_name = "FILE")]
    golden: Option<PathBuf>,
    /// Write Markdown, for the comment of a pull request
    #[arg(long, conflicts_with_all = ["json", "output"])]
    markdown: bool,
    #[command(flatten)]
    model: ModelOptions,
}

#[derive(Serialize)]
struct Answered {
    #[serde(flatten)]
    diff: Diff,
    conditions: Vec<Outcome>,
}

/// The golden queries of a comparison: from a file, or what one of the versions carries.
pub(super) fn golden_queries(
    context: &Context<'_>,
    file: Option<&PathBuf>,
    versions: [&Held; 2],
) -> Result<Option<Vec<Query>>, CliError> {
    if let Some(file) = file {
        return Ok(Some(golden::read(&context.working_dir.join(file))?));
    }
    for held in versions {
        if let Some(queries) = golden::of_version(&held.dir)? {
            return Ok(Some(queries));
        }
    }
    Ok(None)
}

/// What two versions are compared with.
pub(super) struct Comparison<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) loaded: &'a Loaded,
    pub(super) store: &'a Store,
    pub(super) queries: Option<&'a [Query]>,
}

impl Comparison<'_> {
    /// Asks a version the golden queries, where there are any.
    pub(super) fn ask(&self, held: &Held) -> Result<Option<Vec<golden::Answered>>, CliError> {
        let Some(queries) = self.queries else {
            return Ok(None);
        };
        let mode = golden_mode(self.loaded)?;
        let answers = ask_golden(self.context, self.loaded, self.store, held, queries, mode)?;
        Ok(Some(answers))
    }

    /// Compares two versions, by these answers too.
    pub(super) fn diff(
        &self,
        [from, to]: [&Held; 2],
        before: Option<&[golden::Answered]>,
        now: Option<&[golden::Answered]>,
    ) -> Result<Diff, CliError> {
        let asked = match (self.queries, before, now) {
            (Some(queries), Some(before), Some(now)) => Some(Asked {
                queries,
                before,
                now,
            }),
            _ => None,
        };
        Ok(diff::diff(from, to, asked.as_ref(), self.context.ui)?)
    }
}

impl DiffArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let loaded = context.settings(self.model.overrides())?;
        let store = context.store(&loaded)?;
        let (from, to) = match &self.second {
            Some(second) => (store.hold(Some(&self.first))?, store.hold(Some(second))?),
            None => (store.hold(None)?, store.hold(Some(&self.first))?),
        };
        let queries = golden_queries(context, self.golden.as_ref(), [&to, &from])?;
        let comparison = Comparison {
            context,
            loaded: &loaded,
            store: &store,
            queries: queries.as_deref(),
        };
        let (before, now) = (comparison.ask(&from)?, comparison.ask(&to)?);
        let diff = comparison.diff([&from, &to], before.as_deref(), now.as_deref())?;
        let conditions = self.fail_on.iter().map(|condition| condition.judge(&diff));
        let answered = Answered {
            conditions: conditions.collect(),
            diff,
        };
        if self.markdown {
            context.ui.document(answered.markdown().as_bytes())?;
        } else {
            context.ui.answer(&answered)?;
        }
        let met = answered.conditions.iter().filter(|outcome| outcome.met);
        let met: Vec<String> = met
            .map(|outcome| format!("{} is {}", outcome.condition, outcome.found))
            .collect();
        if met.is_empty() {
            return Ok(());
        }
        Err(CliError::gate(
            format!("the difference is too much: {}", met.join(", ")),
            "Look at what changed; if it is meant, allow more with --fail-on.",
        ))
    }
}

/// Documents and queries that people are shown.
const SHOWN: usize = 20;

impl Answered {
    fn counted(&self) -> [(&'static str, Changes); 2] {
        [
            ("documents", self.diff.documents),
            ("chunks", self.diff.chunks),
        ]
    }

    /// What is said in one line each.
    fn remarks(&self) -> Vec<String> {
        let diff = &self.diff;
        let mut remarks = Vec::new();
        for setting in &diff.settings {
            remarks.push(format!(
                "{}: {} → {}",
                setting.name, setting.before, setting.now
            ));
        }
        remarks.push(format!(
            "tokens {} → {}, on disk {} → {}",
            diff.tokens.before,
            diff.tokens.now,
            BinaryBytes(diff.bytes.before),
            BinaryBytes(diff.bytes.now)
        ));
        match &diff.moved_vectors {
            None => remarks.push("the embedding space changed: all vectors are others".into()),
            Some(found) if found.moved == 0 => remarks.push(format!(
                "no vector of an unchanged text moved ({} compared, lowest cosine {:.6})",
                found.compared, found.lowest_cosine
            )),
            Some(found) => remarks.push(format!(
                "{} of {} unchanged texts have MOVED vectors, lowest cosine {:.6}: the model drifted unseen",
                found.moved, found.compared, found.lowest_cosine
            )),
        }
        match &diff.churn {
            None => remarks.push("no golden queries, so answers were not compared".into()),
            Some(churn) => remarks.push(format!(
                "churn of {} golden queries' top {}: {:.3}",
                churn.asked, churn.k, churn.mean
            )),
        }
        remarks
    }

    fn markdown(&self) -> String {
        let diff = &self.diff;
        let mut text = format!("### {} → {}\n\n", diff.from, diff.to);
        text.push_str("| | before | now | added | removed | changed | moved |\n");
        text.push_str("|---|---:|---:|---:|---:|---:|---:|\n");
        for (what, c) in self.counted() {
            // Writing to a string does not fail.
            writeln!(
                text,
                "| {what} | {} | {} | {} | {} | {} | {} |",
                c.before, c.now, c.added, c.removed, c.changed, c.moved
            )
            .ok();
        }
        text.push('\n');
        for remark in self.remarks() {
            writeln!(text, "- {}", plain(&remark)).ok();
        }
        for outcome in &self.conditions {
            let verdict = if outcome.met { "❌" } else { "✅" };
            writeln!(
                text,
                "- {verdict} `{}`: {}",
                outcome.condition, outcome.found
            )
            .ok();
        }
        let documents = &diff.changed_documents;
        if !documents.is_empty() {
            text.push_str("\n<details><summary>Documents</summary>\n\n");
            for document in documents.iter().take(SHOWN * 5) {
                writeln!(text, "- {}: {}", word(document.change), plain(&document.id)).ok();
            }
            text.push_str("\n</details>\n");
        }
        if let Some(churn) = diff
            .churn
            .as_ref()
            .filter(|churn| !churn.queries.is_empty())
        {
            text.push_str("\n<details><summary>Answers that changed most</summary>\n\n");
            text.push_str("| query | churn | gone | came |\n|---|---:|---|---|\n");
            for query in churn.queries.iter().take(SHOWN) {
                writeln!(
                    text,
                    "| {} | {:.2} | {} | {} |",
                    plain(&query.query),
                    query.churn,
                    plain(&query.gone.join(", ")),
                    plain(&query.came.join(", "))
                )
                .ok();
            }
            text.push_str("\n</details>\n");
        }
        text
    }
}

/// Escapes what Markdown, or a terminal, would take for more than text.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for letter in crate::ui::escape_line(text).chars() {
        if "\\`*_[]<>|#@!".contains(letter) {
            plain.push('\\');
        }
        plain.push(letter);
    }
    plain
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Changed => "changed",
        Change::Moved => "moved",
    }
}

impl Answer for Answered {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let diff = &self.diff;
        writeln!(out, "{} → {}", diff.from, diff.to)?;
        let rows = self.counted().map(|(what, c)| {
            let counts = [c.before, c.now, c.added, c.removed, c.changed, c.moved];
            let counts = counts.iter().map(ToString::to_string);
            std::iter::once(what.to_owned()).chain(counts).collect()
        });
        let headings = [
            "WHAT", "BEFORE", "NOW", "ADDED", "REMOVED", "CHANGED", "MOVED",
        ];
        write!(out, "{}", table(&headings, rows))?;
        for remark in self.remarks() {
            writeln!(out, "{remark}")?;
        }
        for document in diff.changed_documents.iter().take(SHOWN) {
            writeln!(out, "  {:<8} {}", word(document.change), document.id)?;
        }
        if diff.changed_documents.len() > SHOWN {
            let more = diff.changed_documents.len() - SHOWN;
            writeln!(out, "  … and {more} more; --json lists them")?;
        }
        let churned = diff.churn.iter().flat_map(|churn| &churn.queries);
        for query in churned.take(SHOWN / 4) {
            writeln!(
                out,
                "answered otherwise ({:.2}): {}",
                query.churn, query.query
            )?;
            for gone in query.gone.iter().take(3) {
                writeln!(out, "  - {gone}")?;
            }
            for came in query.came.iter().take(3) {
                writeln!(out, "  + {came}")?;
            }
        }
        for outcome in &self.conditions {
            let verdict = if outcome.met { "FAILED" } else { "ok" };
            writeln!(out, "{verdict}: {} is {}", outcome.condition, outcome.found)?;
        }
        Ok(())
    }

    fn name(&self) -> Option<String> {
        Some(self.diff.to.to_string())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn markdown_takes_names_for_text() {
        let hostile = "a|b\n## [x](http://e) <b> @all";
        let plain = super::plain(hostile);
        assert!(!plain.contains('\n') && plain.contains("\\|") && plain.contains("\\[x\\]"));
        assert!(plain.contains("\\<b\\>") && plain.contains("\\@all"));
    }
}
