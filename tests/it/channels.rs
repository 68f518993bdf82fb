//! Channels beside `current`, promotion to a final name, and the hooks and conditions of a release.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use crate::support::Sandbox;

/// A sandbox with v0.1.0 live and v0.2.0-rc1 built.
fn with_candidate() -> Sandbox {
    let sandbox = Sandbox::published();
    sandbox.write("docs/beta.txt", "Candidate.\n");
    sandbox.run(["ingest"]).ok();
    sandbox.run(["build", "--pre", "rc1"]).ok();
    sandbox
}

#[test]
fn a_channel_has_its_own_link_twin_generation_and_rollback() {
    let sandbox = with_candidate();
    let canary = |args: &[&str]| sandbox.run([args, &["--channel", "canary", "--json"]].concat());
    canary(&["publish", "v0.1.0"]).ok();
    let answer = canary(&["publish", "v0.2.0-rc1"]).ok().json();
    assert_eq!(
        (&answer["channel"], &answer["release"]["generation"]),
        (&"canary".into(), &2.into())
    );
    let link = fs::read_link(sandbox.path("store/channels/canary")).unwrap();
    assert_eq!(link.to_str(), Some("../versions/v0.2.0-rc1"));
    assert!(
        sandbox
            .path("store/channels/canary/manifest.json")
            .is_file()
    );
    assert_eq!(sandbox.run(["status", "-o", "name"]).ok().line(), "v0.1.0");
    let status = sandbox.run(["status", "--json"]).ok().json();
    assert_eq!(status["channels"][1]["generation"], 2);
    assert_eq!(canary(&["rollback"]).ok().json()["version"], "v0.1.0");
    canary(&["rollback"]).code(10);
    // The other channel's history is not this one's.
    sandbox.run(["rollback"]).code(10);
    let history = sandbox
        .run(["history", "--channel", "canary", "--json"])
        .ok()
        .json();
    assert_eq!(history["releases"].as_array().unwrap().len(), 3);
    canary(&["publish", "v0.2.0-rc1", "--expect-current", "v0.2.0-rc1"])
        .code(13)
        .tells("canary is v0.1.0, not v0.2.0-rc1");
    sandbox
        .run(["publish", "v0.1.0", "--channel", "../x"])
        .code(2);
}

#[test]
fn a_promotion_shares_bytes_content_and_reports_under_the_final_name() {
    let sandbox = with_candidate();
    sandbox.run(["verify", "v0.2.0-rc1"]).ok();
    let plan = sandbox
        .run(["promote", "v0.2.0-rc1", "--dry-run", "--json"])
        .ok()
        .json();
    assert_eq!(
        (&plan["version"], &plan["changed"]),
        (&"v0.2.0".into(), &true.into())
    );
    assert!(!sandbox.path("store/versions/v0.2.0").exists());
    let answer = sandbox.run(["promote", "v0.2.0-rc1", "--json"]).ok().json();
    assert_eq!(answer["reports"], 1);
    let manifest =
        |version: &str| sandbox.run(["show", version, "--json"]).ok().json()["manifest"].clone();
    let (candidate, promoted) = (manifest("v0.2.0-rc1"), manifest("v0.2.0"));
    for same in ["content_digest", "files", "created", "space"] {
        assert_eq!(candidate[same], promoted[same], "{same}");
    }
    assert_eq!(promoted["promoted_from"], "v0.2.0-rc1");
    let inode = |version: &str| {
        let path = sandbox.path(&format!("store/versions/{version}/sources.jsonl"));
        fs::metadata(path).unwrap().ino()
    };
    assert_eq!(inode("v0.2.0-rc1"), inode("v0.2.0"));
    // The carried report is proof enough: the model is not asked for again.
    fs::rename(sandbox.path("store/cache"), sandbox.path("aside")).unwrap();
    sandbox.run(["publish", "v0.2.0"]).ok();
    assert_eq!(
        sandbox.run(["show", "--json"]).ok().json()["reports"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        sandbox.run(["promote", "v0.2.0-rc1", "--json"]).ok().json()["changed"],
        false
    );
    sandbox.run(["promote", "v0.1.0"]).code(2);
    sandbox.run(["promote", "v0.1.0", "v0.2.0"]).code(13);
    // Each name lives on its own.
    sandbox.remove("store/versions/v0.2.0-rc1");
    sandbox.run(["verify", "v0.2.0"]).ok();
}

#[test]
fn a_pre_hook_can_stop_a_release_and_both_hooks_know_what_is_released() {
    let sandbox = with_candidate();
    let heard =
        "echo \"$RAGCTL_CHANNEL $RAGCTL_FROM $RAGCTL_TO ${#RAGCTL_DIGEST}\" >> heard; echo aloud";
    sandbox
        .run(["publish", "v0.2.0-rc1", "--pre-hook", "exit 3"])
        .code(15)
        .tells("the pre-hook ended with exit code 3");
    assert_eq!(sandbox.run(["status", "-o", "name"]).ok().line(), "v0.1.0");
    let answer = sandbox
        .run([
            "publish",
            "v0.2.0-rc1",
            "--pre-hook",
            heard,
            "--post-hook",
            heard,
            "-o",
            "name",
        ])
        .ok()
        .tells("aloud");
    assert_eq!(answer.line(), "v0.2.0-rc1");
    let text = fs::read_to_string(sandbox.path("heard")).unwrap();
    assert_eq!(text, "current v0.1.0 v0.2.0-rc1 64\n".repeat(2));
}

#[test]
fn a_post_hook_that_fails_is_told_and_kept_and_undoes_nothing() {
    let sandbox = with_candidate();
    sandbox
        .run(["publish", "v0.2.0-rc1", "--post-hook", "exit 4"])
        .ok()
        .tells("v0.2.0-rc1 is live, but the post-hook ended with exit code 4");
    let history = sandbox.run(["history", "--json"]).ok().json();
    assert_eq!(history["releases"].as_array().unwrap().len(), 2);
    assert_eq!(history["hook_failures"][0]["generation"], 2);
    // A hook of the configuration may itself use the store: the lock is free by then.
    let text = fs::read_to_string(sandbox.path("ragctl.toml")).unwrap();
    let hook = format!(
        "[publish]\npost_hook = \"{} pin v0.1.0\"\n",
        env!("CARGO_BIN_EXE_ragctl")
    );
    sandbox.write("ragctl.toml", &(text + &hook));
    sandbox.run(["rollback"]).ok();
    assert_eq!(sandbox.run(["pin", "-o", "name"]).ok().line(), "v0.1.0");
    sandbox
        .run(["publish", "v0.2.0-rc1", "--post-hook", ""])
        .ok();
}

#[test]
fn a_release_too_soon_after_the_last_is_refused() {
    let sandbox = with_candidate();
    sandbox
        .run(["publish", "v0.2.0-rc1", "--min-interval", "1h"])
        .code(15)
        .tells("releases must be 3600 s apart");
    sandbox
        .run([
            "publish",
            "v0.2.0-rc1",
            "--min-interval",
            "1h",
            "--channel",
            "canary",
        ])
        .ok();
    sandbox
        .run(["publish", "v0.2.0-rc1", "--min-interval", "0s"])
        .ok();
}
