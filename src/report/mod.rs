//! One page that says what is in a version, whether it finds what it should, and how it differs from another: gathered here,
//! drawn by [`render`].

mod content;
mod html;
pub mod page;
pub mod plane;
mod tables;

pub use crate::diff::Error;
pub use html::render;

use crate::diff;
use crate::golden::{Answered, Query};
use crate::progress::Progress;
use crate::store::{Held, Manifest};
use crate::verify;
use page::Page;

/// A version, and what others found out about it.
pub struct Subject<'a> {
    /// The version.
    pub held: &'a Held,
    /// The version that it is compared with, and how it differs.
    pub against: Option<(&'a Held, &'a diff::Diff)>,
    /// What verification found, where it was verified.
    pub verified: Option<&'a verify::Report>,
    /// Golden queries and their answers.
    pub golden: Option<Golden<'a>>,
    /// What the store is called.
    pub store: String,
}

/// Golden queries and their answers.
#[derive(Clone, Copy)]
pub struct Golden<'a> {
    /// The queries.
    pub queries: &'a [Query],
    /// The version's answers.
    pub answers: &'a [Answered],
    /// The answers of the version that it is compared with.
    pub before: Option<&'a [Answered]>,
}

/// Gathers what a report says.
pub fn gather(subject: &Subject<'_>, progress: &dyn Progress) -> Result<Page, Error> {
    let held = subject.held;
    let manifest = &held.manifest;
    let stage = progress.stage("read chunks", None, "versions");
    let now = content::Content::read(held, None, progress)?;
    stage.advance(1);
    let before = match subject.against {
        Some((other, _)) => Some(content::Content::read(other, Some(&now), progress)?),
        None => None,
    };
    drop(stage);
    let (neighbours, duplicates) = now.neighbours(held, progress)?;
    let index = manifest
        .tables
        .iter()
        .flat_map(|table| &table.indexes)
        .find(|index| index.kind == "vector");
    Ok(Page {
        version: held.name.to_string(),
        against: subject.against.map(|(other, _)| other.name.to_string()),
        store: subject.store.clone(),
        created: format!("{:.0}", manifest.created),
        tool: manifest.tool.clone(),
        facts: tables::facts(held),
        counts: counts(manifest),
        before: subject.against.map(|(other, _)| counts(&other.manifest)),
        checks: subject.verified.map(tables::checks).unwrap_or_default(),
        sources: now.shares(content::By::Source, before.as_ref()),
        formats: now.shares(content::By::Format, before.as_ref()),
        sections: now.shares(content::By::Section, before.as_ref()),
        lengths: now.lengths(),
        lengths_before: before.as_ref().map(content::Content::lengths),
        neighbours,
        duplicates,
        curve: index.map(tables::curve).unwrap_or_default(),
        exact_ms: index.and_then(|index| index.exact_ms),
        golden: subject.golden.map(tables::golden),
        map: now.map(before.as_ref()),
        diff: subject.against.map(|(_, diff)| tables::diff(diff)),
        timings: manifest
            .timings
            .iter()
            .map(|(stage, seconds)| page::Timing {
                stage: stage.clone(),
                seconds: *seconds,
            })
            .collect(),
        settings: tables::settings(manifest),
    })
}

fn counts(manifest: &Manifest) -> page::Counts {
    page::Counts {
        documents: manifest.counts.documents,
        chunks: manifest.counts.chunks,
        tokens: manifest.counts.tokens,
        bytes: manifest.resources.disk_bytes,
    }
}
