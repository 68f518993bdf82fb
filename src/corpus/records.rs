//! JSON Lines: one document a line, its columns mapped by name. The BEIR layout (`_id`, `title`, `text`) needs no mapping.

use std::io::{BufRead, Read as _};

use serde_json::{Map, Value as Json};

use super::{Document, Failure, Format, Item, MAX_DOCUMENT_BYTES, Markup, SourceSpec, Value};
use crate::digest::Digest;

pub(super) fn read<E>(
    source: &SourceSpec,
    item: &Item,
    mut reader: Box<dyn BufRead>,
    visit: &mut dyn FnMut(Result<Document, Failure>) -> Result<(), E>,
) -> Result<(), E> {
    let mut number = 0u64;
    loop {
        number += 1;
        let mut line = Vec::new();
        let fail = |reason: String| Failure {
            source: source.id().to_owned(),
            id: format!("{}:{number}", item.id),
            uri: format!("{}#L{number}", item.uri),
            reason,
        };
        match reader
            .by_ref()
            .take(MAX_DOCUMENT_BYTES + 1)
            .read_until(b'\n', &mut line)
        {
            Ok(0) => return Ok(()),
            Ok(read) if read as u64 > MAX_DOCUMENT_BYTES => {
                visit(Err(fail(format!(
                    "is a line of more than {} MiB",
                    MAX_DOCUMENT_BYTES >> 20
                ))))?;
                // The lines after it are documents of their own.
                if !line.ends_with(b"\n") && reader.skip_until(b'\n').is_err() {
                    return Ok(());
                }
                continue;
            }
            Ok(_) if line.iter().all(u8::is_ascii_whitespace) => continue,
            Ok(_) => {}
            Err(e) => return visit(Err(fail(e.to_string()))),
        }
        let outcome = read_line(source, item, number, &line);
        visit(outcome.map_err(fail))?;
    }
}

fn read_line(
    source: &SourceSpec,
    item: &Item,
    number: u64,
    line: &[u8],
) -> Result<Document, String> {
    // The first line of a file may carry a byte-order mark.
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    let record: Map<String, Json> = serde_json::from_slice(line)
        .map_err(|e| format!("is not a JSON object (column {})", e.column()))?;
    let id = match &source.id_field {
        Some(field) => {
            scalar(&record, field)?.ok_or_else(|| format!("has no field `{field}` for its id"))?
        }
        None => match (scalar(&record, "_id")?, scalar(&record, "id")?) {
            (Some(id), _) | (None, Some(id)) => id,
            (None, None) => format!("{}:{number}", item.id),
        },
    };
    let title = scalar(&record, source.title_field.as_deref().unwrap_or("title"))?
        .filter(|title| !title.trim().is_empty());
    let field = source.text_field.as_deref().unwrap_or("text");
    let body =
        scalar(&record, field)?.ok_or_else(|| format!("has no field `{field}` for its text"))?;
    let text = match &title {
        Some(title) => format!("{title} {body}").trim().to_owned(),
        None => body.trim().to_owned(),
    };
    if !text.chars().any(char::is_alphanumeric) {
        return Err("holds no text".into());
    }
    let uri = match &source.uri_field {
        Some(field) => scalar(&record, field)?,
        None => None,
    };
    let mut metadata = source.metadata.clone();
    for field in &source.metadata_fields {
        let value = record.get(field).map_or(Ok(None), Value::from_json);
        if let Some(value) = value.map_err(|kind| {
            format!("has an {kind} in `{field}`; metadata holds text, numbers and booleans")
        })? {
            metadata.insert(field.clone(), value);
        }
    }
    Ok(Document {
        source: source.id().to_owned(),
        uri: uri.unwrap_or_else(|| format!("{}#{id}", item.uri)),
        id,
        title,
        format: Format::Record,
        text,
        markup: Markup::Plain,
        pages: Vec::new(),
        metadata,
        bytes: line.len() as u64,
        sha256: Digest::of(line.trim_ascii_end()),
    })
}

/// Reads a field as text; a number or boolean is written as JSON writes it.
fn scalar(record: &Map<String, Json>, field: &str) -> Result<Option<String>, String> {
    match record.get(field) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(value @ (Json::Number(_) | Json::Bool(_))) => Ok(Some(value.to_string())),
        Some(Json::Array(_) | Json::Object(_)) => Err(format!(
            "has an array or object in `{field}`, where text is expected"
        )),
    }
}
