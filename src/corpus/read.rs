//! Reading many items at once, in order: each thread has a worker process, and whoever asks sees the outcomes as if they had
//! been read one after the other.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

use super::worker::{self, Stopped, Worker};
use super::{
    Document, Error, Failure, Format, Item, Options, Origin, SourceSpec, Task, read_whole,
};
use crate::digest::Digest;
use crate::progress::{Interrupted, Progress};

/// Outcomes of one item that wait to be taken: a file of records gives many.
const WAITING: usize = 4;
/// How often a waiting reader looks whether it should stop.
const TICK: Duration = Duration::from_millis(100);
const PATIENCE_MS: u16 = 100;

/// One item that is to be read, with its source.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The source.
    pub source: &'a SourceSpec,
    /// How its documents are read.
    pub options: &'a Options,
    /// The item.
    pub item: &'a Item,
}

/// What became of an item, or of a part of it.
#[derive(Debug)]
pub enum Outcome {
    /// It was read.
    Document(Box<Document>),
    /// It could not be.
    Failure(Failure),
    /// It is as it was at the last run.
    Unchanged,
}

impl Job<'_> {
    /// The task of a worker.
    pub fn task(&self) -> Task {
        let mut metadata = self.source.metadata.clone();
        metadata.extend(self.item.metadata.clone());
        Task {
            source: self.source.id().to_owned(),
            id: self.item.id.clone(),
            uri: self.item.uri.clone(),
            name: self.item.name().to_owned(),
            format: self.item.format,
            charset: self.item.charset.clone(),
            options: self.options.clone(),
            metadata,
        }
    }

    fn failure(&self, reason: String) -> Outcome {
        Outcome::Failure(self.item.failure(self.source, reason))
    }
}

/// How items are read.
pub struct Reader<'a> {
    /// The program whose `__extract` is the worker.
    pub program: &'a Path,
    /// How many workers there are at once.
    pub workers: usize,
    /// Whether an item with bytes of this hash need not be read again.
    pub is_known: &'a (dyn Fn(&Job<'_>, &Digest) -> bool + Sync),
}

/// Reads all documents of a source into memory, and why others cannot be read.
pub fn read_all(
    program: &Path,
    source: &SourceSpec,
    progress: &dyn Progress,
) -> Result<(Vec<Document>, Vec<Failure>), Error> {
    let options = source.options()?;
    let listing = super::list(source)?;
    let job = |item| Job {
        source,
        options: &options,
        item,
    };
    let jobs: Vec<Job<'_>> = listing.items.iter().map(job).collect();
    let reader = Reader {
        program,
        workers: thread::available_parallelism().map_or(1, usize::from),
        is_known: &|_, _| false,
    };
    let (mut documents, mut failures) = (Vec::new(), listing.unreadable.clone());
    let read = reader.read(&jobs, progress, &mut |_, outcome, _| {
        match outcome {
            Outcome::Document(document) => documents.push(*document),
            Outcome::Failure(failure) => failures.push(failure),
            Outcome::Unchanged => {}
        }
        Ok::<_, Infallible>(())
    });
    match read {
        Ok(()) => Ok((documents, failures)),
        Err(Stopped::Worker(e)) => Err(e.into()),
        Err(Stopped::Visitor(never)) => match never {},
    }
}

/// What a thread sends of an item: its outcomes, each with the seconds that it took.
type Message = Result<(Outcome, Duration), worker::Error>;

