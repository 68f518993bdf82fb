//! The thread that follows a channel: poll → hold → check → load → warm → swap → drain.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use tracing::{debug, info, warn};

use super::served::admit;
use super::{Error, Reload, Served, Shared};
use crate::fault::{Fault as _, Kind};
use crate::progress::{Progress, Silent, Stage};
use crate::verify;
use crate::watch::{Flip, Watch};

/// Between the beginnings of two loads, so that a channel that flaps does not keep the machine busy.
const SPACING: Duration = Duration::from_secs(1);
/// The first pause after a load that failed; it doubles.
const BACK_OFF: Duration = Duration::from_secs(1);
/// The same where the version itself is wrong, which time does not mend: eight tries in five minutes.
const BACK_OFF_FROM_DAMAGE: Duration = Duration::from_secs(5);
/// The longest pause.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);
/// How often replaced versions are looked after while there are any.
const TEND: Duration = Duration::from_millis(20);

/// What the thread knows.
pub(super) struct Follower {
    shared: Arc<Shared>,
    watch: Watch,
    target: Option<Target>,
    replaced: Vec<Replaced>,
    begun: Option<Instant>,
    warned: HashSet<String>,
}

/// A version that is to be loaded.
struct Target {
    flip: Flip,
    due: Instant,
    pause: Duration,
}

/// A version that was replaced.
struct Replaced {
    served: Arc<Served>,
    at: Instant,
    /// Whether it is told already that it does not end.
    told: bool,
}

/// A run that is asked to stop when the server is, and looks sooner when that is asked for.
struct Asked<'a> {
    shared: &'a Shared,
    looks: bool,
}

impl Progress for Asked<'_> {
    fn stage(&self, _: &str, _: Option<u64>, _: &'static str) -> Box<dyn Stage + '_> {
        Box::new(Silent)
    }

    fn warn(&self, message: &str) {
        warn!(store = self.shared.name, "{message}");
    }

    fn interrupted(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
            || (self.looks && self.shared.look.load(Ordering::Relaxed))
    }
}

impl Follower {
    pub(super) fn of(shared: Arc<Shared>) -> Self {
        let options = &shared.options;
        let watch = Watch::new(&shared.store, options.channel.clone(), options.interval);
        let watch = watch.starting_at(None);
        let watch = match options.events {
            true => watch,
            false => watch.without_events(),
        };
        Self {
            watch,
            shared,
            target: None,
            replaced: Vec::new(),
            begun: None,
            warned: HashSet::new(),
        }
    }

    pub(super) fn run(mut self) {
        let shared = self.shared.clone();
        let asked = Asked {
            shared: &shared,
            looks: true,
        };
        self.look_around();
        while !shared.stop.load(Ordering::Relaxed) {
            match self.watch.next(&asked, self.deadline()) {
                Ok(Some(flip)) => self.aim(flip),
                Ok(None) => {}
                // Asked to look: a target that failed is due, and the next round begins with a look.
                Err(_) => {
                    if shared.look.swap(false, Ordering::Relaxed)
                        && let Some(target) = &mut self.target
                    {
                        let spaced = self.begun.map(|begun| begun + SPACING);
                        target.due = Instant::now().max(spaced.unwrap_or_else(Instant::now));
                    }
                }
            }
            self.tend();
            self.load_when_due();
            self.look_around();
        }
        self.let_go();
    }

    /// When there is something to do without a flip.
    fn deadline(&self) -> Option<Instant> {
        let keep = self.shared.options.keep_previous;
        let tend = self.replaced.iter().map(|replaced| {
            // One that is kept is looked after when its time is over.
            let kept = replaced.at + keep;
            kept.max(Instant::now() + if replaced.told { SPACING } else { TEND })
        });
        let due = self.target.as_ref().map(|target| target.due);
        let look = Instant::now() + self.watch.interval();
        tend.chain(due).chain([look]).min()
    }

    /// Says what is wrong with the channel, or with the files of what answers, while nothing else is. A version in memory answers
    /// without them, but nobody should find that out by the next restart.
    fn look_around(&self) {
        let shared = &self.shared;
        let channel = &shared.options.channel;
        let current = shared.current.load_full();
        let trouble = match (shared.store.live_on(channel), &current) {
            (Err(e), _) => Some(e.to_string()),
            (Ok(None), _) => Some(format!("nothing is published on {channel}")),
            (Ok(Some(_)), Some(current)) if !current.is_there() => {
                Some(format!("the files of {} are gone", current.name()))
            }
            (Ok(Some(_)), _) => None,
        };
        let mut status = shared.status();
        if trouble.is_some() {
            status.settled = true;
        }
        if self.target.is_none() {
            status.degraded = trouble;
        }
    }

