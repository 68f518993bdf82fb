//! The shape of every `--json` answer, as a reviewed snapshot: scripts depend on it.

use serde_json::Value;

use crate::support::Sandbox;

/// Replaces values by their types, so that the shape remains. Lists keep their first item.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => "boolean".into(),
        Value::Number(number) => if number.is_f64() { "float" } else { "integer" }.into(),
        Value::String(_) => "text".into(),
        Value::Array(items) => Value::Array(items.first().map(shape).into_iter().collect()),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(key, value)| (key.clone(), shape(value)))
                .collect(),
        ),
    }
}

#[test]
fn shapes() {
    let sandbox = Sandbox::published();
    sandbox.write("docs/beta.txt", "Other words.\n");
    sandbox.write("docs/broken.pdf", "%PDF-1.4 and nothing else");
    sandbox.write("docs/image.png", "x");
    let mut text = String::new();
    for args in [
        &["init"][..],
        &["ingest", "--max-failed", "1"],
        &["ingest", "--dry-run", "--max-failed", "1"],
        &["ingest", "--list"],
        &["ingest", "--failed"],
        &["embed"],
        &["build", "--label", "a=b"],
        &["build", "--dry-run"],
        &["verify", "v0.2.0"],
        &["publish", "v0.2.0", "--reason", "r"],
        &["publish", "v0.2.0"],
        &["rollback"],
        &["run", "--max-failed", "1"],
        &["list"],
        &["show", "v0.2.0"],
        &["status"],
        &["history"],
        &["query", "words", "-k", "1"],
        &["resolve"],
        &["watch", "--once", "--from", "none"],
        &["inspect", "extract", "docs/alpha.md"],
        &["inspect", "chunk", "docs/alpha.md"],
        &["inspect", "chunk", "docs/alpha.md", "--stats"],
        &[
            "model",
            "fetch",
            "--dry-run",
            "--model",
            "sentence-transformers/all-MiniLM-L6-v2",
        ],
        &["model", "show"],
        &["doctor"],
        &["config", "show"],
        &["man", "--out", "man"],
        &["promote", "v0.2.0", "v9.0.0"],
        &["pin", "v0.1.0", "--reason", "r"],
        &["gc"],
        &["forget", "--doc", "alpha.md", "--dry-run"],
        &["forget", "--doc", "alpha.md"],
    ] {
        let answer = sandbox.run([args, &["--json"]].concat()).ok().json();
        assert_eq!(answer["schema_version"], 1, "{args:?}");
        text.push_str(&format!(
            "$ ragctl {} --json\n{:#}\n\n",
            args.join(" "),
            shape(&answer)
        ));
    }
    insta::assert_snapshot!(text);
}
