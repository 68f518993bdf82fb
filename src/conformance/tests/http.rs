//! What a server does instead of answering.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};

use std::time::Instant;

use super::*;
use crate::conformance::KEPT;
use crate::fault::Kind;
use crate::progress::{Interrupted, Progress, Stage};

/// Nobody listens there: no test is given a port as low as this.
const CLOSED: &str = "http://127.0.0.1:1";

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let target = Target::url(CLOSED, Mapping::ragctl().unwrap()).unwrap();
    let error = ask(&target, &Store::new()).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert_eq!(error.kind(), Kind::Failed);
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}

#[test]
fn an_error_status_is_a_finding_with_what_the_server_says() {
    let fake = Fake::new(|_| Response::from_string("the index is gone").with_status_code(500));
    let outcome = ask(&fake.target(), &Store::new()).unwrap();
    assert_eq!(only_flaw(&outcome), Flaw::Status);
    let found = &outcome.findings[0].found;
    assert_eq!(found, "500 Internal Server Error: the index is gone");
    assert_eq!(outcome.answered, 0);
}

#[test]
fn a_redirect_is_not_followed() {
    let fake = Fake::new(|sent| {
        assert_eq!(sent.url, "/v1/search");
        let response = Response::from_string("").with_status_code(307);
        response.with_header(header("location", "/v2/search"))
    });
    let outcome = ask(&fake.target(), &Store::new()).unwrap();
    assert_eq!(only_flaw(&outcome), Flaw::Status);
    assert!(outcome.findings[0].found.contains("/v2/search"));
}

#[test]
fn a_body_that_is_no_json_is_a_finding() {
    let fake = Fake::new(|_| Response::from_string("<html>welcome</html>"));
    let outcome = ask(&fake.target(), &Store::new()).unwrap();
    assert_eq!(only_flaw(&outcome), Flaw::NotJson);
    assert!(outcome.findings[0].found.contains("<html>"));
}

#[test]
fn a_body_that_does_not_end_soon_is_a_finding() {
    let body = " ".repeat(usize::try_from(super::super::http::LARGEST).unwrap() + 1);
    let fake = Fake::new(move |_| Response::from_string(body.clone()));
    let outcome = ask(&fake.target(), &Store::new()).unwrap();
    assert_eq!(only_flaw(&outcome), Flaw::TooLarge);
}

#[test]
fn a_server_that_hangs_is_a_finding() {
    let fake = Fake::new(|_| {
        thread::sleep(Duration::from_millis(800));
        Response::from_string("{}")
    });
    let questions = questions(1);
    let request = Request {
        rounds: 1,
        timeout: Duration::from_millis(400),
        ..Request::new(&questions, K)
    };
    let outcome = check(&fake.target(), &request, &Store::new(), &Silent).unwrap();
    assert_eq!(only_flaw(&outcome), Flaw::Timeout);
}

#[test]
fn a_server_that_stops_answering_is_not_asked_forever() {
    let store = Store::new();
    let (serving, count) = (store.clone(), AtomicUsize::new(0));
    let fake = Fake::new(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => ok(&serving.answer(NEW)),
        _ => Response::from_string("").with_status_code(502),
    });
    let questions = questions(100);
    let request = Request {
        clients: 1,
        ..Request::new(&questions, K)
    };
    let outcome = check(&fake.target(), &request, &store, &Silent).unwrap();
    assert!(!outcome.passed());
    assert!(outcome.asked < 100, "{}", outcome.asked);
    assert_eq!(outcome.findings.len(), KEPT);
    assert_eq!(outcome.flaws[&Flaw::Status], outcome.found);
}

#[test]
fn a_server_that_is_starting_is_waited_for_as_long_as_the_grace_lasts() {
    for (grace, passes) in [(Duration::from_secs(5), true), (Duration::ZERO, false)] {
        let store = Store::new();
        let (serving, count) = (store.clone(), AtomicUsize::new(0));
        let fake = Fake::new(move |_| match count.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Response::from_string("warming up")
                .with_status_code(503)
                .with_header(header("retry-after", "0")),
            _ => ok(&serving.answer(NEW)),
        });
        let questions = questions(1);
        let request = Request {
            rounds: 1,
            grace,
            ..Request::new(&questions, K)
        };
        let outcome = check(&fake.target(), &request, &store, &Silent).unwrap();
        assert_eq!(outcome.passed(), passes, "{:?}", outcome.findings);
    }
}

