//! The server: what it answers, how it follows the channel, whom it lets in, and how it ends.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ragctl::embed::{Device, DeviceRequest};
use ragctl::index::{Asked, Search};
use ragctl::serve::{Live, Models, Options};
use ragctl::store::Store;
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};

use crate::support::{Sandbox, copy_tree, eventually, flip_byte, is_held, tiny_bert, unseal};

/// A server that runs.
struct Server {
    child: Child,
    url: String,
    client: Client,
    log: std::path::PathBuf,
}

impl Server {
    fn start(sandbox: &Sandbox, more: &[&str]) -> Self {
        Self::start_with(sandbox, more, &[])
    }

    fn start_with(sandbox: &Sandbox, more: &[&str], environment: &[(&str, &str)]) -> Self {
        let log = sandbox.path("serve.log");
        let args = ["serve", "-o", "name", "--listen", "127.0.0.1:0"];
        let mut child = sandbox
            .command(args.iter().chain(more))
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(
                fs::File::options()
                    .create(true)
                    .append(true)
                    .open(&log)
                    .unwrap(),
            )
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let url = line.trim().to_owned();
        assert!(
            url.starts_with("http://"),
            "{}",
            fs::read_to_string(&log).unwrap()
        );
        Self {
            child,
            url,
            client: Client::new(),
            log,
        }
    }

    fn get(&self, path: &str) -> Response {
        self.client
            .get(format!("{}{path}", self.url))
            .send()
            .unwrap()
    }

    fn post(&self, path: &str, body: &Value) -> Response {
        self.request(path, body).send().unwrap()
    }

