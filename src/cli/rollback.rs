//! `ragctl rollback`

use clap::Args;

use super::context::Context;
use super::error::CliError;
use super::publish::{Answered, ReleaseOptions};
use crate::publish::{self, Why};
use crate::store::{Operation, Store, VersionName};
use crate::verify::{self, Thoroughness};

/// Make the previous release the live one again
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl rollback --reason 'answers got worse'\n\nIt needs neither model nor network. Its bytes are read back before the flip, unless --fast."
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
}

impl RollbackArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let options = &self.options;
        let loaded = context.settings(Vec::new())?;
        let store = context.store(&loaded)?;
        let rules = options.rules(&loaded)?;
        let channel = &options.channel;
        let without_release = |live, target, dry_run| {
            Answered::without_release(Operation::Rollback, channel, live, target, dry_run)
        };
        rules.conditions.check(&store)?;
        if options.dry_run {
            let target = self.target(&store)?;
            store.hold(Some(&target))?;
            store.check_not_withdrawn(&target)?;
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
