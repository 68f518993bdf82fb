//! `ragctl remote`, and what `rollback`, `gc` and `pin` do with one.

mod collect;
mod options;
mod pins;
mod profile;
mod rollback;

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;
use toml_edit::{DocumentMut, Item, Table, value};

pub(super) use collect::collect_remote;
pub(super) use options::{KeyOptions, RemoteOptions, SignsReleases, TrustOptions, TuningOptions};
pub(super) use pins::pin_remote;
pub(super) use rollback::{RemoteRollback, roll_back_remote};

use super::context::Context;
use super::error::CliError;
use crate::config::{FILE, Loaded, RemoteConfig};
use crate::corpus;
use crate::durable::{self, Context as _};
use crate::remote::{self, Address, Overview, RemoteChannel};
use crate::ui::{Answer, table};

/// Name the places that versions are pushed to and pulled from, and look at them
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl remote add origin s3://acme-rag/handbook\n  ragctl remote show\n\nA remote is a directory, s3://, gs:// or az://. Credentials come from where the clouds' own tools\ntake them: the environment (AWS_ACCESS_KEY_ID, GOOGLE_APPLICATION_CREDENTIALS,\nAZURE_STORAGE_ACCOUNT_KEY and so on), ~/.aws, or the machine's role. They are never arguments, and\nnever written down."
)]
pub(super) struct RemoteArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write a remote into ragctl.toml
    Add(AddArgs),
    /// List the remotes of ragctl.toml
    List,
    /// Take a remote out of ragctl.toml; what it holds stays
    Remove(RemoveArgs),
    /// List the versions and channels that a remote holds
    Show(ShowArgs),
}

#[derive(Debug, Args)]
struct AddArgs {
    /// The name, such as origin
    name: String,
    /// A directory, s3://bucket/prefix, gs://bucket/prefix or az://account/container/prefix
    url: String,
    /// The server, where it is not the cloud's own
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// The bucket's region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct RemoveArgs {
    /// The name
    name: String,
    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The remote: a name of ragctl.toml, a URL or a directory; by default the only one, or `origin`
    remote: Option<String>,
    #[command(flatten)]
    tuning: TuningOptions,
}

impl RemoteArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let loaded = context.settings(Vec::new())?;
        match &self.action {
            Action::Add(args) => args.run(context, &loaded),
            Action::List => Ok(context.ui.answer(&Listed::of(&loaded))?),
            Action::Remove(args) => args.run(context, &loaded),
            Action::Show(args) => {
                let remote = args.tuning.open(context, &loaded, args.remote.as_deref())?;
                let overview = remote::overview(&remote, context.ui)?;
                Ok(context.ui.answer(&overview)?)
            }
        }
    }
}

/// What became of a remote's place in the configuration.
#[derive(Serialize)]
struct Written {
    dry_run: bool,
    changed: bool,
    remote: String,
    url: Option<String>,
    config: PathBuf,
}

impl AddArgs {
    fn run(&self, context: &Context<'_>, loaded: &Loaded) -> Result<(), CliError> {
        let named = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if self.name.is_empty() || !self.name.chars().all(named) {
            return Err(CliError::usage(
                format!("`{}` is no name for a remote", self.name),
                "Use letters, digits, - and _.",
            ));
        }
        let address = Address::parse(&self.url, &loaded.path("remote", ""))?;
        address.at(self.endpoint.clone(), self.region.clone())?;
        let known = loaded.config.remotes.get(&self.name);
        let same = |known: &RemoteConfig| {
            (&known.url, &known.endpoint, &known.region)
                == (&self.url, &self.endpoint, &self.region)
        };
        if let Some(known) = known.filter(|known| !same(known)) {
            let url = corpus::redact(&known.url);
            return Err(CliError::usage(
                format!("{} is {url} already", self.name),
                "Take it out first with `ragctl remote remove`, or choose another name.",
            ));
        }
        write(context, loaded, &self.name, self.dry_run, |remotes| {
            if known.is_some() {
                return Some(self.url.clone());
            }
            let mut entry = Table::new();
            entry.insert("url", value(&self.url));
            let more = [("endpoint", &self.endpoint), ("region", &self.region)];
            for (key, given) in more {
                if let Some(given) = given {
                    entry.insert(key, value(given));
                }
            }
            remotes.insert(&self.name, Item::Table(entry));
            Some(self.url.clone())
        })
    }
}

impl RemoveArgs {
    fn run(&self, context: &Context<'_>, loaded: &Loaded) -> Result<(), CliError> {
        if !loaded.config.remotes.contains_key(&self.name) {
            return Err(CliError::usage(
                format!("there is no remote `{}`", self.name),
                "`ragctl remote list` shows what there is.",
            ));
        }
        write(context, loaded, &self.name, self.dry_run, |remotes| {
            remotes.remove(&self.name);
            None
        })
    }
}