    fn request(&self, path: &str, body: &Value) -> reqwest::blocking::RequestBuilder {
        self.client
            .post(format!("{}{path}", self.url))
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    fn json(&self, path: &str) -> Value {
        read(self.get(path))
    }

    fn version(&self) -> String {
        self.json("/v1/version")["version"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// A number of the metrics.
    fn metric(&self, start: &str) -> f64 {
        let text = self.get("/metrics").text().unwrap();
        let line = text.lines().find(|line| line.starts_with(start));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
            .unwrap_or(-1.0)
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn read(response: Response) -> Value {
    let text = response.text().unwrap();
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// A second version, whose chunks say another word.
fn second(sandbox: &Sandbox) -> String {
    sandbox.write(
        "docs/alpha.md",
        "# Alpha\n\nThe second edition says otherwise.\n",
    );
    sandbox.run(["ingest"]).ok();
    sandbox.run(["build", "-o", "name"]).ok().line()
}

fn same(hit: &Value, other: &Value) -> bool {
    let close = (hit["score"].as_f64().unwrap() - other["score"].as_f64().unwrap()).abs() < 1e-5;
    let fields = [
        "rank", "id", "doc_id", "source", "uri", "title", "heading", "page", "text", "metadata",
    ];
    close && fields.iter().all(|field| hit[field] == other[field])
}

#[test]
fn a_server_answers_as_query_does_from_memory_and_from_the_index() {
    let sandbox = Sandbox::published();
    for search in ["resident", "index"] {
        let server = Server::start(&sandbox, &["--search", search]);
        assert_eq!(server.json("/v1/version")["search"], search);
        for (mode, filter) in [
            ("vector", None),
            ("vector", Some("uri like '%alpha%'")),
            ("text", None),
            ("hybrid", Some("source = 'docs'")),
        ] {
            let mut args = vec![
                "query",
                "the old version",
                "-k",
                "3",
                "--json",
                "--mode",
                mode,
            ];
            args.extend(filter.iter().flat_map(|filter| ["--filter", filter]));
            let expected = sandbox.run(args).ok().json();
            let body = json!({"text": "the old version", "k": 3, "mode": mode, "filter": filter});
            let response = server.post("/v1/search", &body);
            assert_eq!(response.headers()["ragctl-version"], "v0.1.0");
            assert_eq!(response.headers()["ragctl-generation"], "1");
            let found = read(response);
            assert_eq!(
                (&found["version"], &found["generation"]),
                (&json!("v0.1.0"), &json!(1))
            );
            let (found, expected) = (
                found["hits"].as_array().unwrap(),
                expected["hits"].as_array().unwrap(),
            );
            assert_eq!(found.len(), expected.len(), "{search} {mode}");
            for (hit, other) in found.iter().zip(expected) {
                assert!(
                    same(hit, other),
                    "{search} {mode} {filter:?}: {hit} {other}"
                );
            }
        }
        // Several questions get what each alone gets, in their order.
        let alone = |text: &str| {
            read(server.post("/v1/search", &json!({"text": text, "k": 2})))["hits"].clone()
        };
        let both = json!({"queries": [{"text": "words"}, {"text": "rollback"}], "k": 2});
        let both = read(server.post("/v1/search", &both));
        assert_eq!(both["results"][0]["hits"], alone("words"));
        assert_eq!(both["results"][1]["hits"], alone("rollback"));
        // A chunk by its id, and nothing by another.
        let id = both["results"][0]["hits"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let chunk = server.json(&format!("/v1/chunks/{id}"));
        assert_eq!(
            chunk["chunk"]["text"],
            both["results"][0]["hits"][0]["text"]
        );
        assert_eq!(server.get("/v1/chunks/nothing").status(), 404);
        // A text's vector finds what the text finds.
        let embedded = json!({"input": ["words"], "model": "tiny-bert"});
        let embedded = read(server.post("/v1/embeddings", &embedded));
        assert_eq!(
            (&embedded["object"], &embedded["data"][0]["object"]),
            (&json!("list"), &json!("embedding"))
        );
        let by_vector = json!({"vector": embedded["data"][0]["embedding"], "k": 2});
        let by_vector = read(server.post("/v1/search", &by_vector));
        for (hit, other) in by_vector["hits"]
            .as_array()
            .unwrap()
            .iter()
            .zip(alone("words").as_array().unwrap())
        {
            assert!(same(hit, other), "{hit} {other}");
        }
        let packed = json!({"input": "words", "encoding_format": "base64"});
        assert!(read(server.post("/v1/embeddings", &packed))["data"][0]["embedding"].is_string());
    }
}

#[test]
fn what_is_wrong_with_a_request_is_told() {
    let sandbox = Sandbox::published();
    let server = Server::start(
        &sandbox,
        &["--max-k", "50", "--max-queries", "2", "--max-body", "20kB"],
    );
    let vector = |numbers: Value| json!({ "vector": numbers });
    let dimension = server.json("/v1/version")["model"]["dimension"]
        .as_u64()
        .unwrap() as usize;
    for (body, status, words) in [
        (json!({}), 400, "a text or a vector"),
        (json!({"text": "x", "k": 51}), 400, "from 1 to 50"),
        (json!({"text": "x", "k": 0}), 400, "from 1 to 50"),
        (
            json!({"text": "x", "k": 1_000_000_000_u64}),
            400,
            "from 1 to 50",
        ),
        (json!({"text": "x", "k": -1}), 400, "invalid value"),
        (json!({"text": " "}), 400, "is empty"),
        (json!({"text": "x".repeat(9000)}), 400, "longer than"),
        (json!({"text": "x".repeat(30_000)}), 413, "too long"),
        (json!({"txt": "x"}), 400, "unknown field"),
        (
            json!({"text": "x", "vector": [1.0]}),
            400,
            "numbers, the version's have",
        ),
        (vector(json!([1.0])), 400, "numbers, the version's have"),
        (vector(json!(vec![0.0; dimension])), 400, "no length"),
        (vector(json!(vec![1e38; dimension])), 400, "no length"),
        (
            json!({"text": "x", "filter": "nothing = 1"}),
            400,
            "no field `nothing`",
        ),
        (json!({"text": "x", "filter": "uri ="}), 400, "expected"),
        (
            json!({"text": "x", "mode": "magic"}),
            400,
            "unknown variant",
        ),
        (
            json!({"vector": vec![1.0; dimension], "mode": "text"}),
            400,
            "needs a text",
        ),
        (json!({"queries": []}), 400, "from 1 to 2"),
        (
            json!({"queries": [{"text": "x"}, {"text": "x"}, {"text": "x"}]}),
            400,
            "from 1 to 2",
        ),
        (
            json!({"queries": [{"text": "x"}], "text": "x"}),
            400,
            "either",
        ),
        (
            json!({"text": "x", "version": "v9.0.0"}),
            409,
            "is not served; v0.1.0 is",
        ),
    ] {
        let response = server.post("/v1/search", &body);
        let found = (
            response.status().as_u16(),
            read(response)["error"]["message"].to_string(),
        );
        assert!(
            found.0 == status && found.1.contains(words),
            "{body}: {found:?}"
        );
    }
    // One filter that is wrong does not touch the questions beside it.
    assert_eq!(
        server
            .post("/v1/stores/other/search", &json!({"text": "x"}))
            .status(),
        404
    );
    assert_eq!(server.get("/v1/search").status(), 405);
    assert_eq!(server.get("/v2").status(), 404);
    let plain = server
        .client
        .post(format!("{}/v1/search", server.url))
        .body("{}");
    assert_eq!(plain.send().unwrap().status(), 415);
    let other = json!({"input": "x", "model": "text-embedding-3-small"});
    assert_eq!(server.post("/v1/embeddings", &other).status(), 404);
    let named = server
        .request("/v1/search", &json!({"text": "x"}))
        .header("ragctl-version", "0.1.0");
    assert_eq!(named.send().unwrap().status(), 200);
    assert_eq!(server.get("/livez").status(), 200);
}

#[test]
fn a_flip_is_followed_and_a_bad_version_is_not() {
    let sandbox = Sandbox::published();
    let server = Server::start(&sandbox, &["--keep-previous", "1h", "--log", "json"]);
    let lease = |version: &str| is_held(&sandbox.path("store/leases").join(version));
    assert!(lease("v0.1.0"));
    let next = second(&sandbox);
    sandbox
        .run(["publish", &next, "--wait-adopted", "10s"])
        .ok()
        .tells("was taken up");
    assert_eq!(server.version(), next);
    assert_eq!(server.json("/v1/version")["kept"], json!(["v0.1.0"]));
    let found = read(server.post(
        "/v1/search",
        &json!({"text": "second edition", "version": "v0.1.0"}),
    ));
    assert_eq!(found["version"], "v0.1.0");
    assert!(!found.to_string().contains("second edition says"));
    assert_eq!(server.get("/readyz").status(), 200);

    // A third one, damaged after it was published as a disk would: never asked, and told.
    sandbox.write("docs/alpha.md", "# Alpha\n\nThe third one.\n");
    sandbox.run(["ingest"]).ok();
    let bad = sandbox.run(["build", "-o", "name"]).ok().line();
    sandbox.run(["verify", &bad]).ok();
    let data = sandbox
        .path("store/versions")
        .join(&bad)
        .join("lance/chunks.lance/data");
    let file = fs::read_dir(&data).unwrap().next().unwrap().unwrap().path();
    let link = sandbox.path("store/current");
    flip_byte(&file);
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(format!("versions/{bad}"), &link).unwrap();
    eventually("the failure is counted", || {
        server.metric("ragctl_reload_failures_total{store=\"default\",reason=\"integrity\"}") >= 1.0
    });
    assert!(server.metric("ragctl_degraded{store=\"default\"}") >= 1.0);
    assert!(server.metric("ragctl_staleness_seconds{store=\"default\"}") > 0.0);
    assert_eq!(server.version(), next);
    assert!(
        server.json("/v1/version")["degraded"]
            .as_str()
            .unwrap()
            .contains(&bad)
    );
    assert_eq!(server.get("/readyz").status(), 200);
    assert_eq!(
        server.log().matches("is not served").count(),
        1,
        "{}",
        server.log()
    );

    // Back to what is in memory still: at once, without a load.
    let begun = Instant::now();
    sandbox.run(["rollback", "--to", "v0.1.0"]).ok();
    eventually("rolled back", || server.version() == "v0.1.0");
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert_eq!(server.metric("ragctl_degraded{store=\"default\"}"), 0.0);
    drop(server);
    assert!(!lease("v0.1.0") && !lease(&next));
}

/// Another space: the same model, its first token's vector instead of the mean.
fn other_model(sandbox: &Sandbox) -> std::path::PathBuf {
    let dir = sandbox.path("other-bert");
    copy_tree(&tiny_bert(), &dir);
    let path = dir.join("1_Pooling/config.json");
    let mut pooling: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    pooling["pooling_mode_mean_tokens"] = false.into();
    pooling["pooling_mode_cls_token"] = true.into();
    fs::write(path, pooling.to_string()).unwrap();
    dir
}

#[test]
fn flips_between_two_spaces_under_load_mix_nothing_and_embed_by_the_right_model() {
    let sandbox = Sandbox::published();
    let model = other_model(&sandbox);
    let model = model.to_str().unwrap();
    sandbox.write(
        "docs/alpha.md",
        "# Alpha\n\nThe second edition says otherwise.\n",
    );
    sandbox.run(["ingest", "--model", model]).ok();
    let next = sandbox
        .run(["build", "--model", model, "-o", "name"])
        .ok()
        .line();
    assert_eq!(next, "v1.0.0");
    sandbox.run(["verify", &next]).ok();
    let questions = [
        "the old version",
        "words about an index",
        "second edition",
        "rollback",
    ];
    // What each version says to each question, by its own model.
    let mut known = BTreeMap::new();
    for version in ["v0.1.0", "v1.0.0"] {
        for question in questions {
            let answer = sandbox
                .run(["query", question, "--version", version, "-k", "3", "--json"])
                .ok();
            known.insert(
                (version.to_owned(), question),
                answer.json()["hits"].clone(),
            );
        }
    }
    let server = Server::start(&sandbox, &[]);
    let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|number| {
                let (server, stop, asked, known) = (&server, &stop, &asked, &known);
                scope.spawn(move || {
                    let mut versions = BTreeMap::<String, usize>::new();
                    for question in questions.iter().cycle().skip(number) {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let response =
                            server.post("/v1/search", &json!({"text": question, "k": 3}));
                        assert_eq!(response.status(), 200);
                        let named = response.headers()["ragctl-version"]
                            .to_str()
                            .unwrap()
                            .to_owned();
                        let found = read(response);
                        assert_eq!(found["version"], named.as_str());
                        let expected = known[&(named.clone(), *question)].as_array().unwrap();
                        let hits = found["hits"].as_array().unwrap();
                        assert_eq!(hits.len(), expected.len());
                        for (hit, other) in hits.iter().zip(expected) {
                            assert!(same(hit, other), "{named} {question}: {hit} {other}");
                        }
                        *versions.entry(named).or_default() += 1;
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                    versions
                })
            })
            .collect();
        let flips = std::env::var("RAGCTL_TEST_SPACES").map_or(6, |text| text.parse().unwrap());
        for flip in 0..flips {
            let version = ["v1.0.0", "v0.1.0"][flip % 2];
            match flip {
                0 => sandbox
                    .run(["publish", version, "--wait-adopted", "10s"])
                    .ok(),
                _ => sandbox.run(["rollback", "--to", version, "--fast"]).ok(),
            };
            eventually("followed", || server.version() == version);
        }
        stop.store(true, Ordering::Relaxed);
        let mut seen = BTreeMap::<String, usize>::new();
        for client in clients {
            for (version, count) in client.join().unwrap() {
                *seen.entry(version).or_default() += count;
            }
        }
        assert!(
            seen.len() == 2 && seen.values().all(|count| *count > 0),
            "{seen:?}"
        );
    });
    assert!(asked.load(Ordering::Relaxed) > 50);
}

#[test]
fn a_server_goes_on_while_its_store_is_gone_and_follows_when_it_is_back() {
    let sandbox = Sandbox::published();
    let next = second(&sandbox);
    let server = Server::start(&sandbox, &["--interval", "100ms"]);
    let (store, aside) = (sandbox.path("store"), sandbox.path("aside"));
    fs::rename(&store, &aside).unwrap();
    for _ in 0..20 {
        assert_eq!(
            server
                .post("/v1/search", &json!({"text": "words"}))
                .status(),
            200
        );
        thread::sleep(Duration::from_millis(20));
    }
    fs::rename(&aside, &store).unwrap();
    sandbox.run(["publish", &next]).ok();
    eventually("followed", || server.version() == next);
    // The link alone gone: nothing to follow, and nothing to stop for.
    fs::remove_file(store.join("current")).unwrap();
    thread::sleep(Duration::from_millis(300));
    assert_eq!(
        server
            .post("/v1/search", &json!({"text": "words"}))
            .status(),
        200
    );
    assert_eq!(server.version(), next);
}

#[test]
fn a_server_begins_before_anything_is_published_and_when_memory_is_short() {
    let sandbox = Sandbox::with_docs();
    let server = Server::start(&sandbox, &["--interval", "100ms"]);
    assert_eq!(
        (
            server.get("/livez").status(),
            server.get("/readyz").status()
        ),
        (
            reqwest::StatusCode::OK,
            reqwest::StatusCode::SERVICE_UNAVAILABLE
        )
    );
    let early = server.post("/v1/search", &json!({"text": "words"}));
    assert_eq!(
        (
            early.status().as_u16(),
            early.headers()["retry-after"].to_str().unwrap()
        ),
        (503, "1")
    );
    sandbox.run(["run"]).ok();
    eventually("ready", || server.get("/readyz").status() == 200);
    drop(server);

    let server = Server::start(&sandbox, &["--max-memory", "1MiB"]);
    assert_eq!(server.get("/readyz").status(), 503);
    assert!(
        server.metric("ragctl_reload_failures_total{store=\"default\",reason=\"memory\"}") >= 1.0
    );
    assert!(
        server.log().contains("needs") && server.log().contains("bytes of memory"),
        "{}",
        server.log()
    );
}

#[test]
fn several_stores_are_served_side_by_side() {
    let (one, other) = (Sandbox::published(), Sandbox::published());
    let next = second(&other);
    other.run(["publish", &next]).ok();
    let stores = [
        format!("docs={}", one.path("store").display()),
        format!("tickets={}", other.path("store").display()),
    ];
    let server = Server::start(&one, &["--store", &stores[0], "--store", &stores[1]]);
    let ready = server.json("/readyz");
    assert_eq!(ready["stores"], json!({"docs": "v0.1.0", "tickets": next}));
    let ask =
        |path: &str| read(server.post(path, &json!({"text": "second edition"})))["version"].clone();
    assert_eq!(ask("/v1/search"), "v0.1.0");
    assert_eq!(ask("/v1/stores/docs/search"), "v0.1.0");
    assert_eq!(ask("/v1/stores/tickets/search"), next.as_str());
    assert_eq!(
        server.json("/v1/stores/tickets/version")["version"],
        next.as_str()
    );
    assert_eq!(server.get("/v1/stores/nope/version").status(), 404);
    other.run(["rollback"]).ok();
    eventually("rolled back", || {
        server.json("/readyz")["stores"]["tickets"] == "v0.1.0"
    });
    assert_eq!(server.json("/readyz")["stores"]["docs"], "v0.1.0");

    one.run(["serve", "--store", "store", "--store", "store"])
        .code(2)
        .tells("has no name");
    one.run(["status", "--store", "store", "--store", "store"])
        .code(2)
        .tells("more than once");
}

#[test]
fn who_may_ask_depends_on_where_it_listens() {
    let sandbox = Sandbox::published();
    sandbox
        .run(["serve", "--listen", "0.0.0.0:0"])
        .code(2)
        .tells("there is no token")
        .tells("--token-file");
    sandbox.write("short", "abc\n");
    sandbox
        .run(["serve", "--token-file", "short"])
        .code(2)
        .tells("at least 16");
    sandbox
        .run(["serve", "--admin", "0.0.0.0:9"])
        .code(2)
        .tells("no admin socket");
    sandbox
        .run(["serve", "--cors-origin", "*"])
        .code(2)
        .tells("not an origin");
    sandbox.write("token", "0123456789abcdef\n");
    let more = [
        "--token-file",
        "token",
        "--cors-origin",
        "https://intranet.example",
        "--admin",
        "unix:admin.sock",
    ];
    let server = Server::start(&sandbox, &more);
    let body = json!({"text": "words"});
    assert_eq!(server.post("/v1/search", &body).status(), 401);
    let right = server
        .request("/v1/search", &body)
        .bearer_auth("0123456789abcdef");
    assert_eq!(right.send().unwrap().status(), 200);
    assert_eq!(server.get("/metrics").status(), 200);
    let preflight = |origin: &str| {
        let asked = server.client.request(
            reqwest::Method::OPTIONS,
            format!("{}/v1/search", server.url),
        );
        let asked = asked
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        asked
            .send()
            .unwrap()
            .headers()
            .contains_key("access-control-allow-origin")
    };
    assert!(preflight("https://intranet.example") && !preflight("https://evil.example"));
    use std::os::unix::fs::PermissionsExt as _;
    let admin = fs::metadata(sandbox.path("admin.sock")).unwrap();
    assert_eq!(admin.permissions().mode() & 0o777, 0o600);
    server.signal(Signal::SIGTERM);
    eventually("the admin socket is gone", || {
        !sandbox.path("admin.sock").exists()
    });
}

#[test]
fn signals_have_it_look_at_once_and_end_in_peace() {
    let sandbox = Sandbox::published();
    let next = second(&sandbox);
    let socket = UnixDatagram::bind(sandbox.path("notify")).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let path = sandbox.path("notify");
    let environment = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", "2000000"),
    ];
    let mut server =
        Server::start_with(&sandbox, &["--no-events", "--interval", "1h"], &environment);
    let told = |word: &str| {
        let mut bytes = [0; 256];
        let count = socket.recv(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
        text.contains(word)
    };
    assert!(told("READY=1"));
    assert!(told("WATCHDOG=1"));
    sandbox.run(["publish", &next]).ok();
    thread::sleep(Duration::from_millis(200));
    assert_eq!(server.version(), "v0.1.0");
    server.signal(Signal::SIGHUP);
    eventually("looked", || server.version() == next);
    // A client that has connected and says nothing is not waited for.
    let silent = std::net::TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    let begun = Instant::now();
    server.signal(Signal::SIGTERM);
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10));
    drop(silent);
    while !told("STOPPING=1") {}
    assert!(!is_held(&sandbox.path("store/leases").join(&next)));
}

#[test]
fn a_release_that_nobody_takes_up_is_exit_18() {
    let sandbox = Sandbox::published();
    let next = second(&sandbox);
    sandbox
        .run(["publish", &next, "--min-readers", "2"])
        .code(2);
    let late = sandbox
        .run(["publish", &next, "--wait-adopted", "300ms"])
        .code(18);
    assert!(late.stdout.contains("published"), "{late}");
    late.tells("0 of 1 readers hold it");
    let server = Server::start(&sandbox, &[]);
    let url = server.url.clone();
    // Published already: the wait is for whoever still has to follow.
    let wait = [
        "publish",
        next.as_str(),
        "--wait-adopted",
        "5s",
        "--reader-url",
    ];
    sandbox
        .run(wait.iter().chain([&url.as_str()]))
        .ok()
        .tells("1 readers hold it, 1 servers serve it");
    let nobody = [
        "publish",
        next.as_str(),
        "--wait-adopted",
        "300ms",
        "--reader-url",
        "http://user:secret@127.0.0.1:9/",
    ];
    let nobody = sandbox.run(nobody).code(18);
    assert!(
        nobody.stderr.contains("http://127.0.0.1:9/") && !nobody.stderr.contains("secret"),
        "{nobody}"
    );
}

#[test]
fn a_program_of_ones_own_follows_by_the_library() {
    let sandbox = Sandbox::published();
    let next = second(&sandbox);
    let store = Store::open(&sandbox.path("store")).unwrap();
    let models = Arc::new(Models::on(Device::open(DeviceRequest::Cpu).unwrap()));
    let options = Options {
        interval: Some(Duration::from_millis(50)),
        ..Options::default()
    };
    let live = Live::follow("docs", store, models, options).unwrap();
    assert!(live.wait_until_settled(Duration::from_secs(10)));
    let held = live.pick(None).unwrap();
    sandbox.run(["publish", &next]).ok();
    eventually("followed", || live.pick(None).unwrap().name() == next);
    // What was picked before is as it was, for as long as it is held.
    let vector = held.embedder.embed_query("second edition").unwrap();
    let hits = held
        .table
        .search(Asked::Vector(&vector), &Search::top(5))
        .unwrap();
    assert!(
        hits.iter()
            .all(|hit| !hit.chunk.text.contains("second edition"))
    );
    let lease = sandbox.path("store/leases/v0.1.0");
    assert!(is_held(&lease));
    drop(held);
    eventually("released", || !is_held(&lease));
    let status = live.status();
    assert_eq!((status.reloads, status.degraded), (2, None));
}

#[test]
fn grpc_says_what_http_says() {
    use ragctl::serve::grpc::proto::search_client::SearchClient;
    use ragctl::serve::grpc::proto::{
        GetChunkRequest, GetVersionRequest, Mode, Query, SearchRequest,
    };
    use tonic::codec::CompressionEncoding;

    let sandbox = Sandbox::published();
    let server = Server::start(&sandbox, &[]);
    let expected = read(server.post("/v1/search", &json!({"text": "the old version", "k": 2})));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let transport = || {
            let executor = hyper_util::rt::TokioExecutor::new();
            hyper_util::client::legacy::Client::builder(executor)
                .http2_only(true)
                .build_http::<tonic::body::Body>()
        };
        let origin: hyper::Uri = server.url.parse().unwrap();
        let mut client = SearchClient::with_origin(transport(), origin.clone())
            .send_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Gzip);
        let request = |text: &str| SearchRequest {
            queries: vec![Query {
                text: text.into(),
                vector: Vec::new(),
            }],
            k: 2,
            mode: Mode::Vector.into(),
            ..SearchRequest::default()
        };
        let response = client.search(request("the old version")).await.unwrap();
        assert_eq!(response.metadata().get("grpc-encoding").unwrap(), "gzip");
        let found = response.into_inner();
        assert_eq!((found.version.as_str(), found.generation), ("v0.1.0", 1));
        let hits = &found.results[0].hits;
        for (hit, other) in hits.iter().zip(expected["hits"].as_array().unwrap()) {
            assert_eq!(
                (hit.id.as_str(), hit.text.as_str()),
                (
                    other["id"].as_str().unwrap(),
                    other["text"].as_str().unwrap()
                )
            );
            assert!(hit.metadata_json.contains("\"uri\""));
        }
        assert_eq!(hits.len(), 2);
        let chunk = GetChunkRequest {
            id: hits[0].id.clone(),
            ..GetChunkRequest::default()
        };
        assert_eq!(
            client.get_chunk(chunk).await.unwrap().into_inner().text,
            hits[0].text
        );
        let version = client
            .get_version(GetVersionRequest::default())
            .await
            .unwrap()
            .into_inner();
        assert_eq!(version.version, "v0.1.0");
        let wrong = client.search(request(" ")).await.unwrap_err();
        assert_eq!(wrong.code(), tonic::Code::InvalidArgument);
        let other = SearchRequest {
            version: "v9.0.0".into(),
            ..request("x")
        };
        assert_eq!(
            client.search(other).await.unwrap_err().code(),
            tonic::Code::FailedPrecondition
        );

        let mut health =
            tonic_health::pb::health_client::HealthClient::with_origin(transport(), origin.clone());
        for service in ["", "ragctl.v1.Search"] {
            let asked = tonic_health::pb::HealthCheckRequest {
                service: service.into(),
            };
            assert_eq!(
                health.check(asked).await.unwrap().into_inner().status,
                1,
                "{service}"
            );
        }
        use tonic_reflection::pb::v1::ServerReflectionRequest;
        use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
        use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
        let mut reflection = ServerReflectionClient::with_origin(transport(), origin);
        let asked = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let stream = futures::stream::iter([asked]);
        let mut answers = reflection
            .server_reflection_info(stream)
            .await
            .unwrap()
            .into_inner();
        let answer = answers.message().await.unwrap().unwrap();
        assert!(format!("{answer:?}").contains("ragctl.v1.Search"));
    });
}

