//! Reading back every byte.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::checks::{check, model_path, problem};
use super::{Check, Error, Level, Problem};
use crate::digest::Digest;
use crate::progress::Progress;
use crate::store::{FileRecord, Held, Store};

/// Bytes from which on files are hashed side by side. Below it a thread costs more than it saves.
const PARALLEL_BYTES: u64 = 4 << 20;

/// Every file has the hash that the manifest says.
pub(super) fn bytes(held: &Held, progress: &dyn Progress) -> Result<Check, Error> {
    let mut files: Vec<&FileRecord> = held.manifest.files.iter().collect();
    // The largest first, so that no thread begins with it when the others are done.
    files.sort_by_key(|file| std::cmp::Reverse(file.size));
    let total: u64 = files.iter().map(|file| file.size).sum();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if total < PARALLEL_BYTES {
        1
    } else {
        cores.min(files.len())
    };
    let stage = progress.stage("verify bytes", Some(total), "bytes");
    let next = AtomicUsize::new(0);
    let hash_next = || {
        let file = files.get(next.fetch_add(1, Ordering::Relaxed))?;
        let differs = differs(&file.path, &held.dir, Path::new(&file.path), &file.sha256);
        (!progress.interrupted()).then_some((file.size, differs))
    };
    let mut problems = Vec::new();
    let mut take = |(size, differs): (u64, Option<Problem>)| {
        stage.advance(size);
        problems.extend(differs);
    };
    if threads == 1 {
        std::iter::from_fn(hash_next).for_each(&mut take);
    } else {
        std::thread::scope(|scope| {
            let (sender, receiver) = std::sync::mpsc::channel();
            for _ in 1..threads {
                let sender = sender.clone();
                let work = || {
                    let sender = sender;
                    std::iter::from_fn(hash_next)
                        .try_for_each(|hashed| sender.send(hashed))
                        .ok();
                };
                // Where no thread can be had, those that there are do its part.
                std::thread::Builder::new().spawn_scoped(scope, work).ok();
            }
            drop(sender);
            std::iter::from_fn(hash_next).for_each(&mut take);
            receiver.into_iter().for_each(&mut take);
        });
    }
    progress.checkpoint()?;
    problems.sort_by(|a, b| a.at.cmp(&b.at));
    Ok(check(
        "bytes",
        Level::Bytes,
        format!("{total} bytes hashed"),
        problems,
    ))
}

/// Every file of the model has the hash that the manifest says.
pub(super) fn model_bytes(store: &Store, held: &Held) -> Check {
    let dir = store.model_dir(&held.manifest.fingerprint);
    let within = dir.strip_prefix(store.root()).unwrap_or(&dir);
    let files = held.manifest.model_files.iter();
    let problems = files.filter_map(|(file, expected)| {
        differs(
            &model_path(held, file),
            store.root(),
            &within.join(file),
            expected,
        )
    });
    check(
        "model bytes",
        Level::Bytes,
        held.manifest.space.model.clone(),
        problems.collect(),
    )
}

/// Says how a file's bytes differ. A sector that cannot be read is a finding, not a reason to stop looking.
fn differs(at: &str, dir: &Path, relative: &Path, expected: &Digest) -> Option<Problem> {
    match Digest::of_file_beneath(dir, relative) {
        Ok(found) if found == *expected => None,
        Ok(found) => Some(problem(
            at,
            format!("sha256 {expected}"),
            format!("sha256 {found}"),
        )),
        Err(e) => Some(problem(at, "readable bytes", e.source)),
    }
}
