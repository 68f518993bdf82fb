//! The state of one run: every outcome is judged against those before it and against the last good copies.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::duplicates::Duplicates;
use super::previous::Previous;
use super::table::{Fate, Table};
use super::{Error, Mode};
use crate::chunk::{ChunkRecord, Chunker};
use crate::corpus::{Columns, Document, Failure, Format, Job, Metadata, Options, Outcome, Task};
use crate::digest::{Digest, FieldHasher};
use crate::progress::Progress;
use crate::snapshot::{DocumentRecord, SnapshotWriter, Status};
use crate::store::{Counts, Withdrawn};

/// What a run has taken so far.
pub(super) struct Run<'a> {
    pub(super) chunker: Chunker<'a>,
    /// Where documents go; nowhere in a run that only looks.
    pub(super) writer: Option<SnapshotWriter>,
    /// Sees every chunk.
    pub(super) each_chunk: &'a mut dyn FnMut(&ChunkRecord),
    pub(super) previous: Previous,
    pub(super) mode: Mode,
    pub(super) forgotten: HashSet<Withdrawn>,
    pub(super) columns: Columns,
    pub(super) counts: Counts,
    pub(super) table: Table,
    pub(super) duplicates: Duplicates,
    pub(super) failures: Vec<Failure>,
    pub(super) seen: HashSet<(String, String)>,
    /// Sources of which anything was seen.
    pub(super) seen_sources: HashSet<String>,
    /// Documents that would have to be kept, but whose last good copies were cut with other settings.
    pub(super) lost: Vec<String>,
    /// Sources of which a file of records broke: which documents it had is not known.
    pub(super) torn: HashSet<String>,
    pub(super) withdrawn: u64,
    pub(super) flagged: u64,
    pub(super) kept: Vec<String>,
    pub(super) deleted: Vec<String>,
}

/// Names what a document's text and metadata depend on beside its bytes.
pub(super) fn settings(options: &Options, metadata: &Metadata) -> Digest {
    let Options {
        html,
        // Passwords open a document and do not change it.
        passwords: _,
        keep_front_matter,
        fields,
    } = options;
    let settings = (html, keep_front_matter, fields, metadata);
    Digest::of(serde_json::to_vec(&settings).unwrap_or_default())
}

/// Names all that a document's chunks depend on beside the snapshot's settings.
pub(super) fn key(task: &Task, sha256: &Digest) -> Digest {
    let mut hasher = FieldHasher::default();
    let told = (&task.uri, task.format, &task.charset, &task.name);
    hasher.field(settings(&task.options, &task.metadata).as_bytes());
    hasher.field(serde_json::to_vec(&told).unwrap_or_default());
    hasher.field(sha256.as_bytes());
    hasher.finish()
}

/// The last good copies' keys, for threads that ask whether bytes are known.
pub(super) type Keys = HashMap<(String, String), Digest>;

