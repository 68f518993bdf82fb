//! The fast path of tokenization against the crate: `cargo bench --bench tokenizer -- MODEL COUNT SEED DIR…`
//!
//! Compares `COUNT` texts drawn from `SEED`, then times both on stretches of the Markdown and text files below the
//! directories. The model is a directory.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark may panic, and prints what it measures"
)]

#[path = "support/strings.rs"]
mod strings;

use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs};

use ragctl::model::{Encoding, Model};
use strings::Strings;

/// Bytes of the files that are timed.
const TIMED: usize = 8 << 20;

fn files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.sort();
        for entry in entries {
            files(&entry, found);
        }
    } else if path
        .extension()
        .is_some_and(|extension| extension == "md" || extension == "txt")
    {
        found.push(path.to_owned());
    }
}

/// Cuts files into stretches of 100 to 1,000 bytes.
fn stretches(dirs: &[String], seed: u64) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut paths, mut found, mut bytes) = (Vec::new(), Vec::new(), 0);
    for dir in dirs {
        files(Path::new(dir), &mut paths);
    }
    for path in paths {
        let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        let mut rest = text.as_str();
        while !rest.is_empty() && bytes < TIMED {
            let (head, behind) = rest.split_at(rest.ceil_char_boundary(random.usize(100..=1000)));
            found.push(head.to_owned());
            bytes += head.len();
            rest = behind;
        }
    }
    found
}

fn timed(what: &str, texts: &[String], encode: impl Fn(&str) -> Encoding) {
    // The first round fills the caches.
    for round in 0..3 {
        let start = Instant::now();
        let tokens: usize = texts.iter().map(|text| encode(text).ids.len()).sum();
        let seconds = start.elapsed().as_secs_f64();
        let rate = tokens as f64 / seconds / 1e6;
        println!("{what}, round {round}: {tokens} tokens in {seconds:.3} s, {rate:.2} Mtokens/s");
    }
}

fn main() {
    let mut arguments = env::args().skip(1).filter(|argument| argument != "--bench");
    let (Some(model), Some(count), Some(seed)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        println!("no MODEL, COUNT and SEED: nothing to do");
        return;
    };
    let (count, seed): (usize, u64) = (count.parse().unwrap(), seed.parse().unwrap());
    let dirs: Vec<String> = arguments.collect();

    let dir = Path::new(&model);
    let tokenizer = Model::open(dir, "bench", None)
        .unwrap()
        .tokenizer()
        .unwrap();
    let json = fs::read(dir.join("tokenizer.json")).unwrap();
    let mut tokens = 0;
    for text in Strings::new(&json, seed).take(count) {
        let fast = tokenizer.encode(&text).unwrap();
        assert_eq!(fast, tokenizer.encode_by_crate(&text).unwrap(), "{text:?}");
        tokens += fast.ids.len();
    }
    println!("{count} texts of {tokens} tokens: no difference");

    let texts = stretches(&dirs, seed);
    if texts.is_empty() {
        return;
    }
    let ascii = texts.iter().filter(|text| text.is_ascii()).count();
    println!("{} stretches, {ascii} of them ASCII", texts.len());
    timed("fast", &texts, |text| tokenizer.encode(text).unwrap());
    timed("crate", &texts, |text| {
        tokenizer.encode_by_crate(text).unwrap()
    });
}
