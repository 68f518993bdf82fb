//! How well a version answers golden queries.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Query, Wanted};
use crate::index::{Error, Hit, Mode, Search, Table};
use crate::progress::Progress;

/// Hits that each question is answered with.
pub const DEPTH: usize = 10;
/// Hits that recall counts.
pub const RECALL_AT: usize = 5;

/// What one question found.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Its place in the file, from 0.
    pub place: usize,
    /// The hits, best first.
    pub hits: Vec<Hit>,
    /// Whether each hit is one of what was expected.
    pub relevant: Vec<bool>,
    /// The part of what was expected that stands among the first 5 hits.
    pub recall_at_5: f64,
    /// 1 through the rank of the first hit that was expected; 0 where there is none.
    pub reciprocal_rank: f64,
    /// Normalised discounted cumulative gain of the first 10 hits, with grades as gains: Järvelin and Kekäläinen, TOIS 2002.
    pub ndcg_at_10: f64,
}

/// Means over questions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// How many questions.
    pub queries: u64,
    /// Mean part of what was expected that stands among the first 5 hits.
    pub recall_at_5: f64,
    /// Mean reciprocal rank of the first hit that was expected.
    pub mrr: f64,
    /// Mean nDCG of the first 10 hits.
    pub ndcg_at_10: f64,
}

/// The means of the questions of one tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TagScores {
    /// The tag.
    pub tag: String,
    /// Its means.
    #[serde(flatten)]
    pub scores: Scores,
}

/// Asks a version every question; `embed` turns one into its vector.
pub fn evaluate<E: From<Error> + From<crate::progress::Interrupted>>(
    table: &Table,
    queries: &[Query],
    mode: Mode,
    embed: impl Fn(&str) -> Result<Vec<f32>, E>,
    progress: &dyn Progress,
) -> Result<Vec<Answered>, E> {
    let stage = progress.stage("golden queries", Some(queries.len() as u64), "queries");
    let mut answers = Vec::with_capacity(queries.len());
    for (place, query) in queries.iter().enumerate() {
        progress.checkpoint()?;
        let hits = table.answer(&query.text, mode, &Search::top(DEPTH), &embed)?;
        answers.push(Answered::of(place, query, hits));
        stage.advance(1);
    }
    Ok(answers)
}

impl Answered {
    /// Scores the hits of a question.
    pub fn of(place: usize, query: &Query, hits: Vec<Hit>) -> Self {
        let mut found = vec![false; query.expect.len()];
        let mut relevant = Vec::with_capacity(hits.len());
        let (mut first, mut gained, mut early) = (None, 0.0, 0);
        for (index, hit) in hits.iter().enumerate() {
            let rank = index + 1;
            let mut gain: f64 = 0.0;
            let mut is_relevant = false;
            for (expected, found) in query.expect.iter().zip(&mut found) {
                if expected.wanted.is(hit) {
                    is_relevant = true;
                    if !*found {
                        *found = true;
                        gain = gain.max(expected.grade);
                    }
                }
            }
            if is_relevant {
                first = first.or(Some(rank));
            }
            if rank <= DEPTH {
                gained += gain / discount(rank);
            }
            if rank <= RECALL_AT {
                early = found.iter().filter(|found| **found).count();
            }
            relevant.push(is_relevant);
        }
        let mut grades: Vec<f64> = query.expect.iter().map(|expected| expected.grade).collect();
        grades.sort_by(|a, b| b.total_cmp(a));
        let best: f64 = (1..=DEPTH)
            .zip(&grades)
            .map(|(rank, grade)| grade / discount(rank))
            .sum();
        Self {
            place,
            hits,
            relevant,
            recall_at_5: early as f64 / query.expect.len().max(1) as f64,
            reciprocal_rank: first.map_or(0.0, |rank| 1.0 / rank as f64),
            ndcg_at_10: if best > 0.0 { gained / best } else { 0.0 },
        }
    }
}

fn discount(rank: usize) -> f64 {
    (rank as f64 + 1.0).log2()
}

impl Wanted {
    /// Whether a hit is what was expected.
    pub fn is(&self, hit: &Hit) -> bool {
        let is_id = |id: &String| hit.chunk.doc_id == *id || hit.chunk.id == *id;
        match self {
            Self::Id(id) => is_id(id),
            Self::Uri(uri) => hit.chunk.uri == *uri,
            Self::Named(name) => is_id(name) || hit.chunk.uri == *name,
            Self::Text(text) => {
                let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
                words(&hit.chunk.text).contains(&words(text))
            }
        }
    }
}

