//! DOCX, PPTX, XLSX → Markdown by undoc: headings, lists, tables; a slide is a page, a sheet is a section with a table.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use undoc::render::{RenderOptions, render_section_to_string};
use undoc::{Block, Error, FormatType, Table};

use super::{Extracted, MAX_TEXT_BYTES, Refusal, archive, has_letters, too_much_text};

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, Refusal> {
    let document = undoc::parse_bytes(&archive::checked(bytes)?).map_err(reason)?;
    let mut options = RenderOptions::new().with_images(false).with_max_heading(6);
    // The text is searched, not rendered: a backslash before a bracket is one token more.
    options.escape_special_chars = false;
    // Without them, the words around a line break are one.
    options.preserve_line_breaks = true;
    let mut text = String::new();
    let mut pages = Vec::new();
    for (index, mut section) in document.sections.into_iter().enumerate() {
        if document.format == FormatType::Pptx {
            pages.push(text.len());
        }
        if section.content.is_empty() && section.notes.is_none() {
            continue;
        }
        let name = section.name.take().unwrap_or_default();
        let rendered = match document.format {
            FormatType::Xlsx => sheet(&name, &section.content),
            // No section is the first for the renderer, which would put a rule before every other one.
            format => {
                let text = render_section_to_string(&section, 0, format, &options, &HashMap::new());
                without_breaks(&text)
            }
        };
        if !has_letters(&rendered) {
            continue;
        }
        // The text of a slide without a title would belong to the one before it.
        if document.format == FormatType::Pptx && !rendered.trim_start().starts_with('#') {
            text.push_str(&format!("# Slide {}\n\n", index + 1));
        }
        text.push_str(rendered.trim());
        text.push_str("\n\n");
        if text.len() > MAX_TEXT_BYTES {
            return Err(too_much_text());
        }
    }
    text.truncate(text.trim_end().len());
    let title = document
        .metadata
        .title
        .filter(|title| !is_placeholder(title));
    let extracted = Extracted::markdown(text);
    Ok(Extracted {
        title: title.or_else(|| extracted.title.clone()),
        pages,
        ..extracted
    })
}

/// A sheet as a heading and its tables, without the rows and columns that are blank: one stray cell in the last of 16,384
/// columns would make every row that long.
fn sheet(name: &str, blocks: &[Block]) -> String {
    let tables = blocks.iter().filter_map(|block| match block {
        Block::Table(table) => Some(table),
        _ => None,
    });
    let tables: String = tables.map(grid).filter(|table| !table.is_empty()).collect();
    match tables.is_empty() {
        true => tables,
        false => format!("## {name}\n\n{tables}"),
    }
}

/// In a table, a line break is an element of HTML: words to whoever reads the text as it is.
fn without_breaks(text: &str) -> String {
    let lines = text
        .split_inclusive('\n')
        .map(|line| match line.starts_with('|') {
            true => Cow::Owned(line.replace("<br>", " ")),
            false => Cow::Borrowed(line),
        });
    lines.collect()
}

fn grid(table: &Table) -> String {
    let mut used = BTreeSet::new();
    let mut rows: Vec<BTreeMap<usize, String>> = Vec::new();
    for (row, columns) in table.rows.iter().zip(table.cell_columns()) {
        let cells = row.cells.iter().zip(columns).filter_map(|(cell, column)| {
            let words = cell.plain_text();
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            (!words.is_empty()).then(|| (column, words.replace('|', "\\|")))
        });
        let cells: BTreeMap<_, _> = cells.collect();
        used.extend(cells.keys().copied());
        if !cells.is_empty() {
            rows.push(cells);
        }
    }
    let mut text = String::new();
    if rows.is_empty() {
        return text;
    }
    for (index, cells) in rows.iter().enumerate() {
        for column in &used {
            let cell = cells.get(column).map_or("", String::as_str);
            text.push_str(if text.ends_with('|') { " " } else { "| " });
            text.push_str(cell);
            text.push_str(" |");
        }
        text.push('\n');
        if index == 0 {
            text.push_str(&format!("|{}\n", " --- |".repeat(used.len())));
        }
        // Whoever calls refuses what is too long, and need not have all of it.
        if text.len() > MAX_TEXT_BYTES {
            break;
        }
    }
    text.push('\n');
    text
}

