//! The plane in which vectors spread the most: their first two principal components.
//!
//! The covariance is never formed. A block of directions is multiplied by it, one pass over the rows each time, and made
//! orthogonal again: subspace iteration, as in Halko, Martinsson and Tropp, "Finding structure with randomness" (2011),
//! algorithm 4.4, with more directions than are wanted so that it converges fast. The block is made orthogonal by
//! rotating pairs of its columns (Hestenes 1958), which gives the singular values too. Everything is summed in f64 in one
//! order from one start, so the same vectors give the same plane.

/// How many directions are followed. Two are wanted; the error falls with the ratio of the ninth variance to the second.
const BLOCK: usize = 8;

/// One number for each direction.
type Lanes = [f64; BLOCK];

const MOST_PASSES: usize = 24;
const MOST_SWEEPS: usize = 12;

/// It is enough when another pass adds less than this share to the variance that was found.
const ENOUGH: f64 = 1e-7;

/// Two orthogonal directions through the mean of some vectors.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plane {
    mean: Vec<f64>,
    axes: [Vec<f64>; 2],
    explained: f64,
}

impl Plane {
    /// Finds the plane of some vectors, rows of `dimension` numbers each. Rows that are not finite do not count. Fewer
    /// than two, or all the same, have no plane: every place is then zero.
    pub fn fit(vectors: &[f32], dimension: usize) -> Self {
        let rows: Vec<&[f32]> = vectors
            .chunks_exact(dimension.max(1))
            .filter(|row| row.iter().all(|value| value.is_finite()))
            .collect();
        let mean = mean(&rows, dimension);
        let total: f64 = rows
            .iter()
            .flat_map(|row| centred(row, &mean))
            .map(|value| value * value)
            .sum();
        if total.is_nan() || total <= 0.0 {
            return Self {
                mean,
                ..Self::default()
            };
        }
        let mut block = start(dimension);
        let mut found = 0.0;
        for _ in 0..MOST_PASSES {
            block = spread(&rows, &mean, &block);
            let before = found;
            found = orthogonalize(&mut block).iter().take(2).sum();
            if found - before <= ENOUGH * found {
                break;
            }
        }
        let mut axes = block.into_iter().map(facing);
        Self {
            mean,
            axes: [
                axes.next().unwrap_or_default(),
                axes.next().unwrap_or_default(),
            ],
            explained: (found / total).clamp(0.0, 1.0),
        }
    }

    /// Where a vector lies on the plane.
    pub fn place(&self, vector: &[f32]) -> (f32, f32) {
        let [first, second] = &self.axes;
        let along = |axis: &[f64]| {
            let sum: f64 = centred(vector, &self.mean)
                .zip(axis)
                .map(|(value, part)| value * part)
                .sum();
            if sum.is_finite() { sum as f32 } else { 0.0 }
        };
        (along(first), along(second))
    }

    /// The share of the variance that lies in the plane.
    pub fn explained(&self) -> f64 {
        self.explained
    }
}

fn mean(rows: &[&[f32]], dimension: usize) -> Vec<f64> {
    let mut mean = vec![0.0; dimension];
    for row in rows {
        for (sum, value) in mean.iter_mut().zip(*row) {
            *sum += f64::from(*value);
        }
    }
    let count = rows.len().max(1) as f64;
    mean.iter_mut().for_each(|sum| *sum /= count);
    mean
}

fn centred<'a>(row: &'a [f32], mean: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    row.iter()
        .zip(mean)
        .map(|(value, mean)| f64::from(*value) - mean)
}

/// Directions to start from: any will do that are not orthogonal to what is sought. Their lengths are one, or the first
/// pass would seem to find more than there is.
fn start(dimension: usize) -> Vec<Vec<f64>> {
    let mut random = fastrand::Rng::with_seed(0x7261_6763_746c);
    let mut direction = || (0..dimension).map(|_| random.f64() - 0.5).collect();
    let mut block: Vec<Vec<f64>> = (0..BLOCK).map(|_| direction()).collect();
    orthogonalize(&mut block);
    block
}

