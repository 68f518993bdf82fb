//! Records: one document each, its columns mapped by name. The BEIR layout (`_id`, `title`, `text`) needs no mapping. JSON
//! Lines are read here; [`json`] and [`delimited`] read the other files of records.

use std::io::{self, BufRead, Cursor, Read as _};

use serde_json::{Map, Value as Json};

use super::{
    Document, Extracted, Failure, Format, MAX_DOCUMENT_BYTES, Refusal, Task, Value, Visit,
    compressed, delimited, document, has_letters, json, no_text,
};

/// Reads a stream of records in the layout that the name tells, or the first bytes.
pub(super) fn read(task: &Task, bytes: &mut dyn BufRead, visit: Visit<'_>) -> io::Result<()> {
    let mut reader = match compressed::stream(bytes) {
        Ok(reader) => reader,
        Err(e) => return visit(Err(task.failure(e.to_string().into()))),
    };
    let name = compressed::inner_name(&task.name).to_ascii_lowercase();
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("jsonl" | "ndjson") => lines(task, &mut reader, visit),
        Some("csv") => delimited::read(task, None, &mut reader, visit),
        Some("tsv" | "tab") => delimited::read(task, Some(b'\t'), &mut reader, visit),
        _ => {
            let mut head = Vec::new();
            if let Err(e) = reader.by_ref().take(HEAD).read_to_end(&mut head) {
                return visit(Err(task.failure(e.to_string().into())));
            }
            let layout = sniff(&head);
            let mut reader = Cursor::new(head).chain(reader);
            match layout {
                Layout::Lines => lines(task, &mut reader, visit),
                Layout::Json => json::stream(task, &mut reader, visit),
                Layout::Delimited => delimited::read(task, None, &mut reader, visit),
            }
        }
    }
}

/// First bytes by which a layout is told.
const HEAD: u64 = 64 << 10;

/// How records are written.
enum Layout {
    Lines,
    Json,
    Delimited,
}

fn sniff(head: &[u8]) -> Layout {
    let text = head
        .strip_prefix(super::UTF8_MARK)
        .unwrap_or(head)
        .trim_ascii_start();
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or(text);
    match text.first() {
        Some(b'[') => Layout::Json,
        // An object that ends on another line is not one of many.
        Some(b'{') if line.len() < text.len() && !line.trim_ascii_end().ends_with(b"}") => {
            Layout::Json
        }
        Some(b'{') => Layout::Lines,
        _ if line.iter().any(|byte| b",;\t".contains(byte)) => Layout::Delimited,
        _ => Layout::Lines,
    }
}

/// One record and where it stands.
pub(super) struct Record<'a> {
    /// Its id, if it does not name one.
    pub(super) id: String,
    /// What is put after the item's address for a record that cannot be read.
    pub(super) place: String,
    /// Its bytes, in the file or in canonical JSON.
    pub(super) bytes: &'a [u8],
}

impl Record<'_> {
    /// Tells the outcome of reading it.
    pub(super) fn tell(
        self,
        task: &Task,
        outcome: Result<Document, Refusal>,
        visit: Visit<'_>,
    ) -> io::Result<()> {
        visit(outcome.map_err(|refusal| Failure {
            id: self.id,
            uri: format!("{}#{}", task.uri, self.place),
            ..task.failure(refusal)
        }))
    }
}

fn lines(task: &Task, reader: &mut dyn BufRead, visit: Visit<'_>) -> io::Result<()> {
    let mut number = 0u64;
    loop {
        number += 1;
        let mut line = Vec::new();
        let record = |bytes| Record {
            id: format!("{}:{number}", task.id),
            place: format!("L{number}"),
            bytes,
        };
        match reader
            .take(MAX_DOCUMENT_BYTES + 1)
            .read_until(b'\n', &mut line)
        {
            Ok(0) => return Ok(()),
            Ok(read) if read as u64 > MAX_DOCUMENT_BYTES => {
                let reason = format!("is a line of more than {} MiB", MAX_DOCUMENT_BYTES >> 20);
                record(&[]).tell(task, Err(reason.into()), visit)?;
                // The lines after it are documents of their own.
                if !line.ends_with(b"\n") && reader.skip_until(b'\n').is_err() {
                    return Ok(());
                }
            }
            Ok(_) if line.iter().all(u8::is_ascii_whitespace) => {}
            Ok(_) => {
                // The first line of a file may carry a byte-order mark.
                let line = line.strip_prefix(super::UTF8_MARK).unwrap_or(&line);
                let record = record(line);
                let outcome = serde_json::from_slice(line)
                    .map_err(|e| format!("is not a JSON object (column {})", e.column()).into())
                    .and_then(|fields| map(task, &record, &fields));
                record.tell(task, outcome, visit)?;
            }
            Err(e) => return record(&[]).tell(task, Err(e.to_string().into()), visit),
        }
    }
}

