//! Completions and man pages in the repository are those that the program gives. `UPDATE=1` rewrites them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::repository;

#[track_caller]
fn check(dir: &Path, files: Vec<(String, Vec<u8>)>) {
    if std::env::var_os("UPDATE").is_some() {
        fs::remove_dir_all(dir).ok();
        fs::create_dir_all(dir).unwrap();
        files
            .iter()
            .for_each(|(name, text)| fs::write(dir.join(name), text).unwrap());
    }
    let found: BTreeSet<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let wanted: BTreeSet<String> = files.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(
        found,
        wanted,
        "{} is stale; run the tests with UPDATE=1",
        dir.display()
    );
    for (name, text) in files {
        assert!(
            fs::read(dir.join(&name)).unwrap() == text,
            "{name} is stale; run the tests with UPDATE=1"
        );
    }
}

#[test]
fn completions_are_current() {
    let scripts = ragctl::cli::scripts()
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text));
    check(&repository().join("completions"), scripts.collect());
}

#[test]
fn man_pages_are_current() {
    check(&repository().join("man"), ragctl::cli::pages().unwrap());
}
