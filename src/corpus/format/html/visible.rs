//! A page's tree → the text that a browser would show, as Markdown: headings, lists, tables, code.

use std::collections::HashSet;

use scraper::node::Element;

use super::tree::{Step, Tree};
use super::writer::Writer;

/// One block of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) text: String,
    pub(super) kind: Kind,
}

/// What blocks stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A paragraph, a heading, a code block.
    Plain,
    Item,
    Row,
}

/// Writes blocks as Markdown.
pub(super) fn markdown(blocks: &[Block]) -> String {
    let mut text = String::new();
    let mut last = Kind::Plain;
    for block in blocks {
        if !text.is_empty() {
            let together = block.kind != Kind::Plain && block.kind == last;
            text.push_str(if together { "\n" } else { "\n\n" });
        }
        text.push_str(&block.text);
        last = block.kind;
    }
    text
}

/// Reads the blocks of a part of a page, without some of its elements.
pub(super) fn blocks(tree: &Tree<'_>, root: usize, without: &HashSet<usize>) -> Vec<Block> {
    let mut writer = Writer::default();
    tree.walk(root, |index, step| {
        match step {
            Step::Open(element) => {
                if is_never_text(element.name())
                    || without.contains(&index)
                    || is_anchor(tree, index, element)
                {
                    return false;
                }
                writer.open(tree, index, element);
            }
            Step::Close(element) => writer.close(element.name()),
            Step::Text(text) => writer.write(text),
        }
        true
    });
    writer.finish()
}

/// Whether an element holds no text of the page, whatever stands in it.
pub(super) fn is_never_text(element: &str) -> bool {
    matches!(
        element,
        "head"
            | "script"
            | "style"
            | "noscript"
            | "template"
            | "svg"
            | "iframe"
            | "object"
            | "select"
            | "datalist"
            | "textarea"
            | "canvas"
            | "audio"
            | "video"
            | "annotation"
    )
}

pub(super) fn is_inline(element: &str) -> bool {
    matches!(
        element,
        "a" | "abbr"
            | "b"
            | "bdi"
            | "bdo"
            | "cite"
            | "code"
            | "data"
            | "del"
            | "dfn"
            | "em"
            | "font"
            | "i"
            | "img"
            | "ins"
            | "kbd"
            | "label"
            | "mark"
            | "math"
            | "q"
            | "s"
            | "samp"
            | "small"
            | "span"
            | "strike"
            | "strong"
            | "sub"
            | "sup"
            | "time"
            | "tt"
            | "u"
            | "var"
            | "wbr"
            | "mi"
            | "mo"
            | "mn"
            | "mrow"
            | "msup"
            | "msub"
            | "mfrac"
            | "msqrt"
            | "mtext"
            | "semantics"
    )
}

/// Whether an element is the sign beside a heading that links to it.
fn is_anchor(tree: &Tree<'_>, index: usize, element: &Element) -> bool {
    element.name() == "a"
        && element
            .attr("href")
            .is_some_and(|href| href.starts_with('#'))
        && tree
            .texts(index)
            .all(|text| matches!(text.trim(), "" | "¶" | "#" | "§" | "🔗"))
}

#[cfg(test)]
mod tests {
    use scraper::Html;

    use super::*;

    fn text(page: &str) -> String {
        let page = Html::parse_document(page);
        let tree = Tree::of(&page);
        markdown(&blocks(&tree, Tree::ROOT, &HashSet::new()))
    }

    #[test]
    fn blocks_are_paragraphs_and_inline_elements_are_not() {
        assert_eq!(
            text(
                "<h2>A<b>b</b></h2><p>one <i>two</i>, three</p><script>x()</script>tail<br>of  it<div>more</div>"
            ),
            "## Ab\n\none two, three\n\ntail\nof it\n\nmore"
        );
        assert_eq!(text("<h1>Title<a href='#title'>¶</a></h1>"), "# Title");
    }

    #[test]
    fn lists_keep_their_order_and_depth() {
        assert_eq!(
            text("<ul><li>a<ol><li>x<li><p>y</p><p>z</p></ol><li>b</ul><p>end</p>"),
            "- a\n  1. x\n  2. y\n\n    z\n\n- b\n\nend"
        );
        assert_eq!(
            text("<ul><li><h3>Post</h3><p>Words.</p></ul>"),
            "### Post\n\nWords."
        );
    }

    #[test]
    fn a_table_of_data_keeps_its_rows_and_a_table_of_layout_its_paragraphs() {
        assert_eq!(
            text("<table><tr><th>Name<th>Size<tr><td>a|b<td><p>1</p><p>MiB</p></table>"),
            "| Name | Size |\n| --- | --- |\n| a\\|b | 1 MiB |"
        );
        assert_eq!(
            text("<table><tr><td>menu<td><h1>Title</h1><p>Words.</p></table>"),
            "menu\n\n# Title\n\nWords."
        );
    }

    #[test]
    fn code_is_fenced_with_its_lines_and_its_language() {
        assert_eq!(
            text(
                "<pre><code class='x language-rust'>fn main() {\n    <b>run</b>();\n}\n</code></pre>after"
            ),
            "```rust\nfn main() {\n    run();\n}\n```\n\nafter"
        );
        assert_eq!(
            text("<pre><div>a</div><div>b</div></pre>"),
            "```\na\nb\n```"
        );
    }
}
