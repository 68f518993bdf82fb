//! How well and how fast documents become text, against gold that people made: the gate for a change of library.
//!
//! ```text
//! cargo bench --bench extraction -- DIR [--malformed] [--mutants N]
//! ```
//!
//! `DIR` holds `pdf/gold` (`NAME.pdf` with `NAME.txt`, the RFCs, or with `NAME.pdf.txt`, pairs of other projects), `html/pages`
//! (`NAME.html.gz`) with `html/gold` (`NAME.json`, `ground_truth.main_content`), and `pdf/malformed`. Documents are read as
//! `ingest` reads them, in a worker process. Where `pdftotext` is installed, it reads the same PDFs in the same run. Exits
//! with 1 when a figure is missed.
//!
//! A word is a run of letters, digits and `_` of the NFKC form in lower case, soft hyphens left out. PDFs are scored by the F1 of their multisets of
//! word trigrams (of shorter runs where the gold has fewer words), pages by that of their words. A PDF that is refused
//! because only text recognition could read it counts for nothing, if `pdftotext` agrees; any other refusal counts as 0.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark may panic and prints"
)]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use ragctl::corpus::{Metadata, Options, Task, Worker};
use unicode_normalization::UnicodeNormalization as _;

/// Reads a file's text as `ingest` does, or says why there is none.
fn read(worker: &mut Worker, name: &str, mut bytes: &[u8]) -> Result<String, String> {
    let task = Task {
        source: "bench".into(),
        id: name.into(),
        uri: name.into(),
        name: name.into(),
        format: None,
        charset: None,
        options: Options::default(),
        metadata: Metadata::new(),
    };
    let mut read = Err("gave nothing".to_owned());
    let mut visit = |outcome: Result<ragctl::corpus::Document, ragctl::corpus::Failure>| {
        read = outcome
            .map(|document| document.text)
            .map_err(|failure| failure.reason);
        Ok::<(), std::io::Error>(())
    };
    worker.extract(&task, &mut bytes, &mut visit).unwrap();
    read
}

fn worker() -> Worker {
    Worker::new(PathBuf::from(env!("CARGO_BIN_EXE_ragctl")))
}

fn main() -> ExitCode {
    let mut dir = None;
    let mut malformed = false;
    let mut mutants = 0;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--malformed" => malformed = true,
            "--mutants" => {
                mutants = arguments
                    .next()
                    .and_then(|n| n.parse().ok())
                    .unwrap_or(10_000);
            }
            // What cargo passes to every benchmark.
            "--bench" => {}
            path => dir = Some(PathBuf::from(path)),
        }
    }
    let Some(dir) = dir else {
        println!("usage: cargo bench --bench extraction -- DIR [--malformed] [--mutants N]");
        return ExitCode::from(2);
    };
    let mut gate = Gate::default();
    if malformed || mutants > 0 {
        hold_out(&dir, mutants, &mut gate);
    } else {
        compare(&dir, &mut gate);
    }
    gate.close()
}

/// The figures to reach.
#[derive(Default)]
struct Gate {
    missed: bool,
}

impl Gate {
    fn check(&mut self, what: &str, holds: bool) {
        println!("{} {what}", if holds { "holds " } else { "MISSED" });
        self.missed |= !holds;
    }

    fn close(self) -> ExitCode {
        ExitCode::from(u8::from(self.missed))
    }
}

/// One document's score, and that of `pdftotext`.
struct Row {
    name: String,
    score: f64,
    poppler: Option<f64>,
}

/// The documents of one kind.
struct Set {
    title: &'static str,
    rows: Vec<Row>,
    refused: Vec<String>,
    bytes: usize,
    seconds: f64,
    poppler_seconds: f64,
}

impl Set {
    fn new(title: &'static str) -> Self {
        Self {
            title,
            rows: Vec::new(),
            refused: Vec::new(),
            bytes: 0,
            seconds: 0.0,
            poppler_seconds: 0.0,
        }
    }

    fn mean(&self) -> f64 {
        mean(self.rows.iter().map(|row| row.score))
    }

    fn lowest(&self) -> f64 {
        self.rows.iter().map(|row| row.score).fold(1.0, f64::min)
    }

    fn poppler(&self) -> Option<f64> {
        let scores: Option<Vec<f64>> = self.rows.iter().map(|row| row.poppler).collect();
        scores.map(|scores| mean(scores.into_iter()))
    }

    fn print(&mut self) {
        let mib = self.bytes as f64 / f64::from(1 << 20);
        println!(
            "\n{}: {} documents, mean F1 {:.4}, lowest {:.3}, {:.2} s, {:.1} MiB/s",
            self.title,
            self.rows.len(),
            self.mean(),
            self.lowest(),
            self.seconds,
            mib / self.seconds
        );
        if let Some(poppler) = self.poppler() {
            println!(
                "  pdftotext: mean F1 {poppler:.4}, {:.2} s",
                self.poppler_seconds
            );
        }
        self.rows.sort_by(|a, b| a.score.total_cmp(&b.score));
        for row in self.rows.iter().take(5) {
            let poppler = row
                .poppler
                .map_or(String::new(), |score| format!("  (pdftotext {score:.3})"));
            println!("  {:.3}  {}{poppler}", row.score, row.name);
        }
        for refusal in &self.refused {
            println!("  refused: {refusal}");
        }
    }
}

