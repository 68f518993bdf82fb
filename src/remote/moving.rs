//! Files on their way to and from a bucket: read and written in parts, and hashed as they are, away from the thread that serves
//! the sockets.

use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Error;
use super::objects::{Download, make_room};
use crate::digest::{Digest, Hasher};
use crate::durable::{self, Context as _};

/// Parts that are sent at once, over all files: what a push holds in memory.
const PARTS: usize = 6;
/// A part that was sent within this time leaves room for another one beside it. A slow line carries one part at a time, which then
/// has the whole of a request's bound to itself.
const QUICK: Duration = Duration::from_secs(5);

/// How many parts are in flight at once.
pub(super) struct Gate {
    permits: Semaphore,
    given: Cell<usize>,
}

impl Gate {
    /// Begins with one, and widens as long as parts are quick.
    pub(super) fn narrow() -> Self {
        Self {
            permits: Semaphore::new(1),
            given: Cell::new(1),
        }
    }

    /// Takes note that a part that was begun then is done.
    pub(super) fn widen(&self, begun: Instant) {
        if begun.elapsed() < QUICK && self.given.get() < PARTS {
            self.given.set(self.given.get() + 1);
            self.permits.add_permits(1);
        }
    }

    pub(super) fn try_acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.try_acquire().ok()
    }

    /// Waits for a permit. They are given in the order in which they are asked for.
    pub(super) async fn acquire(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.permits.acquire().await.ok()
    }
}

/// A file that is sent.
pub(super) struct Source {
    file: File,
    /// Bytes that are still to come, as far as the file's size tells.
    left: u64,
    hasher: Hasher,
    path: PathBuf,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).context(path)?;
        Ok(Self {
            // One more, so that the end is seen without another allocation.
            left: file.metadata().context(path)?.len() + 1,
            file,
            hasher: Hasher::default(),
            path: path.to_owned(),
        })
    }

    /// Reads the next part; an empty one is the end.
    pub(super) async fn part(mut self, size: u64) -> Result<(Vec<u8>, Self), Error> {
        aside(move || {
            let mut bytes = Vec::with_capacity(usize::try_from(self.left.min(size)).unwrap_or(0));
            let read = (&self.file).take(size).read_to_end(&mut bytes);
            read.context(&self.path)?;
            self.left = self.left.saturating_sub(bytes.len() as u64);
            self.hasher.update(&bytes);
            Ok((bytes, self))
        })
        .await
    }

    /// The hash of what was read.
    pub(super) fn finish(self) -> Digest {
        self.hasher.finish()
    }
}

/// A file that grows by what arrives.
pub(super) struct Sink {
    file: File,
    hasher: Hasher,
    /// Bytes that are there.
    pub(super) at: u64,
    part: PathBuf,
}

impl Sink {
    /// Opens what an earlier try left, and hashes it.
    pub(super) async fn open(download: &Download) -> Result<Self, Error> {
        let (part, most) = (download.part(), download.size);
        aside(move || {
            make_room(&part).context(&part)?;
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&part)
                .context(&part)?;
            let mut hasher = Hasher::default();
            let mut at = 0;
            let mut buffer = vec![0; 1 << 20];
            if file.metadata().context(&part)?.len() > most {
                file.set_len(0).context(&part)?;
            }
            loop {
                let read = file.read(&mut buffer).context(&part)?;
                let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
                    break;
                };
                hasher.update(bytes);
                at += read as u64;
            }
            Ok(Self {
                file,
                hasher,
                at,
                part,
            })
        })
        .await
    }

    /// Begins anew.
    pub(super) fn restart(&mut self) -> Result<(), Error> {
        self.file.set_len(0).context(&self.part)?;
        self.file.seek(SeekFrom::Start(0)).context(&self.part)?;
        self.hasher = Hasher::default();
        self.at = 0;
        Ok(())
    }

    /// Writes and hashes what came, as it came.
    pub(super) async fn take(mut self, pieces: Vec<Bytes>) -> Result<Self, Error> {
        aside(move || {
            for bytes in pieces {
                self.file.write_all(&bytes).context(&self.part)?;
                self.hasher.update(&bytes);
                self.at += bytes.len() as u64;
            }
            Ok(self)
        })
        .await
    }

    /// Gives the file its name, if it is what it should be; else nothing is left of it. It is made durable now, beside what is
    /// still arriving: when the version is sealed, little is left to wait for.
    pub(super) async fn finish(self, download: &Download) -> Result<(), Error> {
        let found = self.hasher.finish();
        if found != download.sha256 {
            fs::remove_file(&self.part).context(&self.part)?;
            return Err(download.wrong(found.to_string()));
        }
        let (part, to) = (self.part, download.to.clone());
        aside(move || Ok(durable::give_name(&part, &to)?)).await
    }
}

/// Runs what blocks or computes away from the thread that serves the sockets.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(e) => Err(Error::Transport {
            remote: "this machine".into(),
            doing: "reading and hashing".into(),
            problem: e.to_string(),
        }),
    }
}
