//! Random histories of a store against a small model of what it should do. `RAGCTL_TEST_HISTORIES` makes it long: the fault
//! suite does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use ragctl::gc::{self, Policy};
use ragctl::progress::Silent;
use ragctl::promote::promote;
use ragctl::publish::{Why, publish, rollback_target};
use ragctl::store::{Channel, Held, LockedStore, Operation, Store, VersionName};
use ragctl::verify::{Thoroughness, prove_for_rollback};
use serde_json::json;

use crate::support::{Sandbox, copy_tree};

const VERSIONS: u64 = 6;
const CHANNELS: [&str; 2] = ["current", "canary"];

/// One thing that happens to a store.
#[derive(Debug, Clone)]
enum Event {
    Seal(u64),
    Publish(usize, u64),
    Rollback(usize),
    Pin(u64),
    Unpin(u64),
    Hold(u64),
    LetGo(u64),
    Gc {
        keep_last: usize,
        instant: bool,
    },
    /// A publisher dies before its flip.
    CutOffBefore(usize, u64),
    /// A publisher dies right after its flip.
    CutOffAfter(usize, u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let (version, channel) = (0..VERSIONS, 0..CHANNELS.len());
    let event = prop_oneof![
        4 => version.clone().prop_map(Event::Seal),
        5 => (channel.clone(), version.clone()).prop_map(|(c, v)| Event::Publish(c, v)),
        2 => channel.clone().prop_map(Event::Rollback),
        1 => version.clone().prop_map(Event::Pin),
        1 => version.clone().prop_map(Event::Unpin),
        2 => version.clone().prop_map(Event::Hold),
        2 => version.clone().prop_map(Event::LetGo),
        3 => (0..4usize, any::<bool>()).prop_map(|(keep_last, instant)| Event::Gc { keep_last, instant }),
        1 => (channel.clone(), version.clone()).prop_map(|(c, v)| Event::CutOffBefore(c, v)),
        1 => (channel, version).prop_map(|(c, v)| Event::CutOffAfter(c, v)),
    ];
    prop::collection::vec(event, 1..24)
}

/// What a store should hold, in the plainest terms.
#[derive(Default)]
struct Model {
    versions: BTreeSet<u64>,
    trash: Vec<u64>,
    pins: BTreeSet<u64>,
    /// Per channel: every release, and those that rollbacks left standing.
    released: [Vec<u64>; 2],
    standing: [Vec<u64>; 2],
}

impl Model {
    fn live(&self, channel: usize) -> Option<u64> {
        self.released[channel].last().copied()
    }

    fn release(&mut self, channel: usize, version: u64) {
        self.released[channel].push(version);
        if self.standing[channel].last() != Some(&version) {
            self.standing[channel].push(version);
        }
    }

    fn roll_back(&mut self, channel: usize) -> Option<u64> {
        let standing = &mut self.standing[channel];
        let target = *standing.get(standing.len().checked_sub(2)?)?;
        if !self.versions.contains(&target) {
            return None;
        }
        standing.pop();
        self.released[channel].push(target);
        Some(target)
    }

    fn is_needed(&self, version: u64, keep_last: usize, held: bool) -> bool {
        let on_channel = |channel: usize| {
            let mut newest = Vec::new();
            for release in self.released[channel].iter().rev() {
                if !newest.contains(release) {
                    newest.push(*release);
                }
            }
            let back = self.standing[channel].iter().rev().take(keep_last.max(2));
            self.live(channel) == Some(version)
                || newest.iter().take(keep_last).any(|kept| *kept == version)
                || back.clone().any(|kept| *kept == version)
        };
        held || self.pins.contains(&version) || (0..CHANNELS.len()).any(on_channel)
    }
}

/// A store with one version, v0.1.0, which is never published and always pinned: what the others are made of.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<Sandbox> = OnceLock::new();
    let sandbox = TEMPLATE.get_or_init(|| {
        let sandbox = Sandbox::with_docs();
        sandbox.run(["ingest"]).ok();
        sandbox.run(["build"]).ok();
        sandbox.run(["pin", "v0.1.0"]).ok();
        sandbox
    });
    static STORE: OnceLock<std::path::PathBuf> = OnceLock::new();
    STORE.get_or_init(|| sandbox.path("store"))
}

