//! Reading changes nothing, and works for a user who may write nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::support::{Output, Sandbox, fingerprint};

/// A user who owns nothing here.
const NOBODY: u32 = 65_534;

#[test]
fn a_query_changes_no_byte_of_a_version_or_a_store() {
    let sandbox = Sandbox::published();
    let before = fingerprint(&sandbox.path("store"));
    for args in [
        &["query", "words"][..],
        &["query", "words", "--filter", "page = 3"],
        &["status"],
        &["list"],
        &["show"],
        &["history"],
        &["resolve"],
        &["watch", "--once", "--from", "none"],
    ] {
        sandbox.run(args.iter().copied()).ok();
    }
    assert_eq!(fingerprint(&sandbox.path("store")), before);
}

#[test]
fn a_user_who_is_not_root_reads_a_read_only_tree() {
    let sandbox = Sandbox::published();
    let writable: Vec<_> = fingerprint(&sandbox.path("store/versions"))
        .into_iter()
        .filter(|(path, _)| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o222 != 0)
        .collect();
    assert!(writable.is_empty(), "{writable:?}");
    if !nix::unistd::geteuid().is_root() {
        // The user of this run is no root, and the tree above is sealed against it.
        sandbox.run(["query", "words"]).ok();
        return;
    }
    let program = sandbox.path("ragctl");
    if fs::hard_link(env!("CARGO_BIN_EXE_ragctl"), &program).is_err() {
        fs::copy(env!("CARGO_BIN_EXE_ragctl"), &program).unwrap();
    }
    fs::set_permissions(sandbox.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(&program);
        command
            .current_dir("/")
            .env_clear()
            .arg("--store")
            .arg(sandbox.path("store"))
            .args(args)
            .uid(NOBODY)
            .gid(NOBODY);
        Output::of(command.output().unwrap())
    };
    let before = fingerprint(&sandbox.path("store"));
    run(&["query", "words", "-k", "1"]).ok();
    run(&["status"]).ok();
    run(&["resolve", "--lease", "--", "true"]).ok();
    run(&["watch", "--once", "--from", "none"]).ok();
    let level = run(&["verify", "--level", "vectors"]).ok();
    assert!(level.stderr.contains("the report was not kept"), "{level}");
    run(&["rollback", "--to", "v0.1.0"])
        .code(1)
        .tells("Permission denied");
    assert_eq!(fingerprint(&sandbox.path("store")), before);
}
