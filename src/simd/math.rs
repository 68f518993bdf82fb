//! What happens between the matrix products, written so that the compiler vectorises it for whatever level inlines it.
//! Sums run over 16 lanes, in one order whatever the batch.

const LANES: usize = 16;
/// Adding this leaves the nearest whole number in the low bits of the sum.
const SHIFT: f32 = 12_582_912.0;

/// Sums `f` over a row.
#[inline(always)]
fn sum(row: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let chunks = row.chunks_exact(LANES);
    let mut total: f32 = chunks.remainder().iter().map(|value| f(*value)).sum();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += f(*value);
        }
    }
    total += lanes.iter().sum::<f32>();
    total
}

/// `e^x` for `x` up to 0, to 2 units in the last place: Cephes' range reduction and polynomial for single precision.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let shifted = x.max(-87.0).mul_add(std::f32::consts::LOG2_E, SHIFT);
    let whole = shifted - SHIFT;
    let rest = whole.mul_add(2.121_944_4e-4, whole.mul_add(-0.693_359_4, x.max(-87.0)));
    let p = 1.987_569_1e-4f32
        .mul_add(rest, 1.398_199_9e-3)
        .mul_add(rest, 8.333_452e-3)
        .mul_add(rest, 4.166_579_6e-2)
        .mul_add(rest, 1.666_666_5e-1)
        .mul_add(rest, 5e-1)
        .mul_add(rest * rest, rest + 1.0);
    p * f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000))
}

/// The error function to 6e-7: the rational approximation that Eigen and XLA use, odd in `x` and clamped where it is 1.
#[inline(always)]
fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let x2 = x * x;
    let p = (-2.726_142e-10_f32)
        .mul_add(x2, 2.770_681_4e-8)
        .mul_add(x2, -2.101_024e-6)
        .mul_add(x2, -5.692_506_4e-5)
        .mul_add(x2, -7.349_906e-4)
        .mul_add(x2, -2.954_6e-3)
        .mul_add(x2, -1.609_603_3e-2);
    let q = (-1.456_607_2e-5f32)
        .mul_add(x2, -2.133_740_6e-4)
        .mul_add(x2, -1.682_827e-3)
        .mul_add(x2, -7.373_329_3e-3)
        .mul_add(x2, -1.426_473_9e-2);
    x * p / q
}

/// Replaces each value by its GELU, the exact form with the error function.
#[inline(always)]
pub(super) fn gelu(values: &mut [f32]) {
    for value in values {
        *value *= erf(*value * std::f32::consts::FRAC_1_SQRT_2).mul_add(0.5, 0.5);
    }
}

/// Replaces a row by its softmax.
#[inline(always)]
pub(super) fn softmax(row: &mut [f32]) {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let chunks = row.chunks_exact(LANES);
    let rest = chunks
        .remainder()
        .iter()
        .copied()
        .fold(f32::NEG_INFINITY, f32::max);
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = lane.max(*value);
        }
    }
    let most = lanes.into_iter().fold(rest, f32::max);
    for value in row.iter_mut() {
        *value = exp(*value - most);
    }
    let scale = 1.0 / sum(row, |value| value);
    for value in row {
        *value *= scale;
    }
}

/// Adds `residual` to a row, then gives it mean 0 and variance 1 (in two passes), a weight and a bias.
#[inline(always)]
pub(super) fn add_norm(
    row: &mut [f32],
    residual: &[f32],
    weight: &[f32],
    bias: &[f32],
    epsilon: f32,
) {
    for (value, residual) in row.iter_mut().zip(residual) {
        *value += residual;
    }
    let count = row.len() as f32;
    let mean = sum(row, |value| value) / count;
    let variance = sum(row, |value| (value - mean) * (value - mean)) / count;
    let scale = 1.0 / (variance + epsilon).sqrt();
    for ((value, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
        *value = ((*value - mean) * scale).mul_add(*weight, *bias);
    }
}

/// Turns a row into integers by the step that `step` gives for its length and largest magnitude, and returns the step.
/// Numbers of `out` beyond the row are left as they are.
#[inline(always)]
pub(super) fn quantize(row: &[f32], out: &mut [i16], step: impl Fn(f32, f32) -> f32) -> f32 {
    let length = sum(row, |value| value * value).sqrt();
    let mut lanes = [0.0f32; LANES];
    for chunk in row.chunks(LANES) {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = lane.max(value.abs());
        }
    }
    let step = step(length, lanes.into_iter().fold(0.0, f32::max));
    let inverse = 1.0 / step;
    for (out, value) in out.iter_mut().zip(row) {
        // The low bits of the shifted sum are the nearest whole number, which fits 16 bits by the choice of the step.
        *out = value.mul_add(inverse, SHIFT).to_bits() as i16;
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error function by its series, in double precision.
    fn erf_series(x: f64) -> f64 {
        let mut term = x;
        let mut sum = x;
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    }

    #[test]
    fn exp_and_erf_are_right_to_single_precision() {
        for step in -4_000..=4_000 {
            let x = step as f32 / 1_000.0;
            assert!(
                (f64::from(erf(x)) - erf_series(f64::from(x))).abs() < 6e-7,
                "erf({x})"
            );
            let x = -x.abs() * 20.0;
            let (found, expected) = (f64::from(exp(x)), f64::from(x).exp());
            assert!(
                (found / expected - 1.0).abs() < 4e-7,
                "exp({x}): {found} {expected}"
            );
        }
        assert_eq!((exp(0.0), erf(9.0), erf(-9.0)), (1.0, erf(4.0), erf(-4.0)));
        assert!(exp(-1e30) < 1e-37);
    }
}
