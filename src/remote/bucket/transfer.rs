//! Files to objects and back, in parts where they are large, each hashed on its way.

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::time::Instant;

use futures::stream::{self, FuturesUnordered, StreamExt as _, TryStreamExt as _};
use object_store::{
    GetOptions, GetRange, MultipartUpload as _, ObjectStore as _, ObjectStoreExt as _, PutMode,
    PutPayload,
};

use super::Bucket;
use crate::remote::Error;
use crate::remote::moving::{Gate, PARTS, Sink, Source};
use crate::remote::objects::{Download, Upload};

/// Bytes of one part: S3 takes none below 5 MiB but the last.
pub(super) const PART: u64 = 8 << 20;
/// Parts that an object may have; S3 takes 10,000.
const MOST_PARTS: u64 = 9_000;

impl Bucket {
    /// Sends one file. What does not have its hash never becomes an object.
    pub(super) async fn send_one(
        &self,
        upload: &Upload,
        gate: &Gate,
        moved: &dyn Fn(u64),
    ) -> Result<(), Error> {
        let sent = match upload.size <= PART {
            true => self.send_whole(upload, gate, moved).await,
            false => self.send_parts(upload, gate, moved).await,
        };
        if sent.is_err() {
            self.stopping.store(true, Ordering::Relaxed);
        }
        sent
    }

    async fn send_whole(
        &self,
        upload: &Upload,
        gate: &Gate,
        moved: &dyn Fn(u64),
    ) -> Result<(), Error> {
        let permit = gate.acquire().await;
        self.go_on()?;
        let (bytes, source) = Source::open(&upload.path)?.part(PART + 1).await?;
        upload.check(source.finish())?;
        let begun = Instant::now();
        self.put(&upload.key, bytes, PutMode::Overwrite).await?;
        gate.widen(begun);
        drop(permit);
        moved(upload.size);
        Ok(())
    }

    async fn send_parts(
        &self,
        upload: &Upload,
        gate: &Gate,
        moved: &dyn Fn(u64),
    ) -> Result<(), Error> {
        let key = self.key(&upload.key);
        let failed = |e| self.failed("writing", &upload.key, &e);
        self.go_on()?;
        let size = PART.max(upload.size.div_ceil(MOST_PARTS));
        let writing = self.clients.writes.put_multipart(&key).await;
        let mut writing = writing.map_err(failed)?;
        let sent = async {
            let mut source = Source::open(&upload.path)?;
            let mut parts = FuturesUnordered::new();
            loop {
                self.go_on()?;
                // Whoever holds parts must be able to finish them: one is let go of before another is waited for.
                let permit = match gate.try_acquire() {
                    Some(permit) => Some(permit),
                    None => match parts.next().await {
                        Some(done) => {
                            moved(done?);
                            continue;
                        }
                        None => gate.acquire().await,
                    },
                };
                let (bytes, back) = source.part(size).await?;
                source = back;
                if bytes.is_empty() {
                    break;
                }
                let size = bytes.len() as u64;
                let part = writing.put_part(PutPayload::from(bytes));
                let begun = Instant::now();
                parts.push(async move {
                    part.await
                        .map_err(|e| self.failed("writing", &upload.key, &e))?;
                    gate.widen(begun);
                    drop(permit);
                    Ok::<_, Error>(size)
                });
            }
            while let Some(done) = parts.next().await {
                moved(done?);
            }
            upload.check(source.finish())
        };
        if let Err(e) = sent.await {
            writing.abort().await.ok();
            return Err(e);
        }
        writing.complete().await.map_err(failed)?;
        Ok(())
    }

    /// Fetches one object, going on with what an earlier try left.
    pub(super) async fn fetch_one(
        &self,
        download: &Download,
        gate: &Gate,
        moved: &dyn Fn(u64),
    ) -> Result<(), Error> {
        let sink = Sink::open(download).await?;
        let resumed = sink.at > 0;
        match self.fill(sink, download, gate, moved).await {
            // What an earlier try left may be what is wrong: a power cut leaves anything. Nothing is left now.
            Err(Error::WrongBytes { .. }) if resumed => {
                let sink = Sink::open(download).await?;
                self.fill(sink, download, gate, moved).await
            }
            other => other,
        }
    }

    async fn fill(
        &self,
        mut sink: Sink,
        download: &Download,
        gate: &Gate,
        moved: &dyn Fn(u64),
    ) -> Result<(), Error> {
        if download.size <= PART {
            let _permit = gate.acquire().await;
            sink.restart()?;
            let bytes = self.again(|| self.whole(download)).await?;
            moved(bytes.len() as u64);
            return sink.take(bytes).await?.finish(download);
        }
        let ranges = (sink.at..download.size)
            .step_by(PART as usize)
            .map(|at| at..(at + PART).min(download.size));
        // The permit goes with the bytes: those that wait for an earlier part count as well. Since permits are given in order,
        // no later part keeps an earlier one from its own.
        let get = async |range: Range<u64>| {
            let permit = gate.acquire().await;
            let bytes = self.again(|| self.range(download, &range)).await?;
            Ok::<_, Error>((bytes, permit))
        };
        // In their order, so that they can be hashed; some ahead.
        let mut parts = stream::iter(ranges).map(get).buffered(PARTS);
        while let Some((bytes, permit)) = parts.try_next().await? {
            let Some(bytes) = bytes else {
                drop(parts);
                sink.restart()?;
                return self.stream(download, sink, moved).await;
            };
            moved(bytes.len() as u64);
            sink = sink.take(bytes).await?;
            drop(permit);
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
        let got = self.clients.reads.get(&self.key(&download.key)).await;
        let mut bytes = got.map_err(failed)?.into_stream();
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
        let failed = |e| self.failed("reading", &download.key, &e);
        let got = self.clients.reads.get(&self.key(&download.key)).await;
        let got = got.map_err(failed)?;
        match got.meta.size == download.size {
            true => self.body(&download.key, got, download.size).await,
            false => Err(download.wrong(format!("{} bytes", got.meta.size))),
        }
    }

    /// Reads a part of an object; `None` where the server gives the whole instead.
    async fn range(
        &self,
        download: &Download,
        range: &Range<u64>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            ..GetOptions::default()
        };
        let key = self.key(&download.key);
        let got = match self.clients.reads.get_opts(&key, options).await {
            Err(e) if e.to_string().contains("non-partial") => return Ok(None),
            other => other.map_err(|e| self.failed("reading", &download.key, &e))?,
        };
        let bytes = self
            .body(&download.key, got, range.end - range.start)
            .await?;
        Ok(Some(bytes))
    }
}
