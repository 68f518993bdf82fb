//! `ragctl report`

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::BinaryBytes;
use serde::Serialize;

use super::context::{Context, ModelOptions};
use super::diff::{Comparison, golden_queries};
use super::error::CliError;
use crate::durable;
use crate::report::{Golden, Subject, gather, render};
use crate::store::VersionName;
use crate::ui::Answer;
use crate::verify::Report;

/// Write one page about a version: what is in it, what it finds, how it differs from another
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl report v1.4.0 --against v1.3.0 --file report.html\n\nThe page is one HTML file that needs no network. It shows the last verification; run `ragctl verify`\nfirst."
)]
pub(super) struct ReportArgs {
    /// The version; the live one by default
    version: Option<VersionName>,
    /// The version that it is compared with
    #[arg(long, value_name = "VERSION")]
    against: Option<VersionName>,
    /// Where the page is written; ragctl-VERSION.html by default
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The golden queries; by default those that the version carries
    #[arg(long, value_name = "FILE")]
    golden: Option<PathBuf>,
    #[command(flatten)]
    model: ModelOptions,
}

#[derive(Serialize)]
struct Written {
    version: VersionName,
    against: Option<VersionName>,
    file: PathBuf,
    bytes: u64,
}

impl ReportArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let loaded = context.settings(self.model.overrides())?;
        let store = context.store(&loaded)?;
        let held = store.hold(self.version.as_ref())?;
        let against = self.against.as_ref();
        let against = against.map(|name| store.hold(Some(name))).transpose()?;
        let sides = [&held, against.as_ref().unwrap_or(&held)];
        let queries = golden_queries(context, self.golden.as_ref(), sides)?;
        let comparison = Comparison {
            context,
            loaded: &loaded,
            store: &store,
            queries: queries.as_deref(),
        };
        let now = comparison.ask(&held)?;
        let before = against
            .as_ref()
            .map(|held| comparison.ask(held))
            .transpose()?;
        let before = before.flatten();
        let diff = against
            .as_ref()
            .map(|from| comparison.diff([from, &held], before.as_deref(), now.as_deref()))
            .transpose()?;
        let kept = Report::kept(&store, &held.name)?;
        // The deepest look at this very manifest, and the last of them.
        let verified = kept
            .iter()
            .filter(|report| report.manifest_sha256 == held.manifest_sha256)
            .max_by_key(|report| (report.level, report.started));
        let golden = queries.as_deref().zip(now.as_deref());
        let subject = Subject {
            held: &held,
            against: against.as_ref().zip(diff.as_ref()),
            verified,
            golden: golden.map(|(queries, answers)| Golden {
                queries,
                answers,
                before: before.as_deref(),
            }),
            store: store_name(store.root()),
        };
        let page = render(&gather(&subject, context.ui)?);
        let default = || PathBuf::from(format!("ragctl-{}.html", held.name));
        let file = self.file.clone().unwrap_or_else(default);
        let file = context.working_dir.join(file);
        durable::write_atomic(&file, page.as_bytes(), 0o644)?;
        Ok(context.ui.answer(&Written {
            version: held.name.clone(),
            against: self.against.clone(),
            bytes: page.len() as u64,
            file,
        })?)
    }
}

/// What the store is called: its directory, or the one above where it is called what every store is.
fn store_name(root: &Path) -> String {
    let name = |path: &Path| {
        path.file_name()
            .map(|name| name.to_string_lossy().into_owned())
    };
    let own = name(root).unwrap_or_default();
    match root.parent().and_then(name) {
        Some(above) if own == "store" => format!("{above}/{own}"),
        _ => own,
    }
}

impl Answer for Written {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "wrote {} ({})",
            self.file.display(),
            BinaryBytes(self.bytes)
        )
    }

    fn name(&self) -> Option<String> {
        Some(self.file.display().to_string())
    }
}
