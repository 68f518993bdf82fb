//! The fast path of tokenization against the crate: `cargo bench --bench tokenizer -- MODEL COUNT SEED DIR…`
//!
//! Compares `COUNT` texts drawn from `SEED`, then times both on stretches of the documents below the directories. The model is a directory.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark may panic, and prints what it measures"
)]

#[path = "support/strings.rs"]
mod strings;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs};

use ragctl::corpus::{self, SourceSpec};
use ragctl::model::{Encoding, Model};
use ragctl::progress::Silent;
use strings::Strings;

/// Bytes of the files that are timed.
const TIMED: usize = 8 << 20;

/// Cuts the documents below directories into stretches of 100 to 1,000 bytes.
fn stretches(dirs: &[String], seed: u64) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut found, mut bytes) = (Vec::new(), 0);
    let program = Path::new(env!("CARGO_BIN_EXE_ragctl"));
    for dir in dirs {
        let dir = fs::canonicalize(dir).unwrap();
        let source = SourceSpec::of_path(dir.to_str().unwrap());
        for document in corpus::read_all(program, &source, &Silent).unwrap().0 {
            let mut rest = document.text.as_str();
            while !rest.is_empty() && bytes < TIMED {
                let (head, behind) =
                    rest.split_at(rest.ceil_char_boundary(random.usize(100..=1000)));
                found.push(head.to_owned());
                bytes += head.len();
                rest = behind;
            }
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

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1).filter(|argument| argument != "--bench");
    let (Some(model), Some(count), Some(seed)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        println!("usage: cargo bench --bench tokenizer -- MODEL COUNT SEED DIR…");
        return ExitCode::from(2);
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
        return ExitCode::SUCCESS;
    }
    let ascii = texts.iter().filter(|text| text.is_ascii()).count();
    println!("{} stretches, {ascii} of them ASCII", texts.len());
    timed("fast", &texts, |text| tokenizer.encode(text).unwrap());
    timed("crate", &texts, |text| {
        tokenizer.encode_by_crate(text).unwrap()
    });
    ExitCode::SUCCESS
}
