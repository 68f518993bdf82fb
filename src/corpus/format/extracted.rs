//! What a format's file gives, and what becomes of it, whatever the format.

use super::super::{Document, MAX_TEXT_BYTES, Metadata, Offsets, Value, normal};
use super::{Format, Markup, Task};
use crate::digest::Digest;

/// Why a document gives no text, as a clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It was read, and there is none in it.
    Empty(String),
    /// It could not be read.
    Unreadable(String),
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::Unreadable(reason)
    }
}

impl From<&str> for Refusal {
    fn from(reason: &str) -> Self {
        Self::Unreadable(reason.to_owned())
    }
}

/// A document's text, before it is normalised and told where it came from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Extracted {
    pub(crate) title: Option<String>,
    /// Its text, with [`normal::HIDDEN`] where something hidden was taken out.
    pub(crate) text: String,
    pub(crate) markup: Markup,
    /// Byte offsets into `text` at which pages begin.
    pub(crate) pages: Vec<usize>,
    /// What the document says of itself.
    pub(crate) metadata: Metadata,
    /// Where the text stood in the file, where it is the file's own: all of it moved by one number of bytes.
    pub(crate) offsets: Offsets,
}

impl Extracted {
    /// Bytes of a title. Every chunk of a document has a copy of its title, of where it lies and of its metadata.
    pub(crate) const MAX_TITLE_BYTES: usize = 512;
    /// Bytes of a document's id, and of where it lies.
    pub(crate) const MAX_ID_BYTES: usize = 4 << 10;
    /// Bytes of one metadata value.
    const MAX_VALUE_BYTES: usize = 8 << 10;
    /// Bytes of all metadata of a document, names included.
    const MAX_METADATA_BYTES: usize = 64 << 10;

    /// Checks that metadata is not too large, and else says what is, as a clause.
    pub(crate) fn check_metadata(metadata: &Metadata) -> Result<(), String> {
        let mut bytes = 0;
        for (name, value) in metadata {
            let length = match value {
                Value::Text(text) => text.len(),
                _ => size_of::<Value>(),
            };
            if length > Self::MAX_VALUE_BYTES {
                return Err(format!(
                    "has more than {} KiB in the metadata field `{name}`",
                    Self::MAX_VALUE_BYTES >> 10
                ));
            }
            bytes += name.len() + length;
        }
        match bytes > Self::MAX_METADATA_BYTES {
            true => Err(format!(
                "has more than {} KiB of metadata",
                Self::MAX_METADATA_BYTES >> 10
            )),
            false => Ok(()),
        }
    }

    /// Text without markup, pages or anything else.
    pub(crate) fn plain(text: String) -> Self {
        Self {
            title: None,
            text,
            markup: Markup::Plain,
            pages: Vec::new(),
            metadata: Metadata::new(),
            offsets: Offsets::default(),
        }
    }

    /// Markdown; its first heading is its title if that is of level one.
    pub(crate) fn markdown(text: String) -> Self {
        Self {
            title: first_heading(&text),
            markup: Markup::Markdown,
            ..Self::plain(text)
        }
    }
}

/// Normalises a text and gives it its place and its metadata.
pub(super) fn document(
    task: &Task,
    format: Format,
    raw: &[u8],
    extracted: Extracted,
) -> Result<Document, Refusal> {
    if extracted.text.len() > MAX_TEXT_BYTES {
        return Err(too_much_text());
    }
    let kind = match format {
        Format::Pdf => normal::Kind::Pdf,
        Format::Code => normal::Kind::Code,
        _ => normal::Kind::Prose,
    };
    let normalised = normal::normalise(extracted.text, kind);
    // Some characters are written by more bytes once they are normalised.
    if normalised.text.len() > MAX_TEXT_BYTES {
        return Err(too_much_text());
    }
    if !has_letters(&normalised.text) {
        return Err(no_text());
    }
    let pages = extracted
        .pages
        .iter()
        .map(|page| normalised.map(*page))
        .collect();
    let mut metadata = task.metadata.clone();
    metadata.extend(extracted.metadata);
    Extracted::check_metadata(&metadata)?;
    Ok(Document {
        source: task.source.clone(),
        id: task.id.clone(),
        uri: task.uri.clone(),
        title: extracted.title.and_then(one_line),
        format,
        text: normalised.text,
        markup: extracted.markup,
        pages,
        marks: normalised.marks,
        offsets: normalised.offsets.shifted(extracted.offsets.original(0)),
        metadata,
        bytes: raw.len() as u64,
        sha256: Digest::of(raw),
    })
}

/// A title as it is shown and embedded: on one line, without what nobody sees, and not too long.
fn one_line(title: String) -> Option<String> {
    let title = normal::normalise(title, normal::Kind::Prose).text;
    let mut title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    if title.len() > Extracted::MAX_TITLE_BYTES {
        let most = Extracted::MAX_TITLE_BYTES - '…'.len_utf8();
        title.truncate(title.floor_char_boundary(most));
        title.truncate(title.trim_end().len());
        title.push('…');
    }
    (!title.is_empty()).then_some(title)
}

pub(super) fn too_much_text() -> Refusal {
    format!("gives more than {} MiB of text", MAX_TEXT_BYTES >> 20).into()
}

pub(super) fn no_text() -> Refusal {
    Refusal::Empty("holds no text".into())
}

pub(super) fn has_letters(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// Returns the text of a Markdown text's first heading, if that is of level one.
fn first_heading(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with('#'))?;
    let title = line
        .strip_prefix("# ")?
        .trim()
        .trim_end_matches('#')
        .trim_end();
    (!title.is_empty()).then(|| title.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{only, task};
    use super::*;

    #[test]
    fn what_every_chunk_gets_a_copy_of_is_short() {
        let title = one_line("é".repeat(1_000)).unwrap();
        assert_eq!(title, format!("{}…", "é".repeat(254)));
        let reason = |fields: usize, bytes: usize| {
            let mut task = task("a.txt");
            let field = |n| (format!("f{n}"), Value::Text("x".repeat(bytes)));
            task.metadata = (0..fields).map(field).collect();
            only(&task, b"words").map_err(|failure| failure.reason)
        };
        assert!(reason(7, 8 << 10).is_ok());
        assert_eq!(
            reason(1, (8 << 10) + 1).unwrap_err(),
            "has more than 8 KiB in the metadata field `f0`"
        );
        assert_eq!(
            reason(8, 8 << 10).unwrap_err(),
            "has more than 64 KiB of metadata"
        );
    }
}
