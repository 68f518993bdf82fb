//! What a run takes over from the one before it, what it deletes, and what keeps it from deleting.

use serde_json::{Value, json};

use crate::support::{Output, Sandbox};

fn ingest(sandbox: &Sandbox, args: &[&str]) -> Value {
    sandbox
        .run([&["ingest", "--json"], args].concat())
        .ok()
        .json()
}

fn documents(sandbox: &Sandbox, answer: &Value) -> Vec<(String, String)> {
    let snapshot = answer["snapshot"].as_str().unwrap();
    let path = sandbox.path(&format!("store/snapshots/{snapshot}/documents.jsonl"));
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        (text("id"), text("status"))
    });
    lines.collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = expected.iter();
    pairs
        .map(|(id, status)| ((*id).to_owned(), (*status).to_owned()))
        .collect()
}

#[test]
fn only_what_changed_is_read_again_and_the_snapshot_is_what_a_first_run_gives() {
    let sandbox = Sandbox::with_docs();
    ingest(&sandbox, &[]);
    sandbox.write("docs/beta.txt", "Other words.\n");
    let second = ingest(&sandbox, &[]);
    let row = |format: &str| {
        (
            second["formats"][format]["read"].clone(),
            second["formats"][format]["unchanged"].clone(),
        )
    };
    assert_eq!(row("text"), (json!(1), json!(0)));
    assert_eq!(row("markdown"), (json!(0), json!(1)));
    assert_eq!(row("html"), (json!(0), json!(1)));
    let fresh = Sandbox::with_docs();
    fresh.write("docs/beta.txt", "Other words.\n");
    assert_eq!(ingest(&fresh, &[])["snapshot"], second["snapshot"]);
    // What steers the cut is part of what may not have changed.
    let cut = ingest(&sandbox, &["--max-tokens", "20"]);
    assert_eq!(cut["formats"]["markdown"]["read"], 1);
    let described = ingest(&sandbox, &["docs", "--metadata", "lang=en"]);
    assert_eq!(described["formats"]["markdown"]["read"], 1);
}

#[test]
fn a_document_that_breaks_keeps_its_last_good_copy_and_stands_in_quarantine() {
    let sandbox = Sandbox::with_docs();
    let first = ingest(&sandbox, &[]);
    sandbox.write("docs/beta.txt", "broken\0\0\0");
    let second = ingest(&sandbox, &["--max-failed", "1"]);
    assert_eq!(
        (&second["documents"], &second["failed"], &second["chunks"]),
        (&json!(3), &json!(1), &first["chunks"])
    );
    assert_eq!(second["kept"], json!(["docs/beta.txt"]));
    assert_eq!(
        documents(&sandbox, &second),
        pairs(&[
            ("alpha.md", "ok"),
            ("beta.txt", "kept"),
            ("gamma.html", "ok")
        ])
    );
    ingest(&sandbox, &["--max-failed", "1"]);
    let failed = sandbox.run(["ingest", "--failed", "--json"]).ok().json();
    let known = &failed["failures"][0];
    assert_eq!(
        (&known["id"], &known["tries"]),
        (&json!("beta.txt"), &json!(2))
    );
    assert!(known["reason"].as_str().unwrap().contains("NUL"), "{known}");
    // A run that stops because of it lists it as well, and a mended document is out again.
    sandbox
        .run(["ingest", "--strict"])
        .code(3)
        .tells("--failed");
    assert_eq!(
        sandbox.run(["ingest", "--failed", "--json"]).ok().json()["failures"][0]["tries"],
        3
    );
    sandbox.write("docs/beta.txt", "Whole again.\n");
    assert_eq!(ingest(&sandbox, &[])["failed"], 0);
    assert_eq!(
        sandbox.run(["ingest", "--failed"]).ok().stdout,
        "nothing failed\n"
    );
}

