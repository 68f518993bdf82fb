//! Whole fetches from a server on this machine.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use tiny_http::{Header, Request, Response, Server};

use super::*;
use crate::progress::{Silent, Stage};

/// What the server answers: a status, headers and a body.
type Reply = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// A server, and what it was asked for.
struct Site {
    base: String,
    server: Arc<Server>,
    seen: Arc<Mutex<Vec<Seen>>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Clone)]
struct Seen {
    path: String,
    headers: BTreeMap<String, String>,
    at: Instant,
}

impl Site {
    fn new(mut answer: impl FnMut(&Seen, &str) -> Reply + Send + 'static) -> Self {
        let server = Arc::new(Server::http("127.0.0.1:0").unwrap());
        let base = format!("http://{}", server.server_addr().to_ip().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (serves, notes, own) = (Arc::clone(&server), Arc::clone(&seen), base.clone());
        let thread = thread::spawn(move || {
            while let Ok(request) = serves.recv() {
                let asked = Seen::of(&request);
                notes.lock().unwrap().push(asked.clone());
                let (status, headers, body) = answer(&asked, &own);
                let mut response = Response::from_data(body).with_status_code(status);
                for (name, value) in headers {
                    response.add_header(Header::from_bytes(name, value).unwrap());
                }
                // A visitor that heard enough hangs up.
                request.respond(response).ok();
            }
        });
        Self {
            base,
            server,
            seen,
            thread: Some(thread),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The paths that were asked for since the last look, but robots.txt.
    fn paths(&self) -> Vec<String> {
        let seen: Vec<Seen> = self.seen.lock().unwrap().drain(..).collect();
        let paths = seen.into_iter().map(|seen| seen.path);
        paths.filter(|path| path != "/robots.txt").collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.unblock();
        self.thread.take().map(JoinHandle::join);
    }
}

impl Seen {
    fn of(request: &Request) -> Self {
        let headers = request.headers().iter().map(|header| {
            let name = header.field.as_str().as_str().to_ascii_lowercase();
            (name, header.value.as_str().to_owned())
        });
        Self {
            path: request.url().to_owned(),
            headers: headers.collect(),
            at: Instant::now(),
        }
    }
}

/// Reads links by their attribute, which is enough for pages of our own.
struct Plain;

impl Reader for Plain {
    fn links(&mut self, page: &[u8], base: &str, _: Option<&str>) -> Result<Vec<String>, String> {
        let text = String::from_utf8_lossy(page);
        if text.contains("unreadable") {
            return Err("cannot be parsed".into());
        }
        let base = Url::parse(base).unwrap();
        let links = text.split("href='").skip(1);
        let links = links.map(|rest| rest.split('\'').next().unwrap());
        Ok(links
            .filter_map(|link| base.join(link).ok())
            .map(String::from)
            .collect())
    }

    fn sitemap(&mut self, bytes: &[u8]) -> Result<Sitemap, String> {
        sitemap::parse(bytes)
    }
}

fn html(body: &str) -> Reply {
    (
        200,
        vec![("Content-Type", "text/html; charset=utf-8".into())],
        body.into(),
    )
}

fn status(code: u16) -> Reply {
    (code, Vec::new(), Vec::new())
}

fn moved(to: &str) -> Reply {
    (302, vec![("Location", to.into())], Vec::new())
}

fn plan(pages: Pages) -> Plan {
    Plan {
        pages,
        allow_cidrs: vec![parse_cidr("127.0.0.1").unwrap()],
        ..Plan::default()
    }
}

fn crawl(start: String) -> Plan {
    plan(Pages::Crawl {
        start,
        depth: DEPTH,
    })
}

fn run(plan: &Plan, memory: &Memory) -> Result<Fetched, Error> {
    let spool = tempfile::tempdir().unwrap();
    fetch_with(plan, memory, &mut Plain, spool.path(), &Silent)
}

fn fetch_all(plan: &Plan) -> Fetched {
    run(plan, &Memory::default()).unwrap()
}

/// The outcomes by path, each in a word or its reason.
fn outcomes(site: &Site, fetched: &Fetched) -> Vec<(String, String)> {
    let word = |outcome: &Outcome| match outcome {
        Outcome::New { .. } => "new".to_owned(),
        Outcome::NotModified => "same".to_owned(),
        Outcome::Gone(reason) => format!("gone: {reason}"),
        Outcome::Failed(reason) => reason.clone(),
    };
    let pages = fetched.pages.iter();
    pages
        .map(|page| {
            let path = page.url.strip_prefix(&site.base).unwrap_or(&page.url);
            (path.to_owned(), word(&page.outcome))
        })
        .collect()
}

/// The outcome of one page that is asked for alone.
fn one(site: &Site, path: &str) -> String {
    let fetched = fetch_all(&plan(Pages::Urls(vec![site.url(path)])));
    outcomes(site, &fetched).remove(0).1
}

#[test]
fn a_list_gives_an_outcome_for_each_url_in_its_order() {
    let site = Site::new(|seen, _| match seen.path.as_str() {
        "/robots.txt" => (
            200,
            Vec::new(),
            b"User-agent: *\nDisallow: /private".to_vec(),
        ),
        "/z" => html("<p>words"),
        "/gone" => status(410),
        "/forbidden" => status(403),
        "/a.png" => (
            200,
            vec![("Content-Type", "image/png".into())],
            b"x".to_vec(),
        ),
        "/moved" => moved("/z"),
        "/dead-end" => moved("/none"),
        "/out" => moved("http://10.1.2.3/secret?token=abc"),
        "/out-by-name" => moved("http://metadata.google.internal/"),
        "/file" => moved("file:///etc/passwd"),
        _ => status(404),
    });
    let paths = [
        "/z",
        "/none",
        "/gone",
        "/forbidden",
        "/a.png",
        "/moved",
        "/dead-end",
        "/private",
        "/out",
        "/out-by-name",
        "/file",
    ];
    let mut urls: Vec<String> = paths.iter().map(|path| site.url(path)).collect();
    urls.push(site.url("/z#again"));
    urls.push("http://127.0.0.2/".into());
    let fetched = fetch_all(&plan(Pages::Urls(urls)));
    let base = &site.base;
    let expected = [
        ("/z", "new".to_owned()),
        ("/none", "answers 404 Not Found".into()),
        ("/gone", "answers 410 Gone".into()),
        ("/forbidden", "answers 403 Forbidden".into()),
        ("/a.png", "is image/png".into()),
        ("/moved", "new".into()),
        (
            "/dead-end",
            format!("redirects to {base}/none, which answers 404 Not Found"),
        ),
        ("/private", "is disallowed by its site's robots.txt".into()),
        (
            "/out",
            "redirects to http://10.1.2.3/secret?token=REDACTED, which is refused: 10.1.2.3 is a private address; --allow-cidr 10.1.2.3/32 opens it".into(),
        ),
        (
            "/out-by-name",
            "redirects to http://metadata.google.internal/, which is refused: `metadata.google.internal` is a name of a private network; --allow-host metadata.google.internal opens it".into(),
        ),
        (
            "/file",
            "redirects to file:///etc/passwd, which is refused: its scheme is file, and only http and https are read".into(),
        ),
        (
            "http://127.0.0.2/",
            "is refused: 127.0.0.2 is a loopback address; --allow-cidr 127.0.0.2/32 opens it".into(),
        ),
    ];
    let expected = expected.map(|(path, outcome)| (path.to_owned(), outcome));
    assert_eq!(outcomes(&site, &fetched), expected);
    assert!(fetched.complete);
    assert!(!site.paths().contains(&"/private".to_owned()));
}

#[test]
fn what_is_new_lies_in_the_spool_with_what_the_server_said() {
    let site = Site::new(|seen, _| match seen.path.as_str() {
        "/guide" => html("<p>words"),
        _ => status(404),
    });
    let spool = tempfile::tempdir().unwrap();
    let plan = plan(Pages::Urls(vec![site.url("/guide")]));
    let fetched = fetch_with(&plan, &Memory::default(), &mut Plain, spool.path(), &Silent).unwrap();
    let Outcome::New {
        file,
        bytes,
        sha256,
        format,
        charset,
        name,
    } = &fetched.pages[0].outcome
    else {
        panic!("{:?}", fetched.pages);
    };
    assert_eq!(fs::read(file).unwrap(), b"<p>words");
    assert_eq!((*bytes, *sha256), (8, Digest::of("<p>words")));
    assert_eq!(*format, Some(Format::Html));
    assert_eq!(
        (charset.as_deref(), name.as_str()),
        (Some("utf-8"), "guide.html")
    );
    assert!(file.starts_with(spool.path()));
}

#[test]
fn what_did_not_change_is_not_read_again() {
    let site = Site::new(|seen, _| {
        let known = |name: &str, value: &str| seen.headers.get(name).is_some_and(|v| v == value);
        let old = "Mon, 05 Jan 2026 10:00:00 GMT";
        match seen.path.as_str() {
            "/etag" if known("if-none-match", "\"1\"") => status(304),
            "/etag" => (
                200,
                vec![
                    ("ETag", "\"1\"".into()),
                    ("Content-Type", "text/html".into()),
                ],
                b"a".to_vec(),
            ),
            "/date" if known("if-modified-since", old) => status(304),
            "/date" => (
                200,
                vec![
                    ("Last-Modified", old.into()),
                    ("Content-Type", "text/html".into()),
                ],
                b"b".to_vec(),
            ),
            "/bytes" => html("c"),
            "/moved" => moved("/etag"),
            _ => status(404),
        }
    });
    let paths = ["/etag", "/date", "/bytes", "/moved"];
    let plan = plan(Pages::Urls(paths.map(|path| site.url(path)).into()));
    let first = fetch_all(&plan);
    let words = |fetched: &Fetched| -> Vec<String> {
        let outcomes = outcomes(&site, fetched).into_iter();
        outcomes.map(|(_, word)| word).collect()
    };
    assert_eq!(words(&first), ["new"; 4]);
    let text = serde_json::to_string(&first.memory).unwrap();
    let memory: Memory = serde_json::from_str(&text).unwrap();
    assert_eq!(memory, first.memory);
    let second = run(&plan, &memory).unwrap();
    assert_eq!(words(&second), ["same"; 4]);
    assert_eq!(words(&run(&plan, &second.memory).unwrap()), ["same"; 4]);
    let mut forgotten = second.memory;
    forgotten.refetch_unless(|name, _| name.ends_with("/date"));
    assert_eq!(
        words(&run(&plan, &forgotten).unwrap()),
        ["new", "same", "new", "new"]
    );
}

#[test]
fn a_page_that_cannot_be_had_is_remembered_and_one_that_is_gone_is_not() {
    let down = Arc::new(AtomicBool::new(false));
    let is_down = Arc::clone(&down);
    let site =
        Site::new(
            move |seen, _| match (seen.path.as_str(), is_down.load(Ordering::Relaxed)) {
                ("/a", true) => status(403),
                ("/b", true) => status(404),
                ("/robots.txt", _) => status(404),
                _ => html(&format!("text of {}", seen.path)),
            },
        );
    let plan = plan(Pages::Urls(["/a", "/b"].map(|path| site.url(path)).into()));
    let first = fetch_all(&plan);
    down.store(true, Ordering::Relaxed);
    let second = run(&plan, &first.memory).unwrap();
    let words = outcomes(&site, &second);
    assert_eq!(words[0].1, "answers 403 Forbidden");
    assert_eq!(words[1].1, "gone: answers 404 Not Found");
    let names: Vec<&String> = second.memory.pages.keys().collect();
    assert_eq!(names, [&site.url("/a")]);
}

#[test]
fn redirects_end() {
    let site = Site::new(|seen, base| match seen.path.as_str() {
        "/loop" => moved("/loop"),
        "/ping" => moved("/pong"),
        "/pong" => moved(&format!("{base}/ping")),
        "/5" => html("there"),
        "/lost" => (302, Vec::new(), Vec::new()),
        path => match path.trim_start_matches('/').parse::<i32>() {
            Ok(n) => moved(&format!("/{}", n + 1)),
            Err(_) => status(404),
        },
    });
    for path in ["/loop", "/ping", "/-1"] {
        assert_eq!(one(&site, path), "redirects more than 5 times", "{path}");
    }
    assert_eq!(one(&site, "/0"), "new");
    assert_eq!(one(&site, "/lost"), "redirects to nothing that can be read");
    let start = crawl(site.url("/ping"));
    let fetched = fetch_all(&start);
    assert!(!fetched.complete);
    assert!(outcomes(&site, &fetched)[0].1.contains("redirects more"));
}

#[test]
fn a_busy_server_is_asked_again_as_it_wants() {
    let mut tries = BTreeMap::new();
    let site = Site::new(move |seen, _| {
        let tries = tries.entry(seen.path.clone()).or_insert(0);
        *tries += 1;
        let retry = |code, after: &str| (code, vec![("Retry-After", after.into())], Vec::new());
        match (seen.path.as_str(), *tries) {
            ("/busy", 1 | 2) => status(503),
            ("/wait", 1) => retry(429, "1"),
            ("/date", 1) => retry(503, "Mon, 05 Jan 2026 10:00:00 GMT"),
            ("/long", _) => retry(429, "61"),
            ("/dead", _) => status(502),
            ("/wrong", _) => status(500),
            ("/busy" | "/wait" | "/date" | "/other", _) => html("there"),
            _ => status(404),
        }
    });
    for path in ["/busy", "/wait", "/date"] {
        assert_eq!(one(&site, path), "new", "{path}");
    }
    let seen = site.seen.lock().unwrap().clone();
    let waits: Vec<Instant> = seen
        .iter()
        .filter(|seen| seen.path == "/wait")
        .map(|seen| seen.at)
        .collect();
    assert!(waits[1] - waits[0] >= Duration::from_secs(1));
    site.paths();
    assert_eq!(one(&site, "/dead"), "answers 502 Bad Gateway");
    assert_eq!(one(&site, "/wrong"), "answers 500 Internal Server Error");
    assert_eq!(site.paths(), ["/dead", "/dead", "/dead", "/wrong"]);
    let plan = plan(Pages::Urls(
        ["/long", "/other"].map(|path| site.url(path)).into(),
    ));
    let reason =
        "answers 429 Too Many Requests and asks to come back in 61 s, longer than ragctl waits";
    let fetched = fetch_all(&plan);
    for (path, word) in outcomes(&site, &fetched) {
        assert_eq!(word, reason, "{path}");
    }
    assert_eq!(site.paths(), ["/long"]);
}

#[test]
fn bytes_are_counted_after_decoding() {
    let squeezed = |size: usize| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let block = vec![b' '; 1 << 20];
        for _ in 0..size {
            encoder.write_all(&block).unwrap();
        }
        encoder.finish().unwrap()
    };
    let (small, bomb) = (squeezed(2), squeezed(65));
    assert!(bomb.len() < 100_000);
    let site = Site::new(move |seen, _| {
        let (encoding, body) = match seen.path.as_str() {
            "/small" => ("gzip", small.clone()),
            "/bomb" => ("gzip", bomb.clone()),
            "/odd" => ("br", small.clone()),
            "/broken" => ("gzip", b"no gzip at all".to_vec()),
            _ => return status(404),
        };
        let headers = vec![
            ("Content-Type", "text/html".into()),
            ("Content-Encoding", encoding.into()),
        ];
        (200, headers, body)
    });
    let fetched = fetch_all(&plan(Pages::Urls(vec![site.url("/small")])));
    assert!(matches!(fetched.pages[0].outcome, Outcome::New { bytes, .. } if bytes == 2 << 20));
    assert_eq!(one(&site, "/bomb"), "is larger than 64 MiB");
    assert_eq!(
        one(&site, "/odd"),
        "is compressed in a way that was not asked for"
    );
    assert!(
        one(&site, "/broken").starts_with("broke off: "),
        "{}",
        one(&site, "/broken")
    );
}

#[test]
fn a_connection_that_breaks_off_gives_no_half_page() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/page", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 512];
            let read = std::io::Read::read(&mut stream, &mut request).unwrap();
            let answer = match request[..read].starts_with(b"GET /robots.txt") {
                true => {
                    &b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"[..]
                }
                false => {
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\nhalf"
                }
            };
            stream.write_all(answer).unwrap();
        }
    });
    let fetched = fetch_all(&plan(Pages::Urls(vec![url])));
    let Outcome::Failed(reason) = &fetched.pages[0].outcome else {
        panic!("{:?}", fetched.pages);
    };
    assert!(reason.starts_with("broke off: "), "{reason}");
}

