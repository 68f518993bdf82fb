//! How many codes a font's `ToUnicode` map gives characters to. A line of it names a range by its two ends, which a reader
//! writes out code by code.

use lopdf::{Document, Object};

use super::structure::MAX_STREAM_BYTES;

/// Codes of one map. A font has 65,536 at most; maps that name some twice are seen.
const MAX_CODES: u64 = 1 << 20;

/// Refuses a document with a map that would take a reader long to write out.
pub(super) fn check(document: &Document) -> Result<(), String> {
    let dictionaries = document.objects.values().filter_map(|object| match object {
        Object::Dictionary(dictionary) => Some(dictionary),
        _ => None,
    });
    for dictionary in dictionaries {
        let map = dictionary
            .get(b"ToUnicode")
            .and_then(Object::as_reference)
            .and_then(|id| document.get_object(id))
            .and_then(Object::as_stream);
        let Ok(map) = map else { continue };
        let text = map.decompressed_content_with_limit(MAX_STREAM_BYTES);
        if codes(text.as_deref().unwrap_or(&map.content)) > MAX_CODES {
            return Err(format!(
                "has a font that gives characters to more than {MAX_CODES} codes"
            ));
        }
    }
    Ok(())
}

/// Counts the codes of all ranges of a map.
fn codes(map: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(map);
    let ranges = text
        .split("beginbfrange")
        .skip(1)
        .map(|rest| rest.split("endbfrange").next().unwrap_or(rest));
    ranges.map(codes_of_ranges).fold(0, u64::saturating_add)
}

/// Counts the codes of lines such as `<0041> <005A> <0061>` or `<01> <02> [<0061> <0062>]`.
fn codes_of_ranges(lines: &str) -> u64 {
    let mut sum = 0u64;
    let mut ends = Vec::new();
    let mut rest = lines;
    while let Some((before, after)) = rest.split_once('<') {
        // The characters of a range that are listed are none of its ends.
        if let (2, Some((_, list))) = (ends.len(), before.split_once('[')) {
            let listed = rest.get(rest.len() - after.len() - 1 - list.len()..);
            let listed = listed.unwrap_or_default();
            sum = sum.saturating_add(size(&ends));
            ends.clear();
            rest = listed.split_once(']').map_or("", |(_, behind)| behind);
            continue;
        }
        let (number, behind) = after.split_once('>').unwrap_or((after, ""));
        let digits: String = number.chars().filter(char::is_ascii_hexdigit).collect();
        ends.push(u64::from_str_radix(&digits, 16).unwrap_or(u64::from(u32::MAX)));
        if ends.len() == 3 {
            sum = sum.saturating_add(size(&ends));
            ends.clear();
        }
        rest = behind;
    }
    sum
}

fn size(ends: &[u64]) -> u64 {
    match ends {
        [low, high, ..] if high >= low => (high - low).saturating_add(1),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_counts_by_its_ends_and_not_by_what_it_maps_to() {
        let map = b"2 beginbfchar <01> <0041> endbfchar\n3 beginbfrange\n<0041> <005A> <0061>\n<01><02>[<0061> <0062>]\n<10> <10> <0021>\nendbfrange\n1 beginbfrange <0000> <FFFF> <0000> endbfrange";
        assert_eq!(codes(map), 26 + 2 + 1 + 65_536);
        assert!(codes(b"beginbfrange <00000000> <FFFFFFFF> <0000>") > MAX_CODES);
        assert_eq!(codes(b"beginbfrange <"), 0);
    }
}
