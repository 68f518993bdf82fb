//! Servers that answer as they should, or in one thing not.

mod answers;
mod command;
mod http;
mod mapping;
mod versions;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};
use tiny_http::{Header, Response, Server};

use super::{Error, Expected, Flaw, Mapping, Oracle, Outcome, Question, Request, Target, check};
use crate::fault::Fault;
use crate::progress::Silent;

const K: usize = 3;
const MARGIN: usize = 2;
const OLD: &str = "v1.1.0";
const NEW: &str = "v1.2.0";

/// Versions whose indexes are known, the live one first.
#[derive(Clone)]
struct Store {
    served: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<BTreeMap<String, Vec<Expected>>>>,
}

impl Store {
    /// Has two versions, of which the new one is served. They have no chunk in common.
    fn new() -> Self {
        let store = Self {
            served: Arc::new(Mutex::new(vec![NEW.to_owned(), OLD.to_owned()])),
            answers: Arc::default(),
        };
        store.put(
            OLD,
            ["o1", "o2", "o3", "o4", "o5"],
            [0.95, 0.85, 0.75, 0.65, 0.55],
        );
        store.put(
            NEW,
            ["n1", "n2", "n3", "n4", "n5"],
            [0.9, 0.8, 0.7, 0.6, 0.5],
        );
        store
    }

    fn put(&self, version: &str, ids: [&str; K + MARGIN], scores: [f32; K + MARGIN]) {
        let hits = ids.iter().zip(scores).map(|(id, score)| Expected {
            id: (*id).to_owned(),
            score,
            text: format!("what {id} says"),
        });
        let mut answers = self.answers.lock().unwrap();
        answers.insert(version.to_owned(), hits.collect());
    }

    fn serve(&self, versions: &[&str]) {
        *self.served.lock().unwrap() = versions.iter().map(|&v| v.to_owned()).collect();
    }

    fn live(&self) -> String {
        self.served.lock().unwrap()[0].clone()
    }

    /// What an honest server answers.
    fn answer(&self, version: &str) -> Value {
        let answers = self.answers.lock().unwrap();
        let hits = answers[version].iter().take(K).enumerate();
        let hits: Vec<Value> = hits.map(|(at, hit)| hit_json(at, hit)).collect();
        json!({ "version": version, "generation": 7, "hits": hits })
    }
}

fn hit_json(at: usize, hit: &Expected) -> Value {
    json!({
        "rank": at + 1, "score": hit.score, "id": hit.id, "doc_id": "d", "uri": "file:///d", "text": hit.text
    })
}

impl Oracle for Store {
    fn versions(&self) -> Result<Vec<String>, Box<dyn Fault>> {
        Ok(self.served.lock().unwrap().clone())
    }

    fn expected(
        &self,
        version: &str,
        _: usize,
    ) -> Result<Option<Arc<Vec<Expected>>>, Box<dyn Fault>> {
        let answers = self.answers.lock().unwrap();
        Ok(answers.get(version).cloned().map(Arc::new))
    }
}

/// What a server was sent.
struct Sent {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

type Sending = Response<Cursor<Vec<u8>>>;

/// A server that lives as long as the test.
struct Fake {
    server: Arc<Server>,
    threads: Vec<JoinHandle<()>>,
    url: String,
}

impl Fake {
    fn new(answer: impl Fn(&Sent) -> Sending + Send + Sync + 'static) -> Self {
        let server = Arc::new(Server::http("127.0.0.1:0").unwrap());
        let url = format!("http://{}", server.server_addr().to_ip().unwrap());
        let answer = Arc::new(answer);
        let threads = (0..4).map(|_| {
            let (server, answer) = (Arc::clone(&server), Arc::clone(&answer));
            thread::spawn(move || {
                while let Ok(mut request) = server.recv() {
                    let mut body = String::new();
                    request.as_reader().read_to_string(&mut body).unwrap();
                    let header = |h: &Header| (h.field.to_string(), h.value.to_string());
                    let sent = Sent {
                        method: request.method().to_string(),
                        url: request.url().to_owned(),
                        headers: request.headers().iter().map(header).collect(),
                        body,
                    };
                    // A client that gave up does not read it.
                    request.respond(answer(&sent)).ok();
                }
            })
        });
        let threads = threads.collect();
        Self {
            server,
            threads,
            url,
        }
    }

    fn target(&self) -> Target {
        Target::url(&self.url, Mapping::ragctl().unwrap()).unwrap()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        for _ in &self.threads {
            self.server.unblock();
        }
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            if !thread::panicking() {
                ended.unwrap();
            }
        }
    }
}

fn ok(answer: &Value) -> Sending {
    Response::from_string(answer.to_string())
}

fn header(name: &str, value: &str) -> Header {
    Header::from_bytes(name, value).unwrap()
}

fn mapping(toml: &str) -> Mapping {
    Mapping::from_toml(toml, &|_| None).unwrap()
}

fn questions(count: usize) -> Vec<Question> {
    let question = |n| Question {
        id: format!("q{n}"),
        text: format!("question {n}?"),
    };
    (0..count).map(question).collect()
}

/// Asks once.
fn ask(target: &Target, store: &Store) -> Result<Outcome, Error> {
    let questions = questions(1);
    let request = Request {
        rounds: 1,
        clients: 1,

        ..Request::new(&questions, K)
    };
    check(target, &request, store, &Silent)
}

/// Asks a server once whose every answer is this one.
fn ask_for(answer: Value, mapping: Mapping, store: &Store) -> Outcome {
    let fake = Fake::new(move |_| ok(&answer));
    ask(&Target::url(&fake.url, mapping).unwrap(), store).unwrap()
}

/// Says what is wrong with the new version's answer after a change. There must be nothing else.
fn flaw_after(change: impl Fn(&mut Value)) -> Flaw {
    let store = Store::new();
    let mut answer = store.answer(NEW);
    change(&mut answer);
    only_flaw(&ask_for(answer, Mapping::ragctl().unwrap(), &store))
}

fn only_flaw(outcome: &Outcome) -> Flaw {
    assert_eq!(outcome.found, 1, "{:?}", outcome.findings);
    assert!(!outcome.passed());
    outcome.findings[0].flaw
}

/// A mapping for a server that names no version.
const UNNAMED: &str = "[response]\nscore = '$.score'\ntext = '$.text'";
