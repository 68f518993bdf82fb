//! Writes the blocks of a page as they open and close.

use scraper::node::Element;

use super::tree::Tree;
use super::visible::{Block, Kind, is_inline};

#[derive(Default)]
pub(super) struct Writer {
    blocks: Vec<Block>,
    line: String,
    /// Whether white space stood before what comes next.
    space: bool,
    heading: Option<usize>,
    /// The language of the code block that is open.
    code: Option<String>,
    lists: Vec<List>,
    /// For each open table, whether it holds data rather than the page's layout.
    tables: Vec<bool>,
    row: Option<Vec<String>>,
    /// Whether the next row is its table's first.
    first_row: bool,
}

struct List {
    ordered: bool,
    items: usize,
    /// Whether the open item's marker is still to be written.
    marker: bool,
    /// Whether it has been, so that what follows is set below it.
    written: bool,
}

impl Writer {
    pub(super) fn finish(mut self) -> Vec<Block> {
        self.end_block();
        self.blocks
    }

    pub(super) fn open(&mut self, tree: &Tree<'_>, index: usize, element: &Element) {
        let name = element.name();
        if name == "br" {
            return self.end_line();
        }
        if self.code.is_some() {
            if name == "code" {
                self.code = language(element).or(self.code.take());
            }
            return;
        }
        if is_inline(name) {
            return;
        }
        if self.row.is_some() && !matches!(name, "td" | "th" | "tr" | "table") {
            self.space = true;
            return;
        }
        self.end_block();
        match name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.heading = name.get(1..).and_then(|level| level.parse().ok());
            }
            "pre" => self.code = Some(language(element).unwrap_or_default()),
            "ul" | "ol" => self.lists.push(List {
                ordered: name == "ol",
                items: 0,
                marker: false,
                written: false,
            }),
            "li" => {
                if let Some(list) = self.lists.last_mut() {
                    (list.items, list.marker, list.written) = (list.items + 1, true, false);
                }
            }
            "table" => {
                self.tables.push(holds_data(tree, index));
                self.first_row = true;
            }
            "tr" if self.tables.last() == Some(&true) => self.row = Some(Vec::new()),
            _ => {}
        }
    }

    pub(super) fn close(&mut self, name: &str) {
        match name {
            "br" => return,
            "pre" => self.end_code(),
            _ if self.code.is_some() && is_inline(name) => return,
            _ if self.code.is_some() => return self.end_line(),
            "td" | "th" if self.row.is_some() => {
                let cell = self.take_line().replace('\n', " ").replace('|', "\\|");
                self.row.get_or_insert_default().push(cell);
            }
            "tr" => self.end_row(),
            _ if is_inline(name) => return,
            _ if self.row.is_some() => {
                self.space = true;
                return;
            }
            _ => self.end_block(),
        }
        match name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.heading = None,
            "ul" | "ol" => drop(self.lists.pop()),
            "li" => {
                if let Some(list) = self.lists.last_mut() {
                    (list.marker, list.written) = (false, false);
                }
            }
            "table" => drop(self.tables.pop()),
            _ => {}
        }
    }

    pub(super) fn write(&mut self, text: &str) {
        if self.code.is_some() {
            return self.line.push_str(text);
        }
        for (at, word) in text.split(char::is_whitespace).enumerate() {
            self.space |= at > 0;
            if word.is_empty() {
                continue;
            }
            if std::mem::take(&mut self.space)
                && !self.line.is_empty()
                && !self.line.ends_with('\n')
            {
                self.line.push(' ');
            }
            self.line.push_str(word);
        }
    }

    fn end_line(&mut self) {
        let keeps = self.code.is_some() || (self.heading.is_none() && self.row.is_none());
        if keeps && !self.line.is_empty() {
            self.line.push('\n');
        }
        self.space = !keeps;
    }

    fn take_line(&mut self) -> String {
        self.space = false;
        let line = std::mem::take(&mut self.line);
        let trimmed = line.trim();
        if trimmed.len() == line.len() {
            line
        } else {
            trimmed.to_owned()
        }
    }

    fn end_block(&mut self) {
        let line = self.take_line();
        if line.is_empty() {
            return;
        }
        if let Some(level) = self.heading {
            // An item that a heading opens is a section of the page in the shape of a list.
            if let Some(list) = self.lists.last_mut() {
                list.marker = false;
            }
            return self.push(format!("{} {line}", "#".repeat(level)), Kind::Plain);
        }
        let above = self.lists.len().saturating_sub(1);
        let mut indent = "  ".repeat(
            self.lists
                .iter()
                .take(above)
                .filter(|list| list.written)
                .count(),
        );
        let Some(list) = self
            .lists
            .last_mut()
            .filter(|list| list.marker || list.written)
        else {
            return self.push(line, Kind::Plain);
        };
        if std::mem::take(&mut list.marker) {
            list.written = true;
            let marker = if list.ordered {
                format!("{}. ", list.items)
            } else {
                "- ".into()
            };
            let text = format!(
                "{indent}{marker}{}",
                line.replace('\n', &format!("\n{indent}  "))
            );
            return self.push(text, Kind::Item);
        }
        indent.push_str("  ");
        let text = format!("{indent}{}", line.replace('\n', &format!("\n{indent}")));
        self.push(text, Kind::Plain);
    }

    fn end_code(&mut self) {
        let language = self.code.take().unwrap_or_default();
        let line = std::mem::take(&mut self.line);
        let code = line.trim_matches(['\n', '\r']).trim_end();
        if !code.trim().is_empty() {
            let fence = if code.contains("```") { "~~~~" } else { "```" };
            self.push(format!("{fence}{language}\n{code}\n{fence}"), Kind::Plain);
        }
    }

    fn end_row(&mut self) {
        let Some(cells) = self
            .row
            .take()
            .filter(|cells| cells.iter().any(|cell| !cell.is_empty()))
        else {
            return;
        };
        let mut text = format!("| {} |", cells.join(" | "));
        if std::mem::take(&mut self.first_row) {
            text.push_str(&format!("\n|{}", " --- |".repeat(cells.len())));
        }
        self.push(text, Kind::Row);
    }

    fn push(&mut self, text: String, kind: Kind) {
        self.blocks.push(Block { text, kind });
    }
}

/// Whether a table's rows are records: cells in several columns, each of them short and without blocks in it.
fn holds_data(tree: &Tree<'_>, table: usize) -> bool {
    const LONGEST_CELL: usize = 400;
    let (mut rows, mut cells) = (0, 0);
    for (index, element) in tree.elements(table).skip(1) {
        match element.name() {
            "table" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "pre" | "form" | "blockquote"
            | "hr" => return false,
            "tr" => rows += 1,
            "td" | "th" => {
                cells += 1;
                if tree.texts(index).map(str::len).sum::<usize>() > LONGEST_CELL {
                    return false;
                }
            }
            _ => {}
        }
    }
    cells > rows
}

/// Reads the language that a code block's class names: `language-rust`, `lang-rust`.
fn language(element: &Element) -> Option<String> {
    let named = |class: &str| {
        let name = class
            .strip_prefix("language-")
            .or_else(|| class.strip_prefix("lang-"))?;
        let plain = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+#-".contains(c));
        plain.then(|| name.to_owned())
    };
    element.attr("class")?.split_whitespace().find_map(named)
}
