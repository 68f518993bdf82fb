//! A bucket of S3, Google Cloud Storage or Azure, through the object_store crate.
//!
//! Everything runs on the caller's thread beside a small runtime for sockets and hashing, looks up ten times a second whether
//! it was asked to stop, and has a bound: connecting, silence while reading, a whole request while writing, and tries.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::future::Future;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::stream::{self, FuturesUnordered, StreamExt as _, TryStreamExt as _};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path as Key;
use object_store::{
    BackoffConfig, ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode,
    PutPayload, RetryConfig, UpdateVersion,
};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use super::address::{Address, Place};
use super::objects::{Download, Listed, Objects, Put, Tag, Upload, When, make_room};
use super::{Error, Tuning};
use crate::digest::Hasher;
use crate::durable::Context as _;
use crate::progress::Progress;

/// Bytes of one part: S3 takes none below 5 MiB but the last.
const PART: u64 = 8 << 20;
/// Parts in flight at once, over all files: what transfers hold in memory.
const PARTS: usize = 8;
/// Files at once.
const FILES: usize = 8;
/// Requests at once that only look.
const LOOKS: usize = 16;
/// How often a read is tried again whose answer broke off.
const TRIES: u32 = 4;
const TICK: Duration = Duration::from_millis(100);
/// How often the library tries a request again that failed or was turned away.
const RETRIES: usize = 4;
/// How much longer a whole request may take while it writes than reading may be silent: the other side says nothing before it
/// has it all.
const WRITING: u32 = 5;

pub(super) struct Bucket {
    /// Reading may take as long as bytes come.
    reads: Arc<dyn ObjectStore>,
    writes: Arc<dyn ObjectStore>,
    prefix: String,
    shown: String,
    runtime: Runtime,
}

impl Bucket {
    pub(super) fn open(address: &Address, tuning: &Tuning) -> Result<Self, Error> {
        let shown = address.to_string();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("the runtime")?;
        let reading = ClientOptions::new()
            .with_timeout_disabled()
            .with_read_timeout(tuning.silence);
        let writing = ClientOptions::new().with_timeout(tuning.silence * WRITING);
        let client =
            |options: ClientOptions| options.with_connect_timeout(tuning.silence.min(CONNECT));
        let build = |options: ClientOptions| {
            build(address, tuning, client(options)).map_err(|e| Error::Transport {
                remote: shown.clone(),
                doing: "opening it".into(),
                problem: told(&e),
            })
        };
        let prefix = match &address.place {
            Place::S3 { prefix, .. } | Place::Gcs { prefix, .. } | Place::Azure { prefix, .. } => {
                prefix.clone()
            }
            Place::Directory(_) => String::new(),
        };
        Ok(Self {
            reads: build(reading)?,
            writes: build(writing)?,
            prefix,
            shown,
            runtime,
        })
    }

    fn key(&self, key: &str) -> Key {
        Key::from(format!("{}/{key}", self.prefix))
    }

    fn failed(&self, doing: &str, key: &str, e: &object_store::Error) -> Error {
        Error::Transport {
            remote: self.shown.clone(),
            doing: format!("{doing} {key}"),
            problem: told(e),
        }
    }

    /// Waits for what is under way, unless the run is asked to stop.
    fn wait<T>(
        &self,
        progress: &dyn Progress,
        under_way: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.runtime.block_on(async {
            let mut under_way = std::pin::pin!(under_way);
            loop {
                tokio::select! {
                    done = &mut under_way => return done,
                    () = tokio::time::sleep(TICK) => progress.checkpoint()?,
                }
            }
        })
    }

    async fn put(&self, key: &str, bytes: Vec<u8>, mode: PutMode) -> Result<Put, Error> {
        use object_store::Error as E;
        let payload = PutPayload::from(bytes);
        match self
            .writes
            .put_opts(&self.key(key), payload, mode.into())
            .await
        {
            Ok(_) => Ok(Put::Done),
            Err(E::AlreadyExists { .. } | E::Precondition { .. }) => Ok(Put::Refused),
            Err(e) => Err(self.failed("writing", key, &e)),
        }
    }