impl Reader<'_> {
    /// Reads items, and shows their outcomes in the items' order, each with its place and the time it took.
    pub fn read<E>(
        &self,
        jobs: &[Job<'_>],
        progress: &dyn Progress,
        visit: &mut dyn FnMut(usize, Outcome, Duration) -> Result<(), E>,
    ) -> Result<(), Stopped<E>> {
        let workers = self.workers.clamp(1, jobs.len().max(1));
        // An item is taken together with its place in the order, so that whoever is waited for is being read.
        let (order, ordered) = sync_channel::<Receiver<Message>>(2 * workers);
        let next = Mutex::new((jobs.iter(), order));
        let stop = Arc::new(AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| self.work(&next, &stop));
            }
            let outcome = collect(jobs.len(), &ordered, progress, visit);
            // Whoever waits to hand over something learns that nobody takes it, and whoever reads need not go on.
            drop(ordered);
            stop.store(true, Ordering::Relaxed);
            outcome
        })
    }

    fn work<'j>(
        &self,
        next: &Mutex<(std::slice::Iter<'j, Job<'j>>, SyncSender<Receiver<Message>>)>,
        stop: &Arc<AtomicBool>,
    ) {
        let mut worker = Worker::new(self.program.to_owned()).stopped_by(stop.clone());
        loop {
            let (sender, receiver) = sync_channel(WAITING);
            let job = {
                let Ok(mut next) = next.lock() else { return };
                let Some(job) = next.0.next() else { return };
                if next.1.send(receiver).is_err() {
                    return;
                }
                job
            };
            self.read_one(job, &mut worker, &sender, stop);
        }
    }

    fn read_one(
        &self,
        job: &Job<'_>,
        worker: &mut Worker,
        sender: &SyncSender<Message>,
        stop: &AtomicBool,
    ) {
        let mut since = Instant::now();
        // Whoever takes no more has stopped, and need not be told why.
        let mut send = |outcome: Outcome| {
            let took = since.elapsed();
            let sent = sender.send(Ok((outcome, took)));
            since = Instant::now();
            sent.map_err(drop)
        };
        if let Origin::Failed(reason) = &job.item.origin {
            send(job.failure(reason.clone())).ok();
            return;
        }
        if job.item.origin == Origin::NotModified {
            send(Outcome::Unchanged).ok();
            return;
        }
        let mut extract = |body: &mut dyn io::Read| {
            let read = worker.extract(&job.task(), body, &mut |outcome| match outcome {
                Ok(document) => send(Outcome::Document(Box::new(document))),
                Err(failure) => send(Outcome::Failure(failure)),
            });
            if let Err(Stopped::Worker(e)) = read {
                sender.send(Err(e)).ok();
            }
        };
        let unread = match self.bytes_of(job, stop) {
            // Records have hashes of their own, and their file may be larger than memory.
            Ok(Body::Records(mut body)) => return extract(body.as_mut()),
            Ok(Body::Whole(bytes, sha256)) if !(self.is_known)(job, &sha256) => {
                return extract(&mut bytes.as_slice());
            }
            Ok(Body::Whole(..)) => Outcome::Unchanged,
            Err(e) => job.failure(e.to_string()),
        };
        send(unread).ok();
    }

    fn bytes_of<'s>(&self, job: &Job<'_>, stop: &'s AtomicBool) -> io::Result<Body<'s>> {
        let mut body: Box<dyn Read> = match job.item.origin {
            Origin::Stdin => {
                let input = io::stdin().as_fd().try_clone_to_owned()?;
                Box::new(Patient {
                    input: input.into(),
                    stop,
                })
            }
            _ => Box::new(job.item.open()?),
        };
        if job.item.format == Some(Format::Record) {
            return Ok(Body::Records(body));
        }
        let bytes = read_whole(&mut body)?;
        let sha256 = Digest::of(&bytes);
        Ok(Body::Whole(bytes, sha256))
    }
}

/// An item's bytes.
enum Body<'s> {
    Records(Box<dyn Read + 's>),
    Whole(Vec<u8>, Digest),
}

/// Standard input, which may have nothing to give for as long as somebody thinks: a run that is asked to stop does not wait
/// for it.
struct Patient<'s> {
    input: File,
    stop: &'s AtomicBool,
}

impl Read for Patient<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut watched = [PollFd::new(self.input.as_fd(), PollFlags::POLLIN)];
        while matches!(poll(&mut watched, PATIENCE_MS), Ok(0) | Err(Errno::EINTR)) {
            if self.stop.load(Ordering::Relaxed) {
                return Err(io::Error::other("the run was asked to stop"));
            }
        }
        self.input.read(into)
    }
}

/// Takes every item's outcomes in order.
fn collect<E>(
    count: usize,
    ordered: &Receiver<Receiver<Message>>,
    progress: &dyn Progress,
    visit: &mut dyn FnMut(usize, Outcome, Duration) -> Result<(), E>,
) -> Result<(), Stopped<E>> {
    for place in 0..count {
        let Some(outcomes) = receive(ordered, progress).map_err(interrupted)? else {
            break;
        };
        while let Some(message) = receive(&outcomes, progress).map_err(interrupted)? {
            let (outcome, took) = message.map_err(Stopped::Worker)?;
            visit(place, outcome, took).map_err(Stopped::Visitor)?;
        }
    }
    Ok(())
}

fn interrupted<E>(e: Interrupted) -> Stopped<E> {
    Stopped::Worker(e.into())
}

fn receive<T>(from: &Receiver<T>, progress: &dyn Progress) -> Result<Option<T>, Interrupted> {
    loop {
        progress.checkpoint()?;
        match from.recv_timeout(TICK) {
            Ok(value) => return Ok(Some(value)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
