//! EPUB → Markdown: the pages in reading order, each by the HTML path.

use std::io::Cursor;

use rbook::Epub;

use super::{
    Extracted, HtmlMode, MAX_TEXT_BYTES, Refusal, archive, charset, html, no_text, too_much_text,
};

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, Refusal> {
    let unreadable = |e: &dyn std::fmt::Display| Refusal::from(format!("is no readable EPUB: {e}"));
    let book = Epub::options()
        .skip_toc(true)
        .read(Cursor::new(archive::checked(bytes)?))
        .map_err(|e| unreadable(&e))?;
    if let Ok(encryption) = book.read_resource_str("/META-INF/encryption.xml")
        && encryption.contains(CONTENT_CIPHER)
    {
        return Err("is protected against reading (DRM)".into());
    }
    let title = book
        .metadata()
        .title()
        .map(|title| title.value().trim().to_owned());
    let mut text = String::new();
    for entry in book.spine().iter() {
        // What the spine names and the book lacks is no page.
        let Some(page) = entry.manifest_entry() else {
            continue;
        };
        if page.properties().has_property("nav") {
            continue;
        }
        let bytes = page.read_bytes().map_err(|e| unreadable(&e))?;
        let hint = charset::Hint {
            declared: None,
            html: true,
        };
        let chapter = match html::extract(&charset::decode(&bytes, hint)?, &HtmlMode::Full) {
            Ok(chapter) => chapter,
            // A cover, or a page that is a picture.
            Err(Refusal::Empty(_)) => continue,
            Err(refusal) => return Err(refusal),
        };
        // A page without a heading would look like a part of the one before it.
        if !chapter.text.lines().any(|line| line.starts_with('#'))
            && let Some(heading) = chapter
                .title
                .filter(|heading| Some(heading) != title.as_ref())
        {
            text.push_str(&format!("## {heading}\n\n"));
        }
        text.push_str(chapter.text.trim_end());
        text.push_str("\n\n");
        if text.len() > MAX_TEXT_BYTES {
            return Err(too_much_text());
        }
    }
    text.truncate(text.trim_end().len());
    if text.is_empty() {
        return Err(no_text());
    }
    let extracted = Extracted::markdown(text);
    Ok(Extracted {
        title: title
            .filter(|title| !title.is_empty())
            .or_else(|| extracted.title.clone()),
        ..extracted
    })
}

/// Stands in the list of encrypted parts where pages are among them; fonts alone are obfuscated in other ways.
const CONTENT_CIPHER: &str = "http://www.w3.org/2001/04/xmlenc#aes";

#[cfg(test)]
mod tests {
    use super::super::archive::tests::zipped;
    use super::*;

    fn book(encryption: &str) -> Vec<u8> {
        let container = r#"<container><rootfiles><rootfile full-path="E/p.opf"
            media-type="application/oebps-package+xml"/></rootfiles></container>"#;
        let package = r#"<package xmlns="http://www.idpf.org/2007/opf" version="3.0">
            <metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The Book</dc:title></metadata><manifest>
            <item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
            <item id="a" href="a%20b.xhtml" media-type="application/xhtml+xml"/>
            <item id="b" href="b.xhtml" media-type="application/xhtml+xml"/></manifest>
            <spine><itemref idref="nav"/><itemref idref="b"/><itemref idref="a"/></spine></package>"#;
        zipped(&[
            ("META-INF/container.xml", container),
            ("META-INF/encryption.xml", encryption),
            ("E/p.opf", package),
            (
                "E/nav.xhtml",
                "<html><body><nav>The contents</nav></body></html>",
            ),
            (
                "E/a b.xhtml",
                "<html><head><title>Second</title></head><body><p>Without a heading.</p></body></html>",
            ),
            (
                "E/b.xhtml",
                "<html><body><h1>First</h1><p>With a heading.</p></body></html>",
            ),
        ])
    }

    #[test]
    fn pages_follow_the_reading_order_and_each_has_a_heading() {
        let fonts = r#"<encryption xmlns:enc="http://www.w3.org/2001/04/xmlenc#">
            <enc:EncryptionMethod Algorithm="http://www.idpf.org/2008/embedding"/></encryption>"#;
        let found = extract(&book(fonts)).unwrap();
        assert_eq!(found.title.as_deref(), Some("The Book"));
        let expected = "# First\n\nWith a heading.\n\n## Second\n\nWithout a heading.";
        assert_eq!(found.text, expected);
    }

    #[test]
    fn a_protected_book_says_so() {
        let locked = format!(
            "<encryption><EncryptionMethod Algorithm=\"{CONTENT_CIPHER}128-cbc\"/></encryption>"
        );
        assert_eq!(
            extract(&book(&locked)),
            Err("is protected against reading (DRM)".into())
        );
    }
}
