//! What decides: the verdict, the few numbers that matter, and every check.

use maud::{Markup, html};

use super::attention::notes;
use super::numbers::{bytes, change, count, milliseconds, percent, score, score_change, share};
use super::parts::{capped, said};
use crate::report::page::{Check, Page};

const MOST_PROBLEMS: usize = 20;

/// How a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    Unchecked,
}

impl Verdict {
    fn of(checks: &[Check]) -> Self {
        if checks.is_empty() {
            Self::Unchecked
        } else if checks.iter().all(|check| check.passed) {
            Self::Passed
        } else {
            Self::Failed
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Passed => "Passed",
            Self::Failed => "Failed",
            Self::Unchecked => "Not verified",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Passed => "verdict passed",
            Self::Failed => "verdict failed",
            Self::Unchecked => "verdict unchecked",
        }
    }
}

/// Draws what decides.
pub(super) fn section(page: &Page) -> Markup {
    let verdict = Verdict::of(&page.checks);
    let passed = page.checks.iter().filter(|check| check.passed).count();
    let notes = notes(page);
    html! {
        div class=(verdict.class()) role="status" {
            strong { (verdict.word()) }
            " "
            span {
                @match verdict {
                    Verdict::Unchecked => "No check has been made of this version.",
                    _ => { (count(passed as u64)) " of " (count(page.checks.len() as u64)) " checks passed." }
                }
            }
        }
        dl class="tiles" { @for tile in tiles(page) { (tile) } }
        @if !notes.is_empty() {
            div class="notes" {
                h3 { "Worth a look before release" }
                ul { @for note in &notes { li { (said(note)) } } }
            }
        } @else if page.against.is_some() {
            p class="dim" { "Nothing stands out against the other version." }
        }
        @if !page.checks.is_empty() {
            h3 { "Checks" }
            ul class="checks" { @for check in failed_first(&page.checks) { (checked(check)) } }
        }
    }
}

fn failed_first(checks: &[Check]) -> impl Iterator<Item = &Check> {
    let failed = checks.iter().filter(|check| !check.passed);
    failed.chain(checks.iter().filter(|check| check.passed))
}

fn checked(check: &Check) -> Markup {
    let (class, word) = if check.passed {
        ("badge passed", "passed")
    } else {
        ("badge failed", "failed")
    };
    html! {
        li {
            span class=(class) { (word) }
            div {
                strong { (said(&check.name)) }
                " "
                span class="dim" { (said(&check.level)) }
                p { (said(&check.summary)) }
                @if !check.problems.is_empty() {
                    div class="problems" { (capped(&check.problems, MOST_PROBLEMS, |problem| said(problem))) }
                }
            }
        }
    }
}

fn tile(name: &str, value: &str, beneath: Option<String>) -> Markup {
    html! {
        div {
            dt { (name) }
            dd { (value) }
            @if let Some(beneath) = beneath { dd class="beneath" { (beneath) } }
        }
    }
}

fn tiles(page: &Page) -> Vec<Markup> {
    let (now, before) = (page.counts, page.before);
    let mut tiles = vec![
        tile(
            "Documents",
            &count(now.documents),
            before.map(|before| change(before.documents, now.documents)),
        ),
        tile(
            "Chunks",
            &count(now.chunks),
            before.map(|before| change(before.chunks, now.chunks)),
        ),
        tile(
            "Tokens",
            &count(now.tokens),
            before.map(|before| change(before.tokens, now.tokens)),
        ),
        tile(
            "Size",
            &bytes(now.bytes),
            before.map(|before| was(&bytes(before.bytes))),
        ),
    ];
    if let Some(golden) = &page.golden {
        let recall = golden.overall.recall;
        let name = format!("Golden recall@{}", golden.overall.k);
        let before = golden.before.map(|before| {
            format!(
                "was {} ({})",
                score(before.recall),
                score_change(before.recall, recall)
            )
        });
        tiles.push(tile(&name, &score(recall), before));
    }
    if let Some(chosen) = page.curve.iter().find(|setting| setting.chosen) {
        tiles.push(tile(
            "Index recall",
            &score(chosen.recall),
            Some("of the true neighbours".to_owned()),
        ));
        let exact = page
            .exact_ms
            .map(|ms| format!("exact search {}", milliseconds(ms)));
        tiles.push(tile("Search, p99", &milliseconds(chosen.p99_ms), exact));
    }
    if page.duplicates.sampled > 0 {
        let near = share(page.duplicates.near, page.duplicates.sampled);
        let sampled = format!("of {} sampled", count(page.duplicates.sampled));
        tiles.push(tile("Near duplicates", &near, Some(sampled)));
    }
    if let Some(churn) = page.diff.as_ref().and_then(|diff| diff.churn) {
        tiles.push(tile(
            "Churn",
            &percent(churn),
            Some("of results replaced".to_owned()),
        ));
    }
    tiles
}

fn was(before: &str) -> String {
    format!("was {before}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, passed: bool) -> Check {
        Check {
            name: name.to_owned(),
            passed,
            problems: if passed {
                Vec::new()
            } else {
                vec!["wrong <b>".to_owned()]
            },
            ..Check::default()
        }
    }

    fn drawn(checks: Vec<Check>) -> String {
        let page = Page {
            checks,
            ..Page::default()
        };
        section(&page).into_string()
    }

    #[test]
    fn one_failed_check_fails_the_version_and_comes_first() {
        let html = drawn(vec![check("fine", true), check("broken", false)]);
        assert!(html.contains("verdict failed") && html.contains("1 of 2 checks passed"));
        assert!(html.find("broken").unwrap() < html.find("fine").unwrap());
        assert!(html.contains("wrong &lt;b&gt;"));
    }

    #[test]
    fn a_version_without_checks_did_not_pass() {
        assert!(drawn(Vec::new()).contains("Not verified"));
        assert!(drawn(vec![check("fine", true)]).contains("verdict passed"));
    }
}
