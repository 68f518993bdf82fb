//! Questions, filters, and the shapes of answers.

use crate::support::Sandbox;

fn with_tickets() -> Sandbox {
    let sandbox = Sandbox::with_docs();
    sandbox.write(
        "tickets.jsonl",
        "{\"_id\": \"T-1\", \"title\": \"Login\", \"text\": \"cannot log in\", \"product\": \"web\", \"year\": 2024, \"open\": true, \"score\": 1}\n\
         {\"_id\": \"T-2\", \"title\": \"\", \"text\": \"page is slow\", \"product\": \"web\", \"year\": 2025, \"open\": false, \"score\": 0.5}\n\
         {\"_id\": \"T-3\", \"text\": \"app it's crashing\", \"product\": \"app's\", \"year\": 2026}\n",
    );
    let fields = "product,year,open,score";
    sandbox
        .run([
            "ingest",
            "tickets.jsonl",
            "docs",
            "--metadata-field",
            fields,
            "--metadata",
            "lang=en",
        ])
        .ok();
    sandbox.run(["build"]).ok();
    sandbox.run(["publish", "v0.1.0"]).ok();
    sandbox
}

fn found(sandbox: &Sandbox, filter: &str) -> Vec<String> {
    let answer = sandbox
        .run(["query", "words", "-k", "10", "--json", "--filter", filter])
        .ok()
        .json();
    let mut ids: Vec<String> = answer["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| hit["doc_id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

#[test]
fn filters_see_typed_metadata_and_the_stores_own_columns() {
    let sandbox = with_tickets();
    for (filter, ids) in [
        ("product = 'web'", &["T-1", "T-2"][..]),
        ("product = 'app''s'", &["T-3"]),
        ("year >= 2025 and source = 'tickets'", &["T-2", "T-3"]),
        ("open = true or year = 2026", &["T-1", "T-3"]),
        (
            "not (product in ('web', 'none')) and source = 'tickets'",
            &["T-3"],
        ),
        ("score < 0.75", &["T-2"]),
        ("uri like '%slow%' or title like 'Log%'", &["T-1"]),
        ("doc_id = 'beta.txt'", &["beta.txt"]),
        ("year > 3000", &[]),
    ] {
        assert_eq!(found(&sandbox, filter), ids, "{filter}");
    }
    sandbox
        .run(["query", "x", "--filter", "prodct = 'web'"])
        .code(2)
        .tells("Did you mean `product`?");
    sandbox
        .run(["query", "x", "--filter", "year = 'x' or 1=1"])
        .code(2);
}

#[test]
fn hits_carry_the_users_metadata() {
    let sandbox = with_tickets();
    let answer = sandbox
        .run(["query", "Login cannot log in", "-k", "1", "--json"])
        .ok()
        .json();
    let hit = &answer["hits"][0];
    assert_eq!(
        (
            hit["doc_id"].as_str(),
            hit["title"].as_str(),
            hit["text"].as_str()
        ),
        (Some("T-1"), Some("Login"), Some("Login cannot log in"))
    );
    assert_eq!(
        hit["metadata"],
        serde_json::json!({"lang": "en", "open": true, "product": "web", "score": 1.0, "year": 2024})
    );
}

#[test]
fn many_questions_give_one_line_each_in_their_order() {
    let sandbox = with_tickets();
    sandbox.write("q.jsonl", "{\"_id\": \"a\", \"text\": \"slow\"}\n\n{\"id\": 7, \"text\": \"crash\"}\n{\"text\": \"login\"}\n");
    let output = sandbox
        .run(["query", "--input", "q.jsonl", "--json", "-k", "2"])
        .ok();
    let lines: Vec<serde_json::Value> = output
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ids: Vec<_> = lines
        .iter()
        .map(|line| line["query_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["a", "7", "4"]);
    assert!(
        lines
            .iter()
            .all(|line| line["hits"].as_array().unwrap().len() == 2 && line["version"] == "v0.1.0")
    );
    sandbox.write("bad.jsonl", "{\"id\": 1}\n");
    sandbox
        .run(["query", "--input", "bad.jsonl"])
        .code(2)
        .tells("bad.jsonl line 1");
    sandbox.run(["query"]).code(2);
}
