//! A store that an earlier release made opens today. `UPDATE=1` makes the one of this release, once.

use std::fs;
use std::sync::Mutex;

use crate::support::{Sandbox, copy_tree, repository};

const FIXTURE: &str = "fixtures/store/format-1";

/// Tests run side by side; one of them makes the fixture.
static MAKING: Mutex<()> = Mutex::new(());

fn sandbox_with_old_store() -> Sandbox {
    let _making = MAKING.lock().unwrap();
    let fixture = repository().join(FIXTURE);
    if !fixture.exists() && std::env::var_os("UPDATE").is_some() {
        let made = Sandbox::published();
        made.write("docs/beta.txt", "Changed words.\n");
        made.run(["run"]).ok();
        made.remove("store/cache");
        crate::support::unseal(&made.path("store"));
        copy_tree(&made.path("store"), &fixture);
    }
    let sandbox = Sandbox::new();
    copy_tree(&fixture, &sandbox.path("store"));
    sandbox
}

#[test]
fn a_store_of_format_1_opens_verifies_answers_and_rolls_back() {
    let sandbox = sandbox_with_old_store();
    assert_eq!(sandbox.run(["status", "-o", "name"]).ok().line(), "v0.2.0");
    for version in ["v0.1.0", "v0.2.0"] {
        sandbox.run(["verify", version]).ok();
        let answer = sandbox
            .run([
                "query",
                "The store publishes a version.",
                "--version",
                version,
                "--json",
            ])
            .ok()
            .json();
        assert!(answer["hits"].as_array().unwrap().len() == 4, "{answer}");
    }
    sandbox.run(["rollback"]).ok();
    assert_eq!(sandbox.run(["status", "-o", "name"]).ok().line(), "v0.1.0");
}

#[test]
fn a_version_of_a_newer_format_is_refused_by_name() {
    let sandbox = sandbox_with_old_store();
    let manifest = sandbox.path("store/versions/v0.2.0/manifest.json");
    let text = fs::read_to_string(&manifest)
        .unwrap()
        .replacen("\"format\": 1", "\"format\": 7", 1);
    fs::write(&manifest, text).unwrap();
    sandbox
        .run(["query", "x"])
        .code(14)
        .tells("version v0.2.0 has format 7")
        .tells("reads format 1");
    sandbox.run(["query", "x", "--version", "v0.1.0"]).ok();
}
