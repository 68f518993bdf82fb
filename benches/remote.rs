//! What a push and a pull cost beside a plain copy of the same files through the same server and client library:
//! `cargo bench --bench remote [-- DIR]` makes a version of 1 GiB below DIR, serves a bucket from memory on loopback, and lets
//! `ragctl` and the copy take turns. The copy neither hashes nor reads back; what it writes is made durable, as a pull is.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark may panic and talks"
)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{ClientOptions, ObjectStoreExt as _, WriteMultipart};
use ragctl::progress::Silent;
use ragctl::store::{Manifest, Shared, Store, VersionName};
use serde_json::json;

/// Files as LanceDB's tables have them here.
const FILES: usize = 32;
const FILE_BYTES: usize = 32 << 20;
const ROUNDS: usize = 9;
/// What `ragctl` does at once, so that the copy does it too.
const AT_ONCE: usize = 8;
const PART: usize = 8 << 20;

type Bucket = Arc<Mutex<BTreeMap<String, Vec<Bytes>>>>;

/// Answers as S3 does, as far as a push and a pull ask, from memory.
async fn answer(
    bucket: Bucket,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let path = parts.uri.path().trim_start_matches('/').to_owned();
    let query: BTreeMap<String, String> =
        url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
    let xml = |text: String| Response::new(Full::new(Bytes::from(text)));
    let status = |code: u16| {
        Response::builder()
            .status(code)
            .body(Full::default())
            .unwrap()
    };
    let tagged = |mut response: Response<Full<Bytes>>| {
        response
            .headers_mut()
            .insert("ETag", "\"tag\"".parse().unwrap());
        response.headers_mut().insert(
            "Last-Modified",
            "Mon, 30 Nov 2026 00:00:00 GMT".parse().unwrap(),
        );
        response
    };
    let mut objects = bucket.lock().unwrap();
    Ok(match parts.method {
        Method::POST if query.contains_key("uploads") => xml(
            "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"
                .into(),
        ),
        Method::POST => {
            let prefix = format!("{path}#");
            let keys: Vec<String> = objects
                .range(prefix.clone()..)
                .map(|(key, _)| key.clone())
                .collect();
            let keys = keys.into_iter().take_while(|key| key.starts_with(&prefix));
            let whole = keys.flat_map(|key| objects.remove(&key).unwrap()).collect();
            objects.insert(path, whole);
            xml("<CompleteMultipartUploadResult><ETag>\"tag\"</ETag></CompleteMultipartUploadResult>".into())
        }
        Method::PUT => {
            let key = match query.get("partNumber") {
                Some(number) => format!("{path}#{:06}", number.parse::<u32>().unwrap()),
                None => path,
            };
            if parts.headers.contains_key("if-none-match") && objects.contains_key(&key) {
                return Ok(status(412));
            }
            objects.insert(key, vec![body]);
            tagged(status(200))
        }
        Method::GET if query.contains_key("list-type") => {
            xml("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>".into())
        }
        Method::HEAD | Method::GET => {
            let Some(found) = objects.get(&path) else {
                return Ok(status(404));
            };
            let size: usize = found.iter().map(Bytes::len).sum();
            let range = parts.headers.get("range").map(|range| {
                let range = range
                    .to_str()
                    .unwrap()
                    .trim_start_matches("bytes=")
                    .split_once('-')
                    .unwrap();
                let end = range.1.parse().map_or(size, |end: usize| end + 1);
                (range.0.parse().unwrap(), end.min(size))
            });
            let (begin, end) = range.unwrap_or((0, size));
            let builder = Response::builder().header("Content-Length", end - begin);
            let builder = match range {
                Some(_) => builder
                    .status(206)
                    .header("Content-Range", format!("bytes {begin}-{}/{size}", end - 1)),
                None => builder,
            };
            let body = match parts.method {
                Method::HEAD => Bytes::new(),
                _ => cut(found, begin, end),
            };
            tagged(builder.body(Full::new(body)).unwrap())
        }
        _ => status(204),
    })
}

