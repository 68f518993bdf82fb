//! A text's outline: its sections by headings, and the seams along which a section may be cut.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::corpus::{Document, Format, Markup};

/// What a stretch of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Matter {
    Heading,
    Prose,
    /// Code, and whatever else has lines that mean something.
    Code,
    Table,
}

/// How good a place for a cut is, from the worst to the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// In a word.
    Inside,
    /// Behind what means nothing without its successor: a heading, a lead-in.
    Held,
    Word,
    /// The end of a line in a sentence.
    Wrap,
    Sentence,
    /// The end of a row, or of a line of code.
    Line,
    /// A block in an item, a stanza of code.
    Inner,
    /// An item of a list.
    Item,
    Block,
}

/// A place where a text may be cut, and what begins there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seam {
    pub(super) at: usize,
    pub(super) strength: Strength,
    pub(super) matter: Matter,
    /// Whether a lead-in may hold it: an item is none of the item's before it.
    holdable: bool,
}

/// A heading and where its line begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heading {
    pub(super) at: usize,
    pub(super) title: String,
}

/// The text from one heading to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) start: usize,
    /// The headings that it stands under, outermost first.
    pub(super) path: Vec<Heading>,
}

/// The sections cover the text without gap or overlap; each begins at a seam.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outline {
    pub(super) sections: Vec<Section>,
    pub(super) seams: Vec<Seam>,
}

/// Bytes of a heading that are kept of it.
const MAX_TITLE_BYTES: usize = 512;
/// Blocks nested deeper have no seams of their own.
const DEEPEST: usize = 16;
/// Words of the longest line that leads in without a colon.
const LEAD_IN: usize = 12;

/// Outlines a document's text.
pub(super) fn of(document: &Document) -> Outline {
    let text = document.text.as_str();
    let mut outline = Outline::new();
    match (document.markup, document.format) {
        (Markup::Markdown, _) => outline.markdown(text),
        (Markup::Plain, Format::Code) => outline.stanzas(text, Matter::Code),
        (Markup::Plain, _) => outline.stanzas(text, Matter::Prose),
    }
    outline.tidy(text);
    outline
}

impl Outline {
    fn new() -> Self {
        Self {
            sections: vec![Section {
                start: 0,
                path: Vec::new(),
            }],
            seams: vec![Seam {
                at: 0,
                strength: Strength::Block,
                matter: Matter::Prose,
                holdable: false,
            }],
        }
    }

    fn seam(&mut self, at: usize, strength: Strength, matter: Matter, holdable: bool) {
        let seam = Seam {
            at,
            strength,
            matter,
            holdable,
        };
        match self.seams.last_mut() {
            // What begins in the same place begins within what was there: a list, its first item.
            Some(last) if last.at >= at => {
                last.strength = last.strength.max(strength);
                last.holdable |= holdable;
                last.matter = matter;
            }
            _ => self.seams.push(seam),
        }
    }

    /// Cuts at blank lines. Code goes on behind a blank line where the next line is indented.
    fn stanzas(&mut self, text: &str, matter: Matter) {
        let (mut at, mut blank) = (0, true);
        for line in text.split_inclusive('\n') {
            let is_blank = line.trim().is_empty();
            if blank && !is_blank {
                let goes_on = matter == Matter::Code && line.starts_with([' ', '\t', '}', ')']);
                let strength = if goes_on {
                    Strength::Inner
                } else {
                    Strength::Block
                };
                self.seam(at, strength, matter, matter == Matter::Prose);
            }
            blank = is_blank;
            at += line.len();
        }
    }

