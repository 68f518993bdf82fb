//! What was forgotten: documents that ingest leaves out, and versions that hold them and may not be released again.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Actor, Error, LockedStore, Store, VersionName, log};
use crate::digest::{Digest, FieldHasher};

/// One line of `state/withdrawn.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// What is withdrawn.
    #[serde(flatten)]
    pub what: Withdrawn,
    /// When.
    pub at: Timestamp,
    /// Who asked for it.
    pub by: Actor,
    /// Why, in the person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What can be withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Withdrawn {
    /// A document, by the hash of its source's id and its own: the id itself may be what had to be forgotten.
    Document(Digest),
    /// Every document of a source.
    Source(String),
    /// A version that holds some of them.
    Version(VersionName),
}

impl Withdrawn {
    /// Names a document.
    pub fn document(source: &str, id: &str) -> Self {
        let digest = FieldHasher::default().field(source).field(id).finish();
        Self::Document(digest)
    }

    /// Whether a document is among what was withdrawn, itself or with its source.
    pub fn covers(withdrawn: &HashSet<Self>, source: &str, id: &str) -> bool {
        !withdrawn.is_empty()
            && (withdrawn.contains(&Self::Source(source.to_owned()))
                || withdrawn.contains(&Self::document(source, id)))
    }
}

impl Store {
    /// Reads what was withdrawn.
    pub fn withdrawn(&self) -> Result<HashSet<Withdrawn>, Error> {
        let lines: Vec<Withdrawal> = log::read(&self.root, log::WITHDRAWN)?;
        Ok(lines.into_iter().map(|line| line.what).collect())
    }

    /// Refuses a version that is withdrawn.
    pub fn check_not_withdrawn(&self, name: &VersionName) -> Result<(), Error> {
        if self
            .withdrawn()?
            .contains(&Withdrawn::Version(name.clone()))
        {
            return Err(Error::Withdrawn(name.clone()));
        }
        Ok(())
    }
}

impl LockedStore {
    /// Withdraws what is not withdrawn yet.
    pub(crate) fn withdraw(&self, what: &[Withdrawn], reason: Option<&str>) -> Result<(), Error> {
        let known = self.withdrawn()?;
        for what in what.iter().filter(|what| !known.contains(what)) {
            let line = Withdrawal {
                what: what.clone(),
                at: Timestamp::now(),
                by: Actor::current(),
                reason: reason.map(str::to_owned),
            };
            log::append(&self.state(log::WITHDRAWN), &line, self.shared().file())?;
        }
        Ok(())
    }
}