    /// Takes note of a flip: what is in memory answers at once, anything else is to be loaded.
    fn aim(&mut self, flip: Flip) {
        let shared = self.shared.clone();
        {
            let mut status = shared.status();
            status.named = Some(flip.version.clone());
            status.stale_since.get_or_insert_with(Instant::now);
        }
        info!(store = shared.name, version = %flip.version, generation = flip.generation, "flip seen");
        let digest = shared
            .store
            .manifest(&flip.version)
            .ok()
            .map(|(_, digest)| digest);
        let is_named = |served: &Served| {
            served.held().name == flip.version && Some(served.held().manifest_sha256) == digest
        };
        if let Some(current) = shared.current.load_full()
            && is_named(&current)
        {
            current.set_generation(flip.generation);
            self.target = None;
            self.warned.clear();
            self.settle(None);
            return;
        }
        if let Some(at) = self
            .replaced
            .iter()
            .position(|replaced| is_named(&replaced.served))
        {
            let back = self.replaced.swap_remove(at).served;
            back.set_generation(flip.generation);
            self.target = None;
            self.swap(back);
            return;
        }
        let now = Instant::now();
        let first = shared.current.load().is_none();
        let spread = if first {
            Duration::ZERO
        } else {
            shared.options.spread
        };
        let due = now + spread.mul_f64(fastrand::f64());
        let spaced = self.begun.map(|begun| begun + SPACING);
        self.target = Some(Target {
            flip,
            due: spaced.map_or(due, |spaced| spaced.max(due)),
            pause: Duration::ZERO,
        });
    }

    fn load_when_due(&mut self) {
        let Some(target) = self.target.take_if(|target| target.due <= Instant::now()) else {
            return;
        };
        self.begun = Some(Instant::now());
        match self.load(&target.flip) {
            Ok(served) => {
                // Rolled back or flipped on while it loaded: what is named now comes next. Where nothing answers, it answers
                // until then.
                let named = self
                    .shared
                    .store
                    .live_on(&self.shared.options.channel)
                    .ok()
                    .flatten()
                    .filter(|named| *named != target.flip.version);
                if let Some(named) = named
                    && self.shared.current.load().is_some()
                {
                    self.shared.status().superseded += 1;
                    let dir = self.shared.store.version_dir(&named);
                    return self.aim(Flip {
                        from: Some(target.flip.version),
                        version: named,
                        generation: None,
                        dir,
                    });
                }
                self.swap(Arc::new(served));
            }
            Err(e) if e.is_interrupted() => self.target = Some(target),
            Err(e) => self.fail(target, &e),
        }
    }

    fn load(&mut self, flip: &Flip) -> Result<Served, Error> {
        let shared = self.shared.clone();
        let (store, models, options) = (&shared.store, &shared.models, &shared.options);
        let held = store.hold(Some(&flip.version))?;
        options.trust.check_version(store, &held)?;
        let _one = models.one_at_a_time();
        let fits = |spared| admit(store, &held, models, options, spared);
        let mut admitted = fits(0);
        if matches!(admitted, Err(Error::NoMemory { .. })) && !self.replaced.is_empty() {
            self.forget_kept();
            self.wait_for_replaced();
            admitted = fits(0);
        }
        let mut old = None;
        if matches!(admitted, Err(Error::NoMemory { .. }))
            && options.reload == Reload::DrainFirst
            && let Some(current) = shared.current.load_full()
        {
            // What can be known to be wrong is known before nothing answers.
            fits(current.bytes())?;
            verify::check_structure(&held)?;
            verify::check_bytes(&held, &Silent)?;
            warn!(
                store = shared.name,
                version = current.name(),
                "let go before the next one loads"
            );
            // Its model stays: the next version likely has the same, and the old one needs it where it comes back.
            let model = current.embedder.clone();
            old = Some((current.held().name.clone(), current.is_resident(), model));
            drop(current);
            self.replaced
                .extend(shared.current.swap(None).map(Replaced::now));
            self.wait_for_replaced();
            admitted = fits(0);
        }
        let progress = Asked {
            shared: &shared,
            looks: false,
        };
        let load = |held, generation, resident| {
            // What panics in a library must not end the following.
            let loading = AssertUnwindSafe(|| {
                Served::load(
                    store, held, generation, models, options, resident, &progress,
                )
            });
            catch_unwind(loading).unwrap_or(Err(Error::Panicked))
        };
        let loaded = admitted.and_then(|resident| load(held, flip.generation, resident));
        if let (Err(_), Some((old, resident, _model))) = (&loaded, old) {
            // Nothing answers: the old one is better than nothing.
            let held = store.hold(Some(&old)).map_err(Error::from);
            match held.and_then(|held| load(held, None, resident)) {
                Ok(back) => shared.current.store(Some(Arc::new(back))),
                Err(e) => {
                    warn!(store = shared.name, version = %old, "not brought back: {e}");
                }
            }
        }
        loaded
    }

