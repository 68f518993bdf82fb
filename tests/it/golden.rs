//! Embeddings equal those of sentence-transformers, alone and in any batch. Uses the real model, which CI fetches once.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use ragctl::embed::{Device, DeviceRequest, Embedder, probes::cosine};
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

fn embedder() -> Embedder {
    let model = Model::open(&real_model(), "all-MiniLM-L6-v2", None).unwrap();
    Embedder::load(model, Device::open(DeviceRequest::Cpu).unwrap()).unwrap()
}

fn golden() -> Vec<Item> {
    let text = fs::read_to_string(repository().join("fixtures/golden/minilm.json")).unwrap();
    serde_json::from_str::<Golden>(&text).unwrap().items
}

#[test]
fn vectors_equal_those_of_sentence_transformers() {
    let (embedder, golden) = (embedder(), golden());
    assert!(golden.len() >= 60);
    let texts: Vec<&str> = golden.iter().map(|item| item.text.as_str()).collect();
    let mut lowest: f64 = 1.0;
    for (item, found) in golden.iter().zip(embedder.embed(&texts).unwrap()) {
        let cosine = cosine(&item.vector, &found);
        assert!(cosine >= 0.99999, "{cosine} for {:?}", item.text);
        lowest = lowest.min(cosine);
    }
    eprintln!("{} texts, lowest cosine {lowest:.9}", golden.len());
}

#[test]
fn a_vector_does_not_depend_on_its_batch() {
    let (embedder, golden) = (embedder(), golden());
    let texts: Vec<&str> = golden.iter().map(|item| item.text.as_str()).collect();
    for (text, together) in texts.iter().zip(embedder.embed(&texts).unwrap()) {
        let alone = embedder.embed(&[text]).unwrap().pop().unwrap();
        let most = alone
            .iter()
            .zip(&together)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(most <= 1e-6, "{most} for {text:?}");
    }
}