    /// Sends one file, in parts where it is large. What does not have its hash never becomes an object.
    async fn send_one(
        &self,
        upload: &Upload,
        gate: &Semaphore,
        moved: &dyn Fn(u64),
    ) -> Result<(), Error> {
        let key = self.key(&upload.key);
        let mut source = Source::open(&upload.path)?;
        if upload.size <= PART {
            let _permit = gate.acquire().await;
            let (bytes, back) = source.part().await?;
            source = back;
            self.check(upload, source)?;
            self.put(&upload.key, bytes, PutMode::Overwrite).await?;
            moved(upload.size);
            return Ok(());
        }
        let failed = |e| self.failed("writing", &upload.key, &e);
        let mut writing = self.writes.put_multipart(&key).await.map_err(failed)?;
        let sent = async {
            let mut parts = FuturesUnordered::new();
            loop {
                // Whoever holds parts must be able to finish them: one is let go of before another is waited for.
                let permit = match gate.try_acquire() {
                    Ok(permit) => permit,
                    Err(_) => match parts.next().await {
                        Some(done) => {
                            moved(done?);
                            continue;
                        }
                        None => gate.acquire().await.map_err(|_| self.closed())?,
                    },
                };
                let (bytes, back) = source.part().await?;
                source = back;
                if bytes.is_empty() {
                    break;
                }
                let size = bytes.len() as u64;
                let part = writing.put_part(PutPayload::from(bytes));
                let failed = |e| self.failed("writing", &upload.key, &e);
                parts.push(async move {
                    let done = part.await.map_err(failed);
                    drop(permit);
                    done.map(|()| size)
                });
            }
            while let Some(done) = parts.next().await {
                moved(done?);
            }
            drop(parts);
            self.check(upload, source)
        };
        if let Err(e) = sent.await {
            writing.abort().await.ok();
            return Err(e);
        }
        writing.complete().await.map_err(failed)?;
        Ok(())
    }

    fn check(&self, upload: &Upload, source: Source) -> Result<(), Error> {
        let found = source.hasher.finish();
        match found == upload.sha256 {
            true => Ok(()),
            false => Err(Error::WrongBytes {
                what: upload.path.display().to_string(),
                expected: upload.sha256,
                found: found.to_string(),
            }),
        }
    }

    fn closed(&self) -> Error {
        Error::Transport {
            remote: self.shown.clone(),
            doing: "transferring".into(),
            problem: "it was given up".into(),
        }
    }

    /// Fetches one object, going on with what an earlier try left.
    async fn fetch_one(
        &self,
        download: &Download,
        gate: &Semaphore,
        moved: &dyn Fn(u64),
    ) -> Result<(), Error> {
        let mut sink = Sink::open(download).await?;
        if download.size <= PART {
            let _permit = gate.acquire().await;
            sink.restart()?;
            let bytes = self.whole(download).await?;
            moved(bytes.len() as u64);
            sink = sink.take(bytes).await?;
            return sink.finish(download);
        }
        let ranges = (sink.at..download.size)
            .step_by(PART as usize)
            .map(|at| at..(at + PART).min(download.size));
        let get = |range: std::ops::Range<u64>| async {
            let _permit = gate.acquire().await;
            self.range(download, range).await
        };
        // In their order, so that they can be hashed; some ahead.
        let mut parts = stream::iter(ranges).map(get).buffered(PARTS);
        loop {
            match parts.try_next().await {
                Ok(None) => break,
                Ok(Some(bytes)) => {
                    moved(bytes.len() as u64);
                    sink = sink.take(bytes).await?;
                }
                Err(e) if is_not_partial(&e) => {
                    drop(parts);
                    sink.restart()?;
                    return self.stream(download, sink, moved).await;
                }
                Err(e) => return Err(e),
            }
        }
        sink.finish(download)
    }

    /// Reads an object in one request, for servers that do not give parts of one.
    async fn stream(
        &self,
        download: &Download,
        mut sink: Sink,
        moved: &dyn Fn(u64),
    ) -> Result<(), Error> {
        let failed = |e| self.failed("reading", &download.key, &e);
        let got = self
            .reads
            .get(&self.key(&download.key))
            .await
            .map_err(failed)?;
        let mut bytes = got.into_stream();
        while let Some(next) = bytes.try_next().await.map_err(failed)? {
            if sink.at + next.len() as u64 > download.size {
                return Err(download.wrong("more bytes than that".into()));
            }
            moved(next.len() as u64);
            sink = sink.take(next.to_vec()).await?;
        }
        sink.finish(download)
    }