#[test]
fn a_crawl_stays_on_its_site_and_is_told_apart_from_what_it_left_out() {
    let other = Site::new(|_, _| html("another site"));
    let away = other.url("/x");
    let site = Site::new(move |seen, base| match seen.path.as_str() {
        "/robots.txt" => (
            200,
            Vec::new(),
            b"User-agent: *\nDisallow: /private".to_vec(),
        ),
        "/docs/" => html(&format!(
            "<a href='b#part'><a href='{base}/docs/a?x=1'><a href='{away}'><a href='/private/p'><a href='old'><a href='pic'><a href='mailto:me@h'><a href='out'><a href='/elsewhere'><a href='{}'>",
            base.replace("http:", "https:")
        )),
        "/docs/b" => html("<a href='../docs/'><a href='none'>"),
        "/docs/a?x=1" => html("<a href='a?x=1'>"),
        "/docs/old" => moved("new"),
        "/docs/new" => html("moved here"),
        "/docs/out" => moved(&away),
        "/docs/pic" => (200, vec![("Content-Type", "image/gif".into())], Vec::new()),
        _ => status(404),
    });
    let mut plan = crawl(site.url("/docs/"));
    plan.exclude = vec!["elsewhere".into()];
    let fetched = fetch_all(&plan);
    let expected = [
        ("/docs/", "new"),
        ("/docs/a?x=1", "new"),
        ("/docs/b", "new"),
        ("/docs/new", "new"),
        ("/docs/none", "gone: answers 404 Not Found"),
    ];
    let expected = expected.map(|(path, word)| (path.to_owned(), word.to_owned()));
    assert_eq!(outcomes(&site, &fetched), expected);
    let left: Vec<(&str, &str)> = fetched
        .left_out
        .iter()
        .map(|left| {
            (
                left.url.strip_prefix(&site.base).unwrap(),
                left.reason.as_str(),
            )
        })
        .collect();
    assert_eq!(
        left,
        [
            ("/docs/out", "redirects to another site"),
            ("/docs/pic", "is image/gif"),
            ("/private/p", "is disallowed by its site's robots.txt"),
        ]
    );
    assert!(fetched.complete, "{:?}", fetched.shortfalls);
    assert_eq!(other.paths(), Vec::<String>::new());
    let mut asked = site.paths();
    asked.sort();
    assert_eq!(
        asked,
        [
            "/docs/",
            "/docs/a?x=1",
            "/docs/b",
            "/docs/new",
            "/docs/none",
            "/docs/old",
            "/docs/out",
            "/docs/pic"
        ]
    );
}

