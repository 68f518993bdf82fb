//! A version proves what it finds: golden queries, recall, latency, and how a release is let through all the same.

use std::fs;

use crate::support::{Output, Sandbox};

/// Six documents, each with a word of its own, and the queries that ask for these words.
const WORDS: [&str; 6] = ["apple", "banana", "cherry", "damson", "elder", "fig"];

fn orchard() -> Sandbox {
    let sandbox = Sandbox::with_docs();
    let mut golden = String::new();
    for word in WORDS {
        sandbox.write(
            &format!("docs/{word}.md"),
            &format!("# About {word}\n\nThe {word} grows on a tree.\n"),
        );
        golden.push_str(&format!(
            "{{\"query\": \"{word}\", \"expect\": [\"{word}.md\"], \"tag\": \"fruit\"}}\n"
        ));
    }
    sandbox.write("golden.jsonl", &golden);
    let config = fs::read_to_string(sandbox.path("ragctl.toml")).unwrap();
    let golden = "[golden]\nfile = \"golden.jsonl\"\nmode = \"text\"\n";
    sandbox.write("ragctl.toml", &format!("{config}{golden}"));
    sandbox
}

fn finding(output: &Output, check: &str) -> serde_json::Value {
    let report = output.json();
    let checks = report["checks"].as_array().unwrap();
    let found = checks.iter().find(|found| found["name"] == check);
    found
        .unwrap_or_else(|| panic!("no {check} in {report}"))
        .clone()
}

#[test]
fn a_version_carries_its_golden_queries_and_answers_them() {
    let sandbox = orchard();
    sandbox.run(["run"]).ok();
    let carried = fs::read(sandbox.path("store/versions/v0.1.0/golden.jsonl")).unwrap();
    assert_eq!(carried, fs::read(sandbox.path("golden.jsonl")).unwrap());
    let verified = sandbox
        .run(["verify", "--min-recall-at-5", "1", "--json"])
        .ok();
    assert_eq!(verified.json()["retrieval"]["golden"]["recall_at_5"], 1.0);
    assert_eq!(verified.json()["retrieval"]["tags"][0]["tag"], "fruit");
    let scored = sandbox.run(["golden", "score", "--json"]).ok().json();
    let first = &scored["queries"][0]["found"][0];
    assert_eq!(
        (&scored["mrr"], first),
        (&1.0.into(), &"docs/apple.md".into())
    );
}

#[test]
fn queries_that_are_edited_make_a_new_version() {
    let sandbox = orchard();
    sandbox.run(["run"]).ok();
    let again = sandbox.run(["build", "--if-changed", "--json"]).ok().json();
    assert_eq!(again["changed"], false);
    sandbox.write(
        "golden.jsonl",
        "{\"query\": \"pear\", \"expect\": [\"pear.md\"]}\n",
    );
    assert_eq!(sandbox.run(["build", "-o", "name"]).ok().line(), "v0.1.1");
    // What the version cannot hold is odd, and said.
    let verified = sandbox.run(["verify", "v0.1.1", "--json"]).ok();
    let golden = finding(&verified, "golden");
    assert!(
        golden["warnings"][0].as_str().unwrap().contains("pear.md"),
        "{golden}"
    );
    sandbox.write("golden.jsonl", "{\"query\": \"pear\"}\n");
    sandbox
        .run(["build"])
        .code(2)
        .tells("line 1")
        .tells("golden suggest");
    sandbox
        .run(["build", "--golden", "none.jsonl"])
        .code(2)
        .tells("none.jsonl");
}

