//! Points over two axes, joined or not.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::area::{Area, MOST_ACROSS, MOST_UP};
use super::axis::{Axis, Scale};
use super::{Chart, Entry, WIDTH, legend, place, text};

/// Points of one kind.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// What they are.
    pub name: String,
    /// Where they lie, in the order in which they are joined.
    pub points: Vec<(f64, f64)>,
    /// Whether a line joins them.
    pub joined: bool,
}

/// A place with words beside it.
#[derive(Debug, Clone, Default)]
pub struct Mark {
    /// Where it lies from left to right.
    pub x: f64,
    /// Where it lies from bottom to top.
    pub y: f64,
    /// What is said of it.
    pub label: String,
}

/// What a chart over two axes shows.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    /// What the chart is called.
    pub name: String,
    /// From left to right.
    pub x: Axis,
    /// From bottom to top.
    pub y: Axis,
    /// The points; at most seven kinds have colours of their own.
    pub series: Vec<Series>,
    /// The point that was chosen.
    pub chosen: Option<Mark>,
    /// Numbers of the axis from left to right to compare with, drawn as upright lines.
    pub upright: Vec<(f64, String)>,
}

/// Draws points over two axes.
pub fn lines(chart: &Lines) -> Chart {
    let entries: Vec<Entry<'_>> = chart
        .series
        .iter()
        .enumerate()
        .map(|(i, series)| Entry {
            class: class(i),
            line: true,
            name: &series.name,
        })
        .collect();
    let (explained, top) = legend(&entries);
    // A point with one coordinate that cannot be drawn must not stretch the other axis.
    let finite = |(x, y): &&(f64, f64)| x.is_finite() && y.is_finite();
    let points = || {
        chart
            .series
            .iter()
            .flat_map(|series| &series.points)
            .filter(finite)
    };
    let xs = points()
        .map(|point| point.0)
        .chain(chart.upright.iter().map(|upright| upright.0));
    let area = Area::under(
        top,
        (chart.x.clone(), Scale::over(xs, chart.x.log, MOST_ACROSS)),
        (
            chart.y.clone(),
            Scale::over(points().map(|point| point.1), chart.y.log, MOST_UP),
        ),
    );
    let body = html! {
        (explained)
        (area.axes())
        @for (x, label) in &chart.upright { (upright(&area, *x, label)) }
        @for (i, series) in chart.series.iter().enumerate() {
            @let placed: Vec<_> = series.points.iter().filter_map(|(x, y)| area.place(*x, *y)).collect();
            @if series.joined { path class={ "line " (class(i)) } d=(joined(&placed)) {} }
            path class={ "dots " (class(i)) } d=(dots(&placed)) {}
        }
        @if let Some(mark) = &chart.chosen { (chosen(&area, chart, mark)) }
    };
    Chart {
        name: chart.name.clone(),
        width: WIDTH,
        height: area.height(),
        body,
    }
}

fn class(series: usize) -> String {
    format!("s{}", series % 7)
}

fn joined(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (x, y) in points {
        let to = if path.is_empty() { 'M' } else { 'L' };
        // Writing to a string does not fail.
        write!(path, "{to}{} {}", place(*x), place(*y)).ok();
    }
    path
}

fn dots(points: &[(f64, f64)]) -> String {
    points.iter().fold(String::new(), |mut path, (x, y)| {
        write!(path, "M{} {}h0", place(*x), place(*y)).ok();
        path
    })
}

fn upright(area: &Area, x: f64, label: &str) -> Markup {
    let Some(x) = area.across(x) else {
        return html! {};
    };
    let bottom = area.bottom();
    let (class, side) = if x > WIDTH / 2.0 {
        ("end", -5.0)
    } else {
        ("", 5.0)
    };
    html! {
        path class="line upright" d={ "M" (place(x)) " " (place(bottom)) "V" (place(area.top())) } {}
        text class={ "dim halo " (class) } x=(place(x + side)) y=(place(bottom - 8.0)) {
            (text::fit(label, WIDTH * 0.5))
        }
    }
}

