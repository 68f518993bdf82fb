//! One client: asks one question after the other, and holds each answer against the versions that may have given it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use super::answer::{self, Answer, Reply};
use super::differ::Terms;
use super::finding::Wrong;
use super::judge::Case;
use super::outcome::Asked;
use super::target::{Asker, Target};
use super::template::Filling;
use super::worker::{TICK, Trouble};
use super::{Error, Oracle, Question, Request, rules};
use crate::progress::Progress;

/// What all clients of a check know.
pub(super) struct Run<'a> {
    pub(super) target: &'a Target,
    pub(super) request: &'a Request<'a>,
    pub(super) oracle: &'a dyn Oracle,
    pub(super) progress: &'a dyn Progress,
    pub(super) planned: usize,
    /// The number of the next question, all rounds together.
    pub(super) next: AtomicUsize,
    pub(super) stop: AtomicBool,
    pub(super) begun: Instant,
}

impl Run<'_> {
    /// Asks one question after the other until there are no more.
    pub(super) fn client(
        &self,
        mut asker: Asker,
        done: &Sender<Result<Asked, Error>>,
    ) -> Result<(), Error> {
        let mut last: Option<String> = None;
        loop {
            self.progress.checkpoint()?;
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let count = self.request.questions.len();
            let index = number % count;
            let Some(question) = self.request.questions.get(index) else {
                return Ok(());
            };
            if number >= self.planned || self.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let (took, judged) = self.ask(&mut asker, index, question, last.as_deref())?;
            // The signal that stops a run may have stopped a command before it answered, which is no finding.
            self.progress.checkpoint()?;
            let judged = judged.map_err(|wrong| {
                let redacted = |text: &str| self.target.mapping.redacted(text);
                wrong.asked(&question.id, number / count + 1, redacted)
            });
            let mut switched = false;
            if let Ok(version) = &judged {
                switched = last.as_ref().is_some_and(|last| last != version);
                last = Some(version.clone());
            }
            let asked = Asked {
                took,
                judged,
                switched,
            };
            if done.send(Ok(asked)).is_err() {
                return Ok(());
            }
        }
    }

    fn ask(
        &self,
        asker: &mut Asker,
        index: usize,
        question: &Question,
        before: Option<&str>,
    ) -> Result<(Option<Duration>, Result<String, Wrong>), Error> {
        let mut served = self.oracle.versions()?;
        let reply = match self.reply(asker, question) {
            Ok(reply) => reply,
            Err(Trouble::Wrong(wrong) | Trouble::Starting(wrong, _)) => {
                return Ok((None, Err(wrong)));
            }
            Err(Trouble::Fatal(error)) => return Err(error),
        };
        let took = reply.took;
        let answer = match self.read(reply) {
            Ok(answer) => answer,
            Err(wrong) => return Ok((Some(took), Err(wrong))),
        };
        // A flip may have come while the server was asked: what is live now comes first, what was before still counts.
        let earlier = std::mem::replace(&mut served, self.oracle.versions()?);
        for version in earlier {
            if !served.contains(&version) {
                served.push(version);
            }
        }
        let scores = self.target.mapping.scores.as_ref();
        let case = Case {
            oracle: self.oracle,
            terms: Terms {
                k: self.request.k,
                ties: self.request.ties,
                scores: scores
                    .filter(|scores| scores.is_cosine)
                    .map(|_| self.request.scores),
            },
            question: index,
            served: &served,
            before,
        };
        Ok((Some(took), case.judge(&answer)?))
    }

    /// Asks again while the server is starting.
    fn reply(&self, asker: &mut Asker, question: &Question) -> Result<Reply, Trouble> {
        let filling = Filling {
            query: &question.text,
            k: self.request.k,
        };
        let Request { timeout, grace, .. } = *self.request;
        loop {
            let reply = asker.ask(filling, &self.target.mapping, timeout, self.progress);
            let Err(Trouble::Starting(wrong, again)) = reply else {
                return reply;
            };
            let left = grace.saturating_sub(self.begun.elapsed());
            if left.is_zero() || self.stop.load(Ordering::Relaxed) {
                return Err(wrong.into());
            }
            let mut pause = again.min(left);
            while !pause.is_zero() {
                self.progress.checkpoint()?;
                thread::sleep(pause.min(TICK));
                pause = pause.saturating_sub(TICK);
            }
        }
    }

    /// Reads an answer and finds what no version could have answered.
    fn read(&self, reply: Reply) -> Result<Answer, Wrong> {
        let mapping = &self.target.mapping;
        let answer = answer::read(reply, mapping)?;
        match rules::broken(&answer.hits, self.request.k, mapping.scores.as_ref()) {
            Some(wrong) => Err(match answer.version {
                Some(version) => wrong.of(version),
                None => wrong,
            }),
            None => Ok(answer),
        }
    }
}
