//! What is learnt about each source from run to run: `state/sources/<hash of its id>.json`. The verbs decide what stands in it.

use std::fs;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Error, SOURCES_STATE, Store, read_json, write_json};
use crate::digest::Digest;
use crate::durable::{self, Context as _};

impl Store {
    /// Reads what is known about a source; `None` for one that is new.
    pub fn source_state<T: DeserializeOwned>(&self, source: &str) -> Result<Option<T>, Error> {
        read_json(&self.root, &relative(source))
    }

    /// Reads what is known about every source. What cannot be read is as good as not there.
    pub fn source_states<T: DeserializeOwned>(&self) -> Result<Vec<T>, Error> {
        let Some(dir) = durable::find_dir(&self.root, &dir())? else {
            return Ok(Vec::new());
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(&dir).context(&dir)? {
            names.push(entry.context(&dir)?.file_name());
        }
        names.sort();
        let read = |name| {
            read_json(&self.root, &self::dir().join(name))
                .ok()
                .flatten()
        };
        Ok(names.into_iter().filter_map(read).collect())
    }

    /// Keeps what was learnt about a source. Of two runs at once the later one's words stand: they only save work.
    pub fn keep_source_state<T: Serialize>(&self, source: &str, state: &T) -> Result<(), Error> {
        durable::make_dirs(&self.root, &dir())?;
        write_json(
            &self.root.join(relative(source)),
            state,
            self.shared().file(),
        )
    }

    /// Forgets what was learnt about a source.
    pub fn drop_source_state(&self, source: &str) -> Result<(), Error> {
        if durable::find_dir(&self.root, &dir())?.is_some() {
            durable::remove(&self.root.join(relative(source)))?;
        }
        Ok(())
    }
}

fn dir() -> PathBuf {
    PathBuf::from(SOURCES_STATE)
}

fn relative(source: &str) -> PathBuf {
    // An id is anybody's text; its hash is a file name.
    let name: String = Digest::of(source).to_string().chars().take(32).collect();
    dir().join(format!("{name}.json"))
}
