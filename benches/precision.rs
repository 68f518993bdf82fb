//! What `exact16` does to vectors and to what is found by them, on texts of many kinds.
//!
//! ```text
//! cargo bench --bench precision -- DATA_DIR [CHUNKS_OUT]
//! ```
//!
//! `DATA_DIR` holds `docs/` and `retrieval/{xquad-en,cranfield}` in BEIR's layout, whose questions are asked. Code is the
//! program's own; CJK, tables and noise are drawn at random. Exits with 1 when a vector's cosine to its `f32` is below
//! 0.99999. With `CHUNKS_OUT`, the chunks of documentation of 30 to 250 tokens are written there for `ragctl bench embed`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark may panic and prints"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use fastrand::Rng;
use ragctl::chunk::{Chunker, Policy};
use ragctl::corpus::{self, SourceSpec};
use ragctl::embed::{Device, DeviceRequest, Embedder, Precision, probes::cosine};
use ragctl::model::Model;
use ragctl::progress::Silent;
use serde_json::Value;

/// What `exact16` promises (DESIGN's equivalence class of numerics).
const LEAST: f64 = 0.999_99;
const QUESTIONS: usize = 1_000;
const FOUND: usize = 10;
/// Texts of each kind that is drawn at random.
const DRAWN: usize = 2_000;

fn main() -> ExitCode {
    let paths: Vec<PathBuf> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .map(PathBuf::from)
        .collect();
    let [data, out @ ..] = paths.as_slice() else {
        println!("usage: cargo bench --bench precision -- DATA_DIR [CHUNKS_OUT]");
        return ExitCode::from(2);
    };
    let data = std::fs::canonicalize(data).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ragctl"))
        .args(["model", "fetch", "-o", "name"])
        .output()
        .unwrap();
    let model = String::from_utf8(output.stdout).unwrap();
    let open = || Model::open(Path::new(model.trim()), "all-MiniLM-L6-v2", None).unwrap();

    let kinds = kinds(&data, &open(), out.first());
    let texts: Vec<&str> = kinds
        .iter()
        .flat_map(|(_, texts)| texts.iter().map(String::as_str))
        .collect();
    let questions = questions(&data);
    let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
    let vectors = |precision| {
        let device = Device::open(DeviceRequest::Cpu)
            .unwrap()
            .with_precision(precision);
        let embedder = Embedder::load(open(), device).unwrap();
        (
            embedder.embed(&texts).unwrap(),
            embedder.embed(&questions).unwrap(),
        )
    };
    let exact = vectors(Precision::F32);
    let found = vectors(Precision::Exact16);

    let mut cosines = exact.0.iter().zip(&found.0).map(|(a, b)| cosine(a, b));
    let mut lowest: f64 = 1.0;
    for (kind, texts) in &kinds {
        let of_kind: Vec<f64> = cosines.by_ref().take(texts.len()).collect();
        let least = of_kind.iter().copied().fold(1.0, f64::min);
        let mean = of_kind.iter().sum::<f64>() / of_kind.len() as f64;
        println!(
            "{kind:<24} {:>6} chunks  lowest cosine {least:.9}  mean {mean:.9}",
            texts.len()
        );
        lowest = lowest.min(least);
    }
    println!(
        "{:<24} {:>6} chunks  lowest cosine {lowest:.9}",
        "all",
        texts.len()
    );
    compare_answers(&exact, &found);
    ExitCode::from(u8::from(lowest < LEAST))
}

/// Compares what each question finds: by single precision, and by `exact16` for questions and chunks alike.
fn compare_answers(exact: &(Vec<Vec<f32>>, Vec<Vec<f32>>), found: &(Vec<Vec<f32>>, Vec<Vec<f32>>)) {
    let (mut same, mut shared, mut widest): (usize, usize, f64) = (0, 0, 0.0);
    for (asked, asked_16) in exact.1.iter().zip(&found.1) {
        let scores = scores(&exact.0, asked);
        let expected = best(&scores);
        let answered = best(&self::scores(&found.0, asked_16));
        // By how much single precision itself tells the two apart that stand at one place.
        let gap = expected
            .iter()
            .zip(&answered)
            .map(|(a, b)| (scores[*a] - scores[*b]).abs())
            .fold(0.0, f64::max);
        same += usize::from(gap <= 1e-5);
        shared += answered.iter().filter(|at| expected.contains(at)).count();
        widest = widest.max(gap);
    }
    let questions = exact.1.len();
    println!(
        "top {FOUND} of {questions} questions: {same} identical but for ties within 1e-5; {:.4} of all answers are the same; \
         places are changed by scores at most {widest:.1e} apart",
        shared as f64 / (questions * FOUND) as f64
    );
}

