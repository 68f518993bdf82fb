//! What changed since the other version.

use maud::{Markup, html};

use super::numbers::{bytes, change, count, percent};
use super::parts::{Column, Row, address, capped, more, said, table};
use crate::plot;
use crate::report::page::{Changes, Churned, Diff};

const MOST_DOCUMENTS: usize = 200;
const MOST_QUERIES: usize = 20;
const MOST_RESULTS: usize = 5;
const MOST_SETTINGS: usize = 100;

/// Draws what changed.
pub(super) fn section(diff: &Diff) -> Markup {
    html! {
        p { "From " (said(&diff.from)) " to " (said(&diff.to)) ". " (vectors(diff)) }
        div class="figures" {
            div { h3 { "Counts" } (counts(diff)) }
            div {
                h3 { "Size and results" }
                dl class="facts" {
                    div { dt { "Tokens" } dd { (count(diff.tokens.1)) ", " (change(diff.tokens.0, diff.tokens.1)) } }
                    div { dt { "Size" } dd { (bytes(diff.bytes.1)) ", was " (bytes(diff.bytes.0)) } }
                    @if let Some(churn) = diff.churn {
                        div { dt { "Churn" } dd { (percent(churn)) " of the results of a query are replaced" } }
                    }
                }
            }
        }
        h3 { "Settings that differ" }
        @if diff.settings.is_empty() { p class="dim" { "None." } } @else { (settings(diff)) }
        @if !diff.changed_documents.is_empty() {
            details {
                summary { "Documents that differ (" (count(diff.changed_documents.len() as u64)) ")" }
                (capped(&diff.changed_documents, MOST_DOCUMENTS, document))
            }
        }
        @if !diff.churned.is_empty() {
            h3 { "Queries whose results differ the most" }
            @for churned in diff.churned.iter().take(MOST_QUERIES) { (query(churned)) }
            (more(diff.churned.len(), MOST_QUERIES))
        }
    }
}

fn vectors(diff: &Diff) -> Markup {
    html! {
        @if diff.space_changed {
            strong class="bad" { "The space changed, so the vectors of the two cannot be compared." }
        } @else if diff.moved_vectors > 0 {
            strong class="bad" { (count(diff.moved_vectors)) " chunks of the same text have another vector." }
        } @else {
            "Both are of the same space, and the same text has the same vector."
        }
    }
}

fn counts(diff: &Diff) -> Markup {
    let columns = [
        ("", Column::Words),
        ("Added", Column::Number),
        ("Removed", Column::Number),
        ("Changed", Column::Number),
        ("Moved", Column::Number),
        ("Unchanged", Column::Number),
    ];
    let row = |name: &str, changes: &Changes| {
        let numbers = [
            changes.added,
            changes.removed,
            changes.changed,
            changes.moved,
            changes.unchanged,
        ];
        Row::new(
            [html! { (name) }]
                .into_iter()
                .chain(numbers.map(|number| html! { (count(number)) })),
        )
    };
    table(
        "Counts",
        &columns,
        &[
            row("Documents", &diff.documents),
            row("Chunks", &diff.chunks),
        ],
    )
}

fn settings(diff: &Diff) -> Markup {
    let columns = [
        ("Setting", Column::Words),
        ("Before", Column::Words),
        ("Now", Column::Words),
    ];
    let rows: Vec<Row> = diff
        .settings
        .iter()
        .take(MOST_SETTINGS)
        .map(|(name, before, now)| Row::new([said(name), address(before), address(now)]))
        .collect();
    html! { (table("Settings that differ", &columns, &rows)) (more(diff.settings.len(), MOST_SETTINGS)) }
}

fn document((kind, uri): &(String, String)) -> Markup {
    html! { span class="kind" { (plot::visible(kind, 40)) } " " (address(uri)) }
}

fn query(churned: &Churned) -> Markup {
    html! {
        details class="query" {
            summary { span class="badge" { (percent(churned.churn)) } " " (said(&churned.query)) }
            div class="figures" {
                @for (title, results) in [("No longer found", &churned.gone), ("Found now", &churned.new)] {
                    div { h4 { (title) } (capped(results, MOST_RESULTS, |result| address(result))) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_of_documents_are_cut() {
        let diff = Diff {
            changed_documents: (0..1_201)
                .map(|i| ("added".to_owned(), format!("file:///{i}")))
                .collect(),
            ..Diff::default()
        };
        let html = section(&diff).into_string();
        assert!(html.contains("and 1,001 more") && html.contains("file:///199"));
        assert!(!html.contains("file:///200<"));
    }

    #[test]
    fn vectors_that_cannot_be_compared_are_named() {
        let changed = Diff {
            space_changed: true,
            ..Diff::default()
        };
        assert!(
            section(&changed)
                .into_string()
                .contains("cannot be compared")
        );
        assert!(
            section(&Diff::default())
                .into_string()
                .contains("same space")
        );
    }
}
