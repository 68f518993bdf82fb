//! What the golden queries find.

use maud::{Markup, html};

use super::numbers::{count, score};
use super::parts::{Column, Row, address, capped, figure, more, said, score_change, table};
use crate::plot::{self, Bar};
use crate::report::page::{Found, Golden, Scores, Worst};

const MOST_TAGS: usize = 60;
const MOST_BARS: usize = 12;
const MOST_WORST: usize = 20;
const MOST_FOUND: usize = 10;

/// Draws the scores by tag, and the queries that find the least.
pub(super) fn section(golden: &Golden) -> Markup {
    let k = golden.overall.k;
    let title = format!("Recall@{k} by tag");
    html! {
        div class="figures" {
            @if !golden.tags.is_empty() {
                (figure(&title, &plot::bars(&title, &bars(golden), Some(1.0)), &html! { "From 0 to 1, the lowest first." }))
            }
            div { h3 { "Scores" } (scores(golden)) }
        }
        @if !golden.worst.is_empty() {
            h3 { "Queries that find the least" }
            @for (i, worst) in golden.worst.iter().take(MOST_WORST).enumerate() { (query(worst, i == 0)) }
            (more(golden.worst.len(), MOST_WORST))
        }
    }
}

fn bars(golden: &Golden) -> Vec<Bar> {
    let mut tags: Vec<_> = golden.tags.iter().collect();
    tags.sort_by(|a, b| a.1.recall.total_cmp(&b.1.recall));
    tags.iter()
        .take(MOST_BARS)
        .map(|(tag, now, before)| Bar {
            label: tag.clone(),
            value: now.recall,
            before: before.map(|before| before.recall),
            text: score(now.recall),
        })
        .collect()
}

fn scores(golden: &Golden) -> Markup {
    let k = golden.overall.k;
    let recall = format!("Recall@{k}");
    let compared = golden.before.is_some() || golden.tags.iter().any(|tag| tag.2.is_some());
    let mut columns = vec![
        ("Tag", Column::Words),
        ("Queries", Column::Number),
        (recall.as_str(), Column::Number),
    ];
    if compared {
        columns.push(("Change", Column::Number));
    }
    columns.extend([("MRR", Column::Number), ("nDCG", Column::Number)]);
    let row = |name: Markup, now: &Scores, before: Option<&Scores>| {
        let mut row = Row::new([
            name,
            html! { (count(now.queries)) },
            html! { (score(now.recall)) },
        ]);
        if compared {
            row.cells.push(match before {
                Some(before) => score_change(before.recall, now.recall),
                None => html! { span class="dim" { "new" } },
            });
        }
        row.cells
            .extend([html! { (score(now.mrr)) }, html! { (score(now.ndcg)) }]);
        row
    };
    let mut rows = vec![Row {
        strong: true,
        ..row(html! { "All" }, &golden.overall, golden.before.as_ref())
    }];
    for (tag, now, before) in golden.tags.iter().take(MOST_TAGS) {
        rows.push(row(said(tag), now, before.as_ref()));
    }
    html! { (table("Scores by tag", &columns, &rows)) (more(golden.tags.len(), MOST_TAGS)) }
}

fn query(worst: &Worst, open: bool) -> Markup {
    html! {
        details class="query" open[open] {
            summary {
                span class="badge" { (score(worst.recall)) }
                " " (said(&worst.query)) " "
                @if !worst.tag.is_empty() { span class="dim" { (said(&worst.tag)) } }
            }
            h4 { "Wanted" }
            (capped(&worst.wanted, MOST_FOUND, |wanted| address(wanted)))
            h4 { "Found" }
            @if worst.found.is_empty() {
                p class="dim" { "Nothing." }
            } @else {
                ol class="found" { @for found in worst.found.iter().take(MOST_FOUND) { (result(found)) } }
                (more(worst.found.len(), MOST_FOUND))
            }
        }
    }
}

fn result(found: &Found) -> Markup {
    html! {
        li value=(found.rank) {
            p {
                span class="score" { (score(found.score)) }
                " "
                @if found.relevant { span class="badge passed" { "wanted" } " " }
                @if !found.heading.is_empty() { strong { (said(&found.heading)) } }
            }
            (address(&found.uri))
            p class="quoted" { (said(&found.text)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_results_are_shown_as_text() {
        let evil = "<img src=x onerror=alert(1)>\u{202e}\u{0}".to_owned();
        let golden = Golden {
            tags: vec![(evil.clone(), Scores::default(), None)],
            worst: vec![Worst {
                query: evil.clone(),
                tag: evil.clone(),
                wanted: vec![evil.clone()],
                found: vec![Found {
                    uri: evil.clone(),
                    heading: evil.clone(),
                    text: evil,
                    relevant: true,
                    score: f64::NAN,
                    rank: 3,
                }],
                recall: f64::NAN,
            }],
            ..Golden::default()
        };
        let html = section(&golden).into_string();
        assert!(!html.contains("<img") && !html.contains('\u{202e}') && !html.contains('\u{0}'));
        assert!(html.contains("&lt;img src=x"));
        assert!(html.contains("<li value=\"3\">"));
    }

    #[test]
    fn without_an_earlier_version_no_change_is_told() {
        assert!(!section(&Golden::default()).into_string().contains("Change"));
    }
}