/// A part of an object; nothing is copied where it lies in one piece.
fn cut(pieces: &[Bytes], begin: usize, end: usize) -> Bytes {
    let mut at = 0;
    let mut taken = Vec::new();
    for piece in pieces {
        let (from, to) = (
            begin.max(at) - at,
            end.min(at + piece.len()).saturating_sub(at),
        );
        if from < to {
            taken.push(piece.slice(from..to));
        }
        at += piece.len();
    }
    match taken.len() {
        1 => taken.remove(0),
        _ => taken.concat().into(),
    }
}

fn serve(bucket: Bucket, runtime: &tokio::runtime::Runtime) -> SocketAddr {
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let bucket = bucket.clone();
            let service =
                hyper::service::service_fn(move |request| answer(bucket.clone(), request));
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(socket), service),
            );
        }
    });
    address
}

/// Seals a version of files that do not repeat themselves.
fn seal(store: &Store, name: &VersionName) {
    let draft = store.draft().unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for file in 0..FILES {
        let mut content = Vec::with_capacity(FILE_BYTES);
        while content.len() < FILE_BYTES {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            content.extend_from_slice(&state.to_le_bytes());
        }
        fs::create_dir_all(draft.dir().join("lance")).unwrap();
        fs::write(draft.dir().join(format!("lance/{file:02}.bin")), content).unwrap();
    }
    fs::write(draft.dir().join("sources.jsonl"), "").unwrap();
    let nothing = "0".repeat(64);
    let mut manifest: Manifest = serde_json::from_value(json!({
        "format": 1, "version": name, "created": jiff::Timestamp::now(), "tool": "bench",
        "content_digest": nothing, "build_digest": nothing, "snapshot": nothing, "fingerprint": nothing,
        "counts": {"documents": 0, "chunks": 0, "tokens": 0, "failed": 0, "truncated": 0},
        "space": {"model": "none", "revision": null, "files": {}, "pooling": "mean", "normalize": true, "max_tokens": 256,
            "dimension": 384, "query_prefix": "", "document_prefix": ""},
        "numerics": {"class": "f32", "device": "none"}, "makers": {}, "tables": [{"name": "chunks", "path": "lance", "rows": 0, "columns": [], "indexes": []}],
        "lance": {"data_format": "none", "minimum_reader": "none"},
        "resources": {"disk_bytes": 0, "resident_bytes": 0},
        "files": draft.files().unwrap(),
    }))
    .unwrap();
    manifest.fingerprint = manifest.space.fingerprint();
    let locked = store.lock(Duration::ZERO, "bench", &Silent).unwrap();
    draft.seal(&locked, &manifest).unwrap();
}

/// Runs `ragctl`, and returns seconds and the most memory that it had in MiB.
fn ragctl(dir: &Path, args: &[&str]) -> (f64, u64) {
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_ragctl"))
        .args(args)
        .current_dir(dir)
        .env("AWS_ACCESS_KEY_ID", "id")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut most = 0;
    let status = format!("/proc/{}/status", child.id());
    loop {
        let told = fs::read_to_string(&status).unwrap_or_default();
        let peak = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok());
        most = most.max(peak.unwrap_or(0) >> 10);
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success());
            return (begun.elapsed().as_secs_f64(), most);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Copies the version's files into the bucket, with nothing else.
async fn copy_up(client: &AmazonS3, files: &[PathBuf]) {
    let send = |file: &PathBuf| {
        let (file, client) = (file.clone(), client.clone());
        async move {
            let key = format!("copy/{}", file.file_name().unwrap().to_string_lossy()).into();
            let mut writing = WriteMultipart::new_with_chunk_size(
                client.put_multipart(&key).await.unwrap(),
                PART,
            );
            let mut source = tokio::task::spawn_blocking(move || File::open(file).unwrap())
                .await
                .unwrap();
            loop {
                let (bytes, back) = tokio::task::spawn_blocking(move || {
                    use std::io::Read as _;
                    let mut bytes = Vec::with_capacity(PART);
                    (&mut source)
                        .take(PART as u64)
                        .read_to_end(&mut bytes)
                        .unwrap();
                    (bytes, source)
                })
                .await
                .unwrap();
                source = back;
                if bytes.is_empty() {
                    break;
                }
                writing.wait_for_capacity(AT_ONCE).await.unwrap();
                writing.put(bytes.into());
            }
            writing.finish().await.unwrap();
        }
    };
    stream::iter(files)
        .map(send)
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
}

