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
