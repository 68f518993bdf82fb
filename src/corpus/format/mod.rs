//! Bytes → text with structure, one file a format. All of it runs in a worker process: see [`super::worker`].

mod archive;
mod charset;
mod code;
mod compressed;
mod delimited;
mod epub;
mod extracted;
mod front_matter;
mod hidden;
mod html;
mod json;
mod notebook;
mod office;
mod pdf;
mod records;
mod task;
mod xml;

use std::fmt;
use std::io::{self, BufRead};
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use task::{Fields, HtmlMode, HtmlModeError, Options, Task};

pub(super) use compressed::stream as unpacked;
pub(crate) use extracted::{Extracted, Refusal};
use extracted::{document, has_letters, no_text, too_much_text};

use super::{
    Document, Failure, MAX_DOCUMENT_BYTES, MAX_TEXT_BYTES, Metadata, Value, check_name, read_whole,
};

/// What a document's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Markdown.
    Markdown,
    /// Text without markup that ragctl knows; reStructuredText and AsciiDoc, too.
    Text,
    /// A web page.
    Html,
    /// A PDF.
    Pdf,
    /// Word.
    Docx,
    /// PowerPoint.
    Pptx,
    /// Excel.
    Xlsx,
    /// An electronic book.
    Epub,
    /// A Jupyter notebook.
    Notebook,
    /// Source code.
    Code,
    /// One record of a JSON Lines, JSON or CSV file.
    Record,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Markdown => "markdown",
            Self::Text => "text",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Pptx => "pptx",
            Self::Xlsx => "xlsx",
            Self::Epub => "epub",
            Self::Notebook => "notebook",
            Self::Code => "code",
            Self::Record => "record",
        })
    }
}

/// How a document's text marks its structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Markup {
    /// Markdown, headings included.
    Markdown,
    /// None.
    Plain,
}

/// Something about a span of a document's text that a reader of a chunk should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// Characters that nobody sees stood here: Unicode tags, zero-width, bidirectional controls. They were taken out.
    InvisibleCharacters,
    /// A part of the page that a browser does not show stood here and was taken out, or is shown only once somebody clicks or
    /// a script has run.
    HiddenElement,
}

/// A flag and where it belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Byte offset in the document's text.
    pub at: usize,
    /// What stood there.
    pub flag: Flag,
}

/// Tells the format that a file's name stands for; an ending that names a compression is looked through.
pub(super) fn extension(name: &str) -> Option<Format> {
    let name = compressed::inner_name(name);
    if code::language_of_name(name).is_some() {
        return Some(Format::Code);
    }
    let extension = Path::new(name).extension()?.to_str()?.to_ascii_lowercase();
    Some(match extension.as_str() {
        "md" | "markdown" | "mdx" => Format::Markdown,
        "txt" | "text" | "log" | "rst" | "adoc" | "asciidoc" | "org" | "tex" => Format::Text,
        "html" | "htm" | "xhtml" => Format::Html,
        "pdf" => Format::Pdf,
        "docx" | "docm" => Format::Docx,
        "pptx" | "pptm" | "ppsx" => Format::Pptx,
        "xlsx" | "xlsm" => Format::Xlsx,
        "epub" => Format::Epub,
        "ipynb" => Format::Notebook,
        "jsonl" | "ndjson" | "json" | "csv" | "tsv" | "tab" => Format::Record,
        extension => return code::language_of_extension(extension).map(|_| Format::Code),
    })
}

/// Reads one item. A file of records gives many outcomes, any other item one. `visit` may stop the reading by its error.
pub(super) fn read(task: &Task, bytes: &mut dyn BufRead, visit: Visit<'_>) -> io::Result<()> {
    let format = task.format.or_else(|| extension(&task.name));
    let records = format == Some(Format::Record);
    if records && !json::is_named(&task.name) {
        return records::read(task, bytes, visit);
    }
    let raw = match read_whole(bytes) {
        Ok(raw) => raw,
        Err(e) if records => return visit(Err(task.failure(json::unread(&e).into()))),
        Err(e) => return visit(Err(task.failure(e.to_string().into()))),
    };
    match compressed::unpack(&raw) {
        Err(reason) => visit(Err(task.failure(reason.into()))),
        Ok(unpacked) if records => json::read(task, &raw, &unpacked, visit),
        Ok(unpacked) => {
            visit(read_one(task, format, &raw, &unpacked).map_err(|refusal| task.failure(refusal)))
        }
    }
}

/// Tells the addresses that a page links to.
pub(crate) fn links(
    page: &[u8],
    base: &str,
    declared: Option<&str>,
) -> Result<Vec<String>, String> {
    let hint = charset::Hint {
        declared,
        html: true,
    };
    html::links(&charset::decode(page, hint)?, base)
}

