//! A document that is forgotten is nowhere in the store, and does not come back.

use std::fs;

use ragctl::store::Store;

use crate::support::{Sandbox, eventually, fingerprint};

const SECRET: &str = "The plain secret of Mr Zebedee is kept in the ninth drawer.";

/// A sandbox whose document `beta.txt` is in v0.1.0 and v0.2.0 (live), and on the channel canary.
fn with_secret() -> Sandbox {
    let sandbox = Sandbox::with_docs();
    sandbox.write("docs/beta.txt", SECRET);
    sandbox.run(["run"]).ok();
    sandbox.write("docs/alpha.md", "# Alpha\n\nChanged.\n");
    sandbox.run(["run"]).ok();
    sandbox
        .run(["publish", "v0.1.0", "--channel", "canary"])
        .ok();
    sandbox.run(["pin", "v0.1.0"]).ok();
    sandbox
}

fn files_with(sandbox: &Sandbox, words: &str) -> Vec<String> {
    let files = fingerprint(&sandbox.path("store"))
        .into_iter()
        .map(|(path, _)| path);
    let files = files.filter(|path| !path.is_symlink());
    let holds = |path: &std::path::PathBuf| {
        let bytes = fs::read(path).unwrap();
        bytes
            .windows(words.len())
            .any(|window| window == words.as_bytes())
    };
    files
        .filter(holds)
        .map(|path| path.display().to_string())
        .collect()
}

const FORGET: [&str; 7] = [
    "forget",
    "--doc",
    "beta.txt",
    "--reason",
    "takedown 4711",
    "--json",
    "--quiet",
];

#[test]
fn a_forgotten_document_is_in_no_file_no_version_and_no_later_ingest() {
    let sandbox = with_secret();
    assert!(!files_with(&sandbox, SECRET).is_empty());
    let before = fingerprint(&sandbox.path("store"));
    let plan = sandbox
        .run([&FORGET[..], &["--dry-run"]].concat())
        .ok()
        .json();
    assert_eq!(plan["found"]["versions"].as_array().unwrap().len(), 2);
    assert_eq!(fingerprint(&sandbox.path("store")), before);

    let answer = sandbox.run(FORGET).ok().json();
    assert_eq!(files_with(&sandbox, SECRET), Vec::<String>::new());
    assert_eq!(files_with(&sandbox, "beta.txt"), Vec::<String>::new());
    assert_eq!(answer["proof"]["remains"].as_array().unwrap().len(), 0);
    let list = sandbox.run(["list", "-o", "name"]).ok().stdout;
    assert!(
        !list.contains("v0.1.0") && !list.contains("v0.2.0"),
        "{list}"
    );
    // Each channel says what it said, without the document.
    for (channel, words) in [("current", "Changed."), ("canary", "publishes")] {
        let path = sandbox
            .run(["resolve", "--channel", channel, "-o", "name"])
            .ok()
            .line();
        sandbox.run(["verify", path.as_str()]).ok();
        let hits = sandbox
            .run(["query", words, "--version", path.as_str(), "--json"])
            .ok()
            .json();
        let hits = hits["hits"].as_array().unwrap();
        assert!(
            hits.iter()
                .any(|hit| hit["text"].as_str().unwrap().contains(words)),
            "{hits:?}"
        );
        assert!(hits.iter().all(|hit| hit["doc_id"] != "beta.txt"));
    }
    sandbox.run(["rollback", "--to", "v0.1.0"]).code(10);
    let ingested = sandbox.run(["ingest", "--json"]).ok().json();
    assert_eq!(
        (&ingested["withdrawn"], &ingested["documents"]),
        (&1.into(), &2.into())
    );
    sandbox.run(["run"]).ok();
    assert_eq!(files_with(&sandbox, SECRET), Vec::<String>::new());
    // Again: nothing to do, proven once more.
    assert_eq!(sandbox.run(FORGET).ok().json()["changed"], false);
}

#[test]
fn a_version_that_a_reader_holds_is_withdrawn_at_once_and_removed_when_the_reader_ends() {
    let sandbox = with_secret();
    let store = Store::open(&sandbox.path("store")).unwrap();
    let name = "v0.1.0".parse().unwrap();
    let held = store.hold(Some(&name)).unwrap();
    let answer = sandbox.run(FORGET).ok().json();
    assert_eq!(answer["held"][0], "v0.1.0");
    for refused in [
        &["rollback", "--to", "v0.1.0"][..],
        &["publish", "v0.1.0"],
        &["promote", "v0.1.0", "v0.1.1"],
        &["pin", "v0.1.0"],
    ] {
        sandbox
            .run(refused.iter())
            .code(13)
            .tells("v0.1.0 is withdrawn");
    }
    assert!(held.dir.join("manifest.json").is_file());
    drop(held);
    eventually("no reader", || store.readers(&name).unwrap() == 0);
    sandbox.run(["gc"]).ok();
    assert!(!sandbox.path("store/versions/v0.1.0").exists());
    assert_eq!(files_with(&sandbox, SECRET), Vec::<String>::new());
}

