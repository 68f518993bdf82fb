//! What a page would cost a parser, told before any sees it: html5ever takes quadratic time in the depth of elements and in
//! the attributes of one.

/// Open elements at one point of a page; browsers cap it here, too.
const MAX_DEPTH: usize = 512;
/// Attributes of one element.
const MAX_ATTRIBUTES: usize = 4096;

/// Refuses a page that nests too deep or has an element of too many attributes.
pub(super) fn check(page: &str) -> Result<(), String> {
    if deepest(page)? > MAX_DEPTH {
        return Err(format!("nests elements more than {MAX_DEPTH} deep"));
    }
    Ok(())
}

/// Counts the deepest nesting in one pass, and stops at the cap. Elements that HTML closes by itself do not count, nor what
/// looks like a tag in a script or a comment, and an end tag closes only what it names: the parser ignores stray ones, too.
fn deepest(page: &str) -> Result<usize, String> {
    let mut open: Vec<String> = Vec::new();
    let mut deepest = 0;
    let mut rest = page;
    while let Some((_, tag)) = rest.split_once('<') {
        rest = tag;
        if let Some(comment) = tag.strip_prefix("!--") {
            let empty = comment.starts_with('>') || comment.starts_with("->");
            rest = if empty {
                comment
            } else {
                comment.split_once("-->").map_or("", |(_, after)| after)
            };
            continue;
        }
        let name: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .take(16)
            .collect();
        let name = name.to_ascii_lowercase();
        if name.is_empty() {
            continue;
        }
        // Everything up to the end of the tag is the tag's, whatever it looks like; one that never ends opens nothing.
        let (inside, behind_tag) = tag.split_once('>').unwrap_or((tag, ""));
        if attributes(inside) > MAX_ATTRIBUTES {
            return Err(format!(
                "has an element of more than {MAX_ATTRIBUTES} attributes"
            ));
        }
        rest = behind_tag;
        if CLOSED_BY_ITSELF.contains(&name.as_str()) {
            continue;
        }
        if tag.starts_with('/') {
            if let Some(at) = open.iter().rposition(|opened| *opened == name) {
                open.truncate(at);
            }
        } else if is_raw(&name) && !open.iter().any(|opened| is_foreign(opened)) {
            rest = behind(rest, &name);
        } else if !inside.ends_with('/') {
            open.push(name);
            deepest = deepest.max(open.len());
            if deepest > MAX_DEPTH {
                break;
            }
        }
    }
    Ok(deepest)
}

/// Counts the attributes of a tag, its name among them. A quote begins a value only behind a `=`, and what it holds is none.
fn attributes(inside: &str) -> usize {
    let mut count = 0;
    let (mut in_part, mut behind_equals) = (false, false);
    let mut bytes = inside.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' | b'\'' if behind_equals => {
                bytes.by_ref().find(|end| *end == byte);
                (in_part, behind_equals) = (false, false);
            }
            b'=' => behind_equals = true,
            b'/' => in_part = false,
            byte if byte.is_ascii_whitespace() => in_part = false,
            _ => {
                count += usize::from(!in_part && !behind_equals);
                (in_part, behind_equals) = (true, false);
            }
        }
    }
    count
}

/// Elements whose content is text, whatever it looks like.
fn is_raw(name: &str) -> bool {
    matches!(name, "script" | "style" | "textarea" | "title")
}

/// Elements in which those are like any other.
fn is_foreign(name: &str) -> bool {
    matches!(name, "svg" | "math")
}

/// What comes from an element's end tag on; nothing where it has none.
fn behind<'a>(element: &'a str, name: &str) -> &'a str {
    let ends = |at: usize| {
        let end = element.as_bytes().get(at + 2..at + 2 + name.len());
        end.is_some_and(|end| end.eq_ignore_ascii_case(name.as_bytes()))
    };
    let end = element
        .match_indices("</")
        .map(|(at, _)| at)
        .find(|at| ends(*at));
    end.and_then(|at| element.get(at..)).unwrap_or_default()
}

const CLOSED_BY_ITSELF: &[&str] = &[
    "area", "base", "br", "col", "colgroup", "dd", "dt", "embed", "hr", "img", "input", "li",
    "link", "meta", "optgroup", "option", "p", "param", "rp", "rt", "source", "tbody", "td",
    "tfoot", "th", "thead", "tr", "track", "wbr",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(page: &str) -> usize {
        deepest(page).unwrap()
    }

    #[test]
    fn elements_that_stay_open_count_and_those_that_html_closes_do_not() {
        assert!(
            check(&"<div></x>".repeat(30_000))
                .unwrap_err()
                .contains("512")
        );
        assert!(depth(&"<p>x<li>y<br>".repeat(1_000)) < 2);
        assert_eq!(depth("<div><b>x</b></div><div/>"), 2);
    }

    #[test]
    fn an_element_of_too_many_attributes_is_refused_and_a_long_value_is_none() {
        let attributes = (0..5_000).map(|n| format!(" a{n}=1")).collect::<String>();
        for page in [format!("<p{attributes}>x"), format!("<p{attributes}")] {
            assert!(check(&page).unwrap_err().contains("4096"), "{page:.40}");
        }
        assert!(check(&format!("<p \" {attributes} \">x")).is_err());
        assert!(check(&format!("<path d=\"{}\" e = 'f'>", "M 1 2 ".repeat(5_000))).is_ok());
        assert!(check(&format!("<p title={}>x", "<a".repeat(100_000))).is_ok());
        assert!(check(&"<a".repeat(1 << 20)).is_ok());
    }

    #[test]
    fn scripts_and_comments_hold_no_elements() {
        let loops = "for (i = 0; i<n; i++) s += '<b>';".repeat(1_000);
        assert_eq!(
            depth(&format!("<script>{loops}</SCRIPT><!-- {loops} --><p><b>x")),
            1
        );
        assert!(depth(&format!("<svg><script>{}", "<div>".repeat(1_000))) > MAX_DEPTH);
        assert!(depth(&format!("<!-->{}-->", "<div>".repeat(1_000))) > MAX_DEPTH);
    }
}