/// A chain of pages, each with a mark that never changes.
fn chain() -> Site {
    Site::new(|seen, _| {
        let Ok(n) = seen.path.trim_start_matches('/').parse::<u32>() else {
            return status(404);
        };
        if seen.headers.contains_key("if-none-match") {
            return status(304);
        }
        let headers = vec![
            ("Content-Type", "text/html".into()),
            ("ETag", format!("\"{n}\"")),
        ];
        (
            200,
            headers,
            format!("<a href='/{}'>{n}", n + 1).into_bytes(),
        )
    })
}

#[test]
fn a_crawl_ends_where_it_shall_and_says_when_it_saw_too_little() {
    let site = chain();
    let mut plan = crawl(site.url("/0"));
    let deep = fetch_all(&plan);
    assert_eq!((deep.pages.len(), deep.complete), (DEPTH + 1, true));
    plan.max_pages = Some(3);
    let wide = fetch_all(&plan);
    assert_eq!((wide.pages.len(), wide.complete), (3, false));
    assert_eq!(wide.shortfalls, ["only 3 pages are visited"]);
    // Known pages that now lie too deep were not shown to be gone.
    plan.max_pages = None;
    plan.pages = Pages::Crawl {
        start: site.url("/0"),
        depth: 2,
    };
    let shallow = run(&plan, &deep.memory).unwrap();
    assert_eq!((shallow.pages.len(), shallow.complete), (3, false));
    assert_eq!(shallow.memory.pages.len(), deep.memory.pages.len());
    assert!(fetch_all(&plan).complete);
}

