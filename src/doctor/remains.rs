//! What a crash left, and what waits to be deleted.

use std::time::Duration;

use super::store::NEXT_WRITER;
use super::{Outcome, list};
use crate::durable::PathError;
use crate::store::{Error, Store, Unsound};

/// After this long a version in the trash waits for a gc that does not come.
const LONG: Duration = Duration::from_secs(30 * 86_400);

pub(super) fn look(store: &Store) -> Vec<(&'static str, Outcome)> {
    vec![
        ("journal", journal(store)),
        ("records", records(store).into()),
        ("leftovers", leftovers(store).into()),
        ("trash", trash(store).into()),
    ]
}

fn journal(store: &Store) -> Outcome {
    match store.unfinished() {
        Ok(None) => Outcome::ok("no release is unfinished"),
        Ok(Some(release)) => Outcome::warning(
            format!(
                "a release of {} on {} goes on or was cut off",
                release.to, release.channel
            ),
            "Where no ragctl is at work, the next command that writes completes or discards it, for example `ragctl gc`.",
        ),
        Err(Error::Malformed { .. }) => Outcome::warning(
            "a release was cut off, and its journal cannot be read",
            "The next command that writes removes it, for example `ragctl gc`; the link says what is live.",
        ),
        Err(e) => e.into(),
    }
}

fn records(store: &Store) -> Result<Outcome, PathError> {
    let unsound = store.unsound_state()?;
    let unreadable: Vec<String> = unsound
        .iter()
        .filter_map(|unsound| match unsound {
            Unsound::Unreadable(path) => Some(path.display().to_string()),
            Unsound::Torn(_) => None,
        })
        .collect();
    let torn: Vec<String> = unsound
        .iter()
        .filter_map(|unsound| match unsound {
            Unsound::Torn(path) => Some(path.display().to_string()),
            Unsound::Unreadable(_) => None,
        })
        .collect();
    Ok(match (unreadable.is_empty(), torn.is_empty()) {
        (false, _) => Outcome::damaged(
            format!("cannot be read: {}", list(&unreadable)),
            "Restore it from a backup, or remove it if what it says is no longer wanted; gc deletes nothing until then.",
        ),
        (true, false) => Outcome::warning(
            format!("the last line was torn by a crash: {}", list(&torn)),
            "Nothing to do: what it told was never acknowledged, it is left out, and the next line is written behind it.",
        ),
        (true, true) => Outcome::ok("all can be read"),
    })
}

fn leftovers(store: &Store) -> Result<Outcome, Error> {
    let left = store.leftovers()?;
    Ok(if left.is_empty() {
        Outcome::ok("nothing that a process which died left behind")
    } else {
        Outcome::warning(format!("left behind: {}", list(&left)), NEXT_WRITER)
    })
}

fn trash(store: &Store) -> Result<Outcome, Error> {
    let trashed = store.trashed()?;
    let oldest = trashed.iter().map(|entry| entry.age).max();
    Ok(match oldest {
        None => Outcome::ok("empty"),
        Some(age) if age > LONG => Outcome::warning(
            format!(
                "{} in the trash, the oldest for {} days",
                trashed.len(),
                age.as_secs() / 86_400
            ),
            "Let gc run by a timer: it deletes what has lain there for its grace.",
        ),
        Some(_) => Outcome::ok(format!(
            "{} in the trash until their grace ends",
            trashed.len()
        )),
    })
}
