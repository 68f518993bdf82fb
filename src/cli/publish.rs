//! `ragctl publish`

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::adoption::AdoptionOptions;
use super::context::{Context, LockOptions, duration};
use super::error::CliError;
use super::gates::{GateOptions, WaiveOptions, embedder_for, gates, hold_live};
use super::hooks::{self, Occasion};
use super::remote::TrustOptions;
use super::verify::required_level;
use crate::config::{Loaded, Override};
use crate::publish::{self, Conditions, Expectation, ParseShrinkError, Shrink, Why};
use crate::signature::Trust;
use crate::store::{Channel, Held, LockedStore, Operation, Release, Store, VersionName};
use crate::ui::Answer;
use crate::verify::{self, Level, Request, WAIVABLE};

/// Make a version the live one, by one atomic flip
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl publish v1.4.0 --reason 'weekly docs'\n\nThe version must have passed verification at the level of [publish] require; if no report says so,\nit is verified now. Its bytes are read back in any case. Exit 0 means durable.\n\nHooks are run by `sh -c` with RAGCTL_STORE, RAGCTL_CHANNEL, RAGCTL_FROM (empty for a first release),\nRAGCTL_TO, RAGCTL_DIGEST (the manifest's sha256) and RAGCTL_VERSION_DIR. A pre-hook that fails is\nexit 15 and nothing changes; it runs under the store lock. A post-hook that fails is told and kept\nin the history."
)]
pub(super) struct PublishArgs {
    /// The version
    version: VersionName,
    /// The verification level that it must pass
    #[arg(long, value_name = "LEVEL")]
    require: Option<Level>,
    /// How much smaller than the live version it may be, in documents or tokens
    #[arg(long, value_name = "N%")]
    max_shrink: Option<Shrink>,
    #[command(flatten)]
    options: ReleaseOptions,
    #[command(flatten)]
    waive: WaiveOptions,
    #[command(flatten)]
    gates: GateOptions,
    #[command(flatten)]
    adoption: AdoptionOptions,
    #[command(flatten)]
    trust: TrustOptions,
}

/// What `publish` and `rollback` share.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct ReleaseOptions {
    /// The channel: `current`, or another such as canary
    #[arg(long, value_name = "NAME", default_value_t)]
    pub(super) channel: Channel,
    /// Go ahead only if this version is live on the channel; `none` for nothing yet
    #[arg(long, value_name = "VERSION|none")]
    pub(super) expect_current: Option<Expectation>,
    /// Go ahead only if the channel's last release is this old
    #[arg(long, value_name = "TIME", value_parser = duration)]
    min_interval: Option<Duration>,
    /// A shell command that runs before the flip and can stop it
    #[arg(long, value_name = "CMD")]
    pre_hook: Option<String>,
    /// A shell command that runs after the release
    #[arg(long, value_name = "CMD")]
    post_hook: Option<String>,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    #[command(flatten)]
    pub(super) lock: LockOptions,
    /// Say what would happen, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// The gates that it may fail.
    #[arg(skip)]
    waived: BTreeSet<String>,
}

/// What the options and the configuration ask of a release.
pub(super) struct Rules {
    pub(super) conditions: Conditions,
    pre_hook: Option<String>,
    post_hook: Option<String>,
}

impl ReleaseOptions {
    /// The options of a release that is part of another command.
    pub(super) fn of(channel: Channel, reason: Option<String>, lock: LockOptions) -> Self {
        Self {
            channel,
            reason,
            lock,
            ..Self::default()
        }
    }

    /// Checks that a version does not lose too much of what is live. Says whether it does and may.
    fn check_size(
        &self,
        loaded: &Loaded,
        store: &Store,
        version: &VersionName,
    ) -> Result<bool, CliError> {
        let allowed = max_shrink(loaded)?;
        match publish::check_size(store, &self.channel, version, allowed) {
            Err(publish::Error::Shrank(_)) if self.waived.contains("shrink") => Ok(true),
            checked => Ok(checked.map(|()| false)?),
        }
    }

    /// The same release, which may fail these gates.
    pub(super) fn waiving(self, waived: BTreeSet<String>) -> Self {
        Self { waived, ..self }
    }

    /// A release that no hook stops, no interval delays, and no gate that can be waived.
    pub(super) fn unconditional(self) -> Self {
        Self {
            min_interval: Some(Duration::ZERO),
            waived: WAIVABLE.map(str::to_owned).into(),
            pre_hook: Some(String::new()),
            ..self
        }
    }