#[test]
fn a_crawl_goes_on_from_pages_that_did_not_change() {
    let site = chain();
    let plan = crawl(site.url("/0"));
    let first = fetch_all(&plan);
    let second = run(&plan, &first.memory).unwrap();
    assert!(second.complete);
    assert_eq!(second.pages.len(), DEPTH + 1);
    assert!(
        second
            .pages
            .iter()
            .all(|page| page.outcome == Outcome::NotModified)
    );
    // What a list learnt does not say where a page leads.
    let list = super::tests::plan(Pages::Urls(vec![site.url("/0")]));
    let third = run(&plan, &run(&list, &Memory::default()).unwrap().memory).unwrap();
    assert_eq!(third.pages.len(), DEPTH + 1);
}

#[test]
fn a_page_that_fails_leaves_a_crawl_incomplete() {
    let site = Site::new(|seen, _| match seen.path.as_str() {
        "/" => html("<a href='/500'>"),
        "/forbidden" => html("<a href='/401'>"),
        "/odd" => html("<a href='/bad'>"),
        "/bad" => html("unreadable"),
        "/500" => status(500),
        "/401" => status(401),
        _ => status(404),
    });
    let complete = |path: &str| fetch_all(&crawl(site.url(path))).complete;
    assert!(!complete("/"));
    assert!(!complete("/odd"));
    assert!(!complete("/none"));
    // What was never read has led nowhere.
    assert!(complete("/forbidden"));
}

