//! Does a version find what it should: its index what exact search finds, and golden queries what they expect, no worse than
//! the live version does?

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::checks::{check, problem};
use super::{Check, Error, Level, Problem};
use crate::embed::Embedder;
use crate::golden::{self, Answered, Query, Regression, Scores, TagScores, Wanted};
use crate::index::{Measured, Mode, RECALL_K, Sample, Table};
use crate::progress::Progress;
use crate::store::{Held, VersionName};

/// The gates that a release may be let through by name. Bytes, tables and vectors are never waived.
pub const WAIVABLE: [&str; 5] = [RECALL, LATENCY, GOLDEN, REGRESSION, "shrink"];
const RECALL: &str = "recall";
const LATENCY: &str = "latency";
const GOLDEN: &str = "golden";
const REGRESSION: &str = "regression";
/// Stored vectors that recall is measured with where nothing else is asked for.
const SAMPLE: usize = 100;
/// Of a version without an index only latency is measured, and every search costs a look at all rows.
const EXACT_SAMPLE: usize = 20;

/// What retrieval must reach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gates {
    /// Recall@10 of the vector index against exact search, from 0 to 1.
    pub min_ann_recall: f64,
    /// Recall@5 of the golden queries.
    pub min_recall_at_5: Option<f64>,
    /// Mean reciprocal rank of the golden queries.
    pub min_mrr: Option<f64>,
    /// nDCG@10 of the golden queries.
    pub min_ndcg_at_10: Option<f64>,
    /// What each score of the golden queries may lose to the live version, where the loss is no chance.
    pub max_regression: f64,
    /// Median milliseconds of a search.
    pub max_query_ms: Option<f64>,
    /// How golden queries are searched.
    pub golden_mode: Mode,
}

/// What retrieval gave, in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retrieval {
    /// What it had to reach.
    pub gates: Gates,
    /// The live version that it was compared with.
    pub against: Option<VersionName>,
    /// Recall@10 of the vector index against exact search; `None` where search is exact.
    pub ann_recall: Option<f64>,
    /// Median milliseconds of a search for 11 hits.
    pub query_ms: f64,
    /// The golden queries' scores.
    pub golden: Option<Scores>,
    /// The same by tag.
    pub tags: Vec<TagScores>,
    /// How each score moved against the live version.
    pub regressions: Vec<Regression>,
}

impl Retrieval {
    /// Whether it says what these gates ask, against this version.
    pub(super) fn answers(&self, gates: &Gates, against: Option<&VersionName>) -> bool {
        self.gates == *gates && (self.golden.is_none() || self.against.as_ref() == against)
    }
}

/// A version with the model that embeds its questions.
pub(super) struct Side<'a> {
    pub(super) held: &'a Held,
    pub(super) embedder: &'a Embedder,
}

/// Asks a version golden queries.
pub(super) fn ask(
    side: &Side<'_>,
    queries: &[Query],
    mode: Mode,
    progress: &dyn Progress,
) -> Result<Vec<Answered>, Error> {
    let table = Table::open_version(&side.held.dir, &side.held.manifest)?;
    let embed = |text: &str| Ok::<_, Error>(side.embedder.embed_query(text)?);
    golden::evaluate(&table, queries, mode, embed, progress)
}

/// Recall of the index against exact search, and the latency of a search.
pub(super) fn index(
    held: &Held,
    gates: &Gates,
    sample: Option<usize>,
    progress: &dyn Progress,
) -> Result<(Vec<Check>, Option<f64>, f64), Error> {
    let table = Table::open_version(&held.dir, &held.manifest)?;
    let indexes = held.manifest.tables.iter().flat_map(|table| &table.indexes);
    let has_index = indexes.into_iter().any(|index| index.kind == "vector");
    let count = if has_index { SAMPLE } else { EXACT_SAMPLE };
    let rows = held.manifest.counts.chunks;
    let taken = Sample::take(&table, sample.unwrap_or(0).max(count), rows, progress)?;
    let found = taken.measure(&table, false, progress)?;
    let recall = has_index.then_some(found.recall);
    let mut problems = Vec::new();
    // Two standard errors: a sample that was unlucky blocks no release.
    if has_index && found.recall + 2.0 * found.error < gates.min_ann_recall {
        problems.push(problem(
            "vector index",
            format!("a recall@{RECALL_K} of at least {}", gates.min_ann_recall),
            format!("{:.4} ± {:.4}", found.recall, found.error),
        ));
    }
    let summary = match has_index {
        true => format!(
            "{:.4} ± {:.4} of exact search's top {RECALL_K}, {} stored vectors asked",
            found.recall,
            found.error,
            taken.len()
        ),
        false => "no vector index: search is exact".into(),
    };
    let checks = vec![
        check(RECALL, Level::Retrieval, summary, problems),
        latency(&found, gates),
    ];
    Ok((checks, recall, found.p50_ms))
}

