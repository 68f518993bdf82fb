//! Programs that run before and after a release: `--pre-hook` can stop it, `--post-hook` hears of it.

use std::process::{Command, Stdio};

use super::child;
use super::context::Context;
use super::error::CliError;
use crate::digest::Digest;
use crate::durable::Context as _;
use crate::store::{Channel, Store, VersionName};

/// What a hook is told, by environment variables that begin with `RAGCTL_`.
pub(super) struct Occasion<'a> {
    pub(super) store: &'a Store,
    pub(super) channel: &'a Channel,
    pub(super) from: Option<&'a VersionName>,
    pub(super) to: &'a VersionName,
    pub(super) digest: Digest,
}

/// Runs a hook by the shell and waits for it. What it prints goes to stderr: stdout is the answer's. Says how it ended,
/// where it did not end well.
pub(super) fn run(
    context: &Context<'_>,
    command: &str,
    occasion: &Occasion<'_>,
) -> Result<Option<String>, CliError> {
    let child = shell(context, command, occasion)
        .stdin(Stdio::null())
        .stdout(context.ui.stderr_for_children())
        .spawn()
        .context("sh")?;
    let ended = child::wait(child, context.ui.signals()).context("sh")?;
    Ok((!ended.well()).then(|| ended.to_string()))
}

/// A line of shell with the occasion in its environment, ready to be started.
pub(super) fn shell(context: &Context<'_>, line: &str, occasion: &Occasion<'_>) -> Command {
    let from = occasion.from.map(ToString::to_string).unwrap_or_default();
    let mut command = Command::new("sh");
    command
        .args(["-c", line])
        .current_dir(&context.working_dir)
        .env("RAGCTL_STORE", occasion.store.root())
        .env("RAGCTL_CHANNEL", occasion.channel.to_string())
        .env("RAGCTL_FROM", from)
        .env("RAGCTL_TO", occasion.to.to_string())
        .env("RAGCTL_DIGEST", occasion.digest.to_string())
        .env(
            "RAGCTL_VERSION_DIR",
            occasion.store.version_dir(occasion.to),
        );
    command
}
