//! Servers that speak another way, and mappings that make no sense.

use serde_json::json;

use super::*;
use crate::fault::Kind;

fn mistake(toml: &str) -> String {
    let error = Mapping::from_toml(toml, &|_| None).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    error.to_string()
}

#[test]
fn a_server_of_another_shape_is_asked_and_read_as_the_mapping_says() {
    let toml = r#"
        [request]
        path = "/api/{k}/find?lang=en"
        body = { input = { text = "find: {query} {k} {other}", top = "{k}", exact = true } }
        headers = { accept = "application/json" }
        [response]
        hits = "$.data.matches[*]"
        id = "$.meta['chunk-id']"
        score = "$.distance"
        kind = "distance"
        version_header = "x-version"
    "#;
    let fake = Fake::new(|sent| {
        assert_eq!(sent.method, "POST");
        assert_eq!(sent.url, "/base/api/3/find?key=1&lang=en");
        let body: Value = serde_json::from_str(&sent.body).unwrap();
        let text = "find: question 0? 3 {other}";
        let input = json!({ "input": { "text": text, "top": 3, "exact": true } });
        assert_eq!(body, input);
        let hit = |id, distance| json!({ "meta": { "chunk-id": id }, "distance": distance });
        let matches = [hit("n1", 0.1), hit("n2", 0.2), hit("n3", 2.5)];
        ok(&json!({ "data": { "matches": matches } })).with_header(header("X-Version", NEW))
    });
    let url = format!("{}/base/?key=1", fake.url);
    let store = Store::new();
    let outcome = ask(&Target::url(&url, mapping(toml)).unwrap(), &store).unwrap();
    assert!(outcome.passed(), "{:?}", outcome.findings);
    assert_eq!(outcome.versions[NEW], 1);
}

#[test]
fn a_get_request_has_its_question_encoded_in_the_url() {
    let toml = "[request]\nmethod = 'GET'\npath = '/find?q={query}&k={k}'\n[response]";
    let store = Store::new();
    let serving = store.clone();
    let fake = Fake::new(move |sent| {
        assert_eq!(sent.method, "GET");
        assert_eq!(sent.url, "/find?q=question%200%3F&k=3");
        ok(&serving.answer(NEW))
    });
    let outcome = ask(&Target::url(&fake.url, mapping(toml)).unwrap(), &store).unwrap();
    assert!(outcome.passed(), "{:?}", outcome.findings);
}

#[test]
fn distances_rise() {
    let toml = "[response]\nscore = '$.score'\nkind = 'distance'";
    let outcome = ask_for(Store::new().answer(NEW), mapping(toml), &Store::new());
    assert_eq!(only_flaw(&outcome), Flaw::Order);
}

#[test]
fn scores_of_a_range_of_their_own_are_not_compared_with_cosines() {
    let toml = "[response]\nscore = '$.score'\nrange = [0, 100]";
    for (first, flaw) in [(90, None), (101, Some(Flaw::ScoreRange))] {
        let mut answer = Store::new().answer(NEW);
        answer["hits"][0]["score"] = json!(first);
        let outcome = ask_for(answer, mapping(toml), &Store::new());
        assert_eq!(outcome.findings.first().map(|f| f.flaw), flaw);
    }
}

#[test]
fn a_score_of_no_kind_is_not_looked_at() {
    let toml = "[response]\nscore = '$.score'\nkind = 'none'";
    let mut answer = Store::new().answer(NEW);
    answer["hits"][0]["score"] = json!("high");
    assert!(ask_for(answer, mapping(toml), &Store::new()).passed());
}

#[test]
fn a_missing_version_header_is_a_flaw_of_shape() {
    let toml = "[response]\nversion_header = 'x-version'";
    let outcome = ask_for(Store::new().answer(NEW), mapping(toml), &Store::new());
    assert_eq!(only_flaw(&outcome), Flaw::Shape);
}

#[test]
fn grouped_hits_may_be_in_no_group() {
    let toml = "[response]\nhits = '$.groups[*].hits[*]'";
    let store = Store::new();
    store.answers.lock().unwrap().get_mut(NEW).unwrap().clear();
    let outcome = ask_for(json!({ "groups": [] }), mapping(toml), &store);
    assert!(outcome.passed(), "{:?}", outcome.findings);
}

#[test]
fn an_unknown_key_is_named() {
    assert!(mistake("[response]\nhit = '$'").contains("`hit`"));
    assert!(mistake("[answer]\nid = '$'").contains("`answer`"));
    let error = Mapping::from_json(r#"{ "request": { "paht": "/" } }"#, &|_| None).unwrap_err();
    assert!(error.to_string().contains("`paht`"), "{error}");
}

#[test]
fn a_wrong_path_is_named_with_its_place() {
    let error = mistake("[response]\nhits = '$.hits[*'");
    assert!(error.contains("`response.hits`"), "{error}");
    assert!(error.contains("character "), "{error}");
}

#[test]
fn contradictions_are_mistakes() {
    for toml in [
        "[request]\nmethod = 'GET'\nbody = { q = '{query}' }\npath = '/'",
        "[request]\nbody = { q = '{querry}' }",
        "[request]\npath = 'search'",
        "[request]\nmethod = 'DELETE'",
        "[request]\nheaders = { 'not a name' = '1' }",
        "[request]\nheaders = { authorization = '${UNSET}' }",
        "[response]\nkind = 'distance'",
        "[response]\nscore = '$.s'\nrange = [1, 0]",
        "[response]\nversion = '$.v'\nversion_header = 'v'",
    ] {
        assert!(!mistake(toml).is_empty());
    }
}

#[test]
fn what_is_no_url_of_a_server_is_a_mistake() {
    for url in ["localhost:80", "ftp://there", "not a url", ""] {
        let error = Target::url(url, Mapping::ragctl().unwrap()).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{url}");
    }
}

#[test]
fn a_question_with_braces_is_filled_in_once() {
    let store = Store::new();
    let serving = store.clone();
    let fake = Fake::new(move |sent| {
        let body: Value = serde_json::from_str(&sent.body).unwrap();
        assert_eq!(body["text"], "what is {k} in {query}?");
        ok(&serving.answer(NEW))
    });
    let questions = [Question {
        id: "braces".into(),
        text: "what is {k} in {query}?".into(),
    }];
    let request = Request::new(&questions, K);
    let outcome = check(&fake.target(), &request, &store, &Silent).unwrap();
    assert!(outcome.passed(), "{:?}", outcome.findings);
}

#[test]
fn asking_for_nothing_is_a_mistake() {
    let fake = Fake::new(|_| Response::from_string("{}"));
    let questions = questions(1);
    for request in [
        Request::new(&[], K),
        Request::new(&questions, 0),
        Request {
            rounds: 0,
            ..Request::new(&questions, K)
        },
        Request {
            clients: 0,
            ..Request::new(&questions, K)
        },
    ] {
        let error = check(&fake.target(), &request, &Store::new(), &Silent).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
    }
}

#[test]
fn what_is_left_out_of_a_mapping_is_not_asked_of_an_answer() {
    let hits = ["n1", "n2", "n3"].map(|id| json!({ "id": id }));
    let outcome = ask_for(
        json!({ "hits": hits }),
        mapping("[response]"),
        &Store::new(),
    );
    assert!(outcome.passed(), "{:?}", outcome.findings);
}
