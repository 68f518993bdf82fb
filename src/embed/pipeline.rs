//! Texts through the model while they are still being read: a feeder that sorts them, one worker a core that tokenizes and
//! computes, and the caller, who takes vectors as they come. Each hands over through a queue of few batches, so that memory
//! does not grow with the corpus.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::encoder::Workspace;
use super::{Embedder, Error};

/// Texts that are sorted by length together, so that a batch holds texts of about one length.
const WINDOW: usize = 4096;
/// Bytes of texts beyond which a window is full.
const WINDOW_BYTES: usize = 16 << 20;
/// Bytes of text that a worker takes at once: some packs, so that the last worker is not waited for long.
pub(super) const BATCH_BYTES: usize = 12 << 10;

/// Texts that one worker takes together, or why there are none.
type Batch<K, T, E> = Result<Vec<(K, T)>, E>;

/// A text that became a vector.
pub(super) struct Row<K> {
    /// Who asked.
    pub(super) key: K,
    /// The pooled vector, normalised where the space says so.
    pub(super) vector: Vec<f32>,
    /// Tokens that the model saw, special tokens included.
    pub(super) tokens: usize,
}

/// Embeds every text, and gives vectors to `take` in whatever order they are done. The first error, of a text, of computing
/// or of `take`, ends the run.
pub(super) fn run<K, T, E>(
    embedder: &Embedder,
    texts: impl Iterator<Item = Result<(K, T), E>> + Send,
    take: &mut dyn FnMut(Vec<Row<K>>) -> Result<(), E>,
) -> Result<(), E>
where
    K: Send,
    T: AsRef<str> + Send,
    E: From<Error> + Send,
{
    let workers = embedder.workers();
    let stop = AtomicBool::new(false);
    let (feed, queue) = mpsc::sync_channel(workers * 2);
    let (done, rows) = mpsc::sync_channel(workers * 2);
    // Only the workers hold the queue: when they are gone, whoever feeds it learns so.
    let queue = Arc::new(Mutex::new(queue));
    thread::scope(|scope| {
        let window = embedder.batch_bytes();
        let stop = &stop;
        scope.spawn(move || feed_windows(texts, window, &feed, stop));
        for _ in 0..workers {
            let (queue, done) = (Arc::clone(&queue), done.clone());
            scope.spawn(move || work(embedder, &queue, &done));
        }
        drop((queue, done));
        for batch in rows {
            if let Err(e) = batch.and_then(&mut *take) {
                stop.store(true, Ordering::Relaxed);
                return Err(e);
            }
        }
        Ok(())
    })
}

/// Reads texts window by window, and hands them out in batches, the longest first.
fn feed_windows<K, T: AsRef<str>, E>(
    mut texts: impl Iterator<Item = Result<(K, T), E>>,
    batch_bytes: usize,
    feed: &SyncSender<Batch<K, T, E>>,
    stop: &AtomicBool,
) {
    let length = |text: &(K, T)| text.1.as_ref().len();
    loop {
        let (mut window, mut bytes) = (Vec::new(), 0);
        while window.len() < WINDOW && bytes < WINDOW_BYTES {
            match texts.next() {
                _ if stop.load(Ordering::Relaxed) => return,
                None => break,
                Some(Ok(text)) => {
                    bytes += length(&text);
                    window.push(text);
                }
                Some(Err(e)) => return drop(feed.send(Err(e))),
            }
        }
        if window.is_empty() {
            return;
        }
        window.sort_by_key(|text| std::cmp::Reverse(length(text)));
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for text in window {
            bytes += length(&text);
            batch.push(text);
            if bytes >= batch_bytes {
                bytes = 0;
                if feed.send(Ok(std::mem::take(&mut batch))).is_err() {
                    return;
                }
            }
        }
        if !batch.is_empty() && feed.send(Ok(batch)).is_err() {
            return;
        }
    }
}

/// Computes batches until there are no more, or nobody takes them.
fn work<K, T: AsRef<str>, E: From<Error>>(
    embedder: &Embedder,
    queue: &Mutex<Receiver<Batch<K, T, E>>>,
    done: &SyncSender<Result<Vec<Row<K>>, E>>,
) {
    let mut workspace = Workspace::default();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = next else {
            return;
        };
        let rows = batch.and_then(|batch| {
            let texts: Vec<&str> = batch.iter().map(|(_, text)| text.as_ref()).collect();
            let computed = embedder.compute(&texts, &mut workspace)?;
            Ok(batch
                .into_iter()
                .zip(computed)
                .map(|((key, _), (vector, tokens))| Row {
                    key,
                    vector,
                    tokens,
                })
                .collect())
        });
        if done.send(rows).is_err() {
            return;
        }
    }
}