#[test]
fn the_description_names_every_path() {
    let sandbox = Sandbox::published();
    let server = Server::start(&sandbox, &[]);
    let described = server.json("/openapi.json");
    assert!(described["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths: Vec<&String> = described["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths.len(), 11, "{paths:?}");
    for path in [
        "/v1/search",
        "/v1/stores/{store}/search",
        "/v1/chunks/{id}",
        "/v1/version",
        "/v1/embeddings",
        "/livez",
        "/readyz",
        "/metrics",
    ] {
        assert!(described["paths"][path].is_object(), "{path}");
    }
}

#[test]
fn reloads_are_measured_against_a_server_of_its_own() {
    let sandbox = Sandbox::new();
    let model = tiny_bert();
    let args = [
        "bench",
        "reload",
        "--chunks",
        "300",
        "--connections",
        "4",
        "--window",
        "2s",
        "--cycles",
        "2",
        "--plot",
        "line.svg",
        "--json",
        "--model",
    ];
    let outcome = sandbox
        .run(
            args.iter()
                .map(|arg| arg.to_string())
                .chain([model.display().to_string()]),
        )
        .ok();
    let outcome = outcome.json();
    assert_eq!(
        (&outcome["errors"], &outcome["mixed"]),
        (&0.into(), &0.into())
    );
    let names: Vec<&str> = outcome["windows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|window| window["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["no reload", "one reload", "three reloads", "2 reloads"]
    );
    assert!(
        outcome["windows"][1]["served_after_ms"]
            .as_array()
            .unwrap()
            .len()
            == 1,
        "{outcome}"
    );
    assert!(
        fs::read_to_string(sandbox.path("line.svg"))
            .unwrap()
            .contains("flip")
    );
    let gate = [
        "bench",
        "reload",
        "--chunks",
        "300",
        "--connections",
        "1",
        "--window",
        "1s",
        "--min-throughput",
        "9",
        "--model",
    ];
    sandbox
        .run(
            gate.iter()
                .map(|arg| arg.to_string())
                .chain([model.display().to_string()]),
        )
        .code(15)
        .tells("throughput");
    unseal(&sandbox.path("."));
}