    /// Lets a version answer from now on.
    fn swap(&mut self, served: Arc<Served>) {
        let shared = self.shared.clone();
        let took = served.took;
        info!(
            store = shared.name,
            version = served.name(),
            generation = served.generation(),
            resident = served.is_resident(),
            took_ms = took.as_millis() as u64,
            "serving"
        );
        let old = shared.current.load_full();
        // Whoever asks for one of them by name finds it at any time: both are kept while they change places.
        let keeps = !shared.options.keep_previous.is_zero();
        if keeps {
            let both = old.iter().chain([&served]).cloned();
            shared.kept.store(Arc::new(both.collect()));
        }
        shared.current.store(Some(served));
        if keeps {
            shared.kept.store(Arc::new(old.iter().cloned().collect()));
        }
        self.replaced.extend(old.map(Replaced::now));
        self.warned.clear();
        {
            let mut status = shared.status();
            status.reloads += 1;
            status.took = took;
        }
        self.settle(None);
    }

    fn fail(&mut self, target: Target, error: &Error) {
        let version = &target.flip.version;
        let message = format!("{version} is not served: {error}");
        // Each distinct reason once: the metric counts them all.
        if self.warned.insert(message.clone()) {
            warn!(
                store = self.shared.name,
                version = %version,
                reason = error.reason(),
                hint = error.hint(),
                "{message}"
            );
        }
        *self
            .shared
            .status()
            .failures
            .entry(error.reason())
            .or_default() += 1;
        let first = match error.kind() {
            Kind::Integrity | Kind::Incompatible => BACK_OFF_FROM_DAMAGE,
            _ => BACK_OFF,
        };
        let pause = (target.pause * 2).clamp(first, LONGEST_BACK_OFF);
        let due = Instant::now() + pause.mul_f64(0.8 + 0.4 * fastrand::f64());
        self.target = Some(Target {
            due,
            pause,
            ..target
        });
        self.settle(Some(message));
    }

    /// Says how things are.
    fn settle(&self, degraded: Option<String>) {
        let count = self.replaced.len() + usize::from(self.shared.current.load().is_some());
        let mut status = self.shared.status();
        status.settled = true;
        status.versions = count;
        if degraded.is_none() {
            status.stale_since = None;
        }
        status.degraded = degraded;
    }

    /// Lets go of versions that were replaced and whose last request has ended. Only here: what LanceDB leaves behind must
    /// not be waited for on a thread that answers.
    fn tend(&mut self) {
        let options = &self.shared.options;
        let is_over = |at: Instant| at.elapsed() >= options.keep_previous;
        let kept = self.shared.kept.load_full();
        let ended = |served: &Arc<Served>| {
            let replaced = self
                .replaced
                .iter()
                .find(|one| Arc::ptr_eq(&one.served, served));
            replaced.is_none_or(|one| is_over(one.at))
        };
        if kept.iter().any(ended) {
            let left = kept.iter().filter(|served| !ended(served)).cloned();
            self.shared.kept.store(Arc::new(left.collect()));
        }
        drop(kept);
        let drain = options.drain + options.keep_previous;
        let name = &self.shared.name;
        let before = self.replaced.len();
        self.replaced.retain_mut(|replaced| {
            if Arc::strong_count(&replaced.served) == 1 {
                debug!(store = name, version = replaced.served.name(), "released");
                return false;
            }
            if !replaced.told && replaced.at.elapsed() > drain {
                replaced.told = true;
                warn!(
                    store = name,
                    version = replaced.served.name(),
                    "still held by unfinished requests"
                );
            }
            true
        });
        if self.replaced.len() != before {
            self.shared.status().versions =
                self.replaced.len() + usize::from(self.shared.current.load().is_some());
        }
    }

    fn forget_kept(&self) {
        self.shared.kept.store(Arc::default());
    }

    /// Waits until what was replaced is gone, or requests have had their time.
    fn wait_for_replaced(&mut self) {
        let begun = Instant::now();
        while !self.replaced.is_empty()
            && begun.elapsed() < self.shared.options.drain
            && !self.shared.stop.load(Ordering::Relaxed)
        {
            self.tend();
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Lets go of everything, the last version included.
    fn let_go(mut self) {
        self.forget_kept();
        let last = self.shared.current.swap(None);
        self.replaced.extend(last.map(Replaced::now));
        let begun = Instant::now();
        while !self.replaced.is_empty() && begun.elapsed() < self.shared.options.drain {
            self.tend();
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Replaced {
    fn now(served: Arc<Served>) -> Self {
        Self {
            served,
            at: Instant::now(),
            told: false,
        }
    }
}