/// Changes the remotes in ragctl.toml and leaves everything else as the person wrote it.
fn write(
    context: &Context<'_>,
    loaded: &Loaded,
    name: &str,
    dry_run: bool,
    change: impl FnOnce(&mut Table) -> Option<String>,
) -> Result<(), CliError> {
    let config = loaded.file.clone();
    let config = config.unwrap_or_else(|| context.working_dir.join(FILE));
    let before = match fs::read_to_string(&config).context(&config) {
        Err(e) if e.is_not_found() => String::new(),
        other => other?,
    };
    let wrong = |e: toml_edit::TomlError| CliError::usage(e.to_string(), "Mend the file first.");
    let mut document: DocumentMut = before.parse().map_err(wrong)?;
    let remotes = document.entry("remote").or_insert_with(|| {
        let mut remotes = Table::new();
        remotes.set_implicit(true);
        Item::Table(remotes)
    });
    let Some(remotes) = remotes.as_table_mut() else {
        return Err(CliError::usage(
            format!("`remote` in {} is no table", config.display()),
            "Write each remote under its own heading, such as [remote.origin].",
        ));
    };
    let url = change(remotes);
    let after = document.to_string();
    let changed = after != before;
    if changed && !dry_run {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&config).map_or(0o644, |found| found.permissions().mode());
        durable::write_atomic(&config, after.as_bytes(), mode & 0o7777)?;
    }
    Ok(context.ui.answer(&Written {
        dry_run,
        changed,
        remote: name.to_owned(),
        url,
        config,
    })?)
}

impl Answer for Written {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let would = if self.dry_run { "would have " } else { "" };
        let config = self.config.display();
        match (&self.url, self.changed) {
            (_, false) => writeln!(out, "{config} says so already; nothing was done"),
            (Some(url), true) => writeln!(out, "{would}added {} = {url} to {config}", self.remote),
            (None, true) => writeln!(out, "{would}removed {} from {config}", self.remote),
        }
    }

    fn name(&self) -> Option<String> {
        Some(self.remote.clone())
    }
}

/// The remotes of the configuration.
#[derive(Serialize)]
struct Listed {
    remotes: Vec<Named>,
}

#[derive(Serialize)]
struct Named {
    name: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
}

impl Listed {
    fn of(loaded: &Loaded) -> Self {
        let remotes = loaded.config.remotes.iter().map(|(name, remote)| Named {
            name: name.clone(),
            url: corpus::redact(&remote.url),
            endpoint: remote.endpoint.as_deref().map(corpus::redact),
        });
        Self {
            remotes: remotes.collect(),
        }
    }
}

impl Answer for Listed {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.remotes.is_empty() {
            return writeln!(out, "no remote is configured");
        }
        let rows = self.remotes.iter().map(|remote| {
            let endpoint = remote.endpoint.clone().unwrap_or_default();
            vec![remote.name.clone(), remote.url.clone(), endpoint]
        });
        write!(out, "{}", table(&["REMOTE", "URL", "ENDPOINT"], rows))
    }

    fn name(&self) -> Option<String> {
        let names = self.remotes.iter().map(|remote| remote.name.clone());
        Some(names.collect::<Vec<_>>().join("\n"))
    }
}

impl Answer for Overview {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.remote)?;
        for RemoteChannel { channel, pointer } in &self.channels {
            writeln!(
                out,
                "{channel} is {}, release {} of {:.0}",
                pointer.version, pointer.generation, pointer.published_at
            )?;
        }
        if self.versions.is_empty() {
            return writeln!(out, "it holds no version");
        }
        let rows = self.versions.iter().rev().map(|version| {
            let mut notes = Vec::new();
            notes.extend(version.signed.then(|| "signed".to_owned()));
            notes.extend(version.pinned.as_ref().map(|why| match why.is_empty() {
                true => "pinned".to_owned(),
                false => format!("pinned: {why}"),
            }));
            vec![
                version.version.to_string(),
                version.documents.to_string(),
                version.chunks.to_string(),
                indicatif::BinaryBytes(version.bytes).to_string(),
                version.manifest_sha256.short(),
                notes.join(", "),
            ]
        });
        let columns = ["VERSION", "DOCUMENTS", "CHUNKS", "SIZE", "MANIFEST", ""];
        write!(out, "{}", table(&columns, rows))
    }

    fn name(&self) -> Option<String> {
        let names = self
            .versions
            .iter()
            .map(|version| version.version.to_string());
        Some(names.collect::<Vec<_>>().join("\n"))
    }
}