    fn markdown(&mut self, text: &str) {
        let mut path: Vec<(HeadingLevel, Heading)> = Vec::new();
        // Behind the heading that opened the last section: a section that is nothing else is joined to the next.
        let mut opened = 0;
        let mut heading: Option<Heading> = None;
        let mut depth = 0;
        let options = Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES;
        for (event, span) in Parser::new_ext(text, options).into_offset_iter() {
            match event {
                Event::Start(tag) => {
                    let (matter, holdable) = match tag {
                        Tag::Paragraph | Tag::List(_) | Tag::BlockQuote(_) => (Matter::Prose, true),
                        Tag::Item => (Matter::Prose, false),
                        Tag::Table(_) => (Matter::Table, true),
                        Tag::CodeBlock(_) | Tag::HtmlBlock => (Matter::Code, true),
                        Tag::Heading { .. } => (Matter::Heading, true),
                        _ => continue,
                    };
                    let strength = match (depth, &tag) {
                        (0, _) => Strength::Block,
                        (1, Tag::Item) => Strength::Item,
                        _ => Strength::Inner,
                    };
                    // The lines before deeply nested blocks are as long as these are deep.
                    let at = if depth < DEEPEST {
                        line_start(text, span.start)
                    } else {
                        None
                    };
                    if let Some(at) = at {
                        self.seam(at, strength, matter, holdable);
                        if depth == 0 && matter == Matter::Heading {
                            let title = String::new();
                            heading = Some(Heading { at, title });
                        }
                    }
                    depth += 1;
                }
                Event::Text(piece) | Event::Code(piece) => {
                    if let Some(heading) = &mut heading {
                        heading.title.push_str(&piece);
                    }
                }
                Event::SoftBreak | Event::HardBreak => {
                    if let Some(heading) = &mut heading {
                        heading.title.push(' ');
                    }
                }
                Event::End(tag) => {
                    let is_whole = match tag {
                        TagEnd::Paragraph
                        | TagEnd::List(_)
                        | TagEnd::BlockQuote(_)
                        | TagEnd::Item => false,
                        TagEnd::Table | TagEnd::CodeBlock | TagEnd::HtmlBlock => true,
                        TagEnd::Heading(level) => {
                            if let Some(heading) = heading.take() {
                                let (start, title) = (heading.at, shortened(heading.title.trim()));
                                path.retain(|(above, _)| *above < level);
                                path.push((level, Heading { at: start, title }));
                                let body = text.get(opened..start).unwrap_or_default();
                                self.open(start, body.trim().is_empty(), &path);
                                opened = span.end;
                            }
                            true
                        }
                        _ => continue,
                    };
                    if is_whole && depth <= DEEPEST {
                        self.end(text, span.end, depth);
                    }
                    depth -= 1;
                }
                _ => {}
            }
        }
    }

    /// Marks where a block ends: what follows without a blank line is none of it.
    fn end(&mut self, text: &str, at: usize, depth: usize) {
        let Some((before, rest)) = text.split_at_checked(at) else {
            return;
        };
        let at = match before.ends_with('\n') {
            true => at,
            false => at + rest.find('\n').map_or(rest.len(), |newline| newline + 1),
        };
        let strength = if depth == 1 {
            Strength::Block
        } else {
            Strength::Inner
        };
        self.seam(at, strength, Matter::Prose, false);
    }

    fn open(&mut self, start: usize, joins: bool, path: &[(HeadingLevel, Heading)]) {
        let path = path.iter().map(|(_, heading)| heading.clone()).collect();
        match self.sections.last_mut().filter(|_| joins) {
            Some(last) => last.path = path,
            None => self.sections.push(Section { start, path }),
        }
    }

    /// Drops seams with nothing behind them, and holds together what belongs together.
    fn tidy(&mut self, text: &str) {
        let mut kept: Vec<Seam> = Vec::with_capacity(self.seams.len());
        let mut starts = self.sections.iter().map(|section| section.start).peekable();
        let mut seams = self.seams.iter().peekable();
        let mut lead_in = LeadIn::No;
        while let Some(seam) = seams.next() {
            let end = seams.peek().map_or(text.len(), |next| next.at);
            let stretch = text.get(seam.at..end).unwrap_or_default().trim();
            if stretch.is_empty() {
                continue;
            }
            let mut opens = false;
            while starts.next_if(|start| *start <= seam.at).is_some() {
                opens = true;
            }
            let mut seam = *seam;
            // What is first takes the white space before it along.
            let last = kept.last().map(|last| last.matter);
            if last.is_none() {
                seam.at = 0;
            }
            let led = lead_in != LeadIn::No && seam.holdable;
            let says_nothing =
                stretch.starts_with("</") || !stretch.contains(char::is_alphanumeric);
            if !opens && (led || says_nothing || last == Some(Matter::Heading)) {
                seam.strength = Strength::Held;
            }
            lead_in = match LeadIn::of(stretch) {
                // Of many short lines, each would hold the next.
                LeadIn::Short if led || says_nothing => LeadIn::No,
                // A tag that opens is one line of HTML.
                LeadIn::Short if seam.matter == Matter::Code && stretch.starts_with('<') => {
                    LeadIn::Short
                }
                _ if seam.matter != Matter::Prose => LeadIn::No,
                found => found,
            };
            kept.push(seam);
        }
        self.seams = kept;
    }
}

