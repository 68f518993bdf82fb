//! A version travels: from where it is built to where it is served, complete or not at all, in order, and back.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Output, Sandbox, fingerprint, hold_lock, tiny_bert};

/// A build machine with v0.1.0 pushed to a directory, and a fresh machine beside it.
struct Sides {
    built: Sandbox,
    served: Sandbox,
}

impl Sides {
    fn new() -> Self {
        let built = Sandbox::published();
        let bucket = built.path("bucket");
        let url = bucket.to_str().unwrap();
        built.run(["remote", "add", "origin", url]).ok();
        let served = Sandbox::new();
        let model = tiny_bert();
        let model = model.display();
        served.write(
            "ragctl.toml",
            &format!("[model]\npath = \"{model}\"\n[remote.origin]\nurl = \"{url}\"\n"),
        );
        Self { built, served }
    }

    fn pushed() -> Self {
        let sides = Self::new();
        sides.push("v0.1.0").ok();
        sides
    }

    fn push(&self, version: &str) -> Output {
        self.built.run(["push", version, "--channel", "current"])
    }

    fn pull(&self) -> Output {
        self.served.run(["pull", "--init", "--publish", "--json"])
    }

    /// Builds and publishes another version.
    fn build(&self, text: &str) -> String {
        self.built.write("docs/beta.txt", text);
        self.built.run(["run"]).ok();
        self.built.run(["status", "-o", "name"]).ok().line()
    }

    fn live(&self) -> String {
        self.served.run(["status", "-o", "name"]).ok().line()
    }

    fn bucket(&self, path: &str) -> std::path::PathBuf {
        self.built.path("bucket").join(path)
    }

    fn pointer(&self) -> Value {
        serde_json::from_slice(&fs::read(self.bucket("current.json")).unwrap()).unwrap()
    }
}

fn digest(sandbox: &Sandbox, version: &str) -> String {
    let line =
        fs::read_to_string(sandbox.path(&format!("store/versions/{version}/manifest.sha256")));
    line.unwrap()
}

#[test]
fn a_pushed_version_is_the_same_where_it_is_pulled() {
    let sides = Sides::pushed();
    let pulled = sides.pull().ok().json();
    assert_eq!(pulled["version"], "v0.1.0");
    assert_eq!(pulled["release"]["channel"], "current");
    assert_eq!(sides.live(), "v0.1.0");
    assert_eq!(
        digest(&sides.built, "v0.1.0"),
        digest(&sides.served, "v0.1.0")
    );
    sides.served.run(["verify", "v0.1.0"]).ok();
    let found = sides
        .served
        .run(["query", "reader", "-k", "1", "--json"])
        .ok();
    assert!(found.stdout.contains("old version"), "{found}");
    let again = sides.pull().ok().json();
    assert_eq!(
        (&again["changed"], &again["fetched_bytes"]),
        (&false.into(), &0.into())
    );
    let pushed = sides
        .built
        .run(["push", "v0.1.0", "--channel", "current", "--json"])
        .ok();
    assert_eq!(pushed.json()["changed"], false);
}

#[test]
fn what_is_here_already_is_neither_sent_nor_fetched_again() {
    let sides = Sides::pushed();
    sides.pull().ok();
    let version = sides.build("Other words.\n");
    let planned = sides
        .built
        .run(["push", &version, "--dry-run", "--json"])
        .ok()
        .json();
    let pushed = sides
        .built
        .run(["push", &version, "--channel", "current", "--json"])
        .ok()
        .json();
    assert_eq!(planned["pushed"]["bytes"], pushed["pushed"]["bytes"]);
    let (sent, all) = (&pushed["pushed"]["bytes"], &pushed["pushed"]["total_bytes"]);
    assert!(sent.as_u64() < all.as_u64(), "{pushed}");
    let planned = sides
        .served
        .run(["pull", "--dry-run", "--json"])
        .ok()
        .json();
    let pulled = sides.pull().ok().json();
    assert_eq!(planned["fetched_bytes"], pulled["fetched_bytes"]);
    let number = |name: &str| pulled[name].as_u64().unwrap();
    assert_eq!(
        number("fetched_bytes") + number("here_bytes"),
        number("total_bytes")
    );
    // The model at least.
    assert!(number("here_bytes") > 100_000, "{pulled}");
    sides.served.run(["verify"]).ok();
}

