//! The command line: one file a command, each its arguments, its run, and how its outcome reads.

mod adoption;
mod annotations;
mod bench;
mod build;
mod cache;
mod child;
mod completions;
mod config;
mod conformance;
mod context;
mod demo;
mod diff;
mod doctor;
mod embed;
mod error;
mod export;
mod forget;
mod gates;
mod gc;
mod golden;
mod history;
mod hooks;
mod import;
mod ingest;
mod init;
mod inspect;
mod list;
mod man;
mod model;
mod pin;
mod promote;
mod publish;
mod pull;
mod push;
mod query;
mod remote;
mod report;
mod resolve;
mod rollback;
mod run;
mod serve;
mod show;
mod sign;
mod status;
mod verify;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::corpus::{self, WORKER_COMMAND};
use crate::ui::{self, ColorMode, Output, ProgressMode, Signals, Ui};
pub use completions::scripts;
pub use man::pages;

use context::Context;
use error::CliError;

/// Build, version, verify and publish vector stores that running servers pick up without a restart.
#[derive(Debug, Parser)]
#[command(
    name = "ragctl",
    version,
    disable_help_subcommand = true,
    max_term_width = 100
)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
struct GlobalArgs {
    /// The store's directory [env: RAGCTL_STORE]
    #[arg(long, global = true, value_name = "DIR")]
    store: Vec<PathBuf>,
    /// The configuration; by default ragctl.toml here or above [env: RAGCTL_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Run as if started in this directory
    #[arg(short = 'C', global = true, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// How the answer is written
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "human"
    )]
    output: Output,
    /// Same as --output json
    #[arg(long, global = true, conflicts_with = "output")]
    json: bool,
    /// How long work shows itself on stderr
    #[arg(long, global = true, value_name = "MODE", default_value = "auto")]
    progress: ProgressMode,
    /// When stderr has colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorMode,
    /// Never touch the network
    #[arg(long, global = true)]
    offline: bool,
    /// Tell nothing on stderr but warnings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Tell more on stderr
    #[arg(short, long, global = true)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Ingest(Box<ingest::IngestArgs>),
    Embed(embed::EmbedArgs),
    Build(build::BuildArgs),
    Verify(verify::VerifyArgs),
    Publish(publish::PublishArgs),
    Run(run::RunArgs),
    Rollback(rollback::RollbackArgs),
    Status(status::StatusArgs),
    Init(init::InitArgs),
    Promote(promote::PromoteArgs),
    Pin(pin::PinArgs),
    Gc(gc::GcArgs),
    Forget(forget::ForgetArgs),
    List(list::ListArgs),
    Show(show::ShowArgs),
    History(history::HistoryArgs),
    Diff(diff::DiffArgs),
    Report(report::ReportArgs),
    Golden(golden::GoldenArgs),
    Query(query::QueryArgs),
    Serve(Box<serve::ServeArgs>),
    Resolve(resolve::ResolveArgs),
    Watch(watch::WatchArgs),
    Conformance(Box<conformance::ConformanceArgs>),
    Push(push::PushArgs),
    Pull(pull::PullArgs),
    Remote(remote::RemoteArgs),
    Cache(cache::CacheArgs),
    Sign(sign::SignArgs),
    Export(export::ExportArgs),
    Import(import::ImportArgs),
    Demo(demo::DemoArgs),
    Inspect(inspect::InspectArgs),
    Model(model::ModelArgs),
    Bench(bench::BenchArgs),
    Doctor(doctor::DoctorArgs),
    Config(config::ConfigArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// The commands as help lists them: what everybody needs first, the rest by what it is about.
const GROUPS: [(&str, &[&str]); 5] = [
    (
        "Commands",
        &[
            "ingest", "embed", "build", "verify", "publish", "run", "rollback", "status",
        ],
    ),
    (
        "Store",
        &[
            "init", "list", "show", "history", "diff", "report", "promote", "pin", "gc", "forget",
        ],
    ),
    (
        "Readers",
        &["query", "serve", "resolve", "watch", "conformance"],
    ),
    (
        "Remotes",
        &[
            "push", "pull", "remote", "cache", "sign", "export", "import",
        ],
    ),
    (
        "Support",
        &[
            "demo",
            "inspect",
            "golden",
            "model",
            "bench",
            "doctor",
            "config",
            "completions",
            "man",
        ],
    ),
];

impl Command {
    /// Whether a signal should end it between two pieces of work, with a clean state. The others leave nothing behind, so
    /// that the signal may end them where they are.
    fn stops_cleanly(&self) -> bool {
        matches!(
            self,
            Self::Ingest(_)
                | Self::Embed(_)
                | Self::Build(_)
                | Self::Verify(_)
                | Self::Publish(_)
                | Self::Run(_)
                | Self::Rollback(_)
                | Self::Init(_)
                | Self::Promote(_)
                | Self::Pin(_)
                | Self::Gc(_)
                | Self::Forget(_)
                | Self::Watch(_)
                | Self::Serve(_)
                | Self::Model(_)
                | Self::Doctor(_)
                | Self::Conformance(_)
                | Self::Push(_)
                | Self::Pull(_)
                | Self::Cache(_)
                | Self::Export(_)
                | Self::Import(_)
        ) || matches!(self, Self::Bench(args) if args.serves())
    }

    fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        match self {
            Self::Ingest(args) => args.run(context),
            Self::Embed(args) => args.run(context),
            Self::Build(args) => args.run(context),
            Self::Verify(args) => args.run(context),
            Self::Publish(args) => args.run(context),
            Self::Run(args) => args.run(context),
            Self::Rollback(args) => args.run(context),
            Self::Status(args) => args.run(context),
            Self::Init(args) => args.run(context),
            Self::Promote(args) => args.run(context),
            Self::Pin(args) => args.run(context),
            Self::Gc(args) => args.run(context),
            Self::Forget(args) => args.run(context),
            Self::List(args) => args.run(context),
            Self::Show(args) => args.run(context),
            Self::History(args) => args.run(context),
            Self::Diff(args) => args.run(context),
            Self::Report(args) => args.run(context),
            Self::Golden(args) => args.run(context),
            Self::Query(args) => args.run(context),
            Self::Serve(args) => args.run(context),
            Self::Resolve(args) => args.run(context),
            Self::Watch(args) => args.run(context),
            Self::Conformance(args) => args.run(context),
            Self::Push(args) => args.run(context),
            Self::Pull(args) => args.run(context),
            Self::Remote(args) => args.run(context),
            Self::Cache(args) => args.run(context),
            Self::Sign(args) => args.run(context),
            Self::Export(args) => args.run(context),
            Self::Import(args) => args.run(context),
            Self::Demo(args) => args.run(context),
            Self::Inspect(args) => args.run(context),
            Self::Model(args) => args.run(context),
            Self::Bench(args) => args.run(context),
            Self::Doctor(args) => args.run(context),
            Self::Config(args) => args.run(context),
            Self::Completions(args) => args.run(context),
            Self::Man(args) => args.run(context),
        }
    }
}

