//! HTML → Markdown: the main content, all visible text, or what a selector matches.

mod depth;
mod hidden;
mod links;
mod main_content;
mod region;
mod source;
mod tree;
mod visible;
mod writer;

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use scraper::{Html, Selector};
use url::Url;

use super::{Extracted, HtmlMode, Refusal};
use main_content::ENGINE;
use tree::Tree;
use visible::{Block, blocks, markdown};

/// Bytes of a page.
const MAX_PAGE_BYTES: usize = 8 << 20;
/// Elements of a page.
const MAX_ELEMENTS: usize = 200_000;

/// Reads a page.
pub(super) fn extract(page: &str, mode: &HtmlMode) -> Result<Extracted, Refusal> {
    let page = source::prepared(page);
    let mut parsed = parse(&page)?;
    let page = match hidden::take_out(&mut parsed) {
        true => Cow::Owned(parsed.html()),
        false => page,
    };
    let tree = Tree::of(&parsed);
    let mut title = None;
    let found = match mode {
        HtmlMode::Auto | HtmlMode::Main => ENGINE.find(&page),
        HtmlMode::Full | HtmlMode::Css(_) => None,
    };
    let content = match &found {
        Some(found) => {
            title.clone_from(&found.title);
            of_html(&found.html)
        }
        None => Vec::new(),
    };
    let blocks = match mode {
        HtmlMode::Auto => content_of(&tree, content),
        HtmlMode::Main => content,
        HtmlMode::Full => all(&tree),
        HtmlMode::Css(selector) => matching(&parsed, selector)?,
    };
    let text = markdown(&blocks);
    if !super::has_letters(&text) {
        return Err(Refusal::Empty(no_text(mode)));
    }
    let extracted = Extracted::markdown(text);
    Ok(Extracted {
        title: title.or_else(|| title_element(&parsed)).or(extracted.title),
        ..extracted
    })
}

fn no_text(mode: &HtmlMode) -> String {
    match mode {
        HtmlMode::Auto | HtmlMode::Full => "shows no text without running its scripts".into(),
        HtmlMode::Main => "has no main content: read it with `auto` or `full`".into(),
        HtmlMode::Css(selector) => format!("has no text in what `{selector}` matches"),
    }
}

/// Returns the web addresses that a page links to, for whoever follows links.
pub(super) fn links(page: &str, address: &str) -> Result<Vec<String>, String> {
    let address = Url::parse(address).map_err(|e| format!("has no address to start from: {e}"))?;
    let parsed = parse(&source::prepared(page))?;
    let links = links::of(&parsed, &address).into_iter();
    Ok(links.map(Into::into).collect())
}

/// Parses a page that its size and depth let parse.
fn parse(page: &str) -> Result<Html, String> {
    if page.len() > MAX_PAGE_BYTES {
        return Err(format!(
            "is a page of more than {} MiB",
            MAX_PAGE_BYTES >> 20
        ));
    }
    depth::check(page)?;
    let parsed = Html::parse_document(page);
    if parsed.tree.nodes().len() > MAX_ELEMENTS {
        return Err(format!("has more than {MAX_ELEMENTS} elements"));
    }
    Ok(parsed)
}

/// Decides between what the engine found and what the page's landmarks say.
///
/// The engine knows where content begins and ends, and often misses parts within: of the blocks of the region those are
/// taken that stand between the first and the last that the engine took. Where one of the two found next to nothing, it has
/// failed.
fn content_of(tree: &Tree<'_>, found: Vec<Block>) -> Vec<Block> {
    /// Fewer words are no content where the landmarks leave nothing.
    const LEAST_WORDS: usize = 20;
    let region = region::of(tree);
    let region = blocks(tree, region.root, &region.without);
    let (found_words, region_words) = (count(&found), count(&region));
    if region_words == 0 && found_words < LEAST_WORDS {
        return all(tree);
    }
    if found_words > region_words * 10 {
        return found;
    }
    if found_words * 100 < region_words * 35 {
        return region;
    }
    let known: HashSet<_> = found
        .iter()
        .flat_map(|block| trigrams(&block.text))
        .collect();
    let is_known = |block: &Block| {
        let trigrams = trigrams(&block.text);
        let shared = trigrams
            .iter()
            .filter(|trigram| known.contains(*trigram))
            .count();
        trigrams.len() >= 3 && shared * 2 > trigrams.len()
    };
    match (
        region.iter().position(is_known),
        region.iter().rposition(is_known),
    ) {
        (Some(first), Some(last)) => region.into_iter().take(last + 1).skip(first).collect(),
        _ => region,
    }
}

fn words(text: &str) -> impl Iterator<Item = u64> {
    let words = text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty());
    words.map(|word| {
        let mut hasher = DefaultHasher::new();
        word.to_lowercase().hash(&mut hasher);
        hasher.finish()
    })
}

fn count(blocks: &[Block]) -> usize {
    blocks.iter().map(|block| words(&block.text).count()).sum()
}

fn trigrams(text: &str) -> Vec<[u64; 3]> {
    let words: Vec<u64> = words(text).collect();
    words
        .windows(3)
        .filter_map(|three| three.try_into().ok())
        .collect()
}

/// All that a browser shows.
fn all(tree: &Tree<'_>) -> Vec<Block> {
    blocks(tree, Tree::ROOT, &HashSet::new())
}

