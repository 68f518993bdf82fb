//! The zip container of Office files and EPUBs: looked through before a parser gets it, and handed on without its pictures
//! and films, which hold no text.

use std::io::{Cursor, Read as _, Write as _};

use zip::CompressionMethod;
use zip::read::ZipArchive;
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::{Format, hidden, xml};

/// Bytes that all parts with text may unpack to.
const MAX_BYTES: u64 = 128 << 20;
/// Bytes that one part with text may unpack to.
const MAX_PART_BYTES: u64 = 32 << 20;
/// Parts of a container.
const MAX_PARTS: usize = 10_000;
/// XML elements of all parts. A parser makes objects of each, of some hundred bytes.
const MAX_ELEMENTS: usize = 1_200_000;
/// How much larger than the container the parts may be, beyond the first 16 MiB.
const MAX_RATIO: u64 = 100;

/// The first bytes of a zip file.
pub(super) const MAGIC: &[u8] = b"PK\x03\x04";
/// The first bytes of the container that old Office files have, and new ones that are encrypted.
pub(super) const OLE_MAGIC: &[u8] = b"\xD0\xCF\x11\xE0";
/// Why such a container is refused.
pub(super) const OLD_OFFICE: &str =
    "is an encrypted or an old Office file; save it as DOCX, PPTX or XLSX without a password";

/// Tells by the names of its parts what a container holds.
pub(super) fn format(bytes: &[u8]) -> Result<Format, String> {
    let archive = open(bytes)?;
    let has = |name: &str| archive.index_for_name(name).is_some();
    match () {
        () if has("word/document.xml") => Ok(Format::Docx),
        () if has("ppt/presentation.xml") => Ok(Format::Pptx),
        () if has("xl/workbook.xml") => Ok(Format::Xlsx),
        () if has("META-INF/container.xml") => Ok(Format::Epub),
        () => Err("is a zip archive; unpack it and name what is in it".into()),
    }
}

/// Makes a container of the parts with text alone, without what is hidden in them. Each is unpacked once and counted, before a parser does it
/// without counting.
pub(super) fn checked(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut archive = open(bytes)?;
    let mut lean = ZipWriter::new(Cursor::new(Vec::new()));
    let (mut declared, mut unpacked, mut elements) = (0, 0, 0);
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(reason)?;
        let name = entry.name().map_err(reason)?.into_owned();
        if entry.encrypted() {
            return Err("is a zip archive that is encrypted; save it without a password".into());
        }
        declared += if holds_text(&name) { entry.size() } else { 0 };
        drop(entry);
        if holds_text(&name) {
            let (length, found) = copy(&mut archive, index, &name, &mut lean)?;
            unpacked += length;
            elements += found;
            if elements > MAX_ELEMENTS {
                return Err(format!("has more than {MAX_ELEMENTS} XML elements"));
            }
        }
        let allowed = MAX_BYTES.min((16 << 20) + MAX_RATIO * bytes.len() as u64);
        if declared.max(unpacked) > allowed {
            return Err(match allowed {
                MAX_BYTES => format!("unpacks to more than {} MiB", MAX_BYTES >> 20),
                _ => format!("unpacks to more than {MAX_RATIO} times its size"),
            });
        }
    }
    Ok(lean.finish().map_err(reason)?.into_inner())
}

/// Copies a part and returns the bytes and the XML elements that it unpacks to.
fn copy(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    index: usize,
    name: &str,
    lean: &mut ZipWriter<Cursor<Vec<u8>>>,
) -> Result<(u64, usize), String> {
    let damaged = |e: &dyn std::fmt::Display| format!("has a damaged part `{name}`: {e}");
    let entry = archive.by_index(index).map_err(|e| damaged(&e))?;
    let mut part = Vec::new();
    entry
        .take(MAX_PART_BYTES + 1)
        .read_to_end(&mut part)
        .map_err(|e| damaged(&e))?;
    if part.len() as u64 > MAX_PART_BYTES {
        return Err(format!(
            "has a part `{name}` that unpacks to more than {} MiB",
            MAX_PART_BYTES >> 20
        ));
    }
    // What nests too deep is refused before anything looks into it.
    let elements = if is_page(name) { 0 } else { xml::check(&part)? };
    let unpacked = (part.len() as u64, elements);
    if let Some(shown) = hidden::taken_out(name, &part) {
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        lean.start_file(name, stored).map_err(reason)?;
        lean.write_all(shown.as_bytes()).map_err(|e| damaged(&e))?;
        return Ok(unpacked);
    }
    let raw = archive.by_index_raw(index).map_err(|e| damaged(&e))?;
    lean.raw_copy_file(raw).map_err(reason)?;
    Ok(unpacked)
}

