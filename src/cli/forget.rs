//! `ragctl forget`

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::context::{Context, LockOptions};
use super::error::CliError;
use super::gates::{golden_of, index_policy};
use super::publish::{ReleaseOptions, publish_now};
use super::remote::TrustOptions;
use crate::build::{self, Naming};
use crate::config::Loaded;
use crate::forget::{self, DocumentId, Found, Proof, Target};
use crate::gc::{self, Policy};
use crate::query::model_of;
use crate::snapshot::Snapshot;
use crate::store::{self, Channel, Store, VersionName, Withdrawn};
use crate::ui::Answer;

/// Erase a document, or a whole source, from everything the store holds
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl forget --doc handbook.md --source docs --reason 'takedown 4711' --dry-run\n\nEach channel gets a successor of its version without the documents, built afresh. Every other\nversion that holds them is withdrawn, pins included: it is never released again, and removed as\nsoon as no reader holds it. Snapshots, reports, cached vectors and the trash are purged, and\n`ingest` leaves the documents out from now on. Copies outside of the store are not reached."
)]
pub(super) struct ForgetArgs {
    /// The document's id
    #[arg(long = "doc", value_name = "ID", required_unless_present = "source")]
    document: Option<String>,
    /// The source's id: of the document, or of all documents to forget
    #[arg(long, value_name = "ID")]
    source: Option<String>,
    /// Why, for the records
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    lock: LockOptions,
    /// List everything that holds them, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// What was forgotten, or would be.
#[derive(Serialize)]
struct Answered {
    dry_run: bool,
    changed: bool,
    found: Found,
    successors: Vec<Successor>,
    withdrawn: Vec<VersionName>,
    /// Withdrawn versions that readers still hold.
    held: Vec<VersionName>,
    cache_freed_bytes: u64,
    proof: Option<Proof>,
    /// Copies that were not reached.
    remaining_copies: &'static str,
}

/// A version that took the place of one that held the documents.
#[derive(Serialize)]
struct Successor {
    channel: Channel,
    from: VersionName,
    version: VersionName,
}

const COPIES: &str =
    "versions that were copied elsewhere: remotes, backups, exports, servers' own disks";

impl ForgetArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let loaded = context.settings(Vec::new())?;
        let store = context.store(&loaded)?;
        let target = match (&self.document, &self.source) {
            (Some(id), source) => Target::Document {
                id: id.clone(),
                source: source.clone(),
            },
            (None, source) => Target::Source(source.clone().unwrap_or_default()),
        };
        let found = forget::find(&store, &target)?;
        let sources = loaded
            .config
            .sources
            .iter()
            .map(|source| source.id().to_owned());
        let changed = !found.is_empty();
        if !changed && !forget::is_withdrawn(&store, &target, sources)? {
            return Err(forget::Error::Unknown.into());
        }
        if self.dry_run {
            return Ok(context.ui.answer(&Answered {
                dry_run: true,
                changed,
                found,
                successors: Vec::new(),
                withdrawn: Vec::new(),
                held: Vec::new(),
                cache_freed_bytes: 0,
                proof: None,
                remaining_copies: COPIES,
            })?);
        }
        let run = Run {
            context,
            loaded: &loaded,
            store: &store,
            target: &target,
            args: self,
        };
        let answer = run.forget(found)?;
        let remains = answer
            .proof
            .as_ref()
            .filter(|proof| !proof.holds())
            .map(|proof| {
                let left = proof.remains.iter().filter(|remains| !remains.accounted);
                let left =
                    left.map(|remains| format!("{} ({})", remains.at.display(), remains.because));
                left.collect::<Vec<_>>().join(", ")
            });
        context.ui.answer(&answer)?;
        remains.map_or(Ok(()), |left| Err(forget::Error::Remains(left).into()))
    }
}

struct Run<'a> {
    context: &'a Context<'a>,
    loaded: &'a Loaded,
    store: &'a Store,
    target: &'a Target,
    args: &'a ForgetArgs,
}

