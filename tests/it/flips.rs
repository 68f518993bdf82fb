//! Readers that follow the channel see one whole version, always.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ragctl::progress::Silent;
use ragctl::publish::publish;
use ragctl::store::{Operation, Store, VersionName};
use ragctl::verify::{Thoroughness, prove_for_rollback};

use crate::support::Sandbox;

const FLIPS: usize = 2_000;
const READERS: usize = 8;

#[test]
fn two_thousand_flips_under_eight_spinning_readers_show_no_gap_and_no_mix() {
    let sandbox = Sandbox::published();
    sandbox.write("docs/alpha.md", "# Alpha\n\nChanged.\n");
    sandbox.run(["run"]).ok();
    let store = Store::open(&sandbox.path("store")).unwrap();
    let names: [VersionName; 2] = ["v0.1.0", "v0.2.0"].map(|name| name.parse().unwrap());
    let (done, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let held = store.hold(None).expect("a reader found no whole version");
                    // Two files of one version, opened one after the other by its real path.
                    let (manifest, sha256) = store.manifest(&held.name).unwrap();
                    assert_eq!(
                        (&manifest.version, sha256),
                        (&held.name, held.manifest_sha256)
                    );
                    assert!(held.dir.ends_with(held.name.to_string()));
                    assert!(held.dir.join(&manifest.files[0].path).is_file());
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let locked = store
            .lock(Duration::from_secs(10), "test", &Silent)
            .unwrap();
        for flip in 0..FLIPS {
            let held = store.hold(Some(&names[flip % 2])).unwrap();
            let verified =
                prove_for_rollback(&locked, &held, Thoroughness::Structure, &Silent).unwrap();
            publish(&locked, verified, Operation::Publish, None).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    let history = store.history().unwrap();
    assert_eq!(history.len(), FLIPS + 2);
    assert!(
        history
            .windows(2)
            .all(|pair| pair[1].generation == pair[0].generation + 1)
    );
    eprintln!(
        "{FLIPS} flips, {} whole reads",
        reads.load(Ordering::Relaxed)
    );
    assert!(
        reads.load(Ordering::Relaxed) > FLIPS as u64 / 10,
        "the readers hardly ran"
    );
}
