//! A bucket of S3, Google Cloud Storage or Azure, through the object_store crate.
//!
//! Everything runs on the caller's thread beside a small runtime for sockets and hashing, looks up ten times a second whether
//! it was asked to stop, and has a bound: connecting, silence while reading, a whole request while writing, and tries.

mod transfer;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use object_store::path::Path as Key;
use object_store::{
    Error as StoreError, GetResult, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode,
    PutPayload, UpdateVersion,
};
use tokio::runtime::Runtime;

use super::address::{Address, Cloud};
use super::clouds::{self, Use};
use super::moving::Gate;
use super::objects::{Download, Listed, Objects, Put, Tag, Upload, When};
use super::{Error, Tuning};
use crate::durable::Context as _;
use crate::progress::Progress;

/// Files at once.
const FILES: usize = 8;
/// Requests at once that only look.
const LOOKS: usize = 16;
/// How often a read is tried again whose answer broke off.
const TRIES: u32 = 4;
const TICK: Duration = Duration::from_millis(100);
/// How long what is under way may take to give up cleanly.
const PARTING: Duration = Duration::from_secs(5);
/// Characters of an answer that are told; some servers answer with pages.
const LONGEST_TOLD: usize = 400;

pub(super) struct Bucket {
    reads: Arc<dyn ObjectStore>,
    writes: OnceLock<Arc<dyn ObjectStore>>,
    /// How the one that writes is opened, where one is needed.
    opening: (Address, Cloud, Tuning),
    prefix: String,
    shown: String,
    runtime: Runtime,
    /// Whether transfers shall give up: one failed, or somebody asked.
    stopping: AtomicBool,
}

impl Bucket {
    pub(super) fn open(
        address: &Address,
        cloud: &Cloud,
        prefix: &str,
        tuning: &Tuning,
    ) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("the runtime")?;
        let shown = address.to_string();
        let reads = clouds::open(address, cloud, tuning, Use::Reading);
        Ok(Self {
            reads: reads.map_err(|e| not_opened(&shown, &e))?,
            writes: OnceLock::new(),
            opening: (address.clone(), cloud.clone(), tuning.clone()),
            prefix: prefix.to_owned(),
            shown,
            runtime,
            stopping: AtomicBool::new(false),
        })
    }

    fn writes(&self) -> Result<&Arc<dyn ObjectStore>, Error> {
        if let Some(writes) = self.writes.get() {
            return Ok(writes);
        }
        let (address, cloud, tuning) = &self.opening;
        let writes = clouds::open(address, cloud, tuning, Use::Writing);
        let writes = writes.map_err(|e| not_opened(&self.shown, &e))?;
        Ok(self.writes.get_or_init(|| writes))
    }

    fn key(&self, key: &str) -> Key {
        Key::from(format!("{}/{key}", self.prefix))
    }

    fn failed(&self, doing: &str, key: &str, e: &StoreError) -> Error {
        Error::Transport {
            remote: self.shown.clone(),
            doing: format!("{doing} {key}"),
            problem: told(e),
        }
    }

    fn broke_off(&self, key: &str, problem: String) -> Error {
        Error::BrokeOff {
            remote: self.shown.clone(),
            key: key.to_owned(),
            problem,
        }
    }

    /// Waits for what is under way. Where the run is asked to stop, that is given a moment to clean up after itself.
    fn wait<T>(
        &self,
        progress: &dyn Progress,
        under_way: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.stopping.store(false, Ordering::Relaxed);
        self.runtime.block_on(async {
            let mut under_way = std::pin::pin!(under_way);
            loop {
                tokio::select! {
                    done = &mut under_way => return done,
                    () = tokio::time::sleep(TICK) => {}
                }
                if let Err(asked) = progress.checkpoint() {
                    self.stopping.store(true, Ordering::Relaxed);
                    tokio::time::timeout(PARTING, under_way).await.ok();
                    return Err(asked.into());
                }
            }
        })
    }

    /// Fails where transfers shall give up.
    fn go_on(&self) -> Result<(), Error> {
        match self.stopping.load(Ordering::Relaxed) {
            true => Err(self.broke_off("a transfer", "it was given up".into())),
            false => Ok(()),
        }
    }

    async fn put(&self, key: &str, bytes: Vec<u8>, mode: PutMode) -> Result<Put, Error> {
        let conditional = !matches!(mode, PutMode::Overwrite);
        let (at, payload) = (self.key(key), PutPayload::from(bytes));
        let put = self.writes()?.put_opts(&at, payload, mode.into());
        match put.await {
            Ok(_) => Ok(Put::Done),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => {
                Ok(Put::Refused)
            }
            Err(e) if conditional && knows_no_conditions(&e) => Err(Error::Unsafe {
                remote: self.shown.clone(),
                problem: format!("it does not know them: {}", told(&e)),
            }),
            Err(e) => Err(self.failed("writing", key, &e)),
        }
    }

    /// Reads the body of an answer, of this size and no more.
    async fn body(&self, key: &str, got: GetResult, size: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let mut body = got.into_stream();
        loop {
            match body.try_next().await {
                Ok(Some(next)) if (bytes.len() + next.len()) as u64 <= size => {
                    bytes.extend_from_slice(&next);
                }
                Ok(None) if bytes.len() as u64 == size => return Ok(bytes),
                Ok(_) => return Err(self.broke_off(key, "it has another size".into())),
                Err(e) => return Err(self.broke_off(key, told(&e))),
            }
        }
    }

    /// Reads again what broke off in the middle of an answer. What fails before that, the library has tried again already.
    async fn again<T, F: Future<Output = Result<T, Error>>>(
        &self,
        read: impl Fn() -> F,
    ) -> Result<T, Error> {
        let mut pause = TICK;
        for _ in 1..TRIES {
            match read().await {
                Err(Error::BrokeOff { .. }) => {
                    self.go_on()?;
                    tokio::time::sleep(pause).await;
                    pause *= 3;
                }
                other => return other,
            }
        }
        read().await
    }
}

