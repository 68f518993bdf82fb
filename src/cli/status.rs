//! `ragctl status`

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::context::{Context, duration};
use super::error::CliError;
use crate::digest::Digest;
use crate::store::{self, Channel, LeaseKind, Release, VersionName};
use crate::ui::Answer;

/// Show what is live and what lies in the store
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  ragctl status --max-age 26h || page-somebody")]
pub(super) struct StatusArgs {
    /// Fail with exit code 15 when the live version was built longer ago
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_age: Option<Duration>,
}

#[derive(Serialize)]
struct Status {
    store: PathBuf,
    store_id: String,
    live: Option<Live>,
    channels: Vec<OnChannel>,
    /// Versions that readers hold, and how many do.
    readers: Vec<Readers>,
    leases: LeaseKind,
    versions: usize,
    pinned: usize,
    trashed: usize,
    disk_bytes: u64,
    newest_snapshot: Option<Digest>,
    unfinished: Option<Release>,
}

#[derive(Serialize)]
struct OnChannel {
    channel: Channel,
    version: VersionName,
    /// Unknown while a release is unfinished.
    generation: Option<u64>,
    published_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Readers {
    version: VersionName,
    readers: usize,
}

#[derive(Serialize)]
struct Live {
    version: VersionName,
    generation: Option<u64>,
    published_at: Option<Timestamp>,
    built: Timestamp,
    age_seconds: u64,
    documents: u64,
    chunks: u64,
    model: String,
}

impl StatusArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let store = context.only_store()?;
        let live = match store.live()? {
            None => None,
            Some(version) => {
                let (manifest, _) = store.manifest(&version)?;
                let twin = store.twin_on(&Channel::default())?;
                let age = Timestamp::now().duration_since(manifest.created);
                Some(Live {
                    version,
                    generation: twin.as_ref().map(|twin| twin.generation),
                    published_at: twin.map(|twin| twin.published_at),
                    built: manifest.created,
                    age_seconds: u64::try_from(age.as_secs()).unwrap_or(0),
                    documents: manifest.counts.documents,
                    chunks: manifest.counts.chunks,
                    model: manifest.space.model,
                })
            }
        };
        let versions = store.versions()?;
        // A version whose manifest is damaged counts nothing here; `list` and `verify` say what is wrong with it.
        let disk_bytes = versions
            .iter()
            .filter_map(|name| Some(store.manifest(name).ok()?.0.resources.disk_bytes))
            .sum();
        let mut channels = Vec::new();
        for (channel, version) in store.channels()? {
            let twin = store.twin_on(&channel)?;
            channels.push(OnChannel {
                channel,
                version,
                generation: twin.as_ref().map(|twin| twin.generation),
                published_at: twin.map(|twin| twin.published_at),
            });
        }
        let mut readers = Vec::new();
        for version in &versions {
            let count = store.readers(version)?;
            if count > 0 {
                readers.push(Readers {
                    version: version.clone(),
                    readers: count,
                });
            }
        }
        let newest_snapshot = match store.snapshot(None) {
            Ok((id, _)) => Some(id),
            Err(store::Error::NothingIngested | store::Error::NoSnapshot(_)) => None,
            Err(e) => return Err(e.into()),
        };
        let status = Status {
            store: store.root().to_owned(),
            store_id: store.id().to_owned(),
            live,
            channels,
            readers,
            leases: store.lease_kind(),
            versions: versions.len(),
            pinned: store.pins()?.len(),
            trashed: store.trashed()?.len(),
            disk_bytes,
            newest_snapshot,
            unfinished: store.unfinished().ok().flatten(),
        };
        context.ui.answer(&status)?;
        match (self.max_age, &status.live) {
            (Some(_), None) => Err(store::Error::NothingPublished(Channel::default()).into()),
            (Some(most), Some(live)) if live.age_seconds > most.as_secs() => Err(CliError::gate(
                format!(
                    "{} was built {} ago, longer than {}",
                    live.version,
                    words(live.age_seconds),
                    words(most.as_secs())
                ),
                "Look at the job that runs `ragctl run`.",
            )),
            _ => Ok(()),
        }
    }
}

/// Writes seconds as the largest two units.
fn words(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

impl Answer for Status {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "store     {} ({})",
            self.store.display(),
            self.store_id
        )?;
        match &self.live {
            None => writeln!(out, "live      nothing is published yet")?,
            Some(live) => {
                writeln!(
                    out,
                    "live      {}, built {} ago: {} documents, {} chunks",
                    live.version,
                    words(live.age_seconds),
                    live.documents,
                    live.chunks
                )?;
                if let (Some(generation), Some(at)) = (live.generation, live.published_at) {
                    writeln!(out, "since     {at:.0}, generation {generation}")?;
                }
                writeln!(out, "model     {}", live.model)?;
            }
        }
        for on in self
            .channels
            .iter()
            .filter(|on| on.channel != Channel::default())
        {
            let generation = on
                .generation
                .map_or("?".into(), |generation| generation.to_string());
            writeln!(
                out,
                "{:<9} {}, generation {generation}",
                on.channel, on.version
            )?;
        }
        for Readers { version, readers } in &self.readers {
            writeln!(out, "readers   {readers} of {version}")?;
        }
        if self.leases != LeaseKind::Kernel {
            writeln!(out, "leases    {}", self.leases)?;
        }
        writeln!(
            out,
            "versions  {}, {}",
            self.versions,
            indicatif::BinaryBytes(self.disk_bytes)
        )?;
        if self.pinned + self.trashed > 0 {
            writeln!(
                out,
                "kept      {} pinned, {} in the trash",
                self.pinned, self.trashed
            )?;
        }
        if let Some(snapshot) = &self.newest_snapshot {
            writeln!(out, "snapshot  {}", snapshot.short())?;
        }
        if let Some(release) = &self.unfinished {
            writeln!(
                out,
                "unfinished  a release of {}; the next command that writes completes or discards it",
                release.to
            )?;
        }
        Ok(())
    }

    fn name(&self) -> Option<String> {
        self.live.as_ref().map(|live| live.version.to_string())
    }
}
