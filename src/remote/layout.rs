//! Where things lie in a remote, and the records that lie there. Bytes are named by their hash, so that nothing in a manifest
//! is ever used as a key, and what two versions share lies there once.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::objects::Listed;
use crate::digest::Digest;
use crate::store::{Actor, Channel, Operation, VersionName};

/// The remote format that this program writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;
/// The record that makes a place a remote.
pub(super) const RECORD: &str = "ragctl-remote.json";
/// Every file of every version and model, by hash.
pub(super) const BLOBS: &str = "blobs/";
/// Manifests and signatures, by version.
pub(super) const VERSIONS: &str = "versions/";
/// What a manifest's key ends with.
pub(super) const MANIFEST_KEY: &str = "/manifest.json";
/// What names meant whose versions are gone.
pub(super) const NAMES: &str = "names/";
/// Channels but `current`.
pub(super) const CHANNELS: &str = "channels/";
/// Versions that no gc removes.
pub(super) const PINS: &str = "pins.json";
/// Where conditions are tried out.
pub(super) const PROBES: &str = "probes/";
/// Segments of the embedding cache, by space and class.
pub(super) const CACHE: &str = "cache/embeddings/";
/// Releases that a pointer remembers.
pub(super) const REMEMBERED: usize = 100;

/// What makes a place a remote.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) format: u32,
    pub(super) created: Timestamp,
    /// When and where its conditions were proven last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) proven: Option<Proven>,
}

/// That a place kept its conditions. A copy of it elsewhere has to prove itself again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Proven {
    pub(super) place: String,
    pub(super) at: Timestamp,
}

/// What a channel of a remote names: the twin's fields, so that whoever reads a store's `current.json` reads this, and the
/// releases that led there. One object, so that a release and its record are one write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// Rises by one with every release of the channel.
    pub generation: u64,
    /// The live version.
    pub version: VersionName,
    /// The hash of its manifest.
    pub manifest_sha256: Digest,
    /// When it went live.
    pub published_at: Timestamp,
    /// A minisign signature over the manifest that names channel and generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The last releases, oldest first, this one included.
    #[serde(default)]
    pub releases: Vec<RemoteRelease>,
}

/// A release of a remote's channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteRelease {
    /// The channel's count of releases, this one included.
    pub generation: u64,
    /// Forward or back.
    pub operation: Operation,
    /// What was live before.
    pub from: Option<VersionName>,
    /// What is live since.
    pub to: VersionName,
    /// The hash of its manifest.
    pub manifest_sha256: Digest,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
    /// Tells two releases apart that are alike in everything else.
    pub id: String,
    /// Why, in the person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The gates that it failed and was let through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// What a name meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meant {
    pub(super) name: VersionName,
    pub(super) manifest_sha256: Digest,
}

/// Pins of a remote, by version, with the reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemotePins {
    /// Each pinned version, and why.
    pub pins: BTreeMap<VersionName, Option<String>>,
}

pub(super) fn blob(digest: &Digest) -> String {
    format!("{BLOBS}{digest}")
}

pub(super) fn manifest(name: &VersionName) -> String {
    format!("{VERSIONS}{name}{MANIFEST_KEY}")
}

pub(super) fn signature(name: &VersionName) -> String {
    format!("{VERSIONS}{name}{MANIFEST_KEY}.minisig")
}

pub(super) fn meant(name: &VersionName) -> String {
    format!("{NAMES}{name}.json")
}

pub(super) fn pointer(channel: &Channel) -> String {
    match *channel == Channel::default() {
        true => format!("{channel}.json"),
        false => format!("{CHANNELS}{channel}.json"),
    }
}

/// Finds the version whose manifest a key is.
pub(super) fn version_of(key: &str) -> Option<VersionName> {
    let name = key.strip_prefix(VERSIONS)?.strip_suffix(MANIFEST_KEY)?;
    let version: VersionName = name.parse().ok()?;
    (version.to_string() == name).then_some(version)
}

/// Names the versions whose manifests are in a listing, oldest first.
pub(super) fn versions_in(listing: &[Listed]) -> Vec<VersionName> {
    let names = listing.iter().map(|listed| version_of(&listed.key));
    let mut names: Vec<_> = names.flatten().collect();
    names.sort();
    names
}

/// Finds the hash that a blob's key is.
pub(super) fn digest_of(key: &str) -> Option<Digest> {
    key.strip_prefix(BLOBS)?.parse().ok()
}
