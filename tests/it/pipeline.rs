//! From documents to a published version, and what a change of the documents changes.

use std::fs;

use crate::support::{Sandbox, fingerprint};

#[test]
fn the_five_verbs_lead_to_an_answer() {
    let sandbox = Sandbox::with_docs();
    let snapshot = sandbox.run(["ingest", "-o", "name"]).ok().line();
    let embedded = sandbox
        .run(["embed", "--snapshot", &snapshot[..8], "--json"])
        .ok()
        .json();
    assert_eq!(
        (embedded["embedded"].as_u64(), embedded["cached"].as_u64()),
        (Some(4), Some(0))
    );
    let version = sandbox
        .run(["build", "-o", "name", "--label", "team=search"])
        .ok()
        .line();
    assert_eq!(version, "v0.1.0");
    sandbox.run(["verify", &version]).ok();
    sandbox.run(["publish", &version, "--reason", "first"]).ok();
    assert_eq!(
        fs::read_link(sandbox.path("store/current"))
            .unwrap()
            .to_str(),
        Some("versions/v0.1.0")
    );
    let answer = sandbox
        .run([
            "query",
            "Plain words about an index and a chunk.",
            "--json",
            "-k",
            "2",
        ])
        .ok()
        .json();
    assert_eq!(answer["hits"][0]["doc_id"], "beta.txt");
    assert!(answer["hits"][0]["score"].as_f64().unwrap() > 0.999);
    let shown = sandbox.run(["show", "--json"]).ok().json();
    assert_eq!(shown["manifest"]["labels"]["team"], "search");
    assert_eq!(shown["releases"][0]["reason"], "first");
}

#[test]
fn the_same_inputs_have_the_same_content_digest_wherever_they_lie() {
    let digest = |sandbox: &Sandbox| {
        sandbox.run(["list", "--json"]).ok().json()["versions"][0]["content_digest"].clone()
    };
    let (one, other) = (Sandbox::published(), Sandbox::published());
    assert_eq!(digest(&one), digest(&other));
}

#[test]
fn a_changed_word_title_or_metadata_value_changes_the_content_digest() {
    let digest = |line: &str, value: &str| {
        let sandbox = Sandbox::with_docs();
        sandbox.write("one.jsonl", line);
        sandbox
            .run([
                "ingest",
                "one.jsonl",
                "--metadata-field",
                "lang",
                "--metadata",
                value,
            ])
            .ok();
        sandbox.run(["build", "--json"]).ok().json()["content_digest"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let line = r#"{"_id": "1", "title": "Title", "text": "Some words.", "lang": "en"}"#;
    let same = digest(line, "team=search");
    assert_eq!(digest(line, "team=search"), same);
    for (changed, value) in [
        (line.replace("words", "sword"), "team=search"),
        (line.replace("Title", "Titles"), "team=search"),
        (line.replace("\"en\"", "\"de\""), "team=search"),
        (line.to_owned(), "team=support"),
        (line.to_owned(), "group=search"),
    ] {
        assert_ne!(digest(&changed, value), same, "{changed} {value}");
    }
}

#[test]
fn an_unchanged_corpus_runs_to_a_no_op() {
    let sandbox = Sandbox::published();
    let before = fingerprint(&sandbox.path("store/versions"));
    let ran = sandbox
        .run(["run", "--json", "--metrics-file", "ragctl.prom"])
        .ok()
        .json();
    assert_eq!(
        (
            ran["changed"].as_bool(),
            ran["build"]["changed"].as_bool(),
            ran["publish"]["changed"].as_bool()
        ),
        (Some(false), Some(false), Some(false))
    );
    assert_eq!(fingerprint(&sandbox.path("store/versions")), before);
    let metrics = fs::read_to_string(sandbox.path("ragctl.prom")).unwrap();
    for line in [
        "ragctl_run_success 1",
        "ragctl_documents 3",
        "ragctl_chunks 4",
        "ragctl_live_version_info{version=\"v0.1.0\"} 1",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line} is not in {metrics}"
        );
    }
}

#[test]
fn a_failed_run_keeps_the_time_of_the_last_success() {
    let sandbox = Sandbox::published();
    let value = |name: &str| {
        let metrics = fs::read_to_string(sandbox.path("m.prom")).unwrap();
        metrics
            .lines()
            .find_map(|line| line.strip_prefix(name).map(|value| value.trim().to_owned()))
            .unwrap()
    };
    sandbox.run(["run", "--metrics-file", "m.prom"]).ok();
    let success = value("ragctl_run_last_success_timestamp_seconds");
    fs::remove_dir_all(sandbox.path("docs")).unwrap();
    sandbox.run(["run", "--metrics-file", "m.prom"]).code(2);
    assert_eq!(
        (
            value("ragctl_run_success"),
            value("ragctl_run_last_success_timestamp_seconds")
        ),
        ("0".into(), success)
    );
}