#[test]
fn a_503_that_says_no_time_is_not_waited_for() {
    let fake = Fake::new(|_| Response::from_string("").with_status_code(503));
    let questions = questions(1);
    let request = Request {
        rounds: 1,
        grace: Duration::from_secs(60),
        ..Request::new(&questions, K)
    };
    let outcome = check(&fake.target(), &request, &Store::new(), &Silent).unwrap();
    assert_eq!(only_flaw(&outcome), Flaw::Status);
}

#[test]
fn secrets_are_sent_and_never_shown() {
    let toml = "[request]\nheaders = { authorization = 'Bearer ${TOKEN}' }";
    let variables = |name: &str| (name == "TOKEN").then(|| "s3cret-token".to_owned());
    let mapping = Mapping::from_toml(toml, &variables).unwrap();
    assert!(!format!("{mapping:?}").contains("s3cret"));
    let fake = Fake::new(|sent| {
        let is_auth = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("authorization");
        let (_, value) = sent.headers.iter().find(is_auth).unwrap();
        Response::from_string(format!("who is {value}?")).with_status_code(403)
    });
    let outcome = ask(&Target::url(&fake.url, mapping).unwrap(), &Store::new()).unwrap();
    let found = &outcome.findings[0].found;
    assert_eq!(found, "403 Forbidden: who is Bearer [secret]?");
}

#[test]
fn a_password_in_the_url_is_not_shown() {
    let url = CLOSED.replace("http://", "http://me:pass-word@");
    let target = Target::url(&url, Mapping::ragctl().unwrap()).unwrap();
    let error = ask(&target, &Store::new()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("pass-word"));
    let error = Target::url("http://me:pass-word@:1", Mapping::ragctl().unwrap()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("pass-word"));
}

#[test]
fn an_answer_that_breaks_off_is_a_finding() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 16];
        stream.read_exact(&mut head).unwrap();
        let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
        stream.write_all(begun).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        // What is unread at the end would reset the connection before the client has read the beginning.
        stream.read_to_end(&mut Vec::new()).ok();
    });
    let target = Target::url(&url, Mapping::ragctl().unwrap()).unwrap();
    let outcome = ask(&target, &Store::new()).unwrap();
    assert_eq!(only_flaw(&outcome), Flaw::Broken);
    server.join().unwrap();
}

#[test]
fn an_index_that_cannot_be_asked_fails_the_check_as_its_own_error_would() {
    struct Broken;
    impl Oracle for Broken {
        fn versions(&self) -> Result<Vec<String>, Box<dyn Fault>> {
            Ok(vec![NEW.to_owned()])
        }

        fn expected(
            &self,
            _: &str,
            _: usize,
        ) -> Result<Option<Arc<Vec<Expected>>>, Box<dyn Fault>> {
            Err(Box::new(Interrupted))
        }
    }
    let answer = Store::new().answer(NEW);
    let fake = Fake::new(move |_| ok(&answer));
    let questions = questions(1);
    let request = Request::new(&questions, K);
    let error = check(&fake.target(), &request, &Broken, &Silent).unwrap_err();
    assert!(matches!(error, Error::Oracle(_)));
    assert_eq!(error.kind(), Kind::Interrupted);
}

/// Is asked to stop once a server was asked.
struct Stopped(Arc<AtomicUsize>);

impl Progress for Stopped {
    fn stage(&self, _: &str, _: Option<u64>, _: &'static str) -> Box<dyn Stage + '_> {
        Box::new(Silent)
    }

    fn warn(&self, _: &str) {}

    fn interrupted(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

#[test]
fn a_run_that_is_asked_to_stop_does_not_wait_for_an_answer() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let fake = Fake::new(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(1500));
        Response::from_string("{}")
    });
    let questions = questions(1);
    let request = Request::new(&questions, K);
    let begun = Instant::now();
    let error = check(&fake.target(), &request, &Store::new(), &Stopped(asked)).unwrap_err();
    assert_eq!(error.kind(), Kind::Interrupted);
    assert!(begun.elapsed() < Duration::from_millis(1500));
}
