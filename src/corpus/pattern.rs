//! Globs whose parts may be named: `docs/{product}/{lang}/**` reads what `docs/*/*/**` reads, and knows both parts.

use globset::{GlobBuilder, GlobMatcher};
use regex::bytes::Regex;

use super::{Metadata, Value, check_name};

/// Stands for a named part while the rest is parsed as a glob. No file name holds it.
const PLACE: &str = "\u{F8F0}";

/// A glob over paths relative to a directory, with the names of its parts.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    matcher: GlobMatcher,
    captures: Option<(Regex, Vec<String>)>,
    names_files: bool,
}

/// A text that is no pattern, as a clause.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// It is no glob.
    #[error(transparent)]
    Glob(#[from] globset::Error),
    /// The regular expression of its named parts is too large.
    #[error("{0}")]
    Regex(#[from] regex::Error),
    /// A part's name cannot be a column.
    #[error("{0}")]
    Name(String),
}

impl Pattern {
    pub(super) fn new(text: &str) -> Result<Self, PatternError> {
        let (with_places, names) = split(text);
        for name in &names {
            check_name(name).map_err(|e| PatternError::Name(e.to_string()))?;
        }
        let glob = |text: &str| GlobBuilder::new(text).literal_separator(true).build();
        let matcher = glob(&with_places.replace(PLACE, "*"))?.compile_matcher();
        let last = with_places.rsplit('/').next().unwrap_or_default();
        let names_files = !last.replace(PLACE, "").trim_matches('*').is_empty();
        if names.is_empty() {
            return Ok(Self {
                matcher,
                captures: None,
                names_files,
            });
        }
        // The bytes of a literal are escaped one by one in a glob's regular expression.
        let escaped: String = PLACE.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
        let expression = glob(&with_places)?.regex().to_owned();
        let expression = expression
            .replace(&escaped, "([^/]+)")
            .replace(PLACE, "([^/]+)");
        Ok(Self {
            matcher,
            captures: Some((Regex::new(&expression)?, names)),
            names_files,
        })
    }

    /// Whether it says more about a file's own name than that there is one.
    pub(super) fn names_files(&self) -> bool {
        self.names_files
    }

    pub(super) fn is_match(&self, path: &str) -> bool {
        self.matcher.is_match(path)
    }

    /// Returns the named parts of a path.
    pub(super) fn captures(&self, path: &str) -> Metadata {
        let Some((expression, names)) = &self.captures else {
            return Metadata::new();
        };
        let Some(found) = expression.captures(path.as_bytes()) else {
            return Metadata::new();
        };
        let parts = found.iter().skip(1).zip(names).filter_map(|(part, name)| {
            let part = String::from_utf8_lossy(part?.as_bytes()).into_owned();
            Some((name.clone(), Value::Text(part)))
        });
        parts.collect()
    }
}

/// Puts a place for each `{name}`; `{a,b}` stays the alternative that it is in a glob.
fn split(text: &str) -> (String, Vec<String>) {
    let mut names = Vec::new();
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        match after.split_once('}') {
            Some((name, behind))
                if !name.is_empty() && !name.contains([',', '{', '*', '?', '/']) =>
            {
                out.push_str(PLACE);
                names.push(name.to_owned());
                rest = behind;
            }
            _ => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    (out, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_parts_match_one_component_and_are_known() {
        let pattern = Pattern::new("{product}/{lang}/**/v{release}.{md,txt}").unwrap();
        assert!(pattern.is_match("uv/en/a/b/v1.md") && !pattern.is_match("en/v1.md"));
        let text = |text: &str| Value::Text(text.into());
        let expected = [("lang", "en"), ("product", "ü v"), ("release", "1.2")];
        let found: Vec<_> = pattern.captures("ü v/en/a/v1.2.txt").into_iter().collect();
        assert_eq!(
            found,
            expected.map(|(name, value)| (name.to_owned(), text(value)))
        );
        assert!(Pattern::new("{a,b}/*").unwrap().captures("a/x").is_empty());
        assert!(Pattern::new("{text}/*").is_err() && Pattern::new("[").is_err());
    }
}
