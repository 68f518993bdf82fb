//! `ragctl watch`

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::child::{self, Ended};
use super::context::{Context, duration};
use super::error::CliError;
use super::hooks::{self, Occasion};
use crate::fault::Fault;
use crate::progress::Progress as _;
use crate::publish::Expectation;
use crate::store::{self, Channel, Held, Store, VersionName};
use crate::ui::Answer;
use crate::watch::{Flip, Watch};

/// Looking more often would only keep the disk busy.
const SHORTEST: Duration = Duration::from_millis(10);

/// Tell each flip of a channel, or run a command on it
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl watch --once --from v1.4.0 && ./reload.sh\n  ragctl watch --exec 'curl -fsS -X POST \"http://localhost:8000/reload?version=$RAGCTL_TO\"'\n\nThe command of --exec is run by `sh -c`, with RAGCTL_FROM (empty where nothing was live), RAGCTL_TO, RAGCTL_CHANNEL, RAGCTL_DIGEST (of the manifest), RAGCTL_VERSION_DIR and RAGCTL_STORE in its environment, and holds the version meanwhile. With --json each flip gives one line."
)]
pub(super) struct WatchArgs {
    /// The channel to follow
    #[arg(long, value_name = "CHANNEL", default_value_t)]
    channel: Channel,
    /// End after the first flip
    #[arg(long)]
    once: bool,
    /// The version to start from: a channel that is elsewhere was flipped already; `none` for nothing yet
    #[arg(long, value_name = "VERSION|none")]
    from: Option<Expectation>,
    /// Run a line of shell on each flip instead of telling it
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
    /// How often to look where no event tells; 1s, or 5s on network filesystems, by default
    #[arg(long, value_name = "TIME", value_parser = duration)]
    interval: Option<Duration>,
    /// Fail with exit code 1 when no flip comes for this long
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{channel} was not flipped within {timeout:?}")]
    NoFlip { channel: Channel, timeout: Duration },
    #[error("the command for {version} {ended}")]
    Command { version: VersionName, ended: Ended },
    #[error("the command for {version} cannot be run: {source}")]
    NotRun {
        version: VersionName,
        source: io::Error,
    },
}

impl Fault for Error {}

#[derive(Serialize)]
struct Seen<'a> {
    channel: &'a Channel,
    from: Option<VersionName>,
    version: VersionName,
    path: PathBuf,
    generation: Option<u64>,
}

impl WatchArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        if self.interval.is_some_and(|interval| interval < SHORTEST) {
            let message = format!("--interval is shorter than {SHORTEST:?}");
            return Err(CliError::usage(message, "Flips are told by events anyway."));
        }
        let store = context.only_store()?;
        let watch = Watch::new(&store, self.channel.clone(), self.interval);
        let mut watch = match &self.from {
            None | Some(Expectation::Anything) => watch,
            Some(Expectation::Nothing) => watch.starting_at(None),
            Some(Expectation::Version(version)) => watch.starting_at(Some(version.clone())),
        };
        self.tell_start(context, &watch);
        loop {
            let begun = Instant::now();
            let deadline = self.timeout.and_then(|timeout| begun.checked_add(timeout));
            let flip = match (watch.next(context.ui, deadline)?, self.timeout) {
                (Some(flip), _) => flip,
                (None, Some(timeout)) => {
                    let channel = self.channel.clone();
                    return Err(Error::NoFlip { channel, timeout }.into());
                }
                (None, None) => continue,
            };
            let Some(line) = &self.exec else {
                self.tell(context, flip)?;
                if self.once {
                    return Ok(());
                }
                continue;
            };
            let held = match store.hold(Some(&flip.version)) {
                Err(store::Error::NoVersion { .. } | store::Error::Going) => {
                    let message = format!("{} is gone already", flip.version);
                    context.ui.warn(&message);
                    continue;
                }
                other => other,
            };
            let done = held
                .map_err(CliError::from)
                .and_then(|held| self.execute(context, &store, line, &flip, &held));
            match done {
                Err(e) if self.once || e.is_interrupted() => return Err(e),
                Err(e) => context.ui.warn(e.message()),
                Ok(()) if self.once => return Ok(()),
                Ok(()) => {}
            }
        }
    }

    fn tell_start(&self, context: &Context<'_>, watch: &Watch) {
        let at = watch.version().map_or("none".into(), ToString::to_string);
        let how = match watch.no_events() {
            None => "by events".to_owned(),
            Some(why) => format!("without events ({why})"),
        };
        context.ui.detail(&format!(
            "following {} from {at} {how}, looking every {:?}",
            self.channel,
            watch.interval()
        ));
    }

    fn tell(&self, context: &Context<'_>, flip: Flip) -> Result<(), CliError> {
        Ok(context.ui.answer_line(&Seen {
            channel: &self.channel,
            from: flip.from,
            version: flip.version,
            path: flip.dir,
            generation: flip.generation,
        })?)
    }

    /// Runs the command for a flip. The lease is this process's own: what the command leaves running holds nothing.
    fn execute(
        &self,
        context: &Context<'_>,
        store: &Store,
        line: &str,
        flip: &Flip,
        held: &Held,
    ) -> Result<(), CliError> {
        let version = || held.name.clone();
        let not_run = |source| Error::NotRun {
            version: version(),
            source,
        };
        let occasion = Occasion {
            store,
            channel: &self.channel,
            from: flip.from.as_ref(),
            to: &held.name,
            digest: held.manifest_sha256,
        };
        let child = hooks::shell(context, line, &occasion)
            .spawn()
            .map_err(not_run)?;
        let ended = child::wait(child, context.ui.signals()).map_err(not_run)?;
        context.ui.checkpoint()?;
        if ended.well() {
            return Ok(());
        }
        let version = version();
        Err(Error::Command { version, ended }.into())
    }
}

impl Answer for Seen<'_> {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.version)
    }

    fn name(&self) -> Option<String> {
        Some(self.version.to_string())
    }
}