impl Run<'_> {
    /// Takes one outcome of an item.
    pub(super) fn take(
        &mut self,
        job: &Job<'_>,
        outcome: Outcome,
        took: Duration,
    ) -> Result<(), Error> {
        let started = std::time::Instant::now();
        let (source, id) = match &outcome {
            Outcome::Document(document) => (document.source.clone(), document.id.clone()),
            Outcome::Failure(failure) => (failure.source.clone(), failure.id.clone()),
            Outcome::Unchanged => (job.source.id().to_owned(), job.item.id.clone()),
        };
        if Withdrawn::covers(&self.forgotten, &source, &id) {
            self.withdrawn += 1;
            return Ok(());
        }
        let format = job.item.format;
        match outcome {
            Outcome::Unchanged if self.is_seen(&source, &id) => {
                self.refuse(repeated(&source, &id, &job.item.uri), format)?;
            }
            Outcome::Unchanged => {
                self.copy(&source, &id, None, Fate::Unchanged)?;
            }
            Outcome::Failure(failure) => {
                // Which documents a file of records had beside those that could be read, nobody knows.
                let is_whole = failure.id == job.item.id
                    || failure.id.starts_with(&format!("{}:", job.item.id));
                if is_whole && self.previous.has_records(&source) {
                    self.torn.insert(source);
                }
                self.fail(failure, format)?;
            }
            Outcome::Document(document) => self.read(job, &document)?,
        }
        self.table.took(took + started.elapsed());
        Ok(())
    }

    /// Takes a failure of what could not even be listed.
    pub(super) fn take_failure(&mut self, failure: &Failure) -> Result<(), Error> {
        if Withdrawn::covers(&self.forgotten, &failure.source, &failure.id) {
            self.withdrawn += 1;
            return Ok(());
        }
        let has_copy = self.previous.find(&failure.source, &failure.id).is_some();
        if !has_copy && self.previous.has_records(&failure.source) {
            self.torn.insert(failure.source.clone());
        }
        self.fail(failure.clone(), None)
    }

    fn is_seen(&self, source: &str, id: &str) -> bool {
        self.seen.contains(&(source.to_owned(), id.to_owned()))
    }

    fn read(&mut self, job: &Job<'_>, document: &Document) -> Result<(), Error> {
        let Document {
            source, id, uri, ..
        } = document;
        // A chunk is named by its source, document and place: a second document of that name would hide the first.
        if self.is_seen(source, id) {
            return self.refuse(repeated(source, id, uri), Some(document.format));
        }
        if let Err(conflict) = self.columns.add(uri, &document.metadata) {
            let failure = Failure::new(source, id, uri, conflict.to_string());
            return self.fail(failure, Some(document.format));
        }
        let key = key(&job.task(), &document.sha256);
        let known = self.previous.find(source, id);
        if known.is_some_and(|known| known.record.key == Some(key)) {
            return self.copy(source, id, None, Fate::Unchanged).map(drop);
        }
        let chunks: Vec<ChunkRecord> = self
            .chunker
            .chunk(document)
            .into_iter()
            .map(|chunk| ChunkRecord::new(document, chunk))
            .collect();
        self.push(
            &DocumentRecord::of(document, chunks.len(), key),
            &chunks,
            Fate::Read,
        )
    }

    /// Lists a failure. Where there is a last good copy that stands, since failing is no evidence that it is gone.
    fn fail(&mut self, failure: Failure, format: Option<Format>) -> Result<(), Error> {
        let (source, id) = (failure.source.clone(), failure.id.clone());
        if self.is_seen(&source, &id) {
            return self.refuse(failure, format);
        }
        if self.previous.is_unusable(&source, &id) {
            self.lost.push(failure.uri.clone());
        }
        if self.copy(&source, &id, Some(failure.reason.clone()), Fate::Failed)? {
            self.counts.failed += 1;
            self.kept.push(failure.uri.clone());
            self.failures.push(failure);
            return Ok(());
        }
        // Its copy did not fit beside the others, which is told already.
        if self.is_seen(&source, &id) {
            return Ok(());
        }
        self.refuse(failure, format)
    }

    fn refuse(&mut self, failure: Failure, format: Option<Format>) -> Result<(), Error> {
        self.counts.failed += 1;
        let fate = if failure.empty {
            Fate::Empty
        } else {
            Fate::Failed
        };
        self.table.add(format, fate, &[]);
        if let Some(writer) = &mut self.writer {
            writer.push(&DocumentRecord::failed(&failure), &[])?;
        }
        self.see(&failure.source, &failure.id);
        self.failures.push(failure);
        Ok(())
    }

    fn see(&mut self, source: &str, id: &str) {
        self.seen.insert((source.to_owned(), id.to_owned()));
        self.seen_sources.insert(source.to_owned());
    }

    /// Takes a document over from its last good copy; with the reason where it should have been read. Says whether there is
    /// one, and it fits.
    fn copy(
        &mut self,
        source: &str,
        id: &str,
        reason: Option<String>,
        fate: Fate,
    ) -> Result<bool, Error> {
        let Some((mut record, chunks)) = self.previous.take(source, id)? else {
            return Ok(false);
        };
        // Its types were agreed on before, but another document may have come first this time.
        if let Err(conflict) = self.columns.add(&record.uri, &record.metadata) {
            let failure = Failure::new(source, id, &record.uri, conflict.to_string());
            self.refuse(failure, record.format)?;
            return Ok(false);
        }
        record.status = if reason.is_some() {
            Status::Kept
        } else {
            Status::Ok
        };
        record.reason = reason;
        self.push(&record, &chunks, fate)?;
        Ok(true)
    }

    fn push(
        &mut self,
        record: &DocumentRecord,
        chunks: &[ChunkRecord],
        fate: Fate,
    ) -> Result<(), Error> {
        self.see(&record.source, &record.id);
        self.counts.documents += 1;
        self.counts.chunks += chunks.len() as u64;
        self.counts.tokens += chunks
            .iter()
            .map(|chunk| u64::from(chunk.tokens))
            .sum::<u64>();
        self.counts.truncated += chunks.iter().filter(|chunk| chunk.truncated).count() as u64;
        self.flagged += chunks
            .iter()
            .filter(|chunk| !chunk.flags.is_empty())
            .count() as u64;
        self.table.add(record.format, fate, chunks);
        self.duplicates.add(&record.uri, chunks);
        chunks.iter().for_each(|chunk| (self.each_chunk)(chunk));
        match &mut self.writer {
            Some(writer) => Ok(writer.push(record, chunks)?),
            None => Ok(()),
        }
    }

    /// Deletes or keeps what a source had and this run has not seen. Whatever is not listed may only go where the source
    /// says so, or its listing is known to be whole; and a source that gives nothing at all is taken for one that is broken.
    pub(super) fn close(
        &mut self,
        source: &str,
        gone: &[String],
        complete: bool,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let gives_nothing = !self.seen_sources.contains(source) && gone.is_empty();
        let gone: HashSet<&str> = gone.iter().map(String::as_str).collect();
        let unseen: Vec<String> = self
            .previous
            .ids(source)
            .into_iter()
            .filter(|id| !self.is_seen(source, id))
            .collect();
        let is_whole = complete && !self.torn.contains(source) && !gives_nothing;
        let mut stay = 0;
        for id in unseen {
            if Withdrawn::covers(&self.forgotten, source, &id) {
                self.withdrawn += 1;
            } else if gone.contains(id.as_str()) || (is_whole && self.mode != Mode::Incremental) {
                self.deleted.push(id);
            } else if self.copy(source, &id, None, Fate::Unchanged)? {
                stay += 1;
            } else if self.previous.is_unusable(source, &id) {
                self.lost.push(id);
            }
        }
        if stay > 0 && complete && self.mode != Mode::Incremental {
            let why = match gives_nothing {
                true => "gives nothing",
                false => "has a file of records that could not be read whole",
            };
            progress.warn(&format!(
                "source `{source}` {why}: {stay} document(s) of the last run that it does not list any more are kept"
            ));
        }
        Ok(())
    }

    /// Deletes or keeps the documents of sources that are not part of this run.
    pub(super) fn close_others(
        &mut self,
        ran: &HashSet<String>,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        for source in self.previous.others(&|source| ran.contains(source)) {
            match self.mode {
                // What is not asked for any more is not broken, but left out on purpose.
                Mode::Full => self.deleted.extend(self.previous.ids(&source)),
                Mode::Scoped | Mode::Incremental => self.close(&source, &[], false, progress)?,
            }
        }
        Ok(())
    }
}

fn repeated(source: &str, id: &str, uri: &str) -> Failure {
    Failure::new(source, id, uri, format!("repeats the id `{id}`"))
}