/// Multiplies directions by the covariance (times the number of rows): each row is read once for all of them.
fn spread(rows: &[&[f32]], mean: &[f64], block: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut from = vec![Lanes::default(); mean.len()];
    for (lane, column) in block.iter().enumerate() {
        for (lanes, value) in from.iter_mut().zip(column) {
            if let Some(slot) = lanes.get_mut(lane) {
                *slot = *value;
            }
        }
    }
    let mut to = vec![Lanes::default(); mean.len()];
    let mut row_centred = vec![0.0; mean.len()];
    for row in rows {
        for (slot, value) in row_centred.iter_mut().zip(centred(row, mean)) {
            *slot = value;
        }
        let mut along = Lanes::default();
        for (value, direction) in row_centred.iter().zip(&from) {
            for (sum, part) in along.iter_mut().zip(direction) {
                *sum += value * part;
            }
        }
        for (value, sums) in row_centred.iter().zip(&mut to) {
            for (sum, part) in sums.iter_mut().zip(&along) {
                *sum += value * part;
            }
        }
    }
    (0..BLOCK)
        .map(|lane| {
            to.iter()
                .filter_map(|lanes| lanes.get(lane).copied())
                .collect()
        })
        .collect()
}

/// Makes columns orthogonal and of length one, the longest first, and gives their lengths.
fn orthogonalize(block: &mut [Vec<f64>]) -> Vec<f64> {
    for _ in 0..MOST_SWEEPS {
        let mut rotated = false;
        for right in 1..block.len() {
            for left in 0..right {
                if let Ok([a, b]) = block.get_disjoint_mut([left, right]) {
                    rotated |= rotate(a, b);
                }
            }
        }
        if !rotated {
            break;
        }
    }
    block.sort_by(|a, b| dot(b, b).total_cmp(&dot(a, a)));
    let normalize = |column: &mut Vec<f64>| {
        let length = dot(column, column).sqrt();
        if length > 0.0 {
            column.iter_mut().for_each(|value| *value /= length);
        }
        length
    };
    block.iter_mut().map(normalize).collect()
}

