//! How well the index is searched: recall against latency.

use maud::{Markup, html};

use super::numbers::{milliseconds, score};
use super::parts::{Column, Row, figure, said, table};
use crate::plot::{self, Axis, Lines, Mark, Series};
use crate::report::page::{Page, Setting};

const MOST_ROWS: usize = 40;

/// Draws what each setting finds and how fast, nothing if none was measured.
pub(super) fn section(page: &Page) -> Option<Markup> {
    if page.curve.is_empty() {
        return None;
    }
    let caption = html! {
        "Up and to the left is better. Recall is the share of the true nearest neighbours that a search finds."
    };
    Some(html! {
        div class="figures" {
            (figure("Settings of the index", &plot::lines(&curve(&page.curve, page.exact_ms)), &caption))
            div { h3 { "Measured" } (rows(page)) }
        }
    })
}

/// Gives the chart of some settings: what they find against how long they take.
fn curve(settings: &[Setting], exact_ms: Option<f64>) -> Lines {
    let series = |name: &str, ms: fn(&Setting) -> f64| {
        let mut points: Vec<_> = settings
            .iter()
            .map(|setting| (ms(setting), setting.recall))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Series {
            name: name.to_owned(),
            points,
            joined: true,
        }
    };
    let chosen = settings
        .iter()
        .find(|setting| setting.chosen)
        .map(|setting| Mark {
            x: setting.p50_ms,
            y: setting.recall,
            label: setting.label.clone(),
        });
    Lines {
        name: "Recall against latency".to_owned(),
        x: Axis {
            label: "milliseconds a search".to_owned(),
            log: true,
        },
        y: Axis {
            label: "recall".to_owned(),
            log: false,
        },
        series: vec![
            series("median", |setting| setting.p50_ms),
            series("99th percentile", |setting| setting.p99_ms),
        ],
        chosen,
        upright: exact_ms
            .map(|ms| (ms, format!("exact, {}", milliseconds(ms))))
            .into_iter()
            .collect(),
    }
}

fn rows(page: &Page) -> Markup {
    let columns = [
        ("Setting", Column::Words),
        ("Recall", Column::Number),
        ("p50", Column::Number),
        ("p99", Column::Number),
    ];
    let row = |setting: &Setting| Row {
        cells: vec![
            html! { (said(&setting.label)) @if setting.chosen { " " span class="badge" { "chosen" } } },
            html! { (score(setting.recall)) },
            html! { (milliseconds(setting.p50_ms)) },
            html! { (milliseconds(setting.p99_ms)) },
        ],
        strong: setting.chosen,
    };
    let rows: Vec<Row> = page.curve.iter().take(MOST_ROWS).map(row).collect();
    html! { (table("Settings", &columns, &rows)) (super::parts::more(page.curve.len(), MOST_ROWS)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_setting_is_marked_in_chart_and_table() {
        let setting = |label: &str, ms, chosen| Setting {
            label: label.to_owned(),
            recall: 0.9,
            p50_ms: ms,
            p99_ms: 2.0 * ms,
            chosen,
        };
        let page = Page {
            curve: vec![
                setting("one", 1.0, false),
                setting("two", f64::NAN, false),
                setting("three", 3.0, true),
            ],
            exact_ms: Some(40.0),
            ..Page::default()
        };
        let html = section(&page).unwrap().into_string();
        assert!(html.contains("class=\"ring\"") && html.contains(">chosen<"));
        assert!(html.contains("exact, 40 ms"));
        assert!(!html.contains("NaN"));
        assert!(section(&Page::default()).is_none());
    }
}
