//! The clients that ask at the same time, round after round, and the count of what comes of it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use super::client::Run;
use super::finding::{Finding, Flaw};
use super::outcome::{Asked, Outcome, Tally};
use super::target::Target;
use super::{Error, Mistake, Oracle, Request};
use crate::progress::Progress;

/// Asks a server every question, in concurrent rounds, and holds every answer against the versions' own.
///
/// It fails where nothing can be asked; what is wrong with answers is in the outcome. A server that leaves
/// [`KEPT`](super::KEPT) questions in a row without an answer is not asked further.
pub fn check(
    target: &Target,
    request: &Request<'_>,
    oracle: &dyn Oracle,
    progress: &dyn Progress,
) -> Result<Outcome, Error> {
    let planned = planned(request)?;
    if oracle.versions()?.is_empty() {
        return Err(Error::NoVersion);
    }
    let ready = target.ready(request.timeout)?;
    let run = Run {
        target,
        request,
        oracle,
        progress,
        planned,
        next: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
        begun: Instant::now(),
    };
    let stage = progress.stage("conformance", Some(planned as u64), "questions");
    let mut tally = Tally::default();
    let mut failed = None;
    thread::scope(|scope| {
        let (done, asked) = mpsc::channel();
        for _ in 0..request.clients.min(planned) {
            let (done, run) = (done.clone(), &run);
            let asker = ready.asker(&target.mapping);
            let client = move || {
                if let Err(error) = run.client(asker, &done) {
                    // Nobody listens any more when the check has failed already.
                    done.send(Err(error)).ok();
                }
            };
            if let Err(e) = thread::Builder::new().spawn_scoped(scope, client) {
                run.stop.store(true, Ordering::Relaxed);
                failed.get_or_insert(Error::Machine(e.to_string()));
            }
        }
        drop(done);
        for asked in asked {
            let asked = asked.and_then(|asked| there(asked, &tally, target));
            match asked {
                Ok(asked) => tally.add(asked),
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
            if failed.is_some() || tally.is_hopeless() {
                run.stop.store(true, Ordering::Relaxed);
            }
            stage.advance(1);
            if tally.found() > 0 {
                stage.at(&format!("{} wrong", tally.found()));
            }
        }
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(tally.outcome(planned, run.begun.elapsed())),
    }
}

/// Counts the questions of all rounds.
fn planned(request: &Request<'_>) -> Result<usize, Error> {
    let nothing = |what| Err(Mistake::Nothing(what).into());
    match request {
        Request { questions: [], .. } => nothing("there are no questions"),
        Request { k: 0, .. } => nothing("0 hits are asked for"),
        Request { rounds: 0, .. } => nothing("there are 0 rounds"),
        Request { clients: 0, .. } => nothing("there are 0 clients"),
        Request { timeout, .. } if timeout.is_zero() => nothing("answers get no time"),
        _ => match request.rounds.checked_mul(request.questions.len()) {
            Some(planned) => Ok(planned),
            None => nothing("there are too many rounds"),
        },
    }
}

/// Turns the very first question's failure into the check's, if it means that nobody is there.
fn there(asked: Asked, tally: &Tally, target: &Target) -> Result<Asked, Error> {
    let at = || target.shown();
    match asked.judged {
        Err(Finding {
            flaw: Flaw::Unreachable,
            found,
            ..
        }) if tally.is_empty() => Err(Error::Unreachable {
            at: at(),
            why: found,
        }),
        Err(Finding {
            flaw: Flaw::Exited,
            found,
            ..
        }) if tally.is_empty() => Err(Error::Ended {
            program: at(),
            found,
        }),
        judged => Ok(Asked { judged, ..asked }),
    }
}
