//! How far the answers to golden queries changed.

use std::collections::HashSet;

use serde::Serialize;

use super::Asked;
use crate::golden::{Answered, DEPTH, Query};
use crate::index::Hit;

/// How far the answers changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Churn {
    /// Mean over the queries, from 0 to 1.
    pub mean: f64,
    /// Hits of an answer that count.
    pub k: usize,
    /// The queries, those that changed most first; those that did not change are left out.
    pub queries: Vec<QueryChurn>,
    /// How many queries were asked.
    pub asked: u64,
}

/// How far the answer to one query changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QueryChurn {
    /// The query's name.
    pub id: String,
    /// What was asked.
    pub query: String,
    /// The part of the hits that are others, from 0 to 1. A hit is the same where its text is.
    pub churn: f64,
    /// Where the hits lie that went.
    pub gone: Vec<String>,
    /// Where the hits lie that came.
    pub came: Vec<String>,
}

pub(super) fn churn(asked: &Asked<'_>) -> Churn {
    let pairs = asked.queries.iter().zip(asked.before.iter().zip(asked.now));
    let mut queries: Vec<QueryChurn> = pairs
        .map(|(query, (before, now))| QueryChurn::of(query, before, now))
        .collect();
    let count = queries.len();
    let mean = queries.iter().map(|query| query.churn).sum::<f64>() / count.max(1) as f64;
    queries.retain(|query| query.churn > 0.0);
    queries.sort_by(|a, b| b.churn.total_cmp(&a.churn));
    Churn {
        mean,
        k: DEPTH,
        queries,
        asked: count as u64,
    }
}

impl QueryChurn {
    fn of(query: &Query, before: &Answered, now: &Answered) -> Self {
        let texts = |answer: &Answered| -> HashSet<String> {
            answer
                .hits
                .iter()
                .map(|hit| hit.chunk.text.clone())
                .collect()
        };
        let (old, new) = (texts(before), texts(now));
        let lacking = |answer: &Answered, other: &HashSet<String>| -> Vec<String> {
            let hits = answer.hits.iter();
            hits.filter(|hit| !other.contains(&hit.chunk.text))
                .map(place)
                .collect()
        };
        let most = old.len().max(new.len());
        let kept = old.intersection(&new).count();
        Self {
            id: query.id.clone(),
            query: query.text.clone(),
            // Two answers that found nothing are the same.
            churn: match most {
                0 => 0.0,
                most => 1.0 - kept as f64 / most as f64,
            },
            gone: lacking(before, &new),
            came: lacking(now, &old),
        }
    }
}

/// Where a hit lies, in words.
fn place(hit: &Hit) -> String {
    match &hit.chunk.heading {
        Some(heading) => format!("{} ({heading})", hit.chunk.uri),
        None => hit.chunk.uri.clone(),
    }
}
