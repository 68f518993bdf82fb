//! What the filesystem can do, tried in a private directory of `staging/` that disappears.

use std::error::Error;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use notify::{RecursiveMode, Watcher as _};

use super::{Outcome, locks};
use crate::durable::{self, PathError};
use crate::store::Store;

/// How long an event may take to come back.
const ECHO: Duration = Duration::from_secs(1);
/// How far the filesystem's clock may be from this machine's.
const DRIFT: Duration = Duration::from_secs(2);

pub(super) type Tried = Result<Outcome, Box<dyn Error>>;

/// One thing to try in an empty directory, and what to do where it does not work.
struct Probe {
    name: &'static str,
    attempt: fn(&Path) -> Tried,
    advice: &'static str,
}

const ELSEWHERE: &str =
    "Put the store on a local disk or on NFS, and let readers here use a copy of it.";

const MORE_SPACE: &str =
    "Free some space or inodes, then run this again; else look at the disk and the system's log.";

const PROBES: [Probe; 9] = [
    Probe {
        name: "symlink",
        attempt: link_is_read_back,
        advice: ELSEWHERE,
    },
    Probe {
        name: "rename_over",
        attempt: link_is_replaced,
        advice: ELSEWHERE,
    },
    Probe {
        name: "rename_noreplace",
        attempt: taken_name_is_refused,
        advice: "No version can be sealed here. Put the store on another filesystem.",
    },
    Probe {
        name: "hard_link",
        attempt: file_has_two_names,
        advice: "LanceDB writes with hard links. Build on another filesystem, and copy versions here.",
    },
    Probe {
        name: "flock",
        attempt: locks::second_lock_is_refused,
        advice: "Two writers would not see each other. Mount the filesystem with locks, or write from one job only.",
    },
    Probe {
        name: "ofd_lock",
        attempt: locks::lease_is_seen,
        advice: "Put the store on a filesystem with locks.",
    },
    Probe {
        name: "directory_fsync",
        attempt: directory_is_made_durable,
        advice: "A release could be undone by a power cut. Put the store on another filesystem.",
    },
    Probe {
        name: "events",
        attempt: flip_is_announced,
        advice: "Readers find a release by polling, so nothing is lost; mount the store's own directory, never `current`.",
    },
    Probe {
        name: "clock",
        attempt: clocks_agree,
        advice: "Set the clocks of this machine and of the file server by NTP: ages and graces go by them.",
    },
];

/// Tries everything, or says why nothing could be tried.
pub(super) fn run(store: &Store) -> Vec<(&'static str, Outcome)> {
    let scratch = match store.scratch() {
        Ok(scratch) => scratch,
        Err(e) => return without_scratch(store, &e),
    };
    let mut outcomes = vec![("writable", Outcome::ok("this user can write the store"))];
    for probe in &PROBES {
        let dir = scratch.dir().join(probe.name);
        let outcome = fs::create_dir(&dir)
            .map_err(Into::into)
            .and_then(|()| (probe.attempt)(&dir));
        outcomes.push((
            probe.name,
            outcome.unwrap_or_else(|e| {
                let advice = if is_full(e.as_ref()) {
                    MORE_SPACE
                } else {
                    probe.advice
                };
                Outcome::unsuitable(reason(e.as_ref()), advice)
            }),
        ));
    }
    outcomes
}

/// A reader's mount and a reader's user cannot write, and need not; a full disk is another matter.
fn without_scratch(store: &Store, error: &PathError) -> Vec<(&'static str, Outcome)> {
    let why = plain(&error.source);
    let (told, not_tried) = match error.source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => (
            Outcome::not_run(
                format!("the store cannot be written from here: {why}"),
                "Fine for a reader. To try the filesystem, run this as the user who writes the store.",
            ),
            "not tried: the store cannot be written from here",
        ),
        io::ErrorKind::NotFound => (
            Outcome::not_run(
                "there is no staging/ to try things in",
                "The next command that writes makes it; then run this again.",
            ),
            "not tried: there is no staging/",
        ),
        _ => (
            Outcome::unsuitable(
                format!(
                    "nothing can be written to {}: {why}",
                    store.root().display()
                ),
                MORE_SPACE,
            ),
            "not tried: nothing can be written",
        ),
    };
    let skipped = |probe: &Probe| {
        let advice = "See under writable.";
        (probe.name, Outcome::not_run(not_tried, advice))
    };
    std::iter::once(("writable", told))
        .chain(PROBES.iter().map(skipped))
        .collect()
}

/// What an attempt failed of.
pub(super) fn reason(error: &(dyn Error + 'static)) -> String {
    io_error(error).map_or_else(|| error.to_string(), plain)
}

fn io_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let of_path = || Some(&error.downcast_ref::<PathError>()?.source);
    error.downcast_ref::<io::Error>().or_else(of_path)
}

/// What the system said, without the path of a temporary file, which would tell nobody anything.
fn plain(error: &io::Error) -> String {
    match (error.raw_os_error(), error.kind()) {
        (None, kind) if kind != io::ErrorKind::Other => kind.to_string(),
        _ => error.to_string(),
    }
}

