//! Rolling back, and the rules of the channel.

use std::fs;

use crate::support::Sandbox;

/// A sandbox with v0.1.0, v0.2.0 and v0.3.0 published in turn.
fn with_three_releases() -> Sandbox {
    let sandbox = Sandbox::published();
    for text in ["Second.\n", "Third.\n"] {
        sandbox.write("docs/beta.txt", text);
        sandbox.run(["run"]).ok();
    }
    sandbox
}

fn live(sandbox: &Sandbox) -> String {
    sandbox.run(["status", "-o", "name"]).ok().line()
}

#[test]
fn each_rollback_goes_further_back() {
    let sandbox = with_three_releases();
    assert_eq!(
        sandbox.run(["rollback", "-o", "name"]).ok().line(),
        "v0.2.0"
    );
    assert_eq!(
        sandbox.run(["rollback", "-o", "name"]).ok().line(),
        "v0.1.0"
    );
    sandbox.run(["rollback"]).code(10);
    sandbox.run(["publish", "v0.3.0"]).ok();
    assert_eq!(
        sandbox.run(["rollback", "-o", "name"]).ok().line(),
        "v0.1.0"
    );
}

#[test]
fn rollback_takes_steps_or_a_name() {
    let sandbox = with_three_releases();
    assert_eq!(
        sandbox
            .run(["rollback", "--steps", "2", "-o", "name"])
            .ok()
            .line(),
        "v0.1.0"
    );
    assert_eq!(
        sandbox
            .run(["rollback", "--to", "0.3.0", "--fast", "-o", "name"])
            .ok()
            .line(),
        "v0.3.0"
    );
    sandbox.run(["rollback", "--steps", "0"]).code(2);
    let history = sandbox.run(["history", "--json"]).ok().json();
    let seen: Vec<_> = history["releases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|release| release["to"].as_str().unwrap())
        .collect();
    assert_eq!(seen, ["v0.3.0", "v0.1.0", "v0.3.0", "v0.2.0", "v0.1.0"]);
}

#[test]
fn rollback_works_without_model_cache_configuration_and_network() {
    let sandbox = with_three_releases();
    sandbox.remove("docs");
    fs::remove_file(sandbox.path("ragctl.toml")).unwrap();
    sandbox.remove("store/cache");
    let models = sandbox.path("store/models");
    fs::rename(&models, sandbox.path("aside")).unwrap();
    sandbox
        .run(["rollback", "--offline"])
        .ok()
        .tells("the model that v0.2.0 needs is incomplete");
    assert_eq!(live(&sandbox), "v0.2.0");
    fs::remove_dir_all(&models).unwrap();
    fs::rename(sandbox.path("aside"), &models).unwrap();
    // The version brings its own model, so it still answers.
    let answer = sandbox
        .run(["query", "Second.", "--json", "-k", "1", "--offline"])
        .ok()
        .json();
    assert_eq!(answer["hits"][0]["doc_id"], "beta.txt");
}

#[test]
fn a_directory_named_current_is_refused_and_kept() {
    let sandbox = Sandbox::published();
    fs::remove_file(sandbox.path("store/current")).unwrap();
    fs::create_dir(sandbox.path("store/current")).unwrap();
    sandbox
        .run(["status"])
        .code(12)
        .tells("no link at all")
        .tells("Remove it by hand");
    sandbox.run(["publish", "v0.1.0"]).code(12);
    assert!(sandbox.path("store/current").is_dir());
}

#[test]
fn links_that_leave_the_store_are_refused() {
    let sandbox = Sandbox::published();
    for target in [
        "/etc",
        "../elsewhere",
        "versions/../v0.1.0",
        "versions/v0.1.0/lance",
        "versions/latest",
    ] {
        fs::remove_file(sandbox.path("store/current")).unwrap();
        std::os::unix::fs::symlink(target, sandbox.path("store/current")).unwrap();
        sandbox.run(["query", "x"]).code(12).tells("current");
    }
}

#[test]
fn a_release_of_what_is_live_already_is_none_and_blocks_no_rollback() {
    let sandbox = with_three_releases();
    sandbox.run(["rollback", "--to", "v0.2.0"]).ok();
    let publish = |reason: &str| {
        let args = [
            "publish",
            "v0.3.0",
            "--reason",
            reason,
            "--lock-timeout",
            "30s",
            "--json",
        ];
        sandbox
            .command(args)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    // Two at once: whichever is second finds it live when it has the lock.
    let both = [publish("one"), publish("other")].map(|child| {
        crate::support::Output::of(child.wait_with_output().unwrap())
            .ok()
            .json()
    });
    let changed: Vec<bool> = both
        .iter()
        .map(|answer| answer["changed"].as_bool().unwrap())
        .collect();
    assert!(changed[0] != changed[1], "{changed:?}");
    assert_eq!(
        sandbox.run(["rollback", "-o", "name"]).ok().line(),
        "v0.2.0"
    );
}

#[test]
fn a_version_without_its_manifest_is_damaged_not_absent() {
    let sandbox = with_three_releases();
    crate::support::unseal(&sandbox.path("store/versions/v0.1.0"));
    fs::remove_file(sandbox.path("store/versions/v0.1.0/manifest.json")).unwrap();
    sandbox
        .run(["verify", "v0.1.0"])
        .code(12)
        .tells("v0.1.0 has no manifest");
    sandbox.run(["publish", "v0.1.0"]).code(12);
    let list = sandbox.run(["list", "--json"]).ok().json();
    assert!(
        list["versions"][2]["problem"]
            .as_str()
            .unwrap()
            .contains("no manifest")
    );
}
