//! What nobody needs goes, in two phases; what anybody needs stays, and doubt keeps everything.

use std::fs;
use std::time::Duration;

use ragctl::store::Store;
use serde_json::Value;

use crate::support::{Sandbox, eventually, fingerprint};

/// A sandbox with v0.1.0 to v0.5.0, each released in turn.
fn with_five_releases() -> Sandbox {
    let sandbox = Sandbox::published();
    for text in ["Second.\n", "Third.\n", "Fourth.\n", "Fifth.\n"] {
        sandbox.write("docs/beta.txt", text);
        sandbox.run(["run"]).ok();
    }
    sandbox
}

/// gc that keeps as little as it may.
const STRICT: [&str; 6] = ["gc", "--keep-last", "1", "--keep-within", "0s", "--json"];

fn versions(sandbox: &Sandbox) -> Vec<String> {
    let names = sandbox.run(["list", "-o", "name"]).ok().stdout;
    names.lines().map(str::to_owned).collect()
}

fn names(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap();
    list.iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_live_version_and_what_a_rollback_needs_stay_and_the_rest_goes_by_way_of_the_trash() {
    let sandbox = with_five_releases();
    let answer = sandbox.run(STRICT).ok().json();
    assert_eq!(
        names(&answer["removed"]["trashed"]),
        ["v0.1.0", "v0.2.0", "v0.3.0"]
    );
    assert_eq!(versions(&sandbox), ["v0.5.0", "v0.4.0"]);
    // Until the grace is over, it can be moved back.
    assert!(sandbox.path("store/trash/v0.1.0.1/manifest.json").is_file());
    fs::rename(
        sandbox.path("store/trash/v0.2.0.1"),
        sandbox.path("store/versions/v0.2.0"),
    )
    .unwrap();
    sandbox.run(["verify", "v0.2.0"]).ok();
    let answer = sandbox.run([&STRICT[..], &["--instant"]].concat()).ok();
    let answer = answer.tells("discarded a removal as trash/v0.2.0.1").json();
    assert_eq!(
        names(&answer["removed"]["deleted"]),
        ["v0.1.0", "v0.2.0", "v0.3.0"]
    );
    assert!(answer["removed"]["freed_bytes"].as_u64().unwrap() > 0);
    assert_eq!(
        fs::read_dir(sandbox.path("store/trash")).unwrap().count(),
        0
    );
    // What only they needed went with them.
    assert_eq!(
        fs::read_dir(sandbox.path("store/snapshots"))
            .unwrap()
            .count(),
        3
    );
    assert!(!sandbox.path("store/reports/v0.1.0").exists());
    assert_eq!(
        sandbox
            .run([&STRICT[..], &["--instant"]].concat())
            .ok()
            .json()["changed"],
        false
    );
    assert_eq!(
        sandbox.run(["rollback", "-o", "name"]).ok().line(),
        "v0.4.0"
    );
    sandbox.run(["query", "words"]).ok();
}

#[test]
fn a_name_outlives_its_version() {
    let sandbox = with_five_releases();
    sandbox.run([&STRICT[..], &["--instant"]].concat()).ok();
    sandbox.write("docs/beta.txt", "Other words under an old name.\n");
    sandbox.run(["ingest"]).ok();
    sandbox.run(["build", "v0.1.0"]).code(13);
    assert_eq!(sandbox.run(["build", "-o", "name"]).ok().line(), "v0.6.0");
}

#[test]
fn a_dry_run_says_the_same_and_changes_nothing() {
    let sandbox = with_five_releases();
    let before = fingerprint(&sandbox.path("store"));
    let plan = sandbox
        .run([&STRICT[..], &["--dry-run"]].concat())
        .ok()
        .json();
    assert_eq!(fingerprint(&sandbox.path("store")), before);
    let goes: Vec<&str> = plan["versions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|version| version["kept"].as_array().unwrap().is_empty())
        .map(|version| version["version"].as_str().unwrap())
        .collect();
    assert_eq!(goes, ["v0.1.0", "v0.2.0", "v0.3.0"]);
    let human = sandbox
        .run(["gc", "--keep-last", "1", "--keep-within", "0s", "--dry-run"])
        .ok();
    assert!(human.stdout.contains("keeps   v0.5.0: "), "{human}");
}

#[test]
fn by_default_what_is_new_stays() {
    let sandbox = with_five_releases();
    let answer = sandbox
        .run(["gc", "--keep-last", "1", "--json"])
        .ok()
        .json();
    assert_eq!(answer["changed"], false);
}

#[test]
fn a_pin_keeps_a_version_until_it_is_removed() {
    let sandbox = with_five_releases();
    sandbox.run(["pin", "v0.1.0", "--reason", "audit"]).ok();
    let answer = sandbox.run(STRICT).ok().json();
    assert_eq!(names(&answer["removed"]["trashed"]), ["v0.2.0", "v0.3.0"]);
    let pins = sandbox.run(["pin", "--json"]).ok().json();
    assert_eq!(pins["pins"][0]["reason"], "audit");
    assert_eq!(
        sandbox
            .run(["pin", "v0.1.0", "--remove", "--json"])
            .ok()
            .json()["changed"],
        true
    );
    assert_eq!(
        sandbox
            .run(["pin", "v0.1.0", "--remove", "--json"])
            .ok()
            .json()["changed"],
        false
    );
    let answer = sandbox.run(STRICT).ok().json();
    assert_eq!(names(&answer["removed"]["trashed"]), ["v0.1.0"]);
    sandbox.run(["pin", "v9.0.0"]).code(10);
}

#[test]
fn a_reader_keeps_a_version_and_is_counted() {
    let sandbox = with_five_releases();
    let store = Store::open(&sandbox.path("store")).unwrap();
    let name = "v0.1.0".parse().unwrap();
    let held: Vec<_> = (0..3).map(|_| store.hold(Some(&name)).unwrap()).collect();
    eventually("three readers", || store.readers(&name).unwrap() == 3);
    let status = sandbox.run(["status", "--json"]).ok().json();
    assert_eq!(status["leases"], "kernel");
    assert_eq!(status["readers"][0]["version"], "v0.1.0");
    assert_eq!(status["readers"][0]["readers"], 3);
    let answer = sandbox.run(STRICT).ok().json();
    assert_eq!(names(&answer["removed"]["trashed"]), ["v0.2.0", "v0.3.0"]);
    assert_eq!(answer["plan"].as_object(), None);
    assert_eq!(answer["versions"][0]["kept"][0], "3 readers");
    drop(held);
    eventually("no reader", || store.readers(&name).unwrap() == 0);
    let answer = sandbox.run(STRICT).ok().json();
    assert_eq!(names(&answer["removed"]["trashed"]), ["v0.1.0"]);
}

#[test]
fn a_heartbeat_holds_where_locks_do_not_reach_and_ends_with_its_time() {
    let sandbox = with_five_releases();
    let record = sandbox.path("store/ragctl-store.json");
    let text = fs::read_to_string(&record)
        .unwrap()
        .replacen('{', "{\"leases\": \"heartbeat\",", 1);
    fs::write(&record, text).unwrap();
    let store = Store::open(&sandbox.path("store")).unwrap();
    let name = "v0.1.0".parse().unwrap();
    let held = store.hold(Some(&name)).unwrap();
    let beats = || {
        let entries = fs::read_dir(sandbox.path("store/leases")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.to_string_lossy().contains('@'))
            .collect::<Vec<_>>()
    };
    assert_eq!(beats().len(), 1);
    drop(held);
    eventually("the heartbeat ends", || beats().is_empty());
    // A reader on another host, whose lock this kernel does not know.
    sandbox.write("store/leases/v0.1.0@elsewhere-7-1", "");
    let answer = sandbox.run(STRICT).ok().json();
    assert_eq!(names(&answer["removed"]["trashed"]), ["v0.2.0", "v0.3.0"]);
    let beat = fs::File::options()
        .write(true)
        .open(sandbox.path("store/leases/v0.1.0@elsewhere-7-1"))
        .unwrap();
    beat.set_modified(std::time::SystemTime::now() - Duration::from_secs(121))
        .unwrap();
    let answer = sandbox.run(STRICT).ok().json();
    assert_eq!(names(&answer["removed"]["trashed"]), ["v0.1.0"]);
    assert!(beats().is_empty());
}

#[test]
fn where_readers_cannot_be_seen_only_time_makes_a_version_go() {
    let sandbox = with_five_releases();
    let record = sandbox.path("store/ragctl-store.json");
    let text = fs::read_to_string(&record)
        .unwrap()
        .replacen('{', "{\"leases\": \"none\",", 1);
    fs::write(&record, text).unwrap();
    let answer = sandbox.run(STRICT).ok().json();
    assert_eq!(
        (&answer["changed"], &answer["leases"]),
        (&Value::from(false), &Value::from("none"))
    );
    let answer = sandbox
        .run([&STRICT[..], &["--grace-unleased", "0s"]].concat())
        .ok()
        .json();
    assert_eq!(
        names(&answer["removed"]["trashed"]),
        ["v0.1.0", "v0.2.0", "v0.3.0"]
    );
}

#[test]
fn what_cannot_be_read_keeps_everything() {
    let sandbox = with_five_releases();
    let all = versions(&sandbox);
    for (path, text, code) in [
        ("store/state/pins.json", "{ torn", 12),
        ("store/state/history.jsonl", "", 12),
    ] {
        let kept = fs::read(sandbox.path(path)).ok();
        sandbox.write(path, text);
        sandbox.run(STRICT).code(code);
        match kept {
            Some(bytes) => fs::write(sandbox.path(path), bytes).unwrap(),
            None => fs::remove_file(sandbox.path(path)).unwrap(),
        }
    }
    std::os::unix::fs::symlink("/somewhere", sandbox.path("store/channels/canary")).unwrap();
    sandbox.run(STRICT).code(12).tells("channels/canary");
    fs::remove_file(sandbox.path("store/channels/canary")).unwrap();
    assert_eq!(versions(&sandbox), all);
}

#[test]
fn a_build_in_progress_keeps_snapshots_and_models() {
    let sandbox = with_five_releases();
    let store = Store::open(&sandbox.path("store")).unwrap();
    let draft = store.draft().unwrap();
    let answer = sandbox
        .run([&STRICT[..], &["--instant"]].concat())
        .ok()
        .json();
    assert_eq!(answer["busy"], true);
    assert_eq!(names(&answer["removed"]["deleted"]).len(), 3);
    assert_eq!(answer["removed"]["snapshots"].as_array().unwrap().len(), 0);
    drop(draft);
    eventually("the draft's lock ends", || {
        !store.has_live_drafts().unwrap()
    });
    let answer = sandbox
        .run([&STRICT[..], &["--instant"]].concat())
        .ok()
        .json();
    assert_eq!(answer["removed"]["snapshots"].as_array().unwrap().len(), 3);
}

#[test]
fn the_cache_is_trimmed_but_never_below_what_a_snapshot_needs() {
    let sandbox = with_five_releases();
    let cache = |sandbox: &Sandbox| -> u64 {
        fingerprint(&sandbox.path("store/cache"))
            .iter()
            .map(|(path, _)| fs::metadata(path).unwrap().len())
            .sum()
    };
    let before = cache(&sandbox);
    let trim = [&STRICT[..], &["--instant", "--cache-max", "1B"]].concat();
    let answer = sandbox.run(trim.iter()).ok().json();
    assert!(answer["removed"]["cache_freed_bytes"].as_u64().unwrap() > 0);
    assert!(cache(&sandbox) < before);
    // The newest snapshot is built again without embedding anything.
    assert_eq!(sandbox.run(["embed", "--json"]).ok().json()["embedded"], 0);
    sandbox.run(["gc", "--cache-max", "much"]).code(2);
}

#[test]
fn a_damaged_manifest_keeps_its_version_and_every_snapshot_and_model() {
    let sandbox = with_five_releases();
    crate::support::flip_byte(&sandbox.path("store/versions/v0.4.0/manifest.json"));
    let snapshots = || {
        fs::read_dir(sandbox.path("store/snapshots"))
            .unwrap()
            .count()
    };
    let before = snapshots();
    let answer = sandbox
        .run([&STRICT[..], &["--instant"]].concat())
        .ok()
        .json();
    assert_eq!(
        names(&answer["removed"]["deleted"]),
        ["v0.1.0", "v0.2.0", "v0.3.0"]
    );
    assert_eq!(answer["unreadable"], true);
    assert_eq!(snapshots(), before);
}

#[test]
fn a_version_that_was_promoted_just_now_is_young_however_old_its_content_is() {
    let sandbox = Sandbox::published();
    sandbox.write("docs/beta.txt", "Candidate.\n");
    sandbox.run(["ingest"]).ok();
    sandbox.run(["build", "--pre", "rc1"]).ok();
    std::thread::sleep(Duration::from_millis(2100));
    sandbox.run(["promote", "v0.2.0-rc1"]).ok();
    let answer = sandbox
        .run(["gc", "--keep-within", "2s", "--instant", "--json"])
        .ok()
        .json();
    assert_eq!(names(&answer["removed"]["deleted"]), ["v0.2.0-rc1"]);
    sandbox.run(["publish", "v0.2.0"]).ok();
}

#[test]
fn a_history_that_was_lost_is_begun_anew_by_publishing_what_is_live() {
    let sandbox = with_five_releases();
    fs::remove_file(sandbox.path("store/state/history.jsonl")).unwrap();
    sandbox
        .run(STRICT)
        .code(12)
        .tells("publish the version once more");
    assert_eq!(
        sandbox.run(["publish", "v0.5.0", "--json"]).ok().json()["release"]["generation"],
        6
    );
    sandbox.run(STRICT).ok();
}
