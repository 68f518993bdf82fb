//! Each thing that can be wrong with one answer is found as what it is.

use serde_json::{Value, json};

use super::*;

#[test]
fn an_honest_server_passes() {
    let store = Store::new();
    let serving = store.clone();
    let fake = Fake::new(move |_| ok(&serving.answer(NEW)));
    let questions = questions(5);
    let request = Request::new(&questions, K);
    let outcome = check(&fake.target(), &request, &store, &Silent).unwrap();
    assert!(outcome.passed(), "{:?}", outcome.findings);
    assert_eq!((outcome.planned, outcome.answered), (15, 15));
    assert_eq!(outcome.versions, [(NEW.to_owned(), 15)].into());
    assert_eq!(outcome.switched, 0);
    assert!(outcome.latency.p50_ms > 0.0 && outcome.latency.p50_ms <= outcome.latency.max_ms);
}

#[test]
fn a_missing_field_is_a_flaw_of_shape() {
    for path in [
        "/hits",
        "/version",
        "/hits/1/id",
        "/hits/1/score",
        "/hits/1/text",
    ] {
        let flaw = flaw_after(|answer| {
            let (parent, name) = path.rsplit_once('/').unwrap();
            let parent = answer.pointer_mut(parent).unwrap();
            parent.as_object_mut().unwrap().remove(name).unwrap();
        });
        assert_eq!(flaw, Flaw::Shape, "{path}");
    }
}

#[test]
fn a_field_of_another_type_is_a_flaw_of_type() {
    let cases = [
        ("/hits", json!({ "id": "n1" })),
        ("/version", json!(12)),
        ("/hits/0/id", json!(1)),
        ("/hits/0/score", json!("0.9")),
        ("/hits/0/score", json!("NaN")),
        ("/hits/0/score", Value::Null),
        ("/hits/0/text", json!(["what n1 says"])),
    ];
    for (path, value) in cases {
        let flaw = flaw_after(|answer| *answer.pointer_mut(path).unwrap() = value.clone());
        assert_eq!(flaw, Flaw::Type, "{path}");
    }
}

#[test]
fn a_bare_nan_or_an_endless_number_is_no_json() {
    for score in ["NaN", "1e999"] {
        let store = Store::new();
        let text = store.answer(NEW).to_string();
        let text = text.replacen("0.8", score, 1);
        let fake = Fake::new(move |_| Response::from_string(text.clone()));
        let outcome = ask(&fake.target(), &store).unwrap();
        assert_eq!(only_flaw(&outcome), Flaw::NotJson, "{score}");
    }
}

#[test]
fn a_score_beyond_a_cosine_is_out_of_range() {
    let flaw = flaw_after(|answer| answer["hits"][0]["score"] = json!(1.5));
    assert_eq!(flaw, Flaw::ScoreRange);
}

#[test]
fn a_hit_with_a_better_score_than_the_one_before_is_out_of_order() {
    let flaw = flaw_after(|answer| answer["hits"].as_array_mut().unwrap().swap(0, 1));
    assert_eq!(flaw, Flaw::Order);
}

#[test]
fn an_id_that_stands_twice_is_a_duplicate() {
    let flaw = flaw_after(|answer| answer["hits"][1] = answer["hits"][0].clone());
    assert_eq!(flaw, Flaw::Duplicate);
}

#[test]
fn more_hits_than_asked_for_are_too_many() {
    let store = Store::new();
    let fourth = store.answers.lock().unwrap()[NEW][3].clone();
    let flaw = flaw_after(|answer| {
        let hits = answer["hits"].as_array_mut().unwrap();
        hits.push(hit_json(3, &fourth));
    });
    assert_eq!(flaw, Flaw::TooMany);
}

#[test]
fn ids_in_another_order_are_wrong_hits_though_the_scores_fall() {
    let store = Store::new();
    let mut answer = store.answer(NEW);
    answer["hits"][1]["id"] = json!("n3");
    answer["hits"][2]["id"] = json!("n2");
    let outcome = ask_for(answer, Mapping::ragctl().unwrap(), &store);
    assert_eq!(only_flaw(&outcome), Flaw::WrongHits);
    let finding = &outcome.findings[0];
    assert_eq!(finding.version.as_deref(), Some(NEW));
    assert_eq!(
        finding.to_string(),
        "q0, round 1, v1.2.0, rank 2: expected `n2` with the score 0.8, found `n3`, which belongs at rank 3"
    );
}

#[test]
fn a_chunk_that_no_version_has_is_a_wrong_hit() {
    let flaw = flaw_after(|answer| answer["hits"][2]["id"] = json!("elsewhere"));
    assert_eq!(flaw, Flaw::WrongHits);
}

#[test]
fn fewer_hits_than_the_version_has_are_wrong_hits() {
    for left in 0..K {
        let flaw = flaw_after(|answer| answer["hits"].as_array_mut().unwrap().truncate(left));
        assert_eq!(flaw, Flaw::WrongHits, "{left}");
    }
}

#[test]
fn a_score_that_is_not_the_versions_is_wrong() {
    let flaw = flaw_after(|answer| answer["hits"][1]["score"] = json!(0.82));
    assert_eq!(flaw, Flaw::WrongScore);
}

#[test]
fn a_text_that_is_not_the_versions_is_wrong() {
    let flaw = flaw_after(|answer| answer["hits"][1]["text"] = json!("what nobody says"));
    assert_eq!(flaw, Flaw::WrongText);
}

#[test]
fn hits_that_tie_may_stand_in_either_order() {
    let store = Store::new();
    store.put(
        NEW,
        ["n1", "n2", "n3", "n4", "n5"],
        [0.9, 0.8, 0.79995, 0.6, 0.5],
    );
    let mut answer = store.answer(NEW);
    answer["hits"].as_array_mut().unwrap().swap(1, 2);
    answer["hits"][1]["score"] = json!(0.8);
    answer["hits"][2]["score"] = json!(0.79995);
    let outcome = ask_for(answer, Mapping::ragctl().unwrap(), &store);
    assert!(outcome.passed(), "{:?}", outcome.findings);
}

#[test]
fn the_last_place_may_hold_any_hit_that_ties_for_it() {
    let store = Store::new();
    store.put(
        NEW,
        ["n1", "n2", "n3", "n4", "n5"],
        [0.9, 0.8, 0.7, 0.7, 0.7],
    );
    for (id, passes) in [("n5", true), ("n9", true), ("n1", false)] {
        let mut answer = store.answer(NEW);
        answer["hits"][2]["id"] = json!(id);
        answer["hits"][2]["text"] = json!(format!("what {id} says"));
        let outcome = ask_for(answer, Mapping::ragctl().unwrap(), &store);
        assert_eq!(outcome.passed(), passes, "{id}: {:?}", outcome.findings);
    }
    store.put(
        NEW,
        ["n1", "n2", "n3", "n4", "n5"],
        [0.9, 0.8, 0.7, 0.7, 0.6],
    );
    let mut answer = store.answer(NEW);
    answer["hits"][2]["id"] = json!("n9");
    let outcome = ask_for(answer, Mapping::ragctl().unwrap(), &store);
    assert_eq!(only_flaw(&outcome), Flaw::WrongHits);
}

#[test]
fn long_values_are_cut_in_findings() {
    let store = Store::new();
    let mut answer = store.answer(NEW);
    answer["hits"][0]["id"] = json!("ä".repeat(10_000));
    let outcome = ask_for(answer, Mapping::ragctl().unwrap(), &store);
    assert!(outcome.findings[0].found.chars().count() < 300);
}
