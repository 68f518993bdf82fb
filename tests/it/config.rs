//! Settings and where they come from.

use crate::support::Sandbox;

#[test]
fn the_file_is_found_upward_and_its_paths_are_relative_to_it() {
    let sandbox = Sandbox::published();
    std::fs::create_dir_all(sandbox.path("a/b")).unwrap();
    assert_eq!(
        sandbox
            .run(["-C", "a/b", "status", "-o", "name"])
            .ok()
            .line(),
        "v0.1.0"
    );
    assert_eq!(
        sandbox
            .run([
                "-C",
                "/",
                "--store",
                sandbox.path("store").to_str().unwrap(),
                "status",
                "-o",
                "name"
            ])
            .ok()
            .line(),
        "v0.1.0"
    );
    let output = sandbox
        .command(["-C", "/", "status", "-o", "name"])
        .env("RAGCTL_STORE", sandbox.path("store"))
        .output()
        .unwrap();
    assert!(output.status.success());
}

#[test]
fn show_names_the_origin_of_each_value() {
    let sandbox = Sandbox::with_docs();
    let output = sandbox
        .command(["config", "show", "--origin"])
        .env("RAGCTL_CHUNK_OVERLAP", "5")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |key: &str| {
        text.lines()
            .find(|line| line.starts_with(key))
            .unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        line("chunk.overlap"),
        "chunk.overlap 5 env RAGCTL_CHUNK_OVERLAP"
    );
    assert!(line("source[0].path").ends_with("ragctl.toml"), "{text}");
    assert_eq!(
        line("publish.require"),
        "publish.require \"retrieval\" default"
    );
}

#[test]
fn the_schema_documents_every_key() {
    let schema = Sandbox::new().run(["config", "schema"]).ok().json();
    fn check(at: &str, schema: &serde_json::Value) {
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(
                property["description"].is_string() || property["$ref"].is_string(),
                "{at}.{key} is not documented"
            );
        }
    }
    check("", &schema);
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        check(name, definition);
    }
    assert!(schema["$defs"]["SourceSpec"]["properties"]["metadata_fields"].is_object());
}

#[test]
fn init_writes_a_configuration_that_works_and_keeps_one_that_is_there() {
    let sandbox = Sandbox::new();
    sandbox.run(["init", "--store", "kept/store"]).ok();
    assert_eq!(
        sandbox.run(["list"]).ok().line(),
        "no versions yet; build one with `ragctl build`"
    );
    assert_eq!(
        sandbox.run(["init", "--json"]).ok().json()["changed"],
        false
    );
    sandbox.write("full/of/things", "x");
    sandbox
        .run(["init", "--store", "full"])
        .code(2)
        .tells("not empty");
}