#[test]
fn a_sitemap_lists_pages_of_its_own_site() {
    let site = Site::new(|seen, base| {
        let xml = |body: String| {
            (
                200,
                vec![("Content-Type", "application/xml".into())],
                body.into_bytes(),
            )
        };
        let index = |path: &str| format!("<sitemap><loc>{base}{path}</loc></sitemap>");
        let url = |loc: &str| format!("<url><loc>{loc}</loc></url>");
        match seen.path.as_str() {
            "/sitemap.xml" => xml(format!(
                "<sitemapindex>{}{}</sitemapindex>",
                index("/one.xml"),
                index("/two.txt")
            )),
            "/one.xml" => xml(format!(
                "<urlset>{}{}{}</urlset>",
                url(&format!("{base}/a")),
                url(&format!("{base}/skipped")),
                url("http://other.example/")
            )),
            "/two.txt" => (
                200,
                Vec::new(),
                format!("{base}/b\n{base}/a\n").into_bytes(),
            ),
            "/broken.xml" => xml(format!(
                "<sitemapindex>{}{}</sitemapindex>",
                index("/one.xml"),
                index("/none.xml")
            )),
            "/page" => html("<p>no sitemap"),
            "/a" | "/b" => html(&seen.path),
            _ => status(404),
        }
    });
    let mut plan = plan(Pages::Sitemap(site.url("/sitemap.xml")));
    plan.exclude = vec!["skipped".into()];
    let fetched = fetch_all(&plan);
    let pages = ["/a", "/b"].map(|path| (path.to_owned(), "new".to_owned()));
    assert_eq!(outcomes(&site, &fetched), pages);
    assert!(fetched.complete);
    assert_eq!(fetched.left_out[0].url, "http://other.example/");
    plan.max_pages = Some(1);
    assert!(!fetch_all(&plan).complete);
    plan.max_pages = None;
    plan.pages = Pages::Sitemap(site.url("/broken.xml"));
    let broken = fetch_all(&plan);
    assert!(!broken.complete);
    assert_eq!(
        outcomes(&site, &broken)[1],
        ("/none.xml".to_owned(), "answers 404 Not Found".to_owned())
    );
    plan.pages = Pages::Sitemap(site.url("/page"));
    let page = fetch_all(&plan);
    assert!(!page.complete && outcomes(&site, &page)[0].1.starts_with("is no sitemap"));
}

