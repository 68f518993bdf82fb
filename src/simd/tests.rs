//! Every kernel against a scalar reference, on odd shapes and adversarial values.

use super::*;

/// Numbers that repeat nowhere soon, between -1 and 1.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn reference(
    left: &[f32],
    stride: usize,
    rows: usize,
    k: usize,
    right: &[f32],
    n: usize,
    bias: &[f32],
) -> Vec<f64> {
    let dot = |row: usize, column: usize| -> f64 {
        (0..k)
            .map(|at| f64::from(left[row * stride + at]) * f64::from(right[at * n + column]))
            .sum()
    };
    (0..rows * n)
        .map(|at| dot(at / n, at % n) + f64::from(bias[at % n]))
        .collect()
}

#[test]
fn products_equal_the_reference_on_odd_shapes() {
    for level in Level::available() {
        for (rows, k, n) in [
            (1, 1, 1),
            (1, 384, 32),
            (7, 33, 40),
            (12, 64, 96),
            (13, 5, 65),
            (29, 100, 31),
            (50, 384, 384),
        ] {
            let stride = k + 3;
            let (left, right) = (numbers(rows * stride, 1), numbers(k * n, 2));
            let (mut panels, mut same) = (Panels::default(), Panels::default());
            let plain = |data, count, stride| Rows {
                data,
                count,
                stride,
            };
            panels.pack_rows(plain(&right, k, n), n);
            let turned: Vec<f32> = (0..n * k).map(|at| right[at % k * n + at / k]).collect();
            same.pack_transposed(level, plain(&turned, n, k), k);
            assert_eq!(same.data, panels.data);
            let bias = numbers(panels.columns(), 3);
            let mut out = vec![f32::NAN; rows * panels.columns()];
            product(
                level,
                Rows {
                    data: &left,
                    count: rows,
                    stride,
                },
                &panels,
                Some(&bias),
                &mut out,
            );
            for (at, expected) in reference(&left, stride, rows, k, &right, n, &bias)
                .into_iter()
                .enumerate()
            {
                let found = f64::from(out[at / n * panels.columns() + at % n]);
                assert!(
                    (found - expected).abs() < 1e-4,
                    "{level:?} {rows}x{k}x{n} at {at}: {found} {expected}"
                );
            }
        }
    }
}

