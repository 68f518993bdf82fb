//! What Word and Excel do not show: taken out before a parser sees it. The character in its place becomes a mark when the
//! text is normalised.

use super::super::normal::HIDDEN;

/// Makes a part of an Office file without what is hidden in it; `None` where nothing is.
pub(super) fn taken_out(name: &str, part: &[u8]) -> Option<String> {
    let part = std::str::from_utf8(part).ok()?;
    match name {
        "xl/workbook.xml" => without_sheets(part),
        name if name.starts_with("word/") && part.contains(VANISH) => Some(without_runs(part)),
        _ => None,
    }
}

const VANISH: &str = "<w:vanish";
const RUN: &str = "<w:r";
const RUN_END: &str = "</w:r>";

/// Puts a mark for each run of a Word text that is formatted as hidden. Every byte is looked at a fixed number of times,
/// however runs and their properties are left open.
fn without_runs(part: &str) -> String {
    let mut kept = String::with_capacity(part.len());
    let mut end = 0;
    for (from, to) in hidden_runs(part) {
        // A text box in a run has runs of its own.
        if from >= end {
            kept.push_str(part.get(end..from).unwrap_or_default());
            kept.push_str(&format!("<w:r><w:t>{HIDDEN}</w:t></w:r>"));
            end = to;
        }
    }
    kept.push_str(part.get(end..).unwrap_or_default());
    kept
}

/// Where hidden runs begin and end, in the order of their beginnings.
fn hidden_runs(part: &str) -> Vec<(usize, usize)> {
    let mut look = Look::new(part);
    let (mut open, mut found) = (Vec::new(), Vec::new());
    for (at, _) in part.match_indices("w:r") {
        let before = part.get(..at).unwrap_or_default();
        if before.ends_with("</") {
            let start = at - "</".len();
            let ends = part
                .get(start..)
                .is_some_and(|tag| tag.starts_with(RUN_END));
            if ends && let Some((from, true)) = open.pop() {
                found.push((from, start + RUN_END.len()));
            }
        } else if before.ends_with('<') {
            let start = at - "<".len();
            if part.get(start..).is_some_and(is_run) {
                open.push((start, look.is_hidden(start).unwrap_or(false)));
            }
        }
    }
    found.sort_unstable();
    found
}

/// Looks at the properties of one run after the other.
struct Look<'p> {
    part: &'p str,
    tag_end: Next<'p>,
    properties_end: Next<'p>,
    vanish: Next<'p>,
    vanish_end: Next<'p>,
    /// The last look at what `vanish` says, by its place.
    said: Option<(usize, bool)>,
}

impl<'p> Look<'p> {
    fn new(part: &'p str) -> Self {
        let next = |needle| Next {
            part,
            needle,
            found: None,
            looked: false,
        };
        Self {
            part,
            tag_end: next(">"),
            properties_end: next("</w:rPr>"),
            vanish: next(VANISH),
            vanish_end: next(">"),
            said: None,
        }
    }

    /// Whether the properties of the run that begins here say that it is hidden; `None` where it has none.
    fn is_hidden(&mut self, start: usize) -> Option<bool> {
        let content = self.part.get(self.tag_end.after(start)? + 1..)?;
        let properties = content.trim_start().strip_prefix("<w:rPr>")?;
        let from = self.part.len() - properties.len();
        let end = self.properties_end.after(from)?;
        let vanish = self.vanish.after(from).filter(|at| *at < end)?;
        if let Some((at, said)) = self.said
            && at == vanish
        {
            return Some(said);
        }
        let from = vanish + VANISH.len();
        let attributes = self.part.get(from..self.vanish_end.after(from)?)?;
        let is_off = ["\"0\"", "\"false\"", "\"off\""]
            .iter()
            .any(|off| attributes.contains(off));
        self.said = Some((vanish, !is_off));
        Some(!is_off)
    }
}

/// The next place of a text behind places that only grow.
struct Next<'p> {
    part: &'p str,
    needle: &'static str,
    /// Where it was found last; `None` once there is none.
    found: Option<usize>,
    looked: bool,
}

