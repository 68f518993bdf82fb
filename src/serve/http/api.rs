//! The shapes of requests and answers, and their description as OpenAPI.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::handlers;

/// One question or several. `text`, `vector` or `queries`: one of them; with `mode` hybrid a text may bring its vector.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchRequest {
    /// A question in words.
    pub(super) text: Option<String>,
    /// A vector in the version's embedding space.
    pub(super) vector: Option<Vec<f32>>,
    /// Several questions, answered from one version.
    pub(super) queries: Option<Vec<QueryInput>>,
    /// How many hits each question gets; 10 by default.
    #[schema(minimum = 1, maximum = 1000)]
    pub(super) k: Option<u32>,
    /// Which chunks count, such as `product = 'search' and year >= 2024`.
    pub(super) filter: Option<String>,
    /// What finds chunks; `vector` by default.
    #[schema(value_type = Option<Mode>)]
    pub(super) mode: Option<crate::index::Mode>,
    /// Answer from this version or not at all; as the header `Ragctl-Version`.
    pub(super) version: Option<String>,
}

/// What finds chunks.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes `index::Mode` for the schema")]
pub(super) enum Mode {
    /// The question's vector.
    Vector,
    /// Its words.
    Text,
    /// Both.
    Hybrid,
}

/// One of several questions.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryInput {
    /// In words.
    pub(super) text: Option<String>,
    /// As a vector.
    pub(super) vector: Option<Vec<f32>>,
}

/// The answer to one question (`hits`) or to several (`results`, in their order), all of one version.
#[derive(Serialize, ToSchema)]
pub(super) struct SearchResponse {
    /// The version that answers.
    version: String,
    /// The channel's count of releases when it became live.
    generation: Option<u64>,
    /// The answer to one question.
    #[schema(nullable = false)]
    hits: Option<Vec<HitOutput>>,
    /// The answers to several.
    #[schema(nullable = false)]
    results: Option<Vec<ResultOutput>>,
}

/// The answer to one of several questions.
#[derive(Serialize, ToSchema)]
pub(super) struct ResultOutput {
    /// Best first.
    hits: Vec<HitOutput>,
}

/// A chunk that was found.
#[derive(Serialize, ToSchema)]
pub(super) struct HitOutput {
    /// Its place, from 1.
    rank: u64,
    /// Greater is better: the cosine by vector, BM25 by text, the sum of reciprocal ranks by both.
    score: f32,
    #[serde(flatten)]
    chunk: ChunkOutput,
}

/// What is shown of a chunk.
#[derive(Serialize, ToSchema)]
pub(super) struct ChunkOutput {
    /// The chunk's id.
    id: String,
    /// The document's id.
    doc_id: String,
    /// The source's id.
    source: String,
    /// Where the document lies.
    uri: String,
    /// The document's title.
    title: Option<String>,
    /// Headings above the chunk.
    heading: Option<String>,
    /// The page it begins on.
    page: Option<i64>,
    /// Its text.
    text: String,
    /// What a reader should know about it.
    #[schema(nullable = false)]
    flags: Option<Vec<String>>,
    /// The document's metadata.
    #[schema(value_type = Object)]
    metadata: BTreeMap<String, String>,
}

/// A chunk and the version that it is of.
#[derive(Serialize, ToSchema)]
pub(super) struct ChunkResponse {
    /// The version that answers.
    pub(super) version: String,
    /// The channel's count of releases when it became live.
    pub(super) generation: Option<u64>,
    /// The chunk.
    #[schema(value_type = ChunkOutput)]
    pub(super) chunk: crate::index::Chunk,
}

/// Texts to embed, as OpenAI's API takes them.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct EmbeddingsRequest {
    /// A text or several.
    pub(super) input: Texts,
    /// The served model's name, or its last part.
    pub(super) model: Option<String>,
    /// `float` by default, or `base64`: 32-bit little-endian.
    pub(super) encoding_format: Option<EncodingFormat>,
    /// The model's own dimension, if given.
    pub(super) dimensions: Option<usize>,
    /// What the texts are: a question or a document gets the prefix that the model has for it.
    pub(super) input_type: Option<InputType>,
}

