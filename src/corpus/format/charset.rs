//! Bytes → text: byte-order mark, the server's word, the page's own, UTF-8, then a guess by statistics.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8};

/// What else is known of a text's encoding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Hint<'a> {
    /// The label that a server gave.
    pub(super) declared: Option<&'a str>,
    /// Whether it is an HTML page, which may declare its encoding in its first kilobyte.
    pub(super) html: bool,
}

/// Decodes a document. Fails for bytes that are no text in any encoding.
pub(super) fn decode(bytes: &[u8], hint: Hint<'_>) -> Result<String, String> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let text = bytes.get(mark..).unwrap_or_default();
        return Ok(encoding.decode_without_bom_handling(text).0.into_owned());
    }
    let server = hint
        .declared
        .and_then(|label| Encoding::for_label(label.as_bytes()));
    // Only a server can know of UTF-16 without a mark; a page that says so in ASCII letters is not in UTF-16.
    let page = hint
        .html
        .then(|| declared_in_html(bytes))
        .flatten()
        .filter(|encoding| encoding.is_ascii_compatible())
        // A page says so by its template's word; text in such an encoding is hardly ever UTF-8 by chance.
        .filter(|encoding| !(encoding.is_single_byte() && is_wide_utf8(bytes)));
    for encoding in [server, page].into_iter().flatten() {
        if let Some(text) = without_errors(encoding, bytes) {
            return Ok(text.into_owned());
        }
    }
    if let Some(problem) = binary(bytes) {
        return Err(problem);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.to_owned());
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    let encoding = detector.guess(None, Utf8Detection::Allow);
    Ok(encoding.decode_without_bom_handling(bytes).0.into_owned())
}

/// Decodes by a declaration, which is wrong where bytes contradict it.
fn without_errors<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
    if encoding.is_ascii_compatible() && bytes.contains(&0) {
        return None;
    }
    encoding.decode_without_bom_handling_and_without_replacement(bytes)
}

/// Says what bytes are that hold NULs. In UTF-16, every second byte of Western text is one.
fn binary(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..bytes.len().min(4096)).unwrap_or(bytes);
    let nuls = |first: usize| {
        head.iter()
            .skip(first)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let (even, odd) = (nuls(0), nuls(1));
    let most = head.len() * 2 / 5;
    if even + odd == 0 && !bytes.contains(&0) {
        None
    } else if (even > most && odd == 0) || (odd > most && even == 0) {
        Some("is UTF-16 without a byte-order mark: save it as UTF-8, or with the mark".into())
    } else {
        Some(
            "holds NUL bytes: it is binary, or text in an encoding without a byte-order mark"
                .into(),
        )
    }
}

/// Whether bytes are UTF-8 with characters that are not ASCII.
fn is_wide_utf8(bytes: &[u8]) -> bool {
    !bytes.is_ascii() && std::str::from_utf8(bytes).is_ok()
}

/// Finds `charset=…` in a `<meta` tag in the first kilobyte, where HTML asks for it to stand.
fn declared_in_html(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(1024))?).to_ascii_lowercase();
    let mut rest = head.as_str();
    while let Some((_, tag)) = rest.split_once('<') {
        if let Some(comment) = tag.strip_prefix("!--") {
            rest = comment.split_once("-->")?.1;
            continue;
        }
        let (tag, behind) = tag.split_once('>').unwrap_or((tag, ""));
        let attributes = tag
            .strip_prefix("meta")
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_whitespace() || c == '/'));
        if let Some(encoding) = attributes.and_then(declared_in_tag) {
            return Some(encoding);
        }
        rest = behind;
    }
    None
}

fn declared_in_tag(attributes: &str) -> Option<&'static Encoding> {
    let mut values = attributes.split("charset").skip(1);
    let value = values.find_map(|rest| rest.trim_start().strip_prefix('='))?;
    let label: String = value
        .trim_start_matches(['"', '\'', ' '])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_:".contains(*c))
        .collect();
    let encoding = Encoding::for_label(label.as_bytes())?;
    Some(if encoding.is_ascii_compatible() {
        encoding
    } else {
        UTF_8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Hint<'_> = Hint {
        declared: None,
        html: false,
    };

    fn served(label: &str) -> Hint<'_> {
        Hint {
            declared: Some(label),
            html: true,
        }
    }

    #[test]
    fn text_is_decoded_by_mark_server_page_and_statistics_in_this_order() {
        let page = b"<meta charset=\"windows-1251\">\xCF\xF0\xE8";
        assert_eq!(
            decode(b"\xEF\xBB\xBFna\xC3\xAFve", served("latin1")).unwrap(),
            "naïve"
        );
        assert_eq!(decode(b"\xFF\xFEh\0i\0", PLAIN).unwrap(), "hi");
        assert_eq!(decode(b"\xE9t\xE9", served("ISO-8859-1")).unwrap(), "été");
        assert!(decode(page, served("koi8-r")).unwrap().ends_with("оПХ"));
        let html = Hint {
            declared: None,
            html: true,
        };
        assert!(decode(page, html).unwrap().ends_with("При"));
        let latin1 =
            b"Die Stra\xDFe f\xFChrt \xFCber die Br\xFCcke nach S\xFCden, sagte der H\xE4ndler.";
        assert_eq!(
            decode(latin1, PLAIN).unwrap(),
            "Die Straße führt über die Brücke nach Süden, sagte der Händler."
        );
    }

    #[test]
    fn a_declaration_that_the_bytes_contradict_is_not_believed() {
        assert_eq!(
            decode("Größe".as_bytes(), served("us-ascii, really")).unwrap(),
            "Größe"
        );
        assert_eq!(
            decode(b"caf\xE9 au lait", served("utf-8")).unwrap(),
            "café au lait"
        );
        let page = "<meta charset=iso-8859-1>Größe";
        assert_eq!(decode(page.as_bytes(), served("")).unwrap(), page);
        let page = "<!-- <meta charset=koi8-r> --><script charset=koi8-r></script><meta name=a content=charset>\
                    <meta http-equiv=content-type content='text/html; charset=windows-1251'>";
        let page = page.as_bytes();
        assert_eq!(
            decode(&[page, b"\xCF\xF0\xE8"].concat(), served("")).unwrap(),
            format!("{}При", str::from_utf8(page).unwrap())
        );
        let page = "<meta charset=utf-16>Größe";
        assert_eq!(decode(page.as_bytes(), served("")).unwrap(), page);
    }

    #[test]
    fn utf16_without_a_mark_is_named_and_binary_is_refused() {
        let utf16: Vec<u8> = "plain words".bytes().flat_map(|b| [b, 0]).collect();
        assert!(decode(&utf16, PLAIN).unwrap_err().contains("UTF-16"));
        assert_eq!(decode(&utf16, served("utf-16le")).unwrap(), "plain words");
        assert!(
            decode(b"ELF\0\0\x01\x02\x03\x04\x05", PLAIN)
                .unwrap_err()
                .contains("binary")
        );
    }
}
