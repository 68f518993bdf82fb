//! `ragctl resolve`

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use serde::Serialize;

use super::child;
use super::context::Context;
use super::error::CliError;
use crate::digest::Digest;
use crate::store::{Channel, Held, VersionName};
use crate::ui::Answer;

const EXAMPLE: &str = "Such as: ragctl resolve --lease -- ls {}";
/// What stands for the path in the words of a command.
const PLACE: &[u8] = b"{}";

/// Print the real path of the live version, or run a command that holds it
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl resolve\n  ragctl resolve --lease -- sh -c 'wc -l \"$RAGCTL_VERSION_DIR/sources.jsonl\"'\n  ragctl resolve v1.4.0 --lease -- ls {}\n\nNothing deletes a version while a command runs under its lease. `{}` in the command's words stands for the path; RAGCTL_VERSION and RAGCTL_VERSION_DIR are in its environment. Its exit code becomes this one's."
)]
pub(super) struct ResolveArgs {
    /// The version; the live one by default
    version: Option<VersionName>,
    /// The channel whose version is meant
    #[arg(
        long,
        value_name = "CHANNEL",
        default_value_t,
        conflicts_with = "version"
    )]
    channel: Channel,
    /// Run a command, and hold the version until it and what it started have ended
    #[arg(long)]
    lease: bool,
    /// The command and its words
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Serialize)]
struct Resolved {
    version: VersionName,
    path: PathBuf,
    manifest_sha256: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
}

impl ResolveArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let command = match (self.lease, self.command.split_first()) {
            (true, Some(command)) => Some(command),
            (false, None) => None,
            (true, None) => return Err(CliError::usage("--lease needs a command to run", EXAMPLE)),
            (false, Some(_)) => {
                return Err(CliError::usage(
                    "a command is run under --lease only",
                    EXAMPLE,
                ));
            }
        };
        let store = context.only_store()?;
        let held = match &self.version {
            Some(version) => store.hold(Some(version))?,
            None => store.hold_channel(&self.channel)?,
        };
        if let Some((program, words)) = command {
            return run_under(&held, program, words, context);
        }
        let twin = match self.version {
            Some(_) => None,
            None => store.twin_on(&self.channel).ok().flatten(),
        };
        Ok(context.ui.answer(&Resolved {
            generation: twin
                .filter(|twin| twin.version == held.name)
                .map(|twin| twin.generation),
            version: held.name,
            path: held.dir,
            manifest_sha256: held.manifest_sha256,
        })?)
    }
}

/// Runs a command under a version's lease: this process becomes the command, so that nobody is left who could be killed
/// without it.
fn run_under(
    held: &Held,
    program: &OsStr,
    words: &[OsString],
    context: &Context<'_>,
) -> Result<(), CliError> {
    let program = filled(program, &held.dir);
    let mut command = Command::new(&program);
    command
        .args(words.iter().map(|word| filled(word, &held.dir)))
        .current_dir(&context.working_dir)
        .env("RAGCTL_VERSION", held.name.to_string())
        .env("RAGCTL_VERSION_DIR", &held.dir);
    let not_run = |e: io::Error| {
        CliError::usage(
            format!("{} cannot be run: {e}", program.display()),
            "Name a program on PATH, or by its path; a line of shell is run by `sh -c LINE`.",
        )
    };
    if held.keep_on_exec()? {
        return Err(not_run(command.exec()));
    }
    context.ui.signals().listen().map_err(not_run)?;
    let child = command.spawn().map_err(not_run)?;
    let ended = child::wait(child, context.ui.signals()).map_err(not_run)?;
    match ended.code() {
        0 => Ok(()),
        code => Err(CliError::step(&program.to_string_lossy(), code)),
    }
}

/// Puts a path in every place that a word has for it.
fn filled(word: &OsStr, path: &Path) -> OsString {
    let mut rest = word.as_bytes();
    let mut filled = Vec::new();
    while let Some(at) = rest.windows(PLACE.len()).position(|here| here == PLACE) {
        let (before, after) = rest.split_at(at);
        filled.extend_from_slice(before);
        filled.extend_from_slice(path.as_os_str().as_bytes());
        rest = after.strip_prefix(PLACE).unwrap_or_default();
    }
    filled.extend_from_slice(rest);
    OsString::from_vec(filled)
}

impl Answer for Resolved {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.path.display())
    }

    fn name(&self) -> Option<String> {
        Some(self.version.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_in_a_word_gets_the_path_and_braces_of_the_path_stay() {
        let fill = |word: &str| filled(OsStr::new(word), Path::new("/a{}b"));
        assert_eq!(fill("{}"), "/a{}b");
        assert_eq!(fill("--dir={}/x:{}"), "--dir=/a{}b/x:/a{}b");
        assert_eq!(fill("{ } {"), "{ } {");
    }
}
