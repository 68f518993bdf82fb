//! One function a path.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use serde::de::DeserializeOwned;

use super::api::{
    ChunkResponse, EmbeddingOutput, EmbeddingsRequest, EmbeddingsResponse, EncodingFormat, Failure,
    InputType, ModelOutput, Readiness, SearchRequest, SearchResponse, Texts, Usage, Vector,
    VersionResponse,
};
use super::{GENERATION, VERSION, refuse};
use crate::serve::ask::{App, Asked, Problem, Wanted};
use crate::serve::live::{Live, Refused, Served};
use crate::serve::pool::{Failed, Outcome};

type Shared = State<Arc<App>>;
type Body = Result<Bytes, BytesRejection>;
type Answer = Result<Response, Refusal>;

/// An answer that says what is wrong.
pub(super) struct Refusal(Box<Response>);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        problem.into_response().into()
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Problem::from(refused).into()
    }
}

impl From<Response> for Refusal {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

/// Find chunks in the first store
#[utoipa::path(post, path = "/v1/search", request_body = SearchRequest,
    params(("ragctl-version" = Option<String>, Header, description = "Answer from this version or not at all")),
    responses((status = 200, body = SearchResponse), (status = 400, body = Failure), (status = 408, body = Failure),
        (status = 409, body = Failure), (status = 413, body = Failure), (status = 415, body = Failure),
        (status = 429, body = Failure), (status = 503, body = Failure)))]
pub(super) async fn search(State(app): Shared, headers: HeaderMap, body: Body) -> Answer {
    find(&app, None, &headers, body).await
}

/// Find chunks in a store
#[utoipa::path(post, path = "/v1/stores/{store}/search", request_body = SearchRequest,
    params(("store" = String, Path, description = "The store's name"),
        ("ragctl-version" = Option<String>, Header, description = "Answer from this version or not at all")),
    responses((status = 200, body = SearchResponse), (status = 400, body = Failure), (status = 404, body = Failure), (status = 408, body = Failure),
        (status = 409, body = Failure), (status = 413, body = Failure), (status = 415, body = Failure),
        (status = 429, body = Failure), (status = 503, body = Failure)))]
pub(super) async fn search_in(
    State(app): Shared,
    Path(store): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    find(&app, Some(&store), &headers, body).await
}

async fn find(app: &App, store: Option<&str>, headers: &HeaderMap, body: Body) -> Answer {
    let request: SearchRequest = read(headers, body)?;
    let live = app.live(store)?;
    let served = pick(live, headers, request.version.as_deref())?;
    let single = request.queries.is_none();
    let asked = match request.queries {
        None => vec![Asked {
            text: request.text,
            vector: request.vector,
        }],
        Some(_) if request.text.is_some() || request.vector.is_some() => {
            let message = "a request has either `queries`, or a `text` or `vector` of its own";
            return Err(Problem::invalid(message).into());
        }
        Some(queries) => queries
            .into_iter()
            .map(|query| Asked {
                text: query.text,
                vector: query.vector,
            })
            .collect(),
    };
    let wanted = Wanted {
        k: request.k.map(|k| k as usize),
        filter: request.filter,
        mode: request.mode,
    };
    let outcomes = app.search(&served, asked, wanted).await?;
    let body =
        written(&served, single, &outcomes).map_err(|e| Problem::from(Failed::Version(e)))?;
    Ok(named(&served, json(body)))
}

/// Writes an answer. Hits in memory are JSON already.
fn written(
    served: &Served,
    single: bool,
    outcomes: &[Outcome],
) -> Result<Vec<u8>, crate::serve::Error> {
    let mut out = Vec::with_capacity(outcomes.len() * (8 << 10));
    out.extend_from_slice(b"{\"version\":\"");
    out.extend_from_slice(served.name().as_bytes());
    out.extend_from_slice(b"\",\"generation\":");
    let generation = served.generation().map(|number| number.to_string());
    out.extend_from_slice(generation.as_deref().unwrap_or("null").as_bytes());
    out.extend_from_slice(if single { b"," } else { b",\"results\":[" });
    for (place, outcome) in outcomes.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.extend_from_slice(if single { b"\"hits\":" } else { b"{\"hits\":" });
        match (outcome, served.table.resident()) {
            (Outcome::Found(found), Some(rows)) => rows.write_hits(found, &mut out),
            (Outcome::Hits(hits), _) => serde_json::to_writer(&mut out, hits)
                .map_err(|e| crate::index::Error::Row(e.to_string()))?,
            _ => out.extend_from_slice(b"[]"),
        }
        if !single {
            out.push(b'}');
        }
    }
    out.extend_from_slice(if single { b"}" } else { b"]}" });
    Ok(out)
}

