//! Vectors that are not the model's, however they came in: each kind is caught by a named finding.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Sandbox, copy_tree, tiny_bert};

/// A copy of the model that gives other vectors of the same length.
fn altered(sandbox: &Sandbox, how: &str) -> PathBuf {
    let model = sandbox.path(how);
    copy_tree(&tiny_bert(), &model);
    let write = |file: &str, text: &str| fs::write(model.join(file), text).unwrap();
    match how {
        "pooling" => write(
            "1_Pooling/config.json",
            "{\"pooling_mode_cls_token\": true}",
        ),
        "window" => write("sentence_bert_config.json", "{\"max_seq_length\": 8}"),
        _ => {
            let path = model.join("model.safetensors");
            let mut bytes = fs::read(&path).unwrap();
            let start = data_of(&bytes);
            bytes[start..].rotate_right(4096);
            fs::write(path, bytes).unwrap();
        }
    }
    model
}

/// Where the tensors of a safetensors file begin: behind the header, whose length stands before it.
fn data_of(bytes: &[u8]) -> usize {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    8 + usize::try_from(length).unwrap()
}

/// The directories of the cache, one a space.
fn spaces(sandbox: &Sandbox) -> Vec<PathBuf> {
    let entries = fs::read_dir(sandbox.path("store/cache/embeddings")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Puts the vectors of an altered model where those of the right one are looked for.
fn poison(sandbox: &Sandbox, how: &str) {
    let right = spaces(sandbox).remove(0);
    let model = altered(sandbox, how);
    let model = model.to_str().unwrap();
    sandbox.run(["ingest", "--model", model]).ok();
    sandbox.run(["embed", "--model", model]).ok();
    let wrong = spaces(sandbox)
        .into_iter()
        .find(|dir| *dir != right)
        .unwrap();
    fs::remove_dir_all(&right).unwrap();
    fs::rename(wrong, &right).unwrap();
    sandbox.run(["ingest"]).ok();
}

fn failed(sandbox: &Sandbox, version: &str) -> Vec<String> {
    let report = sandbox.run(["verify", version, "--json"]).json();
    let checks = report["checks"].as_array().unwrap().clone();
    let failed = checks
        .iter()
        .filter(|check| check["problems"] != serde_json::json!([]));
    failed
        .map(|check| check["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn vectors_of_another_model_pooling_or_window_are_found_by_the_sample() {
    for how in ["weights", "pooling", "window"] {
        let sandbox = Sandbox::with_docs();
        // One chunk a document: a shorter window would cut other chunks.
        let config = fs::read_to_string(sandbox.path("ragctl.toml")).unwrap();
        let config = format!("{config}[chunk]\nstrategy = \"document\"\n");
        sandbox.write("ragctl.toml", &config);
        sandbox.run(["ingest"]).ok();
        sandbox.run(["embed"]).ok();
        poison(&sandbox, how);
        sandbox.run(["build"]).ok();
        assert_eq!(failed(&sandbox, "v0.1.0"), ["sample"], "{how}");
        sandbox.run(["publish", "v0.1.0"]).code(15).tells("sample");
        let waived = [
            "publish",
            "v0.1.0",
            "--waive",
            "recall,golden",
            "--reason",
            "x",
        ];
        sandbox.run(waived).code(15).tells("sample");
    }
}

#[test]
fn a_number_that_is_none_is_found_in_its_vector() {
    let sandbox = Sandbox::with_docs();
    sandbox.run(["ingest"]).ok();
    sandbox.run(["embed"]).ok();
    let dir = spaces(&sandbox).remove(0).join("f32");
    let segment = fs::read_dir(&dir).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&segment).unwrap();
    let data = data_of(&bytes);
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..data]).unwrap();
    let vectors = header["vectors"]["data_offsets"][0].as_u64().unwrap();
    let first = data + usize::try_from(vectors).unwrap();
    bytes[first..first + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    let name = format!("{}.safetensors", ragctl::digest::Digest::of(&bytes));
    fs::remove_file(&segment).unwrap();
    fs::write(dir.join(Path::new(&name)), bytes).unwrap();
    sandbox.run(["build"]).ok();
    assert_eq!(failed(&sandbox, "v0.1.0").first().unwrap(), "vectors");
}

#[test]
fn a_model_that_drifted_unseen_shows_in_the_difference() {
    let sandbox = Sandbox::published();
    poison(&sandbox, "pooling");
    sandbox.write("docs/beta.txt", "Other words.\n");
    sandbox.run(["ingest"]).ok();
    sandbox.run(["build"]).ok();
    let diff = sandbox
        .run(["diff", "v0.2.0", "--fail-on", "moved>0", "--json"])
        .code(15)
        .json();
    assert!(
        diff["moved_vectors"]["moved"].as_u64().unwrap() >= 2,
        "{diff}"
    );
    assert!(diff["moved_vectors"]["lowest_cosine"].as_f64().unwrap() < 0.9999);
}
