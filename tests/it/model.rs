//! Models: pins, places, and what is kept when something is wrong.

use std::fs;

use crate::golden::real_model;
use crate::support::{Sandbox, files, flip_byte, tiny_bert};

#[test]
fn a_model_comes_from_a_directory_and_is_pinned_by_every_file() {
    let sandbox = Sandbox::new();
    let digest = |file: &str| ragctl::digest::Digest::of_file(&tiny_bert().join(file)).unwrap();
    let pins: String = [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "modules.json",
        "1_Pooling/config.json",
        "sentence_bert_config.json",
    ]
    .map(|file| format!("\"{file}\" = \"{}\"\n", digest(file)))
    .concat();
    sandbox.write(
        "ragctl.toml",
        &format!("[model]\nname = \"tests/tiny\"\nrevision = \"r1\"\n[model.sha256]\n{pins}"),
    );
    let from = tiny_bert();
    let from = from.to_str().unwrap();
    sandbox
        .run(["model", "fetch", "--from", from, "--offline"])
        .ok();
    sandbox.run(["model", "verify"]).ok();
    let shown = sandbox
        .run(["model", "show", "--json", "--offline"])
        .ok()
        .json();
    assert_eq!(
        (
            shown["space"]["dimension"].as_u64(),
            shown["space"]["max_tokens"].as_u64()
        ),
        (Some(32), Some(64))
    );

    let copy = sandbox.path("copy");
    crate::support::copy_tree(&tiny_bert(), &copy);
    flip_byte(&copy.join("model.safetensors"));
    let cache = sandbox.path(".cache");
    let before = files(&cache);
    sandbox
        .run(["model", "fetch", "--force", "--from", "copy"])
        .code(12)
        .tells("model.safetensors")
        .tells("pinned is");
    assert_eq!(files(&cache), before);
    sandbox.remove(".cache");
    sandbox.run(["model", "fetch", "--from", "copy"]).code(12);
    assert_eq!(files(&cache), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_damaged_cache_is_found_before_it_is_used() {
    let sandbox = Sandbox::with_docs();
    fs::remove_file(sandbox.path("ragctl.toml")).unwrap();
    let copy = sandbox.path("copy");
    crate::support::copy_tree(&real_model(), &copy);
    sandbox.run(["model", "fetch", "--from", "copy"]).ok();
    let cached = files(&sandbox.path(".cache"))
        .into_iter()
        .find(|path| path.ends_with("tokenizer.json"))
        .unwrap();
    let text = fs::read_to_string(&cached)
        .unwrap()
        .replacen("[UNK]", "[unk]", 1);
    fs::write(&cached, text).unwrap();
    sandbox
        .run(["model", "verify"])
        .code(12)
        .tells("tokenizer.json");
    sandbox
        .run(["ingest", "docs"])
        .code(12)
        .tells("tokenizer.json");
}

#[test]
fn only_bert_with_safetensors_is_taken() {
    let sandbox = Sandbox::with_docs();
    let copy = sandbox.path("copy");
    crate::support::copy_tree(&tiny_bert(), &copy);
    let config = fs::read_to_string(copy.join("config.json")).unwrap();
    fs::write(
        copy.join("config.json"),
        config.replace("\"bert\"", "\"t5\""),
    )
    .unwrap();
    sandbox
        .run(["ingest", "docs", "--model", "./copy"])
        .code(16)
        .tells("is a `t5` model");
    fs::write(copy.join("config.json"), config).unwrap();
    fs::rename(
        copy.join("model.safetensors"),
        copy.join("pytorch_model.bin"),
    )
    .unwrap();
    sandbox
        .run(["ingest", "docs", "--model", "./copy"])
        .code(16)
        .tells("has no model.safetensors");
    sandbox
        .run(["ingest", "docs", "--model", "someone/else"])
        .code(2)
        .tells("no pinned files");
}
