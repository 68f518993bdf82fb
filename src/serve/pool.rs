//! The threads that compute: what requests wait for is embedded and searched here, several at once, and never on the threads
//! that move bytes.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use tokio::sync::oneshot;

use super::live::{Error, Served};
use crate::embed::Workspace;
use crate::fault::Fault;
use crate::index::{Asked, Chunk, Filter, Found, Hit, Mode, Nearest, Search};

/// Questions that one thread takes at once at most: more wait for each other and gain nothing.
const BATCH: usize = 64;

/// What one request wants of a version.
pub(super) enum Task {
    /// Chunks that answer a question.
    Search {
        /// The question.
        question: Question,
        /// What finds chunks.
        mode: Mode,
        /// How many.
        k: usize,
        /// Which count.
        filter: Option<Arc<Filter>>,
    },
    /// The vectors of texts, each with its tokens.
    Embed(Vec<String>),
    /// The chunk of an id.
    Chunk(String),
}

/// What is asked.
pub(super) enum Question {
    /// Words.
    Text(String),
    /// A vector.
    Vector(Vec<f32>),
    /// Words, and the vector to search by beside them.
    Both(String, Vec<f32>),
}

/// What a task gives.
pub(super) enum Outcome {
    /// Rows in memory.
    Found(Vec<Found>),
    /// Hits.
    Hits(Vec<Hit>),
    /// Vectors with their texts' tokens.
    Vectors(Vec<(Vec<f32>, usize)>),
    /// A chunk, where there is one.
    Chunk(Option<Box<Chunk>>),
}

/// Why a task gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    /// There is no room for more.
    #[error("the server has as many requests waiting as it takes")]
    Full,
    /// Nobody waits any more, or it took too long to be begun.
    #[error("the request took too long")]
    Late,
    /// The version said no.
    #[error(transparent)]
    Version(#[from] Error),
    /// The code is wrong.
    #[error("the server made a mistake")]
    Panicked,
}

/// One task that waits.
struct Job {
    served: Arc<Served>,
    task: Task,
    until: Instant,
    reply: oneshot::Sender<Result<Outcome, Failed>>,
}

impl Job {
    /// Whether it can be computed together with others.
    fn is_quick(&self) -> bool {
        match &self.task {
            // A filter that was not met before reads a disk.
            Task::Search { mode, filter, .. } => {
                *mode == Mode::Vector
                    && self.served.table.resident().is_some_and(|rows| {
                        filter.as_deref().is_none_or(|filter| rows.knows(filter))
                    })
            }
            Task::Embed(_) => true,
            Task::Chunk(_) => self.served.is_resident(),
        }
    }
}

/// Threads that compute, with one queue for what is quick and one for what reads a disk.
pub(super) struct Pool {
    quick: Arc<Queue>,
    slow: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

struct Queue {
    state: Mutex<Waiting>,
    came: Condvar,
    room: usize,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    idle: usize,
    closed: bool,
}

impl Pool {
    /// Starts as many threads for each queue.
    pub(super) fn start(threads: usize, room: usize) -> io::Result<Self> {
        let queue = || {
            Arc::new(Queue {
                state: Mutex::default(),
                came: Condvar::new(),
                room,
            })
        };
        let mut pool = Self {
            quick: queue(),
            slow: queue(),
            threads: Vec::new(),
        };
        for (queue, batch, name) in [(&pool.quick, BATCH, "search"), (&pool.slow, 1, "read")] {
            for _ in 0..threads.max(1) {
                let queue = queue.clone();
                let work = move || work(&queue, batch);
                let thread = thread::Builder::new().name(name.into()).spawn(work)?;
                pool.threads.push(thread);
            }
        }
        Ok(pool)
    }

    /// Hands a task to the threads. What it gives comes through the receiver, which gives nothing if its task panicked.
    pub(super) fn submit(
        &self,
        served: &Arc<Served>,
        task: Task,
        until: Instant,
    ) -> Result<oneshot::Receiver<Result<Outcome, Failed>>, Failed> {
        let (reply, receiver) = oneshot::channel();
        let job = Job {
            served: served.clone(),
            task,
            until,
            reply,
        };
        let queue = if job.is_quick() {
            &self.quick
        } else {
            &self.slow
        };
        let mut waiting = queue.lock();
        if waiting.jobs.len() >= queue.room {
            return Err(Failed::Full);
        }
        waiting.jobs.push_back(job);
        drop(waiting);
        queue.came.notify_one();
        Ok(receiver)
    }

