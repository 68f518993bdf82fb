//! `ragctl config`

use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use crate::config::Config;
use crate::ui::{Answer, table};

/// Show the settings and what they mean
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  ragctl config show --origin")]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show every setting
    Show {
        /// Say where each value came from
        #[arg(long)]
        origin: bool,
    },
    /// Print the JSON schema of ragctl.toml, which documents every key
    Schema,
}

#[derive(Serialize)]
struct Settings {
    settings: Vec<Setting>,
    #[serde(skip)]
    with_origin: bool,
}

#[derive(Serialize)]
struct Setting {
    key: String,
    value: String,
    origin: String,
}

impl ConfigArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        match self.action {
            Action::Show { origin } => {
                let settings = context.settings(Vec::new())?.settings().into_iter();
                let settings = settings.map(|(key, value, origin)| Setting {
                    key,
                    value,
                    origin: origin.to_string(),
                });
                Ok(context.ui.answer(&Settings {
                    settings: settings.collect(),
                    with_origin: origin,
                })?)
            }
            Action::Schema => {
                let mut text =
                    serde_json::to_vec_pretty(&schemars::schema_for!(Config)).unwrap_or_default();
                text.push(b'\n');
                Ok(context.ui.document(&text)?)
            }
        }
    }
}

impl Answer for Settings {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        if !self.with_origin {
            return self
                .settings
                .iter()
                .try_for_each(|setting| writeln!(out, "{} = {}", setting.key, setting.value));
        }
        let rows = self.settings.iter().map(|setting| {
            vec![
                setting.key.clone(),
                setting.value.clone(),
                setting.origin.clone(),
            ]
        });
        write!(out, "{}", table(&["KEY", "VALUE", "ORIGIN"], rows))
    }
}