#[test]
fn robots_are_obeyed_and_a_site_whose_robots_cannot_be_had_is_left_alone() {
    let site = |code: u16, file: &'static str| {
        Site::new(move |seen, _| match seen.path.as_str() {
            "/robots.txt" => (code, Vec::new(), file.into()),
            "/" => html("<a href='/1'><a href='/2'>"),
            _ => html("page"),
        })
    };
    let slow = site(200, "User-agent: *\nCrawl-delay: 0.3\n");
    fetch_all(&crawl(slow.url("/")));
    let seen = slow.seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 4);
    for pair in seen.windows(2) {
        assert!(pair[1].at - pair[0].at >= Duration::from_millis(300));
    }
    for code in [404, 403, 401] {
        let open = site(code, "User-agent: *\nDisallow: /\n");
        assert_eq!(fetch_all(&crawl(open.url("/"))).pages.len(), 3);
    }
    for code in [500, 503, 429] {
        let closed = site(code, "");
        let fetched = fetch_all(&crawl(closed.url("/")));
        assert!(!fetched.complete);
        let reason = &outcomes(&closed, &fetched)[0].1;
        assert!(
            reason.starts_with("is not read, since its site's robots.txt answers"),
            "{reason}"
        );
        assert_eq!(closed.paths(), Vec::<String>::new());
    }
    let shut = site(200, "User-agent: *\nDisallow: /\n");
    let error = run(&crawl(shut.url("/")), &Memory::default()).unwrap_err();
    assert!(matches!(error, Error::Robots { .. }));
}

