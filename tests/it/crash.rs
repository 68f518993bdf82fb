//! What a crash leaves is completed or discarded by the next command that writes, and only reported by those that read.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ragctl::progress::Silent;
use ragctl::store::{Channel, Store};
use serde_json::json;

use crate::support::{Sandbox, copy_tree, files, flip_byte};

/// Tests run side by side in one process: a lock that was dropped lives on for a moment in a child that another test is
/// just starting.
const PATIENCE: Duration = Duration::from_secs(10);

/// A sandbox with v0.1.0 live and v0.2.0 built.
fn with_two_versions() -> Sandbox {
    let sandbox = Sandbox::published();
    sandbox.write("docs/beta.txt", "Other words.\n");
    sandbox.run(["ingest"]).ok();
    sandbox.run(["build"]).ok();
    sandbox.run(["verify", "v0.2.0"]).ok();
    sandbox
}

fn journal(sandbox: &Sandbox) {
    let store = Store::open(&sandbox.path("store")).unwrap();
    let (_, sha256) = store.manifest(&"v0.2.0".parse().unwrap()).unwrap();
    let record = json!({
        "generation": 2, "operation": "publish", "channel": "current", "from": "v0.1.0", "to": "v0.2.0",
        "manifest_sha256": sha256, "at": "2026-11-23T12:00:00Z", "by": {"user": "u", "host": "h", "pid": 1}, "reason": "cut off",
    });
    fs::write(sandbox.path("store/state/journal.json"), record.to_string()).unwrap();
}

fn point_current_at(sandbox: &Sandbox, name: &str) {
    fs::remove_file(sandbox.path("store/current")).unwrap();
    std::os::unix::fs::symlink(format!("versions/{name}"), sandbox.path("store/current")).unwrap();
}

#[test]
fn a_release_cut_off_before_its_flip_is_discarded() {
    let sandbox = with_two_versions();
    journal(&sandbox);
    std::os::unix::fs::symlink("versions/v0.2.0", sandbox.path("store/.current.abc")).unwrap();
    let status = sandbox.run(["status", "--json"]).ok().json();
    assert_eq!(
        (&status["live"]["version"], &status["unfinished"]["to"]),
        (&json!("v0.1.0"), &json!("v0.2.0"))
    );
    sandbox
        .run(["publish", "v0.2.0"])
        .ok()
        .tells("discarded a release of v0.2.0");
    let status = sandbox.run(["status", "--json"]).ok().json();
    assert_eq!(
        (&status["live"]["generation"], &status["unfinished"]),
        (&json!(2), &json!(null))
    );
    assert!(!sandbox.path("store/.current.abc").is_symlink());
}

#[test]
fn a_release_cut_off_after_its_flip_is_completed_once() {
    let sandbox = with_two_versions();
    journal(&sandbox);
    point_current_at(&sandbox, "v0.2.0");
    // The twin is behind the link, so its generation does not count yet.
    let status = sandbox.run(["status", "--json"]).ok().json();
    assert_eq!(
        (&status["live"]["version"], &status["live"]["generation"]),
        (&json!("v0.2.0"), &json!(null))
    );
    let store = Store::open(&sandbox.path("store")).unwrap();
    for _ in 0..2 {
        drop(store.lock(PATIENCE, "test", &Silent).unwrap());
    }
    let history = store.history().unwrap();
    assert_eq!(
        (history.len(), history[1].reason.as_deref()),
        (2, Some("cut off"))
    );
    assert_eq!(
        store
            .twin_on(&Channel::default())
            .unwrap()
            .unwrap()
            .generation,
        2
    );
    sandbox.run(["rollback"]).ok();
    assert_eq!(sandbox.run(["status", "-o", "name"]).ok().line(), "v0.1.0");
}

#[test]
fn publishing_again_finishes_a_release_that_was_cut_off_after_its_flip() {
    let sandbox = with_two_versions();
    journal(&sandbox);
    point_current_at(&sandbox, "v0.2.0");
    let answer = sandbox
        .run(["publish", "v0.2.0", "--json"])
        .ok()
        .tells("finished the release of v0.2.0");
    assert_eq!(answer.json()["changed"], false);
    assert!(!sandbox.path("store/state/journal.json").exists());
    assert_eq!(
        sandbox.run(["history", "--json"]).ok().json()["releases"][0]["reason"],
        "cut off"
    );
}

