//! A report as one HTML file: it needs no network and no script, and reads on a phone, on a desk and on paper.
//!
//! Whatever documents say is text: maud escapes it, [`crate::plot::visible`] shows what would reorder or hide it, and the
//! page's own policy forbids everything but its style.

mod attention;
mod built;
mod content;
mod diff;
mod golden;
mod map;
mod numbers;
mod parts;
mod search;
mod verdict;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::page::Page;
use crate::plot;
use parts::{address, said};

const STYLE: &str = include_str!("../style.css");
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// A part of the page with a heading.
struct Section {
    id: &'static str,
    title: &'static str,
    body: Markup,
}

/// Draws the page. Parts of which nothing is known are left out, and named at the end.
pub fn render(page: &Page) -> String {
    let all = sections(page);
    let (known, unknown): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, body)| body.is_some());
    let known: Vec<Section> = known
        .into_iter()
        .filter_map(|((id, title), body)| {
            Some(Section {
                id,
                title,
                body: body?,
            })
        })
        .collect();
    let unknown: Vec<&str> = unknown.iter().map(|((_, title), _)| *title).collect();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { "Version " (plot::visible(&page.version, 80)) " – ragctl report" }
                style { (PreEscaped(STYLE)) (PreEscaped(plot::STYLE)) }
            }
            body {
                (header(page))
                nav aria-label="Contents" {
                    ul { @for section in &known { li { a href={ "#" (section.id) } { (section.title) } } } }
                }
                main {
                    @for section in &known {
                        section id=(section.id) aria-labelledby={ (section.id) "-title" } {
                            h2 id={ (section.id) "-title" } { (section.title) }
                            (section.body)
                        }
                    }
                }
                footer {
                    @if !unknown.is_empty() { p { "Nothing is known of: " (unknown.join("; ").to_lowercase()) "." } }
                    p { "Made by " (said(&page.tool)) ", " (said(&page.created)) "." }
                }
            }
        }
    }
    .into_string()
}

type Titled = (&'static str, &'static str);

fn sections(page: &Page) -> [(Titled, Option<Markup>); 9] {
    [
        (
            ("verdict", "Verdict and checks"),
            Some(verdict::section(page)),
        ),
        (("content", "What is in it"), content::shares(page)),
        (("lengths", "Chunk lengths"), content::lengths(page)),
        (
            ("neighbours", "Neighbours and duplicates"),
            content::neighbours(page),
        ),
        (("search", "Recall against latency"), search::section(page)),
        (
            ("golden", "Golden queries"),
            page.golden.as_ref().map(golden::section),
        ),
        (
            ("map", "Map of the corpus"),
            page.map.as_ref().map(map::section),
        ),
        (
            ("changes", "What changed"),
            page.diff.as_ref().map(diff::section),
        ),
        (("built", "How it was built"), built::section(page)),
    ]
}

fn header(page: &Page) -> Markup {
    html! {
        header {
            p class="kicker" { "ragctl report" }
            h1 { "Version " (said(&page.version)) }
            p class="dim" {
                @if let Some(against) = &page.against { "against " (said(against)) " · " }
                (address(&page.store)) " · " (said(&page.created))
            }
        }
    }
}

#[cfg(test)]
mod tests;