#[test]
fn headers_go_to_their_own_origin_only_and_secrets_are_not_learnt() {
    const CANARY: &str = "c4nArY7zQ";
    let other = Site::new(|_, _| html("elsewhere"));
    let away = other.url("/x");
    let site = Site::new(
        move |seen, base| match seen.path.split('?').next().unwrap() {
            "/away" => moved(&format!("{away}#")),
            "/user" => moved(&base.replace("http://", "http://me:c4nArY7zQ@")),
            "/" => html("<a href='/next?token=c4nArY7zQ'><a href='/plain'>"),
            "/robots.txt" => status(404),
            _ => html("page"),
        },
    );
    let mut list = plan(Pages::Urls(vec![
        site.url("/away"),
        site.url("/user"),
        site.url(&format!("/p?token={CANARY}")),
        site.url(&format!("/p?token={CANARY}2")),
    ]));
    list.headers = vec![("Authorization".into(), Secret::new(CANARY))];
    let fetched = fetch_all(&list);
    let mut crawled = crawl(site.url(&format!("/?token={CANARY}")));
    crawled.headers = list.headers.clone();
    let crawl = fetch_all(&crawled);
    assert_eq!((fetched.pages.len(), crawl.pages.len()), (4, 3));
    let asked = |site: &Site| site.seen.lock().unwrap().clone();
    assert!(
        asked(&site)
            .iter()
            .all(|seen| seen.headers["authorization"] == CANARY)
    );
    assert!(
        asked(&other)
            .iter()
            .all(|seen| !seen.headers.contains_key("authorization"))
    );
    assert!(
        asked(&site)
            .iter()
            .any(|seen| seen.path == format!("/next?token={CANARY}"))
    );
    let kept = format!(
        "{fetched:?} {crawl:?} {list:?} {} {}",
        serde_json::to_string(&fetched.memory).unwrap(),
        serde_json::to_string(&crawl.memory).unwrap()
    );
    // A plan has the URLs as they are fetched; nothing else may.
    let kept = kept.replace(&format!("{:?}", list.pages), "");
    assert!(!kept.contains(CANARY), "{kept}");
    let names: std::collections::BTreeSet<&String> =
        fetched.pages.iter().map(|page| &page.url).collect();
    assert_eq!(names.len(), 4);
    for (name, value) in [("Host", "x"), ("a b", "x"), ("X-Key", "a\nb")] {
        list.headers = vec![(name.into(), Secret::new(value))];
        let error = run(&list, &Memory::default()).unwrap_err();
        assert!(matches!(error, Error::BadHeader { .. }), "{name}");
    }
}

#[test]
fn a_host_that_fails_again_and_again_is_given_up() {
    let site = Site::new(|seen, _| match seen.path.as_str() {
        "/robots.txt" => status(404),
        _ => (504, vec![("Retry-After", "0".into())], Vec::new()),
    });
    let urls = (0..8).map(|n| site.url(&format!("/{n}"))).collect();
    let fetched = fetch_all(&plan(Pages::Urls(urls)));
    let words: Vec<String> = outcomes(&site, &fetched)
        .into_iter()
        .map(|(_, word)| word)
        .collect();
    assert_eq!(words[4], "answers 504 Gateway Timeout");
    assert!(words[5].starts_with("is not asked for"), "{}", words[5]);
    assert_eq!(site.paths().len(), 15);
}

