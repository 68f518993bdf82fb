//! What publishing costs: `cargo bench --bench publish` compares the reading back of a version's bytes with `sha256sum` over
//! the same files, in turn, and times the flip with its fsyncs.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark may panic and talks"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ragctl::progress::Silent;
use ragctl::publish::{Why, publish};
use ragctl::store::{Channel, LockedStore, Manifest, Operation, Shared, Store, VersionName};
use ragctl::verify::{Thoroughness, prove_for_rollback};
use serde_json::json;

/// Files as LanceDB's tables have them here: about 40 MB each.
const FILES: u64 = 12;
const FILE_BYTES: usize = 40_000_000;
const ROUNDS: usize = 7;
const FLIPS: usize = 400;

/// Seals a version of files that do not repeat themselves.
fn seal(store: &Store, locked: &LockedStore, name: &VersionName, files: u64, bytes: usize) {
    let draft = store.draft().unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for file in 0..files {
        let mut content = Vec::with_capacity(bytes);
        while content.len() < bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            content.extend_from_slice(&state.to_le_bytes());
        }
        fs::write(draft.dir().join(format!("{file:02}.bin")), content).unwrap();
    }
    let nothing = "0".repeat(64);
    let manifest: Manifest = serde_json::from_value(json!({
        "format": 1, "version": name, "created": jiff::Timestamp::now(), "tool": "bench",
        "content_digest": nothing, "build_digest": nothing, "snapshot": nothing, "fingerprint": nothing,
        "counts": {"documents": 0, "chunks": 0, "tokens": 0, "failed": 0, "truncated": 0},
        "space": {"model": "none", "revision": null, "files": {}, "pooling": "mean", "normalize": true, "max_tokens": 256,
            "dimension": 384, "query_prefix": "", "document_prefix": ""},
        "numerics": {"class": "f32", "device": "none"}, "makers": {}, "tables": [],
        "lance": {"data_format": "none", "minimum_reader": "none"},
        "resources": {"disk_bytes": 0, "resident_bytes": 0},
        "files": draft.files().unwrap(),
    }))
    .unwrap();
    draft.seal(locked, &manifest).unwrap();
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn timed(work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64()
}

fn sha256sum(dir: &Path) {
    let files = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let status = Command::new("sha256sum")
        .args(files)
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
}

fn main() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("store");
    let store = Store::create(&root, Shared::World, None).unwrap();
    let locked = store.lock(Duration::ZERO, "bench", &Silent).unwrap();
    let large: VersionName = "v1.0.0".parse().unwrap();
    seal(&store, &locked, &large, FILES, FILE_BYTES);
    let held = store.hold(Some(&large)).unwrap();

    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let their = timed(|| sha256sum(&held.dir));
        let our = timed(|| {
            prove_for_rollback(&locked, &held, Thoroughness::Bytes, &Silent).unwrap();
        });
        // The first round warms the page cache.
        if round > 0 {
            theirs.push(their);
            ours.push(our);
            ratios.push(their / our);
        }
    }
    let gigabytes = FILES as f64 * FILE_BYTES as f64 / 1e9;
    println!(
        "verify bytes: {:.2} GB/s, sha256sum {:.2} GB/s, {:.2} times as fast (medians of {ROUNDS} pairs)",
        gigabytes / median(ours),
        gigabytes / median(theirs),
        median(ratios)
    );

    let names: [VersionName; 2] = ["v2.0.0", "v2.0.1"].map(|name| name.parse().unwrap());
    names
        .iter()
        .for_each(|name| seal(&store, &locked, name, 2, 1_000));
    let mut flips = Vec::new();
    for flip in 0..FLIPS {
        let held = store.hold(Some(&names[flip % 2])).unwrap();
        let verified = prove_for_rollback(&locked, &held, Thoroughness::Bytes, &Silent).unwrap();
        let channel = Channel::default();
        flips.push(timed(|| {
            publish(
                &locked,
                verified,
                &channel,
                Operation::Publish,
                Why::default(),
            )
            .unwrap();
        }));
    }
    let file = root.join("state/fsync");
    let fsyncs = (0..FLIPS).map(|_| {
        fs::write(&file, "x").unwrap();
        timed(|| fs::File::open(&file).unwrap().sync_all().unwrap())
    });
    let (flip, fsync) = (median(flips), median(fsyncs.collect()));
    println!(
        "flip, durable: {:.3} ms; one fsync of a new file here: {:.3} ms; {:.1} of them (medians of {FLIPS})",
        flip * 1e3,
        fsync * 1e3,
        flip / fsync
    );
}
