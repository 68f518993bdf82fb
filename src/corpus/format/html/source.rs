//! A page's source, where the parser would misread it: XHTML, whose elements close themselves, and text for readers without
//! scripts, of whom we are one.

use std::borrow::Cow;

/// Makes source that the parser reads as it is meant.
pub(super) fn prepared(page: &str) -> Cow<'_, str> {
    let closed = match is_xhtml(page) {
        true => closed(page),
        false => Cow::Borrowed(page),
    };
    match opened(&closed) {
        Some(opened) => Cow::Owned(opened),
        None => closed,
    }
}

fn is_xhtml(page: &str) -> bool {
    let head: String = page.chars().take(1024).collect();
    head.trim_start().starts_with("<?xml") || head.contains("http://www.w3.org/1999/xhtml")
}

/// Writes `<title/>` as `<title></title>`: to an HTML parser, the first is a title that never ends.
fn closed(page: &str) -> Cow<'_, str> {
    let mut closed = String::new();
    let (mut copied, mut looked) = (0, 0);
    for (at, end) in page.match_indices("/>") {
        // A tag that ended before is not the one that closes itself here.
        let before = page.get(looked..at).unwrap_or_default();
        looked = at + end.len();
        let Some((_, tag)) = before
            .rsplit_once('<')
            .filter(|(_, tag)| !tag.contains('>'))
        else {
            continue;
        };
        let name: String = tag
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric())
            .collect();
        if name.is_empty() || is_void(&name) {
            continue;
        }
        closed.push_str(page.get(copied..at).unwrap_or_default());
        closed.push_str("></");
        closed.push_str(&name);
        closed.push('>');
        copied = looked;
    }
    if copied == 0 {
        return Cow::Borrowed(page);
    }
    closed.push_str(page.get(copied..).unwrap_or_default());
    Cow::Owned(closed)
}

fn is_void(name: &str) -> bool {
    matches!(
        name.to_ascii_lowercase().as_str(),
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}

/// Opens `<noscript>` where a page keeps its text there, as some forums do; a hint to turn scripts on stays closed.
fn opened(page: &str) -> Option<String> {
    const LEAST_BYTES: usize = 500;
    const START: &str = "<noscript";
    const END: &str = "</noscript";
    let lower = page.to_ascii_lowercase();
    let mut opened = String::new();
    let (mut copied, mut looked) = (0, lower.find("<body")?);
    while let Some(at) = lower
        .get(looked..)
        .and_then(|rest| rest.find(START))
        .map(|found| looked + found)
    {
        let content = at + START.len();
        let Some(end) = lower
            .get(content..)
            .and_then(|rest| rest.find(END))
            .map(|found| content + found)
        else {
            break;
        };
        looked = end + END.len();
        let inside = page.get(content..end).unwrap_or_default();
        let text = inside.split('<').filter_map(|part| part.split_once('>'));
        if text.map(|(_, text)| text.trim().len()).sum::<usize>() >= LEAST_BYTES {
            opened.push_str(page.get(copied..at).unwrap_or_default());
            opened.push_str("<div");
            opened.push_str(inside);
            opened.push_str("</div");
            copied = looked;
        }
    }
    (copied > 0).then(|| opened + page.get(copied..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xhtml_closes_its_elements_and_html_does_not() {
        let page = "<?xml version='1.0'?><html><title/><br/><a id=\"x\"/>text<p>a > b/></p></html>";
        assert_eq!(
            prepared(page),
            "<?xml version='1.0'?><html><title></title><br/><a id=\"x\"></a>text<p>a > b/></p></html>"
        );
        assert_eq!(prepared("<p/>text"), "<p/>text");
    }

    #[test]
    fn noscript_opens_where_text_is_in_it() {
        let text = "Words for everyone. ".repeat(30);
        let page = format!(
            "<body><noscript>Turn scripts on.</noscript><NOSCRIPT class=x><p>{text}</p></NOSCRIPT>end"
        );
        assert_eq!(
            prepared(&page),
            format!(
                "<body><noscript>Turn scripts on.</noscript><div class=x><p>{text}</p></div>end"
            )
        );
    }
}
