//! What was seen of each remote: the newest release of every channel, so that an older one that is played again is known.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Channel, Error, LockedStore, Store, VersionName, read_json, write_json};
use crate::digest::Digest;

const ORIGINS: &str = "remotes.json";

/// The newest release of a remote's channel that was followed here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The channel's count of releases.
    pub generation: u64,
    /// What it named.
    pub version: VersionName,
    /// The hash of its manifest.
    pub manifest_sha256: Digest,
    /// Whether it was released here as well.
    #[serde(default)]
    pub released: bool,
    /// The name that signed it, or an earlier one, where signatures were required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
struct Origins {
    remotes: BTreeMap<String, BTreeMap<Channel, Seen>>,
}

impl Store {
    /// Reads what was seen of a remote's channel. `remote` says which place it is, without secrets.
    pub fn seen(&self, remote: &str, channel: &Channel) -> Result<Option<Seen>, Error> {
        let origins: Option<Origins> = read_json(&self.root, &super::state(ORIGINS))?;
        let mut remotes = origins.unwrap_or_default().remotes;
        Ok(remotes
            .remove(remote)
            .and_then(|mut channels| channels.remove(channel)))
    }
}

impl LockedStore {
    /// Keeps what was seen of a remote's channel. Only what has proven itself whole and wanted is seen: an answer that was refused
    /// must not shut the right one out. An older release than the one that is kept changes nothing, unless the remote is taken
    /// `anew`; nor does a release of which no signature was asked take a name away.
    pub fn keep_seen(
        &self,
        remote: &str,
        channel: &Channel,
        seen: Seen,
        anew: bool,
    ) -> Result<(), Error> {
        let origins: Option<Origins> = read_json(self.root(), &super::state(ORIGINS))?;
        let mut origins = origins.unwrap_or_default();
        let channels = origins.remotes.entry(remote.to_owned()).or_default();
        let before = channels.get(channel).filter(|_| !anew);
        let same = before.is_some_and(|before| before.generation == seen.generation);
        let seen = Seen {
            released: seen.released || same && before.is_some_and(|before| before.released),
            signed_by: seen
                .signed_by
                .or_else(|| before.and_then(|before| before.signed_by.clone())),
            ..seen
        };
        if before.is_some_and(|before| before.generation > seen.generation || *before == seen) {
            return Ok(());
        }
        channels.insert(channel.clone(), seen);
        write_json(&self.state(ORIGINS), &origins, self.shared().file())
    }
}