#[test]
fn what_is_not_seen_any_more_goes_by_the_mode() {
    let sandbox = Sandbox::with_docs();
    sandbox.write("notes/delta.md", "A note about leases.\n");
    ingest(&sandbox, &["docs", "notes"]);
    std::fs::remove_file(sandbox.path("docs/gamma.html")).unwrap();
    let ids = |mode: &str| {
        let answer = ingest(&sandbox, &["docs", "--mode", mode]);
        let documents = documents(&sandbox, &answer);
        (
            documents.into_iter().map(|(id, _)| id).collect::<Vec<_>>(),
            answer["deleted"].clone(),
        )
    };
    let (all, none) = ids("incremental");
    assert_eq!((all.len(), none), (4, json!([])));
    assert_eq!(
        ids("scoped"),
        (
            vec!["alpha.md".into(), "beta.txt".into(), "delta.md".into()],
            json!(["gamma.html"])
        )
    );
    assert_eq!(
        ids("full"),
        (
            vec!["alpha.md".into(), "beta.txt".into()],
            json!(["delta.md"])
        )
    );
}

#[test]
fn a_source_that_lists_nothing_or_breaks_off_deletes_nothing() {
    let sandbox = Sandbox::with_docs();
    sandbox.write("notes/delta.md", "A note about leases.\n");
    sandbox.write(
        "r.jsonl",
        "{\"_id\": \"1\", \"text\": \"one\"}\n{\"_id\": \"2\", \"text\": \"two\"}\n",
    );
    let sources = &["docs", "notes", "r.jsonl", "--max-failed", "50%"];
    assert_eq!(ingest(&sandbox, sources)["documents"], 6);
    std::fs::remove_file(sandbox.path("notes/delta.md")).unwrap();
    let output = sandbox
        .run([&["ingest", "--json"], &sources[..]].concat())
        .ok();
    assert_eq!(output.json()["documents"], 6);
    let output = output.tells("source `notes` gives nothing");
    assert_eq!(output.json()["deleted"], json!([]));
    // Which document a broken line was, nobody knows.
    sandbox.write(
        "r.jsonl",
        "{\"_id\": \"1\", \"text\": \"one\"}\n{\"_id\": \"2\", \"te",
    );
    let broken = ingest(&sandbox, sources);
    assert_eq!(
        (&broken["documents"], &broken["failed"], &broken["deleted"]),
        (&json!(6), &json!(1), &json!([]))
    );
    // A walk that cannot go down everywhere is no evidence either.
    std::fs::create_dir_all(sandbox.path(&format!("docs/{}", "d/".repeat(130)))).unwrap();
    std::fs::remove_file(sandbox.path("docs/gamma.html")).unwrap();
    let deep = ingest(&sandbox, sources);
    assert_eq!(
        (&deep["documents"], &deep["deleted"]),
        (&json!(6), &json!([]))
    );
}

fn unguarded(sandbox: &Sandbox, args: &[&str]) -> Output {
    let mut command = sandbox.command(args);
    command.env_remove("RAGCTL_GATE_MAX_SHRINK");
    Output::of(command.output().unwrap())
}

#[test]
fn a_corpus_that_shrank_is_not_published_until_somebody_says_so() {
    let sandbox = Sandbox::published();
    std::fs::remove_file(sandbox.path("docs/gamma.html")).unwrap();
    unguarded(&sandbox, &["run"])
        .code(15)
        .tells("2 documents where v0.1.0 has 3")
        .tells("--max-shrink 34%");
    assert_eq!(
        sandbox.run(["status", "--json"]).ok().json()["live"]["version"],
        "v0.1.0"
    );
    unguarded(&sandbox, &["publish", "v0.2.0", "--dry-run"]).code(15);
    unguarded(&sandbox, &["publish", "v0.2.0", "--max-shrink", "a lot"]).code(2);
    unguarded(&sandbox, &["publish", "v0.2.0", "--max-shrink", "34%"]).ok();
    // Going back is growing, and forgetting is meant to shrink.
    unguarded(&sandbox, &["rollback"]).ok();
    unguarded(&sandbox, &["forget", "--doc", "beta.txt"]).ok();
}