    pub(super) fn rules(&self, loaded: &Loaded) -> Result<Rules, CliError> {
        let config = &loaded.config.publish;
        let configured = config.min_interval.as_deref().map(duration).transpose();
        let wrong = |e| CliError::usage(format!("publish.min_interval: {e}"), "Write 10m or 1h.");
        let min_interval = self.min_interval.or(configured.map_err(wrong)?);
        let hook = |flag: &Option<String>, configured: &Option<String>| {
            flag.clone()
                .or(configured.clone())
                .filter(|hook| !hook.is_empty())
        };
        Ok(Rules {
            conditions: Conditions {
                channel: self.channel.clone(),
                expectation: self.expect_current.clone().unwrap_or(Expectation::Anything),
                min_interval: min_interval.unwrap_or_default(),
            },
            pre_hook: hook(&self.pre_hook, &config.pre_hook),
            post_hook: hook(&self.post_hook, &config.post_hook),
        })
    }
}

/// The option as a layer over the configuration.
pub(super) fn shrink_override(asked: Option<Shrink>) -> Option<Override> {
    asked.map(|shrink| Override {
        key: "gate.max_shrink",
        flag: "max-shrink",
        value: shrink.to_string(),
    })
}

/// How much a release may lose, as it is configured.
pub(super) fn max_shrink(loaded: &Loaded) -> Result<Shrink, CliError> {
    let wrong = |e: ParseShrinkError| {
        CliError::usage(
            format!("gate.max_shrink: {e}"),
            "Write a percentage; 100% lets everything go.",
        )
    };
    loaded.config.gate.max_shrink.parse().map_err(wrong)
}

impl Rules {
    /// Runs the hook that can stop a release. The store is locked meanwhile: nothing moves between its word and the flip.
    pub(super) fn before(
        &self,
        context: &Context<'_>,
        store: &LockedStore,
        to: &Held,
    ) -> Result<(), CliError> {
        let Some(hook) = &self.pre_hook else {
            return Ok(());
        };
        let channel = &self.conditions.channel;
        let from = store.live_on(channel)?;
        let occasion = Occasion {
            store,
            channel,
            from: from.as_ref(),
            to: &to.name,
            digest: to.manifest_sha256,
        };
        match hooks::run(context, hook, &occasion)? {
            None => Ok(()),
            Some(ended) => Err(CliError::gate(
                format!("the pre-hook {ended}, so {} was not released", to.name),
                "Nothing was changed. Mend what the hook found, or leave it out with --pre-hook ''.",
            )),
        }
    }

    /// Runs the hook that hears of a release, without the lock. Its failure changes nothing, but is told and kept.
    pub(super) fn after(
        &self,
        context: &Context<'_>,
        store: &Store,
        release: &Release,
        lock: &LockOptions,
    ) -> Result<(), CliError> {
        let Some(hook) = &self.post_hook else {
            return Ok(());
        };
        let occasion = Occasion {
            store,
            channel: &release.channel,
            from: release.from.as_ref(),
            to: &release.to,
            digest: release.manifest_sha256,
        };
        // The release is done and durable: nothing that a hook does may make it look undone.
        let problem = match hooks::run(context, hook, &occasion) {
            Ok(None) => return Ok(()),
            Ok(Some(ended)) => ended,
            Err(e) => e.message().to_owned(),
        };
        context.ui.warn(&format!(
            "{} is live, but the post-hook {problem}",
            release.to
        ));
        let kept = store
            .lock(lock.lock_timeout.max(HOOK_PATIENCE), "publish", context.ui)
            .and_then(|locked| locked.record_hook_failure(release, &problem));
        if let Err(e) = kept {
            context
                .ui
                .warn(&format!("the history does not tell of it: {e}"));
        }
        Ok(())
    }
}

/// How long the record of a failed hook waits for the lock at least: the release is done, and somebody else may be next.
const HOOK_PATIENCE: Duration = Duration::from_secs(10);

/// What was released, or would be.
#[derive(Serialize)]
pub(super) struct Answered {
    pub(super) dry_run: bool,
    pub(super) changed: bool,
    pub(super) operation: Operation,
    pub(super) channel: Channel,
    pub(super) from: Option<VersionName>,
    pub(super) version: VersionName,
    pub(super) release: Option<Release>,
}

