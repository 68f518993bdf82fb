//! What kind of failure an error is: the word that `cli/error.rs` turns into an exit code. Every module's error type
//! says its kind, and what to do next where it knows.

/// The kinds of failure that a script can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A reason that has no kind of its own.
    Failed,
    /// The command line or the configuration is wrong.
    Usage,
    /// More sources failed than the run tolerates.
    TooManyFailed,
    /// A store, version or snapshot does not exist.
    NotFound,
    /// Another process holds the lock.
    Locked,
    /// Bytes are missing, extra or changed.
    Integrity,
    /// A name is taken by other content, or a channel is not where it was expected.
    Conflict,
    /// The embedding space or a format does not fit.
    Incompatible,
    /// A quality gate failed.
    Gate,
    /// A release was not taken up in time.
    NotAdopted,
    /// A model or device cannot be had.
    Unavailable,
    /// A remote cannot be reached, or does not let us in.
    Remote,
    /// The filesystem cannot do what a store needs, or is full.
    Filesystem,
    /// The person or the system asked the process to stop.
    Interrupted,
}

/// An error that knows its kind and, where it can, the next step.
pub trait Fault: std::error::Error + Send + Sync + 'static {
    /// Says what kind of failure this is.
    fn kind(&self) -> Kind {
        Kind::Failed
    }

    /// Says whether the message draws its place over several lines.
    fn is_drawn(&self) -> bool {
        false
    }

    /// Says what to do next, as a sentence.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Lets an error type take others as they are, by its variant `Fault(Box<dyn Fault>)`.
macro_rules! takes_faults {
    ($error:ty: $($fault:ty),* $(,)?) => {
        $(
            impl From<$fault> for $error {
                fn from(fault: $fault) -> Self {
                    Self::Fault(Box::new(fault))
                }
            }
        )*
    };
}

pub(crate) use takes_faults;