fn mean(scores: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = scores.fold((0.0, 0), |(sum, count), score| (sum + score, count + 1));
    sum / f64::from(count.max(1))
}

fn compare(dir: &Path, gate: &mut Gate) {
    let mut worker = worker();
    let poppler = Command::new("pdftotext").arg("-v").output().is_ok();
    let (mut rfcs, mut pairs) = (Set::new("RFCs"), Set::new("PDF pairs"));
    for path in files(&dir.join("pdf/gold"), ".pdf") {
        let (set, gold) = match fs::read(path.with_extension("txt")) {
            Ok(gold) => (&mut rfcs, gold),
            Err(_) => (
                &mut pairs,
                fs::read(path.with_extension("pdf.txt")).unwrap(),
            ),
        };
        pdf(
            &mut worker,
            &path,
            &String::from_utf8_lossy(&gold),
            poppler,
            set,
        );
    }
    let mut html = Set::new("web pages");
    for path in files(&dir.join("html/pages"), ".html.gz") {
        page(&mut worker, &path, &dir.join("html/gold"), &mut html);
    }
    for set in [&mut rfcs, &mut pairs, &mut html] {
        set.print();
    }
    println!();
    gate.check(
        &format!("RFCs: mean trigram F1 {:.4} ≥ 0.96", rfcs.mean()),
        rfcs.mean() >= 0.96,
    );
    gate.check(
        &format!("RFCs: lowest trigram F1 {:.3} ≥ 0.85", rfcs.lowest()),
        rfcs.lowest() >= 0.85,
    );
    gate.check(
        &format!("web pages: mean token F1 {:.4} ≥ 0.88", html.mean()),
        html.mean() >= 0.88,
    );
    let Some(theirs) = pairs.poppler() else {
        println!("pdftotext is not installed: nothing to compare PDF pairs and time with");
        return;
    };
    gate.check(
        &format!(
            "PDF pairs: mean trigram F1 {:.4} ≥ pdftotext's {theirs:.4}",
            pairs.mean()
        ),
        pairs.mean() >= theirs,
    );
    let (ours, theirs) = (
        rfcs.seconds + pairs.seconds,
        rfcs.poppler_seconds + pairs.poppler_seconds,
    );
    gate.check(
        &format!("PDFs: {ours:.2} s ≤ 2 × pdftotext's {theirs:.2} s"),
        ours <= 2.0 * theirs,
    );
}

fn pdf(worker: &mut Worker, path: &Path, gold: &str, poppler: bool, set: &mut Set) {
    let bytes = fs::read(path).unwrap();
    let begun = Instant::now();
    let read = read(worker, &name(path), &bytes);
    set.seconds += begun.elapsed().as_secs_f64();
    set.bytes += bytes.len();
    let gold = words(gold);
    let score = |text: &str| {
        let (text, run) = (words(text), gold.len().clamp(1, 3));
        f1(
            &text.windows(run).collect::<Vec<_>>(),
            &gold.windows(run).collect::<Vec<_>>(),
        )
    };
    let theirs = poppler.then(|| {
        let begun = Instant::now();
        let output = Command::new("pdftotext")
            .args(["-enc", "UTF-8"])
            .arg(path)
            .arg("-")
            .output()
            .unwrap();
        set.poppler_seconds += begun.elapsed().as_secs_f64();
        score(&String::from_utf8_lossy(&output.stdout))
    });
    let ours = match read {
        Ok(text) => score(&text),
        Err(reason) => {
            set.refused.push(format!("{} {reason}", name(path)));
            if reason.starts_with("needs OCR") && theirs.is_none_or(|score| score < 0.05) {
                return;
            }
            0.0
        }
    };
    set.rows.push(Row {
        name: name(path),
        score: ours,
        poppler: theirs,
    });
}

fn page(worker: &mut Worker, path: &Path, gold: &Path, set: &mut Set) {
    let bytes = fs::read(path).unwrap();
    let gold = gold.join(name(path).replace(".html.gz", ".json"));
    let gold: serde_json::Value = serde_json::from_slice(&fs::read(gold).unwrap()).unwrap();
    let gold = words(
        gold.pointer("/ground_truth/main_content")
            .and_then(|text| text.as_str())
            .unwrap_or_default(),
    );
    let begun = Instant::now();
    let read = read(worker, &name(path), &bytes);
    set.seconds += begun.elapsed().as_secs_f64();
    set.bytes += bytes.len();
    if let Err(reason) = &read {
        set.refused.push(format!("{} {reason}", name(path)));
    }
    // A page without content is rightly refused.
    let score = f1(&words(&read.unwrap_or_default()), &gold);
    set.rows.push(Row {
        name: name(path),
        score,
        poppler: None,
    });
}

