//! The only place that prints. The answer goes to stdout, everything else to stderr; how, is decided once.

mod escape;
mod log;
mod progress;
mod signals;
mod table;

use std::io::{self, IsTerminal as _, Write};

use serde::Serialize;

pub use escape::{escape, escape_line};
pub use log::{LogFormat, log_to_stderr};
pub use signals::Signals;
pub use table::table;

use crate::durable::io_kind;
use crate::fault::{Fault, Kind};
use progress::Bars;

/// The version of the JSON answers.
pub const SCHEMA_VERSION: u32 = 1;

/// How the answer is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Human,
    /// One JSON document.
    Json,
    /// Only the name of what the command made or moved.
    Name,
}

/// How long work shows itself on stderr.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ProgressMode {
    /// Bars on a terminal, else a line every 10 seconds.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// Not at all.
    None,
}

/// When stderr has colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorMode {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What a command answers: as JSON by its fields, for people as it writes itself.
pub trait Answer: Serialize {
    /// Writes it for people.
    fn human(&self, out: &mut dyn Write) -> io::Result<()>;

    /// The one name that scripts want of it.
    fn name(&self) -> Option<String> {
        None
    }
}

/// The answer could not be written. What the command did, it did.
#[derive(Debug, thiserror::Error)]
#[error("the answer could not be written to standard output: {0}")]
pub struct AnswerError(#[from] io::Error);

impl Fault for AnswerError {
    fn kind(&self) -> Kind {
        io_kind(&self.0)
    }

    fn hint(&self) -> Option<String> {
        Some("What the command had to do is done; only its answer is lost.".into())
    }
}

/// The person's two streams.
pub struct Ui {
    output: Output,
    quiet: bool,
    verbose: bool,
    color: bool,
    bars: Bars,
    signals: Signals,
}

#[derive(Serialize)]
struct Versioned<'a, T: ?Sized> {
    schema_version: u32,
    #[serde(flatten)]
    answer: &'a T,
}

impl Ui {
    /// Decides how to talk. `no_color` is whether the environment asks for no colours.
    pub fn new(
        output: Output,
        progress: ProgressMode,
        color: ColorMode,
        no_color: bool,
        quiet: bool,
        verbose: bool,
        signals: Signals,
    ) -> Self {
        let terminal = io::stderr().is_terminal();
        let color = match color {
            ColorMode::Always => true,
            ColorMode::Never => false,
            ColorMode::Auto => terminal && !no_color,
        };
        let progress = if quiet { ProgressMode::None } else { progress };
        Self {
            output,
            quiet,
            verbose,
            color,
            bars: Bars::new(progress, terminal),
            signals,
        }
    }

    /// The signals that this process received.
    pub fn signals(&self) -> &Signals {
        &self.signals
    }

    /// Writes the answer to stdout.
    pub fn answer<A: Answer>(&self, answer: &A) -> Result<(), AnswerError> {
        let mut bytes = Vec::new();
        match (self.output, answer.name()) {
            (Output::Json, _) => serde_json::to_writer_pretty(
                &mut bytes,
                &Versioned {
                    schema_version: SCHEMA_VERSION,
                    answer,
                },
            )
            .map_err(io::Error::from),
            (Output::Name, Some(name)) if name.is_empty() => Ok(()),
            (Output::Name, Some(name)) => writeln!(bytes, "{name}"),
            _ => answer.human(&mut bytes),
        }?;
        if self.output == Output::Json {
            bytes.push(b'\n');
        }
        self.stdout(&bytes)
    }

    /// Writes one of many answers to stdout: as JSON it is one line.
    pub fn answer_line<A: Answer>(&self, answer: &A) -> Result<(), AnswerError> {
        if self.output != Output::Json {
            return self.answer(answer);
        }
        let mut bytes = serde_json::to_vec(&Versioned {
            schema_version: SCHEMA_VERSION,
            answer,
        })
        .map_err(io::Error::from)?;
        bytes.push(b'\n');
        self.stdout(&bytes)
    }

    /// Writes a document that is meant for a file or another program, as it is.
    pub fn document(&self, text: &[u8]) -> Result<(), AnswerError> {
        let written = io::stdout()
            .write_all(text)
            .and_then(|()| io::stdout().flush());
        Ok(written?)
    }

    fn stdout(&self, bytes: &[u8]) -> Result<(), AnswerError> {
        let text = String::from_utf8_lossy(bytes);
        let text = if self.output == Output::Json {
            text
        } else {
            escape(&text)
        };
        let write = || {
            io::stdout()
                .write_all(text.as_bytes())
                .and_then(|()| io::stdout().flush())
        };
        Ok(self.bars.suspend(write)?)
    }

    /// Where programs that a command starts print what is not the command's answer.
    pub fn stderr_for_children(&self) -> std::process::Stdio {
        io::stderr().into()
    }

    /// Tells how things go; silent under `--quiet`.
    pub fn status(&self, message: &str) {
        if !self.quiet {
            self.stderr("", message);
        }
    }

    /// Tells what only somebody who asked wants to know.
    pub fn detail(&self, message: &str) {
        if self.verbose {
            self.status(message);
        }
    }

    /// Tells something that does not stop the command but should be known.
    pub fn warn(&self, message: &str) {
        self.stderr("warning: ", message);
    }

    /// Tells a CI system something in its own words, on a line of its own.
    pub fn workflow_command(&self, line: &str) {
        self.stderr("", line);
    }

    /// Tells why the command failed, and what to do next.
    pub fn error(&self, message: &str, hint: Option<&str>) {
        self.stderr("error: ", message);
        if let Some(hint) = hint {
            self.stderr("  hint: ", hint);
        }
    }

    fn stderr(&self, label: &str, message: &str) {
        let message = escape(message);
        let line = match (self.color, label.trim()) {
            (true, "error:") => format!("\x1b[1;31m{label}\x1b[0m{message}\n"),
            (true, "warning:") => format!("\x1b[1;33m{label}\x1b[0m{message}\n"),
            _ => format!("{label}{message}\n"),
        };
        // There is nobody left to tell when stderr is closed.
        self.bars
            .suspend(|| io::stderr().write_all(line.as_bytes()))
            .ok();
    }
}

impl crate::progress::Progress for Ui {
    fn stage(
        &self,
        name: &str,
        total: Option<u64>,
        unit: &'static str,
    ) -> Box<dyn crate::progress::Stage + '_> {
        self.bars.stage(name, total, unit)
    }

    fn warn(&self, message: &str) {
        Self::warn(self, message);
    }

    fn interrupted(&self) -> bool {
        self.signals.received().is_some()
    }
}

/// Standard output as it is, for a process whose output is a protocol.
pub fn raw_output() -> io::Stdout {
    io::stdout()
}
