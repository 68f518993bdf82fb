//! `ragctl cache`

use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use super::remote::RemoteOptions;
use crate::remote::{self, CacheMoved};
use crate::ui::Answer;

/// Carry cached embeddings to and from a remote, so that a fresh machine embeds only what changed
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example, in CI:\n  ragctl cache pull; ragctl build; ragctl cache push\n\nSegments are named by the hash of their bytes and keyed by model and numerics: what was embedded\nelsewhere is what would have been embedded here."
)]
pub(super) struct CacheArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Send what the remote lacks
    Push(MoveArgs),
    /// Fetch what this store lacks
    Pull(MoveArgs),
}

#[derive(Debug, Args)]
struct MoveArgs {
    #[command(flatten)]
    remote: RemoteOptions,
    /// Say what would be moved, and move nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Answered {
    dry_run: bool,
    changed: bool,
    remote: String,
    sent: bool,
    #[serde(flatten)]
    moved: CacheMoved,
}

impl CacheArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let loaded = context.settings(Vec::new())?;
        let store = context.store(&loaded)?;
        let (args, sent) = match &self.action {
            Action::Push(args) => (args, true),
            Action::Pull(args) => (args, false),
        };
        let remote = args.remote.open(context, &loaded)?;
        let moved = match sent {
            true => remote::push_cache(&remote, &store, args.dry_run, context.ui)?,
            false => remote::pull_cache(&remote, &store, args.dry_run, context.ui)?,
        };
        Ok(context.ui.answer(&Answered {
            dry_run: args.dry_run,
            changed: moved.segments > 0,
            remote: remote.address().to_owned(),
            sent,
            moved,
        })?)
    }
}

impl Answer for Answered {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let verb = match (self.dry_run, self.sent) {
            (true, true) => "would send",
            (true, false) => "would fetch",
            (false, true) => "sent",
            (false, false) => "fetched",
        };
        let CacheMoved {
            segments,
            bytes,
            known,
        } = self.moved;
        let size = indicatif::BinaryBytes(bytes);
        let way = if self.sent { "to" } else { "from" };
        writeln!(
            out,
            "{verb} {segments} segments ({size}) {way} {}; {known} were there",
            self.remote
        )
    }
}
