//! Hits against what one version's index gives: equal but for ties?

use super::Expected;
use super::answer::Hit;
use super::finding::{Flaw, Wrong};

/// How strictly hits are compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) k: usize,
    /// Expected scores this near to each other tie.
    pub(super) ties: f64,
    /// How far a score may be from the expected one; `None` where the server's scores are not cosines.
    pub(super) scores: Option<f64>,
}

impl Terms {
    /// Finds the first place at which hits are not what a version gives. `expected` has more hits than asked for, as far as
    /// there are more.
    ///
    /// Every place must hold a hit whose own score ties with the score that belongs there. As no hit stands twice, no better
    /// hit can then be left out, and the last places may hold any of the hits that tie for them.
    pub(super) fn difference(self, expected: &[Expected], hits: &[Hit]) -> Option<Wrong> {
        for (place, hit) in hits.iter().enumerate() {
            if let Some(wrong) = self.misplaced(expected, place, hit) {
                return Some(wrong.at(place));
            }
        }
        if hits.len() >= self.k {
            return None;
        }
        let missing = expected.get(hits.len())?;
        let found = format!("no more than {} hits", hits.len());
        Some(Wrong::new(Flaw::WrongHits, named(missing), found).at(hits.len()))
    }

    fn misplaced(self, expected: &[Expected], place: usize, hit: &Hit) -> Option<Wrong> {
        let wrong = |expected, found| Some(Wrong::new(Flaw::WrongHits, expected, found));
        let Some(due) = expected.get(place) else {
            return wrong("no further hit".to_owned(), format!("`{}`", hit.id));
        };
        match expected.iter().position(|own| own.id == hit.id) {
            Some(at) => {
                let own = expected.get(at)?;
                if !self.tie(own, due) {
                    let found = format!("`{}`, which belongs at rank {}", hit.id, at + 1);
                    return wrong(named(due), found);
                }
                self.unlike(own, hit)
            }
            // What ties with the end of a list that was cut there may be any hit behind it.
            None if expected.len() > self.k
                && expected.last().is_some_and(|last| self.tie(last, due)) =>
            {
                self.misscored(due, hit)
            }
            None => wrong(
                named(due),
                format!(
                    "`{}`, which is not among the version's first {}",
                    hit.id,
                    expected.len()
                ),
            ),
        }
    }

    /// Says whether a version's first hits hold this one, wherever it stands.
    pub(super) fn holds(self, expected: &[Expected], hit: &Hit) -> bool {
        expected
            .iter()
            .any(|own| own.id == hit.id && self.unlike(own, hit).is_none())
    }

    fn tie(self, one: &Expected, other: &Expected) -> bool {
        (f64::from(one.score) - f64::from(other.score)).abs() <= self.ties
    }

    /// Compares what a hit says of itself with what the index says of it.
    fn unlike(self, own: &Expected, hit: &Hit) -> Option<Wrong> {
        self.misscored(own, hit).or_else(|| {
            let found = hit.text.as_ref().filter(|text| **text != own.text)?;
            let (expected, found) = from_difference(&own.text, found);
            let expected = format!("`{}` with the text `{expected}`", own.id);
            Some(Wrong::new(
                Flaw::WrongText,
                expected,
                format!("the text `{found}`"),
            ))
        })
    }

    fn misscored(self, own: &Expected, hit: &Hit) -> Option<Wrong> {
        let (score, within) = (hit.score?, self.scores?);
        if (score - f64::from(own.score)).abs() <= within {
            return None;
        }
        let expected = format!("{} within {within}", named(own));
        Some(Wrong::new(
            Flaw::WrongScore,
            expected,
            format!("the score {score}"),
        ))
    }
}

fn named(expected: &Expected) -> String {
    format!("`{}` with the score {}", expected.id, expected.score)
}

/// Leaves out what two texts begin with alike, but for a few characters: a finding shows only the beginning.
fn from_difference<'t>(one: &'t str, other: &'t str) -> (&'t str, &'t str) {
    const KEPT: usize = 20;
    let alike = one
        .chars()
        .zip(other.chars())
        .take_while(|(one, other)| one == other);
    let skipped = alike.count().saturating_sub(KEPT);
    let tail = |text: &'t str| {
        text.char_indices()
            .nth(skipped)
            .and_then(|(at, _)| text.get(at..))
            .unwrap_or_default()
    };
    (tail(one), tail(other))
}
