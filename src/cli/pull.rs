//! `ragctl pull`

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::context::{Context, LockOptions, duration};
use super::error::CliError;
use super::publish::{self, ReleaseOptions, publish_now};
use super::remote::{RemoteOptions, TrustOptions};
use crate::config::{Loaded, Override};
use crate::durable::Context as _;
use crate::fault::Kind;
use crate::gc::{self, Policy};
use crate::progress::Progress as _;
use crate::remote::{self, Incoming, Pulled, Remote, Wanted};
use crate::signature::Trust;
use crate::store::{self, Channel, Shared, Store, VersionName};
use crate::ui::Answer;
use crate::verify::Level;

/// How often a follower looks up whether it was asked to stop.
const TICK: Duration = Duration::from_millis(50);
/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// The shortest time between two looks at a remote.
const SHORTEST: Duration = Duration::from_millis(100);

/// Bring a version from a remote, or follow a channel there
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example, beside a server without a shared volume:\n  ragctl pull --init --publish --keep 2                  # once, before the server starts\n  ragctl pull --publish --keep 2 --follow --interval 30s # then beside it\n\nOnly what the manifest lists is taken, and every file is hashed as it arrives. What this store has\nis linked and not fetched, and a pull that was cut off is gone on with. An older release than one\nthat was followed is refused. With --publish the version is released here as `publish` does, once\nit is whole; what it had to pass, it passed where it was released. A follower leaves a release or\nrollback that somebody makes here alone until the remote's channel moves."
)]
pub(super) struct PullArgs {
    /// The version; by default what the channel names
    version: Option<VersionName>,
    /// The channel of the remote; with --publish, the one here as well
    #[arg(long, value_name = "CHANNEL", default_value_t)]
    channel: Channel,
    /// Release it here once it is whole
    #[arg(long)]
    publish: bool,
    /// The verification level that it must pass to be released here
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "bytes",
        requires = "publish"
    )]
    require: Level,
    /// Go on following the channel
    #[arg(long, requires = "publish", conflicts_with_all = ["version", "dry_run"])]
    follow: bool,
    /// How often to look, give or take a fifth
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration, requires = "follow")]
    interval: Duration,
    /// After a release here, remove versions but those of the last N releases
    #[arg(long, value_name = "N", requires = "publish", value_parser = clap::value_parser!(u16).range(1..))]
    keep: Option<u16>,
    /// Make the store, if there is none
    #[arg(long)]
    init: bool,
    /// Take the remote as one that was never seen: its releases may count from the beginning
    #[arg(long, conflicts_with = "follow")]
    reset_remote: bool,
    #[command(flatten)]
    remote: RemoteOptions,
    #[command(flatten)]
    trust: TrustOptions,
    #[command(flatten)]
    lock: LockOptions,
    /// Say what would be fetched, and fetch nothing
    #[arg(long)]
    dry_run: bool,
}

/// What was fetched and released, or would be.
#[derive(Serialize)]
struct Answered {
    dry_run: bool,
    changed: bool,
    remote: String,
    channel: Option<Channel>,
    #[serde(flatten)]
    pulled: Pulled,
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<publish::Answered>,
}

/// What every look of a follower needs.
struct Side<'a> {
    context: &'a Context<'a>,
    loaded: &'a Loaded,
    store: &'a Store,
    remote: &'a Remote,
    trust: &'a Trust,
}

