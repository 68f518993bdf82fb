//! A Markdown text's sections by its headings.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// The text from one heading to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) span: Range<usize>,
    pub(super) heading: Vec<String>,
    /// How many headings it opens with.
    pub(super) opens_with: usize,
}

/// Cuts a text at its headings. The sections cover the text without gap or overlap.
pub(super) fn of(text: &str) -> Vec<Section> {
    let mut sections = vec![Section {
        span: 0..text.len(),
        heading: Vec::new(),
        opens_with: 0,
    }];
    let mut path: Vec<(HeadingLevel, String)> = Vec::new();
    // The span of the heading that opened the last section: a section that is nothing else is joined to the next.
    let mut opener: Range<usize> = 0..0;
    let mut open: Option<(HeadingLevel, Range<usize>, String)> = None;
    for (event, span) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => open = Some((level, span, String::new())),
            Event::Text(piece) | Event::Code(piece) => {
                if let Some((_, _, title)) = &mut open {
                    title.push_str(&piece);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let Some((level, span, title)) = open.take() else {
                    continue;
                };
                path.retain(|(above, _)| *above < level);
                path.push((level, title.trim().to_owned()));
                let heading: Vec<String> = path.iter().map(|(_, title)| title.clone()).collect();
                let Some(last) = sections.last_mut() else {
                    continue;
                };
                let body = text
                    .get(opener.end.max(last.span.start)..span.start)
                    .unwrap_or_default();
                if body.trim().is_empty() {
                    last.heading = heading;
                    last.opens_with += 1;
                } else {
                    last.span.end = span.start;
                    sections.push(Section {
                        span: span.start..text.len(),
                        heading,
                        opens_with: 1,
                    });
                }
                opener = span;
            }
            _ => {}
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_follow_headings_and_cover_the_text() {
        let text = "intro\n\n# A\n\n## A *one*\n\nfirst\n\n```sh\n# no heading\n```\n\n## `A` two\n\nsecond\n\n# B\n\nlast\n";
        let found = of(text);
        let headings: Vec<String> = found
            .iter()
            .map(|section| section.heading.join(" > "))
            .collect();
        assert_eq!(headings, ["", "A > A one", "A > A two", "B"]);
        let opens: Vec<usize> = found.iter().map(|section| section.opens_with).collect();
        assert_eq!(opens, [0, 2, 1, 1]);
        let joined: String = found
            .iter()
            .map(|section| &text[section.span.clone()])
            .collect();
        assert_eq!(joined, text);
        assert!(
            text[found[1].span.clone()].starts_with("# A\n")
                && text[found[1].span.clone()].contains("# no heading")
        );
    }
}
