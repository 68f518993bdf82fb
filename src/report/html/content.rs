//! What is in a version: its sources, formats and sections, how long its chunks are, and what is in it twice.

use maud::{Markup, html};

use super::numbers::{change, count, counted, quantile, relative, score, share};
use super::parts::{Column, Row, address, figure, said, table};
use crate::plot::{self, Bar, Bins};
use crate::report::page::{Duplicates, Histogram, Page, Pair, Share};

const MOST_BARS: usize = 10;
const MOST_ROWS: usize = 100;
const MOST_PAIRS: usize = 20;

/// Draws what belongs to which source, format and section; nothing if nothing is known.
pub(super) fn shares(page: &Page) -> Option<Markup> {
    let kinds = [
        ("By source", "Source", &page.sources),
        ("By format", "Format", &page.formats),
        ("By section", "Section", &page.sections),
    ];
    let known: Vec<_> = kinds.iter().filter(|kind| !kind.2.is_empty()).collect();
    (!known.is_empty()).then(|| {
        html! {
            div class="figures tall-first" { @for (title, name, shares) in known { (breakdown(title, name, shares)) } }
        }
    })
}

fn breakdown(title: &str, name: &str, shares: &[Share]) -> Markup {
    let total: u64 = shares.iter().map(|share| share.chunks).sum();
    let mut sorted: Vec<&Share> = shares.iter().collect();
    sorted.sort_by_key(|share| std::cmp::Reverse(share.chunks.max(share.before.unwrap_or(0))));
    let bars: Vec<Bar> = sorted
        .iter()
        .take(MOST_BARS)
        .map(|one| bar(one, total))
        .collect();
    let compared = shares.iter().any(|share| share.before.is_some());
    let left_out = sorted.len().saturating_sub(MOST_BARS) as u64;
    let caption = html! {
        "Chunks"
        @if compared { ", beside their change" } @else { " and their share" }
        @if left_out > 0 { "; " (counted(left_out, "smaller one is", "smaller ones are")) " in the table" }
        "."
    };
    html! {
        figure {
            h3 { (title) }
            (plot::bars(title, &bars, None))
            figcaption { (caption) }
            details { summary { "As a table" } (rows(name, &sorted, total, compared)) }
        }
    }
}

fn bar(one: &Share, total: u64) -> Bar {
    let beside = match one.before {
        Some(before) if one.chunks == 0 && before > 0 => format!("gone, was {}", count(before)),
        Some(before) => relative(before, one.chunks),
        None => share(one.chunks, total),
    };
    Bar {
        label: one.name.clone(),
        value: one.chunks as f64,
        before: one.before.map(|before| before as f64),
        text: format!("{} · {beside}", count(one.chunks)),
    }
}

fn rows(name: &str, shares: &[&Share], total: u64, compared: bool) -> Markup {
    let mut columns = vec![
        (name, Column::Words),
        ("Documents", Column::Number),
        ("Chunks", Column::Number),
        ("Share", Column::Number),
        ("Tokens", Column::Number),
    ];
    if compared {
        columns.push(("Change in chunks", Column::Number));
    }
    let rows: Vec<Row> = shares
        .iter()
        .take(MOST_ROWS)
        .map(|one| {
            let mut row = Row::new([
                address(&one.name),
                html! { (count(one.documents)) },
                html! { (count(one.chunks)) },
                html! { (share(one.chunks, total)) },
                html! { (count(one.tokens)) },
            ]);
            if compared {
                row.cells
                    .push(html! { (change(one.before.unwrap_or(0), one.chunks)) });
            }
            row
        })
        .collect();
    html! { (table(name, &columns, &rows)) (super::parts::more(shares.len(), MOST_ROWS)) }
}

fn bins(histogram: &Histogram) -> Bins<'_> {
    Bins {
        edges: &histogram.edges,
        counts: &histogram.counts,
    }
}

fn is_empty(histogram: &Histogram) -> bool {
    histogram.counts.iter().all(|count| *count == 0)
}

