//! `ragctl push`

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use super::gates::{embedder_for, gates};
use super::publish::{max_shrink, shrink_override};
use super::remote::{KeyOptions, RemoteOptions, SignsReleases, TrustOptions};
use super::verify::required_level;
use crate::publish::{self, Expectation, Shrink};
use crate::remote::{self, Movement, NotWhereExpected, PushPlan, Pushed, Remote, Signer};
use crate::signature::About;
use crate::store::{Channel, Operation, VersionName};
use crate::ui::Answer;
use crate::verify::{self, Request};

/// Send a version to a remote, and point a channel there at it
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example, in CI:\n  ragctl push v1.4.0 --channel current --expect-current v1.3.0\n\nWhat the remote has already is not sent again, and a push that was cut off is gone on with. The\nmanifest comes last and the channel after it, moved only if nobody else moved it. With --channel the\nversion must pass what `publish` asks of it. A name that means other content there is exit 13; so is\na channel that is not where it was expected."
)]
pub(super) struct PushArgs {
    /// The version
    version: VersionName,
    /// Point this channel of the remote at it
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<Channel>,
    /// Move the channel only if this version is live there; `none` for nothing yet
    #[arg(long, value_name = "VERSION|none", requires = "channel")]
    expect_current: Option<Expectation>,
    /// How much smaller than the version live there it may be, in documents or tokens
    #[arg(long, value_name = "N%", requires = "channel")]
    max_shrink: Option<Shrink>,
    /// Why, for the remote's history
    #[arg(long, value_name = "TEXT", requires = "channel")]
    reason: Option<String>,
    /// Sign the version, unless it is, and the release
    #[arg(long)]
    sign: bool,
    #[command(flatten)]
    key: KeyOptions,
    #[command(flatten)]
    remote: RemoteOptions,
    #[command(flatten)]
    trust: TrustOptions,
    /// Move the channel even where the remote keeps no conditions, so that two pushes at once may undo each other
    #[arg(long, requires = "channel")]
    allow_unsafe_remote: bool,
    /// List the objects that would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
}

/// What was sent and moved, or would be.
#[derive(Serialize)]
struct Answered {
    dry_run: bool,
    changed: bool,
    remote: String,
    version: VersionName,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PushPlan>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pushed: Option<Pushed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<Release>,
}

#[derive(Serialize)]
struct Release {
    channel: Channel,
    from: Option<VersionName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    changed: bool,
}

impl PushArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let overrides = shrink_override(self.max_shrink);
        let loaded = context.settings(overrides.into_iter().collect())?;
        let store = context.store(&loaded)?;
        let held = store.hold(Some(&self.version))?;
        store.check_not_withdrawn(&self.version)?;
        let remote = self.remote.open(context, &loaded)?;
        let mut answer = Answered {
            dry_run: self.dry_run,
            changed: false,
            remote: remote.address().to_owned(),
            version: self.version.clone(),
            plan: None,
            pushed: None,
            release: None,
        };
        // A channel that is elsewhere is told before anything costly, and looked at again when it is moved.
        let would_move = self.would_move(context, &remote)?;
        if self.dry_run {
            let plan = PushPlan::of(&remote, &store, &held, true, context.ui)?;
            answer.release = would_move;
            let moves = answer
                .release
                .as_ref()
                .is_some_and(|release| release.changed);
            answer.changed = !plan.known || !plan.objects.is_empty() || moves;
            answer.plan = Some(plan);
            return Ok(context.ui.answer(&answer)?);
        }
        let trust = self.trust.trust(context, &loaded)?;
        let signs = match self.sign || self.key.is_given() {
            true => Some(self.key.signs(context, &loaded)?),
            false => None,
        };
        let manifest = store.manifest_bytes(&self.version)?;
        if let Some(signs) = &signs {
            let about = About::Version(self.version.clone());
            let signed = store.signature(&self.version)?;
            if !signed.is_some_and(|signature| signs.holds(&manifest, &about, &signature)) {
                let signature = signs.sign(&manifest, &about)?;
                store.keep_signature(&self.version, &signature)?;
            }
        }
        trust.check_version(&store, &held)?;
        if let Some(channel) = &self.channel {
            self.check_size(context, &loaded, &remote, channel, &held.manifest)?;
            let request = Request {
                level: required_level(&loaded)?,
                gates: &gates(&loaded)?,
                against: None,
                golden: None,
                sample: None,
                waived: &Default::default(),
            };
            let embedder = embedder_for(context, &loaded, &store);
            verify::gate(&store, &held, &request, &embedder, context.ui)?;
        }
        let unconditional = match &self.channel {
            Some(_) => !moves_safely(context, &remote, self.allow_unsafe_remote)?,
            None => false,
        };
        let pushed = remote::push(&remote, &store, &held, context.ui)?;
        answer.changed = pushed.changed;
        answer.pushed = Some(pushed);
        if let Some(channel) = &self.channel {
            let signer = signs.as_ref().map(|signs| SignsReleases {
                signs,
                manifest: &manifest,
            });
            let moved = remote::move_channel(
                &remote,
                &Movement {
                    channel,
                    operation: Operation::Publish,
                    to: &self.version,
                    manifest_sha256: held.manifest_sha256,
                    expected: self.expect_current.as_ref().and_then(expected),
                    reason: self.reason.clone(),
                    sign: signer.as_ref().map(|signer| signer as &dyn Signer),
                    unconditional,
                },
                context.ui,
            )?;
            answer.changed |= moved.changed;
            answer.release = Some(Release {
                channel: channel.clone(),
                from: moved.from,
                generation: Some(moved.generation),
                changed: moved.changed,
            });
        }
        Ok(context.ui.answer(&answer)?)
    }

    fn would_move(
        &self,
        context: &Context<'_>,
        remote: &Remote,
    ) -> Result<Option<Release>, CliError> {
        let Some(channel) = &self.channel else {
            return Ok(None);
        };
        let live = match remote::live(remote, channel, context.ui) {
            Ok(pointer) => Some(pointer.version),
            Err(remote::Error::Empty(_) | remote::Error::NoChannel { .. }) => None,
            Err(e) => return Err(e.into()),
        };
        if let Some(expected) = self.expect_current.as_ref().and_then(expected)
            && expected != live
        {
            return Err(remote::Error::NotWhereExpected(Box::new(NotWhereExpected {
                remote: remote.address().to_owned(),
                channel: channel.clone(),
                expected,
                found: live,
            }))
            .into());
        }
        Ok(Some(Release {
            channel: channel.clone(),
            changed: live.as_ref() != Some(&self.version),
            from: live,
            generation: None,
        }))
    }

    /// Checks that the version does not lose too much of what is live at the remote.
    fn check_size(
        &self,
        context: &Context<'_>,
        loaded: &crate::config::Loaded,
        remote: &Remote,
        channel: &Channel,
        manifest: &crate::store::Manifest,
    ) -> Result<(), CliError> {
        let live = match remote::live(remote, channel, context.ui) {
            Ok(pointer) => remote.manifest(&pointer.version, context.ui)?,
            Err(remote::Error::Empty(_) | remote::Error::NoChannel { .. }) => None,
            Err(e) => return Err(e.into()),
        };
        match live {
            Some(live) => {
                let allowed = max_shrink(loaded)?;
                Ok(publish::check_counts(&live.manifest, manifest, allowed)?)
            }
            None => Ok(()),
        }
    }
}

