//! Which version gave an answer, and wholly?

use std::sync::Arc;

use super::answer::{Answer, Hit};
use super::differ::Terms;
use super::finding::{Flaw, Wrong};
use super::{Error, Expected, Oracle};

/// What the versions that may have answered a question give for it.
struct Candidate {
    version: String,
    expected: Arc<Vec<Expected>>,
}

/// An answer to one question, and who may have given it.
pub(super) struct Case<'a> {
    pub(super) oracle: &'a dyn Oracle,
    pub(super) terms: Terms,
    pub(super) question: usize,
    /// The versions that may have been served while it was asked, the live one first.
    pub(super) served: &'a [String],
    /// The version of the same client's answer before.
    pub(super) before: Option<&'a str>,
}

impl Case<'_> {
    /// Names the version that the answer is wholly of.
    pub(super) fn judge(&self, answer: &Answer) -> Result<Result<String, Wrong>, Error> {
        match &answer.version {
            Some(version) => self.named(version, &answer.hits),
            None => self.unnamed(&answer.hits),
        }
    }

    fn named(&self, version: &str, hits: &[Hit]) -> Result<Result<String, Wrong>, Error> {
        let Some(named) = self.candidate(version)? else {
            let expected = format!("one of {}", self.served.join(", "));
            let wrong = Wrong::new(Flaw::UnknownVersion, expected, format!("`{version}`"));
            return Ok(Err(wrong.of(version)));
        };
        let Some(wrong) = self.terms.difference(&named.expected, hits) else {
            if self.served.iter().any(|served| served == version) {
                return Ok(Ok(version.to_owned()));
            }
            let expected = format!("an answer of {}", self.served.join(", "));
            let wrong = Wrong::new(Flaw::StaleVersion, expected, format!("one of {version}"));
            return Ok(Err(wrong.of(version)));
        };
        let others = self.candidates(version)?;
        for other in &others {
            if self.terms.difference(&other.expected, hits).is_none() {
                let found = format!(
                    "{}'s answer under the name {version}: {}",
                    other.version, wrong.found
                );
                return Ok(Err(Wrong {
                    flaw: Flaw::Misnamed,
                    found,
                    ..wrong.of(version)
                }));
            }
        }
        Ok(Err(self.explained(&named, &others, hits, wrong)))
    }

    fn unnamed(&self, hits: &[Hit]) -> Result<Result<String, Wrong>, Error> {
        let candidates = self.candidates("")?;
        let mut nearest: Option<(usize, Wrong)> = None;
        let mut whole = Vec::new();
        for (index, candidate) in candidates.iter().enumerate() {
            match self.terms.difference(&candidate.expected, hits) {
                None => whole.push(&candidate.version),
                Some(wrong) => {
                    let is_nearer = |(_, best): &(usize, Wrong)| wrong.rank > best.rank;
                    if nearest.as_ref().is_none_or(is_nearer) {
                        nearest = Some((index, wrong));
                    }
                }
            }
        }
        // Versions that give the same cannot be told apart: nothing says that the client saw a flip then.
        let same = whole
            .iter()
            .find(|version| Some(version.as_str()) == self.before);
        if let Some(version) = same.or(whole.first()) {
            return Ok(Ok((*version).clone()));
        }
        let nearest = nearest.and_then(|(index, wrong)| {
            let near = candidates.get(index)?;
            Some(self.explained(near, &candidates, hits, wrong))
        });
        Ok(Err(nearest.unwrap_or_else(|| {
            let expected = format!("an answer of {}", self.served.join(", "));
            Wrong::new(Flaw::UnknownVersion, expected, "none of these versions")
        })))
    }

    /// Says whose the hits are that are not those of the version nearest to the answer. Where each hit is some version's, and
    /// no version has them all, they were mixed.
    fn explained(
        &self,
        near: &Candidate,
        others: &[Candidate],
        hits: &[Hit],
        wrong: Wrong,
    ) -> Wrong {
        let holds = |candidate: &Candidate, hit| self.terms.holds(&candidate.expected, hit);
        let owner = |hit| others.iter().find(|other| holds(other, hit));
        let has_all = |candidate: &Candidate| hits.iter().all(|hit| holds(candidate, hit));
        let foreign = hits
            .iter()
            .enumerate()
            .find(|(_, hit)| !holds(near, hit))
            .and_then(|(place, hit)| Some((place, hit, owner(hit)?)));
        let Some((place, hit, from)) = foreign else {
            return wrong.of(&near.version);
        };
        let is_mixed = !has_all(near)
            && !others.iter().any(has_all)
            && hits
                .iter()
                .all(|hit| holds(near, hit) || owner(hit).is_some());
        if is_mixed {
            let expected = format!("hits of {} alone", near.version);
            let found = format!("`{}` as {} gives it", hit.id, from.version);
            return Wrong::new(Flaw::Mixed, expected, found)
                .at(place)
                .of(&near.version);
        }
        let found = if wrong.rank == Some(place + 1) {
            format!("{}, as {} gives it", wrong.found, from.version)
        } else {
            wrong.found
        };
        Wrong { found, ..wrong }.of(&near.version)
    }

    fn candidates(&self, but: &str) -> Result<Vec<Candidate>, Error> {
        let mut candidates = Vec::with_capacity(self.served.len());
        for version in self.served.iter().filter(|version| *version != but) {
            candidates.extend(self.candidate(version)?);
        }
        Ok(candidates)
    }

    fn candidate(&self, version: &str) -> Result<Option<Candidate>, Error> {
        let expected = self.oracle.expected(version, self.question)?;
        Ok(expected.map(|expected| Candidate {
            version: version.to_owned(),
            expected,
        }))
    }
}
