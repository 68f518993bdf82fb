//! The addresses that a page links to, for whoever follows links.

use std::collections::BTreeSet;

use scraper::Html;
use scraper::node::Element;
use url::Url;

use super::tree::Tree;

/// Links of one page that are followed. One more is told, so that whoever follows them knows that there are more.
const MAX_LINKS: usize = 10_000;
/// A longer link is a trap: a long base makes every short link of a page as long.
const MAX_LINK: usize = 2_000;

/// Returns the web addresses that a page links to and lets others follow: resolved, without fragments, sorted, and one
/// more than are followed at most.
pub(super) fn of(page: &Html, address: &Url) -> Vec<Url> {
    let tree = Tree::of(page);
    let elements = || tree.elements(Tree::ROOT).map(|(_, element)| element);
    if elements().any(forbids) {
        return Vec::new();
    }
    let mut links = BTreeSet::new();
    let base = elements()
        .filter(|element| element.name() == "base")
        .find_map(|element| address.join(element.attr("href")?.trim()).ok());
    let base = base.as_ref().unwrap_or(address);
    for element in elements().filter(|element| matches!(element.name(), "a" | "area")) {
        if element.attr("rel").is_some_and(|rel| says(rel, "nofollow")) {
            continue;
        }
        let Some(Ok(mut link)) = element.attr("href").map(|href| base.join(href.trim())) else {
            continue;
        };
        if matches!(link.scheme(), "http" | "https") {
            link.set_fragment(None);
            if link.as_str().len() <= MAX_LINK {
                links.insert(link);
            }
        }
        if links.len() > MAX_LINKS {
            break;
        }
    }
    links.into_iter().collect()
}

/// Whether a page asks robots to follow none of its links.
fn forbids(element: &Element) -> bool {
    element.name() == "meta"
        && element
            .attr("name")
            .is_some_and(|name| name.trim().eq_ignore_ascii_case("robots"))
        && element
            .attr("content")
            .is_some_and(|content| says(content, "nofollow") || says(content, "none"))
}

fn says(list: &str, word: &str) -> bool {
    list.split([' ', ',', '\t', '\n'])
        .any(|said| said.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(page: &str) -> Vec<String> {
        let address = Url::parse("https://docs.example/guide/start?x=1").unwrap();
        of(&Html::parse_document(page), &address)
            .into_iter()
            .map(Into::into)
            .collect()
    }

    #[test]
    fn links_are_resolved_sorted_and_without_fragments() {
        let page = "<a href=next#top>n</a><a href=' /a '>a</a><area href=next><a href='mailto:x@y.z'>m</a>\
            <a href='javascript:x()'>j</a><a>none</a><a href='//other.example/b'>b</a><a href='http://['>bad</a>";
        assert_eq!(
            links(page),
            [
                "https://docs.example/a",
                "https://docs.example/guide/next",
                "https://other.example/b"
            ]
        );
        assert_eq!(
            links("<base href=/v2/><a href=x>x</a>"),
            ["https://docs.example/v2/x"]
        );
    }

    #[test]
    fn what_a_page_asks_robots_not_to_follow_is_left() {
        assert_eq!(
            links("<a rel='noopener NoFollow' href=/a>a</a><a rel=next href=/b>b</a>"),
            ["https://docs.example/b"]
        );
        for asks in ["noindex, nofollow", "NONE"] {
            assert!(
                links(&format!(
                    "<meta name=Robots content='{asks}'><a href=/a>a</a>"
                ))
                .is_empty()
            );
        }
        assert_eq!(
            links("<meta name=robots content=noindex><a href=/a>a</a>").len(),
            1
        );
    }

    #[test]
    fn a_page_of_very_many_links_gives_one_more_than_are_followed() {
        let page: String = (0..MAX_LINKS + 50)
            .map(|n| format!("<a href=/{n}>"))
            .collect();
        assert_eq!(links(&page).len(), MAX_LINKS + 1);
    }

    #[test]
    fn a_link_that_is_too_long_is_left() {
        let long = "x".repeat(MAX_LINK);
        assert_eq!(
            links(&format!(
                "<base href=/{long}/><a href=a>a</a><a href=https://docs.example/b>b</a>"
            )),
            ["https://docs.example/b"]
        );
    }
}
