//! Files to objects and back, in parts where they are large, each hashed on its way.

use std::sync::atomic::Ordering;
use std::time::Instant;

use futures::stream::{FuturesUnordered, StreamExt as _, TryStreamExt as _};
use object_store::{
    GetOptions, GetRange, MultipartUpload as _, ObjectStore as _, ObjectStoreExt as _, PutMode,
    PutPayload,
};

use super::{Bucket, TICK, TRIES, told};
use crate::remote::Error;
use crate::remote::moving::{Gate, Sink, Source};
use crate::remote::objects::{Download, Upload};

/// Bytes of one part: S3 takes none below 5 MiB but the last.
pub(super) const PART: u64 = 8 << 20;
/// Bytes that are hashed and written at once.
const AT_ONCE: u64 = 1 << 20;
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
        let writing = self.writes()?.put_multipart(&key).await;
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
        moved: &dyn Fn(u64),
    ) -> Result<(), Error> {
        let sink = Sink::open(download).await?;
        let resumed = sink.at > 0;
        match self.fill(sink, download, moved).await {
            // What an earlier try left may be what is wrong: a power cut leaves anything. Nothing is left now.
            Err(Error::WrongBytes { .. }) if resumed => {
                let sink = Sink::open(download).await?;
                self.fill(sink, download, moved).await
            }
            other => other,
        }
    }

    /// Fills a file, and goes on where an answer broke off.
    async fn fill(
        &self,
        mut sink: Sink,
        download: &Download,
        moved: &dyn Fn(u64),
    ) -> Result<(), Error> {
        let mut pause = TICK;
        let mut tries = 1;
        // Nothing is asked of one that is whole: no server gives a range that begins at the end.
        while sink.at < download.size {
            let (back, streamed) = self.stream(sink, download, moved).await?;
            sink = back;
            match streamed {
                Ok(()) => break,
                Err(e) if tries == TRIES => return Err(e),
                Err(_) => {
                    self.go_on()?;
                    tokio::time::sleep(pause).await;
                    pause *= 3;
                    tries += 1;
                }
            }
        }
        sink.finish(download).await
    }

    /// Reads what a file lacks of an object. Says whether the answer broke off; what came before that is in the file.
    async fn stream(
        &self,
        mut sink: Sink,
        download: &Download,
        moved: &dyn Fn(u64),
    ) -> Result<(Sink, Result<(), Error>), Error> {
        let key = self.key(&download.key);
        let rest = GetOptions {
            range: (sink.at > 0).then_some(GetRange::Offset(sink.at)),
            ..GetOptions::default()
        };
        let got = match self.reads.get_opts(&key, rest).await {
            // Some servers answer a range with the whole.
            Err(e) if e.to_string().contains("non-partial") => {
                sink.restart()?;
                self.reads.get(&key).await
            }
            other => other,
        };
        let got = got.map_err(|e| self.failed("reading", &download.key, &e))?;
        if got.meta.size != download.size {
            return Err(download.wrong(format!("{} bytes", got.meta.size)));
        }
        let mut body = got.into_stream();
        let (mut pieces, mut waiting) = (Vec::new(), 0);
        loop {
            let next = body.try_next().await;
            let ended = !matches!(next, Ok(Some(_)));
            if let Ok(Some(bytes)) = &next {
                waiting += bytes.len() as u64;
                pieces.push(bytes.clone());
            }
            if sink.at + waiting > download.size {
                return Err(download.wrong("more bytes than that".into()));
            }
            if ended || waiting >= AT_ONCE {
                sink = sink.take(std::mem::take(&mut pieces)).await?;
                moved(std::mem::take(&mut waiting));
            }
            let broke_off = |problem| Err(self.broke_off(&download.key, problem));
            match next {
                Ok(Some(_)) => {}
                Ok(None) if sink.at == download.size => return Ok((sink, Ok(()))),
                Ok(None) => return Ok((sink, broke_off("it is too short".into()))),
                Err(e) => return Ok((sink, broke_off(told(&e)))),
            }
        }
    }
}