/// Rings a point and puts its words at that of its corners where they cover the least of the curves.
fn chosen(area: &Area, chart: &Lines, mark: &Mark) -> Markup {
    let Some((x, y)) = area.place(mark.x, mark.y) else {
        return html! {};
    };
    let label = text::fit(&mark.label, WIDTH * 0.6);
    let wide = text::width(&label);
    let drawn = traced(area, chart);
    let covered = |(right, down): &(bool, f64)| {
        let left = if *right { x + 8.0 } else { x - 8.0 - wide };
        let (top, bottom) = (y + down - 12.0, y + down + 4.0);
        let outside = left < area.left()
            || left + wide > WIDTH
            || top < area.top() - 10.0
            || bottom > area.bottom();
        let within =
            |at: &&(f64, f64)| (left..left + wide).contains(&at.0) && (top..bottom).contains(&at.1);
        drawn.iter().filter(within).count() + if outside { 1000 } else { 0 }
    };
    let corners = [
        (true, 22.0),
        (false, -11.0),
        (true, -11.0),
        (false, 22.0),
        (true, 40.0),
        (false, 40.0),
        (true, 58.0),
        (true, 76.0),
    ];
    let (right, down) = corners
        .into_iter()
        .min_by_key(covered)
        .unwrap_or((true, 22.0));
    let (class, side) = if right { ("", 8.0) } else { ("end", -8.0) };
    html! {
        @if down > 30.0 {
            path class="axis" d={ "M" (place(x)) " " (place(y + 8.0)) "V" (place(y + down - 4.0)) } {}
        }
        circle class="ring" cx=(place(x)) cy=(place(y)) r="7.5" {}
        text class={ "strong halo " (class) } x=(place(x + side)) y=(place(y + down)) { (label) }
    }
}

/// Places along everything that is drawn.
fn traced(area: &Area, chart: &Lines) -> Vec<(f64, f64)> {
    let mut traced = Vec::new();
    for series in &chart.series {
        let placed: Vec<_> = series
            .points
            .iter()
            .filter_map(|(x, y)| area.place(*x, *y))
            .collect();
        traced.extend(&placed);
        for pair in placed.windows(2).filter(|_| series.joined) {
            if let [from, to] = pair {
                let along = |part: u8| {
                    let share = f64::from(part) / 16.0;
                    (
                        from.0 + share * (to.0 - from.0),
                        from.1 + share * (to.1 - from.1),
                    )
                };
                traced.extend((1..16).map(along));
            }
        }
    }
    for x in chart.upright.iter().filter_map(|(x, _)| area.across(*x)) {
        let (top, bottom) = (area.top(), area.bottom());
        traced.extend((0..16_u8).map(|part| (x, top + f64::from(part) / 16.0 * (bottom - top))));
    }
    traced
}

#[cfg(test)]
mod tests {
    use maud::Render as _;

    use super::*;

    fn chart(points: Vec<(f64, f64)>, log: bool) -> String {
        let axis = |label: &str, log| Axis {
            label: label.to_owned(),
            log,
        };
        let (x, y) = points.first().copied().unwrap_or((f64::NAN, f64::NAN));
        let series = Series {
            name: "median".to_owned(),
            points,
            joined: true,
        };
        lines(&Lines {
            name: "Recall against latency".to_owned(),
            x: axis("ms", log),
            y: axis("recall", false),
            series: vec![series],
            chosen: Some(Mark {
                x,
                y,
                label: "chosen".to_owned(),
            }),
            upright: vec![(x, "exact".to_owned())],
        })
        .render()
        .into_string()
    }

    #[test]
    fn points_are_joined_in_their_order_and_one_is_ringed() {
        let svg = chart(vec![(1.0, 0.8), (10.0, 0.9), (100.0, 1.0)], true);
        assert_eq!(svg.matches("h0").count(), 3);
        assert_eq!(svg.matches("<circle").count(), 1);
        assert!(svg.contains("chosen") && svg.contains("exact"));
        assert!(svg.contains("aria-label=\"Recall against latency\""));
    }

    #[test]
    fn points_that_have_no_place_are_left_out() {
        for log in [false, true] {
            let svg = chart(
                vec![
                    (f64::NAN, 1.0),
                    (1.0, f64::INFINITY),
                    (-1.0, 1.0),
                    (0.0, 1.0),
                ],
                log,
            );
            assert!(!svg.contains("NaN") && !svg.contains("inf"));
            assert_eq!(svg.matches("h0").count(), if log { 0 } else { 2 });
            assert!(!chart(Vec::new(), log).contains("<circle"));
        }
    }
}