    /// Tasks that wait.
    pub(super) fn depth(&self) -> usize {
        self.quick.lock().jobs.len() + self.slow.lock().jobs.len()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for queue in [&self.quick, &self.slow] {
            queue.lock().closed = true;
            queue.came.notify_all();
        }
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

impl Queue {
    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for jobs and takes this thread's share of those that wait for one version: nobody waits for a batch to fill.
    fn take(&self, batch: usize) -> Option<Vec<Job>> {
        let mut waiting = self.lock();
        waiting.idle += 1;
        while waiting.jobs.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting = self
                .came
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let share = waiting
            .jobs
            .len()
            .div_ceil(waiting.idle.max(1))
            .clamp(1, batch);
        waiting.idle -= 1;
        let first = waiting.jobs.pop_front()?;
        let mut jobs = vec![first];
        while jobs.len() < share {
            let same = |next: &Job| {
                jobs.first()
                    .is_some_and(|first| Arc::ptr_eq(&first.served, &next.served))
            };
            match waiting.jobs.pop_front_if(|next| same(next)) {
                Some(next) => jobs.push(next),
                None => break,
            }
        }
        Some(jobs)
    }
}

fn work(queue: &Queue, batch: usize) {
    let mut workspace = Workspace::default();
    while let Some(mut jobs) = queue.take(batch) {
        let now = Instant::now();
        jobs.retain(|job| !job.reply.is_closed());
        let (jobs, late): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.until > now);
        for job in late {
            job.reply.send(Err(Failed::Late)).ok();
        }
        let Some(served) = jobs.first().map(|job| job.served.clone()) else {
            continue;
        };
        let (mut tasks, mut replies) = (Vec::new(), Vec::new());
        for job in jobs {
            tasks.push(job.task);
            replies.push(job.reply);
        }
        // What panics in a library fails these requests and no other.
        let computed = catch_unwind(AssertUnwindSafe(|| {
            compute(&served, &tasks, &mut workspace)
        }));
        // Before whoever waits goes on: with the last request a version that was replaced is let go of, and not here.
        drop(served);
        match computed {
            Ok(outcomes) => {
                for (reply, outcome) in replies.into_iter().zip(outcomes) {
                    reply.send(outcome.map_err(Failed::Version)).ok();
                }
            }
            Err(_) => {
                workspace = Workspace::default();
                for reply in replies {
                    reply.send(Err(Failed::Panicked)).ok();
                }
            }
        }
    }
}

/// What a task gives, or why it gives nothing.
type Computed = Result<Outcome, Error>;

/// Computes tasks of one version.
fn compute(served: &Served, tasks: &[Task], workspace: &mut Workspace) -> Vec<Computed> {
    let mut embedded = embed(served, tasks, workspace);
    // Those that are searched in memory by a vector go together.
    let mut together = Vec::new();
    for (at, task) in tasks.iter().enumerate() {
        if let Task::Search {
            question,
            mode: Mode::Vector,
            k,
            filter,
        } = task
            && served.is_resident()
            && let Some(vector) = question.vector(embedded.get(at))
        {
            let nearest = Nearest {
                vector,
                k: *k,
                filter: filter.as_deref(),
            };
            together.push((at, nearest));
        }
    }
    let asked: Vec<Nearest<'_>> = together.iter().map(|(_, nearest)| *nearest).collect();
    let mut found: Vec<Option<Computed>> = tasks.iter().map(|_| None).collect();
    let mut set = |at: usize, outcome| {
        if let Some(slot) = found.get_mut(at) {
            *slot = Some(outcome);
        }
    };
    match served.table.nearest_resident(&asked) {
        Ok(Some(all)) => {
            for ((at, _), rows) in together.iter().zip(all) {
                set(*at, Ok(Outcome::Found(rows)));
            }
        }
        Ok(None) => {}
        // One of them is wrong: each for itself tells which.
        Err(_) => {
            for (at, nearest) in &together {
                let alone = served.table.nearest_resident(&[*nearest]);
                let rows = alone.map(|all| all.unwrap_or_default().pop().unwrap_or_default());
                set(*at, rows.map(Outcome::Found).map_err(Error::from));
            }
        }
    }
    drop(asked);
    drop(together);
    let rest = |(at, (task, found)): (usize, (&Task, Option<Computed>))| {
        found.unwrap_or_else(|| {
            let slot = embedded.get_mut(at).and_then(Option::take);
            alone(served, task, slot.unwrap_or(Ok(Vec::new())))
        })
    };
    tasks.iter().zip(found).enumerate().map(rest).collect()
}

/// The vectors of a task's texts with their tokens, or why there are none.
type Embedded = Result<Vec<(Vec<f32>, usize)>, Error>;

/// Embeds the texts of tasks that need it, in one pass. One that fails alone fails alone.
fn embed(served: &Served, tasks: &[Task], workspace: &mut Workspace) -> Vec<Option<Embedded>> {
    let texts: Vec<Option<Vec<String>>> = tasks
        .iter()
        .map(|task| match task {
            Task::Embed(texts) => Some(texts.clone()),
            Task::Search {
                question: Question::Text(text),
                mode: Mode::Vector | Mode::Hybrid,
                ..
            } => Some(vec![served.embedder.as_query(text)]),
            Task::Search { .. } | Task::Chunk(_) => None,
        })
        .collect();
    let all: Vec<&str> = texts
        .iter()
        .flatten()
        .flatten()
        .map(String::as_str)
        .collect();
    if all.is_empty() {
        return tasks.iter().map(|_| None).collect();
    }
    let together = served.embedder.compute(&all, workspace);
    let mut together = together.ok().map(Vec::into_iter);
    texts
        .iter()
        .map(|texts| {
            let texts = texts.as_ref()?;
            Some(match &mut together {
                Some(vectors) => Ok(vectors.by_ref().take(texts.len()).collect()),
                None => {
                    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                    served
                        .embedder
                        .compute(&texts, workspace)
                        .map_err(Error::from)
                }
            })
        })
        .collect()
}

impl Question {
    /// The vector to search by: its own, or the one that was embedded.
    fn vector<'a>(&'a self, embedded: Option<&'a Option<Embedded>>) -> Option<&'a [f32]> {
        match self {
            Self::Vector(vector) | Self::Both(_, vector) => Some(vector),
            Self::Text(_) => match embedded {
                Some(Some(Ok(vectors))) => vectors.first().map(|(vector, _)| vector.as_slice()),
                _ => None,
            },
        }
    }
}

/// Computes what goes with no other.
fn alone(served: &Served, task: &Task, embedded: Embedded) -> Computed {
    match task {
        Task::Embed(_) => Ok(Outcome::Vectors(embedded?)),
        Task::Chunk(id) => Ok(Outcome::Chunk(served.table.chunk(id)?.map(Box::new))),
        Task::Search {
            question,
            mode,
            k,
            filter,
        } => {
            let vectors = embedded?;
            let vector = match question {
                Question::Vector(vector) | Question::Both(_, vector) => vector.as_slice(),
                Question::Text(_) => vectors.first().map_or(&[][..], |(vector, _)| vector),
            };
            let text = match question {
                Question::Text(text) | Question::Both(text, _) => text.as_str(),
                Question::Vector(_) => "",
            };
            let search = Search {
                filter: filter.as_deref().cloned(),
                ..Search::top(*k)
            };
            let asked = match mode {
                Mode::Vector => Asked::Vector(vector),
                Mode::Text => Asked::Text(text),
                Mode::Hybrid => Asked::Hybrid(text, vector),
            };
            Ok(Outcome::Hits(served.table.search(asked, &search)?))
        }
    }
}

impl Failed {
    /// What to do next, where the version knows.
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::Version(e) => e.hint(),
            _ => None,
        }
    }
}
