//! Filesystem events of the directory that the link lies in. A watch on the link itself follows it into the version, or ends
//! with the first flip.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

/// What an event gives: a wake, whatever it was.
pub(super) struct Events {
    dir: PathBuf,
    wake: SyncSender<()>,
    woken: Receiver<()>,
    listening: Result<Listening, String>,
}

struct Listening {
    to: (u64, u64),
    _watcher: RecommendedWatcher,
}

impl Events {
    /// Takes the events of a directory.
    pub(super) fn of(dir: PathBuf) -> Self {
        let (wake, woken) = sync_channel(1);
        let mut events = Self {
            dir,
            wake,
            woken,
            listening: Err(String::new()),
        };
        events.arm();
        events
    }

    /// Listens to the directory that has the path now, if it is another one or was not listened to.
    pub(super) fn arm(&mut self) {
        let Ok(metadata) = fs::metadata(&self.dir) else {
            self.listening = Err(format!("{} cannot be read", self.dir.display()));
            return;
        };
        let to = (metadata.dev(), metadata.ino());
        if self.listening.as_ref().is_ok_and(|now| now.to == to) {
            return;
        }
        self.listening = listen(&self.dir, self.wake.clone()).map(|watcher| Listening {
            to,
            _watcher: watcher,
        });
    }

    /// Why there are none.
    pub(super) fn why_not(&self) -> Option<&str> {
        self.listening.as_ref().err().map(String::as_str)
    }

    /// Waits for an event. Says whether one came.
    pub(super) fn wait(&self, time: Duration) -> bool {
        self.woken.recv_timeout(time).is_ok()
    }
}

fn listen(dir: &Path, wake: SyncSender<()>) -> Result<RecommendedWatcher, String> {
    // Where no thread can be started, notify panics instead of saying so.
    let probe = thread::Builder::new().spawn(|| ());
    probe.map_err(|e| e.to_string())?.join().ok();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if !event.is_ok_and(|event| is_reading(&event)) {
            // One wake that nobody has taken yet stands for all.
            wake.try_send(()).ok();
        }
    })
    .map_err(|e| e.to_string())?;
    watcher
        .watch(dir, RecursiveMode::NonRecursive)
        .map_err(|e| e.to_string())?;
    Ok(watcher)
}

/// Looking at the channel opens its twin, and must not wake whoever looks.
fn is_reading(event: &Event) -> bool {
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
        EventKind::Access(_) => true,
        _ => false,
    }
}