impl Next<'_> {
    fn after(&mut self, from: usize) -> Option<usize> {
        if !self.looked || self.found.is_some_and(|at| at < from) {
            let rest = self.part.get(from..)?;
            self.found = rest.find(self.needle).map(|at| from + at);
            self.looked = true;
        }
        self.found
    }
}

/// Whether a run begins, not another element whose name begins alike.
fn is_run(tag: &str) -> bool {
    tag.get(RUN.len()..)
        .is_some_and(|rest| rest.starts_with(['>', ' ', '\n', '\r', '\t']))
}

/// Leaves out the sheets of a workbook that Excel does not show, and marks the name of the first that it does.
fn without_sheets(part: &str) -> Option<String> {
    let mut kept = String::with_capacity(part.len());
    let mut pieces = part.split("<sheet ");
    kept.push_str(pieces.next()?);
    let mut shown = None;
    let mut hidden = false;
    for piece in pieces {
        let (attributes, behind) = piece.split_once('>')?;
        if ["hidden", "veryHidden"]
            .iter()
            .any(|state| attributes.contains(&format!("state=\"{state}\"")))
        {
            hidden = true;
            kept.push_str(behind);
            continue;
        }
        kept.push_str("<sheet ");
        if shown.is_none() {
            let name = attributes.find("name=\"")? + "name=\"".len();
            shown = Some(kept.len() + name);
        }
        kept.push_str(piece);
    }
    kept.insert(shown?, HIDDEN);
    hidden.then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_runs_give_way_to_a_mark() {
        let run = |properties: &str, content: &str| {
            format!("<w:r w:rsidR=\"1\"><w:rPr>{properties}</w:rPr><w:t>{content}</w:t></w:r>")
        };
        let nested = run("<w:vanish/>", &format!("x{}y", run("<w:b/>", "inner")));
        let part = [
            run("<w:rFonts/><w:vanish/>", "a"),
            run("<w:vanish w:val=\"false\"/>", "b"),
            "<w:r/><w:p><w:pPr><w:rPr><w:vanish/></w:rPr></w:pPr>".into(),
            run("<w:webHidden/>", "c"),
            nested,
            run("<w:vanish w:val=\"1\"/><w:b/>", "d"),
        ];
        let mark = format!("<w:r><w:t>{HIDDEN}</w:t></w:r>");
        let kept = taken_out("word/document.xml", part.concat().as_bytes()).unwrap();
        assert_eq!(
            kept,
            [&mark, &part[1], &part[2], &part[3], &mark, &mark]
                .map(String::as_str)
                .concat()
        );
        assert_eq!(taken_out("word/document.xml", part[3].as_bytes()), None);
        let open = "<w:r><w:rPr><w:vanish/></w:rPr>";
        assert_eq!(
            taken_out("word/document.xml", open.as_bytes()).unwrap(),
            open
        );
        // Each of these has as much behind it as there is.
        for left_open in ["<w:r><w:rPr>", "<w:r ", open, "<w:r><w:rPr><w:vanish "] {
            let part = format!("{}<w:vanish/>", left_open.repeat(300_000));
            assert_eq!(without_runs(&part), part);
            let closed = format!("{open}{part}</w:rPr></w:r>");
            assert!(without_runs(&closed).len() <= closed.len() + 40);
        }
    }

    #[test]
    fn hidden_sheets_are_left_out() {
        let sheet = |name: &str, state: &str| format!("<sheet name=\"{name}\"{state} r:id=\"1\"/>");
        let part = [
            sheet("a", " state=\"hidden\""),
            sheet("b", " state=\"visible\""),
            sheet("c", ""),
        ];
        let book = format!("<sheets>{}</sheets>", part.concat());
        let kept = taken_out("xl/workbook.xml", book.as_bytes()).unwrap();
        let marked = part[1].replace("\"b", &format!("\"{HIDDEN}b"));
        assert_eq!(kept, format!("<sheets>{marked}{}</sheets>", part[2]));
        assert_eq!(taken_out("xl/workbook.xml", part[2].as_bytes()), None);
    }
}
