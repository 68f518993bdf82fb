//! Who may read and write a store: the modes of everything in it, set explicitly, whatever the umask.

use serde::{Deserialize, Serialize};

/// Whom a store is shared with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shared {
    /// Its owner alone reads and writes.
    Owner,
    /// Members of its group read and write: builders, publishers, gc and servers may be different users.
    Group,
    /// Everybody reads, its owner alone writes.
    #[default]
    World,
}

impl Shared {
    /// Mode of a sealed file.
    pub fn sealed_file(self) -> u32 {
        match self {
            Self::Owner => 0o400,
            Self::Group => 0o440,
            Self::World => 0o444,
        }
    }

    /// Mode of a sealed directory. A group's stays writable: nobody but a directory's owner may change its mode, so another
    /// member could not remove the version otherwise.
    pub fn sealed_dir(self) -> u32 {
        match self {
            Self::Owner => 0o500,
            Self::Group => 0o2770,
            Self::World => 0o555,
        }
    }

    /// Mode of a file that the store goes on writing.
    pub fn file(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Group => 0o660,
            Self::World => 0o644,
        }
    }

    /// Mode of a directory that the store goes on writing. A group's hands its group on to what is made in it.
    pub fn dir(self) -> u32 {
        match self {
            Self::Owner => 0o700,
            Self::Group => 0o2770,
            Self::World => 0o755,
        }
    }
}