/// Where a channel must be, for a remote.
pub(super) fn expected(expectation: &Expectation) -> Option<Option<VersionName>> {
    match expectation {
        Expectation::Anything => None,
        Expectation::Nothing => Some(None),
        Expectation::Version(name) => Some(Some(name.clone())),
    }
}

/// Proves that the remote keeps the conditions that moving a channel needs. Says `false` where it does not, and it was said
/// that it shall be moved all the same.
pub(super) fn moves_safely(
    context: &Context<'_>,
    remote: &Remote,
    regardless: bool,
) -> Result<bool, CliError> {
    match remote::must_keep_conditions(remote, context.ui) {
        Err(e @ remote::Error::Unsafe { .. }) if regardless => {
            context.ui.warn(&format!("{e}; it is moved all the same"));
            Ok(false)
        }
        other => Ok(other.map(|()| true)?),
    }
}

impl Answer for Answered {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self {
            version, remote, ..
        } = self;
        let size = indicatif::BinaryBytes;
        if let Some(plan) = &self.plan {
            for (key, bytes) in &plan.objects {
                writeln!(out, "would send {key} ({})", size(*bytes))?;
            }
            let manifest = if plan.known { "" } else { " and the manifest" };
            writeln!(
                out,
                "would send {} in {} objects{manifest} of {version} to {remote}; it has {} of it",
                size(plan.bytes),
                plan.objects.len(),
                size(plan.total_bytes - plan.bytes)
            )?;
        }
        if let Some(pushed) = &self.pushed {
            match pushed.changed {
                false => writeln!(out, "{remote} has {version} already")?,
                true => writeln!(
                    out,
                    "pushed {version} to {remote}: {} of {} in {} objects",
                    size(pushed.bytes),
                    size(pushed.total_bytes),
                    pushed.objects
                )?,
            }
        }
        let Some(release) = &self.release else {
            return Ok(());
        };
        let channel = &release.channel;
        let from = release
            .from
            .as_ref()
            .map_or("none".into(), ToString::to_string);
        match release.generation {
            _ if !release.changed => writeln!(out, "{version} is {channel} there already"),
            None => writeln!(out, "would move {channel} from {from} to {version}"),
            Some(generation) => {
                writeln!(
                    out,
                    "released {version}: {channel} was {from}, release {generation}"
                )
            }
        }
    }

    fn name(&self) -> Option<String> {
        Some(self.version.to_string())
    }
}
