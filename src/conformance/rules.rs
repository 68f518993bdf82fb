//! What holds for any answer, whatever version it comes from.

use std::collections::HashSet;

use super::answer::Hit;
use super::finding::{Flaw, Wrong};
use super::mapping::Scores;

/// Finds the first thing that no version could answer.
pub(super) fn broken(hits: &[Hit], k: usize, scores: Option<&Scores>) -> Option<Wrong> {
    scores
        .and_then(|scores| out_of_range(hits, scores.range))
        .or_else(|| too_many(hits, k))
        .or_else(|| duplicate(hits))
        .or_else(|| scores.and_then(|scores| out_of_order(hits, scores.falls)))
}

fn out_of_range(hits: &[Hit], (least, most): (f64, f64)) -> Option<Wrong> {
    scored(hits)
        .find(|(_, score)| !(least..=most).contains(score))
        .map(|(place, score)| {
            let expected = match most {
                f64::MAX => format!("a score of at least {least}"),
                _ => format!("a score from {least} to {most}"),
            };
            Wrong::new(Flaw::ScoreRange, expected, score.to_string()).at(place)
        })
}

fn too_many(hits: &[Hit], k: usize) -> Option<Wrong> {
    hits.get(k).map(|hit| {
        let found = format!("{}, the next one `{}`", hits.len(), hit.id);
        Wrong::new(Flaw::TooMany, format!("at most {k} hits"), found).at(k)
    })
}

fn duplicate(hits: &[Hit]) -> Option<Wrong> {
    let mut seen = HashSet::new();
    hits.iter()
        .enumerate()
        .find(|(_, hit)| !seen.insert(&hit.id))
        .map(|(place, hit)| {
            let found = format!("`{}` a second time", hit.id);
            Wrong::new(Flaw::Duplicate, "every id once", found).at(place)
        })
}

fn out_of_order(hits: &[Hit], falls: bool) -> Option<Wrong> {
    scored(hits)
        .zip(scored(hits).skip(1))
        .find(|((_, before), (_, score))| match falls {
            true => score > before,
            false => score < before,
        })
        .map(|((_, before), (place, score))| {
            let most = if falls { "most" } else { "least" };
            let expected = format!("a score of at {most} {before}, that of the hit before");
            Wrong::new(Flaw::Order, expected, score.to_string()).at(place)
        })
}

fn scored(hits: &[Hit]) -> impl Iterator<Item = (usize, f64)> {
    hits.iter()
        .enumerate()
        .filter_map(|(place, hit)| Some((place, hit.score?)))
}