impl Objects for Bucket {
    fn read(
        &self,
        key: &str,
        most: u64,
        progress: &dyn Progress,
    ) -> Result<Option<(Vec<u8>, Tag)>, Error> {
        let read = || async {
            let got = match self.reads.get(&self.key(key)).await {
                Err(StoreError::NotFound { .. }) => return Ok(None),
                other => other.map_err(|e| self.failed("reading", key, &e))?,
            };
            let size = got.meta.size;
            if size > most {
                return Err(Error::Malformed {
                    remote: self.shown.clone(),
                    what: key.to_owned(),
                    problem: "it is too large".into(),
                });
            }
            let tag = Tag {
                e_tag: got.meta.e_tag.clone(),
                version: got.meta.version.clone(),
            };
            Ok(Some((self.body(key, got, size).await?, tag)))
        };
        self.wait(progress, self.again(read))
    }

    fn write(
        &self,
        key: &str,
        bytes: &[u8],
        when: When<'_>,
        progress: &dyn Progress,
    ) -> Result<Put, Error> {
        self.wait(progress, self.put(key, bytes.to_vec(), mode(when)))
    }

    fn list(&self, prefix: &str, progress: &dyn Progress) -> Result<Vec<Listed>, Error> {
        let key = self.key(prefix);
        // The library joins what it is given with slashes of its own.
        let within = match self.prefix.is_empty() {
            true => String::new(),
            false => format!("{}/", Key::from(self.prefix.as_str())),
        };
        self.wait(progress, async {
            let mut found = Vec::new();
            let mut listing = self.reads.list(Some(&key));
            while let Some(meta) = listing
                .try_next()
                .await
                .map_err(|e| self.failed("listing", prefix, &e))?
            {
                if let Some(key) = meta.location.as_ref().strip_prefix(&within) {
                    let key = key.to_owned();
                    found.push(listed(key, &meta));
                }
            }
            Ok(found)
        })
    }

    fn look(
        &self,
        keys: &[String],
        progress: &dyn Progress,
    ) -> Result<BTreeMap<String, Listed>, Error> {
        let look = |key: String| async move {
            match self.reads.head(&self.key(&key)).await {
                Ok(meta) => Ok(Some((key.clone(), listed(key, &meta)))),
                Err(StoreError::NotFound { .. }) => Ok(None),
                Err(e) => Err(self.failed("looking at", &key, &e)),
            }
        };
        self.wait(progress, async {
            let looks = stream::iter(keys.iter().cloned()).map(look);
            looks
                .buffer_unordered(LOOKS)
                .try_filter_map(|found| async { Ok(found) })
                .try_collect()
                .await
        })
    }

