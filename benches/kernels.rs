//! How fast each kernel is, on the shapes of all-MiniLM-L6-v2 and for every level that the processor has. `thrpt` counts
//! operations, a multiply-add as two, or numbers where a kernel is not of multiply-adds; `simd::peak` is what to hold it
//! against. `cargo bench --bench kernels`.

#![cfg_attr(
    target_arch = "x86_64",
    expect(clippy::print_stdout, reason = "a benchmark prints")
)]

#[cfg(target_arch = "x86_64")]
use criterion::{Criterion, Throughput};
#[cfg(target_arch = "x86_64")]
use ragctl::simd::{self, IntegerPanels, IntegerRows, Level, Panels, Rows};

/// Rows of a product.
#[cfg(target_arch = "x86_64")]
const ROWS: usize = 448;
/// Columns and rows of the weights: queries, keys and values; attention's output; the feed-forward network's two.
#[cfg(target_arch = "x86_64")]
const SHAPES: [(usize, usize); 4] = [(1152, 384), (384, 384), (1536, 384), (384, 1536)];

#[cfg(target_arch = "x86_64")]
fn numbers(count: usize) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(7);
    (0..count).map(|_| random.f32() * 2.0 - 1.0).collect()
}

#[cfg(target_arch = "x86_64")]
fn products(criterion: &mut Criterion) {
    for level in Level::available() {
        for integer in [false, true] {
            let kernel = if integer {
                "integer_product"
            } else {
                "product"
            };
            let peak = simd::peak(level, integer) / 1e9;
            println!("{kernel}/{level}: the peak is {peak:.1} G operations a second");
            let mut group = criterion.benchmark_group(format!("{kernel}/{level}"));
            for (n, k) in SHAPES {
                let (left, right, bias) = (numbers(ROWS * k), numbers(n * k), numbers(n));
                let mut out = vec![0.0; ROWS * n];
                let left = Rows {
                    data: &left,
                    count: ROWS,
                    stride: k,
                };
                let right = Rows {
                    data: &right,
                    count: n,
                    stride: k,
                };
                group.throughput(Throughput::Elements((2 * ROWS * n * k) as u64));
                let name = format!("{ROWS}x{n}x{k}");
                if integer {
                    let panels = IntegerPanels::pack_transposed(level, right, k);
                    let mut rows = IntegerRows::default();
                    rows.quantize(level, left.data, k);
                    group.bench_function(name, |bencher| {
                        bencher.iter(|| {
                            simd::integer_product(level, &rows, &panels, &bias, &mut out);
                        });
                    });
                } else {
                    let mut panels = Panels::default();
                    panels.pack_transposed(level, right, k);
                    group.bench_function(name, |bencher| {
                        bencher.iter(|| simd::product(level, left, &panels, Some(&bias), &mut out));
                    });
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn rows(criterion: &mut Criterion) {
    for level in Level::available() {
        let mut group = criterion.benchmark_group(format!("rows/{level}"));
        group.throughput(Throughput::Elements((ROWS * 1536) as u64));
        let input = numbers(ROWS * 1536);
        let mut values = input.clone();
        group.bench_function("gelu", |bencher| {
            bencher.iter(|| {
                // What was computed before would shrink from round to round, down to numbers that cost more.
                values.copy_from_slice(&input);
                simd::gelu(level, &mut values);
            });
        });
        let mut integers = IntegerRows::default();
        group.bench_function("quantize", |bencher| {
            bencher.iter(|| integers.quantize(level, &input, 1536));
        });
        // One head's scores of 130 tokens, the mean length of a chunk.
        group.throughput(Throughput::Elements(130 * 130));
        let scores = numbers(130 * 160);
        let mut values = scores.clone();
        group.bench_function("softmax", |bencher| {
            bencher.iter(|| {
                values.copy_from_slice(&scores);
                simd::softmax(level, &mut values, 160, 130);
            });
        });
        group.throughput(Throughput::Elements((ROWS * 384) as u64));
        let (mut values, added) = (numbers(ROWS * 384), numbers(ROWS * 384));
        let (weight, bias) = (vec![1.0; 384], vec![0.0; 384]);
        group.bench_function("add_norm", |bencher| {
            bencher.iter(|| {
                simd::add_norm(level, &mut values, &added, 384, (&weight, &bias), 1e-12);
            });
        });
    }
}

#[cfg(target_arch = "x86_64")]
criterion::criterion_group!(kernels, products, rows);
#[cfg(target_arch = "x86_64")]
criterion::criterion_main!(kernels);

#[cfg(not(target_arch = "x86_64"))]
fn main() {}
