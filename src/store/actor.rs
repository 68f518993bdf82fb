//! Who did it: the user, host and process that locks and history name.

use nix::unistd::{User, geteuid, gethostname};
use serde::{Deserialize, Serialize};

/// A process on a machine, and the user that it runs as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The user's name, or the number where it has none.
    pub user: String,
    /// The machine's name.
    pub host: String,
    /// The process id.
    pub pid: u32,
}

impl Actor {
    /// Describes this process.
    pub fn current() -> Self {
        let uid = geteuid();
        let user = User::from_uid(uid)
            .ok()
            .flatten()
            .map_or_else(|| uid.to_string(), |user| user.name);
        let host = gethostname().map_or_else(
            |_| "unknown".into(),
            |host| host.to_string_lossy().into_owned(),
        );
        Self {
            user,
            host,
            pid: std::process::id(),
        }
    }
}
