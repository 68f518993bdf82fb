//! How a server is asked and where its answer keeps what. Without a file it is ragctl's own server.

use std::fmt;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use serde_json_path::JsonPath;

use super::file::{self, File, RequestPart, ResponsePart, ScoreKind, Verb};
use super::mistake::Mistake;
use super::template::{json_asks, path_asks};

/// Gives the value of an environment variable, if it is set.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Beyond this a cosine is no rounding error any more.
const COSINE: (f64, f64) = (-1.001, 1.001);
const DISTANCE: (f64, f64) = (-0.001, f64::MAX);
/// Nothing shorter is hidden in findings: it would hide half of them, and is no secret.
const SECRET: usize = 4;

/// How a hit's score is read and judged.
#[derive(Debug)]
pub(super) struct Scores {
    pub(super) path: JsonPath,
    pub(super) falls: bool,
    pub(super) range: (f64, f64),
    /// Whether it is the cosine that the index gives too.
    pub(super) is_cosine: bool,
}

/// Where an answer says its version.
#[derive(Debug)]
pub(super) enum VersionAt {
    Body(JsonPath),
    Header(HeaderName),
    Nowhere,
}

/// How a server is asked and where its answer keeps what.
///
/// ```toml
/// [request]                  # left out: as ragctl's own server is asked
/// method = "POST"            # or GET, which has no body
/// path = "/v1/search"        # joined to the URL; {query} and {k} are percent-encoded
/// body = { text = "{query}", k = "{k}" }  # any JSON; "{k}" alone becomes a number
/// headers = { authorization = "Bearer ${SEARCH_TOKEN}" }  # ${NAME} is an environment variable
///
/// [response]                 # left out: as ragctl's own server answers
/// hits = "$.hits[*]"         # JSONPath (RFC 9535), best hit first
/// id = "$.id"                # these three are within a hit
/// score = "$.score"          # left out: scores are not looked at
/// text = "$.text"            # left out: texts are not looked at
/// kind = "similarity"        # the score: similarity falls, distance rises, none is not looked at
/// range = [0, 100]           # the score's least and most; left out, a similarity is a cosine
/// version = "$.version"      # left out: an answer may be any served version's
/// version_header = "x-version"            # in place of `version`
/// ```
pub struct Mapping {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) headers: HeaderMap,
    pub(super) hits: JsonPath,
    /// The array that `hits` takes the elements of: without it, no hits and no such field would look the same.
    pub(super) list: Option<JsonPath>,
    pub(super) id: JsonPath,
    pub(super) scores: Option<Scores>,
    pub(super) text: Option<JsonPath>,
    pub(super) version: VersionAt,
    secrets: Vec<String>,
}

/// Headers may hold secrets, so that they are left out.
impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("body", &self.body)
            .field("hits", &self.hits)
            .finish_non_exhaustive()
    }
}

impl Mapping {
    /// Is how ragctl's own server speaks.
    pub fn ragctl() -> Result<Self, Mistake> {
        Self::new(File::default(), &|_| None)
    }

    /// Reads a mapping from TOML. `${NAME}` in a header's value is replaced by what `variables` gives.
    pub fn from_toml(text: &str, variables: Variables<'_>) -> Result<Self, Mistake> {
        let file = toml::from_str(text).map_err(|e| Mistake::Toml(Box::new(e)))?;
        Self::new(file, variables)
    }

    /// Reads the same from JSON.
    pub fn from_json(text: &str, variables: Variables<'_>) -> Result<Self, Mistake> {
        Self::new(
            serde_json::from_str(text).map_err(Mistake::Json)?,
            variables,
        )
    }