impl PullArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let require = Override {
            key: "publish.require",
            flag: "require",
            value: self.require.to_string(),
        };
        // What a version may lose was decided where it was released, and a rollback there is one here.
        let shrink = Override {
            key: "gate.max_shrink",
            flag: "max-shrink",
            value: "100%".into(),
        };
        let loaded = context.settings(vec![require, shrink])?;
        let path = context.store_path(&loaded);
        let mut scratch = None;
        let store = match (self.init, Store::open(&path)) {
            (true, Err(store::Error::NoStore(_))) if self.dry_run => {
                // What would come into a store that is yet to be made is what comes into an empty one.
                let dir = tempfile::tempdir().context("a temporary directory")?;
                let empty = Store::create(dir.path(), Shared::World, None)?;
                scratch = Some(dir);
                empty
            }
            (true, _) if !self.dry_run => Store::create(&path, Shared::World, None)?,
            _ => context.store(&loaded)?,
        };
        let remote = self.remote.open(context, &loaded)?;
        let trust = self.trust.trust(context, &loaded)?;
        let side = Side {
            context,
            loaded: &loaded,
            store: &store,
            remote: &remote,
            trust: &trust,
        };
        if self.follow {
            return self.follow(&side);
        }
        let answer = self.once(&side)?;
        drop(scratch);
        Ok(context.ui.answer(&answer)?)
    }

    /// Pulls what is named now, and releases it.
    fn once(&self, side: &Side<'_>) -> Result<Answered, CliError> {
        let Side {
            context,
            store,
            remote,
            ..
        } = side;
        let wanted = match &self.version {
            Some(version) => Wanted::Version(version.clone()),
            None => Wanted::Channel(self.channel.clone()),
        };
        let anew = self.reset_remote;
        // From here to the note that is taken, no other pull comes between.
        let open = || Incoming::open(store, self.lock.lock_timeout, context.ui);
        let incoming = (!self.dry_run).then(open).transpose()?;
        let offer = remote::offered(remote, store, &wanted, side.trust, anew, context.ui)?;
        let lock = || store.lock(self.lock.lock_timeout, "pull", context.ui);
        let pulled = remote::pull(remote, store, &offer, incoming.as_ref(), &lock, context.ui)?;
        let channel = self.version.is_none() || self.publish;
        let mut answer = Answered {
            dry_run: self.dry_run,
            changed: pulled.changed,
            remote: remote.address().to_owned(),
            channel: channel.then(|| self.channel.clone()),
            pulled,
            release: None,
        };
        if self.dry_run {
            return Ok(answer);
        }
        // Nothing takes it away before it is released.
        let held = store.hold(Some(offer.version()))?;
        {
            let locked = lock()?;
            context.tell_recovered(locked.recovered());
            remote::keep_signature(&locked, &offer)?;
        }
        if self.publish {
            let reason = match answer.pulled.generation {
                Some(generation) => format!("release {generation} of {}", answer.remote),
                None => format!("pulled from {}", answer.remote),
            };
            let options = ReleaseOptions::of(self.channel.clone(), Some(reason), self.lock.clone());
            let released = publish_now(
                context,
                side.loaded,
                store,
                offer.version(),
                &options,
                side.trust,
            )?;
            answer.changed |= released.changed;
            answer.release = Some(released);
        }
        remote::take_note(remote, &lock()?, &offer, self.publish, anew)?;
        drop((held, incoming));
        if let Some(keep) = self.keep
            && let Err(e) = self.collect(side, keep)
        {
            // The release is done: what could not be removed is the next one's.
            context
                .ui
                .warn(&format!("nothing was removed: {}", e.message()));
        }
        Ok(answer)
    }

    /// Removes versions that were followed before. Readers keep what they hold.
    fn collect(&self, side: &Side<'_>, keep: u16) -> Result<(), CliError> {
        let policy = Policy {
            keep_last: usize::from(keep),
            keep_within: Duration::ZERO,
            grace: Duration::ZERO,
            grace_unleased: Duration::from_secs(7 * 24 * 60 * 60),
            cache_max: None,
        };
        let ui = side.context.ui;
        let locked = side.store.lock(self.lock.lock_timeout, "pull", ui)?;
        let plan = gc::plan(&locked, &policy)?;
        let removed = gc::collect(&locked, &plan, &policy, ui)?;
        for version in &removed.deleted {
            ui.status(&format!("removed {version}"));
        }
        Ok(())
    }

    /// Keeps the store at the remote's channel until it is asked to stop. What fails is told once and tried again: the store
    /// stays at what it has.
    fn follow(&self, side: &Side<'_>) -> Result<(), CliError> {
        let ui = side.context.ui;
        let interval = self.interval.max(SHORTEST);
        ui.status(&format!(
            "following {} of {} every {interval:?}",
            self.channel,
            side.remote.address()
        ));
        let mut told = None;
        let mut pause = interval;
        loop {
            let followed =
                remote::is_followed(side.remote, side.store, &self.channel, side.trust, ui);
            let looked = match followed {
                Ok(true) => Ok(None),
                Ok(false) => self.once(side).map(Some),
                Err(e) => Err(e.into()),
            };
            match looked {
                Ok(answer) => {
                    if told.take().is_some() {
                        ui.status("the remote answers again");
                    }
                    pause = interval;
                    if let Some(answer) = answer.filter(|answer| answer.changed) {
                        ui.answer_line(&answer)?;
                    }
                }
                // Asked to stop in the middle: what was fetched is kept.
                Err(_) if ui.interrupted() => return Ok(()),
                Err(e) if e.is_usage() => return Err(e),
                Err(e) => {
                    if told.as_deref() != Some(e.message()) {
                        ui.warn(&format!("{}; {} stays as it is", e.message(), self.channel));
                    }
                    told = Some(e.message().to_owned());
                    pause = (pause * 2).min(LONGEST_PAUSE.max(interval));
                }
            }
            let until = Instant::now() + pause.mul_f64(fastrand::f64().mul_add(0.4, 0.8));
            while Instant::now() < until {
                if ui.interrupted() {
                    return Ok(());
                }
                thread::sleep(TICK.min(until.saturating_duration_since(Instant::now())));
            }
        }
    }
}

impl Answer for Answered {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let Pulled {
            version,
            fetched_bytes,
            here_bytes,
            resumed_bytes,
            total_bytes,
            ..
        } = &self.pulled;
        let remote = &self.remote;
        let size = |bytes: &u64| indicatif::BinaryBytes(*bytes);
        let mut rest = format!("{} were here", size(here_bytes));
        if *resumed_bytes > 0 {
            rest = format!("{rest}, {} fetched before", size(resumed_bytes));
        }
        let of = format!("{} of {}, {rest}", size(fetched_bytes), size(total_bytes));
        match (self.pulled.changed, self.dry_run) {
            (false, _) => writeln!(out, "{version} of {remote} is here already")?,
            (true, true) => writeln!(out, "would pull {version} from {remote}: {of}")?,
            (true, false) => writeln!(out, "pulled {version} from {remote}: {of}")?,
        }
        match &self.release {
            Some(release) => release.human(out),
            None => Ok(()),
        }
    }

    fn name(&self) -> Option<String> {
        Some(self.pulled.version.to_string())
    }
}

impl CliError {
    /// Whether trying again cannot help before a person has changed something.
    fn is_usage(&self) -> bool {
        self.kind() == Kind::Usage
    }
}
