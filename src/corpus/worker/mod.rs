//! Untrusted bytes are parsed in child processes: this program again, started as `ragctl __extract`, which has 512 MiB of
//! memory, 20 s of processor time and 30 s a document, may not write files and keeps nothing of the environment.
//!
//! ```text
//! parent  Request, body frames … empty frame →   child   limits, then format::read on a thread with a deep stack
//!         ← Ready, Document | Failure …, Done
//! ```
//!
//! A child answers one request after the other. One that crashes, hangs, runs into a limit or writes nonsense is ended; that
//! is the failure of the item that it was reading, and the next item gets a new child. Children end with their parent: they
//! look whether anybody holds the other end of their input.

mod limits;
mod process;
mod protocol;
mod serve;
mod sound;

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub use serve::serve;

use self::process::{Broken, Clock, Outgoing, Process};
use self::protocol::{PROTOCOL, Reply, Request};
use super::format::{self, Extracted};
use super::{Document, Failure, Format, Task, web::Sitemap};
use crate::fault::{Fault, Kind};
use crate::progress::Interrupted;

/// The hidden command that is a child.
pub const COMMAND: &str = "__extract";
/// How long a child may take for an outcome.
const PATIENCE: Duration = Duration::from_secs(30);
/// Requests that one child answers.
const REQUESTS: u32 = 1_000;
/// Bytes of address space that one child may keep; the next item would lack them.
const GROWTH: u64 = 64 << 20;

/// One child process at a time, started when there is something to read and as often as needed.
#[derive(Debug)]
pub struct Worker {
    program: PathBuf,
    environment: Vec<(OsString, OsString)>,
    patience: Duration,
    stop: Arc<AtomicBool>,
    process: Option<Process>,
    peak: u64,
}

/// There can be no worker.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not start.
    #[error("the worker that reads documents cannot be started: {}: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ends, or says nothing, before it gets a document.
    #[error("the worker that reads documents does not work: {}: {problem}", program.display())]
    Unfit {
        /// The program.
        program: PathBuf,
        /// How it ended.
        problem: String,
    },
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Start { .. } | Self::Unfit { .. } => Kind::Unavailable,
            Self::Interrupted(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Start { .. } => {
                Some("ragctl starts itself again to read documents; the system must let it.".into())
            }
            Self::Unfit { .. } => Some(
                "The program may have been replaced while it ran, or a limit of this machine is too low (`ulimit -a`)."
                    .into(),
            ),
            Self::Interrupted(_) => None,
        }
    }
}

/// Why reading an item ended before its end.
#[derive(Debug)]
pub enum Stopped<E> {
    /// Whoever took the outcomes said so.
    Visitor(E),
    /// There can be no worker.
    Worker(Error),
}

/// Why a request was not answered.
enum Unanswered<E> {
    Stopped(Stopped<E>),
    /// That is the item's failure, for a reason.
    Failed(String),
}

impl<E> From<Error> for Unanswered<E> {
    fn from(error: Error) -> Self {
        Self::Stopped(Stopped::Worker(error))
    }
}

impl Worker {
    /// Takes note of the program, by its absolute path, whose hidden command [`COMMAND`] is a child.
    pub fn new(program: PathBuf) -> Self {
        Self {
            program,
            environment: Vec::new(),
            patience: PATIENCE,
            stop: Arc::default(),
            process: None,
            peak: 0,
        }
    }

    /// Gives children variables of the environment; they get no others.
    #[must_use]
    pub fn with_environment(mut self, environment: Vec<(OsString, OsString)>) -> Self {
        self.environment = environment;
        self
    }

    /// Sets how long a child may take for an outcome.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Names a flag that, once set, ends what a child is doing within a tenth of a second.
    #[must_use]
    pub fn stopped_by(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = stop;
        self
    }

