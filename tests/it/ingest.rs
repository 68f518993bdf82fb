//! What is read, what is not, and that nothing disappears without a word.

use std::io::Write as _;
use std::process::Stdio;

use crate::support::{Output, Sandbox};

#[test]
fn directories_obey_globs_and_ignore_files_and_do_not_follow_links() {
    let sandbox = Sandbox::with_docs();
    sandbox.write("docs/.gitignore", "private/\n");
    sandbox.write("docs/.ragctlignore", "*.draft.md\n");
    sandbox.write("docs/private/secret.md", "secret");
    sandbox.write("docs/a.draft.md", "draft");
    sandbox.write("docs/image.png", "\u{89}PNG");
    sandbox.write("elsewhere/b.md", "elsewhere");
    std::os::unix::fs::symlink(sandbox.path("elsewhere"), sandbox.path("docs/link")).unwrap();
    let plan = |args: &[&str]| {
        sandbox
            .run([&["ingest", "--list", "--json"], args].concat())
            .ok()
            .json()["plan"]["sources"][0]
            .clone()
    };
    let all = plan(&[]);
    assert_eq!(
        all["items"],
        serde_json::json!(["docs/alpha.md", "docs/beta.txt", "docs/gamma.html"])
    );
    assert_eq!(all["left_out"].as_array().unwrap().len(), 6);
    assert_eq!(
        plan(&[
            "docs",
            "--include",
            "**/*.md,**/*.txt",
            "--exclude",
            "beta*"
        ])["items"],
        serde_json::json!(["docs/alpha.md"])
    );
    assert_eq!(
        plan(&["docs/*.txt"])["items"],
        serde_json::json!(["docs/beta.txt"])
    );
    sandbox
        .run(["ingest"])
        .ok()
        .tells("1 file(s) of unknown format");
}

#[test]
fn standard_input_and_file_lists_are_sources() {
    let sandbox = Sandbox::with_docs();
    let feed = |args: &[&str], text: &str| {
        let mut child = sandbox
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        Output::of(child.wait_with_output().unwrap()).ok().json()
    };
    assert_eq!(
        feed(&["ingest", "-", "--json"], "Some words.")["documents"],
        1
    );
    assert_eq!(
        feed(
            &["ingest", "-", "--json", "--text-field", "text"],
            "{\"text\": \"one\"}\n{\"text\": \"two\"}\n"
        )["documents"],
        2
    );
    assert_eq!(
        feed(
            &["ingest", "--files-from", "-", "--json", "--max-failed", "1"],
            "docs/alpha.md\nno/where.md\ndocs/beta.txt\n"
        )["documents"],
        2
    );
}