/// Draws how long chunks are, nothing if there are none.
pub(super) fn lengths(page: &Page) -> Option<Markup> {
    if is_empty(&page.lengths) {
        return None;
    }
    let before = page
        .lengths_before
        .as_ref()
        .filter(|before| !is_empty(before));
    let chart = plot::histogram(
        "How long chunks are",
        "tokens",
        "chunks",
        bins(&page.lengths),
        before.map(bins),
    );
    let middle = |histogram| {
        let at = |share| {
            quantile(histogram, share).map_or_else(|| "–".to_owned(), |at| count(at.round() as u64))
        };
        format!("{} tokens, nine of ten are below {}", at(0.5), at(0.9))
    };
    let caption = html! {
        "Half of the chunks are below " (middle(&page.lengths)) "."
        @if let Some(before) = before { " Before: " (middle(before)) "." }
    };
    Some(html! { div class="figures" { (figure("Tokens a chunk", &chart, &caption)) } })
}

/// Draws how near chunks lie to each other and what is in the version twice; nothing if nothing was sampled.
pub(super) fn neighbours(page: &Page) -> Option<Markup> {
    let duplicates = &page.duplicates;
    let drawn = !is_empty(&page.neighbours);
    let known = drawn || duplicates.sampled > 0 || duplicates.exact > 0;
    known.then(|| {
        html! {
            div class="figures" {
                @if drawn { (nearness(&page.neighbours)) }
                (twice(duplicates))
            }
            @if !duplicates.examples.is_empty() {
                details {
                    summary { "Pairs that nearly equal each other" }
                    @for pair in duplicates.examples.iter().take(MOST_PAIRS) { (pair_of(pair)) }
                    (super::parts::more(duplicates.examples.len(), MOST_PAIRS))
                }
            }
        }
    })
}

fn nearness(neighbours: &Histogram) -> Markup {
    let chart = plot::histogram(
        "How near the nearest chunk is",
        "cosine",
        "sampled chunks",
        bins(neighbours),
        None,
    );
    let caption = html! {
        "Each sampled chunk and its nearest other chunk. A peak at 1 is text that is there twice; a mass near 0 is text "
        "that has nothing to do with the rest."
    };
    figure("Cosine to the nearest chunk", &chart, &caption)
}

fn twice(duplicates: &Duplicates) -> Markup {
    html! {
        div {
            h3 { "Duplicates" }
            dl class="facts" {
                div { dt { "Same text" } dd { (counted(duplicates.exact, "chunk", "chunks")) } }
                div {
                    dt { "Nearly the same" }
                    dd { (count(duplicates.near)) " of " (count(duplicates.sampled)) " sampled ("
                        (share(duplicates.near, duplicates.sampled)) ")" }
                }
            }
        }
    }
}

fn pair_of(pair: &Pair) -> Markup {
    html! {
        div class="pair" {
            p { span class="badge" { (score(pair.score)) } }
            @for (uri, text) in [(&pair.a_uri, &pair.a_text), (&pair.b_uri, &pair.b_text)] {
                div { (address(uri)) p class="quoted" { (said(text)) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_share_comes_first_and_small_ones_are_in_the_table() {
        let one = |i: u64| Share {
            name: format!("source {i}"),
            chunks: i,
            before: Some(2 * i),
            ..Share::default()
        };
        let page = Page {
            sources: (1..=12).map(one).collect(),
            ..Page::default()
        };
        let html = shares(&page).unwrap().into_string();
        assert!(html.find("source 12").unwrap() < html.find("source 3").unwrap());
        assert!(html.contains("2 smaller ones are in the table"));
        assert!(html.contains("\u{2212}50.0%"));
    }

    #[test]
    fn what_is_new_or_gone_is_said() {
        let one = |chunks, before| Share {
            chunks,
            before: Some(before),
            ..Share::default()
        };
        assert_eq!(bar(&one(5, 0), 10).text, "5 · new");
        assert_eq!(bar(&one(0, 5), 10).text, "0 · gone, was 5");
        assert_eq!(bar(&one(5, 5), 10).text, "5 · unchanged");
    }

    #[test]
    fn nothing_known_draws_nothing() {
        let page = Page::default();
        assert!(shares(&page).is_none() && lengths(&page).is_none() && neighbours(&page).is_none());
    }
}