/// What PowerPoint puts where nobody gave a title.
fn is_placeholder(title: &str) -> bool {
    title.trim().is_empty() || title == "PowerPoint Presentation"
}

fn reason(e: Error) -> Refusal {
    match e {
        Error::Encrypted => "is encrypted; save it without a password".into(),
        Error::UnknownFormat | Error::UnsupportedFormat(_) => {
            "is a zip archive, but no DOCX, PPTX or XLSX".into()
        }
        Error::MissingComponent(part) => {
            format!("is no whole Office file: `{part}` is missing").into()
        }
        e => format!("is no readable Office file: {e}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::archive::tests::zipped;
    use super::*;

    const W: &str = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";

    fn docx(body: &str) -> Vec<u8> {
        let styles = "<w:style w:type=\"paragraph\" w:styleId=\"Heading1\"><w:pPr><w:outlineLvl w:val=\"0\"/></w:pPr></w:style>";
        let styles = format!("<w:styles xmlns:w=\"{W}\">{styles}</w:styles>");
        let body = format!("<w:document xmlns:w=\"{W}\"><w:body>{body}</w:body></w:document>");
        zipped(&[
            ("[Content_Types].xml", "<Types/>"),
            ("word/document.xml", &body),
            ("word/styles.xml", &styles),
        ])
    }

    fn paragraph(text: &str) -> String {
        format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
    }

    #[test]
    fn headings_and_tables_of_word_are_markdown() {
        let cell = |text: &str| format!("<w:tc>{}</w:tc>", paragraph(text));
        let row = |a: &str, b: &str| format!("<w:tr>{}{}</w:tr>", cell(a), cell(b));
        let body = format!(
            "<w:p><w:pPr><w:pStyle w:val=\"Heading1\"/></w:pPr><w:r><w:t>Leases</w:t></w:r></w:p>{}<w:tbl>{}{}</w:tbl>",
            paragraph("A reader holds a lease."),
            row("kind", "re</w:t><w:br/><w:t>ach"),
            row("kernel", "one host"),
        );
        let found = extract(&docx(&body)).unwrap();
        assert_eq!(found.title.as_deref(), Some("Leases"));
        for expected in [
            "# Leases",
            "A reader holds a",
            "| kind | re ach |",
            "| kernel | one host |",
        ] {
            assert!(found.text.contains(expected), "{}", found.text);
        }
    }

    #[test]
    fn a_sheet_is_a_table_without_blank_rows_and_columns() {
        let cell = |at: &str, text: &str| {
            format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
        };
        let row = |cells: &[String]| format!("<row>{}</row>", cells.concat());
        let sheet = [
            row(&[cell("A1", "host"), cell("C1", "role")]),
            row(&[cell("B2", " ")]),
            row(&[cell("A3", "al|pha"), cell("XFD3", "stray")]),
        ];
        let sheet = format!(
            "<worksheet><sheetData>{}</sheetData></worksheet>",
            sheet.concat()
        );
        let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        let book = format!(
            "<workbook xmlns:r=\"{relations}\"><sheets><sheet name=\"Servers\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
        );
        let links = format!(
            "<Relationships><Relationship Id=\"r1\" Type=\"{relations}/worksheet\" Target=\"worksheets/a.xml\"/></Relationships>"
        );
        let bytes = zipped(&[
            ("[Content_Types].xml", "<Types/>"),
            ("xl/workbook.xml", &book),
            ("xl/_rels/workbook.xml.rels", &links),
            ("xl/worksheets/a.xml", &sheet),
        ]);
        let expected =
            "## Servers\n\n| host | role |  |\n| --- | --- | --- |\n| al\\|pha |  | stray |";
        assert_eq!(extract(&bytes).unwrap().text, expected);
    }

    #[test]
    fn an_office_file_without_text_is_empty_and_a_broken_one_unreadable() {
        assert_eq!(extract(&docx(&paragraph(" "))).unwrap().text, "");
        let broken = extract(&zipped(&[(
            "word/document.xml",
            "<w:document><w:body></w:p>",
        )]));
        assert!(matches!(broken, Err(Refusal::Unreadable(_))), "{broken:?}");
    }
}
