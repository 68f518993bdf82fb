//! What documents say must not steer a terminal: control characters, and characters that reorder or hide text, are shown
//! instead of obeyed.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Escapes every character that a terminal obeys, but newline and tab.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_obeyed(c) {
            // Writing to a string does not fail.
            write!(escaped, "\\u{{{:x}}}", u32::from(c)).ok();
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Escapes the same and newline and tab too, for what must stay on one line.
pub fn escape_line(text: &str) -> String {
    escape(text).replace('\n', "\\n").replace('\t', "\\t")
}

fn is_obeyed(c: char) -> bool {
    let control = c.is_control() && c != '\n' && c != '\t';
    let bidi = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let hidden = matches!(
        c,
        '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    );
    control || bidi || hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_passes() {
        assert_eq!(escape("plain\n\ttext"), "plain\n\ttext");
        assert_eq!(
            escape("\x1b]0;title\x07 \u{9b}2J \u{202e}abc\r"),
            "\\u{1b}]0;title\\u{7} \\u{9b}2J \\u{202e}abc\\u{d}"
        );
    }
}
