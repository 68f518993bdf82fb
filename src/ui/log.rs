//! The log of a server: events on stderr, one a line.

use std::io;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, registry};

/// How events are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Writes the process's events to stderr from now on: ragctl's own, and of libraries only what they warn of.
pub fn log_to_stderr(format: LogFormat, quiet: bool, verbose: bool) {
    let own = match (quiet, verbose) {
        (true, _) => Level::WARN,
        (false, true) => Level::DEBUG,
        (false, false) => Level::INFO,
    };
    let wanted = Targets::new()
        .with_default(Level::ERROR)
        .with_target("ragctl", own);
    let lines = fmt::layer().with_writer(io::stderr).with_target(false);
    // Whoever set another subscriber before wants that one.
    match format {
        LogFormat::Text => registry()
            .with(wanted)
            .with(lines.with_ansi(false))
            .try_init(),
        LogFormat::Json => registry()
            .with(wanted)
            .with(lines.json().flatten_event(true))
            .try_init(),
    }
    .ok();
}