#[test]
fn a_source_is_forgotten_as_a_whole_and_unknown_documents_are_said_to_be_unknown() {
    let sandbox = with_secret();
    sandbox.run(["forget", "--doc", "nowhere.txt"]).code(10);
    sandbox
        .run(["forget", "--doc", "beta.txt", "--source", "other"])
        .code(10);
    sandbox.run(["forget"]).code(2);
    sandbox.write(
        "more/notes.txt",
        "Words of another source stay where they are, of course.\n",
    );
    let text = fs::read_to_string(sandbox.path("ragctl.toml")).unwrap();
    sandbox.write(
        "ragctl.toml",
        &(text + "[[source]]\nid = \"more\"\npath = \"more\"\n"),
    );
    sandbox.run(["run"]).ok();
    sandbox.run(["forget", "--source", "docs"]).ok();
    assert_eq!(files_with(&sandbox, SECRET), Vec::<String>::new());
    let hits = sandbox.run(["query", "words", "--json"]).ok().json();
    assert!(
        hits["hits"]
            .as_array()
            .unwrap()
            .iter()
            .all(|hit| hit["source"] == "more")
    );
}

#[test]
fn a_snapshot_made_before_the_forgetting_is_not_built_after_it() {
    let sandbox = with_secret();
    let kept = sandbox.path("kept");
    crate::support::copy_tree(&sandbox.path("store/snapshots"), &kept);
    sandbox.run(FORGET).ok();
    for entry in fs::read_dir(&kept).unwrap() {
        let entry = entry.unwrap();
        let to = sandbox.path("store/snapshots").join(entry.file_name());
        if !to.exists() && entry.path().is_dir() {
            crate::support::copy_tree(&entry.path(), &to);
            let id = entry.file_name().into_string().unwrap();
            sandbox
                .run(["build", "--snapshot", &id])
                .code(13)
                .tells("forgotten since");
        }
    }
}

#[test]
fn a_document_that_could_not_be_read_is_forgotten_like_any_other() {
    let sandbox = Sandbox::with_docs();
    sandbox.write("docs/broken.pdf", "%PDF-1.4 and nothing else");
    sandbox.run(["run", "--max-failed", "1"]).ok();
    let answer = sandbox
        .run(["forget", "--doc", "broken.pdf", "--json"])
        .ok()
        .json();
    assert_eq!(answer["successors"][0]["version"], "v0.1.1");
    assert_eq!(files_with(&sandbox, "broken.pdf"), Vec::<String>::new());
    sandbox.run(["query", "words"]).ok();
}

#[test]
fn after_forgetting_gc_keeps_what_a_rollback_goes_back_to() {
    let sandbox = Sandbox::published();
    for text in ["second", "third"] {
        sandbox.write("docs/secret.txt", &format!("{SECRET} {text}"));
        sandbox.run(["run"]).ok();
    }
    sandbox.run(["forget", "--doc", "secret.txt"]).ok();
    sandbox
        .run(["gc", "--keep-last", "1", "--keep-within", "0s", "--instant"])
        .ok();
    assert_eq!(
        sandbox.run(["rollback", "-o", "name"]).ok().line(),
        "v0.1.0"
    );
}

#[test]
fn a_candidate_on_a_channel_is_succeeded_by_a_candidate() {
    let sandbox = Sandbox::published();
    sandbox.write("docs/secret.txt", SECRET);
    sandbox.write("docs/alpha.md", "# Alpha\n\nA candidate's words.\n");
    sandbox.run(["ingest"]).ok();
    sandbox.run(["build", "--pre", "rc1"]).ok();
    sandbox
        .run(["publish", "v0.2.0-rc1", "--channel", "canary"])
        .ok();
    let forget = ["forget", "--doc", "secret.txt", "--json"];
    let text = fs::read_to_string(sandbox.path("ragctl.toml")).unwrap();
    sandbox.write(
        "ragctl.toml",
        &(text + "[publish]\nmin_interval = \"1h\"\npre_hook = \"false\"\n"),
    );
    let answer = sandbox.run(forget).ok().json();
    let successor = answer["successors"][0]["version"].as_str().unwrap();
    assert!(
        successor.contains("-rc1") && successor != "v0.2.0-rc1",
        "{successor}"
    );
}

#[test]
fn a_damaged_line_of_what_was_withdrawn_lets_nothing_in() {
    let sandbox = with_secret();
    sandbox.run(FORGET).ok();
    let path = sandbox.path("store/state/withdrawn.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("document", "dokument", 1)).unwrap();
    sandbox.run(["ingest"]).code(12).tells("line 1 of");
}
