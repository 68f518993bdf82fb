//! Chunking against the tokenizer alone: `cargo bench --bench chunking -- DIR…`
//!
//! Reads the Markdown and text files below the directories. The model is that of `RAGCTL_BENCH_MODEL`, a directory, or the
//! small one of the tests.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark may panic, and prints what it measures"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

use ragctl::chunk::{Chunker, Policy, Stats};
use ragctl::corpus::{Document, Format, Markup, Metadata, Offsets};
use ragctl::digest::Digest;
use ragctl::model::Model;

fn files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            files(&entry.unwrap().path(), found);
        }
    } else if path
        .extension()
        .is_some_and(|extension| extension == "md" || extension == "txt")
    {
        found.push(path.to_owned());
    }
}

fn document(path: &Path) -> Document {
    let bytes = fs::read(path).unwrap();
    let is_markdown = path.extension().is_some_and(|extension| extension == "md");
    Document {
        source: "bench".into(),
        id: path.display().to_string(),
        uri: path.display().to_string(),
        title: None,
        format: if is_markdown {
            Format::Markdown
        } else {
            Format::Text
        },
        markup: if is_markdown {
            Markup::Markdown
        } else {
            Markup::Plain
        },
        pages: Vec::new(),
        marks: Vec::new(),
        offsets: Offsets::default(),
        metadata: Metadata::new(),
        bytes: bytes.len() as u64,
        sha256: Digest::of(&bytes),
        text: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

fn timed<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let started = Instant::now();
    let result = run();
    (started.elapsed(), result)
}

fn main() {
    let mut found = Vec::new();
    for dir in env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
    {
        files(Path::new(&dir), &mut found);
    }
    if found.is_empty() {
        // `cargo bench` runs every benchmark: without a directory there is nothing to measure.
        println!("usage: cargo bench --bench chunking -- DIR…");
        return;
    }
    found.sort();
    let tiny = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/model/tiny-bert");
    let dir = env::var("RAGCTL_BENCH_MODEL").unwrap_or_else(|_| tiny.into());
    let tokenizer = Model::open(Path::new(&dir), "bench", None)
        .unwrap()
        .tokenizer()
        .unwrap();
    let documents: Vec<Document> = found.iter().map(|path| document(path)).collect();
    let chunker = Chunker::new(&tokenizer, Policy::default()).unwrap();

    // The shortest of some runs, which take turns so that both meet the machine in the same moods.
    let (mut counting, mut chunking) = (Duration::MAX, Duration::MAX);
    let (mut tokens, mut chunks) = (0, Vec::new());
    for _ in 0..9 {
        let count = |document: &Document| tokenizer.count(&document.text);
        let (took, counted) = timed(|| documents.iter().map(count).sum::<usize>());
        (counting, tokens) = (counting.min(took), counted);
        let cut = |document| chunker.chunk(document);
        let (took, cut) = timed(|| documents.iter().map(cut).collect::<Vec<_>>());
        (chunking, chunks) = (chunking.min(took), cut);
    }
    let mut stats = Stats::default();
    for (document, chunks) in documents.iter().zip(&chunks) {
        stats.add(chunks);
        if env::var_os("RAGCTL_BENCH_SHOW").is_some() {
            println!("##### {}", document.uri);
            for chunk in chunks {
                let heading = chunk.heading.join(" > ");
                println!("=== {} tokens, {:?} [{heading}]", chunk.tokens, chunk.cut);
                println!("{}", chunk.text);
            }
        }
    }
    let bytes: usize = documents.iter().map(|document| document.text.len()).sum();
    let summary = stats.summary();
    println!(
        "{} documents, {bytes} bytes, {tokens} tokens, {} chunks of {} to {} tokens, median {}",
        documents.len(),
        summary.chunks,
        summary.tokens.min,
        summary.tokens.max,
        summary.tokens.median,
    );
    println!("{:?}, {} joined", summary.ends, summary.joined);
    println!("tokenizer alone  {:.3} s", counting.as_secs_f64());
    println!("chunking         {:.3} s", chunking.as_secs_f64());
    println!(
        "share            {:.0} %",
        100.0 * counting.as_secs_f64() / chunking.as_secs_f64()
    );
}