#[test]
fn a_twin_or_journal_that_cannot_be_read_stops_nobody() {
    let sandbox = with_two_versions();
    sandbox.write("store/current.json", "{\"generation\": 1");
    sandbox.write("store/state/journal.json", "torn");
    sandbox.run(["query", "words"]).ok();
    sandbox
        .run(["publish", "v0.2.0"])
        .ok()
        .tells("removed a journal");
    let status = sandbox.run(["status", "--json"]).ok().json();
    assert_eq!(status["live"]["generation"], 2);
}

#[test]
fn a_version_of_another_store_under_a_known_name_is_refused() {
    let (sandbox, other) = (with_two_versions(), with_two_versions());
    sandbox.remove("store/versions/v0.2.0");
    copy_tree(
        &other.path("store/versions/v0.2.0"),
        &sandbox.path("store/versions/v0.2.0"),
    );
    sandbox
        .run(["publish", "v0.2.0"])
        .code(13)
        .tells("already used for other content");
    assert_eq!(sandbox.run(["status", "-o", "name"]).ok().line(), "v0.1.0");
}

#[test]
fn a_damaged_snapshot_or_model_is_replaced_by_the_next_ingest_and_build() {
    let sandbox = Sandbox::with_docs();
    sandbox.run(["ingest"]).ok();
    let snapshots = sandbox.path("store/snapshots");
    let chunks = files(&snapshots)
        .into_iter()
        .find(|path| path.ends_with("chunks.jsonl"))
        .unwrap();
    flip_byte(&chunks);
    sandbox
        .run(["build"])
        .code(12)
        .tells("Run `ragctl ingest` again");
    sandbox.run(["ingest"]).ok();
    sandbox.run(["run"]).ok();
    let models = files(&sandbox.path("store/models"));
    flip_byte(
        models
            .iter()
            .find(|path| path.ends_with("tokenizer.json"))
            .unwrap(),
    );
    sandbox
        .run(["query", "words"])
        .code(12)
        .tells("tokenizer.json");
    sandbox.write("docs/beta.txt", "Other words.\n");
    sandbox.run(["run"]).ok();
    sandbox.run(["query", "words"]).ok();
}

