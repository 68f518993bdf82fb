//! `ragctl publish`

use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::context::{Context, LockOptions};
use super::error::CliError;
use super::verify::{embedder_for, required_level};
use crate::config::{Loaded, Override};
use crate::publish::{self, Expectation};
use crate::store::{CHANNEL, Operation, Release, Store, VersionName};
use crate::ui::Answer;
use crate::verify::{self, Level};

/// Make a version the live one, by one atomic flip
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl publish v1.4.0 --reason 'weekly docs'\n\nThe version must have passed verification at the level of [publish] require; if no report says so,\nit is verified now. Its bytes are read back in any case. Exit 0 means durable."
)]
pub(super) struct PublishArgs {
    /// The version
    version: VersionName,
    /// The verification level that it must pass
    #[arg(long, value_name = "LEVEL")]
    require: Option<Level>,
    #[command(flatten)]
    options: ReleaseOptions,
}

/// What `publish` and `rollback` share.
#[derive(Debug, Clone, Args)]
pub(super) struct ReleaseOptions {
    /// Go ahead only if this version is live; `none` for nothing yet
    #[arg(long, value_name = "VERSION|none")]
    expect_current: Option<Expectation>,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    #[command(flatten)]
    pub(super) lock: LockOptions,
    /// Say what would happen, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

impl ReleaseOptions {
    /// The options of a release that is part of a run.
    pub(super) fn of_run(reason: Option<String>, lock_timeout: Duration) -> Self {
        Self {
            expect_current: None,
            reason,
            lock: LockOptions { lock_timeout },
            dry_run: false,
        }
    }

    pub(super) fn expectation(&self) -> Expectation {
        self.expect_current.clone().unwrap_or(Expectation::Anything)
    }
}

/// What was released, or would be.
#[derive(Serialize)]
pub(super) struct Answered {
    pub(super) dry_run: bool,
    pub(super) changed: bool,
    pub(super) operation: Operation,
    pub(super) channel: &'static str,
    pub(super) from: Option<VersionName>,
    pub(super) version: VersionName,
    pub(super) release: Option<Release>,
}

impl Answered {
    /// A release that did not happen: it would, or there was nothing to do.
    pub(super) fn without_release(
        operation: Operation,
        from: Option<VersionName>,
        version: VersionName,
        dry_run: bool,
    ) -> Self {
        let changed = from.as_ref() != Some(&version);
        Self {
            dry_run,
            changed,
            operation,
            channel: CHANNEL,
            from,
            version,
            release: None,
        }
    }

    /// A release that happened.
    pub(super) fn of(release: Release) -> Self {
        Self {
            dry_run: false,
            changed: true,
            operation: release.operation,
            channel: CHANNEL,
            from: release.from.clone(),
            version: release.to.clone(),
            release: Some(release),
        }
    }
}

/// Publishes a version: gates first, without the lock; then bytes and flip in one breath, under it.
pub(super) fn publish_now(
    context: &Context<'_>,
    loaded: &Loaded,
    store: &Store,
    version: &VersionName,
    options: &ReleaseOptions,
) -> Result<Answered, CliError> {
    publish::check_expectation(store, &options.expectation())?;
    let held = store.hold(Some(version))?;
    let live = store.live()?;
    if live.as_ref() == Some(version) && !options.dry_run && !matches!(store.unfinished(), Ok(None))
    {
        // The flip happened, but whoever did it died before it was durable: taking the lock finishes that release.
        let locked = store.lock(options.lock.lock_timeout, "publish", context.ui)?;
        context.tell_recovered(locked.recovered());
    }
    if live.as_ref() == Some(version) || options.dry_run {
        return Ok(Answered::without_release(
            Operation::Publish,
            live,
            version.clone(),
            options.dry_run,
        ));
    }
    let level = required_level(loaded)?;
    let embedder = embedder_for(context, loaded, store, &held);
    let passed = verify::gate(store, &held, level, embedder, context.ui)?;

    let locked = store.lock(options.lock.lock_timeout, "publish", context.ui)?;
    context.tell_recovered(locked.recovered());
    publish::check_expectation(&locked, &options.expectation())?;
    // Somebody else may have published it while the gates ran.
    let live = locked.live()?;
    if live.as_ref() == Some(version) {
        return Ok(Answered::without_release(
            Operation::Publish,
            live,
            version.clone(),
            false,
        ));
    }
    let verified = verify::prove(&locked, &held, passed, context.ui)?;
    let release = publish::publish(
        &locked,
        verified,
        Operation::Publish,
        options.reason.clone(),
    )?;
    Ok(Answered::of(release))
}

impl PublishArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let require = self.require.map(|level| Override {
            key: "publish.require",
            flag: "require",
            value: level.to_string(),
        });
        let loaded = context.settings(require.into_iter().collect())?;
        let store = context.store(&loaded)?;
        let answer = publish_now(context, &loaded, &store, &self.version, &self.options)?;
        Ok(context.ui.answer(&answer)?)
    }
}

impl Answer for Answered {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self {
            channel, version, ..
        } = self;
        let from = self
            .from
            .as_ref()
            .map_or("nothing".into(), ToString::to_string);
        let verb = match self.operation {
            Operation::Publish => "published",
            Operation::Rollback => "rolled back to",
        };
        match &self.release {
            _ if !self.changed => writeln!(out, "{version} is {channel} already; nothing was done"),
            None => writeln!(out, "would flip {channel} from {from} to {version}"),
            Some(release) => writeln!(
                out,
                "{verb} {version}: {channel} was {from}, generation {}",
                release.generation
            ),
        }
    }

    fn name(&self) -> Option<String> {
        Some(self.version.to_string())
    }
}
