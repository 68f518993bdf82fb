//! Following a channel: what is told of it, how soon, and what is run.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ragctl::progress::{Progress, Silent, Stage};
use ragctl::store::{Channel, Store, VersionName};
use ragctl::watch::{Flip, Watch};

use crate::support::{Output, Sandbox, eventually, is_held};

/// So long that a test which waits for a look instead of an event is seen.
const NEVER: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(150);

/// A store without versions: following a channel reads its link and its twin and nothing else.
fn empty() -> (Sandbox, Store) {
    let sandbox = Sandbox::new();
    sandbox.run(["init"]).ok();
    let store = Store::open(&sandbox.path("store")).unwrap();
    (sandbox, store)
}

/// Points the link at a version as a publisher does.
fn link(store: &Path, version: &str) {
    let temporary = store.join(".current.test");
    symlink(format!("versions/{version}"), &temporary).unwrap();
    fs::rename(temporary, store.join("current")).unwrap();
}

/// Writes the link's twin.
fn twin(store: &Path, version: &str, generation: u64) {
    let twin = serde_json::json!({
        "generation": generation, "version": version, "manifest_sha256": "0".repeat(64),
        "published_at": "2026-01-01T00:00:00Z",
    });
    let temporary = store.join(".tmp-test");
    fs::write(&temporary, twin.to_string()).unwrap();
    fs::rename(temporary, store.join("current.json")).unwrap();
}

fn flip(store: &Path, version: &str, generation: u64) {
    link(store, version);
    twin(store, version, generation);
}

fn follow(store: &Store, interval: Duration) -> Watch {
    Watch::new(store, Channel::default(), Some(interval))
}

fn within(time: Duration) -> Option<Instant> {
    Some(Instant::now() + time)
}

#[track_caller]
fn next(watch: &mut Watch) -> Flip {
    let flip = watch.next(&Silent, within(Duration::from_secs(10)));
    flip.unwrap().expect("a flip")
}

/// From, to and generation of a flip.
fn words(flip: &Flip) -> (Option<String>, String, Option<u64>) {
    let from = flip.from.as_ref().map(ToString::to_string);
    (from, flip.version.to_string(), flip.generation)
}

fn seen(from: &str, to: &str, generation: u64) -> (Option<String>, String, Option<u64>) {
    (Some(from.to_owned()), to.to_owned(), Some(generation))
}

/// Keeps what it is warned of, and counts how often it is asked whether to go on.
#[derive(Default)]
struct Watched {
    warned: Mutex<Vec<String>>,
    asked: AtomicUsize,
}

impl Progress for Watched {
    fn stage(&self, _: &str, _: Option<u64>, _: &'static str) -> Box<dyn Stage + '_> {
        Box::new(Silent)
    }

    fn warn(&self, message: &str) {
        self.warned.lock().unwrap().push(message.to_owned());
    }

    fn interrupted(&self) -> bool {
        self.asked.fetch_add(1, Ordering::Relaxed);
        false
    }
}

#[test]
fn an_event_tells_of_a_flip_long_before_the_next_look() {
    let (_sandbox, store) = empty();
    flip(store.root(), "v0.1.0", 1);
    let mut watch = follow(&store, NEVER);
    assert_eq!(watch.no_events(), None);
    thread::scope(|scope| {
        let root = store.root();
        scope.spawn(move || {
            thread::sleep(SOON);
            flip(root, "v0.2.0", 2);
        });
        let found = next(&mut watch);
        assert_eq!(words(&found), seen("v0.1.0", "v0.2.0", 2));
        assert_eq!(found.dir, root.join("versions/v0.2.0"));
    });
    assert_eq!(watch.next(&Silent, within(SOON)).unwrap(), None);
}

#[test]
fn without_events_a_flip_is_seen_within_one_and_a_half_intervals() {
    let (_sandbox, store) = empty();
    flip(store.root(), "v0.1.0", 1);
    let interval = Duration::from_millis(400);
    let mut watch = follow(&store, interval).without_events();
    for round in 2..4 {
        let version = format!("v0.{round}.0");
        thread::scope(|scope| {
            let flipped = scope.spawn(|| {
                thread::sleep(Duration::from_millis(30));
                flip(store.root(), &version, round);
                Instant::now()
            });
            let found = next(&mut watch);
            let delay = flipped.join().unwrap().elapsed();
            assert_eq!(found.version.to_string(), version);
            assert!(delay < interval.mul_f64(1.5), "{delay:?}");
        });
    }
}

#[test]
fn looking_wakes_nobody_who_follows() {
    let (_sandbox, store) = empty();
    flip(store.root(), "v0.1.0", 1);
    let mut watch = follow(&store, NEVER);
    let counted = Watched::default();
    assert_eq!(watch.next(&counted, within(SOON * 2)).unwrap(), None);
    // Reading the twin opens it: were that an event, each look would bring the next one at once.
    let asked = counted.asked.load(Ordering::Relaxed);
    assert!(asked < 50, "{asked}");
}

#[test]
fn many_flips_between_two_looks_are_one_and_the_newest_wins() {
    let (_sandbox, store) = empty();
    flip(store.root(), "v0.1.0", 1);
    let mut watch = follow(&store, NEVER);
    flip(store.root(), "v0.2.0", 2);
    flip(store.root(), "v0.3.0", 3);
    assert_eq!(words(&next(&mut watch)), seen("v0.1.0", "v0.3.0", 3));
    flip(store.root(), "v0.1.0", 4);
    flip(store.root(), "v0.3.0", 5);
    assert_eq!(words(&next(&mut watch)), seen("v0.3.0", "v0.3.0", 5));
    assert_eq!(watch.next(&Silent, within(SOON)).unwrap(), None);
}

#[test]
fn a_release_whose_twin_comes_late_is_one_flip() {
    let (_sandbox, store) = empty();
    flip(store.root(), "v0.1.0", 1);
    let mut watch = follow(&store, NEVER);
    thread::scope(|scope| {
        link(store.root(), "v0.2.0");
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(30));
            twin(store.root(), "v0.2.0", 2);
        });
        assert_eq!(words(&next(&mut watch)), seen("v0.1.0", "v0.2.0", 2));
    });
    // A publisher that died between the link and the twin, and a recovery that writes it much later.
    link(store.root(), "v0.3.0");
    assert_eq!(next(&mut watch).generation, None);
    twin(store.root(), "v0.3.0", 3);
    assert_eq!(watch.next(&Silent, within(SOON)).unwrap(), None);
}

