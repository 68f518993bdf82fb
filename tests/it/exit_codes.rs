//! One test for each exit code that the commands can give.

use std::fs::File;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Output, Sandbox, files, flip_byte, hold_lock};

#[test]
fn zero_is_done_or_nothing_to_do() {
    let sandbox = Sandbox::published();
    let answer = sandbox.run(["publish", "v0.1.0", "--json"]).code(0).json();
    assert_eq!(answer["changed"], false);
    sandbox.run(["--help"]).code(0);
    sandbox.run(["--version"]).code(0);
}

#[test]
fn one_is_a_reason_without_a_code_of_its_own() {
    let sandbox = Sandbox::published();
    std::fs::create_dir(sandbox.path("taken")).unwrap();
    sandbox
        .run(["run", "--metrics-file", "taken"])
        .code(1)
        .tells("taken");
}

#[test]
fn two_is_usage_or_configuration() {
    let sandbox = Sandbox::with_docs();
    sandbox.run(["publish"]).code(2).tells("<VERSION>");
    sandbox
        .run(["publish", "v1.4.0+build"])
        .code(2)
        .tells("build metadata");
    sandbox
        .run(["ingest", "nowhere/"])
        .code(2)
        .tells("does not exist");
    sandbox
        .run(["--config", "nowhere.toml", "list"])
        .code(2)
        .tells("nowhere.toml");
    sandbox.write("ragctl.toml", "[model]\nnmae = \"x\"\n");
    sandbox
        .run(["list"])
        .code(2)
        .tells("line 2")
        .tells("Did you mean `name`?");
}

#[test]
fn three_is_more_failures_than_tolerated_and_gives_no_snapshot() {
    let sandbox = Sandbox::with_docs();
    sandbox.write("docs/broken.pdf", "%PDF-1.4 and nothing else");
    sandbox
        .run(["ingest"])
        .code(3)
        .tells("docs/broken.pdf")
        .tells("--max-failed");
    sandbox.run(["embed"]).code(10);
    let answer = sandbox
        .run(["ingest", "--max-failed", "25%", "--json"])
        .ok()
        .tells("broken.pdf")
        .json();
    assert_eq!(
        (answer["failed"].as_u64(), answer["documents"].as_u64()),
        (Some(1), Some(3))
    );
    sandbox
        .run(["ingest", "--max-failed", "25%", "--strict"])
        .code(2);
    sandbox.run(["ingest", "--strict"]).code(3);
}

#[test]
fn ten_is_not_found() {
    let sandbox = Sandbox::new();
    sandbox
        .run(["list", "--store", "nowhere"])
        .code(10)
        .tells("nowhere");
    let sandbox = Sandbox::published();
    sandbox.run(["publish", "v9.0.0"]).code(10).tells("v0.1.0");
    sandbox.run(["build", "--snapshot", "abcdef"]).code(10);
    sandbox
        .run(["rollback"])
        .code(10)
        .tells("no earlier release");
}

#[test]
fn eleven_is_locked_at_once_or_after_the_timeout() {
    let sandbox = Sandbox::published();
    sandbox.write("docs/beta.txt", "Other words.\n");
    sandbox.run(["ingest"]).ok();
    sandbox.run(["build"]).ok();
    let lock = hold_lock(&sandbox.path("store/state/lock"));
    sandbox
        .run(["publish", "v0.2.0"])
        .code(11)
        .tells("locked by");
    let begun = Instant::now();
    sandbox
        .run(["publish", "v0.2.0", "--lock-timeout", "1s"])
        .code(11);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    sandbox.run(["status"]).ok();
    sandbox.run(["query", "x"]).ok();
    drop(lock);
    sandbox
        .run(["publish", "v0.2.0", "--lock-timeout", "10s"])
        .ok();
    let _run = hold_lock(&sandbox.path("store/state/run.lock"));
    sandbox.run(["run"]).code(11);
}

