//! `ragctl bench query`

use std::fs;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::super::context::Context;
use super::super::error::CliError;
use super::baseline::BaselineOptions;
use crate::bench::query::{Outcome, Point, Request, measure};
use crate::durable::Context as _;
use crate::store::VersionName;
use crate::ui::{Answer, table};

#[derive(Debug, Args)]
pub(super) struct QueryArgs {
    /// The version; the live one by default
    version: Option<VersionName>,
    /// Stored vectors that are asked; each one's own row counts for nothing
    #[arg(long, value_name = "N", default_value = "200")]
    queries: NonZeroUsize,
    /// Clients that ask at once, a measurement each
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,2")]
    clients: Vec<NonZeroUsize>,
    /// How often each client asks everything
    #[arg(long, value_name = "N", default_value = "5")]
    rounds: NonZeroUsize,
    /// Leave exact search out, which looks at every chunk
    #[arg(long)]
    no_exact: bool,
    /// Write recall against latency there, as SVG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    baseline: BaselineOptions,
}

impl QueryArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        self.baseline.earlier(context)?;
        let store = context.only_store()?;
        let held = store.hold(self.version.as_ref())?;
        let request = Request {
            held: &held,
            queries: self.queries,
            clients: &self.clients,
            rounds: self.rounds,
            exact: !self.no_exact,
        };
        let outcome = measure(&request, context.ui)?;
        if let Some(path) = &self.plot {
            let path = context.working_dir.join(path);
            fs::write(&path, outcome.plot()).context(&path)?;
        }
        self.baseline.answer(context, &outcome, &outcome.figures)
    }
}

impl Answer for Outcome {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{}: {} chunks, index {}, {} hits a search",
            self.version, self.rows, self.index, self.k
        )?;
        let row = |point: &Point| {
            let mark = if point.chosen { " (chosen)" } else { "" };
            vec![
                format!("{}{mark}", point.setting),
                format!("{:.4}", point.recall),
                format!("{:.2}", point.p50_ms),
                format!("{:.2}", point.p99_ms),
                format!("{:.0}", point.per_second),
            ]
        };
        let rows = self.curve.iter().chain(&self.exact).map(row);
        let headings = ["SETTING", "RECALL@10", "P50 MS", "P99 MS", "SEARCHES/S"];
        write!(out, "{}", table(&headings, rows))?;
        let rows = self.clients.iter().map(|load| {
            vec![
                load.clients.to_string(),
                format!("{:.0}", load.per_second),
                format!("{:.2}", load.p50_ms),
                format!("{:.2}", load.p95_ms),
                format!("{:.2}", load.p99_ms),
            ]
        });
        let headings = ["CLIENTS", "SEARCHES/S", "P50 MS", "P95 MS", "P99 MS"];
        write!(out, "{}", table(&headings, rows))
    }
}
