//! Following a channel: how a reader learns of a flip without being told.
//!
//! Looking again and again is the guarantee; filesystem events only make it sooner, because no event crosses hosts, virtual
//! machines or a queue that overflowed. What is compared is the version and its generation, never a time. A link that is
//! missing or odd is one that cannot be read now, and never the end.

mod events;

use std::fs;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::progress::{Interrupted, Progress};
use crate::store::{self, Channel, Store, VersionName, is_network};
use events::Events;

/// How often a channel is looked at where the link changes for this host at once.
const LOCAL: Duration = Duration::from_secs(1);
/// How often where each look is a question to a server.
const NETWORK: Duration = Duration::from_secs(5);
/// How long a request to stop may wait.
const TICK: Duration = Duration::from_millis(50);
/// How long the twin, which is written right after the link, is waited for.
const TWIN: Duration = Duration::from_millis(250);

/// A channel that names another version, or the same one again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flip {
    /// What the channel named before, as far as its follower saw.
    pub from: Option<VersionName>,
    /// What it names now.
    pub version: VersionName,
    /// The channel's count of releases, where its twin tells.
    pub generation: Option<u64>,
    /// The version's real directory.
    pub dir: PathBuf,
}

/// Follows a channel. Many flips between two looks are one: the newest wins.
pub struct Watch {
    store: Store,
    channel: Channel,
    interval: Duration,
    network: bool,
    events: Option<Events>,
    seen: Option<Seen>,
    trouble: Option<String>,
}

/// Where the channel was at the last look.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    version: VersionName,
    generation: Option<u64>,
}

impl Seen {
    /// Two looks at one release may find its generation and not find it: the twin follows the link.
    fn is_same_release(&self, other: &Self) -> bool {
        let generations = self.generation.zip(other.generation);
        self.version == other.version && generations.is_none_or(|(one, two)| one == two)
    }
}

impl Watch {
    /// Follows a channel from where it is now, looking at this interval, or at one that fits the filesystem.
    pub fn new(store: &Store, channel: Channel, interval: Option<Duration>) -> Self {
        let dir = store.channel_link(&channel).parent().map(PathBuf::from);
        let network = is_network(store.root());
        let mut watch = Self {
            store: store.clone(),
            channel,
            interval: interval.unwrap_or(if network { NETWORK } else { LOCAL }),
            network,
            events: dir.map(Events::of),
            seen: None,
            trouble: None,
        };
        watch.seen = watch.look().ok().flatten();
        watch
    }

    /// Follows it from a version that the caller saw or serves, so that no flip since then is missed.
    pub fn starting_at(mut self, version: Option<VersionName>) -> Self {
        self.seen = version.map(|version| Seen {
            version,
            generation: None,
        });
        self
    }

    /// Only looks, and takes no events.
    pub fn without_events(mut self) -> Self {
        self.events = None;
        self
    }

    /// The version that the channel named at the last look.
    pub fn version(&self) -> Option<&VersionName> {
        self.seen.as_ref().map(|seen| &seen.version)
    }

    /// How often the channel is looked at without an event.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Why there are no events, if there are none.
    pub fn no_events(&self) -> Option<&str> {
        self.events
            .as_ref()
            .map_or(Some("not wanted"), Events::why_not)
    }

    /// Waits until the channel is flipped. `None` when it was not until the deadline.
    pub fn next(
        &mut self,
        progress: &dyn Progress,
        deadline: Option<Instant>,
    ) -> Result<Option<Flip>, Interrupted> {
        loop {
            progress.checkpoint()?;
            // Before the look, so that a flip right after it is an event.
            if let Some(events) = &mut self.events {
                events.arm();
            }
            if let Some(flip) = self.flip(progress) {
                return Ok(Some(flip));
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(None);
            }
            let look = now + jittered(self.interval);
            self.wait(
                deadline.map_or(look, |deadline| deadline.min(look)),
                progress,
            )?;
        }
    }

    /// Looks, and takes note of where the channel is.
    fn flip(&mut self, progress: &dyn Progress) -> Option<Flip> {
        let now = self.look_or_tell(progress)?;
        let is_known = |seen: &Seen| seen.is_same_release(&now);
        if self.seen.as_ref().is_some_and(is_known) {
            if now.generation.is_some() {
                self.seen = Some(now);
            }
            return None;
        }
        let now = self.with_generation(now);
        let from = self.seen.replace(now.clone()).map(|seen| seen.version);
        Some(Flip {
            from,
            dir: self.store.version_dir(&now.version),
            version: now.version,
            generation: now.generation,
        })
    }

    /// Gives the twin of a release whose link was just seen a moment to follow.
    fn with_generation(&self, mut now: Seen) -> Seen {
        let until = Instant::now() + TWIN;
        while now.generation.is_none() && Instant::now() < until {
            thread::sleep(TWIN / 50);
            if let Ok(Some(newer)) = self.look() {
                now = newer;
            }
        }
        now
    }

    fn look(&self) -> Result<Option<Seen>, store::Error> {
        if self.network
            && let Some(dir) = self.store.channel_link(&self.channel).parent()
            && let Ok(entries) = fs::read_dir(dir)
        {
            // Mounts that remember where the link pointed ask again when its directory is listed.
            entries.for_each(drop);
        }
        let Some(version) = self.store.live_on(&self.channel)? else {
            return Ok(None);
        };
        let twin = self.store.twin_on(&self.channel).ok().flatten();
        let generation = twin
            .filter(|twin| twin.version == version)
            .map(|twin| twin.generation);
        Ok(Some(Seen {
            version,
            generation,
        }))
    }

    /// Looks, and tells of each trouble once.
    fn look_or_tell(&mut self, progress: &dyn Progress) -> Option<Seen> {
        let found = self.look();
        let trouble = found.as_ref().err().map(ToString::to_string);
        if let Some(words) = &trouble
            && self.trouble != trouble
        {
            progress.warn(&format!("{words}; waiting until it can be read"));
        }
        self.trouble = trouble;
        found.ok().flatten()
    }

    fn wait(&self, until: Instant, progress: &dyn Progress) -> Result<(), Interrupted> {
        loop {
            progress.checkpoint()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            match &self.events {
                Some(events) if events.wait(left.min(TICK)) => return Ok(()),
                Some(_) => {}
                None => thread::sleep(left.min(TICK)),
            }
        }
    }
}

/// Between 0.8 and 1.2 of an interval, so that a thousand readers do not ask in step.
fn jittered(interval: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 1000;
    interval.mul_f64(0.8 + 0.4 * random as f64 / 1000.0)
}
