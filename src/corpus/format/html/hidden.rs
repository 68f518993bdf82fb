//! What a browser does not show: taken out of the page, so that nobody finds by it what no reader sees.
//!
//! A mark stands where it was. Three kinds of hidden text a reader does see, after a moment or a click, and they stay,
//! marked throughout: panels of tabs, what an animation fades in, and a page that a script reveals as a whole. Rules in
//! style sheets are not read.

use scraper::Html;
use scraper::node::{Element, Node};

use super::tree::{Step, Tree};
use super::visible::is_never_text;
use crate::corpus::normal::HIDDEN;

/// Takes hidden text out of a page; tells whether there was any.
pub(super) fn take_out(page: &mut Html) -> bool {
    let texts = texts(&Tree::of(page));
    let ids: Vec<_> = page
        .tree
        .root()
        .descendants()
        .map(|node| node.id())
        .collect();
    let mut found = false;
    for text in texts.iter().filter(|text| text.gone || text.mark.is_some()) {
        found = true;
        let Some(mut node) = ids.get(text.index).and_then(|id| page.tree.get_mut(*id)) else {
            continue;
        };
        if text.gone {
            node.detach();
        } else if let (Some(place), Node::Text(text)) = (text.mark, node.value()) {
            text.text = marked(text, place).into();
        }
    }
    found
}

/// Where a text's mark stands in it.
#[derive(Debug, Clone, Copy)]
enum Place {
    Before,
    After,
}

fn marked(text: &str, place: Place) -> String {
    let words = text.trim_end();
    let space = text.get(words.len()..).unwrap_or_default();
    match place {
        Place::Before => format!("{HIDDEN}{text}"),
        Place::After => format!("{words}{HIDDEN}{space}"),
    }
}

/// A text, and what becomes of it.
struct Text {
    index: usize,
    /// Words of it with letters. What has none is not worth a mark.
    words: usize,
    concealed: Concealed,
    /// The element that conceals it.
    cover: Option<usize>,
    gone: bool,
    mark: Option<Place>,
}

/// An element that conceals what is in it.
#[derive(Default)]
struct Cover {
    words: usize,
    /// Whether the page's own content seems to be in it.
    landmark: bool,
}

fn texts(tree: &Tree<'_>) -> Vec<Text> {
    let mut covers: Vec<Cover> = Vec::new();
    let mut texts = Vec::new();
    let mut open = vec![(Style::SHOWN, None)];
    let mut words = 0;
    tree.walk(Tree::ROOT, |index, step| {
        let (style, cover) = open.last().copied().unwrap_or((Style::SHOWN, None));
        match step {
            Step::Open(element) if is_never_text(element.name()) => return false,
            Step::Open(element) => {
                let inner = style.of(element);
                let cover = match cover {
                    _ if inner.concealed() != Concealed::Yes => None,
                    None => {
                        covers.push(Cover::default());
                        Some(covers.len() - 1)
                    }
                    outer => outer,
                };
                if let Some(cover) = cover.and_then(|cover| covers.get_mut(cover)) {
                    cover.landmark |= matches!(element.name(), "h1" | "main" | "article");
                }
                open.push((inner, cover));
            }
            Step::Close(_) => {
                open.pop();
            }
            Step::Text(text) => {
                let count = text
                    .split_whitespace()
                    .filter(|word| word.contains(char::is_alphanumeric))
                    .count();
                words += count;
                if let Some(cover) = cover.and_then(|cover| covers.get_mut(cover)) {
                    cover.words += count;
                }
                texts.push(Text {
                    index,
                    words: count,
                    concealed: style.concealed(),
                    cover,
                    gone: false,
                    mark: None,
                });
            }
        }
        true
    });
    // Where almost all of a page is concealed, its content included, a script reveals it.
    let whole = |cover: usize| {
        covers
            .get(cover)
            .is_some_and(|cover| cover.landmark && cover.words * 20 >= words * 19)
    };
    let mut last: Option<usize> = None;
    let mut waiting = false;
    for at in 0..texts.len() {
        let mut before = None;
        if let Some(text) = texts.get_mut(at) {
            text.gone = text.concealed == Concealed::Yes && !text.cover.is_some_and(whole);
            if text.gone && text.words > 0 {
                waiting |= last.is_none();
                before = last;
            } else if !text.gone && text.words > 0 {
                text.mark = match (std::mem::take(&mut waiting), text.concealed) {
                    (true, _) => Some(Place::Before),
                    (false, Concealed::No) => None,
                    (false, Concealed::AtFirst | Concealed::Yes) => Some(Place::After),
                };
                last = Some(at);
            }
        }
        if let Some(text) = before.and_then(|before| texts.get_mut(before)) {
            text.mark.get_or_insert(Place::After);
        }
    }
    texts
}

/// How an element's text is concealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Concealed {
    No,
    /// Shown after a moment or a click.
    AtFirst,
    Yes,
}

