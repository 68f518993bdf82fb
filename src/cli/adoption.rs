//! Options that have a release wait until readers have taken it up.

use std::env;
use std::time::Duration;

use clap::Args;
use url::Url;

use super::context::{Context, duration};
use super::error::CliError;
use crate::adopt::{Wanted, wait};
use crate::store::{Store, VersionName};

#[derive(Debug, Clone, Default, Args)]
pub(super) struct AdoptionOptions {
    /// Wait this long for readers to take the release up, and end with exit code 18 where they do not
    #[arg(long, value_name = "TIME", value_parser = duration)]
    wait_adopted: Option<Duration>,
    /// How many readers of this host must hold it for two seconds; 1 by default, or 0 where servers are named
    #[arg(long, value_name = "N", requires = "wait_adopted")]
    min_readers: Option<usize>,
    /// A server that must serve it, such as http://search:8080, which is shown RAGCTL_TOKEN
    #[arg(long, value_name = "URL", requires = "wait_adopted")]
    reader_url: Vec<Url>,
}

impl AdoptionOptions {
    /// Waits, where that is asked for.
    pub(super) fn wait(
        &self,
        context: &Context<'_>,
        store: &Store,
        version: &VersionName,
    ) -> Result<(), CliError> {
        let Some(within) = self.wait_adopted else {
            return Ok(());
        };
        let token = env::var("RAGCTL_TOKEN").ok();
        let token = token
            .map(|token| token.trim().to_owned())
            .filter(|token| !token.is_empty());
        let adopted = wait(
            &Wanted {
                store,
                version,
                min_readers: self
                    .min_readers
                    .unwrap_or(usize::from(self.reader_url.is_empty())),
                urls: &self.reader_url,
                token: token.as_deref(),
                within,
            },
            context.ui,
        )?;
        context.ui.status(&format!(
            "{version} was taken up within {:.1} s: {} readers hold it, {} servers serve it",
            adopted.took.as_secs_f64(),
            adopted.readers,
            adopted.servers
        ));
        Ok(())
    }
}
