//! Retrieval and similarity scores of the whole chain, against those published for the model.
//!
//! ```text
//! cargo bench --bench quality -- DATA_DIR
//! ```
//!
//! `DATA_DIR` holds `retrieval/{xquad-en,cranfield}` in BEIR's layout and `sts/stsb-en-dev.csv`. The retrieval scores are
//! computed from the output of `ragctl query --input`, the similarity score from the library. Exits with 1 when a score is
//! out of tolerance.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark may panic and prints"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use ragctl::embed::{Device, DeviceRequest, Embedder, probes::cosine};
use ragctl::model::Model;
use serde_json::Value;

/// A score, what it should be, and by how much it may differ.
struct Score {
    name: &'static str,
    found: f64,
    expected: f64,
    tolerance: f64,
}

fn main() -> ExitCode {
    let data = std::env::args()
        .skip(1)
        .find(|arg| !arg.starts_with('-'))
        .map(PathBuf::from);
    let Some(data) = data else {
        println!("usage: cargo bench --bench quality -- DATA_DIR");
        return ExitCode::from(2);
    };
    let data = std::fs::canonicalize(data).unwrap();
    // Binary judgements, title + " " + text, exact search; STS-B's score is the published one.
    let scores = [
        Score {
            name: "xquad-en nDCG@10",
            found: ndcg(&data.join("retrieval/xquad-en")),
            expected: 0.9437,
            tolerance: 0.001,
        },
        Score {
            name: "cranfield nDCG@10",
            found: ndcg(&data.join("retrieval/cranfield")),
            expected: 0.3998,
            tolerance: 0.001,
        },
        Score {
            name: "STS-B dev Spearman",
            found: stsb(&data.join("sts/stsb-en-dev.csv")),
            expected: 0.86716,
            tolerance: 0.0005,
        },
    ];
    let mut failed = false;
    for Score {
        name,
        found,
        expected,
        tolerance,
    } in scores
    {
        let within = (found - expected).abs() <= tolerance;
        failed |= !within;
        println!(
            "{name:<20} {found:.5}  expected {expected:.5} ± {tolerance}  {}",
            if within { "ok" } else { "OUT OF TOLERANCE" }
        );
    }
    ExitCode::from(u8::from(failed))
}

fn ragctl(dir: &Path, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ragctl"))
        .current_dir(dir)
        .args(args)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Mean nDCG@10 over the judged queries of a data set in BEIR's layout; any judgement above 0 is relevant.
fn ndcg(data: &Path) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| data.join(name).to_str().unwrap().to_owned();
    ragctl(dir.path(), &["init"]);
    ragctl(
        dir.path(),
        &[
            "ingest",
            &path("corpus.jsonl"),
            "--strategy",
            "document",
            "--max-failed",
            "100%",
        ],
    );
    let begun = Instant::now();
    let embedded: Value = serde_json::from_str(&ragctl(dir.path(), &["embed", "--json"])).unwrap();
    println!(
        "{}: {} chunks embedded in {:.1} s",
        data.display(),
        embedded["embedded"],
        begun.elapsed().as_secs_f64()
    );
    let version = ragctl(dir.path(), &["build", "-o", "name"]);
    ragctl(dir.path(), &["publish", version.trim()]);
    let answers = ragctl(
        dir.path(),
        &[
            "query",
            "--input",
            &path("queries.jsonl"),
            "--json",
            "--exact",
            "-k",
            "10",
        ],
    );

    let mut relevant: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in std::fs::read_to_string(data.join("qrels/test.tsv"))
        .unwrap()
        .lines()
        .skip(1)
    {
        let mut fields = line.split('\t');
        let (query, document, grade) = (
            fields.next().unwrap(),
            fields.next().unwrap(),
            fields.next().unwrap(),
        );
        if grade.parse::<i64>().unwrap() > 0 {
            relevant
                .entry(query.to_owned())
                .or_default()
                .insert(document.to_owned());
        }
    }
    let gain = |rank: usize| 1.0 / ((rank + 2) as f64).log2();
    let (mut sum, mut count) = (0.0, 0);
    for line in answers.lines() {
        let answer: Value = serde_json::from_str(line).unwrap();
        let Some(relevant) = relevant.get(answer["query_id"].as_str().unwrap()) else {
            continue;
        };
        let hits = answer["hits"].as_array().unwrap().iter().enumerate();
        let dcg: f64 = hits
            .filter(|(_, hit)| relevant.contains(hit["doc_id"].as_str().unwrap()))
            .map(|(rank, _)| gain(rank))
            .sum();
        let ideal: f64 = (0..relevant.len().min(10)).map(gain).sum();
        sum += dcg / ideal;
        count += 1;
    }
    sum / f64::from(count)
}

/// Spearman correlation of the cosine of each pair with the human score.
fn stsb(path: &Path) -> f64 {
    let dir = ragctl(Path::new("."), &["model", "fetch", "-o", "name"]);
    let model = Model::open(Path::new(dir.trim()), "all-MiniLM-L6-v2", None).unwrap();
    let embedder = Embedder::load(model, Device::open(DeviceRequest::Cpu).unwrap()).unwrap();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_path(path)
        .unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
    let column = |at: usize| {
        rows.iter()
            .map(|row| row.get(at).unwrap())
            .collect::<Vec<_>>()
    };
    let (left, right) = (
        embedder.embed(&column(0)).unwrap(),
        embedder.embed(&column(1)).unwrap(),
    );
    let similarity: Vec<f64> = left.iter().zip(&right).map(|(a, b)| cosine(a, b)).collect();
    let human: Vec<f64> = column(2)
        .iter()
        .map(|score| score.parse().unwrap())
        .collect();
    pearson(&ranks(&similarity), &ranks(&human))
}

/// Ranks from 1; equal values share the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<(f64, usize)> = values.iter().copied().zip(0..).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = vec![0.0; values.len()];
    let mut at = 0;
    for group in order.chunk_by(|a, b| a.0 == b.0) {
        let mean = at as f64 + (group.len() + 1) as f64 / 2.0;
        for (_, index) in group {
            if let Some(rank) = ranks.get_mut(*index) {
                *rank = mean;
            }
        }
        at += group.len();
    }
    ranks
}

fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let covariance: f64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| (a - mean_a) * (b - mean_b))
        .sum();
    let spread = |values: &[f64], mean: f64| {
        values
            .iter()
            .map(|value| (value - mean).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    covariance / (spread(a, mean_a) * spread(b, mean_b))
}