/// What an element's descendants inherit.
#[derive(Debug, Clone, Copy)]
struct Style {
    concealed: Concealed,
    /// `visibility: hidden`, which a descendant may undo.
    invisible: bool,
    /// `font-size: 0`, which a descendant may undo.
    sizeless: bool,
}

impl Style {
    const SHOWN: Self = Self {
        concealed: Concealed::No,
        invisible: false,
        sizeless: false,
    };

    fn of(mut self, element: &Element) -> Self {
        let mut concealed = match element.attr("hidden") {
            Some(how) if !how.eq_ignore_ascii_case("until-found") => Concealed::Yes,
            _ => Concealed::No,
        };
        let style = element
            .attr("style")
            .unwrap_or_default()
            .to_ascii_lowercase();
        for rule in style.split(';') {
            let Some((property, value)) = rule.split_once(':') else {
                continue;
            };
            let value = value.trim().trim_end_matches("!important").trim_end();
            match property.trim() {
                "display" if value == "none" => concealed = Concealed::Yes,
                "opacity" if is_zero(value) => {
                    let moving = ["transform", "transition", "animation", "will-change"];
                    let fades = moving.iter().any(|property| style.contains(property));
                    concealed = concealed.max(if fades {
                        Concealed::AtFirst
                    } else {
                        Concealed::Yes
                    });
                }
                "visibility" if matches!(value, "hidden" | "collapse") => self.invisible = true,
                "visibility" if matches!(value, "visible" | "initial") => self.invisible = false,
                "font-size" if is_zero(value) => self.sizeless = true,
                // A share of nothing is nothing.
                "font-size" => {
                    self.sizeless &=
                        value.ends_with('%') || (value.ends_with("em") && !value.ends_with("rem"));
                }
                _ => {}
            }
        }
        let panel = || {
            element
                .attr("role")
                .is_some_and(|role| role.eq_ignore_ascii_case("tabpanel"))
        };
        if concealed == Concealed::Yes && panel() {
            concealed = Concealed::AtFirst;
        }
        self.concealed = self.concealed.max(concealed);
        self
    }

    fn concealed(self) -> Concealed {
        if self.invisible || self.sizeless {
            Concealed::Yes
        } else {
            self.concealed
        }
    }
}

/// Whether a CSS value is nothing, in whatever unit: `0`, `0.0`, `0px`, `0%`.
fn is_zero(value: &str) -> bool {
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    number.parse::<f32>().is_ok_and(|number| number == 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(page: &str) -> String {
        let mut page = Html::parse_document(page);
        take_out(&mut page);
        page.root_element()
            .text()
            .collect::<String>()
            .replace(HIDDEN, "*")
    }

    #[test]
    fn each_way_to_hide_is_seen_and_marked_where_it_was() {
        for hiding in [
            "hidden",
            "style='display:none'",
            "style='color:red; DISPLAY : none !important'",
            "style='visibility:hidden'",
            "style='font-size:0px'",
            "style='opacity:0.0'",
        ] {
            assert_eq!(
                cleaned(&format!("<p>a<b {hiding}>secret <i>text</i></b> c</p>")),
                "a* c",
                "{hiding}"
            );
        }
        assert_eq!(cleaned("<div hidden>x</div><p>first</p>"), "*first");
        assert_eq!(
            cleaned("<p>seen</p><div hidden> <img> </div><i aria-hidden=true>icon</i>"),
            "seenicon"
        );
    }

    #[test]
    fn what_a_descendant_shows_again_stays() {
        assert_eq!(
            cleaned("<ul style='font-size:0'>x<li style='font-size:16px'>item</li></ul>"),
            "*item"
        );
        assert_eq!(
            cleaned("<p style='visibility:hidden'>x<b style='visibility:visible'>y</b></p>"),
            "*y"
        );
        assert_eq!(
            cleaned("<ul style='font-size:0'><li style='font-size:2em'>item</li></ul>"),
            ""
        );
    }

    #[test]
    fn what_a_reader_sees_after_a_moment_or_a_click_stays_and_is_marked() {
        assert_eq!(
            cleaned("<p>a</p><div role=tabpanel hidden>b<i>c</i></div>"),
            "ab*c*"
        );
        assert_eq!(
            cleaned("<p>a</p><div style='opacity:0; transform: none'>b</div>"),
            "ab*"
        );
        assert_eq!(cleaned("<p>a</p><div hidden=until-found>b</div>"), "ab");
        let words = "word ".repeat(40);
        assert!(
            cleaned(&format!(
                "<a>Skip</a><div style='opacity:0'><h1>T</h1>{words}</div>"
            ))
            .contains("word*")
        );
        assert!(
            !cleaned(&format!(
                "<p>Seen by all.</p><div hidden><h1>T</h1>{words}</div>"
            ))
            .contains("word")
        );
    }
}
