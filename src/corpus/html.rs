//! HTML → Markdown: the main content by trafilatura, or all visible text where it finds none.

use scraper::node::Node;
use scraper::{Html, Selector};
use trafilatura::Options;

use super::{Extracted, Markup};

/// Open elements at one point of a page. html5ever takes quadratic time in the depth; browsers cap it at 512 too.
const MAX_DEPTH: usize = 512;
/// Elements of a page.
const MAX_ELEMENTS: usize = 200_000;
/// Main content smaller than this part of the visible text is taken for a mistake.
const LEAST_SHARE: usize = 20;

pub(super) fn extract(page: &str) -> Result<Extracted, String> {
    if deepest(page) > MAX_DEPTH {
        return Err(format!("nests elements more than {MAX_DEPTH} deep"));
    }
    let tree = Html::parse_document(page);
    if tree.tree.nodes().len() > MAX_ELEMENTS {
        return Err(format!("has more than {MAX_ELEMENTS} elements"));
    }
    let visible = visible_text(&tree);
    let mut options = Options::default();
    options.enable_fallback = true;
    options.max_tree_size = Some(MAX_ELEMENTS);
    let main = trafilatura::extract(page, &options).ok();
    let title = main
        .as_ref()
        .map(|main| main.metadata.title.clone())
        .filter(|title| !title.is_empty());
    let text = main
        .map(|main| main.content_markdown().trim().to_owned())
        .filter(|text| !text.is_empty() && text.len() * LEAST_SHARE >= visible.len())
        .unwrap_or(visible);
    Ok(Extracted {
        title: title.or_else(|| title_element(&tree)),
        text,
        markup: Markup::Markdown,
        pages: Vec::new(),
    })
}

fn title_element(tree: &Html) -> Option<String> {
    let selector = Selector::parse("title").ok()?;
    let title = tree.select(&selector).next()?.text().collect::<String>();
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty()).then_some(title)
}

/// Returns the text that a browser would show, one paragraph a block element, headings marked as in Markdown.
fn visible_text(tree: &Html) -> String {
    let mut text = String::new();
    let mut last_block = None;
    let mut space_before = false;
    for node in tree.tree.root().descendants() {
        let Node::Text(piece) = node.value() else {
            continue;
        };
        let mut block = None;
        let mut hidden = false;
        for ancestor in node.ancestors() {
            let Node::Element(element) = ancestor.value() else {
                continue;
            };
            hidden |= HIDDEN.contains(&element.name()) || element.attr("hidden").is_some();
            if block.is_none() && !INLINE.contains(&element.name()) {
                block = Some((ancestor.id(), element.name()));
            }
        }
        let words = piece.split_whitespace().collect::<Vec<_>>().join(" ");
        if hidden || words.is_empty() {
            continue;
        }
        let id = block.map(|(id, _)| id);
        if id != last_block {
            text.push_str(if text.is_empty() { "" } else { "\n\n" });
            let level = block
                .and_then(|(_, name)| name.strip_prefix('h'))
                .and_then(|level| level.parse::<usize>().ok());
            if let Some(level @ 1..=6) = level {
                text.push_str(&"#".repeat(level));
                text.push(' ');
            }
        } else if space_before || piece.starts_with(char::is_whitespace) {
            text.push(' ');
        }
        space_before = piece.ends_with(char::is_whitespace);
        text.push_str(&words);
        last_block = id;
    }
    text
}

const HIDDEN: &[&str] = &[
    "head", "script", "style", "noscript", "template", "svg", "iframe", "object", "select",
];
const INLINE: &[&str] = &[
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "dfn", "em", "font", "i", "kbd",
    "label", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "tt", "u",
    "var",
];

/// Counts the deepest nesting in one pass over the bytes, before any parser sees them, and stops at the cap. Elements that
/// HTML closes by itself do not count, and an end tag closes only what it names: the parser ignores stray ones, too.
fn deepest(page: &str) -> usize {
    let mut open: Vec<String> = Vec::new();
    let mut deepest = 0;
    for tag in page.split('<').skip(1) {
        let name: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .take(16)
            .collect();
        let name = name.to_ascii_lowercase();
        if name.is_empty() || CLOSED_BY_ITSELF.contains(&name.as_str()) {
            continue;
        }
        if tag.starts_with('/') {
            if let Some(at) = open.iter().rposition(|opened| *opened == name) {
                open.truncate(at);
            }
        } else if !tag.split('>').next().unwrap_or_default().ends_with('/') {
            open.push(name);
            deepest = deepest.max(open.len());
            if deepest > MAX_DEPTH {
                break;
            }
        }
    }
    deepest
}

const CLOSED_BY_ITSELF: &[&str] = &[
    "area", "base", "br", "col", "colgroup", "dd", "dt", "embed", "hr", "img", "input", "li",
    "link", "meta", "optgroup", "option", "p", "param", "rp", "rt", "source", "tbody", "td",
    "tfoot", "th", "thead", "tr", "track", "wbr",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_content_is_kept_and_the_menu_is_not() {
        let body = "Publishing flips one symbolic link, so that a reader sees the old version or the new one. ".repeat(8);
        let page = format!(
            "<html><head><title>Flips</title></head><body><nav><a href=/>Home</a> <a href=/shop>Shop</a></nav>\
             <article><h1>How flips work</h1><p>{body}</p><h2>Leases</h2><p>{body}</p></article></body></html>"
        );
        let found = extract(&page).unwrap();
        assert!(
            found.text.contains("## Leases") && found.text.contains("symbolic link"),
            "{}",
            found.text
        );
        assert!(!found.text.contains("Shop"), "{}", found.text);
    }

    #[test]
    fn a_page_without_an_article_gives_its_visible_text() {
        let tree = Html::parse_document(
            "<h2>A<b>b</b></h2><p>one <i>two</i>, three</p><script>x()</script><div hidden>no</div>tail",
        );
        assert_eq!(visible_text(&tree), "## Ab\n\none two, three\n\ntail");
    }

    #[test]
    fn a_page_that_nests_too_deep_is_refused_before_it_is_parsed() {
        assert!(
            extract(&"<div>".repeat(100_000))
                .unwrap_err()
                .contains("512")
        );
        assert!(deepest(&"<div></x>".repeat(30_000)) > MAX_DEPTH);
        assert!(deepest(&"<p>x<li>y<br>".repeat(1_000)) < 2);
    }
}
