//! What happens to every request: it gets an id, is let in or not, has a time to end in, is counted and logged.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::timeout;
use tonic::Code;
use tracing::{info, warn};

use super::{Door, REQUEST_ID, refuse};
use crate::serve::ask::App;

/// The longest id that is taken over from a client.
const LONGEST_ID: usize = 128;

/// What is needed for it.
pub(super) struct Around {
    app: Arc<App>,
    door: Door,
    /// The stores' names; the first for paths that name none.
    stores: Vec<Arc<str>>,
    none: Arc<str>,
}

impl Around {
    pub(super) fn of(app: Arc<App>, door: Door) -> Self {
        let stores = app.lives.iter().map(|live| live.name().into()).collect();
        Self {
            app,
            door,
            stores,
            none: "".into(),
        }
    }

    /// The store that a path names, if it is one.
    fn store(&self, name: Option<&str>) -> &Arc<str> {
        let store = match name {
            None => self.stores.first(),
            Some(name) => self.stores.iter().find(|known| ***known == *name),
        };
        store.unwrap_or(&self.none)
    }
}

/// A path as it is counted: without what a client chose.
fn route(path: &str) -> (&'static str, Option<&str>) {
    let mut parts = path.trim_start_matches('/').split('/');
    match (parts.next(), parts.next()) {
        (Some("v1"), Some("stores")) => {
            let store = parts.next();
            (ending(parts.next()), store)
        }
        (Some("v1"), what) => (ending(what), None),
        (Some("livez"), None) => ("livez", None),
        (Some("readyz"), None) => ("readyz", None),
        (Some("metrics"), None) => ("metrics", None),
        (Some("openapi.json"), None) => ("openapi", None),
        (Some("ragctl.v1.Search"), Some("Search")) => ("grpc-search", None),
        (Some("ragctl.v1.Search"), Some("GetChunk")) => ("grpc-chunks", None),
        (Some("ragctl.v1.Search"), Some("GetVersion")) => ("grpc-version", None),
        (Some("ragctl.v1.Search"), _) => ("grpc", None),
        (Some(service), _) if service.starts_with("grpc.") => ("grpc", None),
        _ => ("other", None),
    }
}

fn ending(what: Option<&str>) -> &'static str {
    match what {
        Some("search") => "search",
        Some("chunks") => "chunks",
        Some("version") => "version",
        Some("embeddings") => "embeddings",
        _ => "other",
    }
}

pub(super) async fn around(
    State(around): State<Arc<Around>>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let id = id_of(request.headers());
    let (route, store) = route(request.uri().path());
    let store = around.store(store).clone();
    let method = request.method().clone();
    let is_old = request.version() < Version::HTTP_2;
    let mut response = match around.door.guard.check(request.uri(), request.headers()) {
        Err((status, why)) => {
            let mut refused = refuse(status, why, None);
            if status == StatusCode::UNAUTHORIZED {
                let scheme = HeaderValue::from_static("Bearer");
                refused
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, scheme);
            }
            refused
        }
        // Told before it is sent, so that nobody waits for it.
        Ok(()) if length(request.headers()) > around.app.limits.body as u64 => {
            let mut refused = refuse(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long", None);
            close(&mut refused);
            refused
        }
        Ok(()) => match timeout(around.app.limits.time, next.run(request)).await {
            Ok(response) => response,
            Err(_) => {
                let mut late = refuse(
                    StatusCode::REQUEST_TIMEOUT,
                    "the request was not sent, or not answered, in time",
                    None,
                );
                // What is left of its body would be taken for the next request.
                close(&mut late);
                late
            }
        },
    };
    if is_old && around.app.is_draining() {
        close(&mut response);
    }
    let status = of_grpc(&response).unwrap_or(response.status());
    around
        .app
        .metrics
        .count(&store, route, status.as_u16(), begun);
    let took_ms = (begun.elapsed().as_secs_f64() * 1e5).round() / 100.0;
    if status.is_server_error() && route != "readyz" {
        warn!(request = id.to_str().ok(), %method, route, store = &*store, status = status.as_u16(), took_ms, "failed");
    } else if around.door.log_all {
        info!(request = id.to_str().ok(), %method, route, store = &*store, status = status.as_u16(), took_ms, "answered");
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The length that a body says it has.
fn length(headers: &HeaderMap) -> u64 {
    let length = headers.get(header::CONTENT_LENGTH);
    length
        .and_then(|length| length.to_str().ok()?.parse().ok())
        .unwrap_or(0)
}

/// Ends the connection with an answer.
fn close(response: &mut Response) {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
}

/// The status of HTTP that says what an answer of gRPC says, whose own is 200 whatever went wrong.
fn of_grpc(response: &Response) -> Option<StatusCode> {
    let code = response.headers().get("grpc-status")?.to_str().ok()?;
    Some(match code.parse().map_or(Code::Unknown, Code::from_i32) {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::FailedPrecondition => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable | Code::DeadlineExceeded => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    })
}

/// The request's id: the client's, if it is a short word, else a random one.
fn id_of(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(REQUEST_ID).filter(|id| {
        let bytes = id.as_bytes();
        (1..=LONGEST_ID).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    });
    given.cloned().unwrap_or_else(|| {
        let random = format!("{:032x}", fastrand::u128(..));
        HeaderValue::try_from(random).unwrap_or_else(|_| HeaderValue::from_static("-"))
    })
}
