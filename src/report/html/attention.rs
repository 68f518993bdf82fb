//! What somebody who decides should look at before a release, found in the numbers by fixed limits.

use super::numbers::{change, count, counted, percent, score};
use crate::plot::visible;
use crate::report::page::{Diff, Duplicates, Golden, Page, Setting, Share};

/// What a score may lose before it is named.
const LOST_SCORE: f64 = 0.02;
const LOST_SCORE_OF_TAG: f64 = 0.05;
/// The share of its chunks that a source or the whole may lose.
const LOST_CHUNKS: f64 = 0.2;
/// The recall that a chosen setting should have.
const LEAST_RECALL: f64 = 0.95;
/// The share of a sample that may nearly equal another chunk.
const MOST_NEAR: f64 = 0.1;
/// The share of results that may differ.
const MOST_CHURN: f64 = 0.3;
/// How many things of one kind are named.
const MOST_NAMED: usize = 3;

/// Says in sentences what is unusual, the weightiest first.
pub(super) fn notes(page: &Page) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(page.diff.iter().filter_map(space));
    notes.extend(page.golden.iter().flat_map(golden));
    notes.extend(whole(page));
    notes.extend(sources(&page.sources));
    notes.extend(page.curve.iter().filter_map(setting));
    notes.extend(page.diff.iter().flat_map(churn));
    notes.extend(duplicates(&page.duplicates));
    notes
}

fn space(diff: &Diff) -> Option<String> {
    diff.space_changed.then(|| {
        "The space of the vectors changed: readers must load the new model with this version."
            .to_owned()
    })
}

fn golden(golden: &Golden) -> Vec<String> {
    let mut notes = Vec::new();
    let k = golden.overall.k;
    if let Some(before) = golden.before {
        let now = golden.overall.recall;
        if before.recall - now > LOST_SCORE {
            let (before, now) = (score(before.recall), score(now));
            notes.push(format!(
                "Golden queries find less: recall@{k} is {now}, it was {before}."
            ));
        }
    }
    let mut lost: Vec<_> = golden
        .tags
        .iter()
        .filter_map(|(tag, now, before)| {
            Some((before.as_ref()?.recall - now.recall, tag, now.recall))
        })
        .filter(|lost| lost.0 > LOST_SCORE_OF_TAG)
        .collect();
    lost.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (by, tag, now) in lost.iter().take(MOST_NAMED) {
        let (tag, now, by) = (visible(tag, 60), score(*now), score(*by));
        notes.push(format!(
            "Queries tagged “{tag}” lost {by} of recall@{k}; it is {now} now."
        ));
    }
    notes
}

fn whole(page: &Page) -> Option<String> {
    let (before, now) = (page.before?.chunks, page.counts.chunks);
    if now == 0 {
        return Some("There is no chunk in this version.".to_owned());
    }
    is_less(before, now).then(|| format!("The version shrank: {} chunks.", change(before, now)))
}

fn sources(sources: &[Share]) -> Vec<String> {
    let mut lost: Vec<(u64, &Share)> = sources
        .iter()
        .filter_map(|source| Some((source.before?, source)))
        .filter(|(before, source)| is_less(*before, source.chunks))
        .collect();
    lost.sort_by_key(|(before, source)| std::cmp::Reverse(before.saturating_sub(source.chunks)));
    let mut notes: Vec<String> = lost
        .iter()
        .take(MOST_NAMED)
        .map(|(before, source)| {
            let name = visible(&source.name, 80);
            if source.chunks == 0 {
                format!(
                    "Source “{name}” is gone; it had {}.",
                    counted(*before, "chunk", "chunks")
                )
            } else {
                format!(
                    "Source “{name}” shrank: {} chunks.",
                    change(*before, source.chunks)
                )
            }
        })
        .collect();
    if lost.len() > MOST_NAMED {
        let more = count((lost.len() - MOST_NAMED) as u64);
        notes.push(format!(
            "{more} more sources lost over a fifth of their chunks."
        ));
    }
    notes
}

fn is_less(before: u64, now: u64) -> bool {
    before > 0 && (now as f64) < before as f64 * (1.0 - LOST_CHUNKS)
}

fn setting(setting: &Setting) -> Option<String> {
    (setting.chosen && setting.recall < LEAST_RECALL).then(|| {
        let (label, recall) = (visible(&setting.label, 80), score(setting.recall));
        format!("The chosen setting ({label}) finds {recall} of the true neighbours.")
    })
}

fn churn(diff: &Diff) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(churn) = diff.churn.filter(|churn| *churn > MOST_CHURN) {
        notes.push(format!(
            "{} of what queries found is no longer found.",
            percent(churn)
        ));
    }
    if diff.moved_vectors > 0 && !diff.space_changed {
        let moved = counted(diff.moved_vectors, "chunk has", "chunks have");
        notes.push(format!(
            "{moved} the same text but another vector in the same space."
        ));
    }
    notes
}

fn duplicates(duplicates: &Duplicates) -> Option<String> {
    let share = duplicates.near as f64 / duplicates.sampled.max(1) as f64;
    (share > MOST_NEAR).then(|| {
        format!(
            "{} of sampled chunks nearly equal another one.",
            percent(share)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::page::{Counts, Scores};

    #[test]
    fn nothing_is_named_where_all_is_as_it_was() {
        assert!(notes(&Page::default()).is_empty());
    }

    #[test]
    fn what_was_lost_is_named_with_its_numbers() {
        let scores = |recall| Scores {
            recall,
            k: 10,
            ..Scores::default()
        };
        let source = |name: &str, chunks, before| Share {
            name: name.to_owned(),
            chunks,
            before: Some(before),
            ..Share::default()
        };
        let page = Page {
            counts: Counts {
                chunks: 700,
                ..Counts::default()
            },
            before: Some(Counts {
                chunks: 1_000,
                ..Counts::default()
            }),
            sources: vec![
                source("kept", 99, 100),
                source("wiki", 0, 200),
                source("new", 5, 0),
            ],
            golden: Some(Golden {
                overall: scores(0.8),
                before: Some(scores(0.9)),
                tags: vec![("de".to_owned(), scores(0.5), Some(scores(0.7)))],
                worst: Vec::new(),
            }),
            diff: Some(Diff {
                space_changed: true,
                churn: Some(0.5),
                ..Diff::default()
            }),
            ..Page::default()
        };
        let notes = notes(&page);
        assert_eq!(notes.len(), 6, "{notes:#?}");
        assert!(notes[0].contains("space"));
        assert!(notes[1].contains("recall@10 is 0.800, it was 0.900"));
        assert!(notes[2].contains("“de” lost 0.200"));
        assert!(notes[3].contains("\u{2212}300"));
        assert!(notes[4].contains("“wiki” is gone"));
        assert!(notes[5].contains("50.0%"));
    }
}