/// One chunk of the first store
#[utoipa::path(get, path = "/v1/chunks/{id}",
    params(("id" = String, Path, description = "The chunk's id"),
        ("ragctl-version" = Option<String>, Header, description = "Answer from this version or not at all")),
    responses((status = 200, body = ChunkResponse), (status = 400, body = Failure), (status = 404, body = Failure),
        (status = 409, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure)))]
pub(super) async fn chunk(
    State(app): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    one(&app, None, &id, &headers).await
}

/// One chunk of a store
#[utoipa::path(get, path = "/v1/stores/{store}/chunks/{id}",
    params(("store" = String, Path, description = "The store's name"), ("id" = String, Path, description = "The chunk's id"),
        ("ragctl-version" = Option<String>, Header, description = "Answer from this version or not at all")),
    responses((status = 200, body = ChunkResponse), (status = 400, body = Failure), (status = 404, body = Failure),
        (status = 409, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure)))]
pub(super) async fn chunk_in(
    State(app): Shared,
    Path((store, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    one(&app, Some(&store), &id, &headers).await
}

async fn one(app: &App, store: Option<&str>, id: &str, headers: &HeaderMap) -> Answer {
    let live = app.live(store)?;
    let served = pick(live, headers, None)?;
    let found = app.chunk(&served, id).await;
    let chunk = found?;
    let answer = ChunkResponse {
        version: served.name(),
        generation: served.generation(),
        chunk,
    };
    Ok(named(&served, Json(answer).into_response()))
}

/// What the first store serves
#[utoipa::path(get, path = "/v1/version",
    responses((status = 200, body = VersionResponse), (status = 503, body = Failure)))]
pub(super) async fn version(State(app): Shared) -> Answer {
    what(&app, None)
}

/// What a store serves
#[utoipa::path(get, path = "/v1/stores/{store}/version",
    params(("store" = String, Path, description = "The store's name")),
    responses((status = 200, body = VersionResponse), (status = 404, body = Failure), (status = 503, body = Failure)))]
pub(super) async fn version_in(State(app): Shared, Path(store): Path<String>) -> Answer {
    what(&app, Some(&store))
}

fn what(app: &App, store: Option<&str>) -> Answer {
    let live = app.live(store)?;
    let served = live.pick(None)?;
    let manifest = served.manifest();
    let answer = VersionResponse {
        store: live.name().to_owned(),
        channel: live.channel(),
        version: served.name(),
        generation: served.generation(),
        manifest_sha256: served.held().manifest_sha256.to_string(),
        created: manifest.created.to_string(),
        chunks: manifest.counts.chunks,
        model: ModelOutput {
            name: manifest.space.model.clone(),
            fingerprint: manifest.fingerprint.to_string(),
            dimension: manifest.space.dimension,
        },
        search: if served.is_resident() {
            "resident"
        } else {
            "index"
        },
        kept: live.kept(),
        degraded: live.status().degraded,
    };
    Ok(named(&served, Json(answer).into_response()))
}

/// Embed texts by the first store's model
#[utoipa::path(post, path = "/v1/embeddings", request_body = EmbeddingsRequest,
    params(("ragctl-version" = Option<String>, Header, description = "Embed by this version's model or not at all")),
    responses((status = 200, body = EmbeddingsResponse), (status = 400, body = Failure), (status = 404, body = Failure), (status = 408, body = Failure),
        (status = 409, body = Failure), (status = 413, body = Failure), (status = 415, body = Failure),
        (status = 429, body = Failure), (status = 503, body = Failure)))]
pub(super) async fn embeddings(State(app): Shared, headers: HeaderMap, body: Body) -> Answer {
    embed(&app, None, &headers, body).await
}

/// Embed texts by a store's model
#[utoipa::path(post, path = "/v1/stores/{store}/embeddings", request_body = EmbeddingsRequest,
    params(("store" = String, Path, description = "The store's name"),
        ("ragctl-version" = Option<String>, Header, description = "Embed by this version's model or not at all")),
    responses((status = 200, body = EmbeddingsResponse), (status = 400, body = Failure), (status = 404, body = Failure), (status = 408, body = Failure),
        (status = 409, body = Failure), (status = 413, body = Failure), (status = 415, body = Failure),
        (status = 429, body = Failure), (status = 503, body = Failure)))]
pub(super) async fn embeddings_in(
    State(app): Shared,
    Path(store): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    embed(&app, Some(&store), &headers, body).await
}

