//! Releases: what a flip is meant to do, what history keeps of it, and what rollbacks go back through.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Actor, Channel, Error, LockedStore, VersionName, Withdrawn, log};
use crate::digest::Digest;

/// Whether a release goes forward or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Forward.
    Publish,
    /// Back.
    Rollback,
}

/// A release as history keeps it: a channel was pointed at a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The channel's count of releases, this one included.
    pub generation: u64,
    /// Forward or back.
    pub operation: Operation,
    /// Which channel.
    pub channel: Channel,
    /// What was live before.
    pub from: Option<VersionName>,
    /// What is live now.
    pub to: VersionName,
    /// The hash of its manifest.
    pub manifest_sha256: Digest,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
    /// Why, in the person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The gates that it failed and was let through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// A line of the history that tells of a release's hook that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookFailure {
    /// Which hook.
    pub hook: String,
    /// The release's channel.
    pub channel: Channel,
    /// The release's generation.
    pub generation: u64,
    /// How it ended.
    pub problem: String,
    /// When.
    pub at: Timestamp,
}

/// Any line of the history.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum HistoryLine {
    Release(Release),
    Hook(HookFailure),
}

impl HistoryLine {
    pub(super) fn release(self) -> Option<Release> {
        match self {
            Self::Release(release) => Some(release),
            Self::Hook(_) => None,
        }
    }

    pub(super) fn hook_failure(self) -> Option<HookFailure> {
        match self {
            Self::Hook(failure) => Some(failure),
            Self::Release(_) => None,
        }
    }
}

impl HookFailure {
    /// Whether it was a hook of this release.
    pub fn is_of(&self, release: &Release) -> bool {
        (&self.channel, self.generation) == (&release.channel, release.generation)
    }
}

/// What a release is about to do.
#[derive(Debug, Clone)]
pub struct Intent {
    /// Forward or back.
    pub operation: Operation,
    /// Which channel.
    pub channel: Channel,
    /// The version that shall be live.
    pub to: VersionName,
    /// The hash of its manifest.
    pub manifest_sha256: Digest,
    /// Why, in the person's words.
    pub reason: Option<String>,
    /// The gates that it failed and was let through.
    pub waived: Vec<String>,
}

/// The releases of a channel that no rollback took back, oldest first: what rollbacks go back through. Versions that were
/// withdrawn since are passed over.
pub fn standing_releases(
    history: &[Release],
    channel: &Channel,
    withdrawn: &HashSet<Withdrawn>,
) -> Vec<VersionName> {
    let of_channel = history.iter().filter(|release| release.channel == *channel);
    let mut standing = standing(of_channel.map(|release| (release.operation, &release.to)));
    standing.retain(|name| !withdrawn.contains(&Withdrawn::Version(name.clone())));
    standing.dedup();
    standing
}

/// The versions of the releases that no rollback took back, of releases in their order.
pub fn standing<'a>(
    releases: impl Iterator<Item = (Operation, &'a VersionName)>,
) -> Vec<VersionName> {
    let mut standing: Vec<VersionName> = Vec::new();
    for (operation, to) in releases {
        if operation == Operation::Rollback
            && let Some(at) = standing.iter().rposition(|name| name == to)
        {
            standing.truncate(at);
        }
        if standing.last() != Some(to) {
            standing.push(to.clone());
        }
    }
    standing
}

impl LockedStore {
    /// Keeps in the history that the hook of a release failed.
    pub(crate) fn record_hook_failure(
        &self,
        release: &Release,
        problem: &str,
    ) -> Result<(), Error> {
        let failure = HookFailure {
            hook: "post".into(),
            channel: release.channel.clone(),
            generation: release.generation,
            problem: problem.to_owned(),
            at: Timestamp::now(),
        };
        log::append(&self.state(log::HISTORY), &failure, self.shared().file())
    }
}
