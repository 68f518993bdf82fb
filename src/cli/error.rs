//! Failures as a person and a script see them: the only place where kinds become exit codes.

use crate::corpus::Failure;
use crate::fault::{Fault, Kind};
use crate::ui::escape_line;

/// A command's failure: its kind, its words, its next step.
#[derive(Debug)]
pub(super) struct CliError {
    kind: Kind,
    message: String,
    hint: Option<String>,
    broken_pipe: bool,
    code: Option<u8>,
}

impl CliError {
    /// A wrong command line or configuration.
    pub(super) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            kind: Kind::Usage,
            message: message.into(),
            hint: Some(hint.into()),
            broken_pipe: false,
            code: None,
        }
    }

    /// A gate that failed.
    pub(super) fn gate(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            kind: Kind::Gate,
            message: message.into(),
            hint: Some(hint.into()),
            broken_pipe: false,
            code: None,
        }
    }

    /// A document that could not be read, where it was the only thing asked for.
    pub(super) fn document(failure: &Failure) -> Self {
        let message = format!("{}: {}", failure.uri, failure.reason);
        Self {
            kind: Kind::TooManyFailed,
            message,
            hint: None,
            broken_pipe: false,
            code: None,
        }
    }

    /// A command that ran within another one and ended with this exit code, having said why.
    pub(super) fn step(command: &str, code: u8) -> Self {
        let message = format!("stopped: `{command}` ended with exit code {code}");
        Self {
            kind: Kind::Failed,
            message,
            hint: None,
            broken_pipe: false,
            code: Some(code),
        }
    }

    /// What kind of failure it is.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// What went wrong.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// What to do next.
    pub(super) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether the reader of stdout went away, which is nobody's failure.
    pub(super) fn is_broken_pipe(&self) -> bool {
        self.broken_pipe
    }

    /// Whether the run was asked to stop.
    pub(super) fn is_interrupted(&self) -> bool {
        self.kind == Kind::Interrupted
    }

    /// The exit code, as DESIGN and README list them. `signal` is the one that interrupted the run, if one did.
    pub(super) fn exit_code(&self, signal: Option<u8>) -> u8 {
        if let Some(code) = self.code {
            return code;
        }
        match self.kind {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::TooManyFailed => 3,
            Kind::NotFound => 10,
            Kind::Locked => 11,
            Kind::Integrity => 12,
            Kind::Conflict => 13,
            Kind::Incompatible => 14,
            Kind::Gate => 15,
            Kind::Unavailable => 16,
            Kind::Filesystem => 17,
            Kind::NotAdopted => 18,
            Kind::Remote => 20,
            Kind::Interrupted => 128 + signal.unwrap_or(2),
        }
    }
}

impl<E: Fault> From<E> for CliError {
    fn from(error: E) -> Self {
        let broken_pipe = is_broken_pipe(&error);
        Self {
            kind: error.kind(),
            // A path may hold a newline, and must not forge a line of its own; only a drawn mistake has more than one.
            message: if error.is_drawn() {
                error.to_string()
            } else {
                escape_line(&error.to_string())
            },
            hint: error.hint(),
            broken_pipe,
            code: None,
        }
    }
}

fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
        {
            return true;
        }
        next = error.source();
    }
    false
}
