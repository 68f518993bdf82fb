//! `ragctl doctor`

use std::io::{self, Write};

use clap::Args;

use super::context::Context;
use super::error::CliError;
use super::remote::TuningOptions;
use crate::config::Loaded;
use crate::doctor::{self, Finding, Group, ModelPlace, Report, Setup, Verdict};
use crate::store::{MANIFEST, MANIFEST_SHA256};
use crate::ui::{Answer, escape_line};

/// Columns that a finding may take.
const WIDTH: usize = 100;
/// Where what was seen begins.
const INDENT: usize = 29;

/// Check the store, its filesystem and this machine, and say what to do
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl doctor --json | jq '.findings[] | select(.verdict != \"ok\")'",
    after_long_help = "Takes no lock and changes nothing; what must be tried is tried in a directory of staging/, and at a remote with\n                       objects, that disappear.\n\
                       Exit codes: 0 with warnings only, 12 where the store is damaged, 17 where the filesystem is unsuitable,\n\
                       16 where the model or device cannot be used, 20 where the remote cannot."
)]
pub(super) struct DoctorArgs {
    /// Look at this remote as well: a name of ragctl.toml, a URL or a directory
    #[arg(long, value_name = "REMOTE")]
    remote: Option<String>,
    #[command(flatten)]
    tuning: TuningOptions,
}

impl DoctorArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let loaded = context.settings(Vec::new())?;
        let path = context.store_path(&loaded);
        let store = match context.store(&loaded) {
            Err(_) if path.join(MANIFEST).is_file() && path.join(MANIFEST_SHA256).is_file() => {
                return Err(doctor::Error::IsVersion(path).into());
            }
            other => other?,
        };
        let remote = self.remote.as_deref();
        let remote = remote.map(|named| self.tuning.open(context, &loaded, Some(named)));
        let remote = remote.transpose()?;
        let setup = setup(context, &loaded);
        let report = doctor::examine(&store, &setup, remote.as_ref(), context.ui)?;
        context.ui.answer(&report)?;
        Ok(report.into_result()?)
    }
}

/// What is configured for this machine. Whatever is wrong with it becomes a finding.
fn setup(context: &Context<'_>, loaded: &Loaded) -> Setup {
    let config = &loaded.config.model;
    let in_cache = || -> Result<ModelPlace, CliError> {
        let pins = context.pins(loaded)?;
        let fetcher = context.fetcher(loaded, None)?;
        Ok(ModelPlace::Cache {
            dir: fetcher.dir(&pins),
            cache: fetcher.cache,
            pins,
        })
    };
    let unknown = |e: CliError| ModelPlace::Unknown {
        reason: e.message().to_owned(),
        advice: e
            .hint()
            .unwrap_or("Look at `ragctl config show`.")
            .to_owned(),
    };
    Setup {
        model: match &config.path {
            Some(path) => ModelPlace::Directory(loaded.path("model.path", path)),
            None => in_cache().unwrap_or_else(unknown),
        },
        // The word was checked when the settings were loaded.
        device: config.device.parse().unwrap_or_default(),
    }
}

impl Answer for Report {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "store {} ({})", self.store.display(), self.store_id)?;
        for group in [
            Group::Filesystem,
            Group::Store,
            Group::Machine,
            Group::Remote,
        ] {
            let heading = match group {
                Group::Filesystem => "filesystem",
                Group::Store => "store",
                Group::Machine => "machine",
                Group::Remote if self.findings.iter().any(|f| f.group == group) => "remote",
                Group::Remote => continue,
            };
            writeln!(out, "\n{heading}")?;
            let of_group: Vec<&Finding> = self
                .findings
                .iter()
                .filter(|finding| finding.group == group)
                .collect();
            for alike in of_group.chunk_by(|a, b| are_alike(a, b)) {
                write_findings(out, alike)?;
            }
        }
        let counts = [
            (self.failed, "failed"),
            (
                self.warnings,
                if self.warnings == 1 {
                    "warning"
                } else {
                    "warnings"
                },
            ),
            (self.not_run, "not run"),
            (self.ok, "ok"),
        ];
        let counts: Vec<String> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        writeln!(out, "\n{}", counts.join(", "))
    }
}

/// Things that could not be looked at for one reason share a line.
fn are_alike(a: &Finding, b: &Finding) -> bool {
    let not_run = a.verdict == Verdict::NotRun && b.verdict == Verdict::NotRun;
    not_run && a.seen == b.seen
}

fn write_findings(out: &mut dyn Write, alike: &[&Finding]) -> io::Result<()> {
    let Some(first) = alike.first() else {
        return Ok(());
    };
    let verdict = match first.verdict {
        Verdict::Ok => "ok",
        Verdict::Warning => "warning",
        Verdict::Failed => "FAILED",
        Verdict::NotRun => "not run",
    };
    let spaced = |finding: &&Finding| finding.name.replace('_', " ");
    let (name, seen) = match alike.len() {
        1 => (spaced(first), first.seen.clone()),
        count => {
            let names: Vec<String> = alike.iter().map(spaced).collect();
            let seen = format!("{}: {}", first.seen, names.join(", "));
            (format!("{count} more"), seen)
        }
    };
    for (number, line) in folded(&escape_line(&seen), WIDTH - INDENT)
        .iter()
        .enumerate()
    {
        match number {
            0 => writeln!(out, "  {verdict:<8} {name:<17} {line}")?,
            _ => writeln!(out, "{:INDENT$}{line}", "")?,
        }
    }
    let advice = escape_line(first.advice.as_deref().unwrap_or_default());
    for (number, line) in folded(&advice, WIDTH - INDENT - 3).iter().enumerate() {
        let mark = if number == 0 { "-> " } else { "   " };
        writeln!(out, "{:INDENT$}{mark}{line}", "")?;
    }
    Ok(())
}

/// Breaks a sentence between words into lines of at most `width` characters. A longer word has a line of its own.
fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_broken_between_words() {
        assert_eq!(folded("one two three", 7), ["one two", "three"]);
        assert_eq!(folded("a verylongword b", 4), ["a", "verylongword", "b"]);
        assert!(folded("", 10).is_empty());
    }
}