#[test]
fn twelve_is_missing_extra_or_changed_bytes_and_names_the_path() {
    for (damage, words) in [
        ("change", "sha256"),
        ("remove", "found nothing"),
        ("add", "does not list"),
        ("truncate", "bytes"),
    ] {
        let sandbox = Sandbox::published();
        sandbox.write("docs/beta.txt", "Other words.\n");
        sandbox.run(["run"]).ok();
        let version = sandbox.path("store/versions/v0.1.0");
        let victim = files(&version.join("lance"))
            .into_iter()
            .find(|path| path.extension().is_some_and(|e| e == "lance"))
            .unwrap();
        crate::support::unseal(&version);
        match damage {
            "change" => flip_byte(&victim),
            "remove" => std::fs::remove_file(&victim).unwrap(),
            "add" => std::fs::write(version.join("extra"), "x").unwrap(),
            _ => File::options()
                .write(true)
                .open(&victim)
                .unwrap()
                .set_len(10)
                .unwrap(),
        }
        let name = if damage == "add" {
            "extra"
        } else {
            victim.file_name().unwrap().to_str().unwrap()
        };
        let output = sandbox
            .run(["verify", "v0.1.0", "--level", "bytes"])
            .code(12);
        assert!(
            output.stdout.contains(name) && output.stdout.contains(words),
            "{damage}: {output}"
        );
        sandbox.run(["rollback"]).code(12).tells(name);
        assert_eq!(sandbox.run(["status", "-o", "name"]).ok().line(), "v0.2.0");
    }
}

#[test]
fn thirteen_is_a_channel_that_moved() {
    let sandbox = Sandbox::published();
    sandbox
        .run(["publish", "v0.1.0", "--expect-current", "none"])
        .code(13)
        .tells("current is v0.1.0, not none");
    sandbox
        .run(["rollback", "--to", "v0.1.0", "--expect-current", "v0.0.9"])
        .code(13);
    sandbox
        .run(["publish", "v0.1.0", "--expect-current", "v0.1.0"])
        .ok();
}

#[test]
fn fourteen_is_another_space_or_an_unknown_format() {
    let sandbox = Sandbox::published();
    let other = sandbox.path("other");
    crate::support::copy_tree(&crate::support::tiny_bert(), &other);
    std::fs::write(
        other.join("1_Pooling/config.json"),
        "{\"pooling_mode_cls_token\": true}",
    )
    .unwrap();
    sandbox
        .run(["query", "x", "--model", "./other"])
        .code(14)
        .tells("is of the space");
    let record = sandbox.path("store/ragctl-store.json");
    let text = std::fs::read_to_string(&record)
        .unwrap()
        .replace("\"format\": 1", "\"format\": 2");
    std::fs::write(record, text).unwrap();
    sandbox
        .run(["list"])
        .code(14)
        .tells("format 2")
        .tells("format 1");
}

#[test]
fn fifteen_is_a_failed_gate() {
    // Two vectors of the cache change places: bytes and table are whole, only embedding again can tell.
    let sandbox = Sandbox::with_docs();
    sandbox.run(["ingest"]).ok();
    sandbox.run(["embed"]).ok();
    let segment = files(&sandbox.path("store/cache/embeddings"))
        .pop()
        .unwrap();
    let bytes = std::fs::read(&segment).unwrap();
    std::fs::remove_file(&segment).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let (keys, vectors) = (
        tensors.tensor("keys").unwrap(),
        tensors.tensor("vectors").unwrap(),
    );
    let width = vectors.shape()[1] * 4;
    let rotated = [&vectors.data()[width..], &vectors.data()[..width]].concat();
    let vectors =
        safetensors::tensor::TensorView::new(vectors.dtype(), vectors.shape().to_vec(), &rotated)
            .unwrap();
    let poisoned = safetensors::serialize([("keys", keys), ("vectors", vectors)], None).unwrap();
    let name = format!("{}.safetensors", ragctl::digest::Digest::of(&poisoned));
    std::fs::write(segment.with_file_name(name), poisoned).unwrap();
    sandbox.run(["build"]).ok();
    sandbox.run(["publish", "v0.1.0"]).code(15).tells("sample");
    sandbox
        .run(["publish", "v0.1.0", "--require", "lance"])
        .ok();
    std::thread::sleep(Duration::from_millis(1100));
    sandbox
        .run(["status", "--max-age", "0s"])
        .code(15)
        .tells("v0.1.0 was built");
    sandbox.run(["status", "--max-age", "26h"]).ok();
}

