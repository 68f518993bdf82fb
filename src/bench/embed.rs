//! How fast texts become vectors, beside what the processor could do at most, and how close they are to single precision.

use std::num::NonZeroUsize;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use serde::Serialize;

use super::figure::Figure;
use crate::embed::{Device, Embedder, Error, Precision, Work, probes::cosine};
use crate::model::{self, Model};
use crate::progress::Progress;

/// Rounds of the short query; the middle one counts.
const QUERIES: usize = 101;

/// What to measure.
pub struct Request<'a> {
    /// The texts, each one chunk.
    pub texts: &'a [String],
    /// What computes.
    pub device: Device,
    /// How often all texts are embedded.
    pub rounds: NonZeroUsize,
    /// A precision to whose vectors the vectors are compared.
    pub compare: Option<Precision>,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// The model.
    pub model: String,
    /// The device.
    pub device: String,
    /// How vectors were computed.
    pub scheme: &'static str,
    /// Cores that computed.
    pub threads: usize,
    /// How many texts.
    pub texts: usize,
    /// Their tokens as the model saw them, special tokens included and none for padding.
    pub tokens: usize,
    /// Seconds of each round, tokenising included.
    pub round_seconds: Vec<f64>,
    /// Tokens a second in the best round.
    pub tokens_per_second: f64,
    /// Texts a second in the best round.
    pub chunks_per_second: f64,
    /// Seconds from opening the model's files to its first vector.
    pub first_vector_seconds: f64,
    /// Milliseconds of one text of 14 words, 16 tokens of MiniLM's, alone and on one thread: the median.
    pub query_milliseconds: f64,
    /// What the cores can do at most, measured; none where our own kernels do not compute.
    pub peak: Option<Peak>,
    /// The best round's rate as a share of the rate at which all arithmetic is done at the peak.
    pub share_of_peak: Option<f64>,
    /// Lowest cosine of a text's vector to that of the other precision.
    pub min_cosine: Option<f64>,
    /// Mean of these cosines.
    pub mean_cosine: Option<f64>,
    /// Tokens a second of the other precision, in its one round.
    pub compared_tokens_per_second: Option<f64>,
    /// The most memory that the process had, in bytes, before the other precision was loaded.
    pub peak_rss_bytes: u64,
    /// What a later run is compared with.
    pub figures: Vec<Figure>,
    /// The vectors.
    #[serde(skip)]
    pub vectors: Vec<Vec<f32>>,
}

/// Operations a second of all cores together, two a multiplication with addition, measured on registers alone.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Peak {
    /// Of single precision.
    pub f32: f64,
    /// Of products of 16-bit integers, summed in 32 bits.
    pub int16: f64,
}

/// Embeds texts again and again.
pub fn measure(
    request: &Request<'_>,
    open: &dyn Fn() -> Result<Model, model::Error>,
    progress: &dyn Progress,
) -> Result<Outcome, Error> {
    let texts: Vec<&str> = request.texts.iter().map(String::as_str).collect();
    let threads = request.device.threads;
    let begun = Instant::now();
    let embedder = Embedder::load(open()?, request.device.clone())?;
    let query = vec!["word"; 14].join(" ");
    embedder.embed(&[&query])?;
    let first_vector_seconds = begun.elapsed().as_secs_f64();
    let peak = peak(&embedder);
    let lengths = texts
        .iter()
        .map(|text| embedder.tokens(text))
        .collect::<Result<Vec<_>, _>>()?;
    let tokens: usize = lengths.iter().sum();

    let stage = progress.stage("embed", Some(request.rounds.get() as u64), "rounds");
    let (mut round_seconds, mut vectors) = (Vec::new(), Vec::new());
    for _ in 0..request.rounds.get() {
        let begun = Instant::now();
        vectors = embedder.embed(&texts)?;
        round_seconds.push(begun.elapsed().as_secs_f64());
        stage.advance(1);
    }
    drop(stage);
    let mut queries = Vec::new();
    for _ in 0..QUERIES {
        let begun = Instant::now();
        embedder.embed(&[&query])?;
        queries.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let rates = round_seconds.iter().map(|seconds| tokens as f64 / seconds);
    let figures = vec![
        Figure::higher("embedding", "tokens/s", rates.collect()),
        Figure::lower("query of 14 words", "ms", queries.clone()),
    ];
    queries.sort_by(f64::total_cmp);

    let best = round_seconds.iter().copied().fold(f64::INFINITY, f64::min);
    let tokens_per_second = tokens as f64 / best;
    let scheme = embedder.scheme();
    let least = peak.map(|peak| least_seconds(embedder.work(), &lengths, peak, scheme == "f32"));
    let mut outcome = Outcome {
        model: embedder.space().model.clone(),
        device: embedder.device().name.clone(),
        scheme,
        threads: threads.get(),
        texts: texts.len(),
        tokens,
        round_seconds,
        tokens_per_second,
        chunks_per_second: texts.len() as f64 / best,
        first_vector_seconds,
        query_milliseconds: queries.get(QUERIES / 2).copied().unwrap_or_default(),
        peak,
        share_of_peak: least.map(|least| least / best),
        min_cosine: None,
        mean_cosine: None,
        compared_tokens_per_second: None,
        peak_rss_bytes: peak_rss(),
        figures,
        vectors,
    };
    if let Some(precision) = request.compare {
        drop(embedder);
        let device = request.device.clone().with_precision(precision);
        let other = Embedder::load(open()?, device)?;
        let begun = Instant::now();
        let expected = other.embed(&texts)?;
        outcome.compared_tokens_per_second = Some(tokens as f64 / begun.elapsed().as_secs_f64());
        let pairs = outcome.vectors.iter().zip(&expected);
        let cosines: Vec<f64> = pairs.map(|(a, b)| cosine(a, b)).collect();
        outcome.min_cosine = cosines.iter().copied().reduce(f64::min);
        outcome.mean_cosine = Some(cosines.iter().sum::<f64>() / cosines.len().max(1) as f64);
    }
    Ok(outcome)
}

/// The seconds that these texts take where every operation runs at the peak; attention is computed in single precision.
fn least_seconds(work: Work, lengths: &[usize], peak: Peak, is_float: bool) -> f64 {
    let weights = if is_float { peak.f32 } else { peak.int16 };
    let of_text = |length: &usize| {
        let length = *length as f64;
        length * (work.weights / weights + work.attention * length / peak.f32)
    };
    lengths.iter().map(of_text).sum()
}

/// Measures what the cores can do together, all at once; none where candle computes.
fn peak(embedder: &Embedder) -> Option<Peak> {
    let of_all = |integer| -> Option<f64> {
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..embedder.device().threads.get())
                .map(|_| scope.spawn(move || embedder.peak_of_a_core(integer)))
                .collect();
            let found = workers.into_iter().map(|worker| worker.join().ok()?);
            found.sum()
        })
    };
    Some(Peak {
        f32: of_all(false)?,
        int16: of_all(true)?,
    })
}

/// The most memory that this process had so far, in bytes.
fn peak_rss() -> u64 {
    // Apple counts bytes here, the others KiB.
    let unit = if cfg!(target_vendor = "apple") {
        1
    } else {
        1024
    };
    let usage = getrusage(UsageWho::RUSAGE_SELF);
    usage.map_or(0, |usage| {
        u64::try_from(usage.max_rss()).unwrap_or(0) * unit
    })
}
