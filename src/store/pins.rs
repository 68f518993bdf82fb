//! Pins: versions that no gc removes, with the reason why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Actor, Error, LockedStore, Store, VersionName, read_json, write_json};

const PINS: &str = "pins.json";

/// A version that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The version.
    pub version: VersionName,
    /// Why, in the person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when.
    pub at: Timestamp,
    /// Who pinned it.
    pub by: Actor,
}

#[derive(Default, Serialize, Deserialize)]
struct Pins {
    pins: Vec<Pin>,
}

impl Store {
    /// Reads the pins. A file that cannot be read is an error: whoever removes versions must not take it for no pins.
    pub fn pins(&self) -> Result<Vec<Pin>, Error> {
        let pins: Option<Pins> = read_json(&self.root, &super::state(PINS))?;
        Ok(pins.unwrap_or_default().pins)
    }
}

impl LockedStore {
    /// Pins a version, or gives its pin another reason.
    pub fn pin(&self, version: &VersionName, reason: Option<String>) -> Result<Pin, Error> {
        let pin = Pin {
            version: version.clone(),
            reason,
            at: Timestamp::now(),
            by: Actor::current(),
        };
        let mut pins = self.pins()?;
        pins.retain(|known| known.version != *version);
        pins.push(pin.clone());
        self.write_pins(pins)?;
        Ok(pin)
    }

    /// Removes a version's pin. Says whether there was one.
    pub fn unpin(&self, version: &VersionName) -> Result<bool, Error> {
        let mut pins = self.pins()?;
        let before = pins.len();
        pins.retain(|known| known.version != *version);
        let removed = pins.len() < before;
        if removed {
            self.write_pins(pins)?;
        }
        Ok(removed)
    }

    fn write_pins(&self, pins: Vec<Pin>) -> Result<(), Error> {
        write_json(&self.state(PINS), &Pins { pins }, self.shared().file())
    }
}
