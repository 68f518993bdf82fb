//! How a version was built: its facts, the settings, and where the time went.

use maud::{Markup, html};

use super::numbers::seconds;
use super::parts::{facts, figure};
use crate::plot::{self, Bar};
use crate::report::page::{Page, Timing};

/// Draws how a version was built, nothing if nothing is known.
pub(super) fn section(page: &Page) -> Option<Markup> {
    let known = !(page.facts.is_empty() && page.settings.is_empty() && page.timings.is_empty());
    known.then(|| {
        html! {
            div class="figures" {
                @if !page.facts.is_empty() { div { h3 { "Facts" } (facts(&page.facts)) } }
                @if !page.timings.is_empty() { (times(&page.timings)) }
                @if !page.settings.is_empty() { div { h3 { "Settings" } (facts(&page.settings)) } }
            }
        }
    })
}

fn times(timings: &[Timing]) -> Markup {
    let bars: Vec<Bar> = timings
        .iter()
        .map(|timing| Bar {
            label: timing.stage.clone(),
            value: timing.seconds,
            before: None,
            text: seconds(timing.seconds),
        })
        .collect();
    let total: f64 = timings
        .iter()
        .map(|timing| timing.seconds)
        .filter(|time| time.is_finite())
        .sum();
    let caption = html! { "Together " (seconds(total)) "." };
    figure(
        "Time by stage",
        &plot::bars("Time by stage", &bars, None),
        &caption,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_summed_up() {
        let timing = |stage: &str, seconds| Timing {
            stage: stage.to_owned(),
            seconds,
        };
        let page = Page {
            timings: vec![
                timing("embed", 60.0),
                timing("index", 15.0),
                timing("odd", f64::NAN),
            ],
            ..Page::default()
        };
        let html = section(&page).unwrap().into_string();
        assert!(html.contains("Together 1 min 15 s"));
        assert!(section(&Page::default()).is_none());
    }
}
