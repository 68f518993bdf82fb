//! Text that strangers wrote, made fit to be drawn: what reorders or hides it is shown, and it is cut where its place ends.

use std::fmt::Write as _;

/// Makes untrusted text harmless, one line, and no longer than `limit` characters.
///
/// White space becomes single spaces. Control characters, and those that reorder or hide text, are shown by their number
/// instead of obeyed. The result still has to be escaped for HTML.
pub fn visible(text: &str, limit: usize) -> String {
    let mut line = String::with_capacity(text.len().min(4 * limit));
    for word in text.split_whitespace() {
        // What lies beyond the cut need not be read, however long the document is.
        if line.len() > 4 * limit {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().take(limit + 1));
    }
    let mut shown = String::with_capacity(line.len());
    for c in line.chars().take(limit) {
        if is_obeyed(c) {
            // Writing to a string does not fail.
            write!(shown, "\\u{{{:x}}}", u32::from(c)).ok();
        } else {
            shown.push(c);
        }
    }
    if line.chars().nth(limit).is_some() {
        shown.truncate(shown.trim_end().len());
        shown.push('…');
    }
    shown
}

fn is_obeyed(c: char) -> bool {
    let bidi = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let hidden = matches!(
        c,
        '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    );
    c.is_control() || bidi || hidden
}

/// Puts a comma between each three digits.
pub fn grouped(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Guesses how wide a text is drawn. No font is at hand, so letters count by their kind, as wide as in a
/// wide font: a label cut early is better than one drawn over another.
pub(super) fn width(text: &str) -> f64 {
    text.chars().map(advance).sum()
}

fn advance(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 4.1,
        ' ' | 'f' | 'r' | 't' | '/' | '(' | ')' | '-' => 4.9,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 11.6,
        'A'..='Z' => 8.6,
        '\u{300}'..='\u{36f}' => 0.0,
        '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{ffef}' | '\u{1f000}'..='\u{3ffff}' => 12.4,
        _ => 7.5,
    }
}

/// Cuts a text so that it is drawn no wider than `most`.
pub(super) fn fit(text: &str, most: f64) -> String {
    let shown = visible(text, 300);
    if width(&shown) <= most {
        return shown;
    }
    let mut left = most - advance('…') - 2.0;
    let kept: String = shown
        .chars()
        .take_while(|c| {
            left -= advance(*c);
            left >= 0.0
        })
        .collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reorders_or_hides_text_is_shown() {
        assert_eq!(
            visible("a\u{202e}b\u{0}c\u{200b}\u{1b}[31m", 99),
            "a\\u{202e}b\\u{0}c\\u{200b}\\u{1b}[31m"
        );
    }

    #[test]
    fn white_space_becomes_single_spaces() {
        assert_eq!(visible("  one\n\ttwo \u{2028}three ", 99), "one two three");
    }

    #[test]
    fn a_text_is_cut_only_where_it_is_too_long() {
        assert_eq!(visible("abc", 3), "abc");
        assert_eq!(visible("abcd", 3), "abc…");
        assert_eq!(visible("ab cd", 3), "ab…");
        assert_eq!(visible("ab cd", 5), "ab cd");
        assert_eq!(visible("漢字漢字", 2), "漢字…");
        assert_eq!(visible("", 0), "");
    }

    #[test]
    fn a_label_fits_its_place_whatever_its_script() {
        for text in [
            "a long label of many words",
            "很长的中文标题很长的中文标题",
            "WWWWWWWWWWWWWWW",
        ] {
            let cut = fit(text, 80.0);
            assert!(width(&cut) <= 80.0 && cut.ends_with('…'), "{cut}");
        }
        assert_eq!(fit("short", 80.0), "short");
        assert_eq!(fit("none", -5.0), "…");
    }
}
