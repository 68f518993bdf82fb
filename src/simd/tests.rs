//! Every kernel against a scalar reference, on odd shapes and adversarial values.

use super::*;

fn levels() -> impl Iterator<Item = Level> {
    let best = Level::detect();
    [Level::Avx2, Level::Avx512, Level::Avx512Vnni]
        .into_iter()
        .filter(move |level| Some(*level) <= best)
}

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
    for level in levels() {
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
            let mut panels = Panels::default();
            panels.pack(k, n, |row, column| right[row * n + column]);
            let mut same = Panels::default();
            same.pack_rows(
                Rows {
                    data: &right,
                    count: k,
                    stride: n,
                },
                n,
            );
            assert_eq!(same.data, panels.data);
            let turned: Vec<f32> = (0..n * k).map(|at| right[at % k * n + at / k]).collect();
            same.pack_transposed(
                Rows {
                    data: &turned,
                    count: n,
                    stride: k,
                },
                k,
            );
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
    for level in levels().filter(|level| *level == Level::Avx512Vnni) {
        for (rows, k, n) in [(1, 1, 1), (9, 384, 64), (17, 33, 40), (8, 1536, 32)] {
            // Rows and columns that are parallel and full reach the bound of Cauchy and Schwarz.
            for (left, right) in [
                (numbers(rows * k, 1), numbers(k * n, 2)),
                (vec![1.0; rows * k], vec![-1.0; k * n]),
                (vec![3e4; rows * k], vec![1e-6; k * n]),
                (vec![0.0; rows * k], numbers(k * n, 2)),
            ] {
                let panels = IntegerPanels::pack(k, n, |row, column| right[row * n + column]);
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
    for level in levels() {
        for length in [1, 2, 15, 16, 17, 33, 384] {
            let (row, other) = (numbers(length, 5), numbers(length, 6));
            let mut found = row.clone();
            softmax(level, &mut found);
            let total: f64 = row.iter().map(|value| f64::from(*value).exp()).sum();
            for (found, value) in found.iter().zip(&row) {
                assert!((f64::from(*found) - f64::from(*value).exp() / total).abs() < 1e-6);
            }
            let mut found = row.clone();
            add_norm(
                level,
                &mut found,
                &other,
                &vec![2.0; length],
                &vec![0.5; length],
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