#[test]
fn a_link_that_is_missing_or_odd_is_waited_out() {
    let (_sandbox, store) = empty();
    flip(store.root(), "v0.1.0", 1);
    let mut watch = follow(&store, Duration::from_millis(20));
    let current = store.root().join("current");
    let watched = Watched::default();
    let mut odd = |make: &dyn Fn()| {
        fs::remove_file(&current).ok();
        make();
        assert_eq!(watch.next(&watched, within(SOON)).unwrap(), None);
    };
    odd(&|| {});
    odd(&|| symlink("/elsewhere/versions/v0.2.0", &current).unwrap());
    odd(&|| fs::write(&current, "versions/v0.2.0").unwrap());
    // What came back as it was is no flip.
    odd(&|| link(store.root(), "v0.1.0"));
    link(store.root(), "v0.2.0");
    twin(store.root(), "v0.2.0", 2);
    let flip = watch.next(&watched, within(NEVER)).unwrap().unwrap();
    assert_eq!(words(&flip), seen("v0.1.0", "v0.2.0", 2));
    let warned = watched.warned.into_inner().unwrap();
    assert_eq!(warned.len(), 2, "{warned:?}");
}

#[test]
fn a_flip_before_the_start_is_told_at_once_to_whoever_says_from_where() {
    let (sandbox, store) = empty();
    flip(store.root(), "v0.2.0", 2);
    let version: VersionName = "v0.2.0".parse().unwrap();
    let mut same = follow(&store, NEVER).starting_at(Some(version));
    assert_eq!(same.next(&Silent, within(SOON)).unwrap(), None);
    for from in ["v0.1.0", "none"] {
        let args = ["watch", "--once", "--interval", "1h", "--from", from];
        let begun = Instant::now();
        let output = sandbox.run(args).ok();
        assert_eq!(output.stdout, "v0.2.0\n");
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
}

/// Starts following, and returns when it does.
fn watching(sandbox: &Sandbox, args: &[&str]) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut child = sandbox
        .command([&["watch", "-v"], args].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    assert!(line.starts_with("following current from "), "{line}");
    (child, told)
}

fn line(reader: &mut impl std::io::BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line
}

#[test]
fn once_ends_after_the_first_flip_with_one_line() {
    let (sandbox, store) = empty();
    flip(store.root(), "v0.1.0", 1);
    let (child, _told) = watching(&sandbox, &["--once", "--json", "--interval", "1h"]);
    flip(store.root(), "v0.2.0", 2);
    let output = Output::of(child.wait_with_output().unwrap()).ok();
    let (answer, root) = (output.json(), store.root().display());
    assert_eq!(output.stdout.lines().count(), 1);
    let expected = serde_json::json!({
        "schema_version": 1, "channel": "current", "from": "v0.1.0", "version": "v0.2.0",
        "path": format!("{root}/versions/v0.2.0"), "generation": 2,
    });
    assert_eq!(answer, expected);
}

#[test]
fn each_flip_is_a_line_until_a_signal_ends_it() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let (sandbox, store) = empty();
        let (mut child, _told) = watching(&sandbox, &["--interval", "1h"]);
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        for (generation, version) in [(1, "v0.1.0"), (2, "v0.2.0"), (3, "v0.1.0")] {
            flip(store.root(), version, generation);
            assert_eq!(line(&mut lines), format!("{version}\n"));
        }
        let begun = Instant::now();
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
}