    /// The process id of the child, if there is one now.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Bytes of memory that any child had at most, as far as they have said: they look now and then.
    pub fn peak_memory(&self) -> u64 {
        self.peak
    }

    /// Reads the documents of an item and shows each, or why it cannot be read. When the child ends on one of them, the
    /// outcomes before it stay and the rest is one failure.
    pub fn extract<E>(
        &mut self,
        task: &Task,
        body: &mut dyn Read,
        visit: &mut dyn FnMut(Result<Document, Failure>) -> Result<(), E>,
    ) -> Result<(), Stopped<E>> {
        let most = Extracted::MAX_ID_BYTES;
        if task.id.len() > most || task.uri.len() > most {
            let reason = format!("has an id or an address of more than {most} bytes");
            return visit(Err(failure(task, reason))).map_err(Stopped::Visitor);
        }
        let has_records =
            task.format.or_else(|| format::extension(&task.name)) == Some(Format::Record);
        let mut outcomes = 0u64;
        // The only outcome of an item without records counts once nothing else came.
        let mut only = None;
        let request = Request::Extract(Box::new(task.clone()));
        let answered = self.ask(&request, body, &mut |reply| {
            let outcome = match reply {
                Reply::Document(document) if sound::is_document(&document, task) => Ok(*document),
                Reply::Failure(failure) if sound::is_failure(&failure, task) => Err(failure),
                _ => return Ok(false),
            };
            if has_records {
                outcomes += 1;
                return visit(outcome).map(|()| true);
            }
            let (id, uri) = match &outcome {
                Ok(document) => (&document.id, &document.uri),
                Err(failure) => (&failure.id, &failure.uri),
            };
            let is_it = *id == task.id && *uri == task.uri;
            Ok(only.replace(outcome).is_none() && is_it)
        });
        let answered = match answered {
            Ok(()) if !has_records => only
                .ok_or_else(|| Unanswered::Failed(NONSENSE.into()))
                .map(Some),
            answered => answered.map(|()| None),
        };
        match answered {
            Ok(None) => Ok(()),
            Ok(Some(outcome)) => visit(outcome).map_err(Stopped::Visitor),
            Err(Unanswered::Stopped(stopped)) => Err(stopped),
            Err(Unanswered::Failed(reason)) => {
                let reason = match outcomes {
                    0 => reason,
                    _ => {
                        format!("{reason}, after {outcomes} of its records; the rest was not read")
                    }
                };
                visit(Err(failure(task, reason))).map_err(Stopped::Visitor)
            }
        }
    }

    /// Finds the addresses that a web page points to, made absolute by the page's own.
    pub fn links(
        &mut self,
        page: &[u8],
        base: &str,
        charset: Option<&str>,
    ) -> Result<Vec<String>, String> {
        let request = Request::Links {
            base: base.to_owned(),
            charset: charset.map(str::to_owned),
        };
        self.ask_once(&request, page, |reply| match reply {
            Reply::Links(links) => Some(links),
            _ => None,
        })
    }

    /// Reads a sitemap, compressed or not.
    pub fn sitemap(&mut self, bytes: &[u8]) -> Result<Sitemap, String> {
        self.ask_once(&Request::Sitemap, bytes, |reply| match reply {
            Reply::Sitemap(sitemap) => Some(sitemap),
            _ => None,
        })
    }

    fn ask_once<T>(
        &mut self,
        request: &Request,
        mut body: &[u8],
        mut take: impl FnMut(Reply) -> Option<T>,
    ) -> Result<T, String> {
        let mut answer = None;
        let answered = self.ask(request, &mut body, &mut |reply| {
            if answer.is_some() {
                return Ok(false);
            }
            answer = match reply {
                Reply::Refused(reason) => Some(Err(reason)),
                reply => take(reply).map(Ok),
            };
            Ok::<_, std::convert::Infallible>(answer.is_some())
        });
        match answered {
            Ok(()) => answer.unwrap_or_else(|| Err(NONSENSE.into())),
            Err(Unanswered::Failed(reason)) => Err(reason),
            Err(Unanswered::Stopped(Stopped::Worker(e))) => Err(e.to_string()),
            Err(Unanswered::Stopped(Stopped::Visitor(never))) => match never {},
        }
    }