fn open(bytes: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, String> {
    if bytes.starts_with(OLE_MAGIC) {
        return Err(OLD_OFFICE.into());
    }
    // The directory's entries are counted before they are read into memory.
    let entries = bytes
        .windows(4)
        .filter(|window| window == b"PK\x01\x02")
        .count();
    if entries > MAX_PARTS {
        return Err(format!("has more than {MAX_PARTS} parts"));
    }
    ZipArchive::new(Cursor::new(bytes)).map_err(reason)
}

fn reason(e: ZipError) -> String {
    match e {
        ZipError::InvalidArchive(_) => "is no whole zip archive; the file may be cut off".into(),
        e => format!("is no readable zip archive: {e}"),
    }
}

fn holds_text(name: &str) -> bool {
    is_page(name) || ends_with(name, &[".xml", ".rels", ".opf", ".ncx", "mimetype"])
}

/// Whether a part is a page of a book, which the HTML parser has its own limits for.
fn is_page(name: &str) -> bool {
    ends_with(name, &[".xhtml", ".html", ".htm"])
}

fn ends_with(name: &str, endings: &[&str]) -> bool {
    let name = name.to_ascii_lowercase();
    endings.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A zip file of parts.
    pub(in crate::corpus::format) fn zipped(parts: &[(&str, &str)]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for (name, content) in parts {
            zip.start_file(*name, options).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn only_parts_with_text_are_handed_on() {
        let film = "x".repeat(40 << 20);
        let bytes = zipped(&[
            ("word/document.xml", "<a/>"),
            ("word/media/film.mp4", &film),
        ]);
        let lean = ZipArchive::new(Cursor::new(checked(&bytes).unwrap())).unwrap();
        assert_eq!(
            lean.file_names().map(Result::unwrap).collect::<Vec<_>>(),
            ["word/document.xml"]
        );
        assert_eq!(format(&bytes), Ok(Format::Docx));
        assert!(
            format(&zipped(&[("a.txt", "a")]))
                .unwrap_err()
                .contains("unpack it")
        );
    }

    #[test]
    fn bombs_are_refused_by_the_name_of_their_limit() {
        let refusal = |parts: &[(&str, &str)]| checked(&zipped(parts)).unwrap_err();
        let blank = " ".repeat((33 << 20) + 1);
        assert!(refusal(&[("a.xml", &blank)]).contains("more than 32 MiB"));
        let names: Vec<String> = (0..5).map(|n| format!("{n}.xml")).collect();
        let parts: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), &blank[..30 << 20]))
            .collect();
        assert!(refusal(&parts).contains("100 times its size"));
        let names: Vec<String> = (0..10_001).map(|n| n.to_string()).collect();
        let parts: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
        assert!(refusal(&parts).contains("10000 parts"));
        assert!(refusal(&[("a.xml", &"<a>".repeat(1_000))]).contains("128 deep"));
    }

    #[test]
    fn what_cannot_be_unpacked_says_why() {
        let mut bytes = zipped(&[("word/document.xml", &"<a/>".repeat(99))]);
        assert!(
            checked(&bytes[..bytes.len() - 30])
                .unwrap_err()
                .contains("cut off")
        );
        let found = bytes
            .windows(4)
            .position(|window| window == b"PK\x01\x02")
            .unwrap();
        for at in [6, found + 8] {
            bytes[at] |= 1;
        }
        assert!(checked(&bytes).unwrap_err().contains("encrypted"));
        assert!(
            checked(b"\xD0\xCF\x11\xE0 rest")
                .unwrap_err()
                .contains("old Office file")
        );
    }
}