/// Copies them out of it again, durable.
async fn copy_down(client: &AmazonS3, files: &[PathBuf], to: &Path) {
    let fetch = |file: &PathBuf| {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let (to, client) = (to.join(&name), client.clone());
        async move {
            let got = client.get(&format!("copy/{name}").into()).await.unwrap();
            let mut bytes = got.into_stream();
            let mut out = File::create(to).unwrap();
            while let Some(next) = bytes.try_next().await.unwrap() {
                out.write_all(&next).unwrap();
            }
            tokio::task::spawn_blocking(move || out.sync_all().unwrap())
                .await
                .unwrap();
        }
    };
    stream::iter(files)
        .map(fetch)
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"))
        .collect();
    let below = args.first().map_or_else(std::env::temp_dir, PathBuf::from);
    let scratch = tempfile::tempdir_in(below).unwrap();
    let name: VersionName = "v1.0.0".parse().unwrap();
    let store = Store::create(&scratch.path().join("store"), Shared::World, None).unwrap();
    seal(&store, &name);
    let files: Vec<PathBuf> = (0..FILES)
        .map(|file| {
            store
                .version_dir(&name)
                .join(format!("lance/{file:02}.bin"))
        })
        .collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bucket = Bucket::default();
    let address = serve(bucket.clone(), &runtime);
    let endpoint = format!("http://{address}");
    fs::write(
        scratch.path().join("ragctl.toml"),
        format!("[remote.origin]\nurl = \"s3://bucket\"\nendpoint = \"{endpoint}\"\nregion = \"us-east-1\"\n"),
    )
    .unwrap();
    let client = AmazonS3Builder::new()
        .with_bucket_name("bucket")
        .with_endpoint(&endpoint)
        .with_region("us-east-1")
        .with_access_key_id("id")
        .with_secret_access_key("secret")
        .with_client_options(
            ClientOptions::new()
                .with_allow_http(true)
                .with_timeout_disabled(),
        )
        .build()
        .unwrap();
    let gigabytes = (FILES * FILE_BYTES) as f64 / 1e9;
    let (mut up, mut down, mut push, mut pull) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut memory = (0, 0);
    let timed = |work: &mut dyn FnMut()| {
        let begun = Instant::now();
        work();
        begun.elapsed().as_secs_f64()
    };
    for _ in 0..ROUNDS {
        bucket.lock().unwrap().clear();
        up.push(timed(&mut || runtime.block_on(copy_up(&client, &files))));
        let to = tempfile::tempdir_in(scratch.path()).unwrap();
        down.push(timed(&mut || {
            runtime.block_on(copy_down(&client, &files, to.path()));
        }));
        drop(to);
        bucket.lock().unwrap().clear();
        let (seconds, most) = ragctl(scratch.path(), &["push", "v1.0.0"]);
        push.push(seconds);
        memory.0 = memory.0.max(most);
        let receiving = scratch.path().join("pulled");
        Store::create(&receiving, Shared::World, None).unwrap();
        let (seconds, most) = ragctl(scratch.path(), &["pull", "v1.0.0", "--store", "pulled"]);
        pull.push(seconds);
        memory.1 = memory.1.max(most);
        ragctl::durable::remove_tree(&scratch.path().join("pulled")).unwrap();
    }
    let rows = [("push", push, up, memory.0), ("pull", pull, down, memory.1)];
    for (what, ours, copies, most) in rows {
        let (ours, copy) = (median(ours), median(copies));
        println!(
            "{what}: {:.2} GB/s, a plain copy {:.2} GB/s: {:.0} % of it; {most} MiB of memory",
            gigabytes / ours,
            gigabytes / copy,
            100.0 * copy / ours
        );
    }
}
