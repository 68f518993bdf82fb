//! `ragctl build`

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use semver::Prerelease;
use serde::Serialize;

use super::context::{Context, LockOptions, ModelOptions};
use super::error::CliError;
use super::gates::{golden_file, index_policy};
use crate::build::{self, Naming, Request};
use crate::config::{Loaded, Override};
use crate::digest::Digest;
use crate::embed;
use crate::index::VectorIndex;
use crate::model::Model;
use crate::snapshot::Snapshot;
use crate::store::{self, Bump, Counts, Store, VersionName};
use crate::ui::Answer;

/// Build a snapshot into a sealed, immutable version
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl publish \"$(ragctl build -o name)\"\n\nWithout a name, the next one is taken: major when the model changed, minor when documents\nor chunking did, else patch."
)]
pub(super) struct BuildArgs {
    /// The version's name, such as v1.4.0
    version: Option<VersionName>,
    #[command(flatten)]
    options: BuildOptions,
    /// The snapshot, or the beginning of its id; the newest by default
    #[arg(long, value_name = "ID")]
    snapshot: Option<String>,
    #[command(flatten)]
    model: ModelOptions,
    /// Build nothing when the live version, or a newer one, says the same
    #[arg(long)]
    if_changed: bool,
    #[command(flatten)]
    lock: LockOptions,
    /// Say what would be built, and build nothing
    #[arg(long)]
    dry_run: bool,
}

/// What `build` and `run` share.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct BuildOptions {
    /// Which number rises
    #[arg(long, value_enum, default_value = "auto")]
    bump: BumpChoice,
    /// Make it a pre-release, such as rc1
    #[arg(long, value_name = "PRE", value_parser = prerelease)]
    pre: Option<Prerelease>,
    /// A word of your own about the version
    #[arg(long, value_name = "KEY=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// What finds vectors: auto, exact, IVF_RQ, IVF_HNSW_SQ, IVF_SQ, IVF_PQ
    #[arg(long, value_name = "KIND")]
    index: Option<VectorIndex>,
    /// Chunks below which `auto` builds no vector index
    #[arg(long, value_name = "N")]
    exact_below: Option<u64>,
    /// The language of the text index, or `none`
    #[arg(long, value_name = "LANGUAGE")]
    text_language: Option<String>,
    /// Golden queries that the version carries along
    #[arg(long, value_name = "FILE")]
    golden: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum BumpChoice {
    #[default]
    Auto,
    Major,
    Minor,
    Patch,
}

