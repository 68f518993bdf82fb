//! Fills a question into what is sent: the path, and the body's JSON.

use serde_json::Value;

const QUERY: &str = "{query}";
const K: &str = "{k}";

/// What placeholders stand for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filling<'a> {
    pub(super) query: &'a str,
    pub(super) k: usize,
}

impl Filling<'_> {
    /// Fills a text, each value as `encode` writes it. What was filled in is not looked at again, since a query may hold
    /// braces itself.
    fn text(self, template: &str, encode: fn(&str) -> String) -> String {
        let mut filled = String::with_capacity(template.len() + self.query.len());
        let mut rest = template;
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            filled.push_str(before);
            rest = if let Some(after) = from.strip_prefix(QUERY) {
                filled.push_str(&encode(self.query));
                after
            } else if let Some(after) = from.strip_prefix(K) {
                filled.push_str(&self.k.to_string());
                after
            } else {
                filled.push('{');
                from.strip_prefix('{').unwrap_or_default()
            };
        }
        filled.push_str(rest);
        filled
    }

    /// Fills the path and the parameters of a URL.
    pub(super) fn path(self, template: &str) -> String {
        self.text(template, percent_encoded)
    }

    /// Fills every string of a JSON value. One that is just `{k}` becomes a number.
    pub(super) fn json(self, template: &Value) -> Value {
        match template {
            Value::String(text) if text == K => self.k.into(),
            Value::String(text) => self.text(text, str::to_owned).into(),
            Value::Array(values) => values.iter().map(|value| self.json(value)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| (name.clone(), self.json(value)))
                .collect(),
            other => other.clone(),
        }
    }
}

/// Says whether a path asks the question.
pub(super) fn path_asks(template: &str) -> bool {
    template.contains(QUERY)
}

/// Says whether a body asks the question.
pub(super) fn json_asks(template: &Value) -> bool {
    match template {
        Value::String(text) => text.contains(QUERY),
        Value::Array(values) => values.iter().any(json_asks),
        Value::Object(fields) => fields.values().any(json_asks),
        _ => false,
    }
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