#[test]
fn a_channel_moves_only_from_where_it_is_expected() {
    let sides = Sides::pushed();
    let version = sides.build("Other words.\n");
    let push = |expected: &str| {
        sides.built.run([
            "push",
            &version,
            "--channel",
            "current",
            "--expect-current",
            expected,
        ])
    };
    push("none").code(13).tells("current of");
    push("v0.0.9").code(13);
    assert_eq!(sides.pointer()["version"], "v0.1.0");
    push("v0.1.0").ok();
    assert_eq!(sides.pointer()["generation"], 2);
}

#[test]
fn a_name_means_one_content_for_ever_there_too() {
    let sides = Sides::pushed();
    let other = Sandbox::with_docs();
    other.write("docs/beta.txt", "Something else.\n");
    other.run(["run"]).ok();
    let bucket = sides.bucket("");
    let push = || other.run(["push", "v0.1.0", "--remote", bucket.to_str().unwrap()]);
    push().code(13).tells("v0.1.0 with manifest");
    // Also when its content is gone.
    let version = sides.build("Second.\n");
    sides.push(&version).ok();
    let third = sides.build("Third.\n");
    sides.push(&third).ok();
    let gc = [
        "gc",
        "--remote",
        "origin",
        "--keep-last",
        "1",
        "--min-age",
        "0s",
        "--json",
    ];
    let removed = sides.built.run(gc).ok().json();
    assert_eq!(
        removed["removed"]["versions"],
        serde_json::json!(["v0.1.0"])
    );
    assert!(!sides.bucket("versions/v0.1.0/manifest.json").exists());
    push().code(13);
    // What stays is whole.
    sides.pull().ok();
    sides.served.run(["verify"]).ok();
}

#[test]
fn followers_go_back_when_the_channel_does() {
    let sides = Sides::pushed();
    sides.pull().ok();
    let version = sides.build("Other words.\n");
    sides.push(&version).ok();
    sides.pull().ok();
    assert_eq!(sides.live(), version);
    let back = [
        "rollback", "--remote", "origin", "--reason", "worse", "--json",
    ];
    let planned = sides
        .built
        .run(back.iter().copied().chain(["--dry-run"]))
        .ok()
        .json();
    assert_eq!(planned["version"], "v0.1.0");
    let back = sides.built.run(back).ok().json();
    assert_eq!(
        (&back["version"], &back["generation"]),
        (&"v0.1.0".into(), &3.into())
    );
    let pulled = sides.pull().ok().json();
    assert_eq!(pulled["fetched_bytes"], 0);
    assert_eq!(sides.live(), "v0.1.0");
    sides.built.run(["rollback", "--remote", "origin"]).code(10);
}

#[test]
fn a_release_that_is_played_again_is_refused() {
    let sides = Sides::pushed();
    let old = fs::read(sides.bucket("current.json")).unwrap();
    let version = sides.build("Other words.\n");
    sides.push(&version).ok();
    sides.pull().ok();
    fs::write(sides.bucket("current.json"), old).unwrap();
    let before = fingerprint(&sides.served.path("store"));
    sides.pull().code(12).tells("release 1, but release 2");
    assert_eq!(before, fingerprint(&sides.served.path("store")));
    sides
        .served
        .run(["pull", "--publish", "--reset-remote"])
        .ok();
    assert_eq!(sides.live(), "v0.1.0");
}