/// A disk without room fails any attempt, and says nothing about what its filesystem can do.
fn is_full(error: &(dyn Error + 'static)) -> bool {
    io_error(error).is_some_and(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        )
    })
}

fn link_is_read_back(dir: &Path) -> Tried {
    let link = dir.join("link");
    symlink("versions/v1.0.0", &link)?;
    if fs::read_link(&link)? != Path::new("versions/v1.0.0") {
        return Err("a link does not read back as it was made".into());
    }
    Ok(Outcome::ok("a link reads back as it was made"))
}

fn link_is_replaced(dir: &Path) -> Tried {
    let link = dir.join("link");
    symlink("versions/v1.0.0", &link)?;
    durable::replace_link(&link, Path::new("versions/v2.0.0"))?;
    if fs::read_dir(dir)?.count() != 1 {
        return Err("a rename over a link left something behind".into());
    }
    Ok(Outcome::ok("a link is replaced by a rename"))
}

fn taken_name_is_refused(dir: &Path) -> Tried {
    let [from, taken, free] = ["from", "taken", "free"].map(|name| dir.join(name));
    fs::create_dir(&from)?;
    fs::create_dir(&taken)?;
    if durable::rename_noreplace(&from, &taken)? {
        return Err("a rename replaced a directory that it should not have".into());
    }
    if !durable::rename_noreplace(&from, &free)? || !free.is_dir() {
        return Err("a rename to a free name did not happen".into());
    }
    if !durable::knows_noreplace(&free, &from) {
        return Ok(Outcome::warning(
            "a rename cannot be told to leave a taken name alone; the store lock stands in",
            "Write this store only with ragctl, which takes the lock.",
        ));
    }
    Ok(Outcome::ok("a rename leaves a taken name alone"))
}

fn file_has_two_names(dir: &Path) -> Tried {
    let [file, other] = ["file", "other"].map(|name| dir.join(name));
    fs::write(&file, "text")?;
    fs::hard_link(&file, &other)?;
    let (first, second) = (fs::metadata(&file)?, fs::metadata(&other)?);
    if (first.ino(), first.nlink()) != (second.ino(), 2) {
        return Err("a second name does not show the same file".into());
    }
    Ok(Outcome::ok("a file can have two names"))
}

fn directory_is_made_durable(dir: &Path) -> Tried {
    fs::write(dir.join("file"), "text")?;
    durable::fsync_dir(dir)?;
    Ok(Outcome::ok("a directory can be made durable"))
}

/// A missing event is no failure: readers poll as well.
fn flip_is_announced(dir: &Path) -> Tried {
    let advice = "Readers find a release by polling, so nothing is lost but a second or a few.";
    let (sender, events) = mpsc::channel();
    let watching = notify::recommended_watcher(sender).and_then(|mut watcher| {
        watcher.watch(dir, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    let _watcher = match watching {
        Ok(watcher) => watcher,
        Err(e) => {
            return Ok(Outcome::warning(
                format!("no events can be asked for: {e}"),
                format!("{advice} More watchers: sysctl fs.inotify.max_user_instances."),
            ));
        }
    };
    if durable::replace_link(&dir.join("current"), Path::new("versions/v1.0.0")).is_err() {
        return Ok(Outcome::not_run(
            "not tried: no link can be replaced here",
            "See under rename_over.",
        ));
    }
    let asked = Instant::now();
    while let Some(left) = ECHO.checked_sub(asked.elapsed()) {
        match events.recv_timeout(left) {
            Ok(Ok(event)) if event.paths.iter().any(|path| path.ends_with("current")) => {
                return Ok(Outcome::ok("a flip is announced at once"));
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    Ok(Outcome::warning(
        "a flip was not announced within 1 s",
        advice,
    ))
}

fn clocks_agree(dir: &Path) -> Tried {
    let before = SystemTime::now();
    let file = durable::clock(dir)?;
    let after = SystemTime::now();
    let behind = before.duration_since(file).unwrap_or_default();
    let ahead = file.duration_since(after).unwrap_or_default();
    let drift = behind.max(ahead);
    if drift > DRIFT {
        return Ok(Outcome::warning(
            format!(
                "the filesystem's clock is {:.1} s {} this machine's",
                drift.as_secs_f64(),
                if behind > ahead { "behind" } else { "ahead of" }
            ),
            "Set the clocks of this machine and of the file server by NTP: ages and graces go by them.",
        ));
    }
    Ok(Outcome::ok(
        "the filesystem's clock and this machine's agree",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_probe_passes_on_a_local_directory() {
        for probe in &PROBES {
            let dir = tempfile::tempdir().unwrap();
            let outcome = (probe.attempt)(dir.path()).unwrap();
            assert!(
                matches!(outcome, Outcome::Ok(_)),
                "{}: {outcome:?}",
                probe.name
            );
        }
    }

    #[test]
    fn a_probe_fails_where_nothing_can_be_made() {
        for probe in &PROBES {
            let Ok(outcome) = (probe.attempt)(Path::new("/proc/self/none")) else {
                continue;
            };
            assert!(
                !matches!(outcome, Outcome::Ok(_)),
                "{}: {outcome:?}",
                probe.name
            );
        }
    }
}