fn words(text: &str) -> Vec<String> {
    let text: String = text
        .nfkc()
        .filter(|c| *c != '\u{AD}')
        .flat_map(char::to_lowercase)
        .collect();
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The F1 of two multisets; two empty ones are equal.
fn f1<T: std::hash::Hash + Eq>(found: &[T], gold: &[T]) -> f64 {
    if found.is_empty() && gold.is_empty() {
        return 1.0;
    }
    let mut counts: HashMap<&T, usize> = HashMap::new();
    for item in gold {
        *counts.entry(item).or_default() += 1;
    }
    let mut shared = 0;
    for item in found {
        if let Some(left) = counts.get_mut(item).filter(|left| **left > 0) {
            *left -= 1;
            shared += 1;
        }
    }
    2.0 * f64::from(shared) / (found.len() + gold.len()) as f64
}

/// Reads broken documents, and documents broken here: each must give text or a reason.
fn hold_out(dir: &Path, mutants: usize, gate: &mut Gate) {
    let mut worker = worker();
    let mut held = Held::default();
    let broken = files(&dir.join("pdf/malformed"), ".pdf");
    for path in &broken {
        held.read(&mut worker, &name(path), &fs::read(path).unwrap());
    }
    held.print("malformed and encrypted PDFs");
    let mut seeds: Vec<(String, Vec<u8>)> = broken
        .into_iter()
        .chain(files(&dir.join("pdf/gold"), ".pdf"))
        .map(|path| (name(&path), fs::read(path).unwrap()))
        .collect();
    seeds.retain(|(_, bytes)| (100..150_000).contains(&bytes.len()));
    let mut random = fastrand::Rng::with_seed(4);
    let mut mutated = Held::default();
    for number in 0..mutants {
        let (name, bytes) = random.choice(&seeds).unwrap();
        mutated.read(
            &mut worker,
            &format!("{number}-{name}"),
            &mutant(bytes, &mut random),
        );
    }
    if mutants > 0 {
        mutated.print("mutants");
    }
    println!();
    let crashed = held.crashed + mutated.crashed;
    gate.check(&format!("{crashed} crashes and hangs = 0"), crashed == 0);
    let peak = worker.peak_memory() >> 20;
    gate.check(
        &format!("peak memory of a worker {peak} MiB ≤ 512 MiB"),
        peak <= 512,
    );
}

/// What became of documents that are broken.
#[derive(Default)]
struct Held {
    reasons: BTreeMap<String, usize>,
    crashed: usize,
    slowest: (f64, String),
}

impl Held {
    fn read(&mut self, worker: &mut Worker, name: &str, bytes: &[u8]) {
        let begun = Instant::now();
        let reason =
            read(worker, name, bytes).map_or_else(|reason| reason, |_| "(gives text)".into());
        let seconds = begun.elapsed().as_secs_f64();
        if seconds > self.slowest.0 {
            self.slowest = (seconds, name.to_owned());
        }
        if reason.contains("the parser") || reason.starts_with("took more than") {
            self.crashed += 1;
            println!("{name}: {reason}");
        }
        // Numbers and quotations in a reason do not make another kind of it.
        let kind: String = reason
            .chars()
            .take(60)
            .map(|c| if c.is_ascii_digit() { '#' } else { c })
            .collect();
        *self.reasons.entry(kind).or_default() += 1;
    }

    fn print(&self, title: &str) {
        println!(
            "\n{title}: {} documents, slowest {:.2} s ({})",
            self.reasons.values().sum::<usize>(),
            self.slowest.0,
            self.slowest.1
        );
        for (reason, count) in &self.reasons {
            println!("  {count:>6}  {reason}");
        }
    }
}

/// Breaks a document: single bytes, digits, a piece cut out or doubled, the end cut off.
fn mutant(bytes: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.usize(1..=8) {
        let at = random.usize(0..bytes.len());
        match random.u8(0..12) {
            0 => bytes.truncate(at.max(64)),
            1 => drop(bytes.drain(at..(at + random.usize(1..512)).min(bytes.len()))),
            2 => {
                let piece = bytes
                    .get(at..(at + random.usize(1..512)).min(bytes.len()))
                    .unwrap()
                    .to_vec();
                let to = random.usize(0..bytes.len());
                bytes.splice(to..to, piece);
            }
            3..=6 => {
                let digits: Vec<usize> = (0..bytes.len())
                    .filter(|at| bytes.get(*at).unwrap().is_ascii_digit())
                    .collect();
                if let Some(digit) = random.choice(&digits) {
                    *bytes.get_mut(*digit).unwrap() = random.u8(b'0'..=b'9');
                }
            }
            _ => *bytes.get_mut(at).unwrap() = random.u8(..),
        }
    }
    bytes
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// The files of a directory whose names end in a certain way, sorted.
fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    files.sort();
    files
}