#[test]
fn no_flip_in_time_is_a_failure_and_a_bad_interval_a_usage_error() {
    let (sandbox, _store) = empty();
    sandbox
        .run(["watch", "--timeout", "100ms"])
        .code(1)
        .tells("current was not flipped within 100ms");
    sandbox.run(["watch", "--interval", "0s"]).code(2);
    sandbox.run(["watch", "--channel", "../x"]).code(2);
}

/// A store with three versions, the first of them live, and the program that follows it.
fn three_versions() -> Sandbox {
    let sandbox = Sandbox::published();
    for words in ["Second.", "Third."] {
        sandbox.write("docs/beta.txt", words);
        sandbox.run(["run"]).ok();
    }
    flip(&sandbox.path("store"), "v0.1.0", 4);
    sandbox
}

/// A line of shell that writes its environment, says that it runs, and waits until it may end.
const SLOW: &str = "echo $RAGCTL_FROM $RAGCTL_TO $RAGCTL_CHANNEL $RAGCTL_DIGEST $RAGCTL_VERSION_DIR; \
    touch runs; while [ -e wait ]; do sleep 0.02; done";

#[test]
fn a_command_gets_the_flip_holds_its_version_and_the_newest_flip_comes_next() {
    let sandbox = three_versions();
    let store = fs::canonicalize(sandbox.path("store")).unwrap();
    sandbox.write("wait", "");
    let (mut child, _told) = watching(&sandbox, &["--exec", SLOW, "--interval", "1h"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    flip(&store, "v0.2.0", 5);
    let dir = store.join("versions/v0.2.0");
    let digest = ragctl::digest::Digest::of_file(&dir.join("manifest.json")).unwrap();
    let told = format!("v0.1.0 v0.2.0 current {digest} {}\n", dir.display());
    assert_eq!(line(&mut lines), told);
    eventually("the command runs", || sandbox.path("runs").exists());
    assert!(is_held(&store.join("leases/v0.2.0")));
    flip(&store, "v0.1.0", 6);
    flip(&store, "v0.3.0", 7);
    fs::remove_file(sandbox.path("wait")).unwrap();
    let next = line(&mut lines);
    assert!(next.starts_with("v0.2.0 v0.3.0 current "), "{next}");
    assert!(!is_held(&store.join("leases/v0.2.0")));
    eventually("the command has ended", || {
        !is_held(&store.join("leases/v0.3.0"))
    });
    // A command that runs is asked to stop with the program.
    fs::remove_file(sandbox.path("runs")).unwrap();
    sandbox.write("wait", "");
    flip(&store, "v0.2.0", 8);
    eventually("the command runs", || sandbox.path("runs").exists());
    kill(
        Pid::from_raw(child.id().try_into().unwrap()),
        Signal::SIGTERM,
    )
    .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(!is_held(&store.join("leases/v0.2.0")));
}

#[test]
fn a_command_that_fails_is_told_and_fails_what_was_to_run_once() {
    let sandbox = three_versions();
    let once = ["watch", "--once", "--from", "none", "--exec", "exit 3"];
    sandbox
        .run(once)
        .code(1)
        .tells("the command for v0.1.0 ended with exit code 3");
    let exec = "echo $RAGCTL_TO; test $RAGCTL_TO = v0.3.0";
    let (mut child, mut told) = watching(&sandbox, &["--exec", exec, "--interval", "1h"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    for (generation, version) in [(5, "v0.2.0"), (6, "v0.3.0")] {
        flip(&sandbox.path("store"), version, generation);
        assert_eq!(line(&mut lines), format!("{version}\n"));
    }
    let warning = line(&mut told);
    let expected = "warning: the command for v0.2.0 ended with exit code 1\n";
    assert_eq!(warning, expected);
    kill(
        Pid::from_raw(child.id().try_into().unwrap()),
        Signal::SIGTERM,
    )
    .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
}
