//! Which part of a page is its content, as landmarks and the names of its parts say: what is left without navigation,
//! side bars, banners and the like.

use std::collections::HashSet;

use scraper::node::Element;

use super::tree::{Step, Tree};
use super::visible::is_never_text;

/// The part of a page that holds its content.
pub(super) struct Region {
    pub(super) root: usize,
    /// Parts of it that do not belong to it.
    pub(super) without: HashSet<usize>,
}

/// A part that is named like something beside the content is taken for content if it holds more than this share of it: the
/// name then says how the page is laid out (`has-sidebar`).
const MOST_PERCENT: usize = 35;
/// Words that a landmark has at least.
const LEAST_WORDS: usize = 30;

/// An element and what is in it, without what never is content.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    index: usize,
    words: usize,
    /// Whether the page's main heading is in it.
    heading: bool,
}

pub(super) fn of(tree: &Tree<'_>) -> Region {
    let mut without = HashSet::new();
    let mut named: Vec<Part> = Vec::new();
    let mut mains: Vec<Part> = Vec::new();
    let mut articles: Vec<Part> = Vec::new();
    let mut open = vec![Part::default()];
    let mut outer_article = None;
    tree.walk(Tree::ROOT, |index, step| {
        match step {
            Step::Open(element) if is_never_text(element.name()) => return false,
            Step::Open(element) => {
                if element.name() == "article" {
                    outer_article.get_or_insert(index);
                }
                open.push(Part {
                    index,
                    words: 0,
                    heading: element.name() == "h1",
                });
            }
            Step::Text(text) => {
                if let Some(part) = open.last_mut() {
                    part.words += text.split_whitespace().count();
                }
            }
            Step::Close(element) => {
                let part = open.pop().unwrap_or_default();
                if let Some(outer) = open.last_mut() {
                    outer.heading |= part.heading;
                }
                if outer_article == Some(index) {
                    outer_article = None;
                    articles.push(part);
                }
                if is_beside(element) {
                    without.insert(index);
                    return true;
                }
                if let Some(outer) = open.last_mut() {
                    outer.words += part.words;
                }
                if element.name() == "main" || has_role(element, &["main"]) {
                    mains.push(part);
                } else if !part.heading && is_named_beside(element) {
                    named.push(part);
                }
            }
        }
        true
    });
    let page = open.pop().unwrap_or_default();
    let main = mains
        .into_iter()
        .max_by_key(|part| part.words)
        .filter(|part| part.words >= LEAST_WORDS);
    let article = match articles.as_slice() {
        [only] if only.words > LEAST_WORDS && only.words * 5 >= page.words * 2 => Some(*only),
        _ => None,
    };
    let root = main.or(article).unwrap_or(page);
    let small = |part: &Part| part.words * 100 <= root.words * MOST_PERCENT;
    without.extend(named.into_iter().filter(small).map(|part| part.index));
    without.remove(&root.index);
    Region {
        root: root.index,
        without,
    }
}

/// Whether an element stands beside the content by what it is.
fn is_beside(element: &Element) -> bool {
    const ROLES: &[&str] = &[
        "navigation",
        "banner",
        "contentinfo",
        "complementary",
        "dialog",
        "alertdialog",
        "alert",
        "search",
        "menu",
        "menubar",
    ];
    matches!(
        element.name(),
        "nav" | "footer" | "aside" | "button" | "dialog"
    ) || has_role(element, ROLES)
}

fn has_role(element: &Element, roles: &[&str]) -> bool {
    element.attr("role").is_some_and(|role| {
        roles
            .iter()
            .any(|known| role.trim().eq_ignore_ascii_case(known))
    })
}

/// Whether an element stands beside the content by its class or id.
fn is_named_beside(element: &Element) -> bool {
    let names = [element.attr("class"), element.attr("id")];
    names.into_iter().flatten().any(|names| {
        PHRASES.iter().any(|phrase| names.contains(phrase))
            || names
                .split(|c: char| c.is_whitespace() || c == '-' || c == '_')
                .any(|name| {
                    NAMES
                        .binary_search(&name.to_ascii_lowercase().as_str())
                        .is_ok()
                })
    })
}

const PHRASES: &[&str] = &["sr-only", "visually-hidden", "screen-reader", "cross-sell"];

/// What the parts beside the content are called, sorted.
const NAMES: &[&str] = &[
    "action",
    "actions",
    "ad",
    "ads",
    "advert",
    "advertisement",
    "alert",
    "author",
    "avatar",
    "badge",
    "badges",
    "banner",
    "bio",
    "breadcrumb",
    "breadcrumbs",
    "btn",
    "button",
    "buttons",
    "byline",
    "cart",
    "compare",
    "consent",
    "contact",
    "cookie",
    "cookies",
    "copyright",
    "crumb",
    "crumbs",
    "cta",
    "disclaimer",
    "dropdown",
    "facet",
    "facets",
    "filter",
    "filters",
    "footer",
    "form",
    "forms",
    "gdpr",
    "header",
    "language",
    "latest",
    "legal",
    "login",
    "menu",
    "meta",
    "modal",
    "nav",
    "navbar",
    "navigation",
    "newsletter",
    "notice",
    "overlay",
    "pager",
    "pagination",
    "popular",
    "popup",
    "print",
    "promo",
    "rating",
    "ratings",
    "recent",
    "recommendations",
    "recommended",
    "related",
    "review",
    "reviews",
    "share",
    "sharing",
    "sidebar",
    "signature",
    "signup",
    "similar",
    "social",
    "sponsored",
    "subscribe",
    "tags",
    "toolbar",
    "tooltip",
    "trending",
    "upsell",
    "user",
    "widget",
    "widgets",
    "wishlist",
];

#[cfg(test)]
mod tests {
    use scraper::Html;

    use super::super::visible;
    use super::*;

    fn content(page: &str) -> String {
        let page = Html::parse_document(page);
        let tree = Tree::of(&page);
        let region = of(&tree);
        visible::markdown(&visible::blocks(&tree, region.root, &region.without))
    }

    #[test]
    fn names_are_sorted_as_their_search_needs() {
        assert!(NAMES.is_sorted());
    }

    #[test]
    fn the_main_landmark_is_the_content_and_what_is_beside_it_is_not() {
        let words = "word ".repeat(40);
        let page = format!(
            "<header>Shop</header><main><nav>Home</nav><h1>Title</h1><p>{words}</p>\
             <div class='Related posts'>More</div><div id=page_share>Share</div></main><p>Outside</p>"
        );
        assert_eq!(content(&page), format!("# Title\n\n{}", words.trim()));
    }

    #[test]
    fn a_name_that_says_how_the_page_is_laid_out_hides_nothing() {
        let words = "word ".repeat(40);
        let page = format!(
            "<div class='layout with sidebar'><p>{words}</p></div><div class=menu>a b</div>"
        );
        assert_eq!(content(&page), words.trim());
        let page = format!("<div class=header><h1>Title</h1></div><p>{words}</p>");
        assert_eq!(content(&page), format!("# Title\n\n{}", words.trim()));
    }
}