/// Takes the outcomes of reading.
type Visit<'a> = &'a mut dyn FnMut(Result<Document, Failure>) -> io::Result<()>;

fn read_one(
    task: &Task,
    format: Option<Format>,
    raw: &[u8],
    bytes: &[u8],
) -> Result<Document, Refusal> {
    let format = format.map_or_else(|| sniff(bytes), Ok)?;
    document(task, format, raw, extract(task, format, bytes)?)
}

/// Tells a format by the bytes, for files whose names do not.
fn sniff(bytes: &[u8]) -> Result<Format, String> {
    if bytes.starts_with(archive::MAGIC) {
        return archive::format(bytes);
    }
    if bytes.starts_with(archive::OLE_MAGIC) {
        return Err(archive::OLD_OFFICE.into());
    }
    let head = bytes.get(..bytes.len().min(1024)).unwrap_or(bytes);
    let head = head.to_ascii_lowercase();
    let has = |needle: &[u8]| head.windows(needle.len()).any(|window| window == needle);
    let start = head
        .strip_prefix(UTF8_MARK)
        .unwrap_or(&head)
        .trim_ascii_start();
    Ok(match start.first() {
        _ if has(b"%pdf-") => Format::Pdf,
        Some(b'<') if has(b"<!doctype html") || has(b"<html") => Format::Html,
        Some(b'{') if notebook::is_one(bytes) => Format::Notebook,
        _ => Format::Text,
    })
}

/// A byte-order mark in UTF-8.
const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

fn extract(task: &Task, format: Format, bytes: &[u8]) -> Result<Extracted, Refusal> {
    let decode = |html| {
        let declared = task.charset.as_deref();
        charset::decode(bytes, charset::Hint { declared, html })
    };
    Ok(match format {
        Format::Pdf => pdf::extract(bytes, &task.options.passwords)?,
        Format::Html => html::extract(&decode(true)?, &task.options.html)?,
        Format::Docx | Format::Pptx | Format::Xlsx => office::extract(bytes)?,
        Format::Epub => epub::extract(bytes)?,
        Format::Notebook => notebook::extract(bytes)?,
        Format::Code => in_file(bytes, code::extract(decode(false)?, &task.name)),
        Format::Markdown | Format::Text | Format::Record => {
            let text = decode(false)?;
            let text = if task.options.keep_front_matter {
                front_matter::ignored(text, format)
            } else {
                front_matter::taken(text, format, &task.name)
            };
            in_file(bytes, text)
        }
    })
}

