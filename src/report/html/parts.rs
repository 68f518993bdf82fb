//! Pieces that several sections are made of.

use maud::{Markup, html};

use super::numbers;
use crate::plot::{self, Chart};
use crate::report::page::Fact;

/// How many characters of a text are shown.
const LONGEST: usize = 300;

/// Shows text that strangers wrote: harmless, not too long, and in its own direction of writing.
pub(super) fn said(text: &str) -> Markup {
    html! { bdi { (plot::visible(text, LONGEST)) } }
}

/// Shows an address or a digest, which may break anywhere.
pub(super) fn address(text: &str) -> Markup {
    html! { bdi class="address" { (plot::visible(text, LONGEST)) } }
}

/// Puts a caption to a chart.
pub(super) fn figure(title: &str, chart: &Chart, caption: &Markup) -> Markup {
    html! {
        figure {
            h3 { (title) }
            (chart)
            figcaption { (caption) }
        }
    }
}

/// What a column of a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Words,
    Number,
}

/// Lays rows out in a table that scrolls in its own place where the page is narrow.
pub(super) fn table(name: &str, columns: &[(&str, Column)], rows: &[Row]) -> Markup {
    let class = |column: Option<&(&str, Column)>| {
        column
            .is_some_and(|column| column.1 == Column::Number)
            .then_some("number")
    };
    html! {
        div class="scroll" role="region" aria-label=(name) tabindex="0" {
            table {
                thead {
                    tr { @for column in columns { th scope="col" class=[class(Some(column))] { (column.0) } } }
                }
                tbody {
                    @for row in rows {
                        tr class=[row.strong.then_some("strong")] {
                            @for (i, cell) in row.cells.iter().enumerate() {
                                @if i == 0 {
                                    th scope="row" { (cell) }
                                } @else {
                                    td class=[class(columns.get(i))] { (cell) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A row of a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    pub(super) cells: Vec<Markup>,
    pub(super) strong: bool,
}

impl Row {
    pub(super) fn new(cells: impl IntoIterator<Item = Markup>) -> Self {
        Self {
            cells: cells.into_iter().collect(),
            strong: false,
        }
    }
}

/// Shows names and what they stand for.
pub(super) fn facts(facts: &[Fact]) -> Markup {
    html! {
        dl class="facts" {
            @for fact in facts { div { dt { (said(&fact.name)) } dd { (address(&fact.value)) } } }
        }
    }
}

/// Shows the first few things of a list and says how many more there are.
pub(super) fn capped<T>(things: &[T], most: usize, show: impl Fn(&T) -> Markup) -> Markup {
    html! {
        ul class="plain" { @for thing in things.iter().take(most) { li { (show(thing)) } } }
        (more(things.len(), most))
    }
}

/// Says how many things of a list are not shown.
pub(super) fn more(all: usize, shown: usize) -> Markup {
    html! {
        @if all > shown { p class="dim" { "… and " (numbers::count((all - shown) as u64)) " more." } }
    }
}

/// Shows how a score changed: it is better or worse, which a count is not.
pub(super) fn score_change(before: f64, now: f64) -> Markup {
    let class = match now - before {
        by if by >= 0.005 => "good",
        by if by <= -0.005 => "bad",
        _ => "dim",
    };
    html! { span class=(class) { (numbers::score_change(before, now)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_strangers_is_escaped_shown_and_cut() {
        let hostile = format!("<script>\u{202e}{}", "x".repeat(500));
        let shown = said(&hostile).into_string();
        assert!(shown.starts_with("<bdi>&lt;script&gt;\\u{202e}xxx"));
        assert!(shown.len() < 400 && shown.contains('…'));
    }

    #[test]
    fn a_list_says_how_much_it_leaves_out() {
        let things: Vec<u64> = (0..1_500).collect();
        let list = capped(&things, 200, |thing| html! { (thing) }).into_string();
        assert_eq!(list.matches("<li>").count(), 200);
        assert!(list.contains("and 1,300 more"));
        assert!(
            !capped(&things, 1_500, |_| html! {})
                .into_string()
                .contains("more")
        );
    }

    #[test]
    fn numbers_of_a_table_are_marked_in_head_and_body() {
        let row = Row::new([html! { "a" }, html! { "1" }]);
        let columns = [("Name", Column::Words), ("Count", Column::Number)];
        let table = table("t", &columns, &[row]).into_string();
        assert_eq!(table.matches("class=\"number\"").count(), 2);
        assert!(table.contains("<th scope=\"row\">a</th>"));
    }
}
