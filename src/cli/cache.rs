//! `ragctl cache`

use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::context::{Context, LockOptions};
use super::error::CliError;
use super::remote::RemoteOptions;
use crate::remote::{self, CacheMoved, Incoming};
use crate::ui::Answer;

/// Carry cached embeddings to and from a remote, so that a fresh machine embeds only what changed
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example, in CI:\n  ragctl cache pull; ragctl build; ragctl cache push\n\nSegments are named by the hash of their bytes and keyed by model and numerics. That these vectors are\ntheir texts' no hash tells: whoever may write a remote's cache decides what a version finds that is\nbuilt from it, so let nobody write it but the machines that build."
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
    #[command(flatten)]
    lock: LockOptions,
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
            false => {
                let open = || Incoming::open(&store, args.lock.lock_timeout, context.ui);
                let incoming = (!args.dry_run).then(open).transpose()?;
                remote::pull_cache(&remote, &store, incoming.as_ref(), context.ui)?
            }
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
            damaged,
        } = self.moved;
        let size = indicatif::BinaryBytes(bytes);
        let way = if self.sent { "to" } else { "from" };
        writeln!(
            out,
            "{verb} {segments} segments ({size}) {way} {}; {known} were there",
            self.remote
        )?;
        match damaged {
            0 => Ok(()),
            damaged => writeln!(out, "{damaged} are damaged, and were left out"),
        }
    }
}
