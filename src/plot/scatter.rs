//! Thousands of points by kind: a map.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use maud::{Markup, html};

use super::{Chart, place, visible};

/// How many kinds have a look of their own. Seven are dots of seven colours, five are short bars of the first five; the
/// rest is grey.
pub const CATEGORIES: usize = 12;

/// One point of a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    /// Where it lies from left to right.
    pub x: f32,
    /// Where it lies from bottom to top.
    pub y: f32,
    /// Its kind; one without a name is drawn as other.
    pub category: usize,
}

/// What two maps must share to be compared: which point of the plane lies where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    left: f64,
    top: f64,
    scale: f64,
    width: f64,
    height: f64,
}

/// A map is this wide, so that whole numbers are fine enough.
const WIDE: f64 = 1000.0;
const EDGE: f64 = 24.0;

impl Frame {
    /// The smallest frame around some points. Both axes have the same unit.
    pub fn around(points: impl IntoIterator<Item = (f32, f32)>) -> Self {
        let (mut low, mut high) = (
            (f64::INFINITY, f64::INFINITY),
            (f64::NEG_INFINITY, f64::NEG_INFINITY),
        );
        for (x, y) in points
            .into_iter()
            .filter(|(x, y)| x.is_finite() && y.is_finite())
        {
            let (x, y) = (f64::from(x), f64::from(y));
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x), high.1.max(y));
        }
        if low.0 > high.0 {
            (low, high) = ((0.0, 0.0), (0.0, 0.0));
        }
        let (wide, tall) = (high.0 - low.0, high.1 - low.1);
        let room = WIDE - 2.0 * EDGE;
        // A plane taller than wide is drawn into a square, a flat one into no less than half of it.
        let largest = wide.max(tall);
        let scale = if largest > 0.0 { room / largest } else { 1.0 };
        let height = (tall * scale).clamp(room / 2.0, room);
        Self {
            left: f64::midpoint(low.0, high.0) - WIDE / 2.0 / scale,
            top: f64::midpoint(low.1, high.1) + (height / 2.0 + EDGE) / scale,
            scale,
            width: WIDE,
            height: height + 2.0 * EDGE,
        }
    }

    /// The place of a point in whole units.
    fn place(&self, spot: Spot) -> Option<(i32, i32)> {
        let x = (f64::from(spot.x) - self.left) * self.scale;
        let y = (self.top - f64::from(spot.y)) * self.scale;
        let inside = (0.0..=self.width).contains(&x) && (0.0..=self.height).contains(&y);
        inside.then_some((x.round() as i32, y.round() as i32))
    }
}

/// Draws points in a frame. Names are those of the kinds in their order, of which each is one path: it is what keeps
/// thousands of points small. The first kinds are drawn first, so the largest should be.
pub fn scatter(
    name: &str,
    categories: &[String],
    spots: impl IntoIterator<Item = Spot>,
    frame: &Frame,
) -> Chart {
    let known = categories.len().min(CATEGORIES);
    let mut drawn = vec![BTreeSet::new(); known];
    let mut other = BTreeSet::new();
    for spot in spots {
        // Points on one another are one: who looks cannot tell.
        if let Some(at) = frame.place(spot) {
            drawn
                .get_mut(spot.category)
                .unwrap_or(&mut other)
                .insert(at);
        }
    }
    let count = other.len() + drawn.iter().map(BTreeSet::len).sum::<usize>();
    let size = (620.0 / (count.max(1) as f64).sqrt()).clamp(6.5, 16.0);
    let body = html! {
        g class="map" stroke-width=(place(size)) {
            path class="k other" d=(path(&other, CATEGORIES)) { title { "other" } }
            @for (category, (points, name)) in drawn.iter().zip(categories).enumerate() {
                path class={ "k k" (category) } d=(path(points, category)) { title { (visible(name, 100)) } }
            }
        }
    };
    Chart {
        name: name.to_owned(),
        width: frame.width,
        height: frame.height,
        body,
    }
}

/// Draws the sign of one kind for a legend.
pub fn swatch(category: usize) -> Markup {
    let class = if category < CATEGORIES {
        format!("k k{category}")
    } else {
        "k other".to_owned()
    };
    html! {
        svg class="plot swatch" viewBox="0 0 24 24" aria-hidden="true" {
            g class="map" stroke-width="11" { path class=(class) d=(path(&BTreeSet::from([(12, 12)]), category)) {} }
        }
    }
}

/// A line of no length has round ends, so it is a dot. Steps from point to point are shorter to write than places.
fn path(points: &BTreeSet<(i32, i32)>, category: usize) -> String {
    let long = if (7..CATEGORIES).contains(&category) {
        16
    } else {
        0
    };
    let mut path = String::with_capacity(9 * points.len());
    let mut at = (0, 0);
    for (x, y) in points {
        let left = x - long / 2;
        // Writing to a string does not fail.
        write!(path, "m{} {}h{long}", left - at.0, y - at.1).ok();
        at = (left + long, *y);
    }
    path
}

#[cfg(test)]
mod tests {
    use maud::Render as _;

    use super::*;

    fn many(count: u32) -> Vec<Spot> {
        let spread = |i: u32, by: f32| (i as f32 * by).sin() * 3.0 + (i as f32 * 0.01).cos();
        (0..count)
            .map(|i| Spot {
                x: spread(i, 0.7),
                y: spread(i, 1.3),
                category: i as usize % 14,
            })
            .collect()
    }

    fn draw(spots: &[Spot]) -> String {
        let categories: Vec<String> = (0..12).map(|i| format!("kind {i}")).collect();
        let frame = Frame::around(spots.iter().map(|spot| (spot.x, spot.y)));
        scatter("map", &categories, spots.iter().copied(), &frame)
            .render()
            .into_string()
    }

    #[test]
    fn eight_thousand_points_are_small() {
        let svg = draw(&many(8_000));
        assert!(svg.len() < 120_000, "{}", svg.len());
        assert_eq!(svg.matches("<path").count(), 13);
        assert!(svg.contains("k11") && svg.contains("kind 11"));
    }

    #[test]
    fn every_point_lies_inside_its_frame() {
        let spots = many(500);
        let frame = Frame::around(spots.iter().map(|spot| (spot.x, spot.y)));
        for spot in &spots {
            let (x, y) = frame.place(*spot).unwrap();
            assert!((20..=980).contains(&x) && y >= 20 && f64::from(y) <= frame.height - 20.0);
        }
    }

    #[test]
    fn points_without_a_place_draw_nothing() {
        let spot = |x, y| Spot { x, y, category: 0 };
        let odd = [
            spot(f32::NAN, 0.0),
            spot(f32::INFINITY, 0.0),
            spot(0.0, f32::NEG_INFINITY),
        ];
        assert!(!draw(&odd).contains("h0"));
        assert!(!draw(&[]).contains("NaN"));
        assert_eq!(draw(&[spot(2.0, 2.0); 3]).matches("h0").count(), 1);
        assert!(!draw(&[spot(f32::MAX, f32::MIN), spot(f32::MIN, f32::MAX)]).contains("inf"));
    }
}
