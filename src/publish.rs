//! Verified → Release: points a channel at a version, forward or back. The only caller of the flip.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::fault::{Fault, Kind};
use crate::store::{
    self, Channel, Intent, LockedStore, Manifest, Operation, Release, Store, VersionName,
};
use crate::verify::Verified;

/// What must hold for a release to go ahead.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// Which channel is released to.
    pub channel: Channel,
    /// Where the channel must be.
    pub expectation: Expectation,
    /// How old its last release must be.
    pub min_interval: Duration,
}

/// A part of the live version's documents or tokens that a release may lose, in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shrink(f64);

/// A text that is no such part.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no percentage such as 10%")]
pub struct ParseShrinkError(String);

impl std::str::FromStr for Shrink {
    type Err = ParseShrinkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let percent = text.strip_suffix('%').unwrap_or(text).trim().parse();
        match percent {
            Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Self(percent)),
            _ => Err(ParseShrinkError(text.to_owned())),
        }
    }
}

impl fmt::Display for Shrink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// Where a channel must be for a release to go ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// Anywhere.
    Anything,
    /// Nothing is published yet.
    Nothing,
    /// At this version.
    Version(VersionName),
}

impl std::str::FromStr for Expectation {
    type Err = store::ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::Nothing),
            name => name.parse().map(Self::Version),
        }
    }
}

/// A release that was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store said no.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The last release was just now.
    #[error("{channel} was released {} s ago, and releases must be {} s apart", ago.as_secs(), least.as_secs())]
    TooSoon {
        /// The channel.
        channel: Channel,
        /// How long ago.
        ago: Duration,
        /// How long it must be.
        least: Duration,
    },
    /// The version lost too much of what is live.
    #[error(transparent)]
    Shrank(Box<Shrank>),
}

/// A version that lost too much of what is live.
#[derive(Debug, thiserror::Error)]
#[error("{to} has {has} {what} where {live} has {had}: {lost:.0}% are gone, and {allowed} may be")]
pub struct Shrank {
    /// The version.
    pub to: VersionName,
    /// The live one.
    pub live: VersionName,
    /// What was lost.
    pub what: &'static str,
    /// How many it has.
    pub has: u64,
    /// How many the live one has.
    pub had: u64,
    /// The lost part in percent.
    pub lost: f64,
    /// The part that may be lost.
    pub allowed: Shrink,
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Store(e) => e.kind(),
            Self::TooSoon { .. } | Self::Shrank(_) => Kind::Gate,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(e) => e.hint(),
            Self::TooSoon { .. } => Some("Wait, or give a shorter --min-interval.".into()),
            Self::Shrank(shrank) => Some(format!(
                "Look at what `ragctl ingest` and its --failed say is missing. If it is meant, publish with --max-shrink {:.0}%.",
                shrank.lost.ceil()
            )),
        }
    }
}

impl Conditions {
    /// Checks that the channel is where it is expected.
    pub fn check_place(&self, store: &Store) -> Result<(), Error> {
        let found = store.live_on(&self.channel)?;
        let expected = match &self.expectation {
            Expectation::Anything => found.clone(),
            Expectation::Nothing => None,
            Expectation::Version(name) => Some(name.clone()),
        };
        if found != expected {
            let channel = self.channel.clone();
            return Err(store::Error::NotWhereExpected {
                channel,
                expected,
                found,
            }
            .into());
        }
        Ok(())
    }

    /// Checks that the channel is where it is expected, and was not released just now. Called under the lock, before
    /// anything costly.
    pub fn check(&self, store: &Store) -> Result<(), Error> {
        self.check_place(store)?;
        if self.min_interval.is_zero() {
            return Ok(());
        }
        let history = store.history()?;
        let last = history
            .iter()
            .rfind(|release| release.channel == self.channel);
        let ago = last.map(|release| Timestamp::now().duration_since(release.at));
        // A release from the future was made by a clock that is wrong: it counts as made just now.
        let ago = ago.map(|ago| Duration::try_from(ago).unwrap_or_default());
        match ago {
            Some(ago) if ago < self.min_interval => Err(Error::TooSoon {
                channel: self.channel.clone(),
                ago,
                least: self.min_interval,
            }),
            _ => Ok(()),
        }
    }
}

/// Checks that a version does not lose too much of what is live.
pub fn check_size(
    store: &Store,
    channel: &Channel,
    to: &VersionName,
    allowed: Shrink,
) -> Result<(), Error> {
    let Some(live) = store.live_on(channel)? else {
        return Ok(());
    };
    // A live version that cannot be read is no reason to stay with it.
    let Ok((before, _)) = store.manifest(&live) else {
        return Ok(());
    };
    check_counts(&before, &store.manifest(to)?.0, allowed)
}

/// Checks that one version does not lose too much of another.
pub fn check_counts(before: &Manifest, after: &Manifest, allowed: Shrink) -> Result<(), Error> {
    let counts = [
        ("documents", after.counts.documents, before.counts.documents),
        ("tokens", after.counts.tokens, before.counts.tokens),
    ];
    for (what, has, had) in counts {
        let lost = had.saturating_sub(has) as f64 * 100.0 / had.max(1) as f64;
        if lost > allowed.0 {
            return Err(Error::Shrank(Box::new(Shrank {
                to: after.version.clone(),
                live: before.version.clone(),
                what,
                has,
                had,
                lost,
                allowed,
            })));
        }
    }
    Ok(())
}

/// What history keeps of a release's grounds.
#[derive(Debug, Clone, Default)]
pub struct Why {
    /// Why, in the person's words.
    pub reason: Option<String>,
    /// The gates that it failed and was let through.
    pub waived: Vec<String>,
}

/// Points a channel at a proven version. Once this returns, the release survives a power cut.
pub fn publish(
    store: &LockedStore,
    verified: Verified,
    channel: &Channel,
    operation: Operation,
    why: Why,
) -> Result<Release, Error> {
    let intent = Intent {
        operation,
        channel: channel.clone(),
        to: verified.name().clone(),
        manifest_sha256: verified.manifest_sha256(),
        reason: why.reason,
        waived: why.waived,
    };
    Ok(store.flip(intent)?)
}

/// Finds the version that a rollback of `steps` releases goes to. A rollback takes back the releases above its target, so
/// the next one goes further back, not forth again.
pub fn rollback_target(
    store: &Store,
    channel: &Channel,
    steps: usize,
) -> Result<VersionName, Error> {
    let live = store.live_on(channel)?;
    let live = live.ok_or_else(|| store::Error::NothingPublished(channel.clone()))?;
    let mut releases = store::standing_releases(&store.history()?, channel, &store.withdrawn()?);
    // History is written after the flip: a crash in between loses its last line, never the link.
    if releases.last() != Some(&live) {
        releases.push(live);
    }
    let target = releases
        .len()
        .checked_sub(steps + 1)
        .and_then(|at| releases.get(at));
    Ok(target.cloned().ok_or(store::Error::NoEarlierRelease)?)
}