fn scores(vectors: &[Vec<f32>], asked: &[f32]) -> Vec<f64> {
    let dot = |vector: &Vec<f32>| -> f64 {
        vector
            .iter()
            .zip(asked)
            .map(|(a, b)| f64::from(a * b))
            .sum()
    };
    vectors.iter().map(dot).collect()
}

fn best(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    let by_score = |a: &usize, b: &usize| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b));
    order.select_nth_unstable_by(FOUND, by_score);
    order.truncate(FOUND);
    order.sort_by(by_score);
    order
}

/// The texts by kind, each once.
fn kinds(data: &Path, model: &Model, out: Option<&PathBuf>) -> Vec<(String, Vec<String>)> {
    let mut kinds = Vec::new();
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    for tokens in [254, 100, 40] {
        for (kind, path, include) in [
            ("docs", data.join("docs"), "**/*.md"),
            ("code", own.join("src"), "**/*.rs"),
            ("prose", data.join("retrieval"), "**/corpus.jsonl"),
        ] {
            let texts = cut(model, &path, include, tokens);
            if let (Some(out), "docs", 254) = (out, kind, tokens) {
                let tokenizer = model.tokenizer().unwrap();
                let fits = |text: &&String| (30..=250).contains(&tokenizer.count(text));
                let texts: Vec<&String> = texts.iter().filter(fits).collect();
                std::fs::write(out, serde_json::to_vec(&texts).unwrap()).unwrap();
            }
            kinds.push((format!("{kind}, at most {tokens}"), texts));
        }
    }
    let mut rng = Rng::with_seed(1);
    let mut draw = |kind: &str, text: &dyn Fn(&mut Rng) -> String| {
        kinds.push((
            kind.to_owned(),
            (0..DRAWN).map(|_| text(&mut rng)).collect(),
        ));
    };
    draw("CJK", &|rng| {
        let ranges = ['一'..='龯', 'ぁ'..='ん', 'ァ'..='ヶ', '가'..='힣'];
        let range = rng.choice(&ranges).unwrap().clone();
        let length = rng.usize(1..300);
        (0..length)
            .map(|at| {
                if at % 17 == 16 {
                    '。'
                } else {
                    rng.char(range.clone())
                }
            })
            .collect()
    });
    draw("tables", &|rng| {
        let columns = rng.usize(2..9);
        let cell = |rng: &mut Rng| format!("{:.*}", rng.usize(0..5), rng.f64() * 1e4);
        (0..rng.usize(1..20))
            .map(|_| {
                let cells: Vec<String> = (0..columns).map(|_| cell(rng)).collect();
                format!("| {} |\n", cells.join(" | "))
            })
            .collect()
    });
    draw("noise", &|rng| {
        let length = rng.usize(1..600);
        (0..length)
            .map(|_| match rng.u8(..8) {
                0 => rng.char('\0'..='\u{10ffff}'),
                _ => rng.char(' '..='~'),
            })
            .collect()
    });
    kinds
}

/// Cuts every file below a directory that a pattern names.
fn cut(model: &Model, dir: &Path, include: &str, max_tokens: usize) -> Vec<String> {
    let tokenizer = model.tokenizer().unwrap();
    let policy = Policy {
        max_tokens: Some(max_tokens),
        ..Policy::default()
    };
    let chunker = Chunker::new(&tokenizer, policy).unwrap();
    let mut source = SourceSpec::of_path(dir.to_str().unwrap());
    source.include = vec![include.to_owned()];
    source.text_field = include.ends_with("jsonl").then(|| "text".to_owned());
    let program = Path::new(env!("CARGO_BIN_EXE_ragctl"));
    let (documents, _) = corpus::read_all(program, &source, &Silent).unwrap();
    let mut seen = std::collections::HashSet::new();
    let chunks = documents
        .iter()
        .flat_map(|document| chunker.chunk(document));
    chunks
        .map(|chunk| chunk.text)
        .filter(|text| seen.insert(text.clone()))
        .collect()
}

fn questions(data: &Path) -> Vec<String> {
    let mut questions = Vec::new();
    for set in ["cranfield", "xquad-en"] {
        let path = data.join("retrieval").join(set).join("queries.jsonl");
        let lines = std::fs::read_to_string(path).unwrap();
        questions.extend(lines.lines().map(|line| {
            let query: Value = serde_json::from_str(line).unwrap();
            query["text"].as_str().unwrap().to_owned()
        }));
    }
    questions.truncate(QUESTIONS);
    questions
}