impl Run<'_> {
    /// The order keeps what tells where the documents are until all else is done, so that a run that was cut off is taken
    /// up again by the same command.
    fn forget(&self, found: Found) -> Result<Answered, CliError> {
        let Self {
            context,
            store,
            target,
            ..
        } = self;
        let reason = self.args.reason.as_deref();
        let changed = !found.is_empty();
        let documents = found.withdrawals(target);
        self.locked(|locked| Ok(locked.withdraw(&documents, reason)?))?;

        let successors = self.release_successors(&found)?;

        let withdrawn: Vec<VersionName> = found
            .versions
            .iter()
            .map(|holding| holding.version.clone())
            .collect();
        let lines: Vec<Withdrawn> = withdrawn.iter().cloned().map(Withdrawn::Version).collect();
        let (collected, cache_freed_bytes) = self.locked(|locked| {
            locked.withdraw(&lines, reason)?;
            for version in &withdrawn {
                locked.unpin(version)?;
            }
            forget::purge_states(locked, target, &found)?;
            let freed = forget::purge_cache(locked, target, &found)?;
            for snapshot in &found.snapshots {
                let dir = locked.snapshot_dir(snapshot);
                if dir.exists() {
                    locked.remove_installed(&dir)?;
                }
            }
            // Everything has a reason to stay but what is withdrawn.
            let policy = Policy {
                keep_last: usize::MAX,
                keep_within: Duration::MAX,
                grace: Duration::MAX,
                grace_unleased: Duration::MAX,
                cache_max: None,
            };
            for trashed in locked.trashed()? {
                if found.trash.contains(&trashed.version) {
                    locked.discard(&trashed)?;
                }
            }
            let plan = gc::plan(locked, &policy)?;
            Ok((gc::collect(locked, &plan, &policy, context.ui)?, freed))
        })?;
        let held = withdrawn
            .iter()
            .filter(|version| !collected.deleted.contains(version));
        let held = held
            .filter(|version| store.version_dir(version).exists())
            .cloned()
            .collect();
        let proof = forget::prove(store, target, &found)?;
        Ok(Answered {
            dry_run: false,
            changed,
            found,
            successors,
            withdrawn,
            held,
            cache_freed_bytes,
            proof: Some(proof),
            remaining_copies: COPIES,
        })
    }

    fn locked<T>(
        &self,
        work: impl FnOnce(&store::LockedStore) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        let timeout = self.args.lock.lock_timeout;
        let locked = self.store.lock(timeout, "forget", self.context.ui)?;
        self.context.tell_recovered(locked.recovered());
        work(&locked)
    }

    /// Builds and publishes, for each channel whose version holds the documents, the same version without them.
    fn release_successors(&self, found: &Found) -> Result<Vec<Successor>, CliError> {
        let store = self.store;
        let newest = match store.snapshot(None) {
            Ok((id, _)) => Some(id),
            Err(store::Error::NothingIngested | store::Error::NoSnapshot(_)) => None,
            Err(e) => return Err(e.into()),
        };
        let mut successors = Vec::new();
        let mut built: BTreeMap<VersionName, VersionName> = BTreeMap::new();
        for holding in &found.versions {
            for channel in &holding.channels {
                let from = &holding.version;
                let version = match built.get(from) {
                    Some(version) => version.clone(),
                    None => self.build_successor(from)?,
                };
                built.insert(from.clone(), version.clone());
                let reason = self.args.reason.clone();
                let reason = reason.unwrap_or_else(|| "documents were forgotten".into());
                let options =
                    ReleaseOptions::of(channel.clone(), Some(reason), self.args.lock.clone())
                        .unconditional();
                let trust = TrustOptions::default().trust(self.context, self.loaded)?;
                publish_now(self.context, self.loaded, store, &version, &options, &trust)?;
                successors.push(Successor {
                    channel: channel.clone(),
                    from: from.clone(),
                    version,
                });
            }
        }
        // The next build is made of the newest snapshot: the one that was it stays it, without the documents.
        if let Some(newest) = newest {
            if found.snapshots.contains(&newest) {
                let snapshot = Snapshot::open(store, Some(&newest.to_string()))?;
                forget::without(store, &snapshot, self.target)?;
            } else {
                store.set_newest_snapshot(&newest)?;
            }
        }
        Ok(successors)
    }

    fn build_successor(&self, from: &VersionName) -> Result<VersionName, CliError> {
        let (context, store) = (self.context, self.store);
        let held = store.hold(Some(from))?;
        let snapshot = match Snapshot::open(store, Some(&held.manifest.snapshot.to_string())) {
            Ok(snapshot) => snapshot,
            Err(crate::snapshot::Error::Store(store::Error::NoSnapshot(_))) => {
                return Err(forget::Error::NoSnapshot(from.clone()).into());
            }
            Err(e) => return Err(e.into()),
        };
        forget::recover_vectors(store, &held, self.target)?;
        let without = forget::without(store, &snapshot, self.target)?;
        let snapshot = Snapshot::open(store, Some(&without.to_string()))?;
        let request = build::Request {
            naming: Naming::Next {
                bump: None,
                // What was a candidate stays one: the final name is for who promotes it.
                pre: from.pre(),
            },
            labels: held.manifest.labels.clone(),
            // A run that was cut off after this build finds it again.
            if_changed: true,
            replacing: Some(from.clone()),
            index: index_policy(self.loaded)?,
            // The successor answers to the questions of the version that it takes the place of.
            golden: golden_of(&held)?,
            lock_timeout: self.args.lock.lock_timeout,
        };
        let device = || context.device(self.loaded);
        let model = model_of(store, &held)?;
        let built = build::build(store, &snapshot, model, device, &request, context.ui)?;
        context.tell_recovered(&built.recovered);
        Ok(built.sealed.name)
    }
}

