//! A reader in another process is held against the versions' own indexes. The reader here is `ragctl query` itself, which
//! holds one version for as long as it lives.

use crate::support::{Output, Sandbox};

fn with_reader() -> Sandbox {
    let sandbox = Sandbox::published();
    sandbox.write(
        "golden.jsonl",
        "{\"query\": \"old version\", \"expect\": [\"alpha.md\"]}\n{\"query\": \"words\", \"expect\": [\"beta.txt\"]}\n",
    );
    sandbox.write(
        "mapping.toml",
        "[request]\nbody = { id = \"q\", text = \"{query}\" }\n[response]\nhits = \"$.hits[*]\"\nscore = \"$.score\"\ntext = \"$.text\"\nversion = \"$.version\"\n",
    );
    sandbox
}

fn check(sandbox: &Sandbox, options: &[&str], reader: &[&str]) -> Output {
    let args = [
        "conformance",
        "--golden",
        "golden.jsonl",
        "--mapping",
        "mapping.toml",
        "--json",
    ];
    let program = env!("CARGO_BIN_EXE_ragctl");
    let command = [&["--", program, "query", "--input", "-", "--json"], reader].concat();
    sandbox.run([&args, options, &command].concat())
}

#[test]
fn a_reader_that_answers_as_its_version_does_conforms() {
    let sandbox = with_reader();
    let outcome = check(&sandbox, &["-k", "3", "--rounds", "5"], &["-k", "3"])
        .ok()
        .json();
    assert_eq!(
        (&outcome["answered"], &outcome["found"]),
        (&10.into(), &0.into())
    );
    assert_eq!(outcome["versions"]["v0.1.0"], 10);
}

#[test]
fn a_reader_that_answers_otherwise_is_told_how() {
    let sandbox = with_reader();
    let few = check(&sandbox, &["-k", "3"], &["-k", "2"]).code(15).json();
    assert_eq!(few["findings"][0]["flaw"], "wrong_hits", "{few}");
    let many = check(&sandbox, &["-k", "1"], &["-k", "3"]).code(15).json();
    assert_eq!(many["findings"][0]["flaw"], "too_many", "{many}");
    sandbox.run(["conformance"]).code(2);
    sandbox
        .run([
            "conformance",
            "--url",
            "http://127.0.0.1:9",
            "--golden",
            "golden.jsonl",
        ])
        .code(1);
    sandbox
        .run(["conformance", "--url", "http://127.0.0.1:9"])
        .code(2)
        .tells("golden suggest");
}

#[test]
fn a_reader_that_stays_behind_a_flip_is_found() {
    let sandbox = with_reader();
    sandbox.write("docs/beta.txt", "Other words.\n");
    sandbox.run(["ingest"]).ok();
    sandbox.run(["build"]).ok();
    let options = [
        "-k",
        "3",
        "--rounds",
        "400",
        "--clients",
        "1",
        "--lag",
        "0s",
        "--flip",
        "v0.2.0",
        "--every",
        "100ms",
    ];
    let found = check(&sandbox, &options, &["-k", "3"]).code(15).json();
    assert_eq!(found["findings"][0]["flaw"], "stale_version", "{found}");
    // What was live before is live again.
    assert_eq!(sandbox.run(["status", "-o", "name"]).ok().line(), "v0.1.0");
}
