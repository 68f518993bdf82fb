//! Jupyter notebooks → Markdown: Markdown cells as they are, code fenced in the kernel's language, what it printed, capped.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Extracted, Refusal};

/// Characters of one cell's output that are kept.
const MAX_OUTPUT: usize = 2_000;

/// A notebook of format 4, or of format 3, whose cells lie in worksheets.
#[derive(Deserialize)]
struct Notebook {
    #[serde(default)]
    metadata: About,
    #[serde(default)]
    cells: Vec<Cell>,
    #[serde(default)]
    worksheets: Vec<Worksheet>,
}

#[derive(Deserialize)]
struct Worksheet {
    #[serde(default)]
    cells: Vec<Cell>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct About {
    kernelspec: Option<Kernel>,
    language_info: Option<Language>,
    title: Option<String>,
}

#[derive(Deserialize)]
struct Kernel {
    language: Option<String>,
}

#[derive(Deserialize)]
struct Language {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Cell {
    cell_type: String,
    #[serde(default, alias = "input")]
    source: Lines,
    #[serde(default)]
    outputs: Vec<Output>,
    /// Format 3 only.
    language: Option<String>,
    /// Format 3 only: of a cell that is a heading.
    level: Option<usize>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Output {
    text: Lines,
    data: Data,
    /// Format 3 only.
    png: Option<IgnoredAny>,
    ename: String,
    evalue: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    #[serde(rename = "text/markdown")]
    markdown: Lines,
    #[serde(rename = "text/plain")]
    plain: Lines,
    #[serde(rename = "image/png", alias = "image/jpeg", alias = "image/svg+xml")]
    image: Option<IgnoredAny>,
}

/// A text, whole or by lines that bring their own ends.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    Whole(String),
    Split(Vec<String>),
}

impl Default for Lines {
    fn default() -> Self {
        Self::Split(Vec::new())
    }
}

impl Lines {
    fn text(&self) -> String {
        match self {
            Self::Whole(text) => text.clone(),
            Self::Split(lines) => lines.concat(),
        }
    }
}

/// Whether JSON is a notebook: its format's number may stand at the very end.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    let has = |key: &[u8]| bytes.windows(key.len()).any(|window| window == key);
    has(b"\"nbformat\"") && (has(b"\"cells\"") || has(b"\"worksheets\""))
}

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, Refusal> {
    let bytes = bytes.strip_prefix(super::UTF8_MARK).unwrap_or(bytes);
    let notebook: Notebook =
        serde_json::from_slice(bytes).map_err(|e| format!("is no readable notebook: {e}"))?;
    let About {
        kernelspec,
        language_info,
        title,
    } = notebook.metadata;
    let language = language_info
        .and_then(|info| info.name)
        .or_else(|| kernelspec.and_then(|kernel| kernel.language))
        .unwrap_or_default();
    let worksheets = notebook.worksheets.iter().flat_map(|sheet| &sheet.cells);
    let mut parts = Vec::new();
    for cell in notebook.cells.iter().chain(worksheets) {
        let source = cell.source.text();
        let source = source.trim_end();
        match (cell.cell_type.as_str(), cell.level) {
            _ if source.trim().is_empty() => {}
            ("code", _) => {
                parts.push(fenced(
                    source,
                    cell.language.as_deref().unwrap_or(&language),
                ));
            }
            ("heading", level) => {
                parts.push(format!(
                    "{} {source}",
                    "#".repeat(level.unwrap_or(1).clamp(1, 6))
                ));
            }
            _ => parts.push(source.to_owned()),
        }
        parts.extend(printed(&cell.outputs));
    }
    let extracted = Extracted::markdown(parts.join("\n\n"));
    Ok(Extracted {
        title: title.or_else(|| extracted.title.clone()),
        ..extracted
    })
}

/// What a cell's outputs say in text.
fn printed(outputs: &[Output]) -> Option<String> {
    let mut shown = String::new();
    for output in outputs {
        // The text beside an image is only its type and size.
        if output.png.is_some() || output.data.image.is_some() {
            continue;
        }
        let texts = [
            output.text.text(),
            output.data.plain.text(),
            output.data.markdown.text(),
        ];
        let text = texts.into_iter().find(|text| !text.trim().is_empty());
        let text = text.unwrap_or_else(|| match output.ename.is_empty() {
            true => String::new(),
            false => format!("{}: {}", output.ename, output.evalue),
        });
        shown.push_str(without_colours(&text).trim_end());
        shown.push('\n');
    }
    let shown = shown.trim();
    if shown.is_empty() {
        return None;
    }
    Some(match shown.char_indices().nth(MAX_OUTPUT) {
        Some((end, _)) => fenced(&format!("{}…", shown.get(..end)?), "text"),
        None => fenced(shown, "text"),
    })
}

/// Takes out the escape sequences that colour a terminal.
fn without_colours(text: &str) -> String {
    let mut pieces = text.split("\x1B[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let mut rest = piece
            .trim_start_matches(|c: char| c.is_ascii_digit() || ";?".contains(c))
            .chars();
        rest.next();
        plain.push_str(rest.as_str());
    }
    plain
}

/// Fences code with more backticks than it has itself.
fn fenced(code: &str, language: &str) -> String {
    let mut longest = 2;
    let mut run = 0;
    for c in code.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence}{language}\n{code}\n{fence}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(notebook: &serde_json::Value) -> String {
        extract(notebook.to_string().as_bytes()).unwrap().text
    }

    #[test]
    fn cells_are_markdown_and_outputs_are_capped_text() {
        let long = "x".repeat(3_000);
        let notebook = json!({
            "nbformat": 4,
            "metadata": {"language_info": {"name": "julia"}},
            "cells": [
                {"cell_type": "markdown", "source": ["# Title\n", "words"], "attachments": {"a.png": {"image/png": "AAAA"}}},
                {"cell_type": "code", "source": "s = \"```\"", "outputs": [
                    {"output_type": "stream", "text": ["\u{1b}[1;31mred\u{1b}[0m\n"]},
                    {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": "<Figure>"}},
                    {"output_type": "error", "ename": "KeyError", "evalue": "'a'", "traceback": ["..."]},
                ]},
                {"cell_type": "code", "source": [], "outputs": [
                    {"output_type": "execute_result", "data": {"text/plain": long, "text/html": "<b>"}},
                ]},
            ],
        });
        let expected = "# Title\nwords\n\n````julia\ns = \"```\"\n````\n\n```text\nred\nKeyError: 'a'\n```\n\n```text\n";
        let found = text(&notebook);
        assert_eq!(found, format!("{expected}{}…\n```", "x".repeat(MAX_OUTPUT)));
    }

    #[test]
    fn a_notebook_of_format_3_is_read() {
        let notebook = json!({
            "nbformat": 3,
            "metadata": {"name": "old"},
            "worksheets": [{"cells": [
                {"cell_type": "heading", "level": 2, "source": "Head"},
                {"cell_type": "code", "language": "python", "input": ["1 + 1"], "outputs": [
                    {"output_type": "pyout", "text": ["2"]},
                    {"output_type": "display_data", "png": "AAAA", "text": ["<plot>"]},
                ]},
            ]}],
        });
        assert_eq!(
            text(&notebook),
            "## Head\n\n```python\n1 + 1\n```\n\n```text\n2\n```"
        );
        assert!(extract(b"{\"cells\": 3}").is_err());
    }
}
