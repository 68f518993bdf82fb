//! What happens between the matrix products, once for every width of vectors: each module of vectors invokes the macro after
//! its primitives, so that all of it is compiled for that level and inlined. Sums run over the lanes in one order, whatever
//! the batch. A number that is none stays none.

/// Defines the row functions on the vectors and primitives in scope.
macro_rules! row_functions {
    ($features:literal) => {
        /// Adding this leaves the nearest whole number in the low bits of the sum.
        const SHIFT: f32 = 12_582_912.0;

        /// Shows `f` each vector of a slice, the last one filled up with `filler`.
        #[inline]
        #[target_feature(enable = $features)]
        fn look(values: &[f32], filler: f32, mut f: impl FnMut(V)) {
            let whole = values.len() / LANES * LANES;
            let from = values.as_ptr();
            for at in (0..whole).step_by(LANES) {
                // SAFETY: a whole vector from `at` lies within the slice.
                f(unsafe { load(from.add(at)) });
            }
            if whole < values.len() {
                let rest = values.len() - whole;
                // SAFETY: `rest` numbers from `whole` lie within the slice, and no others are read.
                f(unsafe { load_part(from.add(whole), rest, filler) });
            }
        }

        /// Replaces each vector of a slice, the last one filled up with `filler`.
        #[inline]
        #[target_feature(enable = $features)]
        fn each(values: &mut [f32], filler: f32, mut f: impl FnMut(V) -> V) {
            let whole = values.len() / LANES * LANES;
            let to = values.as_mut_ptr();
            for at in (0..whole).step_by(LANES) {
                // SAFETY: a whole vector from `at` lies within the slice.
                unsafe { store(to.add(at), f(load(to.add(at)))) };
            }
            if whole < values.len() {
                let rest = values.len() - whole;
                // SAFETY: `rest` numbers from `whole` lie within the slice, and no others are read or written.
                unsafe {
                    let last = f(load_part(to.add(whole), rest, filler));
                    store_part(to.add(whole), rest, last);
                }
            }
        }

        /// `e^x` for `x` up to 0, to 2 units in the last place: Cephes' range reduction and polynomial for single precision.
        #[inline]
        #[target_feature(enable = $features)]
        fn exp(x: V) -> V {
            let x = max(splat(-87.0), x);
            let shifted = mul_add(x, splat(std::f32::consts::LOG2_E), splat(SHIFT));
            let whole = sub(shifted, splat(SHIFT));
            let rest = mul_add(whole, splat(-0.693_359_4), x);
            let rest = mul_add(whole, splat(2.121_944_4e-4), rest);
            let mut p = splat(1.987_569_1e-4);
            for factor in [
                1.398_199_9e-3,
                8.333_452e-3,
                4.166_579_6e-2,
                1.666_666_5e-1,
                5e-1,
            ] {
                p = mul_add(p, rest, splat(factor));
            }
            let p = mul_add(p, mul(rest, rest), add(rest, splat(1.0)));
            mul(p, power_of_two(shifted))
        }

        /// The error function to 6e-7: the rational approximation that Eigen and XLA use, odd in `x` and clamped where it
        /// is 1.
        #[inline]
        #[target_feature(enable = $features)]
        fn erf(x: V) -> V {
            let x = max(splat(-4.0), min(splat(4.0), x));
            let x2 = mul(x, x);
            let mut p = splat(-2.726_142e-10);
            for factor in [
                2.770_681_4e-8,
                -2.101_024e-6,
                -5.692_506_4e-5,
                -7.349_906e-4,
                -2.954_6e-3,
                -1.609_603_3e-2,
            ] {
                p = mul_add(p, x2, splat(factor));
            }
            let mut q = splat(-1.456_607_2e-5);
            for factor in [
                -2.133_740_6e-4,
                -1.682_827e-3,
                -7.373_329_3e-3,
                -1.426_473_9e-2,
            ] {
                q = mul_add(q, x2, splat(factor));
            }
            div(mul(x, p), q)
        }

        /// Replaces each value by its GELU, the exact form with the error function.
        #[target_feature(enable = $features)]
        pub(super) fn gelu(values: &mut [f32]) {
            each(values, 0.0, |x| {
                let half = mul(x, splat(0.5));
                let error = erf(mul(x, splat(std::f32::consts::FRAC_1_SQRT_2)));
                mul_add(half, error, half)
            });
        }

        /// Replaces the first `length` numbers of each row by their softmax.
        #[target_feature(enable = $features)]
        pub(super) fn softmax(rows: &mut [f32], stride: usize, length: usize) {
            for row in rows.chunks_exact_mut(stride.max(1)) {
                let row = row.get_mut(..length).unwrap_or_default();
                let mut most = splat(f32::NEG_INFINITY);
                look(row, f32::NEG_INFINITY, |value| most = max(value, most));
                let most = splat(largest(most));
                let mut sums = splat(0.0);
                // What is filled up adds e^-87, which is nothing to a sum of 1 or more.
                each(row, f32::NEG_INFINITY, |value| {
                    let value = exp(sub(value, most));
                    sums = add(sums, value);
                    value
                });
                let scale = splat(1.0 / sum(sums));
                each(row, 0.0, |value| mul(value, scale));
            }
        }

        /// Adds to each row, then gives it mean 0 and variance 1 (in two passes), a weight and a bias.
        #[target_feature(enable = $features)]
        pub(super) fn add_norm(
            rows: &mut [f32],
            added: &[f32],
            stride: usize,
            (weight, bias): (&[f32], &[f32]),
            epsilon: f32,
        ) {
            let count = weight.len() as f32;
            for (row, added) in rows
                .chunks_exact_mut(weight.len().max(1))
                .zip(added.chunks(stride.max(1)))
            {
                for (value, added) in row.iter_mut().zip(added) {
                    *value += added;
                }
                let mut sums = splat(0.0);
                look(row, 0.0, |value| sums = add(sums, value));
                let mean = sum(sums) / count;
                let mut sums = splat(0.0);
                look(row, mean, |value| {
                    let off = sub(value, splat(mean));
                    sums = mul_add(off, off, sums);
                });
                let scale = 1.0 / (sum(sums) / count + epsilon).sqrt();
                for ((value, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
                    *value = ((*value - mean) * scale).mul_add(*weight, *bias);
                }
            }
        }

        /// Turns a row into integers no longer than `limit`, and returns the step. Numbers of `out` beyond the row are left
        /// as they are.
        #[target_feature(enable = $features)]
        pub(super) fn quantize(row: &[f32], out: &mut [i16], limit: f32) -> f32 {
            let (mut most, mut squares) = (splat(0.0), splat(0.0));
            look(row, 0.0, |value| {
                most = max(abs(value), most);
                squares = mul_add(value, value, squares);
            });
            let step = super::panels::step(sum(squares).sqrt(), largest(most), limit);
            let inverse = 1.0 / step;
            let whole = row.len() / LANES * LANES;
            assert!(out.len() >= row.len(), "out is too small");
            // The low bits of the shifted sum are the nearest whole number, which fits 16 bits by the choice of the step.
            for at in (0..whole).step_by(LANES) {
                // SAFETY: a whole vector from `at` lies within the row, which is no longer than `out`.
                unsafe {
                    let value = load(row.as_ptr().add(at));
                    let shifted = mul_add(value, splat(inverse), splat(SHIFT));
                    store_low(out.as_mut_ptr().add(at), shifted);
                }
            }
            for (to, from) in out.iter_mut().zip(row).skip(whole) {
                *to = from.mul_add(inverse, SHIFT).to_bits() as i16;
            }
            step
        }
    };
}

pub(super) use row_functions;
