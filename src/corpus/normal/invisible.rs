//! Characters that nobody sees, and the few places where a script or an emoji needs them.

use super::Kind;

/// Says how many bytes of an invisible character go; `None` for a character that is seen, or does something that is.
pub(super) fn length(kind: Kind, before: &str, c: char, after: &str) -> Option<usize> {
    let length = c.len_utf8();
    match c {
        '\u{200C}' | '\u{200D}' if joins(before, c, after) => None,
        '\u{200B}' if separates(before, after) => None,
        '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' => Some(length),
        '\u{61C}' | '\u{FEFF}' => Some(length),
        '\u{E0000}'..='\u{E007F}' => (!is_flag(before, c, after)).then_some(length),
        _ if kind == Kind::Code => None,
        '\u{FE00}'..='\u{FE0F}'
        | '\u{180B}'..='\u{180D}'
        | '\u{180F}'
        | '\u{E0100}'..='\u{E01EF}' => (!selects(before, c)).then_some(length),
        '\u{34F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180E}' | '\u{3164}'
        | '\u{FFA0}' => Some(length),
        '\u{FFF9}'..='\u{FFFB}' | '\u{E0080}'..='\u{E00FF}' | '\u{E01F0}'..='\u{E0FFF}' => {
            Some(length)
        }
        _ => None,
    }
}

/// Whether a joiner forms a letter or an emoji with its neighbours.
fn joins(before: &str, joiner: char, after: &str) -> bool {
    let last = before.chars().next_back().unwrap_or(' ');
    let next = after.chars().next().unwrap_or(' ');
    if matches!(last, '\u{200C}' | '\u{200D}') {
        return false;
    }
    has_joiners(last)
        || has_joiners(next)
        || (joiner == '\u{200D}' && is_emoji(last) && is_emoji(next))
}

/// Arabic and its relatives, the scripts of India and its neighbours, Mongolian.
fn has_joiners(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{109F}' | '\u{1780}'..='\u{18AF}' | '\u{1900}'..='\u{1CFF}' | '\u{A800}'..='\u{ABFF}')
        || matches!(c, '\u{FB50}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' | '\u{10A00}'..='\u{11FFF}')
        || matches!(c, '\u{1E900}'..='\u{1E95F}')
}

/// Whether a zero-width space parts words of a script that writes no spaces: Thai, Lao, Tibetan, Burmese, Khmer.
fn separates(before: &str, after: &str) -> bool {
    let unspaced = |c: char| matches!(c, '\u{E00}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{1A20}'..='\u{1AAF}');
    before.chars().next_back().is_some_and(unspaced) && after.chars().next().is_some_and(unspaced)
}

fn is_emoji(c: char) -> bool {
    matches!(
        c,
        '\u{2190}'
            ..='\u{2BFF}'
                | '\u{3030}'
                | '\u{303D}'
                | '\u{3297}'
                | '\u{3299}'
                | '\u{A9}'
                | '\u{AE}'
                | '\u{FE0F}'
    ) || matches!(c, '\u{1F000}'..='\u{1FAFF}')
}

/// Whether a variation selector chooses a form of the character before it. A second one in a row chooses nothing.
fn selects(before: &str, selector: char) -> bool {
    let Some(base) = before.chars().next_back() else {
        return false;
    };
    match selector {
        '\u{FE0E}' | '\u{FE0F}' => {
            (is_emoji(base) && base != '\u{FE0F}') || matches!(base, '0'..='9' | '#' | '*')
        }
        '\u{180B}'..='\u{180F}' => matches!(base, '\u{1820}'..='\u{18AA}'),
        // Mathematical symbols, Burmese, ʼPhags-pa, CJK; glyph variants of ideographs.
        _ => {
            matches!(base, '\u{2229}'..='\u{2AFF}' | '\u{1000}'..='\u{109F}' | '\u{A840}'..='\u{A87F}' | '\u{AA60}'..='\u{AA7F}')
                || matches!(base, '\u{3000}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{FF01}'..='\u{FF0E}' | '\u{20000}'..='\u{3FFFF}')
        }
    }
}

/// Whether a tag is part of one of the flags that are spelt with tags: England, Scotland, Wales.
fn is_flag(before: &str, tag: char, after: &str) -> bool {
    const LONGEST: usize = 6;
    let spelt = |c: char| {
        u8::try_from(u32::from(c).wrapping_sub(0xE_0000))
            .ok()
            .filter(u8::is_ascii)
    };
    let mut spelling: Vec<u8> = before
        .chars()
        .rev()
        .take(LONGEST)
        .map_while(spelt)
        .collect();
    let flag = before.chars().rev().nth(spelling.len());
    spelling.reverse();
    spelling.extend(spelt(tag));
    spelling.extend(after.chars().take(LONGEST).map_while(spelt));
    flag == Some('\u{1F3F4}')
        && [&b"gbeng\x7F"[..], b"gbsct\x7F", b"gbwls\x7F"].contains(&spelling.as_slice())
}
