//! `ragctl init`

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use crate::config::{FILE, TEMPLATE};
use crate::durable;
use crate::store::{self, LeaseKind, Store};
use crate::ui::Answer;

/// Create a store and a commented ragctl.toml
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  ragctl init --store /srv/knowledge/store")]
pub(super) struct InitArgs {
    /// Who reads and writes the store
    #[arg(long, value_enum, default_value = "world")]
    shared: Shared,
    /// How far readers' leases reach; by default what the filesystem's type tells
    #[arg(long, value_enum, value_name = "KIND")]
    leases: Option<Leases>,
    /// Say what would be created, and create nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shared {
    /// Its owner alone reads and writes
    Owner,
    /// Members of its group read and write: builders, publishers, gc and servers may be different users
    Group,
    /// Everybody reads, its owner alone writes
    World,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Leases {
    /// The kernel's locks reach every reader
    Kernel,
    /// Readers on other hosts write heartbeats: they mount leases/ writable
    Heartbeat,
    /// Readers on other hosts cannot be seen: gc waits for --grace-unleased
    None,
}

#[derive(Serialize)]
struct Created {
    dry_run: bool,
    changed: bool,
    store: PathBuf,
    config: PathBuf,
    wrote_config: bool,
}

impl InitArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let loaded = context.settings_for_init()?;
        let store = context.store_path(&loaded);
        let config = context.global.config.clone().map_or_else(
            || context.working_dir.join(FILE),
            |path| context.working_dir.join(path),
        );
        let known = match Store::open(&store) {
            Ok(_) => true,
            Err(store::Error::NoStore(_)) => false,
            Err(e) => return Err(e.into()),
        };
        let wrote_config = loaded.file.is_none();
        if !self.dry_run {
            let shared = match self.shared {
                Shared::Owner => store::Shared::Owner,
                Shared::Group => store::Shared::Group,
                Shared::World => store::Shared::World,
            };
            let leases = self.leases.map(|leases| match leases {
                Leases::Kernel => LeaseKind::Kernel,
                Leases::Heartbeat => LeaseKind::Heartbeat,
                Leases::None => LeaseKind::None,
            });
            Store::create(&store, shared, leases)?;
            if wrote_config {
                let text = TEMPLATE.replace(
                    "store = \"store\"",
                    &format!("store = {}", toml::Value::from(loaded.config.store.clone())),
                );
                durable::write_atomic(&config, text.as_bytes(), 0o644)?;
            }
        }
        let config = loaded.file.unwrap_or(config);
        Ok(context.ui.answer(&Created {
            dry_run: self.dry_run,
            changed: !known || wrote_config,
            store,
            config,
            wrote_config,
        })?)
    }
}

impl Answer for Created {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let verb = |new: bool| match (new, self.dry_run) {
            (true, true) => "would create",
            (true, false) => "created",
            (false, _) => "kept",
        };
        writeln!(
            out,
            "{} the store {}",
            verb(self.changed),
            self.store.display()
        )?;
        writeln!(out, "{} {}", verb(self.wrote_config), self.config.display())?;
        writeln!(
            out,
            "Next: name your documents in it, or run `ragctl ingest PATH`."
        )
    }
}
