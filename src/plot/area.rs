//! The plane between two axes, with its grid and numbers.

use maud::{Markup, html};

use super::axis::{Axis, Scale, Tick};
use super::{WIDTH, place, text};

/// How many numbers may stand below the plane, and how many beside it.
pub(super) const MOST_ACROSS: usize = 7;
pub(super) const MOST_UP: usize = 5;

const HEIGHT: f64 = 160.0;

/// A plane in its place.
pub(super) struct Area {
    across: Scale,
    up: Scale,
    labels: (String, String),
    numbers: (Vec<Tick>, Vec<Tick>),
    left: f64,
    top: f64,
}

impl Area {
    /// Lays a plane out below what takes `top` of the drawing: first its axis from left to right, then the other.
    pub(super) fn under(top: f64, across: (Axis, Scale), up: (Axis, Scale)) -> Self {
        let top = top + if up.0.label.is_empty() { 8.0 } else { 25.0 };
        let upward = up.1.between(top + HEIGHT, top);
        let beside = upward.ticks(MOST_UP);
        let widest = beside
            .iter()
            .map(|tick| text::width(&tick.text))
            .fold(0.0, f64::max);
        let left = widest + 9.0;
        let rightward = across.1.between(left, WIDTH - 14.0);
        Self {
            across: rightward,
            up: upward,
            labels: (across.0.label, up.0.label),
            numbers: (rightward.ticks(MOST_ACROSS), beside),
            left,
            top,
        }
    }

    /// The place of a point, none if it cannot be drawn.
    pub(super) fn place(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        Some((self.across.place(x)?, self.up.place(y)?))
    }

    /// The place of a number from left to right.
    pub(super) fn across(&self, x: f64) -> Option<f64> {
        self.across.place(x)
    }

    pub(super) fn left(&self) -> f64 {
        self.left
    }

    pub(super) fn top(&self) -> f64 {
        self.top
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + HEIGHT
    }

    /// How high a chart is that ends with this plane and what is written below it.
    pub(super) fn height(&self) -> f64 {
        self.bottom() + if self.labels.0.is_empty() { 22.0 } else { 38.0 }
    }

    /// Draws the grid, the numbers and what they are.
    pub(super) fn axes(&self) -> Markup {
        let (right, bottom) = (WIDTH - 14.0, self.bottom());
        html! {
            text class="dim" x="0" y=(place(self.top - 12.0)) { (text::fit(&self.labels.1, WIDTH)) }
            @for tick in &self.numbers.1 {
                path class="grid" d={ "M" (place(self.left)) " " (place(tick.at)) "H" (place(right)) } {}
                text class="dim end" x=(place(self.left - 6.0)) y=(place(tick.at + 4.0)) { (tick.text) }
            }
            path class="axis" d={ "M" (place(self.left)) " " (place(bottom)) "H" (place(right)) } {}
            @for tick in &self.numbers.0 {
                path class="axis" d={ "M" (place(tick.at)) " " (place(bottom)) "v4" } {}
                text class="dim middle" x=(place(tick.at)) y=(place(bottom + 17.0)) { (tick.text) }
            }
            text class="dim end" x=(place(right)) y=(place(bottom + 33.0)) { (text::fit(&self.labels.0, WIDTH)) }
        }
    }
}
