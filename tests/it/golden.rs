//! Embeddings equal those of sentence-transformers, alone and in any batch. Uses the real model, which CI fetches once.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use ragctl::embed::{Device, DeviceRequest, Embedder, Precision, probes::cosine};
use ragctl::model::Model;
use serde::Deserialize;

use crate::support::repository;

#[derive(Deserialize)]
struct Golden {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    text: String,
    vector: Vec<f32>,
}

/// The directory of the real model, fetched into the person's own model cache if it is not there.
pub(crate) fn real_model() -> PathBuf {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    let fetch = || {
        let output = Command::new(env!("CARGO_BIN_EXE_ragctl"))
            .args(["model", "fetch", "-o", "name"])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "the real model is needed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    };
    DIR.get_or_init(fetch).clone()
}

fn embedder(precision: Precision) -> Embedder {
    let model = Model::open(&real_model(), "all-MiniLM-L6-v2", None).unwrap();
    let device = Device::open(DeviceRequest::Cpu)
        .unwrap()
        .with_precision(precision);
    Embedder::load(model, device).unwrap()
}

fn golden() -> Vec<Item> {
    let text = fs::read_to_string(repository().join("fixtures/golden/minilm.json")).unwrap();
    serde_json::from_str::<Golden>(&text).unwrap().items
}

/// The precisions that this machine has, each with the lowest cosine that it may give.
fn precisions() -> Vec<(Precision, f64)> {
    let exact16 = Device::open(DeviceRequest::Cpu)
        .map(|device| device.with_precision(Precision::Exact16))
        .unwrap();
    let model = Model::open(&crate::support::tiny_bert(), "tiny", None).unwrap();
    let count = if Embedder::load(model, exact16).is_ok() {
        2
    } else {
        1
    };
    LOWEST.into_iter().take(count).collect()
}

/// Single precision differs from the reference by rounding alone; 16-bit integers must stay within the same class.
const LOWEST: [(Precision, f64); 2] = [(Precision::F32, 0.999_999), (Precision::Exact16, 0.999_99)];

#[test]
fn vectors_equal_those_of_sentence_transformers() {
    let golden = golden();
    assert!(golden.len() >= 60);
    let texts: Vec<&str> = golden.iter().map(|item| item.text.as_str()).collect();
    for (precision, least) in precisions() {
        let embedder = embedder(precision);
        let mut lowest: f64 = 1.0;
        for (item, found) in golden.iter().zip(embedder.embed(&texts).unwrap()) {
            let cosine = cosine(&item.vector, &found);
            assert!(cosine >= least, "{precision}: {cosine} for {:?}", item.text);
            lowest = lowest.min(cosine);
        }
        eprintln!(
            "{} texts, {}: lowest cosine {lowest:.9}",
            golden.len(),
            embedder.scheme()
        );
    }
}

#[test]
fn a_vector_does_not_depend_on_its_batch() {
    let golden = golden();
    let texts: Vec<&str> = golden.iter().map(|item| item.text.as_str()).collect();
    for (precision, _) in precisions() {
        let embedder = embedder(precision);
        for (text, together) in texts.iter().zip(embedder.embed(&texts).unwrap()) {
            let alone = embedder.embed(&[text]).unwrap().pop().unwrap();
            let most = alone
                .iter()
                .zip(&together)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(most <= 1e-6, "{precision}: {most} for {text:?}");
        }
    }
}