#[test]
fn metadata_comes_from_front_matter_before_the_path_before_the_source() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "ragctl.toml",
        &format!(
            "[model]\npath = \"{}\"\n",
            crate::support::tiny_bert().display()
        ),
    );
    sandbox.write(
        "docs/uv/en/a.md",
        "---\ntitle: From the matter\nlang: fr\nweight: 3\n---\n# Words\n\nAbout a chunk.\n",
    );
    sandbox.write("docs/uv/de/b.md", "About an index.\n");
    sandbox.run(["init"]).ok();
    ingest(
        &sandbox,
        &[
            "docs/{product}/{lang}/**",
            "--metadata",
            "lang=xx",
            "--metadata",
            "team=docs",
        ],
    );
    sandbox.run(["build"]).ok();
    sandbox.run(["publish", "v0.1.0"]).ok();
    let hits = sandbox.run(["query", "chunk", "--json"]).ok().json()["hits"].clone();
    let hits = hits.as_array().unwrap();
    let of = |doc: &str| {
        hits.iter()
            .find(|hit| hit["doc_id"].as_str().unwrap().ends_with(doc))
            .unwrap()
    };
    assert_eq!(
        of("a.md")["metadata"],
        json!({"lang": "fr", "product": "uv", "team": "docs", "weight": 3})
    );
    assert_eq!(of("a.md")["title"], "From the matter");
    assert_eq!(
        of("b.md")["metadata"],
        json!({"lang": "de", "product": "uv", "team": "docs"})
    );
    assert!(!of("a.md")["text"].as_str().unwrap().contains("weight"));
}

#[test]
fn equal_and_nearly_equal_documents_are_told_and_kept() {
    let sandbox = Sandbox::with_docs();
    let words = (0..400)
        .map(|n| format!("word{} ", n * 7919 % 1009))
        .collect::<String>();
    sandbox.write("docs/one.txt", &words);
    sandbox.write("docs/two.txt", &words);
    sandbox.write("docs/three.txt", &words.replace("word0 ", "else "));
    let output = sandbox.run(["ingest", "--json"]).ok();
    let answer = output.json();
    assert_eq!(answer["documents"], 6);
    assert_eq!(
        answer["same_text"]["exact"],
        json!({"docs/one.txt": ["docs/two.txt"]})
    );
    assert_eq!(answer["same_text"]["near"][0]["second"], "docs/three.txt");
    output.tells("repeat the text of another");
    let embedded = sandbox.run(["embed", "--json"]).ok().json();
    let chunks = answer["chunks"].as_u64().unwrap();
    assert!(
        embedded["embedded"].as_u64().unwrap() < chunks,
        "{embedded}"
    );
}

#[test]
fn a_dry_run_counts_what_a_run_would_give_and_what_is_left_to_embed() {
    let sandbox = Sandbox::with_docs();
    let surveyed = ingest(&sandbox, &["--dry-run"]);
    assert_eq!(surveyed["estimate"]["cached"], 0);
    assert_eq!(surveyed["snapshot"], Value::Null);
    sandbox.run(["ingest"]).ok();
    sandbox.run(["embed"]).ok();
    sandbox.write("docs/beta.txt", "Other words.\n");
    let again = ingest(&sandbox, &["--dry-run"]);
    let run = ingest(&sandbox, &[]);
    for name in ["documents", "chunks", "tokens"] {
        assert_eq!(again[name], run[name], "{name}");
    }
    assert_eq!(again["estimate"]["to_embed"], 1);
    assert!(
        again["estimate"]["seconds"].as_f64().unwrap() > 0.0,
        "{again}"
    );
}

#[test]
fn a_list_tells_why_the_rest_is_left_out() {
    let sandbox = Sandbox::with_docs();
    sandbox.write("docs/.ragctlignore", "*.draft.md\n");
    sandbox.write("docs/a.draft.md", "draft");
    sandbox.write("docs/main.rs", "fn main() {}");
    sandbox.write("docs/image.bin", "?");
    std::os::unix::fs::symlink("alpha.md", sandbox.path("docs/link.md")).unwrap();
    let list = sandbox.run(["ingest", "--list"]).ok().stdout;
    for line in [
        "docs: 3 to read, 5 left out",
        "a.draft.md is named by an ignore file",
        "main.rs is code or data",
        "image.bin has no known format",
        "link.md is a link",
        ".ragctlignore is hidden",
    ] {
        assert!(list.contains(line), "`{line}` is not in {list}");
    }
    let asked = ingest(&sandbox, &["docs", "--include", "**/*.rs"]);
    assert_eq!(asked["formats"]["code"]["read"], 1);
}