impl Scores {
    /// The means of answers.
    pub fn of<'a>(answers: impl IntoIterator<Item = &'a Answered>) -> Self {
        let mut scores = Self::default();
        for answered in answers {
            scores.queries += 1;
            scores.recall_at_5 += answered.recall_at_5;
            scores.mrr += answered.reciprocal_rank;
            scores.ndcg_at_10 += answered.ndcg_at_10;
        }
        let count = scores.queries.max(1) as f64;
        scores.recall_at_5 /= count;
        scores.mrr /= count;
        scores.ndcg_at_10 /= count;
        scores
    }
}

impl TagScores {
    /// The means of each tag, by its name.
    pub fn of(queries: &[Query], answers: &[Answered]) -> Vec<Self> {
        let mut tags: BTreeMap<&str, Vec<&Answered>> = BTreeMap::new();
        for answered in answers {
            let tag = queries
                .get(answered.place)
                .and_then(|query| query.tag.as_deref());
            tags.entry(tag.unwrap_or("untagged"))
                .or_default()
                .push(answered);
        }
        let scored = tags.into_iter().map(|(tag, answers)| Self {
            tag: tag.to_owned(),
            scores: Scores::of(answers),
        });
        scored.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::parse;
    use crate::index::Chunk;

    fn hit(rank: usize, doc: &str, text: &str) -> Hit {
        let chunk = Chunk {
            id: format!("{doc}#{rank}"),
            doc_id: doc.into(),
            source: "s".into(),
            uri: format!("/d/{doc}"),
            title: None,
            heading: None,
            page: None,
            text: text.into(),
            flags: Vec::new(),
            metadata: Default::default(),
        };
        Hit {
            rank,
            score: 1.0,
            chunk,
        }
    }

    fn scored(expect: &str, docs: &[&str]) -> Answered {
        let line = format!("{{\"query\":\"q\",\"expect\":{expect}}}");
        let query = parse(line.as_bytes(), "g").unwrap().remove(0);
        let hits = docs
            .iter()
            .enumerate()
            .map(|(index, doc)| hit(index + 1, doc, "some  text\nhere"));
        Answered::of(0, &query, hits.collect())
    }

    #[test]
    fn ranks_and_grades_decide_the_scores() {
        let found = scored(r#"["b","x"]"#, &["a", "b", "b", "c"]);
        assert_eq!((found.recall_at_5, found.reciprocal_rank), (0.5, 0.5));
        let ideal = 1.0 + 1.0 / 3f64.log2();
        assert!((found.ndcg_at_10 - (1.0 / 3f64.log2()) / ideal).abs() < 1e-12);
        assert_eq!(found.relevant, [false, true, true, false]);

        let graded = scored(
            r#"[{"id":"a","grade":1},{"id":"b","grade":3}]"#,
            &["b", "a"],
        );
        assert!((graded.ndcg_at_10 - 1.0).abs() < 1e-12);
        let turned = scored(
            r#"[{"id":"a","grade":1},{"id":"b","grade":3}]"#,
            &["a", "b"],
        );
        assert!(turned.ndcg_at_10 < 0.9);
    }

    #[test]
    fn a_hit_is_known_by_id_uri_or_words() {
        for expect in [
            r#"["a"]"#,
            r#"["/d/a"]"#,
            r#"["a#1"]"#,
            r#"[{"uri":"/d/a"}]"#,
            r#"[{"text":"text here"}]"#,
        ] {
            assert_eq!(scored(expect, &["a"]).recall_at_5, 1.0, "{expect}");
        }
        for expect in [
            r#"[{"id":"/d/a"}]"#,
            r#"[{"uri":"a"}]"#,
            r#"[{"text":"texthere"}]"#,
        ] {
            assert_eq!(scored(expect, &["a"]).recall_at_5, 0.0, "{expect}");
        }
    }

    #[test]
    fn one_hit_that_meets_two_expectations_gains_no_more_than_the_ideal() {
        let found = scored(r#"["a",{"text":"some text"}]"#, &["a", "b"]);
        assert_eq!(found.recall_at_5, 1.0);
        assert!(found.ndcg_at_10 <= 1.0);
    }

    #[test]
    fn what_stands_behind_the_fifth_hit_is_not_recalled() {
        let found = scored(r#"["f"]"#, &["a", "b", "c", "d", "e", "f"]);
        assert_eq!(found.recall_at_5, 0.0);
        assert!((found.reciprocal_rank - 1.0 / 6.0).abs() < 1e-12);
        assert!(found.ndcg_at_10 > 0.0);
    }
}
