//! Front matter: what a text file says of itself before its text begins, in YAML between `---` or in TOML between `+++`.
//!
//! Whatever is not unmistakably front matter stays text.

use std::path::Path;

use serde_json::{Map, Value as Json};
use serde_saphyr::{budget, options};

use super::{Extracted, Format, Metadata, Value, check_name, compressed};

/// Bytes beyond which a block is text. It also bounds what a parser can be asked to do.
const MAX_BYTES: usize = 64 << 10;
/// Fields beyond which a block is text: each becomes a column.
const MAX_FIELDS: usize = 64;

/// A text with its front matter left in.
pub(super) fn ignored(text: String, format: Format) -> Extracted {
    match format {
        Format::Markdown => Extracted::markdown(text),
        _ => Extracted::plain(text),
    }
}

/// A text without its front matter, which becomes metadata.
pub(super) fn taken(mut text: String, format: Format, name: &str) -> Extracted {
    let found = match (format, ending(name).as_str()) {
        (Format::Markdown, _) => split(&text, "---").or_else(|| split(&text, "+++")),
        // `+++` means something else in AsciiDoc.
        (Format::Text, "rst" | "adoc" | "asciidoc") => split(&text, "---"),
        _ => None,
    };
    let Some(Block { fields, length }) = found else {
        return ignored(text, format);
    };
    text.drain(..length);
    let mut extracted = ignored(text, format);
    extracted.offsets = extracted.offsets.shifted(length);
    for (name, value) in fields {
        let Some(value) = value else {
            continue;
        };
        if name.eq_ignore_ascii_case("title") {
            extracted.title = Some(written(&value)).filter(|title| !title.trim().is_empty());
        }
        insert(&mut extracted.metadata, &name, value);
    }
    extracted
}

fn ending(name: &str) -> String {
    let extension = Path::new(compressed::inner_name(name)).extension();
    extension
        .unwrap_or_default()
        .to_string_lossy()
        .to_ascii_lowercase()
}

/// Front matter as it was found.
struct Block {
    /// Each field, and its value where a column could hold it.
    fields: Vec<(String, Option<Value>)>,
    /// The bytes up to the text.
    length: usize,
}

/// Takes the block between two lines of one mark, if it says what its kind of block says.
fn split(text: &str, mark: &str) -> Option<Block> {
    let mut lines = text.split_inclusive('\n');
    let first = lines.next().filter(|line| line.trim_end() == mark)?;
    let mut end = first.len();
    for line in lines {
        if end > MAX_BYTES {
            return None;
        }
        let closes = line.trim_end() == mark || (mark == "---" && line.trim_end() == "...");
        if !closes {
            end += line.len();
            continue;
        }
        let block = text.get(first.len()..end)?;
        let fields = match mark {
            "---" => yaml(block)?,
            _ => toml(block)?,
        };
        if fields.len() > MAX_FIELDS {
            return None;
        }
        let length = end + line.len();
        return Some(Block { fields, length });
    }
    None
}

fn yaml(block: &str) -> Option<Vec<(String, Option<Value>)>> {
    let options = options! {
        budget: budget! {
            max_events: 20_000,
            max_nodes: 10_000,
            max_depth: 16,
            max_documents: 1,
            max_aliases: 100,
            max_anchors: 100,
            max_merge_keys: 100,
            max_recorded_anchor_events: 20_000,
            max_recorded_anchor_bytes: 1 << 20,
            max_total_scalar_bytes: 1 << 20,
        },
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
    };
    let fields: Map<String, Json> = serde_saphyr::from_str_with_options(block, options).ok()?;
    // A block of comments alone is a heading or two between rules.
    if fields.is_empty() && !block.trim().is_empty() {
        return None;
    }
    Some(
        fields
            .into_iter()
            .map(|(name, value)| (name, of_json(&value)))
            .collect(),
    )
}

fn of_json(value: &Json) -> Option<Value> {
    match value {
        Json::Array(items) => {
            let items: Option<Vec<Value>> = items
                .iter()
                .filter(|item| !item.is_null())
                .map(|item| Value::from_json(item).ok().flatten())
                .collect();
            joined(items?)
        }
        value => Value::from_json(value).ok().flatten(),
    }
}

fn toml(block: &str) -> Option<Vec<(String, Option<Value>)>> {
    let fields: toml::Table = block.parse().ok()?;
    Some(
        fields
            .into_iter()
            .map(|(name, value)| (name, of_toml(value)))
            .collect(),
    )
}

fn of_toml(value: toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => Value::Text(text),
        toml::Value::Integer(number) => Value::Integer(number),
        toml::Value::Float(number) => {
            Value::Float(Some(number).filter(|number| number.is_finite())?)
        }
        toml::Value::Boolean(value) => Value::Boolean(value),
        toml::Value::Datetime(time) => Value::Text(time.to_string()),
        toml::Value::Array(items) => {
            let items: Option<Vec<Value>> = items
                .into_iter()
                .map(|item| Some(item).filter(|item| !item.is_array()).and_then(of_toml))
                .collect();
            return joined(items?);
        }
        toml::Value::Table(_) => return None,
    })
}

