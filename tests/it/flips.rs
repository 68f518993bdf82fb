//! Readers that follow a channel see one whole version, always.
//!
//! `RAGCTL_TEST_FLIPS` and `RAGCTL_TEST_READERS` make it long, `TMPDIR` puts it on another filesystem: the fault suite does.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ragctl::progress::Silent;
use ragctl::publish::{Why, publish};
use ragctl::store::{Channel, Operation, Store, VersionName};
use ragctl::verify::{Thoroughness, prove_for_rollback};

use crate::support::Sandbox;

/// How long a reader rests for each reader that there is: so that many do not leave the flips without a processor.
const PAUSE: Duration = Duration::from_micros(150);

/// What readers saw.
#[derive(Default)]
struct Seen {
    reads: AtomicU64,
    missing: AtomicU64,
    mixed: AtomicU64,
}

fn count(seen: &AtomicU64) {
    seen.fetch_add(1, Ordering::Relaxed);
}

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap())
}

/// Reads two files of one version by the reader contract.
fn read_by_the_contract(store: &Store, seen: &Seen) {
    let Ok(held) = store.hold_channel(&Channel::default()) else {
        return count(&seen.missing);
    };
    let manifest = fs::read(held.dir.join("manifest.json"));
    let sources = fs::metadata(held.dir.join("sources.jsonl"));
    match (manifest, sources) {
        (Ok(bytes), Ok(sources)) => {
            let manifest: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            let listed = manifest["files"].as_array().unwrap();
            let listed = listed
                .iter()
                .find(|file| file["path"] == "sources.jsonl")
                .unwrap();
            let whole =
                manifest["version"] == held.name.to_string() && listed["size"] == sources.len();
            count(if whole { &seen.reads } else { &seen.mixed });
        }
        _ => count(&seen.missing),
    }
}

/// Opens one file after the other through the link, as nobody should.
fn read_through_the_link(root: &Path, seen: &Seen) {
    let version = || -> Option<String> {
        let text = fs::read_to_string(root.join("current/manifest.sha256")).ok()?;
        Some(text)
    };
    match (version(), version()) {
        (Some(one), Some(other)) if one == other => count(&seen.reads),
        (Some(_), Some(_)) => count(&seen.mixed),
        _ => count(&seen.missing),
    }
}

#[test]
fn flips_under_spinning_readers_show_no_gap_and_no_mix() {
    let (flips, readers) = (
        number("RAGCTL_TEST_FLIPS", 2_000),
        number("RAGCTL_TEST_READERS", 8),
    );
    let sandbox = Sandbox::published();
    sandbox.write("docs/alpha.md", "# Alpha\n\nChanged.\n");
    sandbox.write(
        "docs/delta.md",
        "# Delta\n\nSo that the lists of documents differ in size.\n",
    );
    sandbox.run(["run"]).ok();
    let store = Store::open(&sandbox.path("store")).unwrap();
    let names: [VersionName; 2] = ["v0.1.0", "v0.2.0"].map(|name| name.parse().unwrap());
    let (done, seen, naive) = (AtomicBool::new(false), Seen::default(), Seen::default());
    std::thread::scope(|scope| {
        for reader in 0..readers {
            let (done, seen, naive, store) = (&done, &seen, &naive, &store);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    match reader {
                        // One shows that the flips are fast enough to be seen.
                        0 => read_through_the_link(store.root(), naive),
                        _ => {
                            read_by_the_contract(store, seen);
                            std::thread::sleep(PAUSE * readers as u32);
                        }
                    }
                }
            });
        }
        let locked = store
            .lock(Duration::from_secs(10), "test", &Silent)
            .unwrap();
        for flip in 0..flips {
            let held = store.hold(Some(&names[flip % 2])).unwrap();
            let verified =
                prove_for_rollback(&locked, &held, Thoroughness::Structure, &Silent).unwrap();
            publish(
                &locked,
                verified,
                &Channel::default(),
                Operation::Publish,
                Why::default(),
            )
            .unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    let history = store.history().unwrap();
    assert_eq!(history.len(), flips + 2);
    assert!(
        history
            .windows(2)
            .all(|pair| pair[1].generation == pair[0].generation + 1)
    );
    let [reads, missing, mixed] =
        [&seen.reads, &seen.missing, &seen.mixed].map(|seen| seen.load(Ordering::Relaxed));
    eprintln!(
        "{flips} flips, {readers} readers, {reads} reads, {missing} missing, {mixed} mixed; two opens through the link: {} mixed",
        naive.mixed.load(Ordering::Relaxed)
    );
    assert_eq!((missing, mixed), (0, 0));
    assert_eq!(naive.missing.load(Ordering::Relaxed), 0);
    assert!(reads > flips as u64 / 10, "the readers hardly ran");
}
