//! The models that are in memory: one of each, whatever number of stores and versions need it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::Error;
use crate::digest::Digest;
use crate::embed::{Device, Embedder};
use crate::query::model_of;
use crate::store::{Held, Store};

/// Models by the fingerprint of their space, for all stores of a process.
pub struct Models {
    device: Device,
    loaded: Mutex<HashMap<Digest, Weak<Embedder>>>,
    one: Mutex<()>,
}

impl Models {
    /// No model yet; those that come are loaded onto a device.
    pub fn on(device: Device) -> Self {
        Self {
            device,
            loaded: Mutex::default(),
            one: Mutex::default(),
        }
    }

    /// Keeps other stores of this process from loading a version: what one takes must be known when the next is let in.
    pub(super) fn one_at_a_time(&self) -> MutexGuard<'_, ()> {
        self.one.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a version's model is in memory.
    pub(super) fn has(&self, held: &Held) -> bool {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let found = loaded.get(&held.manifest.fingerprint);
        found.is_some_and(|model| model.strong_count() > 0)
    }

    /// The model of a held version, whose files are checked when they are read.
    pub(super) fn of(&self, store: &Store, held: &Held) -> Result<Arc<Embedder>, Error> {
        let fingerprint = held.manifest.fingerprint;
        // Held while a model loads: a second one of the same kind would be for nothing.
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = loaded.get(&fingerprint).and_then(Weak::upgrade) {
            return Ok(model);
        }
        let model = model_of(store, held)?;
        let found = model.space.fingerprint();
        if found != fingerprint {
            return Err(Error::OtherSpace {
                version: held.name.clone(),
                expected: fingerprint,
                found,
            });
        }
        let model = Arc::new(Embedder::load(model, self.device.clone())?);
        loaded.retain(|_, model| model.strong_count() > 0);
        loaded.insert(fingerprint, Arc::downgrade(&model));
        Ok(model)
    }
}
