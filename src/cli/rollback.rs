//! `ragctl rollback`

use clap::Args;

use super::context::Context;
use super::error::CliError;
use super::publish::{Answered, ReleaseOptions};
use crate::publish;
use crate::store::{Operation, VersionName};
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
        let store = context.only_store()?;
        publish::check_expectation(&store, &options.expectation())?;
        if options.dry_run {
            let target = self.target(&store)?;
            store.hold(Some(&target))?;
            let answer =
                Answered::without_release(Operation::Rollback, store.live()?, target, true);
            return Ok(context.ui.answer(&answer)?);
        }
        // The target is chosen under the lock: another release may just have moved the channel.
        let locked = store.lock(options.lock.lock_timeout, "rollback", context.ui)?;
        context.tell_recovered(locked.recovered());
        publish::check_expectation(&locked, &options.expectation())?;
        let target = self.target(&locked)?;
        let live = locked.live()?;
        let answer = if live.as_ref() == Some(&target) {
            Answered::without_release(Operation::Rollback, live, target, false)
        } else {
            let held = locked.hold(Some(&target))?;
            let thoroughness = if self.fast {
                Thoroughness::Structure
            } else {
                Thoroughness::Bytes
            };
            let verified = verify::prove_for_rollback(&locked, &held, thoroughness, context.ui)?;
            Answered::of(publish::publish(
                &locked,
                verified,
                Operation::Rollback,
                options.reason.clone(),
            )?)
        };
        Ok(context.ui.answer(&answer)?)
    }

    fn target(&self, store: &crate::store::Store) -> Result<VersionName, CliError> {
        match &self.to {
            Some(name) => Ok(name.clone()),
            None => Ok(publish::rollback_target(store, usize::from(self.steps))?),
        }
    }
}
