//! Filling the cache with the vectors of texts that may be far more than memory holds.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::pipeline::{self, Row};
use super::{Cache, Embedder, Error};
use crate::digest::Digest;
use crate::progress::Progress;

/// Vectors that are written to the cache together at the most.
const SEGMENT: usize = 4096;
/// How long finished vectors wait to be written: what a killed process loses.
const SAVE_EVERY: Duration = Duration::from_secs(2);

/// What filling the cache did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filled {
    /// Texts embedded now.
    pub embedded: u64,
    /// Texts whose vectors were there.
    pub cached: u64,
    /// Tokens of the texts embedded now, special tokens included.
    pub tokens: u64,
    /// How long embedding took, reading and writing included.
    pub elapsed: Duration,
}

/// Says how many of these texts the cache lacks. Equal texts count once.
pub fn missing<E>(
    cache: &Cache,
    texts: impl IntoIterator<Item = Result<String, E>>,
) -> Result<Filled, E> {
    Ok(census(cache, texts)?.0)
}

/// The same, with the keys of the texts that are lacking.
fn census<E>(
    cache: &Cache,
    texts: impl IntoIterator<Item = Result<String, E>>,
) -> Result<(Filled, HashSet<Digest>), E> {
    let (mut cached, mut lacking) = (HashSet::new(), HashSet::new());
    for text in texts {
        let key = Digest::of(text?);
        match cache.contains(&key) {
            true => cached.insert(key),
            false => lacking.insert(key),
        };
    }
    let filled = Filled {
        embedded: lacking.len() as u64,
        cached: cached.len() as u64,
        ..Filled::default()
    };
    Ok((filled, lacking))
}

/// Embeds every text that the cache lacks, each once. `texts` is called twice, to count and to embed, so that only keys are
/// kept in memory. Interrupted, it leaves every finished vector in the cache.
pub fn fill<E, I>(
    embedder: &Embedder,
    cache: &mut Cache,
    texts: impl Fn() -> Result<I, E>,
    progress: &dyn Progress,
) -> Result<Filled, E>
where
    I: Iterator<Item = Result<String, E>> + Send,
    E: From<Error> + Send,
{
    let (mut filled, mut lacking) = census(cache, texts()?)?;
    if lacking.is_empty() {
        return Ok(filled);
    }
    let stage = progress.stage("embed", Some(filled.embedded), "chunks");
    let begun = Instant::now();
    let fresh = texts()?.filter_map(|text| match text {
        Ok(text) => {
            let key = Digest::of(&text);
            lacking.remove(&key).then_some(Ok((key, text)))
        }
        Err(e) => Some(Err(e)),
    });
    let (mut segment, mut written) = (Vec::new(), begun);
    let outcome = pipeline::run(embedder, fresh, &mut |rows: Vec<Row<Digest>>| {
        stage.advance(rows.len() as u64);
        filled.tokens += rows.iter().map(|row| row.tokens as u64).sum::<u64>();
        let rate = filled.tokens as f64 / begun.elapsed().as_secs_f64();
        stage.at(&match filled.cached {
            0 => format!("({rate:.0} tokens/s)"),
            cached => format!("({rate:.0} tokens/s, {cached} cached)"),
        });
        segment.extend(rows.into_iter().map(|row| (row.key, row.vector)));
        if segment.len() >= SEGMENT || written.elapsed() >= SAVE_EVERY {
            cache.append(std::mem::take(&mut segment))?;
            written = Instant::now();
        }
        Ok(progress.checkpoint().map_err(Error::from)?)
    });
    let saved = match segment.is_empty() {
        true => Ok(()),
        false => cache.append(segment),
    };
    outcome?;
    saved?;
    filled.elapsed = begun.elapsed();
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::embed::{Device, DeviceRequest, NUMERICS};
    use crate::model::Model;
    use crate::progress::{Silent, Stage};

    fn embedder() -> Embedder {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/model/tiny-bert");
        let model = Model::open(&dir, "tiny-bert", None).unwrap();
        Embedder::load(model, Device::open(DeviceRequest::Cpu).unwrap()).unwrap()
    }

    fn texts(count: usize) -> impl Iterator<Item = Result<String, Error>> {
        (0..count).map(|at| Ok(format!("the store {} reader", at % 6_000)))
    }

    #[test]
    fn every_text_is_embedded_once_and_found_again_whatever_the_window() {
        let (root, embedder) = (tempfile::tempdir().unwrap(), embedder());
        let open = || Cache::open(root.path(), &embedder.space().fingerprint(), NUMERICS).unwrap();
        let mut cache = open();
        let first = fill(&embedder, &mut cache, || Ok(texts(4_500)), &Silent).unwrap();
        assert_eq!((first.embedded, first.cached), (4_500, 0));
        let second = fill(&embedder, &mut cache, || Ok(texts(9_000)), &Silent).unwrap();
        assert_eq!((second.embedded, second.cached), (1_500, 4_500));
        assert!(second.tokens >= 1_500 * 5);
        let cache = open();
        assert_eq!(missing(&cache, texts(9_000)).unwrap().embedded, 0);
        for text in ["the store 0 reader", "the store 5999 reader"] {
            let alone = embedder.embed(&[text]).unwrap().pop();
            assert_eq!(cache.get(&Digest::of(text)).unwrap(), alone);
        }
    }

    /// Asks to stop once so many texts are done.
    struct StopsAfter(u64, AtomicU64);

    impl Progress for StopsAfter {
        fn stage(&self, _: &str, _: Option<u64>, _: &'static str) -> Box<dyn Stage + '_> {
            Box::new(Counting(&self.1))
        }

        fn warn(&self, _: &str) {}

        fn interrupted(&self) -> bool {
            self.1.load(Ordering::Relaxed) >= self.0
        }
    }

    struct Counting<'a>(&'a AtomicU64);

    impl Stage for Counting<'_> {
        fn advance(&self, count: u64) {
            self.0.fetch_add(count, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_was_finished_stays_when_the_run_stops_or_a_text_cannot_be_read() {
        let (root, embedder) = (tempfile::tempdir().unwrap(), embedder());
        let mut cache =
            Cache::open(root.path(), &embedder.space().fingerprint(), NUMERICS).unwrap();
        let stops = StopsAfter(500, AtomicU64::new(0));
        let stopped = fill(&embedder, &mut cache, || Ok(texts(6_000)), &stops);
        assert!(matches!(stopped, Err(Error::Interrupted(_))));
        let kept = missing(&cache, texts(6_000)).unwrap();
        assert!(kept.cached >= 500 && kept.embedded > 0, "{kept:?}");

        // Counted without trouble, then unreadable in the middle.
        let calls = AtomicU64::new(0);
        let broken = || {
            let is_second = calls.fetch_add(1, Ordering::Relaxed) == 1;
            Ok(texts(6_000).enumerate().map(move |(at, text)| match at {
                5_000 if is_second => Err(Error::NotFinite),
                _ => text,
            }))
        };
        let failed = fill(&embedder, &mut cache, broken, &Silent);
        assert!(matches!(failed, Err(Error::NotFinite)));
        assert!(missing(&cache, texts(6_000)).unwrap().cached > kept.cached);
    }
}