async fn embed(app: &App, store: Option<&str>, headers: &HeaderMap, body: Body) -> Answer {
    let request: EmbeddingsRequest = read(headers, body)?;
    let live = app.live(store)?;
    let served = pick(live, headers, None)?;
    let space = &served.manifest().space;
    let last = space.model.rsplit('/').next().unwrap_or_default();
    if let Some(asked) = request
        .model
        .filter(|asked| *asked != space.model && asked != last)
    {
        let message = format!(
            "the model here is {}, not {}",
            space.model,
            shortened(&asked)
        );
        return Err(refuse(StatusCode::NOT_FOUND, &message, None).into());
    }
    if request
        .dimensions
        .is_some_and(|dimensions| dimensions != space.dimension)
    {
        let message = format!("vectors have {} dimensions here", space.dimension);
        return Err(Problem::invalid(message).into());
    }
    let prefix = match request.input_type {
        None => "",
        Some(InputType::Query) => &space.query_prefix,
        Some(InputType::Document) => &space.document_prefix,
    };
    let texts = match request.input {
        Texts::One(text) => vec![text],
        Texts::Several(texts) => texts,
    };
    for text in &texts {
        app.check_text(text, "a text")?;
    }
    let texts = texts.into_iter().map(|text| format!("{prefix}{text}"));
    let embedded = app.embed(&served, texts.collect()).await;
    let embedded = embedded?;
    let tokens = embedded.iter().map(|(_, tokens)| tokens).sum();
    let data = embedded
        .into_iter()
        .enumerate()
        .map(|(index, (vector, _))| EmbeddingOutput {
            object: "embedding",
            index,
            embedding: match request.encoding_format {
                Some(EncodingFormat::Base64) => {
                    let bytes: Vec<u8> = vector
                        .iter()
                        .flat_map(|number| number.to_le_bytes())
                        .collect();
                    Vector::Base64(base64::engine::general_purpose::STANDARD.encode(bytes))
                }
                Some(EncodingFormat::Float) | None => Vector::Float(vector),
            },
        });
    let answer = EmbeddingsResponse {
        object: "list",
        data: data.collect(),
        model: space.model.clone(),
        usage: Usage {
            prompt_tokens: tokens,
            total_tokens: tokens,
        },
    };
    Ok(named(&served, Json(answer).into_response()))
}

/// Whether the process lives
#[utoipa::path(get, path = "/livez", responses((status = 200, content_type = "text/plain", body = String)))]
pub(super) async fn livez() -> &'static str {
    "ok\n"
}

/// Whether requests are answered
#[utoipa::path(get, path = "/readyz", responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
pub(super) async fn readyz(State(app): Shared) -> Response {
    let ready = app.is_ready();
    let version = |live: &Live| live.pick(None).ok().map(|served| served.name());
    let stores: BTreeMap<_, _> = app
        .lives
        .iter()
        .map(|live| (live.name().to_owned(), version(live)))
        .collect();
    let status = match ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(Readiness { ready, stores })).into_response()
}

/// What Prometheus reads
#[utoipa::path(get, path = "/metrics", responses((status = 200, content_type = "application/openmetrics-text", body = String)))]
pub(super) async fn metrics(State(app): Shared) -> Response {
    const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match app.metrics.text(&app.lives, app.pool.depth()) {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(e) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &e.to_string(), None),
    }
}

pub(super) async fn openapi() -> Response {
    Json(super::openapi()).into_response()
}

pub(super) async fn nothing() -> Response {
    let hint = "The paths are described by /openapi.json.";
    refuse(
        StatusCode::NOT_FOUND,
        "there is nothing at this path",
        Some(hint),
    )
}

pub(super) async fn wrong_method() -> Response {
    refuse(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path is asked by another method",
        None,
    )
}

/// The version that a request is answered from: what it names, else what is live.
fn pick(live: &Live, headers: &HeaderMap, asked: Option<&str>) -> Result<Arc<Served>, Refusal> {
    let header = match headers.get(VERSION).map(HeaderValue::to_str) {
        None => None,
        Some(Ok(version)) => Some(version),
        Some(Err(_)) => {
            return Err(Problem::invalid("Ragctl-Version is no version").into());
        }
    };
    if let (Some(header), Some(asked)) = (header, asked)
        && header != asked
    {
        let message = "the header and the body name different versions";
        return Err(Problem::invalid(message).into());
    }
    let picked = live.pick(asked.or(header));
    Ok(picked?)
}

/// Reads a body that must be JSON: a page in a browser can send anything else without being asked first.
fn read<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, Refusal> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let essence = kind
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case("application/json") {
        let message = "the body is JSON, and Content-Type says so: application/json";
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, message, None).into());
    }
    let bytes = body.map_err(|rejection| {
        refuse(
            rejection.status(),
            "the body is too long, or was cut off",
            None,
        )
    })?;
    let parsed = serde_json::from_slice(&bytes);
    parsed.map_err(|e| Problem::invalid(shortened(&e.to_string())).into())
}

/// What a client wrote, in a message: not more than one can read.
fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}

fn json(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Names the version that answers in the answer's headers.
fn named(served: &Served, mut response: Response) -> Response {
    let headers = response.headers_mut();
    if let Ok(name) = HeaderValue::try_from(served.name()) {
        headers.insert(VERSION, name);
    }
    if let Some(generation) = served.generation() {
        headers.insert(GENERATION, generation.into());
    }
    response
}