    async fn whole(&self, download: &Download) -> Result<Vec<u8>, Error> {
        self.again(|| async {
            let failed = |e| self.failed("reading", &download.key, &e);
            let got = self
                .reads
                .get(&self.key(&download.key))
                .await
                .map_err(failed)?;
            if got.meta.size != download.size {
                return Err(download.wrong(format!("{} bytes", got.meta.size)));
            }
            Ok(got.bytes().await.map_err(failed)?.to_vec())
        })
        .await
    }

    async fn range(
        &self,
        download: &Download,
        range: std::ops::Range<u64>,
    ) -> Result<Vec<u8>, Error> {
        self.again(|| async {
            let key = self.key(&download.key);
            let read = self.reads.get_range(&key, range.clone());
            let bytes = read
                .await
                .map_err(|e| self.failed("reading", &download.key, &e))?;
            match bytes.len() as u64 == range.end - range.start {
                true => Ok(bytes.to_vec()),
                false => Err(download.wrong("fewer bytes than that".into())),
            }
        })
        .await
    }

    /// Reads again what broke off in the middle of an answer, which the library leaves to its caller.
    async fn again<T, F: Future<Output = Result<T, Error>>>(
        &self,
        read: impl Fn() -> F,
    ) -> Result<T, Error> {
        let mut pause = TICK;
        for _ in 1..TRIES {
            match read().await {
                Err(e) if e.is_passing() && !is_not_partial(&e) => {
                    tokio::time::sleep(pause).await;
                    pause *= 3;
                }
                other => return other,
            }
        }
        read().await
    }
}

const CONNECT: Duration = Duration::from_secs(5);

fn build(
    address: &Address,
    tuning: &Tuning,
    client: ClientOptions,
) -> Result<Arc<dyn ObjectStore>, object_store::Error> {
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
            base: 2.,
        },
        max_retries: RETRIES,
        retry_timeout: tuning.silence * WRITING,
    };
    let plain = |endpoint: &String| endpoint.starts_with("http://");
    let allow_http = address.endpoint.as_ref().is_some_and(plain);
    Ok(match &address.place {
        Place::S3 { bucket, .. } => {
            let mut builder = AmazonS3Builder::from_env()
                .with_bucket_name(bucket)
                .with_retry(retry);
            if let Some(keys) = &tuning.keys {
                builder = builder
                    .with_access_key_id(&keys.id)
                    .with_secret_access_key(&keys.secret);
                if let Some(token) = &keys.token {
                    builder = builder.with_token(token);
                }
            }
            if let Some(region) = address.region.as_ref().or(tuning.region.as_ref()) {
                builder = builder.with_region(region);
            }
            if let Some(endpoint) = &address.endpoint {
                builder = builder.with_endpoint(endpoint);
            }
            let allow_http = allow_http || tuning.plain_http;
            Arc::new(
                builder
                    .with_client_options(client.with_allow_http(allow_http))
                    .build()?,
            )
        }
        Place::Gcs { bucket, .. } => {
            let mut builder = GoogleCloudStorageBuilder::from_env()
                .with_bucket_name(bucket)
                .with_retry(retry);
            if let Some(endpoint) = &address.endpoint {
                builder = builder.with_base_url(endpoint);
            }
            Arc::new(
                builder
                    .with_client_options(client.with_allow_http(allow_http))
                    .build()?,
            )
        }
        Place::Azure {
            account, container, ..
        } => {
            let mut builder = MicrosoftAzureBuilder::from_env()
                .with_account(account)
                .with_container_name(container)
                .with_retry(retry);
            if let Some(endpoint) = &address.endpoint {
                builder = builder.with_endpoint(endpoint.clone());
            }
            Arc::new(
                builder
                    .with_client_options(client.with_allow_http(allow_http))
                    .build()?,
            )
        }
        Place::Directory(_) => Arc::new(object_store::memory::InMemory::new()),
    })
}

