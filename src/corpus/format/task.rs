//! What a worker is asked to read, and how.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Failure, Format, Metadata, Refusal};

/// What a page's main content is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HtmlMode {
    /// The main content, or all visible text where it seems to have been missed.
    #[default]
    Auto,
    /// The main content.
    Main,
    /// All visible text.
    Full,
    /// What a CSS selector matches.
    Css(String),
}

/// A text that names no way to read pages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HtmlModeError {
    /// It is none of the words.
    #[error("`{0}` is none of `auto`, `main`, `full` and `css:SELECTOR`")]
    Unknown(String),
    /// It is no CSS selector.
    #[error("`{0}` is no CSS selector: {1}")]
    Selector(String, String),
}

impl FromStr for HtmlMode {
    type Err = HtmlModeError;

    fn from_str(text: &str) -> Result<Self, HtmlModeError> {
        Ok(match (text, text.strip_prefix("css:")) {
            ("auto", _) => Self::Auto,
            ("main", _) => Self::Main,
            ("full", _) => Self::Full,
            (_, Some(selector)) => {
                scraper::Selector::parse(selector)
                    .map_err(|e| HtmlModeError::Selector(selector.to_owned(), e.to_string()))?;
                Self::Css(selector.to_owned())
            }
            _ => return Err(HtmlModeError::Unknown(text.to_owned())),
        })
    }
}

impl TryFrom<String> for HtmlMode {
    type Error = HtmlModeError;

    fn try_from(text: String) -> Result<Self, HtmlModeError> {
        text.parse()
    }
}

impl From<HtmlMode> for String {
    fn from(mode: HtmlMode) -> Self {
        match mode {
            HtmlMode::Auto => "auto".into(),
            HtmlMode::Main => "main".into(),
            HtmlMode::Full => "full".into(),
            HtmlMode::Css(selector) => format!("css:{selector}"),
        }
    }
}

/// How documents of a source are read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// What is taken of a web page.
    pub html: HtmlMode,
    /// Passwords that are tried on encrypted PDFs.
    pub passwords: Vec<String>,
    /// Whether front matter stays text.
    pub keep_front_matter: bool,
    /// Which fields of a record are what.
    pub fields: Fields,
}

/// Which fields of a record are what.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Fields {
    /// Its id; `_id` or `id` by default, else its number.
    pub id: Option<String>,
    /// Its title; `title` by default.
    pub title: Option<String>,
    /// Its text; `text` by default.
    pub text: Option<String>,
    /// The address to cite.
    pub uri: Option<String>,
    /// Fields that become metadata.
    pub metadata: Vec<String>,
}

/// One item of a source as a worker gets it, beside its bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The source's id.
    pub source: String,
    /// The item's id within the source.
    pub id: String,
    /// Where it lies, for people and citations.
    pub uri: String,
    /// Its file name, whose ending may tell a format, a language or a compression.
    pub name: String,
    /// Its format, where more than the name tells it.
    pub format: Option<Format>,
    /// The encoding that a server declared.
    pub charset: Option<String>,
    /// How it is read.
    pub options: Options,
    /// Metadata that its own goes before.
    pub metadata: Metadata,
}

impl Task {
    /// The failure of the item as a whole.
    pub(super) fn failure(&self, refusal: Refusal) -> Failure {
        let (reason, empty) = match refusal {
            Refusal::Empty(reason) => (reason, true),
            Refusal::Unreadable(reason) => (reason, false),
        };
        Failure {
            source: self.source.clone(),
            id: self.id.clone(),
            uri: self.uri.clone(),
            reason,
            empty,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_to_read_a_page_are_written_as_they_are_read() {
        for text in ["auto", "main", "full", "css:main > p"] {
            assert_eq!(String::from(text.parse::<HtmlMode>().unwrap()), text);
        }
        assert!(
            "css:p["
                .parse::<HtmlMode>()
                .unwrap_err()
                .to_string()
                .contains("no CSS selector")
        );
        assert!("body".parse::<HtmlMode>().is_err());
    }
}