    fn remove(&self, key: &str, progress: &dyn Progress) -> Result<(), Error> {
        self.wait(progress, async {
            match self.writes()?.delete(&self.key(key)).await {
                Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
                Err(e) => Err(self.failed("removing", key, &e)),
            }
        })
    }

    fn send(
        &self,
        uploads: &[Upload],
        moved: &dyn Fn(u64),
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let gate = Gate::narrow();
        self.wait(progress, async {
            let sends = stream::iter(uploads).map(|upload| self.send_one(upload, &gate, moved));
            // To the end of each, so that what was begun in parts is taken back where one fails. The first failure is why.
            let mut done = Ok(());
            let mut sends = sends.buffer_unordered(FILES);
            while let Some(sent) = sends.next().await {
                done = done.and(sent);
            }
            done
        })
    }

    fn fetch(
        &self,
        downloads: &[Download],
        moved: &dyn Fn(u64),
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        self.wait(progress, async {
            let fetches = stream::iter(downloads).map(|file| self.fetch_one(file, moved));
            fetches.buffer_unordered(FILES).try_collect().await
        })
    }

    fn resumes(&self) -> bool {
        true
    }

    fn race(
        &self,
        key: &str,
        bodies: Vec<Vec<u8>>,
        when: When<'_>,
        progress: &dyn Progress,
    ) -> Result<usize, Error> {
        self.wait(progress, async {
            let puts = bodies
                .into_iter()
                .map(|body| self.put(key, body, mode(when)));
            let mut taken = 0;
            for put in futures::future::join_all(puts).await {
                taken += usize::from(put? == Put::Done);
            }
            Ok(taken)
        })
    }
}

fn mode(when: When<'_>) -> PutMode {
    match when {
        When::Always => PutMode::Overwrite,
        When::Absent => PutMode::Create,
        When::Unchanged(tag) => PutMode::Update(UpdateVersion {
            e_tag: tag.e_tag.clone(),
            version: tag.version.clone(),
        }),
    }
}

fn listed(key: String, meta: &ObjectMeta) -> Listed {
    Listed {
        key,
        size: meta.size,
        modified: SystemTime::from(meta.last_modified),
    }
}

/// Whether a server turned a write away because of its condition as such, not because it does not hold: by a status that says so,
/// and none that a limit, a clock or a missing right gives as well.
fn knows_no_conditions(e: &StoreError) -> bool {
    let says = |text: &str| {
        let status = |code: &str| text.contains(&format!("non-2xx status code: {code}"));
        let names = ["If-Match", "If-None-Match", "NotImplemented"];
        status("501") || status("400") && names.iter().any(|name| text.contains(name))
    };
    match e {
        StoreError::NotImplemented { .. } | StoreError::NotSupported { .. } => true,
        StoreError::Generic { .. } => says(&e.to_string()),
        _ => false,
    }
}

fn not_opened(shown: &str, e: &StoreError) -> Error {
    Error::Transport {
        remote: shown.to_owned(),
        doing: "opening it".into(),
        problem: told(e),
    }
}

/// What the library says, in a line, without the user and the query of any address: some credentials travel there.
fn told(e: &StoreError) -> String {
    let said = e.to_string();
    let words = said.split_whitespace().map(|word| {
        let head = word.split(['?', '#']).next().unwrap_or_default();
        match (head.split_once("://"), head.len() < word.len()) {
            (Some((scheme, rest)), cut) => {
                let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
                format!("{scheme}://{place}{}", if cut { "?…" } else { "" })
            }
            (None, _) => word.to_owned(),
        }
    });
    let line = words.collect::<Vec<_>>().join(" ");
    line.chars().take(LONGEST_TOLD).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_user_and_no_query_of_an_address_is_told() {
        let e = StoreError::Generic {
            store: "S3",
            source: "GET http://id:sekret@host:9/a?sig=sekret&x=1 in 1s: what?".into(),
        };
        let told = told(&e);
        assert!(
            told.contains("http://host:9/a?…") && !told.contains("sekret"),
            "{told}"
        );
        assert!(told.ends_with("what?"), "{told}");
    }
}
