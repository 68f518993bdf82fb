//! What a child's replies may say: one that a document has taken over may say anything.

use crate::corpus::format::Extracted;
use crate::corpus::{Document, Failure, MAX_TEXT_BYTES, Task, check_name};

/// Bytes of a reason; one may quote the file.
const MAX_REASON_BYTES: usize = 64 << 10;

/// Whether a document says nothing about its text that is not so, and nothing that is too long.
pub(super) fn is_document(document: &Document, task: &Task) -> bool {
    let is_place = |at: usize| document.text.is_char_boundary(at);
    // What the user calls a field is checked elsewhere.
    let is_name = |name: &String| {
        task.metadata.contains_key(name)
            || task.options.fields.metadata.contains(name)
            || check_name(name).is_ok()
    };
    document.source == task.source
        && document.id.len() <= Extracted::MAX_ID_BYTES
        && document.uri.len() <= Extracted::MAX_ID_BYTES
        && document.text.len() <= MAX_TEXT_BYTES
        && document
            .title
            .as_ref()
            .is_none_or(|title| title.len() <= Extracted::MAX_TITLE_BYTES)
        && document.metadata.keys().all(is_name)
        && Extracted::check_metadata(&document.metadata).is_ok()
        && document.pages.is_sorted()
        && document.pages.iter().all(|at| is_place(*at))
        && document.marks.iter().all(|mark| is_place(mark.at))
}

/// Whether a failure is one of a task.
pub(super) fn is_failure(failure: &Failure, task: &Task) -> bool {
    failure.source == task.source
        && failure.id.len() <= Extracted::MAX_ID_BYTES
        && failure.uri.len() <= Extracted::MAX_ID_BYTES
        && failure.reason.len() <= MAX_REASON_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{Format, Markup, Metadata, Offsets, Options, Value};
    use crate::digest::Digest;

    #[test]
    fn a_document_that_says_more_than_it_may_is_not_believed() {
        let task = Task {
            source: "s".into(),
            id: "i".into(),
            uri: "u".into(),
            name: "a.txt".into(),
            format: None,
            charset: None,
            options: Options::default(),
            metadata: Metadata::new(),
        };
        let document = Document {
            source: "s".into(),
            id: "i".into(),
            uri: "u".into(),
            title: None,
            format: Format::Text,
            text: "é".into(),
            markup: Markup::Plain,
            pages: vec![0],
            marks: Vec::new(),
            offsets: Offsets::default(),
            metadata: Metadata::new(),
            bytes: 2,
            sha256: Digest::of(b""),
        };
        assert!(is_document(&document, &task));
        let changes: [&dyn Fn(&mut Document); 8] = [
            &|document| document.source = "t".into(),
            &|document| document.id = "i".repeat(5_000),
            &|document| document.uri = "u".repeat(5_000),
            &|document| document.title = Some("t".repeat(600)),
            &|document| document.text = "x".repeat(MAX_TEXT_BYTES + 1),
            &|document| document.pages = vec![1],
            &|document| drop(document.metadata.insert("vector".into(), Value::Integer(1))),
            &|document| {
                let long = Value::Text("x".repeat(9_000));
                document.metadata.insert("a".into(), long);
            },
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut changed = document.clone();
            change(&mut changed);
            assert!(!is_document(&changed, &task), "{number}");
        }
    }
}
