//! An answer is wholly one version's, and of the one that it names.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::*;

#[test]
fn versions_may_flip_while_the_rounds_run() {
    for (toml, clients) in [("", 4), (UNNAMED, 4), ("", 1), (UNNAMED, 1)] {
        let store = Store::new();
        let (serving, count) = (store.clone(), AtomicUsize::new(0));
        let fake = Fake::new(move |_| {
            let live = serving.live();
            if count.fetch_add(1, Ordering::SeqCst) % 7 == 6 {
                let flipped = if live == NEW { [OLD, NEW] } else { [NEW, OLD] };
                serving.serve(&flipped);
            }
            ok(&serving.answer(&live))
        });
        let questions = questions(10);
        let request = Request {
            rounds: 8,
            clients,
            ..Request::new(&questions, K)
        };
        let target = Target::url(&fake.url, mapping(toml)).unwrap();
        let outcome = check(&target, &request, &store, &Silent).unwrap();
        assert!(outcome.passed(), "{:?}", outcome.findings);
        assert_eq!(outcome.versions.values().sum::<u64>(), 80);
        assert!(outcome.versions[OLD] > 0 && outcome.versions[NEW] > 0);
        assert!(
            clients > 1 || outcome.switched == 11,
            "{}",
            outcome.switched
        );
    }
}

#[test]
fn an_answer_of_the_version_that_was_live_when_it_was_asked_is_right() {
    let store = Store::new();
    store.serve(&[OLD]);
    let serving = store.clone();
    let fake = Fake::new(move |_| {
        serving.serve(&[NEW]);
        ok(&serving.answer(OLD))
    });
    let outcome = ask(&fake.target(), &store).unwrap();
    assert!(outcome.passed(), "{:?}", outcome.findings);
}

#[test]
fn hits_of_two_versions_are_mixed() {
    for (toml, near, rank) in [("", NEW, 2), (UNNAMED, NEW, 2)] {
        let store = Store::new();
        store.put(
            OLD,
            ["o1", "o2", "o3", "o4", "o5"],
            [0.9, 0.8, 0.7, 0.6, 0.5],
        );
        let mut answer = store.answer(NEW);
        answer["hits"][1] = store.answer(OLD)["hits"][1].clone();
        let outcome = ask_for(answer, mapping(toml), &store);
        assert_eq!(only_flaw(&outcome), Flaw::Mixed);
        let finding = &outcome.findings[0];
        assert_eq!(finding.version.as_deref(), Some(near));
        assert_eq!(finding.rank, Some(rank));
        assert_eq!(finding.found, "`o2` as v1.1.0 gives it");
    }
}

#[test]
fn the_same_ids_with_another_versions_texts_are_mixed() {
    let store = Store::new();
    let hits = store.answers.lock().unwrap()[NEW].clone();
    let older = hits.iter().map(|hit| Expected {
        text: format!("{} in the old days", hit.text),
        ..hit.clone()
    });
    let older: Vec<Expected> = older.collect();
    let text = older[1].text.clone();
    store.answers.lock().unwrap().insert(OLD.to_owned(), older);
    for toml in ["", UNNAMED] {
        let mut answer = store.answer(NEW);
        answer["hits"][1]["text"] = json!(text);
        let outcome = ask_for(answer, mapping(toml), &store);
        assert_eq!(only_flaw(&outcome), Flaw::Mixed);
    }
}

#[test]
fn an_answer_under_another_versions_name_is_misnamed() {
    let store = Store::new();
    let mut answer = store.answer(OLD);
    answer["version"] = json!(NEW);
    let outcome = ask_for(answer, Mapping::ragctl().unwrap(), &store);
    assert_eq!(only_flaw(&outcome), Flaw::Misnamed);
    let found = &outcome.findings[0].found;
    assert!(
        found.starts_with("v1.1.0's answer under the name v1.2.0"),
        "{found}"
    );
}

#[test]
fn a_part_of_another_versions_answer_is_said_to_be_so() {
    let store = Store::new();
    let mut answer = store.answer(OLD);
    answer["version"] = json!(NEW);
    answer["hits"].as_array_mut().unwrap().pop();
    let outcome = ask_for(answer, Mapping::ragctl().unwrap(), &store);
    assert_eq!(only_flaw(&outcome), Flaw::WrongHits);
    let found = &outcome.findings[0].found;
    assert!(found.ends_with("as v1.1.0 gives it"), "{found}");
}

#[test]
fn a_version_that_is_not_known_is_a_finding() {
    let flaw = flaw_after(|answer| answer["version"] = json!("v9.9.9"));
    assert_eq!(flaw, Flaw::UnknownVersion);
}

#[test]
fn a_right_answer_of_a_version_no_longer_served_is_stale() {
    let store = Store::new();
    store.serve(&[NEW]);
    let outcome = ask_for(store.answer(OLD), Mapping::ragctl().unwrap(), &store);
    assert_eq!(only_flaw(&outcome), Flaw::StaleVersion);
    assert!(!ask_for(store.answer(OLD), mapping(UNNAMED), &store).passed());
}

#[test]
fn versions_that_answer_alike_are_no_switch() {
    let store = Store::new();
    store.put(
        OLD,
        ["n1", "n2", "n3", "n4", "n5"],
        [0.9, 0.8, 0.7, 0.6, 0.5],
    );
    let (serving, count) = (store.clone(), AtomicUsize::new(0));
    let fake = Fake::new(move |_| {
        if count.fetch_add(1, Ordering::SeqCst) == 2 {
            serving.serve(&[OLD, NEW]);
        }
        ok(&serving.answer(NEW))
    });
    let questions = questions(6);
    let request = Request {
        clients: 1,
        ..Request::new(&questions, K)
    };
    let target = Target::url(&fake.url, mapping(UNNAMED)).unwrap();
    let outcome = check(&target, &request, &store, &Silent).unwrap();
    assert!(outcome.passed(), "{:?}", outcome.findings);
    assert_eq!((outcome.switched, outcome.versions[NEW]), (0, 18));
}

#[test]
fn nothing_is_asked_when_no_version_is_live() {
    let store = Store::new();
    store.serve(&[]);
    let fake = Fake::new(|_| Response::from_string("{}"));
    assert!(matches!(ask(&fake.target(), &store), Err(Error::NoVersion)));
}
