//! Embedding speed on real documents, tokenising included, for each precision, and how far `exact16` is from `f32`.
//!
//! ```text
//! cargo bench --bench embed -- DOCS_DIR
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark may panic and prints"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use ragctl::chunk::{Chunker, Policy};
use ragctl::corpus::{self, SourceSpec};
use ragctl::embed::{Device, DeviceRequest, Embedder, Precision, probes::cosine};
use ragctl::model::Model;
use ragctl::progress::Silent;

const ROUNDS: usize = 3;

fn main() -> ExitCode {
    let Some(docs) = std::env::args()
        .skip(1)
        .find(|arg| !arg.starts_with('-'))
        .map(PathBuf::from)
    else {
        println!("usage: cargo bench --bench embed -- DOCS_DIR");
        return ExitCode::from(2);
    };
    let output = Command::new(env!("CARGO_BIN_EXE_ragctl"))
        .args(["model", "fetch", "-o", "name"])
        .output()
        .unwrap();
    let dir = String::from_utf8(output.stdout).unwrap();
    let open = || Model::open(Path::new(dir.trim()), "all-MiniLM-L6-v2", None).unwrap();
    let (texts, tokens) = chunks(&std::fs::canonicalize(docs).unwrap(), &open());
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    println!("{} chunks, {tokens} tokens", texts.len());
    let mut exact: Option<Vec<Vec<f32>>> = None;
    for precision in [Precision::F32, Precision::Exact16] {
        let begun = Instant::now();
        let device = Device::open(DeviceRequest::Cpu)
            .unwrap()
            .with_precision(precision);
        let embedder = Embedder::load(open(), device).unwrap();
        let loaded = begun.elapsed().as_secs_f64();
        let mut best = f64::INFINITY;
        let mut vectors = Vec::new();
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            vectors = embedder.embed(&texts).unwrap();
            best = best.min(begun.elapsed().as_secs_f64());
        }
        let pairs = exact.iter().flatten().zip(&vectors);
        let lowest = pairs.map(|(a, b)| cosine(a, b)).fold(1.0, f64::min);
        println!(
            "{:<12} {:>8.0} tokens/s {:>7.1} chunks/s  loaded in {loaded:.2} s  lowest cosine to f32 {lowest:.8}",
            embedder.scheme(),
            tokens as f64 / best,
            texts.len() as f64 / best
        );
        exact.get_or_insert(vectors);
    }
    ExitCode::SUCCESS
}

/// Cuts every document below a directory, and counts the tokens that the model sees, special tokens included.
fn chunks(docs: &Path, model: &Model) -> (Vec<String>, usize) {
    let tokenizer = model.tokenizer().unwrap();
    let chunker = Chunker::new(&tokenizer, Policy::default()).unwrap();
    let source = SourceSpec::of_path(docs.to_str().unwrap());
    let program = Path::new(env!("CARGO_BIN_EXE_ragctl"));
    let (documents, _) = corpus::read_all(program, &source, &Silent).unwrap();
    let chunks = documents
        .iter()
        .flat_map(|document| chunker.chunk(document));
    let texts: Vec<String> = chunks.map(|chunk| chunk.text).collect();
    let tokens = texts
        .iter()
        .map(|text| tokenizer.encode(text).unwrap().ids.len())
        .sum();
    (texts, tokens)
}
