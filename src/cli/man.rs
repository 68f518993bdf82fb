//! `ragctl man`

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use clap_mangen::Man;
use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use crate::durable::Context as _;
use crate::ui::Answer;

/// Print the man page, or write one for every command
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  ragctl man --out /usr/local/share/man/man1")]
pub(super) struct ManArgs {
    /// Write the pages of all commands into this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Serialize)]
struct Wrote {
    directory: PathBuf,
    pages: Vec<String>,
}

/// The exit codes, which the main page lists.
const EXIT_CODES: &[(&str, &str)] = &[
    ("0", "done, or nothing to do"),
    ("1", "failed for a reason not listed"),
    ("2", "usage or configuration"),
    ("3", "more documents failed than --max-failed allows"),
    ("10", "not found: store, version, snapshot"),
    ("11", "locked by another process"),
    ("12", "integrity: missing, extra or changed bytes"),
    (
        "13",
        "conflict: name taken by other content, or the channel is not where it was expected",
    ),
    ("14", "incompatible: embedding space or format"),
    ("15", "a gate failed"),
    ("16", "model or device not available"),
    ("17", "filesystem unsuitable, or no space"),
    ("130, 143", "interrupted, terminated; the state is clean"),
];

/// Returns the man pages with their file names.
pub fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = super::command();
    command.build();
    let mut pages = Vec::new();
    add_pages(&command, "ragctl", &mut pages)?;
    if let Some((_, text)) = pages.first_mut() {
        writeln!(text, ".SH \"EXIT STATUS\"")?;
        for (code, meaning) in EXIT_CODES {
            writeln!(text, ".TP\n{code}\n{meaning}")?;
        }
    }
    Ok(pages)
}

fn add_pages(
    command: &clap::Command,
    name: &str,
    pages: &mut Vec<(String, Vec<u8>)>,
) -> io::Result<()> {
    let mut text = Vec::new();
    // The date is left out, so that the page changes only when the command does.
    Man::new(command.clone().name(name.to_owned()))
        .date("")
        .render(&mut text)?;
    pages.push((format!("{name}.1"), text));
    for inner in command.get_subcommands() {
        add_pages(inner, &format!("{name}-{}", inner.get_name()), pages)?;
    }
    Ok(())
}

impl ManArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let pages = pages().context("man page")?;
        let Some(dir) = &self.out else {
            let text = pages
                .into_iter()
                .next()
                .map(|(_, text)| text)
                .unwrap_or_default();
            return Ok(context.ui.document(&text)?);
        };
        let dir = context.working_dir.join(dir);
        fs::create_dir_all(&dir).context(&dir)?;
        for (name, text) in &pages {
            let path = dir.join(name);
            fs::write(&path, text).context(&path)?;
        }
        Ok(context.ui.answer(&Wrote {
            directory: dir,
            pages: pages.into_iter().map(|(name, _)| name).collect(),
        })?)
    }
}

impl Answer for Wrote {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "wrote {} pages to {}",
            self.pages.len(),
            self.directory.display()
        )
    }
}