/// A list of scalars as one text. A column has one value a document.
fn joined(items: Vec<Value>) -> Option<Value> {
    let items: Vec<String> = items.iter().map(written).collect();
    (!items.is_empty()).then(|| Value::Text(items.join(", ")))
}

fn written(value: &Value) -> String {
    match value {
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(value) => value.trim().to_owned(),
    }
}

/// Puts a field where its name can be a column's, as it is or with `_` for what front matter often has instead.
fn insert(metadata: &mut Metadata, name: &str, value: Value) {
    let name = name.replace(['-', '.', ' '], "_");
    if check_name(&name).is_ok() {
        metadata.entry(name).or_insert(value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{only, task};
    use super::*;

    fn metadata(file: &str) -> (Option<String>, Metadata, String) {
        let mut task = task("a.md");
        task.metadata
            .insert("product".into(), Value::Text("task's".into()));
        let document = only(&task, file.as_bytes()).unwrap();
        (document.title, document.metadata, document.text)
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn scalars_and_lists_become_metadata_and_nothing_else_does() {
        let yaml = "---\r\ntitle: 'T: 1'\r\nproduct: uv\r\nlast-update: 2026-01-02\r\ncount: 7\r\nratio: .5\r\n\
                    draft: false\r\nanswer: yes\r\ntags: [a, 2]\r\nowner: {name: x}\r\nnested: [[a]]\r\nvector: 1\r\n\
                    none: ~\r\nzip: 01234\r\n---\r\n# Head";
        let toml = "+++\ntitle = 'T: 1'\nproduct = 'uv'\nlast.update = 1\nlast-update = 2026-01-02\ncount = 7\nratio = 0.5\n\
                    draft = false\nanswer = 'yes'\ntags = ['a', 2]\nnested = [['a']]\nvector = 1\nzip = '01234'\n\
                    [owner]\nname = 'x'\n+++\n# Head";
        let expected = [
            ("answer", text("yes")),
            ("count", Value::Integer(7)),
            ("draft", Value::Boolean(false)),
            ("last_update", text("2026-01-02")),
            ("product", text("uv")),
            ("ratio", Value::Float(0.5)),
            ("tags", text("a, 2")),
            ("zip", text("01234")),
        ];
        let expected: Metadata = expected
            .into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect();
        for file in [yaml, toml] {
            let found = metadata(file);
            assert_eq!(
                found,
                (Some("T: 1".into()), expected.clone(), "# Head".into()),
                "{file}"
            );
        }
    }

    #[test]
    fn what_is_no_front_matter_stays_text() {
        let laughs: String = ('b'..'k')
            .map(|c| {
                format!(
                    "{c}: &{c} [{}]\n",
                    "*a,"
                        .replace('a', &((c as u8 - 1) as char).to_string())
                        .repeat(20)
                )
            })
            .collect();
        let bomb = format!("---\na: &a [x]\n{laughs}---\n");
        let long = format!("---\na: {}\n---\n", "x".repeat(MAX_BYTES));
        let many: String = (0..=MAX_FIELDS).map(|n| format!("f{n}: 1\n")).collect();
        let many = format!("---\n{many}---\n");
        let files = [
            "---\nA rule above a paragraph.\n\n---\n",
            "---\n# Only a comment in YAML\n---\n",
            "---\ntitle: [open\n---\ntext",
            "---\ntitle: never closed\n",
            "\n---\ntitle: too late\n---\n",
            "+++\nkey: yaml\n+++\n",
            &bomb,
            &long,
            &many,
        ];
        for file in files {
            let (_, metadata, text) = metadata(file);
            let about: String = file.chars().take(60).collect();
            assert_eq!(text, file, "{about}");
            assert_eq!(metadata.len(), 1, "{about}");
        }
    }

    #[test]
    fn text_formats_have_it_only_where_nothing_else_is_meant_and_it_can_be_switched_off() {
        let file = "---\na: 1\n---\ntext";
        let read = |name: &str, keep| {
            let mut task = task(name);
            task.options.keep_front_matter = keep;
            only(&task, file.as_bytes()).unwrap().text
        };
        assert_eq!(
            (read("a.rst", false), read("a.adoc.gz", false)),
            ("text".into(), "text".into())
        );
        assert_eq!(
            (read("a.txt", false), read("a.md", true)),
            (file.into(), file.into())
        );
        let passthrough = "+++\na = 1\n+++\ntext";
        assert_eq!(
            only(&task("a.adoc"), passthrough.as_bytes()).unwrap().text,
            passthrough
        );
    }
}