fn latency(found: &Measured, gates: &Gates) -> Check {
    let summary = format!(
        "p50 {:.1} ms, p99 {:.1} ms for a search by vector",
        found.p50_ms, found.p99_ms
    );
    let budget = gates.max_query_ms.filter(|budget| found.p50_ms > *budget);
    let problems = budget.map(|budget| {
        problem(
            "a search",
            format!("a median of at most {budget} ms"),
            format!("{:.1} ms", found.p50_ms),
        )
    });
    check(
        LATENCY,
        Level::Retrieval,
        summary,
        problems.into_iter().collect(),
    )
}

/// The golden queries' scores against what they must be.
pub(super) fn scores(queries: &[Query], answers: &[Answered], gates: &Gates) -> Check {
    let scores = Scores::of(answers);
    let summary = format!(
        "{} queries: recall@5 {:.3}, MRR {:.3}, nDCG@10 {:.3}",
        scores.queries, scores.recall_at_5, scores.mrr, scores.ndcg_at_10
    );
    let least = [
        ("recall@5", gates.min_recall_at_5, scores.recall_at_5),
        ("MRR", gates.min_mrr, scores.mrr),
        ("nDCG@10", gates.min_ndcg_at_10, scores.ndcg_at_10),
    ];
    let mut problems: Vec<Problem> = least
        .into_iter()
        .filter_map(|(name, least, found)| {
            let least = least.filter(|least| found < *least)?;
            Some(problem(
                name,
                format!("at least {least}"),
                format!("{found:.4}"),
            ))
        })
        .collect();
    if !problems.is_empty() {
        let missed = answers.iter().filter(|answer| answer.recall_at_5 < 1.0);
        problems.extend(missed.filter_map(|answer| {
            let query = queries.get(answer.place)?;
            let first = query.expect.first()?.wanted.as_str();
            let found = answer.hits.first().map_or("nothing", |hit| &hit.chunk.uri);
            let asked: String = query.text.chars().take(80).collect();
            Some(problem(
                format!("`{asked}`"),
                first,
                format!("{found} first"),
            ))
        }));
    }
    check(GOLDEN, Level::Retrieval, summary, problems)
}

/// Expectations that nothing in the version can meet.
pub(super) fn dead_expectations(queries: &[Query], known: &BTreeSet<String>) -> Vec<String> {
    let is_chunk_id = |name: &str| name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit());
    let dead = |wanted: &Wanted| match wanted {
        Wanted::Text(_) => false,
        Wanted::Named(name) | Wanted::Id(name) | Wanted::Uri(name) => {
            !known.contains(name) && !is_chunk_id(name)
        }
    };
    queries
        .iter()
        .filter(|query| query.expect.iter().all(|expected| dead(&expected.wanted)))
        .map(|query| {
            let first = query.expect.first().map_or("", |e| e.wanted.as_str());
            format!(
                "golden query {} expects {first}, which the version does not hold",
                query.id
            )
        })
        .collect()
}

/// The golden queries' scores against the live version's.
pub(super) fn regression(found: &[Regression], against: &VersionName, gates: &Gates) -> Check {
    let moved: Vec<String> = found
        .iter()
        .map(|one| format!("{} {:+.3}", one.score, one.now - one.before))
        .collect();
    let problems = found
        .iter()
        .filter(|one| one.exceeds(gates.max_regression))
        .map(|one| {
            problem(
                &one.score,
                format!(
                    "at least {:.4}, {against}'s {:.4} less {}",
                    one.before - gates.max_regression,
                    one.before,
                    gates.max_regression
                ),
                format!(
                    "{:.4}; chance alone gives this in {:.1} % of cases",
                    one.now,
                    one.chance * 100.0
                ),
            )
        });
    check(
        REGRESSION,
        Level::Retrieval,
        format!("against {against}: {}", moved.join(", ")),
        problems.collect(),
    )
}