/// Turns two columns in their plane until they are orthogonal. Says whether they were not.
fn rotate(a: &mut [f64], b: &mut [f64]) -> bool {
    let (aa, bb, ab) = (dot(a, a), dot(b, b), dot(a, b));
    if ab == 0.0 || ab.abs() <= 1e-12 * (aa * bb).sqrt() {
        return false;
    }
    let zeta = (bb - aa) / (2.0 * ab);
    let tangent = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
    let cosine = tangent.hypot(1.0).recip();
    let sine = cosine * tangent;
    for (a, b) in a.iter_mut().zip(b) {
        (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
    }
    true
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A direction and its opposite are the same axis: the one whose largest part is above zero is taken.
fn facing(mut axis: Vec<f64>) -> Vec<f64> {
    let largest = axis.iter().copied().fold(0.0_f64, |largest, part| {
        if part.abs() > largest.abs() {
            part
        } else {
            largest
        }
    });
    if largest < 0.0 {
        axis.iter_mut().for_each(|part| *part = -*part);
    }
    axis
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows that spread 3 and 2 wide along two skew directions, and a little along all.
    fn flat(rows: usize, dimension: usize) -> (Vec<f32>, [Vec<f64>; 2]) {
        let mut random = fastrand::Rng::with_seed(7);
        let mut directions: Vec<Vec<f64>> = (0..2)
            .map(|_| (0..dimension).map(|_| random.f64() - 0.5).collect())
            .collect();
        orthogonalize(&mut directions);
        let vectors = (0..rows)
            .flat_map(|_| {
                let (a, b) = (6.0 * (random.f64() - 0.5), 4.0 * (random.f64() - 0.5));
                (0..dimension)
                    .map(|i| {
                        let noise = 0.02 * (random.f64() - 0.5);
                        (5.0 + a * directions[0][i] + b * directions[1][i] + noise) as f32
                    })
                    .collect::<Vec<_>>()
            })
            .collect();
        (vectors, [directions.remove(0), directions.remove(0)])
    }

    #[test]
    fn the_plane_of_flat_data_is_found() {
        let (vectors, [first, second]) = flat(600, 48);
        let plane = Plane::fit(&vectors, 48);
        assert!(plane.explained() > 0.99, "{}", plane.explained());
        let [x, y] = &plane.axes;
        assert!((dot(x, x) - 1.0).abs() < 1e-9 && dot(x, y).abs() < 1e-9);
        assert!(
            (dot(x, &first).abs() - 1.0).abs() < 1e-2,
            "{}",
            dot(x, &first)
        );
        assert!((dot(y, &second).abs() - 1.0).abs() < 1e-2);
        let places: Vec<_> = vectors.chunks(48).map(|row| plane.place(row)).collect();
        assert!(
            places
                .iter()
                .map(|place| f64::from(place.0))
                .sum::<f64>()
                .abs()
                < 1e-2
        );
        let wide = places.iter().map(|place| place.0).fold(0.0, f32::max);
        assert!((2.8..3.2).contains(&wide), "{wide}");
    }

    #[test]
    fn a_spectrum_that_falls_slowly_is_still_found() {
        let spread = |i: usize| 0.97_f64.powi(i as i32);
        let mut vectors = vec![0.0; 2 * 60 * 60];
        for (i, pair) in vectors.chunks_mut(2 * 60).enumerate() {
            pair[i] = spread(i) as f32;
            pair[60 + i] = -spread(i) as f32;
        }
        let total: f64 = (0..60).map(|i| spread(i).powi(2)).sum();
        let best = (1.0 + spread(1).powi(2)) / total;
        let found = Plane::fit(&vectors, 60).explained();
        assert!(
            (0.999 * best..=best + 1e-9).contains(&found),
            "{found} of {best}"
        );
    }

    #[test]
    fn the_same_vectors_give_the_same_plane_and_mirrored_ones_the_same_axes() {
        let (vectors, _) = flat(100, 16);
        let mirrored: Vec<f32> = vectors.iter().map(|value| -value).collect();
        let (plane, other) = (Plane::fit(&vectors, 16), Plane::fit(&mirrored, 16));
        assert_eq!(plane, Plane::fit(&vectors, 16));
        for (a, b) in plane.axes.iter().zip(&other.axes) {
            assert!((dot(a, b) - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn what_has_no_plane_lies_at_zero() {
        let same = [1.0, 2.0, 3.0].repeat(5);
        let broken = [f32::NAN, 1.0, 2.0, f32::INFINITY, 1.0, 1.0];
        for (vectors, dimension) in [
            (&[][..], 3),
            (&[][..], 0),
            (&[1.0, 2.0, 3.0][..], 3),
            (&same, 3),
            (&broken, 3),
            (&[1.0, 2.0][..], 0),
            (&[f32::MAX; 6][..], 3),
        ] {
            let plane = Plane::fit(vectors, dimension);
            assert_eq!(plane.place(&[9.0, 9.0, 9.0]), (0.0, 0.0));
            assert_eq!(plane.explained(), 0.0);
        }
    }

    #[test]
    fn few_rows_and_few_dimensions_have_what_axes_there_are() {
        let line = Plane::fit(&[0.0, 2.0, 4.0], 1);
        assert_eq!(line.place(&[4.0]), (2.0, 0.0));
        assert!((line.explained() - 1.0).abs() < 1e-9);
        let two = Plane::fit(&[0.0, 0.0, 0.0, 3.0, 4.0, 0.0], 3);
        assert!((two.place(&[3.0, 4.0, 0.0]).0 - 2.5).abs() < 1e-5);
        assert!(two.place(&[3.0, 4.0, 0.0]).1.abs() < 1e-5);
        assert_eq!(two.place(&[f32::NAN, 0.0, 0.0]), (0.0, 0.0));
    }
}
