//! Small charts as SVG: for the report's page, and as files of their own.
//!
//! A chart is drawn in units of its own and scales with the place it is given; its letters are large enough at the width
//! of a phone. Colours are classes and variables of [`STYLE`], so that one drawing serves light, dark and paper. They are
//! those of Okabe and Ito (2008), which people who are colour-blind can tell apart, a little darker on light and lighter
//! on dark paper. Numbers that are not finite are left out: a chart is never a reason to fail.

mod area;
mod axis;
mod bars;
mod histogram;
mod lines;
mod scatter;
mod text;

pub use axis::Axis;
pub use bars::{Bar, bars};
pub use histogram::{Bins, histogram};
pub use lines::{Lines, Mark, Series, lines};
pub use scatter::{CATEGORIES, Frame, Spot, scatter, swatch};
pub use text::{grouped, visible};

use maud::{Markup, PreEscaped, Render, html};

/// The rules that the classes of every chart need, for light, dark and paper.
pub const STYLE: &str = include_str!("style.css");

/// How wide a chart is in its own units. A letter is 12 of them high.
const WIDTH: f64 = 400.0;

/// The space that a file of its own has around its chart.
const MARGIN: f64 = 16.0;

/// One drawing. In a page it is an `<svg>` element; [`Chart::standalone`] makes a document of it.
#[derive(Debug, Clone)]
pub struct Chart {
    name: String,
    width: f64,
    height: f64,
    body: Markup,
}

impl Chart {
    /// Gives a document that is legible alone: with its name above the drawing, its style, and words for who cannot see it.
    pub fn standalone(&self, description: &str) -> String {
        let top = 24.0;
        let (width, height) = (self.width + 2.0 * MARGIN, self.height + 2.0 * MARGIN + top);
        let scale = 2.0;
        let view = format!("0 0 {} {}", place(width), place(height));
        let shift = format!("translate({} {})", place(MARGIN), place(MARGIN + top));
        html! {
            (PreEscaped("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"))
            svg xmlns="http://www.w3.org/2000/svg" class="plot alone" viewBox=(view) width=(place(width * scale))
                height=(place(height * scale)) role="img" aria-labelledby="title desc" {
                title id="title" { (visible(&self.name, 200)) }
                desc id="desc" { (visible(description, 2000)) }
                style { (PreEscaped(STYLE)) }
                rect class="paper" width="100%" height="100%" {}
                text class="name" x=(place(MARGIN)) y=(place(MARGIN + 12.0)) {
                    (text::fit(&self.name, self.width * 0.9))
                }
                g transform=(shift) { (self.body) }
            }
        }
        .into_string()
    }
}

impl Render for Chart {
    fn render(&self) -> Markup {
        let view = format!("0 0 {} {}", place(self.width), place(self.height));
        html! {
            svg class="plot" viewBox=(view) role="img" aria-label=(visible(&self.name, 300)) { (self.body) }
        }
    }
}

/// Writes a coordinate: tenths are finer than anybody sees.
fn place(value: f64) -> String {
    let tenths = (value * 10.0).round() / 10.0;
    if tenths.is_finite() && tenths != 0.0 {
        tenths.to_string()
    } else {
        "0".to_owned()
    }
}

/// What a legend says of one thing.
struct Entry<'a> {
    class: String,
    line: bool,
    name: &'a str,
}

/// Draws a legend in rows from the top and gives the height that it takes. One thing alone needs no legend.
fn legend(entries: &[Entry<'_>]) -> (Markup, f64) {
    if entries.len() < 2 {
        return (html! {}, 0.0);
    }
    let (mut x, mut y) = (0.0, 11.0);
    let placed: Vec<_> = entries
        .iter()
        .map(|entry| {
            let name = text::fit(entry.name, WIDTH - 40.0);
            let wide = 18.0 + text::width(&name) + 16.0;
            if x > 0.0 && x + wide > WIDTH + 16.0 {
                (x, y) = (0.0, y + 17.0);
            }
            let at = (x, y);
            x += wide;
            (entry, name, at)
        })
        .collect();
    let drawn = html! {
        @for (entry, name, (x, y)) in &placed {
            @if entry.line {
                path class={ "line " (entry.class) } d={ "M" (place(*x)) " " (place(y - 4.0)) "h13" } {}
            } @else {
                rect class={ "area " (entry.class) } x=(place(x + 1.0)) y=(place(y - 9.0)) width="10" height="10" {}
            }
            text x=(place(x + 18.0)) y=(place(*y)) { (name) }
        }
    };
    (drawn, y + 9.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_its_own_has_its_style_and_words() {
        let bar = Bar {
            label: "a <b> & c".to_owned(),
            value: 1.0,
            before: None,
            text: "1".to_owned(),
        };
        let svg = bars("Speed <fast>", &[bar], None).standalone("One bar.");
        assert!(svg.starts_with("<?xml"));
        assert!(svg.contains("xmlns=\"http://www.w3.org/2000/svg\""));
        assert!(svg.contains("<title id=\"title\">Speed &lt;fast&gt;</title>"));
        assert!(svg.contains("<desc id=\"desc\">One bar.</desc>"));
        assert!(svg.contains("prefers-color-scheme: dark"));
        assert!(svg.contains("a &lt;b&gt; &amp; c"));
    }

    #[test]
    fn a_coordinate_is_short_and_always_a_number() {
        assert_eq!(place(1.25), "1.3");
        assert_eq!(place(-0.01), "0");
        assert_eq!(place(12.0), "12");
        assert_eq!(place(f64::NAN), "0");
        assert_eq!(place(f64::INFINITY), "0");
    }

    #[test]
    fn a_legend_breaks_into_rows() {
        let long = "a name that takes more than half of a row".to_owned();
        let entries: Vec<_> = (0..3)
            .map(|i| Entry {
                class: format!("s{i}"),
                line: true,
                name: &long,
            })
            .collect();
        assert!(legend(&entries).1 > 50.0);
        assert!(legend(entries.get(..1).unwrap()).1 < 1.0);
    }
}