/// Returns the command line's definition, which help, completions and man pages are made from.
pub fn command() -> clap::Command {
    let command = Cli::command();
    let mut listing = String::new();
    for (heading, names) in GROUPS {
        listing.push_str(&format!("{heading}:\n"));
        for name in names {
            let about = command
                .find_subcommand(name)
                .and_then(clap::Command::get_about)
                .map(ToString::to_string);
            listing.push_str(&format!("  {name:<12} {}\n", about.unwrap_or_default()));
        }
        listing.push('\n');
    }
    let example = "Example:\n  ragctl init && ragctl ingest docs/ && ragctl publish \"$(ragctl build -o name)\"";
    command
        .help_template(format!("{{before-help}}{{about}}\n\n{{usage-heading}} {{usage}}\n\n{listing}Options:\n{{options}}{{after-help}}"))
        .before_long_help(example)
        .after_help("`ragctl COMMAND --help` tells more. Exit codes: README, or `man ragctl`.")
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    // Asked before anything is parsed or set up: a worker has limits and no terminal, and nobody starts one by hand.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|arg| arg == WORKER_COMMAND)
    {
        let served = corpus::serve_worker(std::io::stdin(), ui::raw_output());
        return ExitCode::from(u8::from(served.is_err()));
    }
    ExitCode::from(run(std::env::args_os(), &Signals::default()))
}

/// Runs one command line and returns its exit code.
fn run(args: impl IntoIterator<Item = OsString>, signals: &Signals) -> u8 {
    let parsed = command()
        .try_get_matches_from(args)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version are answers; a wrong command line is told on stderr.
            e.print().ok();
            return u8::try_from(e.exit_code()).unwrap_or(2);
        }
    };
    let global = &cli.global;
    let output = if global.json {
        Output::Json
    } else {
        global.output
    };
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let ui = Ui::new(
        output,
        global.progress,
        global.color,
        no_color,
        global.quiet,
        global.verbose,
        signals.clone(),
    );
    if cli.command.stops_cleanly()
        && let Err(e) = signals.listen()
    {
        ui.warn(&format!("signals cannot be handled: {e}"));
    }
    match Context::new(&ui, global).and_then(|context| cli.command.run(&context)) {
        Ok(()) => 0,
        Err(e) if e.is_broken_pipe() => 0,
        Err(e) => {
            if e.is_interrupted() {
                ui.warn(e.message());
            } else {
                ui.error(e.message(), e.hint());
            }
            e.exit_code(ui.signals().received())
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_command_stands_in_one_group_of_help() {
        let command = super::command();
        command.clone().debug_assert();
        let mut listed: Vec<&str> = super::GROUPS
            .iter()
            .flat_map(|(_, names)| names.iter().copied())
            .collect();
        let mut known: Vec<&str> = command
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known);
    }
}
