//! `ragctl rollback`

use clap::Args;

use super::context::Context;
use super::error::CliError;
use super::publish::{Answered, ReleaseOptions};
use super::remote::{KeyOptions, RemoteRollback, TrustOptions, TuningOptions, roll_back_remote};
use crate::publish::{self, Why};
use crate::store::{Operation, Store, VersionName};
use crate::verify::{self, Thoroughness};

/// Make the previous release the live one again
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl rollback --reason 'answers got worse'\n\nIt needs neither model nor network. Its bytes are read back before the flip, unless --fast.\nWith --remote it moves a remote's channel, which those who follow it go back with. A rollback\nhere holds against a follower until the remote's channel moves."
)]
pub(super) struct RollbackArgs {
    /// Go to this version instead of the previous release
    #[arg(long, value_name = "VERSION", conflicts_with = "steps")]
    to: Option<VersionName>,
    /// Go back this many releases
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    steps: u16,
    /// Check names and sizes only, not every byte
    #[arg(long)]
    fast: bool,
    #[command(flatten)]
    options: ReleaseOptions,
    /// Roll back this remote's channel instead: a name of ragctl.toml, a URL or a directory
    #[arg(long, value_name = "REMOTE", conflicts_with_all = ["fast", "min_interval", "pre_hook", "post_hook"], help_heading = "At a remote")]
    remote: Option<String>,
    #[command(flatten, next_help_heading = "At a remote")]
    elsewhere: ElsewhereOptions,
}

/// What only a rollback at a remote knows.
#[derive(Debug, Args)]
struct ElsewhereOptions {
    /// Sign the release
    #[arg(long, requires = "remote")]
    sign: bool,
    /// Move a channel whose releases are signed without signing this one
    #[arg(long, requires = "remote", conflicts_with = "sign")]
    unsigned: bool,
    #[command(flatten)]
    key: KeyOptions,
    #[command(flatten)]
    tuning: TuningOptions,
    /// Move the channel even where the remote keeps no conditions
    #[arg(long, requires = "remote")]
    allow_unsafe_remote: bool,
}

impl RollbackArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let options = &self.options;
        let loaded = context.settings(Vec::new())?;
        if let Some(remote) = &self.remote {
            let asked = RemoteRollback {
                remote,
                tuning: &self.elsewhere.tuning,
                channel: &options.channel,
                to: self.to.as_ref(),
                steps: usize::from(self.steps),
                expectation: options.expect_current.as_ref(),
                reason: options.reason.clone(),
                sign: self.elsewhere.sign,
                unsigned: self.elsewhere.unsigned,
                key: &self.elsewhere.key,
                regardless: self.elsewhere.allow_unsafe_remote,
                dry_run: options.dry_run,
            };
            return roll_back_remote(context, &loaded, &asked);
        }
        if self.elsewhere.key.is_given() || self.elsewhere.tuning.is_given() {
            return Err(CliError::usage(
                "--key, --expires and --timeout are for a rollback at a remote",
                "Say which with --remote, or leave them out.",
            ));
        }
        let store = context.store(&loaded)?;
        let rules = options.rules(&loaded)?;
        let trust = TrustOptions::default().trust(context, &loaded)?;
        let channel = &options.channel;
        let without_release = |live, target, dry_run| {
            Answered::without_release(Operation::Rollback, channel, live, target, dry_run)
        };
        rules.conditions.check(&store)?;
        if options.dry_run {
            let target = self.target(&store)?;
            let held = store.hold(Some(&target))?;
            store.check_not_withdrawn(&target)?;
            trust.check_earlier(&store, &held)?;
            let answer = without_release(store.live_on(channel)?, target, true);
            return Ok(context.ui.answer(&answer)?);
        }
        // The target is chosen under the lock: another release may just have moved the channel.
        let locked = store.lock(options.lock.lock_timeout, "rollback", context.ui)?;
        context.tell_recovered(locked.recovered());
        rules.conditions.check(&locked)?;
        let target = self.target(&locked)?;
        let live = locked.live_on(channel)?;
        if live.as_ref() == Some(&target) {
            return Ok(context.ui.answer(&without_release(live, target, false))?);
        }
        let held = locked.hold(Some(&target))?;
        locked.check_not_withdrawn(&target)?;
        trust.check_earlier(&locked, &held)?;
        rules.before(context, &locked, &held)?;
        let thoroughness = if self.fast {
            Thoroughness::Structure
        } else {
            Thoroughness::Bytes
        };
        let verified = verify::prove_for_rollback(&locked, &held, thoroughness, context.ui)?;
        let why = Why {
            reason: options.reason.clone(),
            waived: Vec::new(),
        };
        let release = publish::publish(&locked, verified, channel, Operation::Rollback, why)?;
        drop(locked);
        rules.after(context, &store, &release, &options.lock)?;
        Ok(context.ui.answer(&Answered::of(release))?)
    }

    fn target(&self, store: &Store) -> Result<VersionName, CliError> {
        match &self.to {
            Some(name) => Ok(name.clone()),
            None => {
                let steps = usize::from(self.steps);
                Ok(publish::rollback_target(
                    store,
                    &self.options.channel,
                    steps,
                )?)
            }
        }
    }
}
