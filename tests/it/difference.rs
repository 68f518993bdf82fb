//! Two versions side by side, as a list, a gate, a comment and a page.

use std::fs;

use crate::support::Sandbox;

/// v0.1.0 is live; in v0.2.0 one document changed, one came, one went and one moved.
fn changed() -> Sandbox {
    let sandbox = Sandbox::with_docs();
    sandbox.write("docs/delta.md", "# Delta\n\nWhat will be moved away.\n");
    sandbox.write(
        "golden.jsonl",
        "{\"query\": \"moved away\", \"expect\": [\"moved.md\"]}\n",
    );
    sandbox.run(["run", "--golden", "golden.jsonl"]).ok();
    fs::rename(sandbox.path("docs/delta.md"), sandbox.path("docs/moved.md")).unwrap();
    fs::remove_file(sandbox.path("docs/gamma.html")).unwrap();
    sandbox.write(
        "docs/beta.txt",
        "Other words about <b>a chunk</b> | and a table.\n",
    );
    sandbox.write("docs/new.md", "# New\n\nThis came.\n");
    sandbox.run(["ingest"]).ok();
    sandbox.run(["build", "--golden", "golden.jsonl"]).ok();
    sandbox
}

#[test]
fn a_difference_counts_what_came_went_changed_and_moved() {
    let sandbox = changed();
    let diff = sandbox.run(["diff", "v0.2.0", "--json"]).ok().json();
    assert_eq!(
        (&diff["from"], &diff["to"]),
        (&"v0.1.0".into(), &"v0.2.0".into())
    );
    for of in ["documents", "chunks"] {
        for change in ["added", "removed", "changed", "moved"] {
            assert_eq!(diff[of][change], 1, "{of} {change}: {diff}");
        }
    }
    assert_eq!(diff["moved_vectors"]["moved"], 0);
    assert!(diff["moved_vectors"]["compared"].as_u64().unwrap() >= 2);
    assert!(diff["churn"]["mean"].as_f64().unwrap() > 0.0);
    let listed = diff["changed_documents"].as_array().unwrap();
    let moved = listed
        .iter()
        .find(|document| document["change"] == "moved")
        .unwrap();
    assert_eq!(
        (&moved["id"], &moved["before"]),
        (&"moved.md".into(), &"delta.md".into())
    );
    let same = sandbox
        .run(["diff", "v0.1.0", "v0.1.0", "--json"])
        .ok()
        .json();
    assert_eq!(
        (&same["chunks"]["unchanged"], &same["churn"]["mean"]),
        (&same["chunks"]["now"], &0.0.into())
    );
}

#[test]
fn a_difference_that_is_too_much_is_a_failed_gate() {
    let sandbox = changed();
    sandbox
        .run([
            "diff",
            "v0.2.0",
            "--fail-on",
            "removed>1,moved>0,shrink>90%",
        ])
        .ok();
    sandbox
        .run(["diff", "v0.2.0", "--fail-on", "removed>1,removed>=1"])
        .code(15)
        .tells("removed>=1 is 1");
    sandbox
        .run(["diff", "v0.2.0", "--fail-on", "remvd>1"])
        .code(2)
        .tells("churn, shrink");
    sandbox.run(["diff", "v0.2.0", "v9.0.0"]).code(10);
}

#[test]
fn a_comment_takes_text_for_text() {
    let sandbox = changed();
    let markdown = sandbox
        .run(["diff", "v0.2.0", "--markdown", "--fail-on", "moved>0"])
        .ok()
        .stdout;
    assert!(markdown.starts_with("### v0.1.0 → v0.2.0\n"), "{markdown}");
    assert!(
        markdown.contains("| chunks | 5 | 5 | 1 | 1 | 1 | 1 |"),
        "{markdown}"
    );
    assert!(markdown.contains("✅ `moved>0`"), "{markdown}");
}

#[test]
fn a_report_is_one_page_that_needs_nothing_else() {
    let sandbox = changed();
    sandbox.run(["verify", "v0.2.0"]).ok();
    let args = [
        "report",
        "v0.2.0",
        "--against",
        "v0.1.0",
        "--file",
        "page.html",
        "--json",
    ];
    let written = sandbox.run(args).ok().json();
    let page = fs::read_to_string(sandbox.path("page.html")).unwrap();
    assert_eq!(written["bytes"], page.len());
    for outside in ["<script", "<link", "src=", "url(", "@import"] {
        assert!(!page.contains(outside), "the page has {outside}");
    }
    for said in [
        "v0.2.0", "v0.1.0", "markdown", "moved.md", "golden", "vectors",
    ] {
        assert!(page.contains(said), "the page lacks {said}");
    }
    assert!(!page.contains("<b>a chunk</b>"));
    sandbox.run(["report", "--file", "none/page.html"]).code(1);
}

#[test]
fn a_run_is_compared_with_an_earlier_one() {
    let sandbox = Sandbox::published();
    let bench = |more: &[&str]| {
        let args = ["bench", "query", "--queries", "4", "--clients", "1,2"];
        sandbox.run([&args[..], more].concat())
    };
    let first = bench(&["--json", "--plot", "plot.svg"]).ok();
    assert!(
        fs::read_to_string(sandbox.path("plot.svg"))
            .unwrap()
            .contains("<svg")
    );
    let mut earlier = first.json();
    assert_eq!(earlier["exact"]["recall"], 1.0);
    assert_eq!(earlier["clients"].as_array().unwrap().len(), 2);
    let write = |earlier: &serde_json::Value| sandbox.write("earlier.json", &earlier.to_string());
    for figure in earlier["figures"].as_array_mut().unwrap() {
        let samples = if figure["better"] == "lower" {
            [1e-6; 5]
        } else {
            [1e9; 5]
        };
        figure["samples"] = serde_json::json!(samples);
    }
    write(&earlier);
    bench(&["--baseline", "earlier.json"])
        .code(15)
        .tells("worse than the baseline");
    bench(&["--baseline", "earlier.json", "--rounds", "2"])
        .ok()
        .tells("--rounds 4");
    bench(&["--baseline", "none.json"]).code(2);
}