    /// Asks the child, and shows its replies to `accept`, which says whether they make sense.
    fn ask<E>(
        &mut self,
        request: &Request,
        body: &mut dyn Read,
        accept: &mut dyn FnMut(Reply) -> Result<bool, E>,
    ) -> Result<(), Unanswered<E>> {
        // It is put back only when it is in order: whatever else happens ends it.
        let mut process = self.take()?;
        let mut outgoing = Outgoing::new(request, body)
            .map_err(|e| Unanswered::Failed(format!("cannot be handed to the parser: {e}")))?;
        let stop = Arc::clone(&self.stop);
        let mut clock = Clock::new(self.patience, &stop);
        let done = loop {
            match process.reply(&mut outgoing, &mut clock) {
                Ok(Reply::Ready { protocol: PROTOCOL }) if !process.ready => process.ready = true,
                Ok(_) if !process.ready => return Err(self.unfit("it speaks otherwise").into()),
                Ok(Reply::Done(done)) => break done,
                Ok(reply) => match accept(reply) {
                    Ok(true) => clock.restart(),
                    Ok(false) => return Err(Unanswered::Failed(NONSENSE.into())),
                    Err(e) => return Err(Unanswered::Stopped(Stopped::Visitor(e))),
                },
                Err(broken) => return Err(self.explain(process, broken)),
            }
        };
        let memory = done.memory.unwrap_or_default();
        self.peak = self.peak.max(memory.peak);
        outgoing.finish();
        process.served += 1;
        let is_fit = !done.panicked && memory.grown < GROWTH && process.served < REQUESTS;
        if is_fit && process.flush(&mut outgoing, &mut clock).is_ok() {
            self.process = Some(process);
        }
        Ok(())
    }

    /// Takes the child, or starts one. A child that was ended while it had nothing to do is no document's failure.
    fn take(&mut self) -> Result<Process, Error> {
        if let Some(mut process) = self.process.take()
            && process.is_alive()
        {
            return Ok(process);
        }
        Process::start(&self.program, &self.environment).map_err(|source| Error::Start {
            program: self.program.clone(),
            source,
        })
    }

    fn unfit(&self, problem: impl Into<String>) -> Error {
        Error::Unfit {
            program: self.program.clone(),
            problem: problem.into(),
        }
    }

    /// Ends a child whose answer broke off, and says whose fault that is.
    fn explain<E>(&self, process: Process, broken: Broken) -> Unanswered<E> {
        let is_ready = process.ready;
        Unanswered::Failed(match broken {
            Broken::Stopped => return Error::Interrupted(Interrupted).into(),
            Broken::Ended if !is_ready => return self.unfit(process.end().describe()).into(),
            Broken::Slow(patience) if !is_ready => {
                let problem = format!("it said nothing for {} s", patience.as_secs_f32());
                return self.unfit(problem).into();
            }
            Broken::Body(e) => format!("cannot be read: {e}"),
            Broken::Slow(patience) => format!("took more than {} s", patience.as_secs_f32()),
            Broken::Nonsense if !is_ready => return self.unfit(NONSENSE).into(),
            Broken::Nonsense => NONSENSE.into(),
            Broken::Ended => process.end().reason(),
            Broken::Wait(e) => format!("the parser cannot be waited for: {e}"),
        })
    }
}

/// The failure of an item as a whole.
fn failure(task: &Task, reason: String) -> Failure {
    Failure {
        source: task.source.clone(),
        id: task.id.clone(),
        uri: task.uri.clone(),
        reason,
        empty: false,
    }
}

const NONSENSE: &str = "the parser's answer makes no sense";
