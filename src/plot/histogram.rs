//! How often numbers fall between which edges.

use std::fmt::Write as _;

use maud::html;

use super::area::{Area, MOST_ACROSS, MOST_UP};
use super::axis::Scale;
use super::{Axis, Chart, Entry, WIDTH, legend, place};

/// Counts between edges: one edge more than counts, rising.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bins<'a> {
    /// Where each bin begins, and where the last one ends.
    pub edges: &'a [f64],
    /// How many are in each.
    pub counts: &'a [u64],
}

impl Bins<'_> {
    /// The edges and the height of each bin that can be drawn.
    fn drawn(&self, whole: f64) -> Vec<(f64, f64, f64)> {
        let edges = self.edges.windows(2).filter_map(|pair| match pair {
            [low, high] if low.is_finite() && high.is_finite() && low < high => Some((*low, *high)),
            _ => None,
        });
        edges
            .zip(self.counts)
            .map(|((low, high), count)| (low, high, *count as f64 / whole))
            .collect()
    }

    fn total(&self) -> f64 {
        self.counts.iter().sum::<u64>().max(1) as f64
    }
}

/// Draws a histogram, and an earlier one as an outline over it. Two are drawn as shares of their own totals, since one may
/// count more than the other.
pub fn histogram(name: &str, x: &str, y: &str, now: Bins<'_>, before: Option<Bins<'_>>) -> Chart {
    let percent = |bins: Bins<'_>| bins.drawn(bins.total() / 100.0);
    let (bins, earlier) = match before {
        Some(before) => (percent(now), percent(before)),
        None => (now.drawn(1.0), Vec::new()),
    };
    let entries =
        [("now", false, "this version"), ("before", true, "before")].map(|(class, line, name)| {
            Entry {
                class: class.to_owned(),
                line,
                name,
            }
        });
    let (explained, top) = legend(if earlier.is_empty() { &[] } else { &entries });
    let all = || bins.iter().chain(&earlier);
    let across = Scale::over(all().flat_map(|bin| [bin.0, bin.1]), false, MOST_ACROSS);
    let up = Scale::over(all().map(|bin| bin.2).chain([0.0]), false, MOST_UP);
    let label = |label: &str| Axis {
        label: label.to_owned(),
        log: false,
    };
    let y = if before.is_some() {
        format!("{y}, % of all")
    } else {
        y.to_owned()
    };
    let area = Area::under(top, (label(x), across), (label(&y), up));
    let mut filled = String::new();
    for (low, high, height) in &bins {
        if let (Some((left, base)), Some((right, peak))) =
            (area.place(*low, 0.0), area.place(*high, *height))
        {
            let gap = if right - left > 4.0 { 1.0 } else { 0.0 };
            // Writing to a string does not fail.
            write!(
                filled,
                "M{} {}V{}H{}V{}z",
                place(left),
                place(base),
                place(peak),
                place(right - gap),
                place(base)
            )
            .ok();
        }
    }
    let body = html! {
        (explained)
        (area.axes())
        path class="area now" d=(filled) {}
        path class="line before" d=(outline(&area, &earlier)) {}
    };
    Chart {
        name: name.to_owned(),
        width: WIDTH,
        height: area.height(),
        body,
    }
}

/// The stairs over some bins.
fn outline(area: &Area, bins: &[(f64, f64, f64)]) -> String {
    let mut stairs = String::new();
    for (low, high, height) in bins {
        if let (Some((left, base)), Some((right, peak))) =
            (area.place(*low, 0.0), area.place(*high, *height))
        {
            if stairs.is_empty() {
                write!(stairs, "M{} {}", place(left), place(base)).ok();
            }
            write!(stairs, "H{}V{}H{}", place(left), place(peak), place(right)).ok();
        }
    }
    if let Some((_, base)) = bins.last().and_then(|bin| area.place(bin.1, 0.0)) {
        write!(stairs, "V{}", place(base)).ok();
    }
    stairs
}

#[cfg(test)]
mod tests {
    use maud::Render as _;

    use super::*;

    #[test]
    fn an_earlier_histogram_is_an_outline() {
        let now = Bins {
            edges: &[0.0, 1.0, 2.0],
            counts: &[3, 1],
        };
        let alone = histogram("h", "x", "y", now, None).render().into_string();
        assert_eq!(alone.matches('z').count(), 2, "a closed shape a bin");
        assert!(!alone.contains("% of all"));
        let both = histogram("h", "x", "y", now, Some(now))
            .render()
            .into_string();
        assert!(both.contains("y, % of all") && both.contains("before"));
    }

    #[test]
    fn odd_edges_and_missing_counts_are_left_out() {
        let odd: [(&[f64], &[u64]); 5] = [
            (&[], &[]),
            (&[1.0], &[4]),
            (&[0.0, f64::NAN, 1.0, f64::INFINITY], &[1, 2, 3]),
            (&[2.0, 1.0, 1.0], &[1, 1]),
            (&[0.0, 1.0], &[0]),
        ];
        for (edges, counts) in odd {
            let bins = Bins { edges, counts };
            let svg = histogram("h", "x", "y", bins, Some(bins))
                .render()
                .into_string();
            assert!(!svg.contains("NaN") && !svg.contains("inf"));
        }
    }
}