#[test]
fn the_bump_follows_what_changed_and_only_new_chunks_are_embedded() {
    let sandbox = Sandbox::published();
    let build = |args: &[&str]| {
        let built = sandbox
            .run([&["build", "--json"], args].concat())
            .ok()
            .json();
        (
            built["version"].as_str().unwrap().to_owned(),
            built["embedded"].as_u64().unwrap(),
        )
    };
    assert_eq!(build(&["--exact-below", "7"]), ("v0.1.1".into(), 0));
    sandbox.write("docs/beta.txt", "Other words.\n");
    sandbox.run(["ingest"]).ok();
    assert_eq!(build(&[]), ("v0.2.0".into(), 1));
    assert_eq!(build(&["--pre", "rc1"]), ("v0.3.0-rc1".into(), 0));
    assert_eq!(build(&["--bump", "major"]), ("v1.0.0".into(), 0));

    let other = sandbox.path("other-model");
    crate::support::copy_tree(&crate::support::tiny_bert(), &other);
    fs::write(
        other.join("sentence_bert_config.json"),
        "{\"max_seq_length\": 32}",
    )
    .unwrap();
    sandbox.run(["ingest", "--model", "./other-model"]).ok();
    assert_eq!(build(&["--model", "./other-model"]), ("v2.0.0".into(), 4));
    sandbox
        .run(["embed"])
        .code(14)
        .tells("was cut for other-model");
}

#[test]
fn a_name_means_one_content_even_after_the_version_is_gone() {
    let sandbox = Sandbox::published();
    let again = sandbox.run(["build", "v0.1.0", "--json"]).ok().json();
    assert_eq!(again["changed"], false);
    sandbox.write("docs/beta.txt", "Other words.\n");
    sandbox.run(["ingest"]).ok();
    sandbox
        .run(["build", "v0.1.0"])
        .code(13)
        .tells("already used");
    sandbox.run(["build", "v0.9.0"]).ok();
    sandbox.remove("store/versions/v0.9.0");
    sandbox.run(["build", "0.9.0"]).code(13);
    assert_eq!(sandbox.run(["build", "-o", "name"]).ok().line(), "v0.10.0");
}

#[test]
fn a_dry_run_writes_nothing_and_takes_no_lock() {
    let sandbox = Sandbox::published();
    sandbox.write("docs/beta.txt", "Other words.\n");
    sandbox.run(["ingest"]).ok();
    sandbox.run(["build"]).ok();
    let before = fingerprint(&sandbox.path("store"));
    let _lock = crate::support::hold_lock(&sandbox.path("store/state/lock"));
    let _run_lock = crate::support::hold_lock(&sandbox.path("store/state/run.lock"));
    for args in [
        &["ingest", "--dry-run"][..],
        &["embed", "--dry-run"],
        &["build", "--dry-run"],
        &["publish", "v0.2.0", "--dry-run"],
        &["rollback", "--to", "v0.2.0", "--dry-run"],
        &["run", "--dry-run"],
        &["init", "--dry-run"],
    ] {
        let answer = sandbox.run([args, &["--json"]].concat()).ok().json();
        assert_eq!(answer["dry_run"], true, "{args:?}");
    }
    assert_eq!(fingerprint(&sandbox.path("store")), before);
}

#[test]
fn nothing_but_the_answer_is_printed_on_a_pipe() {
    let sandbox = Sandbox::with_docs();
    for args in [
        &["ingest"][..],
        &["embed"],
        &["build"],
        &["verify", "v0.1.0"],
        &["publish", "v0.1.0"],
        &["query", "x"],
        &["list"],
    ] {
        let output = sandbox.run(args.iter().copied()).ok();
        assert_eq!(output.stderr, "", "{args:?}");
        assert!(!output.stdout.contains('\u{1b}'), "{args:?}");
    }
    let output = sandbox.run(["run", "--progress", "json"]).ok();
    assert!(!output.stderr.is_empty());
    for line in output.stderr.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(event["stage"].is_string(), "{line}");
    }
}

#[test]
fn a_table_above_the_threshold_gets_an_index_with_measured_recall() {
    let sandbox = Sandbox::with_docs();
    let lines: String = (0..400)
        .map(|n| {
            format!(
                "{{\"_id\": \"{n}\", \"text\": \"chunk {n} of version {} is in index {}\"}}\n",
                n % 7,
                n * 31 % 101
            )
        })
        .collect();
    sandbox.write("many.jsonl", &lines);
    sandbox.run(["ingest", "many.jsonl"]).ok();
    let built = sandbox
        .run(["build", "--exact-below", "300", "--json"])
        .ok()
        .json();
    let recall = built["index"]["recall"].as_f64().unwrap();
    assert!((0.9..=1.0).contains(&recall), "{built}");
    sandbox.run(["verify", "v0.1.0"]).ok();
    sandbox.run(["publish", "v0.1.0"]).ok();
    let ids = |args: &[&str]| {
        let found = sandbox
            .run(
                [
                    &["query", "chunk 12 of version 5", "--json", "-k", "3"],
                    args,
                ]
                .concat(),
            )
            .ok()
            .json();
        found["hits"][0]["doc_id"].as_str().unwrap().to_owned()
    };
    assert_eq!(ids(&[]), ids(&["--exact"]));
}

#[test]
fn a_version_that_failed_its_gate_is_not_built_again_and_an_older_one_does_not_come_back() {
    let sandbox = Sandbox::published();
    let names = || {
        let list = sandbox.run(["list", "-o", "name"]).ok().line();
        list.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let first = fs::read_to_string(sandbox.path("docs/beta.txt")).unwrap();
    sandbox.write("docs/beta.txt", "Other words.\n");
    sandbox.run(["ingest"]).ok();
    sandbox.run(["build"]).ok();
    // Built but not published: the run takes it up.
    sandbox.run(["run"]).ok();
    assert_eq!(names(), ["v0.2.0", "v0.1.0"]);
    sandbox.write("docs/beta.txt", &first);
    sandbox.run(["run"]).ok();
    assert_eq!(names(), ["v0.3.0", "v0.2.0", "v0.1.0"]);
    assert_eq!(sandbox.run(["status", "-o", "name"]).ok().line(), "v0.3.0");
}
