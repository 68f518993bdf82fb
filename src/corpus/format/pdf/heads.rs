//! Running heads and feet: what stands at the edge of page after page. They part sentences, and fill each chunk with the
//! same words; the first of each stays.

use std::collections::{HashMap, HashSet};

/// Lines at the top, and at the bottom, of a page that may be a head or a foot.
const EDGE: usize = 2;
/// Words of one.
const MOST_WORDS: usize = 15;
/// Pages that have it, at least; and so many percent of all.
const LEAST_PAGES: usize = 3;
const LEAST_PERCENT: usize = 30;
/// Words of a page whose edges are looked at: a page of few words is no page with a head.
const LEAST_WORDS: usize = 60;

/// Takes running heads and feet out of pages.
pub(super) fn take_out(pages: &mut [String]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for page in pages.iter() {
        let lines: HashSet<String> = edges(page).into_iter().map(|(_, line)| line).collect();
        for line in lines {
            *seen.entry(line).or_default() += 1;
        }
    }
    let least = LEAST_PAGES.max(pages.len() * LEAST_PERCENT / 100);
    seen.retain(|_, pages| *pages >= least);
    if seen.is_empty() {
        return;
    }
    let mut kept = HashSet::new();
    for page in pages {
        let gone: HashSet<usize> = edges(page)
            .into_iter()
            .filter(|(_, line)| seen.contains_key(line) && !kept.insert(line.clone()))
            .map(|(index, _)| index)
            .collect();
        if !gone.is_empty() {
            let lines = page
                .lines()
                .enumerate()
                .filter(|(index, _)| !gone.contains(index));
            *page = lines.map(|(_, line)| line).collect::<Vec<_>>().join("\n");
        }
    }
}

/// The short lines at a page's edges, by their index, in a form that does not depend on the page's number.
fn edges(page: &str) -> Vec<(usize, String)> {
    let lines: Vec<(usize, &str)> = page
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .collect();
    if page.split_whitespace().count() < LEAST_WORDS {
        return Vec::new();
    }
    let bottom = lines.len().saturating_sub(EDGE).max(EDGE);
    let edge = lines.iter().take(EDGE).chain(lines.iter().skip(bottom));
    edge.filter(|(_, line)| line.split_whitespace().count() <= MOST_WORDS)
        .map(|(index, line)| (*index, shape(line)))
        .collect()
}

/// A line with its numbers made equal.
fn shape(line: &str) -> String {
    let mut shape = String::new();
    for c in line.trim().chars().flat_map(char::to_lowercase) {
        let c = match c {
            _ if c.is_numeric() => '#',
            _ if c.is_whitespace() => ' ',
            _ => c,
        };
        if !(matches!(c, '#' | ' ') && shape.ends_with(c)) {
            shape.push(c);
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_at_the_edge_of_most_pages_stays_once() {
        let body = "A sentence of a page that goes on. ".repeat(12);
        let page =
            |n: usize| format!("RFC 3550\tRTP\n\n{body}{n}\n\n{body}\n\nSchulzrinne  [Page {n}]");
        let mut pages: Vec<String> = (8..13).map(page).collect();
        take_out(&mut pages);
        let text = pages.concat();
        assert_eq!(
            (
                text.matches("RTP").count(),
                text.matches("[Page 8]").count(),
                text.matches("[Page").count()
            ),
            (1, 1, 1)
        );
        assert!(text.contains("on. 12"));
    }

    #[test]
    fn pages_of_few_words_have_no_heads() {
        let slides: Vec<String> = (0..9)
            .map(|n| format!("Slide {n}\n\nThe end of it"))
            .collect();
        let mut pages = slides.clone();
        take_out(&mut pages);
        assert_eq!(pages, slides);
    }
}
