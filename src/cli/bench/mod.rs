//! `ragctl bench`

mod baseline;
mod embed;
mod query;
mod reload;

use clap::{Args, Subcommand};

use super::context::Context;
use super::error::CliError;

/// Measure what this machine does
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl bench embed --texts chunks.json --compare f32\n  ragctl bench query --clients 1,2 --json > before.json\n  ragctl bench query --clients 1,2 --baseline before.json --max-regression 5%"
)]
pub(super) struct BenchArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Measure how fast texts are embedded, beside what the processor can do at most
    Embed(embed::EmbedArgs),
    /// Measure how fast a version answers, against how much of what exact search finds it finds
    Query(query::QueryArgs),
    /// Measure what reloads cost a server under load
    Reload(Box<reload::ReloadArgs>),
}

impl BenchArgs {
    /// Whether it starts a server, which must not outlive it.
    pub(super) fn serves(&self) -> bool {
        matches!(self.what, What::Reload(_))
    }

    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        match &self.what {
            What::Embed(args) => args.run(context),
            What::Query(args) => args.run(context),
            What::Reload(args) => args.run(context),
        }
    }
}
