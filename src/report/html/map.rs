//! The map of the corpus: where chunks lie, now and before.

use maud::{Markup, html};

use super::numbers::{count, percent, share};
use super::parts::said;
use crate::plot::{self, CATEGORIES, Frame, Spot};
use crate::report::page::{Map, Point};

/// Draws the map, beside the earlier one in the same frame. Choosing a kind in the legend dims the others; that is done by
/// the style alone.
pub(super) fn section(map: &Map) -> Markup {
    let before = map.before.as_deref();
    let all = map.points.iter().chain(before.into_iter().flatten());
    let frame = Frame::around(all.map(|point| (point.x, point.y)));
    html! {
        p {
            (count(map.sampled)) " of " (count(map.of)) " chunks, on the two axes along which the vectors differ the most. "
            "They hold " (percent(map.explained)) " of all variance: what lies apart here is unlike, what lies together may still differ."
        }
        div class="maps" {
            (legend(map))
            div class="figures" {
                (drawn("This version", map, &map.points, &frame))
                @if let Some(before) = before { (drawn("Before", map, before, &frame)) }
            }
        }
    }
}

fn drawn(title: &str, map: &Map, points: &[Point], frame: &Frame) -> Markup {
    let spots = points.iter().map(|point| Spot {
        x: point.x,
        y: point.y,
        category: usize::from(point.category),
    });
    let name = format!("Map of the corpus, {}", title.to_lowercase());
    html! { figure { h3 { (title) } (plot::scatter(&name, &map.categories, spots, frame)) } }
}

/// How many points are of a kind. Kinds without a name or a look of their own are counted as one.
fn of_kind(points: &[Point], named: usize, kind: usize) -> u64 {
    let is = |point: &&Point| {
        let category = usize::from(point.category);
        if kind < named {
            category == kind
        } else {
            category >= named
        }
    };
    points.iter().filter(is).count() as u64
}

fn legend(map: &Map) -> Markup {
    let named = map.categories.len().min(CATEGORIES);
    let kind = |kind: usize, name: Markup| {
        let now = share(of_kind(&map.points, named, kind), map.points.len() as u64);
        let before = map
            .before
            .as_deref()
            .map(|before| share(of_kind(before, named, kind), before.len() as u64));
        let id = if kind < named {
            format!("map-{kind}")
        } else {
            "map-other".to_owned()
        };
        let look = if kind < named { kind } else { CATEGORIES };
        html! {
            label {
                input type="radio" name="map" id=(id);
                (plot::swatch(look)) " " (name) " "
                span class="dim" { (now) @if let Some(before) = before { ", was " (before) } }
            }
        }
    };
    let others = |points: &[Point]| of_kind(points, named, named) > 0;
    html! {
        fieldset class="legend" {
            legend { "Kinds" }
            label { input type="radio" name="map" id="map-all" checked; " All" }
            @for (i, name) in map.categories.iter().take(named).enumerate() { (kind(i, said(name))) }
            @if others(&map.points) || map.before.as_deref().is_some_and(others) { (kind(named, html! { "other" })) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_beyond_the_named_ones_are_other() {
        let points: Vec<Point> = (0..20)
            .map(|category| Point {
                category,
                x: f32::from(category),
                y: f32::NAN,
            })
            .collect();
        let map = Map {
            categories: (0..15).map(|i| format!("kind {i}")).collect(),
            points,
            ..Map::default()
        };
        let html = section(&map).into_string();
        assert!(html.contains("kind 11") && !html.contains("kind 12"));
        assert!(html.contains("map-other") && html.contains("40.0%"));
        assert!(!html.contains("NaN"));
    }

    #[test]
    fn an_empty_map_is_drawn_empty() {
        let html = section(&Map::default()).into_string();
        assert!(html.contains("role=\"img\"") && !html.contains("map-other"));
    }
}
