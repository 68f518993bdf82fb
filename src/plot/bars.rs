//! Horizontal bars, each under its label.

use maud::html;

use super::{Chart, Entry, WIDTH, legend, place, text};

/// One bar.
#[derive(Debug, Clone, Default)]
pub struct Bar {
    /// What it stands for.
    pub label: String,
    /// How long it is.
    pub value: f64,
    /// How long it was before, drawn as a thin bar beneath.
    pub before: Option<f64>,
    /// The number as it is written.
    pub text: String,
}

const ROW: f64 = 33.0;

/// Draws bars from zero. The whole width is what `whole` says, or the longest bar. Labels stand above their bars, so that
/// long ones have room.
pub fn bars(name: &str, bars: &[Bar], whole: Option<f64>) -> Chart {
    let values = bars.iter().flat_map(|bar| [Some(bar.value), bar.before]);
    let longest = values
        .flatten()
        .filter(|value| value.is_finite())
        .fold(whole.unwrap_or(0.0), f64::max);
    let long = |value: f64| {
        let long = value / longest * WIDTH;
        if long.is_finite() { long.max(0.0) } else { 0.0 }
    };
    let compared = bars.iter().any(|bar| bar.before.is_some());
    let entries = [("now", "this version"), ("before", "before")].map(|(class, name)| Entry {
        class: class.to_owned(),
        line: false,
        name,
    });
    let (explained, top) = legend(if compared { &entries } else { &[] });
    let body = html! {
        (explained)
        @for (i, bar) in bars.iter().enumerate() {
            @let y = top + i as f64 * ROW;
            @let value = text::fit(&bar.text, WIDTH * 0.6);
            text x="0" y=(place(y + 11.0)) { (text::fit(&bar.label, WIDTH - text::width(&value) - 12.0)) }
            text class="end" x=(place(WIDTH)) y=(place(y + 11.0)) { (value) }
            rect class="track" y=(place(y + 16.0)) width=(place(WIDTH)) height="7" {}
            rect class="area now" y=(place(y + 16.0)) width=(place(long(bar.value))) height="7" {}
            @if let Some(before) = bar.before {
                rect class="area before" y=(place(y + 24.0)) width=(place(long(before))) height="3" {}
            }
        }
    };
    Chart {
        name: name.to_owned(),
        width: WIDTH,
        height: top + ROW * bars.len().max(1) as f64,
        body,
    }
}

#[cfg(test)]
mod tests {
    use maud::Render as _;

    use super::*;

    #[test]
    fn the_longest_bar_takes_the_whole_width() {
        let bar = |value, before| Bar {
            label: "label".to_owned(),
            value,
            before,
            text: String::new(),
        };
        let svg = bars("b", &[bar(50.0, Some(200.0)), bar(100.0, None)], None)
            .render()
            .into_string();
        assert!(svg.contains("width=\"100\" height=\"7\""));
        assert!(svg.contains("width=\"400\" height=\"3\""));
        assert!(svg.contains("this version"));
    }

    #[test]
    fn numbers_that_are_none_draw_no_bar() {
        let odd = [f64::NAN, f64::INFINITY, -1.0, 0.0].map(|value| Bar {
            value,
            ..Bar::default()
        });
        let svg = bars("b", &odd, None).render().into_string();
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        assert_eq!(svg.matches("width=\"0\" height=\"7\"").count(), 4);
        assert!(
            bars("none", &[], Some(1.0))
                .render()
                .into_string()
                .contains("role=\"img\"")
        );
    }
}