#[test]
fn damaged_bytes_never_become_a_version() {
    let sides = Sides::pushed();
    for entry in fs::read_dir(sides.bucket("blobs")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        // What arrived before is not asked for again.
        fs::remove_dir_all(sides.served.path("store/cache/incoming")).ok();
        let mut wrong = bytes.clone();
        wrong[0] ^= 1;
        fs::write(&path, &wrong).unwrap();
        sides.pull().code(12);
        fs::write(&path, &bytes[1..]).unwrap();
        sides.pull().code(12);
        fs::remove_file(&path).unwrap();
        sides.pull().code(12).tells("lacks blobs/");
        fs::write(&path, bytes).unwrap();
        assert!(
            sides
                .served
                .run(["list", "-o", "name"])
                .ok()
                .stdout
                .trim()
                .is_empty()
        );
    }
    sides.pull().ok();
}

#[test]
fn a_push_mends_what_is_missing() {
    let sides = Sides::pushed();
    let blobs: Vec<_> = fs::read_dir(sides.bucket("blobs")).unwrap().collect();
    for entry in blobs.into_iter().step_by(3) {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    sides.pull().code(12);
    sides.push("v0.1.0").ok();
    sides.pull().ok();
}

#[test]
fn only_what_a_trusted_key_signed_is_taken() {
    let sides = Sides::new();
    let (built, served) = (&sides.built, &sides.served);
    built.run(["sign", "--new-key", "release.key"]).ok();
    served.run(["sign", "--new-key", "other.key"]).ok();
    let public = built.path("release.key.pub");
    let pull = |key: &Path| {
        let key = key.to_str().unwrap();
        served.run(["pull", "--init", "--publish", "--require-signature", key])
    };
    sides.push("v0.1.0").ok();
    pull(&public).code(12).tells("is not signed");
    let push = [
        "push",
        "v0.1.0",
        "--channel",
        "current",
        "--sign",
        "--key",
        "release.key",
    ];
    built.run(push).ok();
    pull(&served.path("other.key.pub"))
        .code(12)
        .tells("not valid");
    assert!(!served.path("store/current").exists());
    pull(&public).ok();
    // A signed version that a release without a signature names is not what the key's owner released.
    let version = sides.build("Other words.\n");
    built.run(["sign", &version, "--key", "release.key"]).ok();
    let unsigned = ["push", &version, "--channel", "current"];
    built
        .run(unsigned)
        .code(2)
        .tells("this release would not be");
    built.run(unsigned.iter().chain(&["--unsigned"])).ok();
    pull(&public).code(12);
    assert_eq!(sides.live(), "v0.1.0");
    let back = [
        "rollback",
        "--remote",
        "origin",
        "--sign",
        "--key",
        "release.key",
    ];
    built.run(back).ok();
    pull(&public).ok();
    // Local releases, too.
    let publish = |version: &str, key: &Path| {
        built.run([
            "publish",
            version,
            "--require-signature",
            key.to_str().unwrap(),
        ])
    };
    publish(&version, &served.path("other.key.pub")).code(12);
    publish(&version, &public).ok();
    built.run(["sign", "v0.1.0", "--key", "none.key"]).code(1);
    built
        .run(["sign", "--new-key", "release.key"])
        .code(2)
        .tells("there already");
    built
        .run(["push", "v0.1.0", "--sign"])
        .code(2)
        .tells("no key to sign with");
    built
        .run(["publish", "v0.1.0", "--require-signature", "RWQnonsense"])
        .code(2);
}

#[test]
fn a_server_takes_only_what_is_signed() {
    let sandbox = Sandbox::published();
    sandbox.run(["sign", "--new-key", "release.key"]).ok();
    let serve = || {
        let mut command = sandbox.command([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--require-signature",
            "release.key.pub",
            "--log",
            "json",
        ]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Served(command.spawn().unwrap())
    };
    let mut unsigned = serve();
    unsigned.tells("is not signed");
    drop(unsigned);
    sandbox.run(["sign", "v0.1.0", "--key", "release.key"]).ok();
    serve().tells("\"serving\"");
}

struct Served(std::process::Child);

impl Served {
    /// Waits until the server says something.
    fn tells(&mut self, words: &str) {
        use std::io::{BufRead as _, BufReader};
        let log = BufReader::new(self.0.stderr.take().unwrap());
        let mut said = String::new();
        for line in log.lines().map_while(Result::ok) {
            if line.contains(words) {
                return;
            }
            said.push_str(&line);
        }
        panic!("it never said `{words}`: {said}");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_follower_keeps_the_store_at_the_channel_until_it_is_stopped() {
    let sides = Sides::pushed();
    let mut command = sides.served.command([
        "pull",
        "--init",
        "--publish",
        "--keep",
        "2",
        "--follow",
        "--interval",
        "100ms",
        "-o",
        "name",
    ]);
    let mut follower = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let arrives = |version: &str| {
        let begun = Instant::now();
        let link = sides.served.path("store/current");
        while fs::read_link(&link).map_or(true, |target| !target.ends_with(version)) {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{version} did not arrive"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    arrives("v0.1.0");
    let mut last = String::new();
    for text in ["Second.\n", "Third.\n"] {
        last = sides.build(text);
        sides.push(&last).ok();
        arrives(&last);
    }
    sides.built.run(["rollback", "--remote", "origin"]).ok();
    arrives("v0.2.0");
    let pid = nix::unistd::Pid::from_raw(follower.id() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    let status = follower.wait().unwrap();
    assert_eq!(status.code(), Some(0));
    // v0.1.0 is beyond the last two releases.
    let kept = sides.served.run(["list", "-o", "name"]).ok().stdout;
    assert!(kept.contains(&last) && !kept.contains("v0.1.0"), "{kept}");
}

#[test]
fn a_fresh_machine_embeds_nothing_that_another_one_did() {
    let sides = Sides::pushed();
    sides.built.run(["cache", "push"]).ok();
    let fresh = Sandbox::with_docs();
    let bucket = sides.bucket("");
    let bucket = bucket.to_str().unwrap();
    let pull = |more: &[&str]| {
        fresh.run(
            ["cache", "pull", "--remote", bucket, "--json"]
                .iter()
                .chain(more),
        )
    };
    assert_eq!(pull(&["--dry-run"]).ok().json()["segments"], 1);
    assert_eq!(pull(&[]).ok().json()["segments"], 1);
    assert_eq!(pull(&[]).ok().json()["known"], 1);
    fresh.run(["ingest"]).ok();
    let embedded = fresh.run(["embed", "--json"]).ok().json();
    assert_eq!(embedded["embedded"], 0, "{embedded}");
    // A segment that is not what its name says is not taken.
    let space = fs::read_dir(sides.bucket("cache/embeddings"))
        .unwrap()
        .next()
        .unwrap();
    let class = space.unwrap().path().join("f32");
    let segment = fs::read_dir(class).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&segment).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&segment, bytes).unwrap();
    fresh.remove("store/cache/embeddings");
    assert_eq!(pull(&[]).ok().json()["damaged"], 1);
}

#[test]
fn pins_and_young_versions_outlive_a_remote_gc() {
    let sides = Sides::pushed();
    for text in ["Second.\n", "Third.\n"] {
        let version = sides.build(text);
        sides.push(&version).ok();
    }
    let built = &sides.built;
    built
        .run(["pin", "v0.1.0", "--remote", "origin", "--reason", "audit"])
        .ok();
    built.run(["pin", "v9.9.9", "--remote", "origin"]).code(10);
    let gc = |age: &str| {
        let args = [
            "gc",
            "--remote",
            "origin",
            "--keep-last",
            "1",
            "--min-age",
            age,
            "--json",
        ];
        built.run(args).ok().json()
    };
    assert_eq!(gc("0s")["removed"]["versions"], serde_json::json!([]));
    built
        .run(["pin", "v0.1.0", "--remote", "origin", "--remove"])
        .ok();
    assert_eq!(gc("1d")["changed"], false);
    let shown = built.run(["remote", "show", "--json"]).ok().json();
    assert_eq!(shown["versions"].as_array().unwrap().len(), 3);
    assert_eq!(
        gc("0s")["removed"]["versions"],
        serde_json::json!(["v0.1.0"])
    );
    sides.pull().ok();
    built.run(["rollback", "--remote", "origin"]).ok();
    sides.pull().ok();
    assert_eq!(sides.live(), "v0.2.0");
}

#[test]
fn an_export_is_the_same_each_time_and_an_import_takes_nothing_else() {
    let sandbox = Sandbox::published();
    sandbox.run(["export", "v0.1.0", "a.tar.zst"]).ok();
    std::thread::sleep(Duration::from_millis(1100));
    sandbox.run(["export", "v0.1.0", "b.tar.zst"]).ok();
    let bytes = fs::read(sandbox.path("a.tar.zst")).unwrap();
    assert_eq!(bytes, fs::read(sandbox.path("b.tar.zst")).unwrap());
    let other = Sandbox::new();
    other.write("ragctl.toml", "");
    other.run(["init"]).ok();
    let archive = |bytes: &[u8]| {
        fs::write(other.path("in.tar.zst"), bytes).unwrap();
        other.run(["import", "in.tar.zst", "--json"])
    };
    let untouched = fingerprint(&other.path("store/versions"));
    for at in [0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 9] {
        let mut wrong = bytes.clone();
        wrong[at] ^= 1;
        assert_ne!(archive(&wrong).code, 0, "{at}");
        archive(&bytes[..at]).code(12);
    }
    // Another name in the place of one that the manifest lists.
    let mut unpacked = zstd::decode_all(&*bytes).unwrap();
    let name = b"files/sources.jsonl";
    let at = unpacked
        .windows(name.len())
        .rposition(|window| window == name)
        .unwrap();
    unpacked[at..at + name.len()].copy_from_slice(b"../../sources.jsonl");
    archive(&zstd::encode_all(&*unpacked, 3).unwrap()).code(12);
    assert_eq!(untouched, fingerprint(&other.path("store/versions")));
    let imported = archive(&bytes).ok().json();
    assert_eq!(imported["channels"], serde_json::json!(["current"]));
    assert_eq!(digest(&sandbox, "v0.1.0"), digest(&other, "v0.1.0"));
    assert_eq!(archive(&bytes).ok().json()["changed"], false);
    other.run(["publish", "v0.1.0", "--require", "bytes"]).ok();
}

#[test]
fn a_full_disk_stops_an_export_and_leaves_no_file() {
    let sandbox = Sandbox::published();
    sandbox
        .run(["export", "v0.1.0", "missing/a.tar.zst"])
        .code(1);
    let command = sandbox.command(["export", "v0.1.0", "a.tar.zst"]);
    let limited = "ulimit -f 8; exec \"$0\" \"$@\"";
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(limited)
        .arg(command.get_program())
        .args(command.get_args());
    shell.current_dir(sandbox.path("")).env_clear();
    command.get_envs().for_each(|(name, value)| {
        shell.env(name, value.unwrap());
    });
    let output = Output::of(shell.output().unwrap());
    assert_ne!(output.code, 0, "{output}");
    assert!(!sandbox.path("a.tar.zst").exists());
}

#[test]
fn remotes_are_named_in_the_configuration_and_nothing_else_of_it_changes() {
    let sandbox = Sandbox::with_docs();
    let before = fs::read_to_string(sandbox.path("ragctl.toml")).unwrap();
    let run = |args: &[&str]| sandbox.run(["remote"].iter().chain(args));
    run(&[
        "add",
        "origin",
        "s3://bucket/kb",
        "--region",
        "eu-west-1",
        "--dry-run",
    ])
    .ok();
    assert_eq!(
        before,
        fs::read_to_string(sandbox.path("ragctl.toml")).unwrap()
    );
    run(&["add", "origin", "s3://bucket/kb", "--region", "eu-west-1"]).ok();
    let after = fs::read_to_string(sandbox.path("ragctl.toml")).unwrap();
    assert!(after.starts_with(&before), "{after}");
    assert!(run(&["list"]).ok().stdout.contains("s3://bucket/kb"));
    for secret in ["s3://id:hunter2@bucket/kb", "az://account/c?sig=hunter2"] {
        let refused = run(&["add", "bad", secret]).code(2);
        assert!(!refused.stderr.contains("hunter2"), "{refused}");
    }
    run(&["add", "bad name", "s3://bucket"]).code(2);
    run(&["add", "bad", "ftp://host/kb"]).code(2);
    run(&["remove", "origin"]).ok();
    assert_eq!(
        before.trim(),
        fs::read_to_string(sandbox.path("ragctl.toml"))
            .unwrap()
            .trim()
    );
    let none = sandbox.run(["push", "v0.1.0"]);
    none.code(10);
    sandbox
        .run(["pull"])
        .code(2)
        .tells("no remote is configured");
    sandbox.run(["pull", "--remote", "orign"]).code(2);
    sandbox
        .run(["pull", "--remote", "./nowhere"])
        .code(10)
        .tells("nothing was ever pushed");
    sandbox
        .run(["pull", "--remote", "./nowhere", "--offline"])
        .code(10);
    sandbox
        .run(["pull", "--remote", "s3://bucket/kb", "--offline"])
        .code(2);
}

#[test]
fn a_remote_that_cannot_be_reached_is_exit_20_within_its_time() {
    let sandbox = Sandbox::published();
    // Nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    sandbox.write(
        "ragctl.toml",
        &format!(
            "[remote.origin]\nurl = \"s3://bucket/kb\"\nendpoint = \"http://127.0.0.1:{port}\"\nregion = \"us-east-1\"\n"
        ),
    );
    let run = |args: &[&str]| {
        let mut command = sandbox.command(args.iter().chain(&["--timeout", "1s"]));
        command
            .env("AWS_ACCESS_KEY_ID", "id")
            .env("AWS_SECRET_ACCESS_KEY", "hunter2");
        let begun = Instant::now();
        let output = Output::of(command.output().unwrap()).code(20);
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{:?}",
            begun.elapsed()
        );
        assert!(!output.stderr.contains("hunter2"), "{output}");
    };
    run(&["push", "v0.1.0"]);
    run(&["pull", "v0.1.0"]);
    run(&["remote", "show"]);
    run(&["doctor", "--remote", "origin"]);
}

#[test]
fn a_damaged_local_file_is_not_linked_but_fetched() {
    let sides = Sides::pushed();
    sides.pull().ok();
    let model = sides.served.path("store/models");
    let model = fs::read_dir(model).unwrap().next().unwrap().unwrap().path();
    let weights = model.join("model.safetensors");
    crate::support::unseal(&weights);
    let mut bytes = fs::read(&weights).unwrap();
    bytes[100] ^= 1;
    fs::write(&weights, bytes).unwrap();
    let pulled = sides.pull().ok().json();
    assert!(
        pulled["fetched_bytes"].as_u64().unwrap() > 50_000,
        "{pulled}"
    );
    sides.served.run(["verify"]).ok();
}

#[test]
fn of_two_pulls_at_once_the_newer_release_stays() {
    let sides = Sides::pushed();
    sides.pull().ok();
    let pull = || {
        let mut command = sides
            .served
            .command(["pull", "--publish", "--lock-timeout", "60s"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    for text in ["Second.\n", "Third.\n", "Fourth.\n"] {
        let held = hold_lock(&sides.served.path("store/state/lock"));
        let first = pull();
        std::thread::sleep(Duration::from_millis(300));
        let version = sides.build(text);
        sides.push(&version).ok();
        let second = pull();
        std::thread::sleep(Duration::from_millis(300));
        drop(held);
        for mut pulling in [first, second] {
            assert!(pulling.wait().unwrap().success());
        }
        assert_eq!(sides.live(), version);
    }
    let seen = fs::read_to_string(sides.served.path("store/state/remotes.json")).unwrap();
    assert!(seen.contains("\"generation\": 4"), "{seen}");
}

#[test]
fn a_damaged_remote_is_mended_by_sending_everything_again() {
    let sides = Sides::pushed();
    for entry in fs::read_dir(sides.bucket("blobs")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        bytes[0] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    fs::write(sides.bucket("versions/v0.1.0/manifest.json"), "{").unwrap();
    sides.pull().code(12);
    sides.push("v0.1.0").code(13);
    sides.built.run(["push", "v0.1.0", "--resend"]).ok();
    sides.pull().ok();
}

#[test]
fn a_dry_run_leaves_no_trace() {
    let sides = Sides::pushed();
    let version = sides.build("Second.\n");
    sides.built.run(["cache", "push"]).ok();
    sides.built.run(["export", &version, "a.tar.zst"]).ok();
    let archive = sides.built.path("a.tar.zst");
    let archive = archive.to_str().unwrap();
    sides.pull().ok();
    sides.served.remove("store/cache/incoming");
    let trace = || {
        (
            fingerprint(&sides.bucket("")),
            fingerprint(&sides.served.path("store")),
        )
    };
    let before = trace();
    let dry = |sandbox: &Sandbox, args: &[&str]| {
        sandbox
            .run(args.iter().chain(&["--dry-run", "--json"]))
            .ok()
            .json()
    };
    for args in [
        &["push", &version, "--channel", "current"][..],
        &["rollback", "--remote", "origin", "--to", "v0.1.0"],
        &["gc", "--remote", "origin", "--min-age", "0s"],
        &["pin", "v0.1.0", "--remote", "origin"],
        &["cache", "push"],
    ] {
        dry(&sides.built, args);
    }
    for args in [
        &["pull", "--publish"][..],
        &["cache", "pull"],
        &["import", archive],
    ] {
        dry(&sides.served, args);
    }
    assert_eq!(before, trace());
    let fresh = dry(&sides.served, &["pull", "--init", "--store", "fresh"]);
    assert_eq!(fresh["fetched_bytes"], fresh["total_bytes"]);
    assert!(!sides.served.path("fresh").exists());
}

#[test]
fn a_signed_channel_is_not_moved_unsigned_unseen_or_under_another_name() {
    let sides = Sides::new();
    let built = &sides.built;
    built.run(["sign", "--new-key", "release.key"]).ok();
    let signed = ["--sign", "--key", "release.key"];
    let push = |version: &str, more: &[&str]| {
        let args = ["push", version, "--channel", "current"];
        built.run(args.iter().chain(more))
    };
    push("v0.1.0", &signed).ok();
    let version = sides.build("Second.\n");
    push(&version, &signed).ok();
    let back = |more: &[&str]| {
        let args = ["rollback", "--remote", "origin"];
        built.run(args.iter().chain(more))
    };
    back(&[]).code(2).tells("is signed");
    // Nobody's name is put under what its owner did not sign.
    built.run(["sign", "--new-key", "other.key"]).ok();
    back(&["--sign", "--key", "other.key"]).code(12);
    let toml = fs::read_to_string(built.path("ragctl.toml")).unwrap();
    built.write(
        "ragctl.toml",
        &format!("{toml}\n[signing]\nname = \"other\"\n"),
    );
    back(&signed).code(2).tells("under the name");
    built.write("ragctl.toml", &toml);
    back(&["--expect-current", "v9.9.9", "--dry-run"]).code(13);
    back(&signed).ok();
    assert_eq!(sides.pointer()["version"], "v0.1.0");
    built.run(["rollback", "--key", "release.key"]).code(2);
}

#[test]
fn a_local_rollback_asks_for_signatures_too_but_not_for_their_time() {
    let sandbox = Sandbox::published();
    sandbox.write("docs/beta.txt", "Second.\n");
    sandbox.run(["run"]).ok();
    sandbox.run(["sign", "--new-key", "release.key"]).ok();
    let toml = fs::read_to_string(sandbox.path("ragctl.toml")).unwrap();
    let trusted = "\n[signing]\ntrusted = [\"release.key.pub\"]\n";
    sandbox.write("ragctl.toml", &format!("{toml}{trusted}"));
    sandbox.run(["rollback"]).code(12).tells("is not signed");
    let sign = ["sign", "v0.1.0", "--key", "release.key", "--expires", "1s"];
    sandbox.run(sign).ok();
    std::thread::sleep(Duration::from_millis(1500));
    sandbox.run(["publish", "v0.1.0"]).code(12).tells("expired");
    sandbox.run(["rollback"]).ok();
}

#[test]
fn one_damaged_segment_keeps_no_other_away() {
    let sides = Sides::pushed();
    sides.build("Second.\n");
    sides.built.run(["cache", "push"]).ok();
    let spaces = fs::read_dir(sides.bucket("cache/embeddings")).unwrap();
    let class = spaces
        .map(|space| space.unwrap().path().join("f32"))
        .next()
        .unwrap();
    let segment = fs::read_dir(class).unwrap().next().unwrap().unwrap().path();
    fs::write(&segment, "nothing").unwrap();
    let fresh = Sandbox::with_docs();
    let bucket = sides.bucket("");
    let pull = [
        "cache",
        "pull",
        "--remote",
        bucket.to_str().unwrap(),
        "--json",
    ];
    let pulled = fresh.run(pull).ok().json();
    assert_eq!(
        (&pulled["segments"], &pulled["damaged"]),
        (&1.into(), &1.into())
    );
    // Its size gives it away, so that whoever has it sends it again.
    assert_eq!(
        sides.built.run(["cache", "push", "--json"]).ok().json()["segments"],
        1
    );
    assert_eq!(fresh.run(pull).ok().json()["segments"], 1);
}

#[test]
fn an_import_brings_the_signature_of_a_version_that_is_here() {
    let sandbox = Sandbox::published();
    sandbox.run(["sign", "--new-key", "release.key"]).ok();
    let key = sandbox.path("release.key.pub");
    let other = Sandbox::new();
    other.write("ragctl.toml", "");
    other.run(["init"]).ok();
    let import = |archive: &str| other.run(["import", sandbox.path(archive).to_str().unwrap()]);
    sandbox.run(["export", "v0.1.0", "unsigned.tar.zst"]).ok();
    import("unsigned.tar.zst").ok();
    sandbox.run(["sign", "v0.1.0", "--key", "release.key"]).ok();
    sandbox.run(["export", "v0.1.0", "signed.tar.zst"]).ok();
    let publish = || {
        let args = [
            "publish",
            "v0.1.0",
            "--require",
            "bytes",
            "--require-signature",
        ];
        other.run(args.iter().copied().chain([key.to_str().unwrap()]))
    };
    publish().code(12);
    import("signed.tar.zst").ok();
    publish().ok();
}

#[test]
fn a_rollback_here_holds_until_the_remote_moves() {
    let sides = Sides::pushed();
    sides.pull().ok();
    let version = sides.build("Second.\n");
    sides.push(&version).ok();
    let mut command = sides.served.command([
        "pull",
        "--publish",
        "--follow",
        "--interval",
        "100ms",
        "-o",
        "name",
    ]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let _follower = Served(command.spawn().unwrap());
    let becomes = |version: &str| {
        let begun = Instant::now();
        while sides.live() != version {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{version} did not come"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    becomes(&version);
    sides.served.run(["rollback", "--lock-timeout", "10s"]).ok();
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(sides.live(), "v0.1.0");
    let third = sides.build("Third.\n");
    sides.push(&third).ok();
    becomes(&third);
}