#[test]
fn a_run_that_shall_stop_does_not_wait_for_a_server() {
    struct Stopping(Instant);
    impl Progress for Stopping {
        fn stage(&self, _: &str, _: Option<u64>, _: &'static str) -> Box<dyn Stage + '_> {
            Box::new(Silent)
        }
        fn warn(&self, _: &str) {}
        fn interrupted(&self) -> bool {
            self.0.elapsed() > Duration::from_millis(200)
        }
    }
    // It takes connections and never says a word.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let spool = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let error = fetch_with(
        &plan(Pages::Urls(vec![url])),
        &Memory::default(),
        &mut Plain,
        spool.path(),
        &Stopping(begun),
    )
    .unwrap_err();
    assert!(matches!(error, Error::Interrupted(_)));
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_page_with_more_links_than_are_followed_leaves_a_crawl_incomplete_each_time() {
    let site = Site::new(|seen, _| {
        if seen.headers.contains_key("if-none-match") {
            return status(304);
        }
        let count = match seen.path.as_str() {
            "/many" => 10_001,
            "/most" => 10_000,
            _ => return status(404),
        };
        let links: String = (0..count).map(|n| format!("<a href='/{n}'>")).collect();
        let headers = vec![
            ("Content-Type", "text/html".into()),
            ("ETag", "\"1\"".into()),
        ];
        (200, headers, links.into_bytes())
    });
    for (path, complete) in [("/many", false), ("/most", true)] {
        let start = site.url(path);
        let plan = plan(Pages::Crawl { start, depth: 0 });
        let first = fetch_all(&plan);
        let second = run(&plan, &first.memory).unwrap();
        assert_eq!((first.complete, second.complete), (complete, complete));
    }
}

#[test]
fn a_known_page_that_is_turned_away_stays_with_what_it_led_to() {
    let other = Site::new(|_, _| html("log in here"));
    let away = other.url("/login");
    let shut = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&shut);
    let site = Site::new(move |seen, _| {
        let shut = now.load(Ordering::SeqCst);
        match seen.path.as_str() {
            "/robots.txt" if shut => (200, Vec::new(), b"User-agent: *\nDisallow: /no".to_vec()),
            "/moved/" => html("<a href='/moved/to'>"),
            "/moved/to" if shut => moved(&away),
            "/type/" => html("<a href='/type/to'>"),
            "/type/to" if shut => (200, vec![("Content-Type", "image/gif".into())], Vec::new()),
            "/robots/" => html("<a href='/no'>"),
            "/hop/" => html("<a href='/hop/to'>"),
            "/hop/to" if shut => moved("/hop/in"),
            "/hop/in" => moved(&away),
            "/shut/" => html("<a href='/shut/to'>"),
            "/shut/to" if shut => moved("/no/login"),
            "/moved/to" | "/type/to" | "/hop/to" | "/shut/to" | "/no" => html("<a href='/deep'>"),
            "/deep" => html("deep"),
            _ => status(404),
        }
    });
    for (path, page) in [
        ("/moved/", "/moved/to"),
        ("/type/", "/type/to"),
        ("/robots/", "/no"),
        ("/hop/", "/hop/to"),
        ("/shut/", "/shut/to"),
    ] {
        let plan = crawl(site.url(path));
        shut.store(false, Ordering::SeqCst);
        let first = fetch_all(&plan);
        assert_eq!((first.pages.len(), first.complete), (3, true), "{path}");
        shut.store(true, Ordering::SeqCst);
        let second = run(&plan, &first.memory).unwrap();
        let failed = second.pages.iter().find(|kept| kept.url == site.url(page));
        assert!(
            matches!(&failed.unwrap().outcome, Outcome::Failed(_)),
            "{page}"
        );
        assert!(!second.complete, "{path}");
        assert!(second.memory.pages.contains_key(&site.url("/deep")));
    }
}

#[test]
fn a_pause_that_a_server_asks_for_holds_for_its_next_page_too() {
    let site = Site::new(|seen, _| match seen.path.as_str() {
        "/busy" => (503, vec![("Retry-After", "1".into())], Vec::new()),
        "/next" => html("page"),
        _ => status(404),
    });
    let urls = vec![site.url("/busy"), site.url("/next")];
    fetch_all(&plan(Pages::Urls(urls)));
    let seen = site.seen.lock().unwrap().clone();
    let [.., last, next] = seen.as_slice() else {
        panic!("{seen:?}");
    };
    assert_eq!((last.path.as_str(), next.path.as_str()), ("/busy", "/next"));
    assert!(next.at - last.at >= Duration::from_secs(1));
}

#[test]
fn no_more_sitemaps_are_kept_than_are_read() {
    let site = Site::new(|seen, base| {
        let body = match seen.path.as_str() {
            "/robots.txt" => return status(404),
            "/index.xml" => {
                let nested = |n| format!("<sitemap><loc>{base}/{n}.xml</loc></sitemap>");
                let list: String = (0..150).map(nested).collect();
                format!("<sitemapindex>{list}</sitemapindex>")
            }
            _ => format!("<urlset><url><loc>{base}/page</loc></url></urlset>"),
        };
        (200, Vec::new(), body.into_bytes())
    });
    let mut plan = plan(Pages::Sitemap(site.url("/index.xml")));
    plan.max_pages = Some(1);
    let fetched = fetch_all(&plan);
    assert_eq!(fetched.shortfalls, ["only 100 sitemaps are read"]);
    assert_eq!(site.paths().len(), 101);
}