/// Lets offsets count a byte-order mark that decoding takes away.
fn in_file(bytes: &[u8], extracted: Extracted) -> Extracted {
    match bytes.starts_with(UTF8_MARK) {
        true => Extracted {
            offsets: extracted.offsets.shifted(UTF8_MARK.len()),
            ..extracted
        },
        false => extracted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    /// A task for a file of a name.
    pub(super) fn task(name: &str) -> Task {
        Task {
            source: "s".into(),
            id: "item".into(),
            uri: format!("docs/{name}"),
            name: name.into(),
            format: None,
            charset: None,
            options: Options::default(),
            metadata: Metadata::new(),
        }
    }

    /// What reading gives.
    pub(super) fn outcomes(task: &Task, mut bytes: &[u8]) -> Vec<Result<Document, Failure>> {
        let mut outcomes = Vec::new();
        let mut visit = |outcome| {
            outcomes.push(outcome);
            Ok(())
        };
        read(task, &mut bytes, &mut visit).unwrap();
        outcomes
    }

    /// What reading a single document gives.
    pub(super) fn only(task: &Task, bytes: &[u8]) -> Result<Document, Failure> {
        let mut outcomes = outcomes(task, bytes);
        assert_eq!(outcomes.len(), 1, "{outcomes:?}");
        outcomes.remove(0)
    }

    #[test]
    fn a_format_is_told_by_the_name_and_else_by_the_bytes() {
        let names = [
            ("a/b.MD", Some(Format::Markdown)),
            ("a.rst.gz", Some(Format::Text)),
            ("a.jsonl.zst", Some(Format::Record)),
            ("CMakeLists.txt", Some(Format::Code)),
            ("src/lib.rs", Some(Format::Code)),
            ("a.ipynb", Some(Format::Notebook)),
            ("a.tar.gz", None),
            ("v1.2/README", None),
            (".md", None),
        ];
        for (name, format) in names {
            assert_eq!(extension(name), format, "{name}");
        }
        let bytes: [(&[u8], Format); 5] = [
            (b"junk\n%PDF-1.7", Format::Pdf),
            (b"\xEF\xBB\xBF\n<!DOCTYPE HTML><p>", Format::Html),
            (b"{\"cells\": [], \"nbformat\": 4}", Format::Notebook),
            (b"a page has <html> and a PDF", Format::Text),
            (b"{\"a\": 1}", Format::Text),
        ];
        for (bytes, format) in bytes {
            assert_eq!(sniff(bytes), Ok(format));
        }
        let binary = only(&task("a"), b"\x7FELF\0\0").unwrap_err();
        assert!(binary.reason.contains("NUL") && !binary.empty, "{binary:?}");
    }

    #[test]
    fn an_offset_leads_back_into_the_file() {
        let file = "\u{FEFF}---\ntitle: T\u{200B}\n---\nOne\u{200B} two";
        let document = only(&task("a.md"), file.as_bytes()).unwrap();
        assert_eq!(
            (document.text.as_str(), document.title.as_deref()),
            ("One two", Some("T"))
        );
        let two = document
            .offsets
            .original(document.text.find("two").unwrap());
        assert_eq!(&file[two..], "two");
        assert_eq!((document.marks.len(), document.marks[0].at), (1, 3));
        assert_eq!(document.bytes, file.len() as u64);
        assert_eq!(document.sha256, Digest::of(file));
    }

    #[test]
    fn a_document_without_letters_is_empty_and_one_with_too_many_is_refused() {
        let empty = only(&task("a.md"), b"---\n\n***\n").unwrap_err();
        assert_eq!(
            (empty.reason.as_str(), empty.empty),
            ("holds no text", true)
        );
        let large = only(&task("a.txt"), &b"word ".repeat(4 << 20)).unwrap_err();
        assert_eq!(
            (large.reason.as_str(), large.empty),
            ("gives more than 16 MiB of text", false)
        );
        let larger = only(&task("a.txt"), &vec![b'a'; (64 << 20) + 1]).unwrap_err();
        assert_eq!(larger.reason, "is larger than 64 MiB");
    }

    #[test]
    fn files_as_people_have_them_give_what_is_seen_in_them() {
        let expected: [(&str, Format, Option<&str>, &[&str]); 10] = [
            (
                "policy.docx",
                Format::Docx,
                Some("Vacation policy 2026"),
                &[
                    "# Vacation policy",
                    "## Requests",
                    "1. Ask your lead two weeks before.",
                    "| up to 10 | 31 March |",
                ],
            ),
            (
                "review.pptx",
                Format::Pptx,
                Some("Incident review"),
                &[
                    "# What happened",
                    "Paging took nine minutes.",
                    "# What we change",
                    "Alert at 70 % instead of 95 %.",
                ],
            ),
            (
                "inventory.xlsx",
                Format::Xlsx,
                Some("Server inventory"),
                &[
                    "## Servers",
                    "| alpha | database | 32 |",
                    "## Contacts",
                    "| storage | storage@example.org |",
                ],
            ),
            (
                "lighthouse.epub",
                Format::Epub,
                Some("The Lighthouse Keeper"),
                &[
                    "# The storm",
                    "The wind came from the north that night.",
                    "## The letter",
                    "Nobody had written to him in eleven years.",
                ],
            ),
            (
                "latency.ipynb",
                Format::Notebook,
                Some("Latency of a flip"),
                &[
                    "Measured on ext4.",
                    "```python",
                    "print(sum(samples) / len(samples))",
                    "```text",
                    "61.0",
                    "plot(samples)",
                ],
            ),
            (
                "tickets.csv",
                Format::Record,
                Some("Login fails"),
                &["Login fails After the update the login page says \"session expired\"."],
            ),
            (
                "faq.json",
                Format::Record,
                Some("How do I reset my password?"),
                &["How do I reset my password? Use the link below the login form."],
            ),
            (
                "install.rst",
                Format::Text,
                None,
                &["Installation", "The package needs Python 3.12."],
            ),
            (
                "release.md",
                Format::Markdown,
                Some("Release notes 2.4"),
                &["# Changes", "The gateway now speaks TLS 1.3 only."],
            ),
            (
                "runbook.md.gz",
                Format::Markdown,
                Some("Restore a backup"),
                &["2. Copy the newest snapshot back."],
            ),
        ];
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats");
        for (name, format, title, lines) in expected {
            let read = outcomes(&task(name), &std::fs::read(dir.join(name)).unwrap());
            let document = read[0].as_ref().unwrap();
            assert_eq!(
                (document.format, document.title.as_deref()),
                (format, title),
                "{name}"
            );
            assert_eq!(
                read.len(),
                if format == Format::Record { 2 } else { 1 },
                "{name}"
            );
            let mut rest = document.text.lines();
            for line in lines {
                assert!(
                    rest.any(|found| found == *line),
                    "{name} lacks {line:?}: {}",
                    document.text
                );
            }
            if format == Format::Pptx {
                let second = document.text.find("# What we change").unwrap();
                assert_eq!(document.pages, [0, second]);
            }
        }
    }
}