impl Answer for Answered {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let Found {
            documents,
            versions,
            trash,
            snapshots,
            ..
        } = &self.found;
        let would = if self.dry_run { "would be " } else { "" };
        for DocumentId { source, id } in documents {
            writeln!(out, "{would}forgotten: {source}/{id}")?;
        }
        for holding in versions {
            let held = match holding.readers {
                0 => String::new(),
                1 => ", which 1 reader holds".into(),
                readers => format!(", which {readers} readers hold"),
            };
            writeln!(out, "{would}withdrawn: {}{held}", holding.version)?;
            for channel in holding.channels.iter().filter(|_| self.dry_run) {
                writeln!(
                    out,
                    "  {channel} would get a successor of {}",
                    holding.version
                )?;
            }
        }
        for Successor {
            channel,
            from,
            version,
        } in &self.successors
        {
            writeln!(out, "published {version} in place of {from} on {channel}")?;
        }
        if !self.changed {
            writeln!(out, "forgotten already")?;
        }
        let purged = format!(
            "{} snapshots, {} versions in the trash",
            snapshots.len(),
            trash.len()
        );
        writeln!(
            out,
            "{would}purged: {purged}, their reports and cached vectors"
        )?;
        for version in &self.held {
            writeln!(
                out,
                "{version} is still held; the next `ragctl gc` after its last reader removes it"
            )?;
        }
        if let Some(proof) = &self.proof {
            let size = indicatif::BinaryBytes(proof.bytes);
            let verdict = if proof.holds() {
                "nothing is left"
            } else {
                "SOMETHING IS LEFT"
            };
            let Proof { files, texts, .. } = proof;
            writeln!(
                out,
                "{verdict}: {files} files, {size}, were searched for {texts} of their texts, and every list for their ids"
            )?;
            for remains in &proof.remains {
                writeln!(out, "  {}: {}", remains.at.display(), remains.because)?;
            }
        }
        writeln!(out, "not reached: {}", self.remaining_copies)
    }

    fn name(&self) -> Option<String> {
        let names = self
            .successors
            .iter()
            .map(|successor| successor.version.to_string());
        Some(names.collect::<Vec<_>>().join("\n"))
    }
}