/// Whether a stretch of prose means little without what follows it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LeadIn {
    No,
    /// A line that ends no sentence.
    Short,
    Colon,
}

impl LeadIn {
    fn of(stretch: &str) -> Self {
        let bare = stretch.trim_end_matches(['*', '_', '`', ')', ']', '"', '”', '’', '»']);
        let ends_sentence = bare.ends_with(['.', '!', '?', '…', '。', '！', '？']);
        match bare.ends_with([':', '：']) {
            true => Self::Colon,
            false if ends_sentence => Self::No,
            false if stretch.split_whitespace().nth(LEAD_IN).is_some() => Self::No,
            false => Self::Short,
        }
    }
}

/// A title of so many bytes at most: every chunk below it has a copy.
fn shortened(title: &str) -> String {
    if title.len() <= MAX_TITLE_BYTES {
        return title.to_owned();
    }
    let end = title.floor_char_boundary(MAX_TITLE_BYTES - '…'.len_utf8());
    format!("{}…", title.get(..end).unwrap_or_default().trim_end())
}

/// The start of the line that a block opens, if nothing but indentation and quoting stands before it.
fn line_start(text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at)?.trim_end_matches([' ', '\t', '>']);
    (before.is_empty() || before.ends_with('\n')).then_some(before.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_heading_is_shortened_at_a_character() {
        let mut outline = Outline::new();
        outline.markdown(&format!("# {}\n\ntext\n", "é".repeat(1_000)));
        let title = &outline.sections[0].path[0].title;
        assert_eq!(*title, format!("{}…", "é".repeat(254)));
    }

    #[test]
    fn sections_follow_headings_and_cover_the_text() {
        let text = "intro\n\n# A { #a }\n\n## A *one*\n\nfirst\n\n```sh\n# no heading\n```\n\n## `A` two\n\nsecond\n\n> # quoted\n\n# B\n\nlast\n";
        let mut outline = Outline::new();
        outline.markdown(text);
        outline.tidy(text);
        let headings: Vec<String> = outline
            .sections
            .iter()
            .map(|section| {
                let titles: Vec<&str> = section.path.iter().map(|h| h.title.as_str()).collect();
                titles.join(" > ")
            })
            .collect();
        assert_eq!(headings, ["", "A > A one", "A > A two", "B"]);
        let starts: Vec<usize> = outline
            .sections
            .iter()
            .map(|section| section.start)
            .collect();
        assert_eq!(starts[0], 0);
        for (start, opening) in starts[1..].iter().zip(["# A { #a }", "## `A` two", "# B"]) {
            assert!(text[*start..].starts_with(opening));
            let seam = outline.seams.iter().find(|seam| seam.at == *start).unwrap();
            assert_eq!(
                (seam.strength, seam.matter),
                (Strength::Block, Matter::Heading)
            );
        }
        // Seams lie at starts of lines, in order, and none stands before nothing.
        assert!(outline.seams.is_sorted_by(|a, b| a.at < b.at));
        for seam in &outline.seams {
            assert!(text[..seam.at].is_empty() || text[..seam.at].ends_with('\n'));
            assert!(!text[seam.at..].trim().is_empty());
        }
        let inner = text.find("## A *one*").unwrap();
        let held = outline.seams.iter().find(|seam| seam.at == inner).unwrap();
        assert_eq!(held.strength, Strength::Held);
    }
}
