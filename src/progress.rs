//! How long work reports itself and learns that it should stop. The core sees only these traits; bars live in `ui/`.

use crate::fault::{Fault, Kind};

/// Somebody who watches a run.
pub trait Progress: Sync {
    /// Opens a stage of `total` `unit`s of work, where the total is known. Dropping the stage closes it.
    fn stage(&self, name: &str, total: Option<u64>, unit: &'static str) -> Box<dyn Stage + '_>;

    /// Tells something that does not stop the run but that a person should know.
    fn warn(&self, message: &str);

    /// Says whether the run was asked to stop.
    fn interrupted(&self) -> bool;

    /// Fails when the run was asked to stop. Called between pieces of work that leave a clean state.
    fn checkpoint(&self) -> Result<(), Interrupted> {
        if self.interrupted() {
            return Err(Interrupted);
        }
        Ok(())
    }
}

/// One stage of a run.
pub trait Stage {
    /// Reports `count` more units done.
    fn advance(&self, count: u64);

    /// Says where the work is, in words beside the units: `12 of 81 documents`.
    fn at(&self, place: &str) {
        let _ = place;
    }
}

/// The run was asked to stop, and did so cleanly.
#[derive(Debug, thiserror::Error)]
#[error("stopped on request; what was finished is kept, run the same command to go on")]
pub struct Interrupted;

impl Fault for Interrupted {
    fn kind(&self) -> Kind {
        Kind::Interrupted
    }
}

/// Nobody watches, and nobody asks to stop.
pub struct Silent;

impl Progress for Silent {
    fn stage(&self, _: &str, _: Option<u64>, _: &'static str) -> Box<dyn Stage + '_> {
        Box::new(Self)
    }

    fn warn(&self, _: &str) {}

    fn interrupted(&self) -> bool {
        false
    }
}

impl Stage for Silent {
    fn advance(&self, _: u64) {}
}