/// Makes a record a document.
pub(super) fn map(
    task: &Task,
    record: &Record<'_>,
    fields: &Map<String, Json>,
) -> Result<Document, Refusal> {
    let wanted = &task.options.fields;
    let id = match &wanted.id {
        Some(field) => {
            scalar(fields, field)?.ok_or_else(|| format!("has no field `{field}` for its id"))?
        }
        None => match (scalar(fields, "_id")?, scalar(fields, "id")?) {
            (Some(id), _) | (None, Some(id)) => id,
            (None, None) => record.id.clone(),
        },
    };
    let title = scalar(fields, wanted.title.as_deref().unwrap_or("title"))?
        .filter(|title| !title.trim().is_empty());
    let field = text_field(task);
    let body = scalar(fields, field)?.ok_or_else(|| {
        format!("has no field `{field}` for its text; name another by `text_field`")
    })?;
    let text = match &title {
        Some(title) => format!("{title} {body}").trim().to_owned(),
        None => body.trim().to_owned(),
    };
    if !has_letters(&text) {
        return Err(no_text());
    }
    let uri = match &wanted.uri {
        Some(field) => scalar(fields, field)?,
        None => None,
    };
    let mut extracted = Extracted {
        title,
        ..Extracted::plain(text)
    };
    for field in &wanted.metadata {
        let value = fields.get(field).map_or(Ok(None), Value::from_json);
        if let Some(value) = value.map_err(|kind| {
            format!("has an {kind} in `{field}`; metadata holds text, numbers and booleans")
        })? {
            extracted.metadata.insert(field.clone(), value);
        }
    }
    let document = document(
        task,
        Format::Record,
        record.bytes.trim_ascii_end(),
        extracted,
    )?;
    Ok(Document {
        uri: uri.unwrap_or_else(|| format!("{}#{id}", task.uri)),
        id,
        bytes: record.bytes.len() as u64,
        ..document
    })
}

/// The field that holds a record's text.
pub(super) fn text_field(task: &Task) -> &str {
    task.options.fields.text.as_deref().unwrap_or("text")
}

/// Reads a field as text; a number or boolean is written as JSON writes it.
fn scalar(fields: &Map<String, Json>, field: &str) -> Result<Option<String>, String> {
    match fields.get(field) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(value @ (Json::Number(_) | Json::Bool(_))) => Ok(Some(value.to_string())),
        Some(Json::Array(_) | Json::Object(_)) => Err(format!(
            "has an array or object in `{field}`, where text is expected"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{outcomes, task};
    use super::super::{Fields, Metadata};
    use super::*;

    #[test]
    fn a_line_is_a_document_and_a_bad_one_does_not_take_the_others_along() {
        let file = "\u{FEFF}{\"_id\": \"a\", \"title\": \"T\", \"text\": \"one\"}\r\n\n[1]\n{\"text\": \" \"}\n{\"text\": {}}\n{\"id\": 7, \"text\": \"two\"}";
        let read = outcomes(&task("a.jsonl"), file.as_bytes());
        let told: Vec<_> = read
            .iter()
            .map(|outcome| match outcome {
                Ok(document) => (
                    document.id.as_str(),
                    document.uri.as_str(),
                    document.text.as_str(),
                ),
                Err(failure) => (
                    failure.id.as_str(),
                    failure.uri.as_str(),
                    failure.reason.as_str(),
                ),
            })
            .collect();
        let expected = [
            ("a", "docs/a.jsonl#a", "T one"),
            (
                "item:3",
                "docs/a.jsonl#L3",
                "is not a JSON object (column 0)",
            ),
            ("item:4", "docs/a.jsonl#L4", "holds no text"),
            (
                "item:5",
                "docs/a.jsonl#L5",
                "has an array or object in `text`, where text is expected",
            ),
            ("7", "docs/a.jsonl#7", "two"),
        ];
        assert_eq!(told, expected);
        assert!(read[2].as_ref().unwrap_err().empty);
        let line = file.lines().next().unwrap().trim_start_matches('\u{FEFF}');
        assert_eq!(
            read[0].as_ref().unwrap().sha256,
            crate::digest::Digest::of(line)
        );
    }

    #[test]
    fn fields_are_mapped_whatever_the_layout_is() {
        let lines =
            "{\"key\": \"k\", \"body\": \"text\", \"link\": \"https://a/b\", \"year\": 2026}\n";
        let array = format!("\n[{lines}]");
        let table = "key;body;link;year\nk;text;https://a/b;2026\n";
        let mut task = task("-");
        task.format = Some(Format::Record);
        task.options.fields = Fields {
            id: Some("key".into()),
            text: Some("body".into()),
            uri: Some("link".into()),
            metadata: vec!["year".into(), "absent".into()],
            ..Fields::default()
        };
        for file in [lines, &lines.replace(", ", ",\n"), &array, table] {
            let read = outcomes(&task, file.as_bytes());
            let document = read[0].as_ref().unwrap();
            assert_eq!(read.len(), 1, "{file}");
            assert_eq!(
                (document.id.as_str(), document.uri.as_str()),
                ("k", "https://a/b"),
                "{file}"
            );
            let year = if file == table {
                Value::Text("2026".into())
            } else {
                Value::Integer(2026)
            };
            assert_eq!(
                document.metadata,
                Metadata::from([("year".into(), year)]),
                "{file}"
            );
        }
    }
}
