//! Bytes → text: byte-order mark, a page's own declaration, UTF-8, then a guess by statistics.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8};

/// Where else a declaration of the encoding may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hint {
    /// Nowhere.
    None,
    /// In the first kilobyte of an HTML page.
    Html,
}

/// Decodes a document. Fails for bytes that are no text in any encoding.
pub(super) fn decode(bytes: &[u8], hint: Hint) -> Result<String, String> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return Ok(encoding
            .decode_without_bom_handling(bytes.get(mark..).unwrap_or_default())
            .0
            .into_owned());
    }
    if bytes.contains(&0) {
        return Err(
            "holds NUL bytes: it is binary, or text in an encoding without a byte-order mark"
                .into(),
        );
    }
    let declared = (hint == Hint::Html)
        .then(|| declared_in_html(bytes))
        .flatten();
    // A page that says UTF-16 in ASCII letters is not in UTF-16; HTML asks to take it for UTF-8.
    if let Some(encoding) =
        declared.filter(|encoding| *encoding != UTF_8 && encoding.is_ascii_compatible())
    {
        return Ok(encoding.decode_without_bom_handling(bytes).0.into_owned());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.to_owned());
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    let encoding = detector.guess(None, Utf8Detection::Allow);
    Ok(encoding.decode_without_bom_handling(bytes).0.into_owned())
}

/// Finds `charset=…` in the first kilobyte, where HTML asks for it to stand.
fn declared_in_html(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(1024))?).to_ascii_lowercase();
    let rest = head
        .split("charset=")
        .nth(1)?
        .trim_start_matches(['"', '\'', ' ']);
    let label: String = rest
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_:".contains(*c))
        .collect();
    Encoding::for_label(label.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decoded_by_mark_declaration_and_statistics() {
        assert_eq!(
            decode(b"\xEF\xBB\xBFna\xC3\xAFve", Hint::None).unwrap(),
            "naïve"
        );
        assert_eq!(decode(b"\xFF\xFEh\0i\0", Hint::None).unwrap(), "hi");
        assert_eq!(
            decode(b"<meta charset=\"windows-1251\">\xCF\xF0\xE8", Hint::Html).unwrap(),
            "<meta charset=\"windows-1251\">При"
        );
        let latin1 =
            b"Die Stra\xDFe f\xFChrt \xFCber die Br\xFCcke nach S\xFCden, sagte der H\xE4ndler.";
        assert_eq!(
            decode(latin1, Hint::None).unwrap(),
            "Die Straße führt über die Brücke nach Süden, sagte der Händler."
        );
        assert!(decode(b"ELF\0\0\x01", Hint::None).is_err());
    }
}
