//! `ragctl push`

use std::collections::BTreeSet;
use std::io::{self, Write};

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use super::gates::{WaiveOptions, embedder_for, gates};
use super::publish::{max_shrink, shrink_override};
use super::remote::{KeyOptions, RemoteOptions, SignsReleases, TrustOptions};
use super::verify::required_level;
use crate::config::Loaded;
use crate::fault::{Fault as _, Kind};
use crate::publish::{self, Expectation, Shrink};
use crate::remote::{self, Movement, NotWhereExpected, Pointer, PushPlan, Remote, Sending, Signer};
use crate::store::{Channel, Held, Manifest, Operation, Store, VersionName};
use crate::ui::Answer;
use crate::verify::{self, Request};

/// Send a version to a remote, and point a channel there at it
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example, in CI:\n  ragctl push v1.4.0 --channel current --expect-current v1.3.0\n\nWhat the remote has already is not sent again, and a push that was cut off is gone on with. The\nmanifest comes last and the channel after it, moved only if nobody else moved it. With --channel the\nversion must pass the verification that [publish] requires, and not be much smaller than what is\nlive there. A name that means other content there is exit 13; so is a channel that is not where it\nwas expected."
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
    #[command(flatten)]
    waive: WaiveOptions,
    /// Sign the version, unless it is, and the release
    #[arg(long)]
    sign: bool,
    #[command(flatten)]
    key: KeyOptions,
    /// Move a channel whose releases are signed without signing this one
    #[arg(long, requires = "channel", conflicts_with = "sign")]
    unsigned: bool,
    /// Send everything again, whatever is there: it mends what is damaged there
    #[arg(long)]
    resend: bool,
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
    pushed: PushPlan,
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
        let waived = self.waive.names(self.reason.as_ref())?;
        let signs = match self.sign || self.key.is_given() {
            true => Some(self.key.signs(context, &loaded)?),
            false => None,
        };
        // A channel that is elsewhere is told before anything costly, and looked at again when it is moved.
        let live = self.live(context, &remote)?;
        let would_move = self.would_move(&remote, live.as_ref())?;
        let answered = |pushed: PushPlan, release: Option<Release>| Answered {
            dry_run: self.dry_run,
            changed: pushed.changed || release.as_ref().is_some_and(|release| release.changed),
            remote: remote.address().to_owned(),
            version: self.version.clone(),
            pushed,
            release,
        };
        let sending = Sending {
            resend: self.resend,
            dry_run: self.dry_run,
        };
        if self.dry_run {
            let plan = PushPlan::of(&remote, &store, &held, sending, context.ui)?;
            return Ok(context.ui.answer(&answered(plan, would_move))?);
        }
        let (mut unconditional, mut let_through) = (false, Vec::new());
        if self.channel.is_some() {
            let_through = self.gate(
                context,
                &loaded,
                (&remote, live.as_ref()),
                (&store, &held),
                &waived,
            )?;
            unconditional = !moves_safely(context, &remote, self.allow_unsafe_remote)?;
        }
        // Only what passed is signed.
        if let Some(signs) = &signs {
            signs.sign_version(&store, &held)?;
        }
        let trust = self.trust.trust(context, &loaded)?;
        trust.check_version(&store, &held)?;
        let pushed = remote::push(&remote, &store, &held, sending, context.ui)?;
        let Some(channel) = &self.channel else {
            return Ok(context.ui.answer(&answered(pushed, None))?);
        };
        let manifest = store.manifest_bytes(&self.version)?;
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
                waived: let_through,
                sign: signer.as_ref().map(|signer| signer as &dyn Signer),
                unsigned: self.unsigned,
                unconditional,
            },
            context.ui,
        )?;
        let release = Release {
            channel: channel.clone(),
            from: moved.from,
            generation: Some(moved.generation),
            changed: moved.changed,
        };
        Ok(context.ui.answer(&answered(pushed, Some(release)))?)
    }

    /// What a version must pass before a channel there is moved to it. Returns what it failed and may.
    fn gate(
        &self,
        context: &Context<'_>,
        loaded: &Loaded,
        (remote, live): (&Remote, Option<&Pointer>),
        (store, held): (&Store, &Held),
        waived: &BTreeSet<String>,
    ) -> Result<Vec<String>, CliError> {
        let shrank = match self.check_size(context, loaded, remote, live, &held.manifest) {
            Err(e) if e.kind() == Kind::Gate && waived.contains("shrink") => true,
            checked => checked.map(|()| false)?,
        };
        let request = Request {
            level: required_level(loaded)?,
            gates: &gates(loaded)?,
            against: None,
            golden: None,
            sample: None,
            waived,
        };
        let embedder = embedder_for(context, loaded, store);
        let passed = verify::gate(store, held, &request, &embedder, context.ui)?;
        let mut let_through = passed.waived().to_vec();
        let_through.extend(shrank.then(|| "shrink".to_owned()));
        Ok(let_through)
    }

    /// Reads what the channel there names; nothing where there is none, or none is asked for.
    fn live(&self, context: &Context<'_>, remote: &Remote) -> Result<Option<Pointer>, CliError> {
        let Some(channel) = &self.channel else {
            return Ok(None);
        };
        match remote::live(remote, channel, context.ui) {
            Ok(pointer) => Ok(Some(pointer)),
            Err(remote::Error::Empty(_) | remote::Error::NoChannel { .. }) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    fn would_move(
        &self,
        remote: &Remote,
        live: Option<&Pointer>,
    ) -> Result<Option<Release>, CliError> {
        let Some(channel) = &self.channel else {
            return Ok(None);
        };
        let live = live.map(|pointer| pointer.version.clone());
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
        loaded: &Loaded,
        remote: &Remote,
        live: Option<&Pointer>,
        manifest: &Manifest,
    ) -> Result<(), CliError> {
        let Some(live) = live else {
            return Ok(());
        };
        let live = match remote.manifest(&live.version, context.ui) {
            // A live version that cannot be read is no reason to stay with it.
            Err(e) if e.kind() == Kind::Integrity => {
                context
                    .ui
                    .warn(&format!("what is live there was not compared with: {e}"));
                None
            }
            other => other?,
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
        let pushed = &self.pushed;
        let (bytes, total) = (size(pushed.bytes), size(pushed.total_bytes));
        let count = pushed.objects.len();
        match (pushed.changed, self.dry_run) {
            (false, _) => writeln!(out, "{remote} has {version} already")?,
            (true, true) => {
                for object in &pushed.objects {
                    writeln!(out, "would send {} ({})", object.key, size(object.bytes))?;
                }
                writeln!(
                    out,
                    "would push {version} to {remote}: {bytes} of {total} in {count} objects"
                )?;
            }
            (true, false) => writeln!(
                out,
                "pushed {version} to {remote}: {bytes} of {total} in {count} objects"
            )?,
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