#[test]
fn a_torn_last_line_of_history_is_left_out_and_the_next_line_stands_alone() {
    let sandbox = with_two_versions();
    let path = sandbox.path("store/state/history.jsonl");
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("{\"generation\": 2, \"opera");
    fs::write(&path, text).unwrap();
    assert_eq!(
        sandbox.run(["history", "--json"]).ok().json()["releases"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    sandbox.run(["publish", "v0.2.0"]).ok();
    assert_eq!(
        sandbox.run(["history", "--json"]).ok().json()["releases"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn a_seal_cut_off_after_its_rename_is_finished() {
    let sandbox = with_two_versions();
    let names = sandbox.path("store/state/names.jsonl");
    let text = fs::read_to_string(&names).unwrap();
    fs::write(&names, text.lines().next().unwrap().to_owned() + "\n").unwrap();
    let top = sandbox.path("store/versions/v0.2.0");
    fs::set_permissions(&top, fs::Permissions::from_mode(0o755)).unwrap();
    sandbox
        .run(["publish", "v0.2.0"])
        .ok()
        .tells("wrote down the name v0.2.0");
    assert_eq!(fs::read_to_string(&names).unwrap(), text);
    assert_eq!(
        fs::metadata(&top).unwrap().permissions().mode() & 0o777,
        0o555
    );
}

#[test]
fn staging_left_by_a_dead_process_is_reaped_and_that_of_a_live_one_is_not() {
    let sandbox = with_two_versions();
    sandbox.write("store/staging/draft-dead/lance/data", "x");
    sandbox.write("store/staging/draft-dead.lock", "");
    let store = Store::open(&sandbox.path("store")).unwrap();
    let draft = store.draft().unwrap();
    sandbox.run(["publish", "v0.2.0"]).ok().tells("draft-dead");
    assert!(draft.dir().is_dir());
    let kept = draft.dir().to_owned();
    drop(draft);
    assert!(
        !kept.exists()
            && fs::read_dir(sandbox.path("store/staging"))
                .unwrap()
                .next()
                .is_none()
    );
}

/// Counts the cache's segments; temporary names come and go while it looks.
fn segments_below(dir: &Path) -> usize {
    let entries = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let count = |path: PathBuf| match path.extension() {
        Some(extension) => usize::from(extension == "safetensors"),
        None => segments_below(&path),
    };
    entries.map(count).sum()
}

#[test]
fn embedding_goes_on_where_it_was_killed() {
    let sandbox = Sandbox::with_docs();
    let line = |n: usize| {
        format!(
            "{{\"_id\": \"{n}\", \"text\": \"{}\"}}\n",
            format!("number {n} of words ").repeat(12)
        )
    };
    sandbox.write("docs/many.jsonl", &(0..4000).map(line).collect::<String>());
    sandbox.run(["ingest"]).ok();
    let plan = sandbox.run(["embed", "--dry-run", "--json"]).ok().json();
    let all = plan["embedded"].as_u64().unwrap();
    let cache = sandbox.path("store/cache/embeddings");
    let mut child = sandbox.command(["embed"]).spawn().unwrap();
    while segments_below(&cache) < 3 {
        assert!(
            child.try_wait().unwrap().is_none(),
            "embedding ended before it could be killed"
        );
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let rest = sandbox.run(["embed", "--json"]).ok().json();
    let (embedded, cached) = (
        rest["embedded"].as_u64().unwrap(),
        rest["cached"].as_u64().unwrap(),
    );
    assert!(cached >= 2 * 128 && embedded + cached == all, "{rest}");
    assert_eq!(sandbox.run(["embed", "--json"]).ok().json()["embedded"], 0);
}

#[test]
fn a_lease_refuses_whoever_wants_the_version_for_itself_until_its_reader_is_gone() {
    use nix::fcntl::{FcntlArg, fcntl};
    let sandbox = Sandbox::published();
    let store = Store::open(&sandbox.path("store")).unwrap();
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(sandbox.path("store/leases/v0.1.0"))
        .unwrap();
    let whole = nix::libc::flock {
        l_type: nix::libc::F_WRLCK as i16,
        l_whence: 0,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    let exclusive = || fcntl(&file, FcntlArg::F_OFD_SETLK(&whole)).is_ok();
    let (one, other) = (store.hold(None).unwrap(), store.hold(None).unwrap());
    assert!(!exclusive());
    drop(one);
    assert!(!exclusive());
    drop(other);
    let begun = Instant::now();
    while !exclusive() {
        assert!(begun.elapsed() < PATIENCE, "the lease outlived its reader");
    }
}

#[test]
fn a_lease_file_that_a_copy_lacks_is_told_and_made_by_the_next_writer() {
    let sandbox = with_two_versions();
    fs::remove_file(sandbox.path("store/leases/v0.1.0")).unwrap();
    sandbox
        .run(["query", "words"])
        .code(12)
        .tells("leases/v0.1.0 is missing");
    sandbox.run(["pin", "v0.2.0"]).ok();
    sandbox.run(["query", "words"]).ok();
}

#[test]
fn somebody_elses_hidden_files_stay_where_they_are() {
    let sandbox = with_two_versions();
    sandbox.write("store/.gitignore", "*");
    std::os::unix::fs::symlink("/etc/hosts", sandbox.path("store/.mine")).unwrap();
    sandbox.write("store/.tmp-left", "x");
    sandbox.run(["pin", "v0.2.0"]).ok();
    assert!(sandbox.path("store/.gitignore").exists() && sandbox.path("store/.mine").is_symlink());
    assert!(!sandbox.path("store/.tmp-left").exists());
}

#[test]
fn what_is_drafted_in_a_groups_store_can_be_removed_by_another_member() {
    let sandbox = Sandbox::new();
    let group = ragctl::store::Shared::Group;
    let store = Store::create(&sandbox.path("store"), group, None).unwrap();
    let draft = store.draft().unwrap();
    let dir = draft.dir().join("lance");
    fs::create_dir(&dir).unwrap();
    let mode = fs::metadata(&dir).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0o070, "{mode:o}");
}