#[test]
fn integer_products_stay_close_and_never_overflow() {
    for level in Level::available() {
        for (rows, k, n) in [(1, 1, 1), (9, 384, 64), (17, 33, 40), (8, 1536, 32)] {
            // Rows and columns that are parallel and full reach the bound of Cauchy and Schwarz.
            for (left, right) in [
                (numbers(rows * k, 1), numbers(k * n, 2)),
                (vec![1.0; rows * k], vec![-1.0; k * n]),
                (vec![3e4; rows * k], vec![1e-6; k * n]),
                (vec![0.0; rows * k], numbers(k * n, 2)),
            ] {
                let turned: Vec<f32> = (0..n * k).map(|at| right[at % k * n + at / k]).collect();
                let sides = Rows {
                    data: &turned,
                    count: n,
                    stride: k,
                };
                let panels = IntegerPanels::pack_transposed(level, sides, k);
                let bias = numbers(panels.columns(), 3);
                let mut integers = IntegerRows::default();
                integers.quantize(level, &left, k);
                let mut out = vec![f32::NAN; rows * panels.columns()];
                integer_product(level, &integers, &panels, &bias, &mut out);
                let length = |values: &[f32]| {
                    values
                        .iter()
                        .map(|value| f64::from(*value).powi(2))
                        .sum::<f64>()
                        .sqrt()
                };
                for (at, expected) in reference(&left, k, rows, k, &right, n, &bias)
                    .into_iter()
                    .enumerate()
                {
                    let found = f64::from(out[at / n * panels.columns() + at % n]);
                    let column: Vec<f32> = (0..k).map(|row| right[row * n + at % n]).collect();
                    let scale = length(&left[at / n * k..][..k]) * length(&column);
                    assert!(
                        (found - expected).abs() <= 1e-3 * scale + 1e-5,
                        "{rows}x{k}x{n} at {at}: {found} {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn row_functions_agree_on_every_level_and_length() {
    for level in Level::available() {
        for length in [1, 2, 15, 16, 17, 33, 384] {
            let (row, other) = (numbers(length, 5), numbers(length, 6));
            let mut found = row.clone();
            found.push(7.0);
            softmax(level, &mut found, length + 1, length);
            assert_eq!(found.pop(), Some(7.0));
            let total: f64 = row.iter().map(|value| f64::from(*value).exp()).sum();
            for (found, value) in found.iter().zip(&row) {
                assert!((f64::from(*found) - f64::from(*value).exp() / total).abs() < 1e-6);
            }
            let mut found = row.clone();
            add_norm(
                level,
                &mut found,
                &other,
                length,
                (&vec![2.0; length], &vec![0.5; length]),
                1e-12,
            );
            let added: Vec<f64> = row
                .iter()
                .zip(&other)
                .map(|(a, b)| f64::from(a + b))
                .collect();
            let mean = added.iter().sum::<f64>() / length as f64;
            let variance = added
                .iter()
                .map(|value| (value - mean).powi(2))
                .sum::<f64>()
                / length as f64;
            for (found, value) in found.iter().zip(&added) {
                let expected = (value - mean) / (variance + 1e-12).sqrt() * 2.0 + 0.5;
                assert!(
                    (f64::from(*found) - expected).abs() < 1e-4,
                    "{level:?} {length}: {found} {expected}"
                );
            }
        }
    }
}

#[test]
fn levels_have_names() {
    for level in Level::ALL {
        assert_eq!(level.to_string().parse::<Level>().unwrap(), level);
    }
    assert!("sse2".parse::<Level>().is_err());
}

#[test]
fn the_peak_is_a_rate() {
    for level in Level::available() {
        for integer in [false, true] {
            let rate = peak(level, integer);
            assert!(rate.is_finite() && rate > 1e8, "{level} {integer}: {rate}");
        }
    }
}

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
fn gelu_and_exponentials_are_right_to_single_precision() {
    for level in Level::available() {
        let inputs: Vec<f32> = (-4_003..=4_000).map(|step| step as f32 / 1_000.0).collect();
        let mut found = inputs.clone();
        gelu(level, &mut found);
        for (found, x) in found.iter().zip(&inputs) {
            let x = f64::from(*x);
            let expected = x * (1.0 + erf_series(x / std::f64::consts::SQRT_2)) / 2.0;
            assert!((f64::from(*found) - expected).abs() < 1e-6, "gelu({x})");
        }
        for x in (0..8_000).map(|step| step as f32 / -100.0) {
            let mut row = [0.0, x];
            softmax(level, &mut row, 2, 2);
            let (found, expected) = (f64::from(row[1] / row[0]), f64::from(x).exp());
            assert!(
                (found / expected - 1.0).abs() < 6e-7,
                "exp({x}): {found} {expected}"
            );
        }
        let mut row = [0.0, -1e30, f32::NEG_INFINITY];
        softmax(level, &mut row, 3, 3);
        assert!(row[0] == 1.0 && row[1] < 1e-37 && row[2] < 1e-37);
    }
}

#[test]
fn what_is_no_number_stays_none() {
    for level in Level::available() {
        for length in [3, 16, 40] {
            let mut row = numbers(length, 4);
            row[length / 2] = f32::NAN;
            let mut found = row.clone();
            softmax(level, &mut found, length, length);
            assert!(found.iter().all(|value| value.is_nan()));
            let mut found = row.clone();
            gelu(level, &mut found);
            assert!(found[length / 2].is_nan());
            let mut integers = IntegerRows::default();
            integers.quantize(level, &row, length);
            assert!(integers.scales[0].is_nan());
        }
    }
}

#[test]
fn extents_that_overflow_are_refused() {
    let mut panels = Panels::default();
    let data = [1.0; PANEL];
    let rows = |count, stride| Rows {
        data: &data,
        count,
        stride,
    };
    panels.pack_rows(rows(1, PANEL), PANEL);
    for level in Level::available() {
        // Three rows half the address space apart wrap around to the first; so do enough rows at one place, in what is written.
        for (count, stride) in [(3, 1 << 63), (1 << 59, 0)] {
            let refused = std::panic::catch_unwind(|| {
                product(
                    level,
                    rows(count, stride),
                    &panels,
                    None,
                    &mut [0.0; 3 * PANEL],
                );
            });
            assert!(refused.is_err(), "{level}: {count} rows {stride} apart");
        }
    }
}
