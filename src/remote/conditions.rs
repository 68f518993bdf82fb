//! Does a place keep the conditions that moving a channel needs? It is not asked but tried: some servers ignore the headers,
//! some look and then write without holding anything in between.

use std::time::Duration;

use jiff::Timestamp;

use super::layout::{self, PROBES, Proven, Record};
use super::objects::{Objects, Put, When};
use super::{Error, Remote};
use crate::progress::Progress;

/// Writers that race for one object.
const RACERS: usize = 8;
/// Bytes of a probe that are read back.
const MOST: u64 = 1 << 10;
/// How long a proof lasts.
const LASTS: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Races of each kind. A server that looks first and writes later lets two through in most of them.
const RACES: usize = 3;

/// Tries whether a wrong condition is refused, also where many write at once. Its objects are removed again.
pub fn prove_conditions(remote: &Remote, progress: &dyn Progress) -> Result<(), Error> {
    let mut made = Vec::new();
    let tried = try_conditions(remote, &mut made, progress);
    for key in made {
        let removed = remote.objects.remove(&key, progress);
        if tried.is_ok() {
            removed?;
        }
    }
    tried
}

/// Fails unless the remote keeps its conditions. What was proven of this very place not long ago, by whoever it was, is not
/// proven again.
pub fn must_keep_conditions(remote: &Remote, progress: &dyn Progress) -> Result<(), Error> {
    remote.make(progress)?;
    let record = remote.record::<Record>(layout::RECORD, progress)?;
    let (record, tag) = record.ok_or_else(|| Error::Empty(remote.address.clone()))?;
    if let Some(proven) = &record.proven
        && proven.place == remote.place
    {
        let ago = Timestamp::now().duration_since(proven.at);
        if Duration::try_from(ago).is_ok_and(|ago| ago < LASTS) {
            return Ok(());
        }
    }
    prove_conditions(remote, progress)?;
    let record = Record {
        proven: Some(Proven {
            place: remote.place.clone(),
            at: Timestamp::now(),
        }),
        ..record
    };
    let bytes = remote.bytes(layout::RECORD, &record)?;
    let when = When::Unchanged(&tag);
    // Where another one writes it just now, it says the same.
    remote
        .objects
        .write(layout::RECORD, &bytes, when, progress)?;
    Ok(())
}

fn try_conditions(
    remote: &Remote,
    made: &mut Vec<String>,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let objects: &dyn Objects = remote.objects.as_ref();
    let broken = |problem: &str| Error::Unsafe {
        remote: remote.address.clone(),
        problem: problem.to_owned(),
    };
    let mut new_key = || {
        let key = format!("{PROBES}{:016x}", fastrand::u64(..));
        made.push(key.clone());
        key
    };
    let key = new_key();
    // Where it may not be written at all, that is no condition's fault.
    objects.write(&key, b"0", When::Always, progress)?;
    let absent = new_key();
    let on = |key: &str, body: &[u8], when: When<'_>| objects.write(key, body, when, progress);
    if on(&absent, b"1", When::Absent)? != Put::Done {
        return Err(broken("an object that is not there cannot be made"));
    }
    if on(&absent, b"2", When::Absent)? == Put::Done {
        return Err(broken("an object was made although it was there"));
    }
    let read = || {
        let read = objects.read(&absent, MOST, progress)?;
        read.ok_or_else(|| broken("an object that was written is not there"))
    };
    let (_, first) = read()?;
    if on(&absent, b"3", When::Unchanged(&first))? != Put::Done {
        return Err(broken("an object that did not change cannot be written"));
    }
    if on(&absent, b"4", When::Unchanged(&first))? == Put::Done {
        return Err(broken("an object was written although it had changed"));
    }
    let (bytes, second) = read()?;
    if bytes != b"3" {
        return Err(broken("a write that was refused was made"));
    }
    let missing = new_key();
    if on(&missing, b"5", When::Unchanged(&first))? == Put::Done {
        return Err(broken(
            "an object that is not there was written as unchanged",
        ));
    }
    // No two alike: many servers tell writings apart by the hash of what was written.
    let bodies = |race: usize, kind: &str| {
        let body = |racer| format!("{kind} {race}, writer {racer}").into_bytes();
        (0..RACERS).map(body).collect()
    };
    let one = |taken: usize| match taken {
        1 => Ok(()),
        taken => Err(broken(&format!(
            "{taken} of {RACERS} writers at once were taken"
        ))),
    };
    let mut tag = second;
    for race in 0..RACES {
        let key = new_key();
        one(objects.race(&key, bodies(race, "new"), When::Absent, progress)?)?;
        let changes = bodies(race, "change");
        one(objects.race(&absent, changes, When::Unchanged(&tag), progress)?)?;
        tag = read()?.1;
        progress.checkpoint()?;
    }
    Ok(())
}

/// How long to wait before a write is tried again that lost a race: longer each time, and drawn, so that two do not meet again.
pub(super) fn pause(attempt: u32) -> Duration {
    let most = 10_u64 << attempt.min(7);
    Duration::from_millis(fastrand::u64(most / 2..=most))
}
