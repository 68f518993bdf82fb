//! A version's real path, and commands that hold it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::support::{Output, Sandbox, eventually, is_held, repository};

/// Ends a process that a test started.
fn end(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}

/// The next line of a program's output.
fn next_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    line.trim_end().to_owned()
}

#[test]
fn the_real_path_is_printed_and_never_current() {
    let sandbox = Sandbox::published();
    let real = fs::canonicalize(sandbox.path("store/versions/v0.1.0")).unwrap();
    let path = sandbox.run(["resolve"]).ok().line();
    assert_eq!(Path::new(&path), real);
    assert_eq!(sandbox.run(["resolve", "0.1.0"]).ok().line(), path);
    assert_eq!(sandbox.run(["resolve", "-o", "name"]).ok().line(), "v0.1.0");
    let answer = sandbox.run(["resolve", "--json"]).ok().json();
    assert_eq!(answer["version"], "v0.1.0");
    assert_eq!(answer["path"], path);
    assert_eq!(answer["generation"], 1);
    let sha256 = ragctl::digest::Digest::of_file(&real.join("manifest.json")).unwrap();
    assert_eq!(answer["manifest_sha256"], sha256.to_string());
    let named = sandbox.run(["resolve", "v0.1.0", "--json"]).ok().json();
    assert!(named.get("generation").is_none());
    sandbox.run(["resolve", "v9.0.0"]).code(10).tells("v9.0.0");
    sandbox.run(["resolve", "--channel", "canary"]).code(10);
    sandbox
        .run(["resolve", "v0.1.0", "--channel", "canary"])
        .code(2);
}

#[test]
fn a_command_gets_the_version_and_its_exit_code_is_passed_on() {
    let sandbox = Sandbox::published();
    let dir = fs::canonicalize(sandbox.path("store/versions/v0.1.0")).unwrap();
    let dir = dir.to_str().unwrap();
    let script = "echo $RAGCTL_VERSION; echo $RAGCTL_VERSION_DIR; echo $1; exit 7";
    let output = sandbox
        .run([
            "resolve", "--lease", "--", "sh", "-c", script, "sh", "a={}/b",
        ])
        .code(7);
    assert_eq!(output.stdout, format!("v0.1.0\n{dir}\na={dir}/b\n"));
    assert_eq!(output.stderr, "");
}

#[test]
fn a_command_that_is_missing_or_without_a_lease_is_a_usage_error() {
    let sandbox = Sandbox::published();
    for args in [
        &["resolve", "--lease"][..],
        &["resolve", "--", "true"],
        &["resolve", "--lease", "--", "no-such-program"],
    ] {
        let output = sandbox.run(args.iter().copied()).code(2);
        output.tells("hint:");
    }
}

#[test]
fn a_version_is_held_until_the_command_and_all_that_it_started_have_ended() {
    let sandbox = Sandbox::published();
    let lease = sandbox.path("store/leases/v0.1.0");
    let script = "sleep 60 & echo $$ $!; wait";
    let mut child = sandbox
        .command(["resolve", "--lease", "--", "sh", "-c", script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let line = next_line(&mut child);
    let (shell, sleep) = line.split_once(' ').unwrap();
    assert_eq!(shell, child.id().to_string(), "a parent stayed");
    assert!(is_held(&lease));
    end(child.id(), Signal::SIGKILL);
    child.wait().unwrap();
    assert!(is_held(&lease), "the shell's own child still reads");
    end(sleep.parse().unwrap(), Signal::SIGKILL);
    eventually("the lease is free", || !is_held(&lease));
}

#[test]
fn where_leases_are_heartbeats_the_command_is_waited_for_and_gets_its_signals() {
    let sandbox = Sandbox::published();
    let record = sandbox.path("store/ragctl-store.json");
    let text = fs::read_to_string(&record).unwrap();
    let text = text.replacen('{', "{\"leases\": \"heartbeat\",", 1);
    fs::write(record, text).unwrap();
    let beats = || {
        let entries = fs::read_dir(sandbox.path("store/leases")).unwrap();
        entries.count() - 1
    };
    sandbox
        .run(["resolve", "--lease", "--", "sh", "-c", "exit 7"])
        .code(7);
    let script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.02; done";
    let mut child = sandbox
        .command(["resolve", "--lease", "--", "sh", "-c", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(next_line(&mut child), "ready");
    assert_eq!(beats(), 1);
    end(child.id(), Signal::SIGTERM);
    let output = Output::of(child.wait_with_output().unwrap()).code(9);
    output.tells("ended with exit code 9");
    assert_eq!(beats(), 0);
}

#[test]
fn the_shell_example_reads_each_version() {
    let sandbox = Sandbox::published();
    let program = Path::new(env!("CARGO_BIN_EXE_ragctl"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", program.parent().unwrap().display());
    let mut child = Command::new(repository().join("examples/read_from_shell.sh"))
        .arg(sandbox.path("store"))
        .current_dir(sandbox.path(""))
        .env("PATH", path)
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "v0.1.0 has 3 documents\n");
    sandbox.write("docs/delta.md", "# Delta\n\nOne more.\n");
    sandbox.run(["run"]).ok();
    line.clear();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "v0.2.0 has 4 documents\n");
    assert!(begun.elapsed() < Duration::from_secs(60));
    killpg(
        Pid::from_raw(child.id().try_into().unwrap()),
        Signal::SIGKILL,
    )
    .unwrap();
    child.wait().unwrap();
}