/// A text or several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Texts {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// How a vector is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum EncodingFormat {
    /// Numbers.
    Float,
    /// 32-bit little-endian floats in base64.
    Base64,
}

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum InputType {
    /// A question.
    Query,
    /// A document.
    Document,
}

/// Vectors, as OpenAI's API gives them.
#[derive(Serialize, ToSchema)]
pub(super) struct EmbeddingsResponse {
    /// `list`.
    pub(super) object: &'static str,
    /// One a text, in their order.
    pub(super) data: Vec<EmbeddingOutput>,
    /// The model.
    pub(super) model: String,
    /// What it took.
    pub(super) usage: Usage,
}

/// One vector.
#[derive(Serialize, ToSchema)]
pub(super) struct EmbeddingOutput {
    /// `embedding`.
    pub(super) object: &'static str,
    /// The text's place, from 0.
    pub(super) index: usize,
    /// The vector.
    pub(super) embedding: Vector,
}

/// A vector as it was asked for.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Vector {
    /// Numbers.
    Float(Vec<f32>),
    /// 32-bit little-endian floats in base64.
    Base64(String),
}

/// Tokens that the model saw.
#[derive(Serialize, ToSchema)]
pub(super) struct Usage {
    /// Of all texts.
    pub(super) prompt_tokens: usize,
    /// The same.
    pub(super) total_tokens: usize,
}

/// What a store serves.
#[derive(Serialize, ToSchema)]
pub(super) struct VersionResponse {
    /// The store's name.
    pub(super) store: String,
    /// The channel that is followed.
    pub(super) channel: String,
    /// The version that answers.
    pub(super) version: String,
    /// The channel's count of releases when it became live.
    pub(super) generation: Option<u64>,
    /// The hash of its manifest.
    pub(super) manifest_sha256: String,
    /// When it was built.
    pub(super) created: String,
    /// How many chunks it has.
    pub(super) chunks: u64,
    /// Its model, which is loaded with it.
    pub(super) model: ModelOutput,
    /// Whether vectors are searched in memory or by the version's index.
    pub(super) search: &'static str,
    /// Versions that were replaced and still answer whoever names them.
    pub(super) kept: Vec<String>,
    /// Why what the channel names does not answer, if it does not.
    pub(super) degraded: Option<String>,
}

/// A model.
#[derive(Serialize, ToSchema)]
pub(super) struct ModelOutput {
    /// Its name.
    pub(super) name: String,
    /// The fingerprint of its embedding space.
    pub(super) fingerprint: String,
    /// Numbers of a vector.
    pub(super) dimension: usize,
}

/// Whether requests are answered.
#[derive(Serialize, ToSchema)]
pub(super) struct Readiness {
    /// Whether every store has a version that answers, and the server is not about to end.
    pub(super) ready: bool,
    /// The version of each store.
    pub(super) stores: BTreeMap<String, Option<String>>,
}

/// What is wrong.
#[derive(Serialize, ToSchema)]
pub(super) struct Failure {
    /// It.
    pub(super) error: FailureDetail,
}

/// What is wrong.
#[derive(Serialize, ToSchema)]
pub(super) struct FailureDetail {
    /// The HTTP status.
    pub(super) code: u16,
    /// In words.
    pub(super) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "ragctl serve",
        description = "Search in the version that a channel names. Every answer says which version gave it."
    ),
    paths(
        handlers::search,
        handlers::search_in,
        handlers::chunk,
        handlers::chunk_in,
        handlers::version,
        handlers::version_in,
        handlers::embeddings,
        handlers::embeddings_in,
        handlers::livez,
        handlers::readyz,
        handlers::metrics
    )
)]
struct Description;

/// The description of the HTTP interface, as OpenAPI 3.1.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
