//! The web: what is fetched, from where it may be, and that a second look costs little.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use serde_json::Value;
use tiny_http::{Header, Response, Server};

use crate::support::{Sandbox, files, tiny_bert};

const CANARY: &str = "c4nArY7zQ";

/// A site whose pages a test changes as it goes.
struct Site {
    server: Arc<Server>,
    pages: Arc<Mutex<BTreeMap<String, Page>>>,
    asked: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

/// A status, a type and a body. The body's length is its mark of content.
type Page = (u16, &'static str, String);

impl Site {
    fn new(pages: &[(&str, &str)]) -> Self {
        let server = Arc::new(Server::http("127.0.0.1:0").unwrap());
        let mut site = Self {
            pages: Arc::default(),
            asked: Arc::default(),
            thread: None,
            server,
        };
        for (path, body) in pages {
            site.put(path, 200, body);
        }
        let (server, pages, asked) = (
            Arc::clone(&site.server),
            Arc::clone(&site.pages),
            Arc::clone(&site.asked),
        );
        let thread = thread::spawn(move || {
            while let Ok(request) = server.recv() {
                let path = request.url().to_owned();
                let bare = path.split('?').next().unwrap();
                let page = pages.lock().unwrap().get(bare).cloned();
                let (status, kind, body) = page.unwrap_or((404, "text/plain", String::new()));
                let etag = format!("\"{}\"", body.len());
                let known = request.headers().iter().any(|header| {
                    header.field.equiv("If-None-Match") && header.value.as_str() == etag
                });
                let status = if known && status == 200 { 304 } else { status };
                let sent = request
                    .headers()
                    .iter()
                    .find(|header| header.field.equiv("X-Key"));
                let sent =
                    sent.map_or_else(String::new, |header| format!(" with {}", header.value));
                asked.lock().unwrap().push(format!("{status} {path}{sent}"));
                let header = |name: &str, value: &str| Header::from_bytes(name, value).unwrap();
                let body = if status == 304 { String::new() } else { body };
                let response = Response::from_string(body)
                    .with_status_code(status)
                    .with_header(header("Content-Type", kind))
                    .with_header(header("ETag", &etag));
                // Whoever heard enough hangs up.
                request.respond(response).ok();
            }
        });
        site.thread = Some(thread);
        site
    }

    fn put(&self, path: &str, status: u16, body: &str) {
        let kind = match path.rsplit_once('.') {
            Some((_, "xml")) => "application/xml",
            Some((_, "png")) => "image/png",
            _ if path == "/robots.txt" => "text/plain",
            _ => "text/html; charset=utf-8",
        };
        let page = (status, kind, body.to_owned());
        self.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    fn url(&self, path: &str) -> String {
        format!(
            "http://{}{path}",
            self.server.server_addr().to_ip().unwrap()
        )
    }

    /// What was asked for since the last look, but robots.txt.
    fn asked(&self) -> Vec<String> {
        let asked: Vec<String> = self.asked.lock().unwrap().drain(..).collect();
        let mut asked: Vec<String> = asked
            .into_iter()
            .filter(|line| !line.contains("/robots.txt"))
            .collect();
        asked.sort();
        asked
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.unblock();
        self.thread.take().map(JoinHandle::join);
    }
}

/// A page of some words, and links.
fn page(title: &str, links: &[&str]) -> String {
    let links: String = links
        .iter()
        .map(|link| format!("<a href=\"{link}\">more</a> "))
        .collect();
    format!(
        "<html><head><title>{title}</title></head><body><main><h1>{title}</h1><p>The page about {title} says how the store keeps the index and the chunk of a version.</p></main><nav>{links}</nav></body></html>"
    )
}

/// A sandbox whose only source is of the web.
fn sandbox(source: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(
        "ragctl.toml",
        &format!(
            "[model]\npath = \"{}\"\n[[source]]\nid = \"site\"\nallow_cidrs = [\"127.0.0.1/32\"]\n{source}\n",
            tiny_bert().display()
        ),
    );
    sandbox.run(["init"]).ok();
    sandbox
}

fn ingest(sandbox: &Sandbox) -> Value {
    sandbox
        .run(["ingest", "--json", "--max-failed", "100%"])
        .ok()
        .json()
}

fn count(answer: &Value, field: &str) -> u64 {
    answer[field].as_u64().unwrap()
}

#[test]
fn a_crawl_reads_a_site_once_and_then_only_what_changed() {
    let site = Site::new(&[
        ("/robots.txt", "User-agent: *\nDisallow: /private\n"),
        (
            "/",
            &page("home", &["/a", "b#part", "/private/c", "/logo.png"]),
        ),
        ("/a", &page("the letter a", &["/", "/d"])),
        ("/b", &page("the letter b", &[])),
        ("/d", &page("the letter d", &[])),
        ("/private/c", &page("a secret", &[])),
        ("/logo.png", "x"),
    ]);
    let sandbox = sandbox(&format!("crawl = \"{}\"", site.url("/")));
    let first = ingest(&sandbox);
    assert_eq!(
        (count(&first, "documents"), count(&first, "failed")),
        (4, 0)
    );
    assert_eq!(
        site.asked(),
        ["200 /", "200 /a", "200 /b", "200 /d", "200 /logo.png"]
    );
    let second = ingest(&sandbox);
    assert_eq!(second["changed"], false);
    assert_eq!(second["snapshot"], first["snapshot"]);
    assert_eq!(
        site.asked(),
        ["200 /logo.png", "304 /", "304 /a", "304 /b", "304 /d"]
    );
    sandbox.run(["embed"]).ok();
    site.put("/b", 200, &page("letter e", &[]));
    site.put("/d", 404, "");
    let third = ingest(&sandbox);
    assert_eq!(count(&third, "documents"), 3);
    assert_eq!(third["deleted"], serde_json::json!([site.url("/d")]));
    let embedded = sandbox.run(["embed", "--json"]).ok().json();
    assert_eq!(count(&embedded, "embedded"), 1, "{third} {embedded}");
}

#[test]
fn a_page_that_cannot_be_had_keeps_its_last_good_copy() {
    let site = Site::new(&[
        ("/", &page("home", &["/a", "/b"])),
        ("/a", &page("the letter a", &["/c"])),
        ("/b", &page("the letter b", &[])),
        ("/c", &page("the letter c", &[])),
    ]);
    let sandbox = sandbox(&format!("crawl = \"{}\"", site.url("/")));
    assert_eq!(count(&ingest(&sandbox), "documents"), 4);
    site.put("/a", 500, "");
    let answer = ingest(&sandbox);
    assert_eq!(
        (count(&answer, "documents"), count(&answer, "failed")),
        (4, 1)
    );
    assert_eq!(answer["deleted"], serde_json::json!([]));
    let failed = sandbox.run(["ingest", "--failed"]).ok();
    assert!(failed.stdout.contains("answers 500"), "{failed}");
}

#[test]
fn a_sitemap_names_the_documents() {
    let site = Site::new(&[
        ("/a", &page("the letter a", &["/b"])),
        ("/b", &page("the letter b", &[])),
    ]);
    let urls = format!(
        "<urlset><url><loc>{}</loc></url><url><loc>http://other.example/</loc></url></urlset>",
        site.url("/a")
    );
    site.put("/sitemap.xml", 200, &urls);
    let sandbox = sandbox(&format!("sitemap = \"{}\"", site.url("/sitemap.xml")));
    assert_eq!(count(&ingest(&sandbox), "documents"), 1);
    assert_eq!(site.asked(), ["200 /a", "200 /sitemap.xml"]);
}

#[test]
fn private_networks_are_closed_until_they_are_opened() {
    let site = Site::new(&[("/a", &page("the letter a", &[]))]);
    let sandbox = Sandbox::with_docs();
    let url = site.url("/a");
    sandbox
        .run(["ingest", &url])
        .code(3)
        .tells("is a loopback address")
        .tells("--allow-cidr 127.0.0.1/32");
    let by_name = url.replace("127.0.0.1", "localhost");
    sandbox
        .run(["ingest", &by_name])
        .code(3)
        .tells("--allow-host localhost");
    assert_eq!(site.asked(), Vec::<String>::new());
    sandbox
        .run(["ingest", &url, "--allow-cidr", "127.0.0.1/32"])
        .ok();
    sandbox
        .run(["ingest", &by_name, "--allow-host", "localhost"])
        .ok();
}

#[test]
fn what_a_server_is_told_is_told_to_nobody_else() {
    let site = Site::new(&[("/a", &page("the letter a", &[]))]);
    let sandbox = sandbox(&format!(
        "urls = [\"{}\"]\nheader_env = {{ X-Key = \"SITE_KEY\" }}",
        site.url(&format!("/a?token={CANARY}"))
    ));
    sandbox.run(["ingest"]).code(2).tells("SITE_KEY");
    let output = sandbox
        .command(["ingest", "-v"])
        .env("SITE_KEY", CANARY)
        .output()
        .unwrap();
    let output = crate::support::Output::of(output).ok();
    assert_eq!(
        site.asked(),
        [format!("200 /a?token={CANARY} with {CANARY}")]
    );
    assert!(!output.to_string().contains(CANARY), "{output}");
    for file in files(&sandbox.path("store")) {
        let bytes = std::fs::read(&file).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(CANARY), "{}", file.display());
    }
    let password = site.url("/a").replace("//", &format!("//me:{CANARY}@"));
    let refused = sandbox.run(["ingest", &password]).code(2);
    assert!(!refused.to_string().contains(CANARY), "{refused}");
    refused.tells("--header-env");
}