fn name(version: u64) -> VersionName {
    format!("v1.{version}.0").parse().unwrap()
}

fn channel(index: usize) -> Channel {
    CHANNELS[index].parse().unwrap()
}

struct World {
    store: Store,
    model: Model,
    held: BTreeMap<u64, Vec<Held>>,
}

impl World {
    fn lock(&self) -> LockedStore {
        self.store
            .lock(Duration::from_secs(10), "test", &Silent)
            .unwrap()
    }

    fn flip(&self, locked: &LockedStore, channel: &Channel, to: &VersionName, back: bool) -> bool {
        let Ok(held) = locked.hold(Some(to)) else {
            return false;
        };
        let verified = prove_for_rollback(locked, &held, Thoroughness::Structure, &Silent).unwrap();
        let operation = if back {
            Operation::Rollback
        } else {
            Operation::Publish
        };
        publish(locked, verified, channel, operation, Why::default()).unwrap();
        true
    }

    /// Writes what a publisher would have written until it died.
    fn cut_off(&self, index: usize, version: u64, after_flip: bool) {
        let generation = self.model.released[index].len() + 1;
        let (_, sha256) = self.store.manifest(&name(version)).unwrap();
        let record = json!({
            "generation": generation, "operation": "publish", "channel": CHANNELS[index],
            "from": self.model.live(index).map(name), "to": name(version), "manifest_sha256": sha256,
            "at": jiff::Timestamp::now(), "by": {"user": "u", "host": "h", "pid": 1},
        });
        fs::write(
            self.store.root().join("state/journal.json"),
            record.to_string(),
        )
        .unwrap();
        if after_flip {
            let link = self.store.channel_link(&channel(index));
            fs::remove_file(&link).ok();
            let up = if index == 0 { "" } else { "../" };
            symlink(format!("{up}versions/{}", name(version)), link).unwrap();
        }
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Seal(version) => {
                let locked = self.lock();
                let base = locked.hold(Some(&"v0.1.0".parse().unwrap())).unwrap();
                promote(&locked, &base, &name(*version)).unwrap();
                self.model.versions.insert(*version);
            }
            Event::Publish(index, version) => {
                let locked = self.lock();
                if self.model.live(*index) == Some(*version) {
                    return;
                }
                let done = self.flip(&locked, &channel(*index), &name(*version), false);
                assert_eq!(
                    done,
                    self.model.versions.contains(version),
                    "publish {version}"
                );
                if done {
                    self.model.release(*index, *version);
                }
            }
            Event::Rollback(index) => {
                let locked = self.lock();
                let target = rollback_target(&locked, &channel(*index), 1).ok();
                let done = target.filter(|to| self.flip(&locked, &channel(*index), to, true));
                assert_eq!(done, self.model.roll_back(*index).map(name), "rollback");
            }
            Event::Pin(version) => {
                if self.model.versions.contains(version) {
                    self.lock().pin(&name(*version), None).unwrap();
                    self.model.pins.insert(*version);
                }
            }
            Event::Unpin(version) => {
                let was = self.lock().unpin(&name(*version)).unwrap();
                assert_eq!(was, self.model.pins.remove(version), "unpin {version}");
            }
            Event::Hold(version) => {
                let held = self.store.hold(Some(&name(*version))).ok();
                assert_eq!(
                    held.is_some(),
                    self.model.versions.contains(version),
                    "hold {version}"
                );
                self.held.entry(*version).or_default().extend(held);
            }
            Event::LetGo(version) => {
                drop(self.held.entry(*version).or_default().pop());
            }
            Event::Gc { keep_last, instant } => self.collect(*keep_last, *instant),
            Event::CutOffBefore(index, version) | Event::CutOffAfter(index, version) => {
                let after = matches!(event, Event::CutOffAfter(..));
                let is_live = self.model.live(*index) == Some(*version);
                if !is_live && self.model.versions.contains(version) {
                    self.cut_off(*index, *version, after);
                    if after {
                        self.model.release(*index, *version);
                    }
                    // Whoever comes next finishes it or forgets it.
                    drop(self.lock());
                }
            }
        }
    }

    fn collect(&mut self, keep_last: usize, instant: bool) {
        let hour = Duration::from_secs(3600);
        let policy = Policy {
            keep_last,
            keep_within: Duration::ZERO,
            grace: if instant { Duration::ZERO } else { hour },
            grace_unleased: Duration::ZERO,
            cache_max: None,
        };
        let planned = gc::plan(&self.store, &policy).unwrap();
        let locked = self.lock();
        let plan = gc::plan(&locked, &policy).unwrap();
        gc::collect(&locked, &plan, &policy, &Silent).unwrap();
        let is_held = |version: &u64| self.held.get(version).is_some_and(|held| !held.is_empty());
        let goes: Vec<u64> = self
            .model
            .versions
            .iter()
            .filter(|version| !self.model.is_needed(**version, keep_last, is_held(version)))
            .copied()
            .collect();
        let planned: Vec<VersionName> = planned
            .versions
            .into_iter()
            .filter(|version| version.goes())
            .map(|version| version.version)
            .collect();
        assert_eq!(
            planned,
            goes.iter().copied().map(name).collect::<Vec<_>>(),
            "gc's plan"
        );
        for version in goes {
            self.model.versions.remove(&version);
            self.model.trash.push(version);
        }
        if instant {
            self.model.trash.clear();
        }
    }

    fn check(&self) {
        let base: VersionName = "v0.1.0".parse().unwrap();
        let versions: BTreeSet<VersionName> = self.store.versions().unwrap().into_iter().collect();
        let expected = self
            .model
            .versions
            .iter()
            .copied()
            .map(name)
            .chain([base.clone()]);
        assert_eq!(versions, expected.collect(), "versions");
        let mut trash: Vec<VersionName> = self
            .store
            .trashed()
            .unwrap()
            .into_iter()
            .map(|trashed| trashed.version)
            .collect();
        let mut expected: Vec<VersionName> = self.model.trash.iter().copied().map(name).collect();
        trash.sort();
        expected.sort();
        assert_eq!(trash, expected, "trash");
        let pins: BTreeSet<VersionName> = self
            .store
            .pins()
            .unwrap()
            .into_iter()
            .map(|pin| pin.version)
            .collect();
        assert_eq!(
            pins,
            self.model
                .pins
                .iter()
                .copied()
                .map(name)
                .chain([base])
                .collect(),
            "pins"
        );
        let history = self.store.history().unwrap();
        for index in 0..CHANNELS.len() {
            let channel = channel(index);
            assert_eq!(
                self.store.live_on(&channel).unwrap(),
                self.model.live(index).map(name)
            );
            let released: Vec<VersionName> = history
                .iter()
                .filter(|release| release.channel == channel)
                .map(|release| release.to.clone())
                .collect();
            let expected: Vec<VersionName> = self.model.released[index]
                .iter()
                .copied()
                .map(name)
                .collect();
            assert_eq!(released, expected, "releases of {channel}");
            let twin = self.store.twin_on(&channel).unwrap();
            let generation = twin.map_or(0, |twin| twin.generation);
            assert_eq!(generation, released.len() as u64, "generation of {channel}");
        }
        for version in &self.model.versions {
            let held = self.held.get(version).map_or(0, Vec::len);
            assert_eq!(
                self.store.readers(&name(*version)).unwrap(),
                held,
                "readers of {version}"
            );
        }
    }
}

#[test]
fn random_histories_do_what_a_small_model_says() {
    let cases = std::env::var("RAGCTL_TEST_HISTORIES").map_or(200, |text| text.parse().unwrap());
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let happened = std::cell::Cell::new(0);
    let outcome = runner.run(&events(), |events| {
        let sandbox = Sandbox::new();
        copy_tree(template(), &sandbox.path("store"));
        let mut world = World {
            store: Store::open(&sandbox.path("store")).unwrap(),
            model: Model::default(),
            held: BTreeMap::new(),
        };
        for event in &events {
            world.happen(event);
            world.check();
            happened.set(happened.get() + 1);
        }
        drop(world);
        crate::support::unseal(&sandbox.path("store"));
        Ok(())
    });
    eprintln!("{cases} histories, {} events, 0 mismatches", happened.get());
    outcome.unwrap();
}