#[test]
fn a_gate_that_fails_is_named_and_blocks_unless_it_is_waived_with_a_reason() {
    let sandbox = orchard();
    sandbox.run(["run"]).ok();
    fs::remove_file(sandbox.path("docs/apple.md")).unwrap();
    sandbox.run(["ingest"]).ok();
    sandbox.run(["build"]).ok();
    let gate = ["--min-recall-at-5", "0.9"];
    let verify =
        |more: &[&str]| sandbox.run([&["verify", "v0.2.0", "--json"], &gate[..], more].concat());
    let failed = verify(&[]).code(15);
    let golden = finding(&failed, "golden");
    assert!(golden["problems"].to_string().contains("apple"), "{golden}");
    assert!(
        finding(&failed, "regression")["problems"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    verify(&["--junit", "junit.xml"]).code(15);
    let junit = fs::read_to_string(sandbox.path("junit.xml")).unwrap();
    assert!(
        junit.contains("<failure") && junit.contains("classname=\"ragctl.retrieval\""),
        "{junit}"
    );
    let annotated = sandbox
        .command(["verify", "v0.2.0", "--min-recall-at-5", "0.9"])
        .env("GITHUB_ACTIONS", "true")
        .output()
        .unwrap();
    Output::of(annotated)
        .code(15)
        .tells("::error title=ragctl verify v0.2.0%3A golden::recall@5");

    let publish = |more: &[&str]| sandbox.run([&["publish", "v0.2.0"], &gate[..], more].concat());
    publish(&[]).code(15).tells("--waive golden");
    publish(&["--waive", "golden"]).code(2).tells("--reason");
    publish(&["--waive", "bytes", "--reason", "x"]).code(2);
    publish(&["--waive", "recall", "--reason", "x"]).code(15);
    publish(&["--waive", "golden", "--reason", "apples are out"]).ok();
    let history = sandbox.run(["history", "--json"]).ok().json();
    assert!(
        history.to_string().contains("\"waived\":[\"golden\"]"),
        "{history}"
    );
}

#[test]
fn a_regression_blocks_where_it_is_no_chance() {
    let sandbox = orchard();
    sandbox.run(["run"]).ok();
    for word in WORDS {
        sandbox.write(
            &format!("docs/{word}.md"),
            "# Nothing\n\nNothing grows here.\n",
        );
    }
    sandbox.run(["ingest"]).ok();
    sandbox.run(["build"]).ok();
    let failed = sandbox.run(["verify", "v0.2.0", "--json"]).code(15);
    let regression = finding(&failed, "regression");
    assert!(
        regression["problems"][0]["at"] == "recall@5",
        "{regression}"
    );
    assert!(
        finding(&failed, "golden")["problems"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    sandbox
        .run(["publish", "v0.2.0"])
        .code(15)
        .tells("regression");
    sandbox.run(["verify", "v0.2.0", "--against", "none"]).ok();
    // What holds against nothing is no proof against what is live.
    sandbox
        .run(["publish", "v0.2.0"])
        .code(15)
        .tells("regression");
}

#[test]
fn a_latency_budget_is_a_gate() {
    let sandbox = Sandbox::published();
    let failed = sandbox
        .run(["verify", "--max-query-ms", "0.000001", "--json"])
        .code(15);
    assert_eq!(
        finding(&failed, "latency")["problems"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    sandbox.run(["verify", "--max-query-ms", "-1"]).code(2);
    sandbox
        .run(["verify", "--min-ann-recall", "1.5"])
        .code(2)
        .tells("0 to 1");
    sandbox.run(["verify", "--sample", "100%"]).ok();
    sandbox.run(["verify", "--sample", "0%"]).code(2);
}

#[test]
fn every_kind_of_index_covers_all_rows_and_is_tuned() {
    let sandbox = Sandbox::with_docs();
    let lines: String = (0..600)
        .map(|n| format!("{{\"_id\": \"{n}\", \"text\": \"chunk {n} of version {} is in index {}\", \"year\": {}}}\n", n % 7, n * 31 % 101, 2000 + n % 5))
        .collect();
    sandbox.write("many.jsonl", &lines);
    sandbox.write(
        "ragctl.toml",
        &format!(
            "{}\nid_field = \"_id\"\ntext_field = \"text\"\nmetadata_fields = [\"year\"]\n",
            fs::read_to_string(sandbox.path("ragctl.toml"))
                .unwrap()
                .replace("path = \"docs\"", "path = \"many.jsonl\"")
        ),
    );
    sandbox.run(["ingest"]).ok();
    for kind in ["IVF_RQ", "IVF_HNSW_SQ", "IVF_SQ", "IVF_PQ"] {
        let name = sandbox
            .run(["build", "--index", kind, "-o", "name"])
            .ok()
            .line();
        let manifest: serde_json::Value = serde_json::from_slice(
            &fs::read(sandbox.path(&format!("store/versions/{name}/manifest.json"))).unwrap(),
        )
        .unwrap();
        let indexes = manifest["tables"][0]["indexes"].as_array().unwrap();
        let kinds: Vec<&str> = indexes
            .iter()
            .map(|index| index["params"]["type"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, [kind, "BITMAP", "BITMAP", "FTS"]);
        assert!(
            !indexes[0]["curve"].as_array().unwrap().is_empty(),
            "{kind}"
        );
        assert!(
            indexes[0]["recall"].as_f64().unwrap() >= 0.9,
            "{}",
            indexes[0]
        );
        sandbox.run(["verify", &name]).ok();
        let found = |more: &[&str]| {
            let args = [
                &[
                    "query",
                    "chunk 12 of version 5",
                    "--json",
                    "-k",
                    "3",
                    "--version",
                    &name,
                    "--filter",
                    "year = 2002",
                ],
                more,
            ]
            .concat();
            let hits = sandbox.run(args).ok().json()["hits"].clone();
            hits.as_array()
                .unwrap()
                .iter()
                .map(|hit| hit["metadata"]["year"].as_i64().unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            (found(&[]), found(&["--exact"])),
            (vec![2002; 3], vec![2002; 3])
        );
        assert_eq!(found(&["--mode", "hybrid"]), vec![2002; 3]);
    }
}

#[test]
fn words_and_vectors_are_fused_and_a_version_without_words_says_so() {
    let sandbox = orchard();
    sandbox.run(["run"]).ok();
    let first = |mode: &str, question: &str| {
        let hits = sandbox
            .run(["query", question, "--mode", mode, "--json"])
            .ok()
            .json()["hits"]
            .clone();
        hits[0]["doc_id"].as_str().map(str::to_owned)
    };
    assert_eq!(first("text", "damson trees").as_deref(), Some("damson.md"));
    assert_eq!(first("text", "zebra"), None);
    let hybrid = sandbox
        .run(["query", "cherry", "--mode", "hybrid", "-k", "4", "--json"])
        .ok()
        .json();
    let hits = hybrid["hits"].as_array().unwrap();
    let scores: Vec<f64> = hits
        .iter()
        .map(|hit| hit["score"].as_f64().unwrap())
        .collect();
    assert_eq!(hits.len(), 4);
    assert!(
        scores.is_sorted_by(|a, b| a >= b) && scores[0] <= 2.0 / 60.0 + 1e-6,
        "{scores:?}"
    );
    sandbox.run(["query", "x", "--mode", "magic"]).code(2);

    let name = sandbox
        .run(["build", "--text-language", "none", "-o", "name"])
        .ok()
        .line();
    sandbox
        .run(["query", "cherry", "--mode", "text", "--version", &name])
        .code(2)
        .tells("text_language");
    sandbox
        .run(["build", "--text-language", "klingon"])
        .code(2)
        .tells("klingon");
    sandbox.run(["build", "--index", "b-tree"]).code(2);
}

#[test]
fn suggested_queries_can_be_asked_as_they_are() {
    let sandbox = orchard();
    sandbox.run(["run"]).ok();
    let suggested = sandbox.run(["golden", "suggest", "--count", "4"]).ok();
    assert_eq!(suggested.stdout.lines().count(), 4);
    sandbox.write("suggested.jsonl", &suggested.stdout);
    let args = [
        "golden",
        "score",
        "--file",
        "suggested.jsonl",
        "--mode",
        "text",
        "--json",
    ];
    let scored = sandbox.run(args).ok().json();
    assert_eq!(scored["recall_at_5"], 1.0, "{scored}");
}

#[test]
fn a_live_version_that_cannot_be_asked_holds_no_release_up() {
    let sandbox = orchard();
    let plain = ["build", "--text-language", "none", "-o", "name"];
    sandbox.run(["ingest"]).ok();
    let first = sandbox.run(plain).ok().line();
    sandbox
        .run(["publish", &first, "--require", "vectors"])
        .ok();
    let next = sandbox.run(["build", "-o", "name"]).ok().line();
    sandbox
        .run(["publish", &next])
        .ok()
        .tells("was not compared with");
}