impl Answered {
    /// A release that did not happen: it would, or there was nothing to do.
    pub(super) fn without_release(
        operation: Operation,
        channel: &Channel,
        from: Option<VersionName>,
        version: VersionName,
        dry_run: bool,
    ) -> Self {
        let changed = from.as_ref() != Some(&version);
        Self {
            dry_run,
            changed,
            operation,
            channel: channel.clone(),
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
            channel: release.channel.clone(),
            from: release.from.clone(),
            version: release.to.clone(),
            release: Some(release),
        }
    }
}

/// Publishes a version: gates first, without the lock; then hook, bytes and flip, under it.
pub(super) fn publish_now(
    context: &Context<'_>,
    loaded: &Loaded,
    store: &Store,
    version: &VersionName,
    options: &ReleaseOptions,
    trust: &Trust,
) -> Result<Answered, CliError> {
    let rules = options.rules(loaded)?;
    let channel = &options.channel;
    let nothing_to_do = |live: Option<VersionName>, dry_run: bool| {
        Answered::without_release(Operation::Publish, channel, live, version.clone(), dry_run)
    };
    let held = store.hold(Some(version))?;
    store.check_not_withdrawn(version)?;
    trust.check_version(store, &held)?;
    let live = store.live_on(channel)?;
    if live.as_ref() == Some(version) && !options.dry_run && !matches!(store.unfinished(), Ok(None))
    {
        // The flip happened, but whoever did it died before it was durable: taking the lock finishes that release.
        let locked = store.lock(options.lock.lock_timeout, "publish", context.ui)?;
        context.tell_recovered(locked.recovered());
    }
    // A release that no history tells of is made once more: gc will not work without it.
    let is_told = |history: Vec<Release>| history.iter().any(|release| release.channel == *channel);
    if live.as_ref() == Some(version) && is_told(store.history()?) {
        rules.conditions.check_place(store)?;
        return Ok(nothing_to_do(live, options.dry_run));
    }
    rules.conditions.check(store)?;
    options.check_size(loaded, store, version)?;
    if options.dry_run {
        return Ok(nothing_to_do(live, true));
    }
    let against = hold_live(context, store, channel, version)?;
    let request = Request {
        level: required_level(loaded)?,
        gates: &gates(loaded)?,
        against: against.as_ref(),
        golden: None,
        sample: None,
        waived: &options.waived,
    };
    let embedder = embedder_for(context, loaded, store);
    let passed = verify::gate(store, &held, &request, &embedder, context.ui)?;
    drop(against);

    let locked = store.lock(options.lock.lock_timeout, "publish", context.ui)?;
    context.tell_recovered(locked.recovered());
    // Somebody else may have published it while the gates ran.
    let live = locked.live_on(channel)?;
    if live.as_ref() == Some(version) && is_told(locked.history()?) {
        rules.conditions.check_place(&locked)?;
        return Ok(nothing_to_do(live, false));
    }
    rules.conditions.check(&locked)?;
    let shrank = options.check_size(loaded, &locked, version)?;
    rules.before(context, &locked, &held)?;
    let verified = verify::prove(&locked, &held, passed, context.ui)?;
    let mut waived = verified.waived().to_vec();
    waived.extend(shrank.then(|| "shrink".to_owned()));
    let why = Why {
        reason: options.reason.clone(),
        waived,
    };
    let release = publish::publish(&locked, verified, channel, Operation::Publish, why)?;
    drop(locked);
    rules.after(context, store, &release, &options.lock)?;
    Ok(Answered::of(release))
}

impl PublishArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let require = self.require.map(|level| Override {
            key: "publish.require",
            flag: "require",
            value: level.to_string(),
        });
        let loaded = context.settings(
            require
                .into_iter()
                .chain(shrink_override(self.max_shrink))
                .chain(self.gates.overrides())
                .collect(),
        )?;
        let store = context.store(&loaded)?;
        let waived = self.waive.names(self.options.reason.as_ref())?;
        let options = self.options.clone().waiving(waived);
        let trust = self.trust.trust(context, &loaded)?;
        let answer = publish_now(context, &loaded, &store, &self.version, &options, &trust)?;
        context.ui.answer(&answer)?;
        match self.options.dry_run {
            true => Ok(()),
            false => self.adoption.wait(context, &store, &self.version),
        }
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
            Some(release) => {
                writeln!(
                    out,
                    "{verb} {version}: {channel} was {from}, generation {}",
                    release.generation
                )?;
                if !release.waived.is_empty() {
                    writeln!(out, "although it failed: {}", release.waived.join(", "))?;
                }
                Ok(())
            }
        }
    }

    fn name(&self) -> Option<String> {
        Some(self.version.to_string())
    }
}