    fn new(file: File, variables: Variables<'_>) -> Result<Self, Mistake> {
        let request = file.request.unwrap_or_else(RequestPart::ragctl);
        let response = file.response.unwrap_or_else(ResponsePart::ragctl);
        let is_get = request.method == Verb::Get;
        if is_get && request.body.is_some() {
            return Err(Mistake::Contradiction(
                "a GET request has no `body`: put {query} and {k} into `path`",
            ));
        }
        let body = match request.body {
            None if !is_get => Some(file::body()),
            given => given,
        };
        if !path_asks(&request.path) && !body.as_ref().is_some_and(json_asks) {
            return Err(Mistake::Contradiction(
                "the request never says {query}, neither in `path` nor in `body`",
            ));
        }
        if !(request.path.is_empty() || request.path.starts_with(['/', '?'])) {
            return Err(Mistake::Contradiction(
                "`request.path` begins with neither `/` nor `?`",
            ));
        }
        let mut secrets = Vec::new();
        let headers = request
            .headers
            .iter()
            .map(|(name, value)| header(name, value, variables, &mut secrets))
            .collect::<Result<_, _>>()?;
        let list = response.hits.strip_suffix("[*]");
        // Only a path of names alone must find something: another may find no list in an honest answer.
        let list = list.filter(|list| !list.contains(['*', '?', ':', ',']) && !list.contains(".."));
        Ok(Self {
            method: if is_get { Method::GET } else { Method::POST },
            path: request.path,
            body,
            headers,
            list: list.map(|list| parse("response.hits", list)).transpose()?,
            hits: parse("response.hits", &response.hits)?,
            id: parse("response.id", &response.id)?,
            scores: response.scores()?,
            text: optional("response.text", response.text.as_deref())?,
            version: response.version()?,
            secrets,
        })
    }

    /// Adds a text that findings must not show.
    pub(super) fn hide(&mut self, secret: &str) {
        if secret.len() >= SECRET {
            self.secrets.push(secret.to_owned());
        }
    }

    /// Takes the secrets out of a text, which a server may have sent back.
    pub(super) fn redacted(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret, "[secret]")
        })
    }
}

impl ResponsePart {
    fn scores(&self) -> Result<Option<Scores>, Mistake> {
        let Some(path) = optional("response.score", self.score.as_deref())? else {
            return match (self.kind, self.range) {
                (None | Some(ScoreKind::None), None) => Ok(None),
                _ => Err(Mistake::Contradiction(
                    "`response.kind` and `response.range` speak of a score, and `response.score` is missing",
                )),
            };
        };
        let falls = match self.kind {
            Some(ScoreKind::None) => return Ok(None),
            Some(ScoreKind::Distance) => false,
            Some(ScoreKind::Similarity) | None => true,
        };
        let range = match self.range {
            Some([least, most]) if least < most => (least, most),
            Some(_) => {
                return Err(Mistake::Contradiction(
                    "`response.range` is not [least, most]",
                ));
            }
            None if falls => COSINE,
            None => DISTANCE,
        };
        Ok(Some(Scores {
            path,
            falls,
            range,
            is_cosine: falls && self.range.is_none(),
        }))
    }

    fn version(&self) -> Result<VersionAt, Mistake> {
        match (&self.version, &self.version_header) {
            (Some(_), Some(_)) => Err(Mistake::Contradiction(
                "`response.version` and `response.version_header` exclude each other",
            )),
            (Some(path), None) => Ok(VersionAt::Body(parse("response.version", path)?)),
            (None, Some(name)) => match name.parse() {
                Ok(name) => Ok(VersionAt::Header(name)),
                Err(_) => Err(Mistake::Header(name.clone())),
            },
            (None, None) => Ok(VersionAt::Nowhere),
        }
    }
}

fn parse(key: &'static str, path: &str) -> Result<JsonPath, Mistake> {
    JsonPath::parse(path).map_err(|e| Mistake::JsonPath {
        key,
        path: path.to_owned(),
        position: e.position(),
        message: e.message().to_owned(),
    })
}

fn optional(key: &'static str, path: Option<&str>) -> Result<Option<JsonPath>, Mistake> {
    path.map(|path| parse(key, path)).transpose()
}

fn header(
    name: &str,
    value: &str,
    variables: Variables<'_>,
    secrets: &mut Vec<String>,
) -> Result<(HeaderName, HeaderValue), Mistake> {
    let mut filled = String::new();
    let mut rest = value;
    while let Some((before, from)) = rest.split_once("${")
        && let Some((variable, after)) = from.split_once('}')
    {
        let secret = variables(variable).ok_or_else(|| Mistake::Variable {
            header: name.to_owned(),
            variable: variable.to_owned(),
        })?;
        filled.push_str(before);
        filled.push_str(&secret);
        rest = after;
        if secret.len() >= SECRET {
            secrets.push(secret);
        }
    }
    filled.push_str(rest);
    let wrong = || Mistake::Header(name.to_owned());
    let mut value = HeaderValue::from_str(&filled).map_err(|_| wrong())?;
    value.set_sensitive(true);
    Ok((name.parse().map_err(|_| wrong())?, value))
}
