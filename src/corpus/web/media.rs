//! What a server says that it sends: which types are taken, as what, and under which file name a worker gets the bytes.

use reqwest::header::HeaderValue;
use url::Url;

use crate::corpus::Format;
use crate::corpus::format::extension;

/// Characters of a file name that a worker gets to see.
const MAX_NAME: usize = 200;

/// The types that are taken, the ending that a file of it has, and its format where the type alone tells it.
const TAKEN: [(&str, &str, Option<Format>); 22] = [
    ("text/html", "html", Some(Format::Html)),
    ("application/xhtml+xml", "html", Some(Format::Html)),
    ("application/pdf", "pdf", Some(Format::Pdf)),
    ("application/x-pdf", "pdf", Some(Format::Pdf)),
    ("text/markdown", "md", Some(Format::Markdown)),
    ("text/x-markdown", "md", Some(Format::Markdown)),
    ("text/x-rst", "rst", None),
    ("text/asciidoc", "adoc", None),
    ("text/csv", "csv", None),
    ("application/json", "json", None),
    ("application/x-ndjson", "jsonl", None),
    ("application/jsonl", "jsonl", None),
    ("application/x-ipynb+json", "ipynb", Some(Format::Notebook)),
    ("application/epub+zip", "epub", Some(Format::Epub)),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
        Some(Format::Docx),
    ),
    (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "pptx",
        Some(Format::Pptx),
    ),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
        Some(Format::Xlsx),
    ),
    // What servers send when they do not know: the name decides.
    ("application/octet-stream", "", None),
    ("binary/octet-stream", "", None),
    ("application/gzip", "", None),
    ("application/x-gzip", "", None),
    ("application/zstd", "", None),
];

/// A document's type as the server told it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Media {
    /// Type and subtype in lower case; empty where the server told none.
    pub(super) essence: String,
    /// The encoding of its characters.
    pub(super) charset: Option<String>,
}

/// How a document of a type is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken {
    /// Its format, where the type tells it.
    pub(super) format: Option<Format>,
    /// A file name that says the rest.
    pub(super) name: String,
}

impl Media {
    /// Reads a `Content-Type` header.
    pub(super) fn of(header: Option<&HeaderValue>) -> Self {
        let text = header.and_then(|value| value.to_str().ok());
        let mut parts = text.unwrap_or_default().split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        let charset = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            let value = value.trim().trim_matches('"');
            (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty())
                .then(|| value.to_ascii_lowercase())
        });
        Self { essence, charset }
    }

    /// Says whether links can be followed from it.
    pub(super) fn is_page(&self) -> bool {
        matches!(self.essence.as_str(), "text/html" | "application/xhtml+xml")
    }

    /// Says how a document of this type is taken, or in a clause why it is not.
    pub(super) fn take(&self, url: &Url) -> Result<Taken, String> {
        let name = file_name(url);
        let by_name = extension(&name);
        let ended = |ending: &str| format!("{name}.{ending}");
        let told = TAKEN.iter().find(|(essence, ..)| *essence == self.essence);
        match told {
            Some((_, ending, Some(format))) => Ok(Taken {
                format: Some(*format),
                name: match by_name == Some(*format) {
                    true => name,
                    false => ended(ending),
                },
            }),
            // A name tells more than such a type: a script that is sent as plain text, a compressed file.
            _ if by_name.is_some() && (told.is_some() || self.is_text() || self.is_untold()) => {
                Ok(Taken { format: None, name })
            }
            Some((_, "", _)) => Err(format!("is {}, and its name tells no format", self.shown())),
            Some((_, ending, None)) => Ok(Taken {
                format: None,
                name: ended(ending),
            }),
            None if self.is_text() => Ok(Taken {
                format: None,
                name: ended("txt"),
            }),
            // Its bytes have to tell.
            None if self.is_untold() => Ok(Taken { format: None, name }),
            None => Err(format!("is {}", self.shown())),
        }
    }

    fn is_untold(&self) -> bool {
        self.essence.is_empty()
    }

    fn is_text(&self) -> bool {
        self.essence.starts_with("text/") && self.essence != "text/xml"
    }

    /// The type as it may be printed, whatever the server sent.
    fn shown(&self) -> String {
        let allowed = |c: &char| c.is_ascii_alphanumeric() || "/+.-_".contains(*c);
        self.essence.chars().filter(allowed).take(80).collect()
    }
}

fn file_name(url: &Url) -> String {
    let last = url
        .path_segments()
        .and_then(|mut segments| segments.rfind(|segment| !segment.is_empty()));
    let name: String = last.unwrap_or("index").to_owned();
    let kept = name.char_indices().rev().nth(MAX_NAME - 1);
    name.get(kept.map_or(0, |(at, _)| at)..)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(content_type: &str, url: &str) -> Result<Taken, String> {
        let header = HeaderValue::from_str(content_type).unwrap();
        Media::of((!content_type.is_empty()).then_some(&header)).take(&Url::parse(url).unwrap())
    }

    #[test]
    fn the_type_and_the_name_together_tell_what_comes() {
        let taken = |content_type: &str, url: &str| {
            let taken = take(content_type, url).unwrap();
            (taken.format, taken.name)
        };
        let html = Some(Format::Html);
        assert_eq!(
            taken("Text/HTML; charset=UTF-8", "http://h/"),
            (html, "index.html".into())
        );
        assert_eq!(
            taken("text/html", "http://h/a/b.html?x=1"),
            (html, "b.html".into())
        );
        assert_eq!(
            taken("text/html", "http://h/view.pdf"),
            (html, "view.pdf.html".into())
        );
        assert_eq!(
            taken("application/octet-stream", "http://h/a.pdf"),
            (None, "a.pdf".into())
        );
        assert_eq!(taken("text/plain", "http://h/a.md"), (None, "a.md".into()));
        assert_eq!(taken("text/plain", "http://h/a/"), (None, "a.txt".into()));
        assert_eq!(taken("", "http://h/a"), (None, "a".into()));
    }

    #[test]
    fn other_types_are_refused_by_name() {
        for (content_type, reason) in [
            ("image/png", "is image/png"),
            ("application/xml", "is application/xml"),
            ("text/xml; charset=utf-8", "is text/xml"),
            ("video/mp4\u{1b}[31m", "is video/mp431m"),
            (
                "application/octet-stream",
                "is application/octet-stream, and its name tells no format",
            ),
        ] {
            let header = HeaderValue::from_bytes(content_type.as_bytes());
            let media = header.as_ref().map_or_else(
                |_| Media {
                    essence: content_type.into(),
                    charset: None,
                },
                |header| Media::of(Some(header)),
            );
            let url = Url::parse("http://h/a").unwrap();
            assert_eq!(media.take(&url).unwrap_err(), reason);
        }
    }

    #[test]
    fn a_charset_is_read_in_any_spelling() {
        for header in [
            "text/html; charset=ISO-8859-1",
            "text/html;Charset=\"iso-8859-1\"",
            "text/html; a=b; charset = iso-8859-1",
        ] {
            let header = HeaderValue::from_str(header).unwrap();
            assert_eq!(
                Media::of(Some(&header)).charset.as_deref(),
                Some("iso-8859-1")
            );
        }
    }
}
