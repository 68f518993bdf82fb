//! A look at XML before a parser sees it: parsers recurse as deep as elements nest, and some copy what is nested.

/// Open elements at one point of a part.
const MAX_DEPTH: usize = 128;
/// Counts a part's elements, and refuses one that nests too deep or declares entities that expand into each other. One pass;
/// what is not well-formed is left to the parser.
pub(super) fn check(part: &[u8]) -> Result<usize, String> {
    // UTF-16 of ASCII is ASCII between zeros, and markup is ASCII.
    let narrow: Vec<u8>;
    let mut rest = match part.iter().take(4).any(|byte| *byte == 0) {
        true => {
            narrow = part.iter().copied().filter(|byte| *byte != 0).collect();
            narrow.as_slice()
        }
        false => part,
    };
    let (mut depth, mut elements) = (0usize, 0usize);
    while let Some(tag) = after(rest, b"<") {
        rest = match tag {
            [b'!', b'-', b'-', comment @ ..] => after(comment, b"-->").unwrap_or_default(),
            [b'!', b'[', data @ ..] => after(data, b"]]>").unwrap_or_default(),
            [b'?', instruction @ ..] => after(instruction, b"?>").unwrap_or_default(),
            [b'!', declaration @ ..] => {
                if declaration.starts_with(b"ENTITY") {
                    let value = declaration.split(|byte| *byte == b'>').next();
                    if value.is_some_and(|value| value.contains(&b'&')) {
                        return Err("declares XML entities that expand into each other".into());
                    }
                }
                declaration
            }
            [b'/', end @ ..] => {
                depth = depth.saturating_sub(1);
                end
            }
            start => {
                let (closed, behind) = start_tag(start);
                elements += 1;
                if !closed {
                    depth += 1;
                }
                behind
            }
        };
        if depth > MAX_DEPTH {
            return Err(format!("nests XML elements more than {MAX_DEPTH} deep"));
        }
    }
    Ok(elements)
}

/// Whether a start tag closes itself, and what comes behind it. A `>` may stand in an attribute's value.
fn start_tag(tag: &[u8]) -> (bool, &[u8]) {
    let mut quote = None;
    let mut last = 0;
    for (at, byte) in tag.iter().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if open == *byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'>') => return (last == b'/', tag.get(at + 1..).unwrap_or_default()),
            (None, _) => {}
        }
        last = *byte;
    }
    (true, &[])
}

fn after<'a>(bytes: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    let first = *needle.first()?;
    let mut from = 0;
    loop {
        let rest = bytes.get(from..)?;
        let at = from + rest.iter().position(|byte| *byte == first)?;
        let rest = bytes.get(at..)?;
        if rest.starts_with(needle) {
            return rest.get(needle.len()..);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bombs_are_told_from_ordinary_parts() {
        let ordinary =
            r#"<?xml version="1.0"?><!-- <<<< --><a x="<b>/>"><![CDATA[<c><d>]]><e/></a>"#;
        let many = ordinary.replace("<e/>", &"<e><f a='>'></f><g/></e>".repeat(1_000));
        assert_eq!(check(many.as_bytes()), Ok(3_001));
        let deep = "<w:tbl>".repeat(200);
        assert!(check(deep.as_bytes()).unwrap_err().contains("128 deep"));
        let wide: Vec<u8> = deep.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(check(&wide).unwrap_err().contains("128 deep"));
        let laughs = r#"<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]><a>&c;</a>"#;
        assert!(check(laughs.as_bytes()).unwrap_err().contains("entities"));
        let harmless = laughs.replace("&b;&b;", "hi");
        assert_eq!(check(harmless.as_bytes()), Ok(1));
    }
}