#[test]
fn sixteen_is_a_model_or_device_that_cannot_be_had() {
    let sandbox = Sandbox::with_docs();
    sandbox.run(["ingest"]).ok();
    if !cfg!(feature = "cuda") {
        sandbox
            .run(["embed", "--device", "cuda"])
            .code(16)
            .tells("built without CUDA");
    }
    let elsewhere = Sandbox::new();
    elsewhere
        .run(["model", "fetch", "--offline"])
        .code(16)
        .tells("offline");
    elsewhere
        .run(["model", "show", "--model", "./nothing"])
        .code(16)
        .tells("has no config.json");
}

#[test]
fn seventeen_is_a_filesystem_without_space() {
    let sandbox = Sandbox::published();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = sandbox.command(["list"]).stdout(full).output().unwrap();
    Output::of(output)
        .code(17)
        .tells("No space left")
        .tells("only its answer is lost");
}

#[test]
fn seventeen_is_a_full_disk_too_and_leaves_what_is_live() {
    let sandbox = Sandbox::published();
    let small = sandbox.path("small");
    std::fs::create_dir(&small).unwrap();
    let mount = |args: &[&str]| {
        Command::new(args[0])
            .args(&args[1..])
            .arg(&small)
            .output()
            .is_ok_and(|o| o.status.success())
    };
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs"]) {
        eprintln!("not run: a small filesystem can only be mounted by root");
        return;
    }
    sandbox.run(["--store", "small/store", "init"]).ok();
    sandbox.run(["--store", "small/store", "run"]).ok();
    let line = |n: usize| {
        format!(
            "{{\"_id\": \"{n}\", \"text\": \"{}\"}}\n",
            format!("number {n} of words ").repeat(8)
        )
    };
    sandbox.write("docs/many.jsonl", &(0..700).map(line).collect::<String>());
    let output = sandbox.run(["--store", "small/store", "run"]);
    let live = sandbox.run(["--store", "small/store", "status", "-o", "name"]);
    let staging = std::fs::read_dir(small.join("store/staging")).map(Iterator::count);
    assert!(mount(&["umount"]));
    output.code(17).tells("Free some space");
    assert_eq!((live.ok().line().as_str(), staging.unwrap()), ("v0.1.0", 0));
}

#[test]
fn a_reader_of_stdout_that_goes_away_is_nobodys_failure() {
    let sandbox = Sandbox::published();
    let mut child = sandbox
        .command(["config", "schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let status = child.wait().unwrap();
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!((status.code(), stderr.as_str()), (Some(0), ""));
}

#[test]
fn one_hundred_thirty_and_one_hundred_forty_three_leave_a_clean_state() {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    let sandbox = Sandbox::with_docs();
    let lines: String = (0..6000)
        .map(|n| {
            format!(
                "{{\"_id\": \"{n}\", \"text\": \"{}\"}}\n",
                format!("number {n} of many words ").repeat(10)
            )
        })
        .collect();
    sandbox.write("docs/many.jsonl", &lines);
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let mut child = sandbox
            .command(["run", "--progress", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The first line says that the run is at work.
        let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
        std::io::BufRead::read_line(&mut stderr, &mut String::new()).unwrap();
        kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{rest}");
        assert!(rest.contains("stopped on request"), "{rest}");
        assert_eq!(
            std::fs::read_dir(sandbox.path("store/staging"))
                .unwrap()
                .count(),
            0
        );
    }
    sandbox.remove("docs");
    sandbox.write("docs/one.md", "# One\n\nwords\n");
    sandbox.run(["run"]).ok();
}