#[test]
fn bad_records_are_failures_with_their_line_and_the_good_ones_are_kept() {
    let sandbox = Sandbox::with_docs();
    let long = "{\"_id\": \"1\", \"text\": \"good\"}\nnot json\n{\"_id\": \"2\"}\n{\"_id\": \"1\", \"text\": \"again\"}\n{\"_id\": \"3\", \"text\": \"good\", \"tags\": [1]}\n{\"_id\": \"4\", \"text\": \"…\"}\n";
    sandbox.write("r.jsonl", long);
    let answer = sandbox
        .run([
            "ingest",
            "r.jsonl",
            "--metadata-field",
            "tags",
            "--max-failed",
            "5",
            "--json",
        ])
        .ok()
        .json();
    assert_eq!(
        (answer["documents"].as_u64(), answer["failed"].as_u64()),
        (Some(1), Some(5))
    );
    let reasons: Vec<String> = answer["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| format!("{} {}", failure["uri"], failure["reason"]))
        .collect();
    for (reason, words) in reasons.iter().zip([
        "#L2\" \"is not a JSON",
        "#L3\" \"has no field `text`",
        "#1\" \"repeats the id `1`",
        "#L5\" \"has an array in `tags`",
        "#L6\" \"holds no text",
    ]) {
        assert!(reason.contains(words), "{reason}");
    }
}

#[test]
fn one_field_has_one_type_and_no_name_of_the_stores() {
    let sandbox = Sandbox::with_docs();
    sandbox.write("r.jsonl", "{\"_id\": \"1\", \"text\": \"x y\", \"n\": 1}\n{\"_id\": \"2\", \"text\": \"x y\", \"n\": \"one\"}\n");
    sandbox
        .run(["ingest", "r.jsonl", "--metadata-field", "n"])
        .code(3)
        .tells("r.jsonl#2: has text in the metadata field `n`, which is integer in r.jsonl#1");
    sandbox
        .run(["ingest", "docs", "--metadata", "vector=1"])
        .code(2)
        .tells("store's own columns");
    sandbox
        .run(["ingest", "docs", "--metadata", "a-b=1"])
        .code(2);
    sandbox
        .run(["ingest", "docs", "docs/alpha.md", "--metadata", "x=1"])
        .ok();
}

#[test]
fn chunks_keep_their_place_and_never_exceed_the_cap() {
    let sandbox = Sandbox::with_docs();
    let text: String = (0..60)
        .map(|n| format!("Sentence number {n} is about the store and its index. "))
        .collect();
    sandbox.write(
        "long.md",
        &format!("# Top\n\nintro words\n\n## Sub\n\n{text}\n\n## Last\n\nend\n"),
    );
    let answer = sandbox
        .run(["inspect", "chunk", "long.md", "--json"])
        .ok()
        .json();
    let chunks = answer["chunks"].as_array().unwrap();
    assert!(chunks.len() > 10);
    let full = std::fs::read_to_string(sandbox.path("long.md")).unwrap();
    for (ordinal, chunk) in chunks.iter().enumerate() {
        let at = |name: &str| chunk[name].as_u64().unwrap() as usize;
        assert_eq!(
            &full[at("byte_start")..at("byte_end")],
            chunk["text"].as_str().unwrap()
        );
        assert_eq!(at("ordinal"), ordinal);
        assert!(at("tokens") <= 62, "{chunk}");
    }
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk["text"].as_str().unwrap().contains(' ')),
        "a chunk is only a heading"
    );
    assert_eq!(chunks[1]["heading"], serde_json::json!(["Top", "Sub"]));
    assert_eq!(
        chunks.last().unwrap()["heading"],
        serde_json::json!(["Top", "Last"])
    );
    // A long script of comments is text, not headings: none of it may go missing.
    let script: String = (0..40)
        .map(|n| format!("# comment number {n} of the script\n"))
        .collect();
    sandbox.write("script.md", &format!("# Top\n\n```sh\n{script}```\n"));
    let kept = sandbox.run(["inspect", "chunk", "script.md"]).ok().stdout;
    assert!(
        (0..40).all(|n| kept.contains(&format!("comment number {n} of"))),
        "{kept}"
    );
    let whole = sandbox
        .run(["ingest", "long.md", "--strategy", "document", "--json"])
        .ok()
        .json();
    assert_eq!(
        (whole["chunks"].as_u64(), whole["truncated"].as_u64()),
        (Some(1), Some(1))
    );
}

#[test]
fn an_ingest_of_the_same_documents_is_the_same_snapshot() {
    let sandbox = Sandbox::with_docs();
    let one = sandbox.run(["ingest", "--json"]).ok().json();
    let other = sandbox.run(["ingest", "--json"]).ok().json();
    assert_eq!(
        (&one["snapshot"], &one["changed"], &other["changed"]),
        (&other["snapshot"], &true.into(), &false.into())
    );
}

#[test]
fn what_documents_say_does_not_steer_the_terminal() {
    let sandbox = Sandbox::with_docs();
    sandbox.write(
        "evil.md",
        "# \u{1b}]0;pwned\u{7}Title\n\nwords \u{1b}[2J\u{202e}reversed\n",
    );
    let output = sandbox.run(["inspect", "extract", "evil.md"]).ok();
    assert!(
        !output.stdout.contains(['\u{1b}', '\u{7}', '\u{202e}']),
        "{output}"
    );
    sandbox.write("docs/\u{1b}[2J.txt", "binary\0");
    let output = sandbox.run(["ingest", "--max-failed", "1"]).ok();
    assert!(
        !output.stderr.contains('\u{1b}') && output.stderr.contains("\\u{1b}[2J.txt"),
        "{output}"
    );
}

#[test]
fn a_directory_that_cannot_be_read_is_a_failure_and_the_rest_is_read() {
    use std::os::unix::fs::symlink;
    let sandbox = Sandbox::with_docs();
    // A link to itself cannot be looked at, even by root.
    symlink("loop", sandbox.path("docs/loop")).unwrap();
    sandbox.run(["ingest"]).ok();
    sandbox.write("hostile/br\nerror: forged.pdf", "%PDF-1.4 nothing");
    let output = sandbox
        .run(["ingest", "hostile"])
        .code(3)
        .tells("br\\nerror: forged.pdf");
    assert!(
        !output
            .stderr
            .lines()
            .any(|line| line.starts_with("error: forged")),
        "{output}"
    );
}
