//! What can be wrong with what the person gave: the mapping, the URL, the numbers.

use crate::fault::{Fault, Kind};

/// A mapping, URL or number that makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum Mistake {
    /// The mapping is no TOML, or has keys or values that a mapping does not have.
    #[error("the mapping is wrong: {0}")]
    Toml(Box<toml::de::Error>),
    /// The same for JSON.
    #[error("the mapping is wrong: {0}")]
    Json(serde_json::Error),
    /// A value is no JSONPath.
    #[error("`{key}` is no JSONPath: `{path}`, character {position}: {message}")]
    JsonPath {
        /// The mapping's key.
        key: &'static str,
        /// Its value.
        path: String,
        /// Where it goes wrong, from 1.
        position: usize,
        /// Why.
        message: String,
    },
    /// A header cannot be sent.
    #[error("`request.headers` has `{0}`, whose name or value no HTTP header can have")]
    Header(String),
    /// A header wants a variable that is not set.
    #[error("the header `{header}` needs the environment variable {variable}, which is not set")]
    Variable {
        /// The header.
        header: String,
        /// The variable's name.
        variable: String,
    },
    /// Keys of the mapping contradict each other, or the target.
    #[error("{0}")]
    Contradiction(&'static str),
    /// The URL cannot be asked.
    #[error("`{url}` is no URL of a server: {why}")]
    Url {
        /// What was given, without secrets.
        url: String,
        /// Why not.
        why: String,
    },
    /// Nothing would be asked.
    #[error("nothing to ask: {0}")]
    Nothing(&'static str),
}

impl Fault for Mistake {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn is_drawn(&self) -> bool {
        matches!(self, Self::Toml(_))
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Toml(_) | Self::Json(_) => Some(
                "A mapping has `request` (method, path, body, headers) and `response` (hits, id, score, kind, range, text, \
                 version, version_header)."
                    .into(),
            ),
            Self::JsonPath { .. } => {
                Some("Paths are those of RFC 9535: `$.hits[*]`, `$.id`.".into())
            }
            Self::Variable { variable, .. } => Some(format!("Set {variable} and try again.")),
            Self::Url { .. } => Some("Write it as http://host:port or https://host.".into()),
            Self::Header(_) | Self::Contradiction(_) | Self::Nothing(_) => None,
        }
    }
}
