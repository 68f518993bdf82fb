//! A thread that asks, so that whoever waits for it can stop waiting: at the time limit, or when the run is to end.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::answer::Reply;
use super::finding::{Flaw, Wrong};
use crate::progress::{Interrupted, Progress};

/// How soon a request to stop is noticed.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// Why there is no reply.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It is a finding.
    Wrong(Wrong),
    /// The server is there and says to come back after this time, or is not there yet.
    Starting(Wrong, Duration),
    /// Nothing more can be asked.
    Fatal(super::Error),
}

impl From<Interrupted> for Trouble {
    fn from(interrupted: Interrupted) -> Self {
        Self::Fatal(interrupted.into())
    }
}

impl From<Wrong> for Trouble {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(wrong)
    }
}

/// A thread that turns one question after the other into its reply. It ends by itself once nobody waits any more and what
/// it does comes back.
#[derive(Debug)]
pub(super) struct Worker<Q> {
    questions: Sender<Q>,
    replies: Receiver<Result<Reply, Trouble>>,
}

impl<Q: Send + 'static> Worker<Q> {
    pub(super) fn start(
        mut ask: impl FnMut(Q) -> Result<Reply, Trouble> + Send + 'static,
    ) -> io::Result<Self> {
        let (questions, asked) = mpsc::channel();
        let (reply, replies) = mpsc::channel();
        thread::Builder::new().spawn(move || {
            for question in asked {
                if reply.send(ask(question)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { questions, replies })
    }

    /// Waits for a reply, no longer than `timeout`. After any trouble the worker may still be busy, and must be dropped.
    pub(super) fn ask(
        &self,
        question: Q,
        timeout: Duration,
        progress: &dyn Progress,
    ) -> Result<Reply, Trouble> {
        let gone = || Wrong::new(Flaw::Broken, "an answer", "nothing").into();
        let begun = Instant::now();
        self.questions.send(question).map_err(|_| gone())?;
        loop {
            progress.checkpoint()?;
            let left = timeout.saturating_sub(begun.elapsed());
            match self.replies.recv_timeout(left.min(TICK)) {
                Ok(reply) => return reply,
                Err(RecvTimeoutError::Disconnected) => return Err(gone()),
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    let expected = format!("an answer within {timeout:?}");
                    return Err(Wrong::new(Flaw::Timeout, expected, "none").into());
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}