fn prerelease(text: &str) -> Result<Prerelease, String> {
    match Prerelease::new(text) {
        Ok(pre) if !pre.is_empty() => Ok(pre),
        Ok(_) => Err("it is empty".into()),
        Err(e) => Err(e.to_string()),
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl BuildOptions {
    /// The options as layers over the configuration.
    pub(super) fn overrides(&self) -> Vec<Override> {
        let given = [
            (
                "index.vector",
                "index",
                self.index.map(|kind| kind.to_string()),
            ),
            (
                "index.exact_below",
                "exact-below",
                self.exact_below.map(|number| number.to_string()),
            ),
            (
                "index.text_language",
                "text-language",
                self.text_language.clone(),
            ),
            ("golden.file", "golden", self.golden.clone()),
        ];
        let layer = |(key, flag, value): (_, _, Option<String>)| {
            Some(Override {
                key,
                flag,
                value: value?,
            })
        };
        given.into_iter().filter_map(layer).collect()
    }

    /// What they ask of a build.
    pub(super) fn request(
        &self,
        version: Option<VersionName>,
        if_changed: bool,
        lock: &LockOptions,
        loaded: &Loaded,
    ) -> Result<Request, CliError> {
        let bump = match self.bump {
            BumpChoice::Auto => None,
            BumpChoice::Major => Some(Bump::Major),
            BumpChoice::Minor => Some(Bump::Minor),
            BumpChoice::Patch => Some(Bump::Patch),
        };
        let next = Naming::Next {
            bump,
            pre: self.pre.clone().unwrap_or(Prerelease::EMPTY),
        };
        Ok(Request {
            naming: version.map_or(next, Naming::Exactly),
            labels: self.label.iter().cloned().collect::<BTreeMap<_, _>>(),
            if_changed,
            replacing: None,
            index: index_policy(loaded)?,
            golden: golden_file(loaded)?,
            lock_timeout: lock.lock_timeout,
        })
    }
}

/// What was built, or would be.
#[derive(Serialize)]
pub(super) struct Answered {
    dry_run: bool,
    pub(super) changed: bool,
    pub(super) version: VersionName,
    path: PathBuf,
    content_digest: Digest,
    build_digest: Digest,
    snapshot: Digest,
    #[serde(flatten)]
    counts: Counts,
    embedded: u64,
    disk_bytes: Option<u64>,
    index: Option<store::Index>,
}

impl Answered {
    /// How much the version holds.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }
}

/// Builds a snapshot with a model whose files are open.
pub(super) fn build_now(
    context: &Context<'_>,
    loaded: &Loaded,
    store: &Store,
    snapshot: &Snapshot,
    model: Model,
    request: &Request,
) -> Result<Answered, CliError> {
    let device = || context.device(loaded);
    let built = build::build(store, snapshot, model, device, request, context.ui)?;
    context.tell_recovered(&built.recovered);
    Ok(Answered {
        dry_run: false,
        changed: built.changed,
        path: store.version_dir(&built.sealed.name),
        version: built.sealed.name,
        content_digest: built.manifest.content_digest,
        build_digest: built.manifest.build_digest,
        snapshot: snapshot.id,
        counts: built.manifest.counts,
        embedded: built.embedded,
        disk_bytes: Some(built.manifest.resources.disk_bytes),
        index: built
            .manifest
            .tables
            .into_iter()
            .flat_map(|table| table.indexes)
            .find(|index| index.kind == "vector"),
    })
}

impl BuildArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let overrides = self
            .model
            .overrides()
            .into_iter()
            .chain(self.options.overrides())
            .collect();
        let loaded = context.settings(overrides)?;
        let store = context.store(&loaded)?;
        let snapshot = Snapshot::open(&store, self.snapshot.as_deref())?;
        let request =
            self.options
                .request(self.version.clone(), self.if_changed, &self.lock, &loaded)?;
        let model = context.model(&loaded)?;
        let answer = if self.dry_run {
            let plan = build::plan(&store, &snapshot, &model.space, &request)?;
            let cache = embed::Cache::open(
                &store.cache_dir(),
                &model.space.fingerprint(),
                embed::NUMERICS,
            )?;
            let texts = build::embedded_texts(&snapshot, &model.space)?;
            let version = plan.same.clone().unwrap_or(plan.name);
            Answered {
                dry_run: true,
                changed: plan.same.is_none(),
                path: store.version_dir(&version),
                version,
                content_digest: plan.content_digest,
                build_digest: plan.build_digest,
                snapshot: snapshot.id,
                counts: snapshot.settings.counts,
                embedded: embed::missing(&cache, texts)?.embedded,
                disk_bytes: None,
                index: None,
            }
        } else {
            build_now(context, &loaded, &store, &snapshot, model, &request)?
        };
        Ok(context.ui.answer(&answer)?)
    }
}

impl Answer for Answered {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        if !self.changed {
            return writeln!(
                out,
                "{} already holds this content; nothing was built",
                self.version
            );
        }
        let verb = if self.dry_run { "would build" } else { "built" };
        writeln!(out, "{verb} {}", self.version)?;
        writeln!(out, "content  {}", self.content_digest.short())?;
        writeln!(
            out,
            "holds    {} documents, {} chunks ({} embedded now)",
            self.counts.documents, self.counts.chunks, self.embedded
        )?;
        if let Some(bytes) = self.disk_bytes {
            writeln!(out, "size     {}", indicatif::BinaryBytes(bytes))?;
            match &self.index {
                None => writeln!(out, "index    none: search is exact")?,
                Some(index) => writeln!(
                    out,
                    "index    {}, recall@10 {:.4}, {:.1} ms",
                    index
                        .params
                        .get("type")
                        .and_then(serde_json::Value::as_str)
                        .unwrap_or(&index.kind),
                    index.recall.unwrap_or(f64::NAN),
                    index.latency_ms.unwrap_or(f64::NAN),
                )?,
            }
        }
        writeln!(out, "lies in  {}", self.path.display())
    }

    fn name(&self) -> Option<String> {
        Some(self.version.to_string())
    }
}