fn of_html(html: &str) -> Vec<Block> {
    all(&Tree::of(&Html::parse_fragment(html)))
}

/// The outermost elements that a selector matches.
fn matching(page: &Html, selector: &str) -> Result<Vec<Block>, String> {
    let parsed =
        Selector::parse(selector).map_err(|e| format!("cannot be read by `{selector}`: {e}"))?;
    let tree = Tree::of(page);
    let matches: HashSet<_> = page.select(&parsed).map(|element| element.id()).collect();
    let mut found = Vec::new();
    let mut end = 0;
    for (index, node) in page.tree.root().descendants().enumerate() {
        if index >= end && matches.contains(&node.id()) {
            found.extend(blocks(&tree, index, &HashSet::new()));
            end = tree.end(index);
        }
    }
    Ok(found)
}

fn title_element(page: &Html) -> Option<String> {
    let selector = Selector::parse("title").ok()?;
    let title = page.select(&selector).next()?.text().collect::<String>();
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(page: &str, mode: &str) -> Extracted {
        extract(page, &mode.parse().unwrap()).unwrap()
    }

    fn refused(page: &str, mode: &str) -> String {
        match extract(page, &mode.parse().unwrap()).unwrap_err() {
            Refusal::Empty(reason) | Refusal::Unreadable(reason) => reason,
        }
    }

    /// Sentences that differ, as those of an article do.
    fn sentences(of: &str) -> String {
        (0..12)
            .map(|n| {
                format!(
                    "Sentence {n} of {of} says that a reader sees version {n} or {}. ",
                    n + 1
                )
            })
            .collect()
    }

    #[test]
    fn the_main_content_is_kept_and_the_menu_is_not() {
        let page = format!(
            "<html><head><title>Flips</title></head><body><nav><a href=/>Home</a> <a href=/shop>Shop</a></nav>\
             <article><h1>How flips work</h1><p>{}</p><h2>Leases</h2><p>{}</p></article></body></html>",
            sentences("flips"),
            sentences("leases")
        );
        for mode in ["auto", "main"] {
            let found = read(&page, mode);
            assert!(
                found.text.contains("## Leases") && found.text.contains("12."),
                "{}",
                found.text
            );
            assert!(!found.text.contains("Shop"), "{}", found.text);
        }
        assert!(read(&page, "full").text.contains("Shop"));
        assert_eq!(
            read(&page, "css:h1, article > h2").text,
            "# How flips work\n\n## Leases"
        );
        assert_eq!(read(&page, "full").title.as_deref(), Some("Flips"));
    }

    #[test]
    fn what_follows_the_article_is_left_out_and_what_stands_in_it_is_kept() {
        let page = format!(
            "<div><h1>Title</h1><p>{}</p><div><span>1.2.3 released</span></div><p>{}</p></div><div><h3>Comments</h3><p>Thanks!</p></div>",
            sentences("one"),
            sentences("two")
        );
        let text = read(&page, "auto").text;
        assert!(
            text.contains("1.2.3 released") && !text.contains("Thanks"),
            "{text}"
        );
    }

    #[test]
    fn hidden_text_reaches_no_mode_and_is_marked() {
        let page = format!(
            "<main><h1>T</h1><p>{}</p><p hidden>Obey me</p><p>{}</p></main>",
            sentences("a"),
            sentences("b")
        );
        for mode in ["auto", "main", "full", "css:main"] {
            let text = read(&page, mode).text;
            assert!(!text.contains("Obey"), "{text}");
            assert_eq!(
                text.matches(crate::corpus::normal::HIDDEN).count(),
                1,
                "{mode}: {text}"
            );
        }
    }

    #[test]
    fn a_page_that_keeps_its_text_for_readers_without_scripts_gives_it() {
        let page = format!(
            "<body><noscript>Turn scripts on.</noscript><NOSCRIPT class=x><p>{}</p></NOSCRIPT>",
            sentences("n")
        );
        let text = read(&page, "full").text;
        assert!(
            text.starts_with("Sentence 0") && !text.contains("Turn"),
            "{text}"
        );
        assert!(
            refused(
                "<body><noscript>Turn scripts on.</noscript><div id=root></div>",
                "auto"
            )
            .contains("scripts")
        );
    }

    #[test]
    fn a_page_that_would_cost_too_much_is_refused_before_it_is_parsed() {
        assert!(refused(&"<div>".repeat(100_000), "auto").contains("512"));
        assert!(refused(&"x".repeat(MAX_PAGE_BYTES + 1), "full").contains("8 MiB"));
        assert!(refused("<p>x", "css:article").contains("`article` matches"));
    }

    #[test]
    fn links_need_an_address_to_start_from() {
        assert_eq!(
            links("<a href=b>b</a>", "https://docs.example/a").unwrap(),
            ["https://docs.example/b"]
        );
        links("<a href=b>b</a>", "not an address").unwrap_err();
    }

    #[test]
    fn a_page_over_its_limits_does_not_pass_for_one_without_links() {
        let page = format!("<a href=b>b</a>{}", "x".repeat(MAX_PAGE_BYTES));
        let reason = links(&page, "https://docs.example/a").unwrap_err();
        assert!(reason.contains("8 MiB"), "{reason}");
    }
}
