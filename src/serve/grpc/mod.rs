//! The same search by gRPC, with the health service and reflection.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use super::ask::{App, Asked, Problem, Wanted, What};
use super::live::Served;
use super::pool::Outcome;
use crate::index::{self, Chunk};

/// What `search.proto` says.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    clippy::semicolon_if_nothing_returned,
    clippy::uninlined_format_args,
    clippy::use_self,
    reason = "generated"
)]
pub mod proto {
    tonic::include_proto!("ragctl.v1");

    /// What reflection answers with.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/search.bin"));
}

use proto::search_server::{Search, SearchServer};
use proto::{
    GetChunkRequest, GetChunkResponse, GetVersionRequest, GetVersionResponse, Hit, Mode,
    SearchRequest, SearchResponse,
};

/// How often the health service is told how things are.
const HEALTH: Duration = Duration::from_millis(100);

/// The name of the service.
const SERVICE: &str = "ragctl.v1.Search";

/// Answers by gRPC.
struct Service(Arc<App>);

/// The paths of gRPC.
pub(super) fn router(app: &Arc<App>) -> Result<Router, tonic_reflection::server::Error> {
    let search = SearchServer::new(Service(app.clone()))
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(app.limits.body);
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let (mut reporter, health) = tonic_health::server::health_reporter();
    let watched = Arc::downgrade(app);
    tokio::spawn(async move {
        // Ends with the server.
        while let Some(app) = watched.upgrade() {
            let (ready, ends) = (app.is_ready(), app.is_draining());
            drop(app);
            match ready {
                true => reporter.set_serving::<SearchServer<Service>>().await,
                false => reporter.set_not_serving::<SearchServer<Service>>().await,
            }
            let status = match ready {
                true => tonic_health::ServingStatus::Serving,
                false => tonic_health::ServingStatus::NotServing,
            };
            reporter.set_service_status("", status).await;
            if ends {
                // Whoever watches is told that it ends, and then that there is nothing to watch: connections would not end.
                tokio::time::sleep(HEALTH).await;
                for service in ["", SERVICE] {
                    reporter.clear_service_status(service).await;
                }
                break;
            }
            tokio::time::sleep(HEALTH).await;
        }
    });
    Ok(Routes::new(search)
        .add_service(reflection)
        .add_service(health)
        .prepare()
        .into_axum_router()
        .reset_fallback())
}

#[tonic::async_trait]
impl Search for Service {
    async fn search(
        &self,
        request: Request<SearchRequest>,
    ) -> Result<Response<SearchResponse>, Status> {
        let request = request.into_inner();
        let mode = match request.mode() {
            Mode::Unspecified => None,
            Mode::Vector => Some(index::Mode::Vector),
            Mode::Text => Some(index::Mode::Text),
            Mode::Hybrid => Some(index::Mode::Hybrid),
        };
        let served = self.pick(&request.store, &request.version)?;
        let asked = request.queries.into_iter().map(|query| Asked {
            text: some(query.text),
            vector: Some(query.vector).filter(|vector| !vector.is_empty()),
        });
        let wanted = Wanted {
            k: Some(request.k as usize).filter(|k| *k > 0),
            filter: some(request.filter),
            mode,
        };
        let outcomes = self.0.search(&served, asked.collect(), wanted).await?;
        let results = outcomes
            .into_iter()
            .map(|outcome| result(&served, outcome))
            .collect::<Result<_, _>>()?;
        Ok(Response::new(SearchResponse {
            version: served.name(),
            generation: served.generation().unwrap_or(0),
            results,
        }))
    }

    async fn get_chunk(
        &self,
        request: Request<GetChunkRequest>,
    ) -> Result<Response<GetChunkResponse>, Status> {
        let request = request.into_inner();
        let served = self.pick(&request.store, &request.version)?;
        let chunk = self.0.chunk(&served, &request.id).await?;
        Ok(Response::new(GetChunkResponse {
            version: served.name(),
            generation: served.generation().unwrap_or(0),
            id: chunk.id.clone(),
            text: chunk.text.clone(),
            metadata_json: shown(chunk)?,
        }))
    }

    async fn get_version(
        &self,
        request: Request<GetVersionRequest>,
    ) -> Result<Response<GetVersionResponse>, Status> {
        let served = self.pick(&request.into_inner().store, "")?;
        let manifest = served.manifest();
        Ok(Response::new(GetVersionResponse {
            version: served.name(),
            generation: served.generation().unwrap_or(0),
            manifest_sha256: served.held().manifest_sha256.to_string(),
            model: manifest.space.model.clone(),
            space: manifest.fingerprint.to_string(),
            chunks: manifest.counts.chunks,
        }))
    }
}

impl Service {
    fn pick(&self, store: &str, version: &str) -> Result<Arc<Served>, Problem> {
        let named = |text: &'_ str| (!text.is_empty()).then(|| text.to_owned());
        let live = self.0.live(named(store).as_deref())?;
        Ok(live.pick(named(version).as_deref())?)
    }
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn result(served: &Served, outcome: Outcome) -> Result<proto::Result, Status> {
    let unread = |e: index::Error| Status::internal(e.to_string());
    let chunks: Vec<(f32, Chunk)> = match (outcome, served.table.resident()) {
        (Outcome::Found(found), Some(rows)) => found
            .iter()
            .map(|found| Ok((found.score, rows.chunk(found.row)?)))
            .collect::<Result<_, _>>()
            .map_err(unread)?,
        (Outcome::Hits(hits), _) => hits.into_iter().map(|hit| (hit.score, hit.chunk)).collect(),
        _ => Vec::new(),
    };
    let hits = chunks.into_iter().map(|(score, chunk)| {
        Ok(Hit {
            id: chunk.id.clone(),
            score: f64::from(score),
            text: chunk.text.clone(),
            metadata_json: shown(chunk)?,
        })
    });
    Ok(proto::Result {
        hits: hits.collect::<Result<_, Status>>()?,
    })
}

/// A chunk's other columns as one JSON object.
fn shown(chunk: Chunk) -> Result<String, Status> {
    let written = serde_json::to_value(chunk).map(|mut value| {
        if let Some(fields) = value.as_object_mut() {
            fields.remove("id");
            fields.remove("text");
        }
        value.to_string()
    });
    written.map_err(|e| Status::internal(e.to_string()))
}

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        let message = match problem.hint {
            Some(hint) => format!("{}. {hint}", problem.message),
            None => problem.message,
        };
        match problem.what {
            What::Invalid => Self::invalid_argument(message),
            What::NotFound => Self::not_found(message),
            What::Conflict => Self::failed_precondition(message),
            What::Busy => Self::resource_exhausted(message),
            What::Late => Self::deadline_exceeded(message),
            What::Unavailable => Self::unavailable(message),
            What::Broken => Self::internal(message),
        }
    }
}

impl From<super::live::Refused> for Status {
    fn from(refused: super::live::Refused) -> Self {
        Problem::from(refused).into()
    }
}
