//! PDF → text by page. unpdf reads the text; lopdf tells why there is none, and is asked when unpdf finds nothing.
//!
//! lopdf alone will not do: it glues words across moves and loses form XObjects, and it loads an encrypted file without
//! its password as empty text.

use lopdf::LoadOptions;
use unpdf::{ErrorKind, ParseOptions};

use super::{Extracted, Markup};

/// Bytes that one stream may decompress to. lopdf's default of 256 MiB takes 2.8 GB of memory.
const MAX_STREAM_BYTES: usize = 32 << 20;
/// Bytes of text that one document may give.
const MAX_TEXT_BYTES: usize = 16 << 20;

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, String> {
    let structure = lopdf::Document::load_mem_with_options(
        bytes,
        LoadOptions::with_max_decompressed_size(MAX_STREAM_BYTES),
    );
    let parsed =
        match unpdf::parse_bytes_with_options(bytes, ParseOptions::new().lenient().sequential()) {
            Ok(parsed) => parsed,
            Err(e) if matches!(e.kind(), ErrorKind::Encrypted | ErrorKind::InvalidPassword) => {
                return Err(ENCRYPTED.into());
            }
            Err(e) => return Err(format!("is no readable PDF: {e}")),
        };
    let mut text = String::new();
    let mut pages = Vec::new();
    for page in &parsed.pages {
        pages.push(text.len());
        text.push_str(page.plain_text().trim_end());
        text.push_str("\n\n");
        if text.len() > MAX_TEXT_BYTES {
            return Err(format!(
                "gives more than {} MiB of text",
                MAX_TEXT_BYTES >> 20
            ));
        }
    }
    let title = parsed
        .metadata
        .title
        .filter(|title| !title.trim().is_empty());
    if !has_letters(&text) {
        (text, pages) = second_opinion(structure)?;
    }
    Ok(Extracted {
        title,
        text,
        markup: Markup::Plain,
        pages,
    })
}

const ENCRYPTED: &str = "is encrypted and needs a password";

/// Asks lopdf for the text of a PDF in which unpdf found none.
fn second_opinion(
    structure: lopdf::Result<lopdf::Document>,
) -> Result<(String, Vec<usize>), String> {
    let document = structure.map_err(|e| format!("is no readable PDF: {e}"))?;
    if document.is_encrypted() {
        return Err(ENCRYPTED.into());
    }
    let numbers: Vec<u32> = document.get_pages().into_keys().collect();
    if numbers.is_empty() {
        return Err("has no pages; the file may be cut off".into());
    }
    let mut text = String::new();
    let mut pages = Vec::new();
    for number in &numbers {
        pages.push(text.len());
        text.push_str(
            document
                .extract_text(&[*number])
                .unwrap_or_default()
                .trim_end(),
        );
        text.push_str("\n\n");
    }
    if !has_letters(&text) {
        return Err(format!(
            "needs OCR: no text on its {} page(s)",
            numbers.len()
        ));
    }
    Ok((text, pages))
}

fn has_letters(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}
