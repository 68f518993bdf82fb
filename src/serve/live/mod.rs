//! A channel's live version, kept loaded: the reader contract as a value that servers hold.
//!
//! One thread follows the channel. It loads one version at a time beside the one that answers, checks it, warms it, and swaps;
//! the old one is let go when its last request has ended. Whatever fails, the old one goes on.

mod error;
mod follow;
mod memory;
mod models;
mod options;
mod served;

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};

pub use error::Error;
pub use models::Models;
pub use options::{Check, Options, ParseOptionError, Reload, SearchBy};
pub use served::Served;

use crate::store::{Store, VersionName};
use follow::Follower;
pub(crate) use memory::resident as process_bytes;

/// A channel's live version, kept loaded. Dropping it ends the following.
///
/// ```no_run
/// use std::sync::Arc;
/// use std::time::Duration;
/// use ragctl::embed::{Device, DeviceRequest};
/// use ragctl::index::{Asked, Search};
/// use ragctl::serve::{Live, Models, Options};
/// use ragctl::store::Store;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Store::open("store".as_ref())?;
/// let models = Arc::new(Models::on(Device::open(DeviceRequest::Auto)?));
/// let live = Live::follow("docs", store, models, Options::default())?;
/// live.wait_until_settled(Duration::from_secs(60));
///
/// // Once a request: what it holds stays as it is, whatever is published meanwhile.
/// let served = live.pick(None)?;
/// let vector = served.embedder.embed_query("how do I roll back?")?;
/// for hit in served.table.search(Asked::Vector(&vector), &Search::top(5))? {
///     println!("{} {:.3} {}", served.name(), hit.score, hit.chunk.text);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Live {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What requests and the following thread share.
struct Shared {
    name: String,
    store: Store,
    models: Arc<Models>,
    options: Options,
    current: ArcSwapOption<Served>,
    /// Versions that were replaced and still answer by name.
    kept: ArcSwap<Vec<Arc<Served>>>,
    status: Mutex<Status>,
    stop: AtomicBool,
    look: AtomicBool,
}

/// How the following goes.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// Whether the first load has ended, well or not.
    pub settled: bool,
    /// What the channel names.
    pub named: Option<VersionName>,
    /// Why what is named does not answer, if it does not.
    pub degraded: Option<String>,
    /// Since when what answers is not what is named.
    pub stale_since: Option<Instant>,
    /// Versions that were swapped in, the first included.
    pub reloads: u64,
    /// Versions that were loaded and not wanted any more when they were ready.
    pub superseded: u64,
    /// Loads that failed, by reason.
    pub failures: BTreeMap<&'static str, u64>,
    /// How long the last load took that succeeded.
    pub took: Duration,
    /// Versions in memory or with their index open.
    pub versions: usize,
}

/// Why no version answers.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum Refused {
    /// None is loaded.
    #[error("no version of `{0}` is loaded yet")]
    Nothing(String),
    /// The one that was asked for is not.
    #[error("version {asked} of `{name}` is not served; {served} is")]
    Other {
        /// The store's name.
        name: String,
        /// The version asked for.
        asked: String,
        /// The version that is served.
        served: String,
    },
}

impl Live {
    /// Follows a channel. `name` is the store's in logs and answers.
    pub fn follow(
        name: &str,
        store: Store,
        models: Arc<Models>,
        options: Options,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            store,
            models,
            options,
            current: ArcSwapOption::empty(),
            kept: ArcSwap::default(),
            status: Mutex::default(),
            stop: AtomicBool::new(false),
            look: AtomicBool::new(false),
        });
        let follower = Follower::of(shared.clone());
        let thread = thread::Builder::new()
            .name(format!("follow-{name}"))
            .spawn(move || follower.run())?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// The store's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The channel that is followed.
    pub fn channel(&self) -> String {
        self.shared.options.channel.to_string()
    }

    /// The version that answers now, or the one of this name. Picked once a request and held to its end.
    pub fn pick(&self, version: Option<&str>) -> Result<Arc<Served>, Refused> {
        let current = self.shared.current.load_full();
        let Some(wanted) = version else {
            return current.ok_or_else(|| Refused::Nothing(self.name().to_owned()));
        };
        let is_wanted = |served: &Arc<Served>| {
            let name = served.name();
            name == wanted || name.strip_prefix('v') == Some(wanted)
        };
        if let Some(current) = &current
            && is_wanted(current)
        {
            return Ok(current.clone());
        }
        let kept = self.shared.kept.load_full();
        // It may have become the current one since that was read.
        let now = self.shared.current.load_full();
        kept.iter()
            .chain(&now)
            .find(|served| is_wanted(served))
            .cloned()
            .ok_or_else(|| match current {
                None => Refused::Nothing(self.name().to_owned()),
                Some(current) => Refused::Other {
                    name: self.name().to_owned(),
                    asked: wanted.to_owned(),
                    served: current.name(),
                },
            })
    }

    /// Versions that were replaced and still answer by name.
    pub fn kept(&self) -> Vec<String> {
        self.shared
            .kept
            .load()
            .iter()
            .map(|kept| kept.name())
            .collect()
    }

    /// How the following goes.
    pub fn status(&self) -> Status {
        self.shared.status().clone()
    }

    /// Has the channel looked at now, and a version that failed tried again.
    pub fn look(&self) {
        self.shared.look.store(true, Ordering::Relaxed);
    }

    /// Has the following end, without waiting for it.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }

    /// Waits until the first load has ended, well or not. Says whether it has.
    pub fn wait_until_settled(&self, at_most: Duration) -> bool {
        let begun = Instant::now();
        while !self.shared.status().settled {
            if begun.elapsed() >= at_most {
                return false;
            }
            thread::sleep(Duration::from_millis(2));
        }
        true
    }
}

impl Shared {
    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
