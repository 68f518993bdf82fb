//! HTTP with JSON.

mod api;
mod around;
mod handlers;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::CorsLayer;

use super::ask::{App, Problem, What};
use super::guard::Guard;
pub use api::openapi;

/// The header that names the version, in requests and answers.
pub(super) const VERSION: &str = "ragctl-version";
/// The header that names the generation.
pub(super) const GENERATION: &str = "ragctl-generation";
/// The header that names a request.
pub(super) const REQUEST_ID: &str = "x-request-id";

/// How requests are let in.
pub(super) struct Door {
    pub(super) guard: Guard,
    pub(super) origins: Vec<HeaderValue>,
    /// Whether every request is logged, and not only what fails.
    pub(super) log_all: bool,
}

/// All paths. `more` are those of other protocols, behind the same door.
pub(super) fn router(app: &Arc<App>, door: Door, more: Router) -> Router {
    let origins = door.origins.clone();
    let router = Router::new()
        .route("/v1/search", post(handlers::search))
        .route("/v1/stores/{store}/search", post(handlers::search_in))
        .route("/v1/chunks/{id}", get(handlers::chunk))
        .route("/v1/stores/{store}/chunks/{id}", get(handlers::chunk_in))
        .route("/v1/version", get(handlers::version))
        .route("/v1/stores/{store}/version", get(handlers::version_in))
        .route("/v1/embeddings", post(handlers::embeddings))
        .route(
            "/v1/stores/{store}/embeddings",
            post(handlers::embeddings_in),
        )
        .route("/livez", get(handlers::livez))
        .route("/readyz", get(handlers::readyz))
        .route("/metrics", get(handlers::metrics))
        .route("/openapi.json", get(handlers::openapi))
        .fallback(handlers::nothing)
        .method_not_allowed_fallback(handlers::wrong_method)
        .layer(DefaultBodyLimit::max(app.limits.body))
        .with_state(app.clone())
        .merge(more);
    let around = around::Around::of(app.clone(), door);
    let router = router
        .layer(CatchPanicLayer::custom(
            |_: Box<dyn std::any::Any + Send>| {
                Problem::new(What::Broken, "the server made a mistake").into_response()
            },
        ))
        .layer(middleware::from_fn_with_state(
            Arc::new(around),
            around::around,
        ));
    if origins.is_empty() {
        return router;
    }
    // Outside of everything else: a browser asks first, and without the token.
    let allowed = [header::CONTENT_TYPE, header::AUTHORIZATION];
    let names = [VERSION, GENERATION, REQUEST_ID].map(header::HeaderName::from_static);
    router.layer(
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers(allowed.into_iter().chain(names.clone()).collect::<Vec<_>>())
            .expose_headers(names),
    )
}

/// The paths of the admin socket. `guarded` is whether a browser could reach it.
pub(super) fn admin(app: Arc<App>, guarded: bool) -> Router {
    async fn reload(State(app): State<Arc<App>>) -> Response {
        for live in &app.lives {
            live.look();
        }
        StatusCode::ACCEPTED.into_response()
    }
    let check = move |request: Request, next: Next| async move {
        let checked = Guard::of_admin().check(request.uri(), request.headers());
        match checked {
            Err((status, why)) if guarded => refuse(status, why, None),
            // Browsers say which page asks, and nobody else does.
            _ if request.headers().contains_key(header::ORIGIN) => {
                refuse(StatusCode::FORBIDDEN, "pages may not ask here", None)
            }
            _ => next.run(request).await,
        }
    };
    Router::new()
        .route("/v1/reload", post(reload))
        .route("/v1/version", get(handlers::version))
        .route("/metrics", get(handlers::metrics))
        .route("/readyz", get(handlers::readyz))
        .layer(middleware::from_fn(check))
        .with_state(app)
}

impl What {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Late | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.what.status();
        let mut response = refuse(status, &self.message, self.hint.as_deref());
        if matches!(self.what, What::Busy | What::Late | What::Unavailable) {
            let soon = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        response
    }
}

/// An answer that says what is wrong.
pub(super) fn refuse(status: StatusCode, message: &str, hint: Option<&str>) -> Response {
    let error = api::Failure {
        error: api::FailureDetail {
            code: status.as_u16(),
            message: message.to_owned(),
            hint: hint.map(str::to_owned),
        },
    };
    (status, axum::Json(error)).into_response()
}

impl App {
    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
