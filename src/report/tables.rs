//! What others found, as the page holds it.

use super::page::{Changes, Check, Churned, Diff, Fact, Found, Golden, Scores, Setting, Worst};
use crate::diff;
use crate::golden::{self, Answered, RECALL_AT, TagScores};
use crate::store::{Held, Index, Manifest};
use crate::verify;

/// Golden queries that are shown with what they found, the worst first.
const WORST: usize = 12;

fn fact(name: &str, value: impl ToString) -> Fact {
    Fact {
        name: name.to_owned(),
        value: value.to_string(),
    }
}

pub(super) fn facts(held: &Held) -> Vec<Fact> {
    let manifest = &held.manifest;
    let mut facts = vec![
        fact("model", &manifest.space.model),
        fact("space", manifest.fingerprint),
        fact(
            "numerics",
            format!("{} ({})", manifest.numerics.class, manifest.numerics.scheme),
        ),
        fact("manifest", held.manifest_sha256),
        fact("content", manifest.content_digest),
        fact("snapshot", manifest.snapshot),
    ];
    facts.extend(
        manifest
            .parent
            .as_ref()
            .map(|parent| fact("parent", parent)),
    );
    let from = manifest.promoted_from.as_ref();
    facts.extend(from.map(|from| fact("promoted from", from)));
    facts.extend(manifest.labels.iter().map(|(key, value)| fact(key, value)));
    facts
}

pub(super) fn settings(manifest: &Manifest) -> Vec<Fact> {
    let makers = manifest.makers.iter();
    let mut settings: Vec<Fact> = makers.map(|(name, version)| fact(name, version)).collect();
    settings.push(fact("device", &manifest.numerics.device));
    settings.push(fact("Lance format", &manifest.lance.data_format));
    for index in manifest.tables.iter().flat_map(|table| &table.indexes) {
        let params = index.params.iter();
        let params: Vec<String> = params
            .map(|(name, value)| match value.as_str() {
                Some(text) => format!("{name} {text}"),
                None => format!("{name} {value}"),
            })
            .collect();
        settings.push(fact(
            &format!("{} index of {}", index.kind, index.column),
            params.join(", "),
        ));
    }
    settings
}

pub(super) fn checks(report: &verify::Report) -> Vec<Check> {
    let check = |check: &verify::Check| Check {
        level: check.level.to_string(),
        name: check.name.clone(),
        passed: check.passed(),
        summary: check.summary.clone(),
        problems: check.problems.iter().map(ToString::to_string).collect(),
    };
    report.checks.iter().map(check).collect()
}

pub(super) fn curve(index: &Index) -> Vec<Setting> {
    let number = |name: &str| index.params.get(name).and_then(serde_json::Value::as_u64);
    let chosen = (number("nprobes"), number("refine_factor"), number("ef"));
    let setting = |point: &crate::store::CurvePoint| {
        let here = (
            Some(point.nprobes as u64),
            Some(u64::from(point.refine_factor)),
            point.ef.map(|ef| ef as u64),
        );
        Setting {
            label: match point.ef {
                Some(ef) => format!("ef {ef}, refine {}", point.refine_factor),
                None => format!("{} probes, refine {}", point.nprobes, point.refine_factor),
            },
            recall: point.recall,
            p50_ms: point.p50_ms,
            p99_ms: point.p99_ms,
            chosen: here == chosen,
        }
    };
    index.curve.iter().map(setting).collect()
}

fn scores(scores: &golden::Scores) -> Scores {
    Scores {
        queries: scores.queries,
        recall: scores.recall_at_5,
        mrr: scores.mrr,
        ndcg: scores.ndcg_at_10,
        k: RECALL_AT as u64,
    }
}

pub(super) fn golden(golden: super::Golden<'_>) -> Golden {
    let super::Golden {
        queries,
        answers,
        before,
    } = golden;
    let old_tags = before.map(|before| TagScores::of(queries, before));
    let old = |tag: &str| {
        let tags = old_tags.as_ref()?;
        tags.iter()
            .find(|old| old.tag == tag)
            .map(|old| scores(&old.scores))
    };
    let tags = TagScores::of(queries, answers);
    let tags = tags
        .iter()
        .map(|tag| (tag.tag.clone(), scores(&tag.scores), old(&tag.tag)));
    let mut missed: Vec<&Answered> = answers.iter().filter(|one| one.recall_at_5 < 1.0).collect();
    missed.sort_by(|a, b| a.ndcg_at_10.total_cmp(&b.ndcg_at_10));
    let worst = missed.into_iter().take(WORST).filter_map(|answer| {
        let query = queries.get(answer.place)?;
        let wanted = query.expect.iter();
        let found = answer.hits.iter().zip(&answer.relevant).take(RECALL_AT);
        Some(Worst {
            query: query.text.clone(),
            tag: query.tag.clone().unwrap_or_default(),
            recall: answer.recall_at_5,
            wanted: wanted.map(|one| one.wanted.as_str().to_owned()).collect(),
            found: found
                .map(|(hit, relevant)| Found {
                    rank: hit.rank as u64,
                    score: f64::from(hit.score),
                    uri: hit.chunk.uri.clone(),
                    heading: hit.chunk.heading.clone().unwrap_or_default(),
                    text: hit.chunk.text.clone(),
                    relevant: *relevant,
                })
                .collect(),
        })
    });
    Golden {
        overall: scores(&golden::Scores::of(answers)),
        before: before.map(|before| scores(&golden::Scores::of(before))),
        tags: tags.collect(),
        worst: worst.collect(),
    }
}

pub(super) fn diff(diff: &diff::Diff) -> Diff {
    let changes = |changes: diff::Changes| Changes {
        added: changes.added,
        removed: changes.removed,
        changed: changes.changed,
        moved: changes.moved,
        unchanged: changes.unchanged,
    };
    let documents = diff.changed_documents.iter().map(|document| {
        let change = match document.change {
            diff::Change::Added => "added",
            diff::Change::Removed => "removed",
            diff::Change::Changed => "changed",
            diff::Change::Moved => "moved",
        };
        (change.to_owned(), document.id.clone())
    });
    let churned = diff.churn.iter().flat_map(|churn| &churn.queries);
    Diff {
        from: diff.from.to_string(),
        to: diff.to.to_string(),
        documents: changes(diff.documents),
        chunks: changes(diff.chunks),
        tokens: (diff.tokens.before, diff.tokens.now),
        bytes: (diff.bytes.before, diff.bytes.now),
        settings: diff
            .settings
            .iter()
            .map(|one| (one.name.clone(), one.before.clone(), one.now.clone()))
            .collect(),
        space_changed: diff.space_changed,
        moved_vectors: diff.moved_vectors.as_ref().map_or(0, |found| found.moved),
        churn: diff.churn.as_ref().map(|churn| churn.mean),
        changed_documents: documents.collect(),
        churned: churned
            .map(|query| Churned {
                query: query.query.clone(),
                churn: query.churn,
                gone: query.gone.clone(),
                new: query.came.clone(),
            })
            .collect(),
    }
}