impl Objects for Bucket {
    fn read(
        &self,
        key: &str,
        most: u64,
        progress: &dyn Progress,
    ) -> Result<Option<(Vec<u8>, Tag)>, Error> {
        let read = || async {
            let failed = |e| self.failed("reading", key, &e);
            let got = match self.reads.get(&self.key(key)).await {
                Err(object_store::Error::NotFound { .. }) => return Ok(None),
                other => other.map_err(failed)?,
            };
            if got.meta.size > most {
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
            let bytes = got.bytes().await.map_err(failed)?;
            Ok(Some((bytes.to_vec(), tag)))
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
                Err(object_store::Error::NotFound { .. }) => Ok(None),
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
            match self.writes.delete(&self.key(key)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
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
        let gate = Semaphore::new(PARTS);
        self.wait(progress, async {
            let sends = stream::iter(uploads).map(|upload| self.send_one(upload, &gate, moved));
            sends.buffer_unordered(FILES).try_collect().await
        })
    }

    fn fetch(
        &self,
        downloads: &[Download],
        moved: &dyn Fn(u64),
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let gate = Semaphore::new(PARTS);
        self.wait(progress, async {
            let fetches = stream::iter(downloads).map(|file| self.fetch_one(file, &gate, moved));
            fetches.buffer_unordered(FILES).try_collect().await
        })
    }

    fn race(
        &self,
        key: &str,
        bodies: Vec<Vec<u8>>,
        when: When<'_>,
        progress: &dyn Progress,
    ) -> Result<usize, Error> {
        let taken = Cell::new(0);
        self.wait(progress, async {
            let puts = bodies
                .into_iter()
                .map(|body| self.put(key, body, mode(when)));
            for put in futures::future::join_all(puts).await {
                taken.set(taken.get() + usize::from(put? == Put::Done));
            }
            Ok(())
        })?;
        Ok(taken.get())
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

/// A file that is read in parts and hashed as it is read, away from the thread that serves the sockets.
struct Source {
    file: File,
    hasher: Hasher,
    path: std::path::PathBuf,
}

impl Source {
    fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self {
            file: File::open(path).context(path)?,
            hasher: Hasher::default(),
            path: path.to_owned(),
        })
    }

    /// Reads the next part; an empty one is the end.
    async fn part(mut self) -> Result<(Vec<u8>, Self), Error> {
        aside(move || {
            let mut bytes = Vec::with_capacity(PART as usize);
            let read = (&self.file).take(PART).read_to_end(&mut bytes);
            read.context(&self.path)?;
            self.hasher.update(&bytes);
            Ok((bytes, self))
        })
        .await
    }
}

/// A file that grows by what arrives, and is hashed as it does.
struct Sink {
    file: File,
    hasher: Hasher,
    at: u64,
    part: std::path::PathBuf,
}

impl Sink {
    /// Opens what an earlier try left, and hashes it.
    async fn open(download: &Download) -> Result<Self, Error> {
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

    fn restart(&mut self) -> Result<(), Error> {
        self.file.set_len(0).context(&self.part)?;
        self.file.seek(SeekFrom::Start(0)).context(&self.part)?;
        self.hasher = Hasher::default();
        self.at = 0;
        Ok(())
    }

    async fn take(mut self, bytes: Vec<u8>) -> Result<Self, Error> {
        aside(move || {
            self.file.write_all(&bytes).context(&self.part)?;
            self.hasher.update(&bytes);
            self.at += bytes.len() as u64;
            Ok(self)
        })
        .await
    }

    fn finish(self, download: &Download) -> Result<(), Error> {
        let found = self.hasher.finish();
        if found != download.sha256 {
            // What is wrong now was wrong in the file already, or will be again: the next try begins anew.
            std::fs::remove_file(&self.part).context(&self.part)?;
            return Err(download.wrong(found.to_string()));
        }
        std::fs::rename(&self.part, &download.to).context(&download.to)?;
        Ok(())
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

/// Some servers answer a range with the whole.
fn is_not_partial(e: &Error) -> bool {
    matches!(e, Error::Transport { problem, .. } if problem.contains("non-partial"))
}

/// What the library says, in a line, without the query of any address: some credentials travel there.
fn told(e: &object_store::Error) -> String {
    let mut text = String::new();
    let mut hidden = false;
    for c in e.to_string().chars() {
        match c {
            '?' => {
                text.push_str("?…");
                hidden = true;
            }
            c if hidden && !(c.is_whitespace() || "\"')<>".contains(c)) => {}
            c => {
                hidden = false;
                text.push(if c.is_whitespace() { ' ' } else { c });
            }
        }
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let short: String = words.join(" ").chars().take(LONGEST_TOLD).collect();
    short
}

/// Characters of an answer that are told; some servers answer with pages.
const LONGEST_TOLD: usize = 400;
