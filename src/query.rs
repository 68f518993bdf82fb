//! A question answered from one version, by the reader contract: the version is held, its space is the model's, and its table
//! is opened by its real path.

use crate::embed::{self, Device, Embedder};
use crate::fault::{Fault, Kind};
use crate::index::{self, Hit, Mode, Search, Table};
use crate::model::{self, Model};
use crate::progress::Interrupted;
use crate::store::{Held, Store};

/// A question that was not answered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The table cannot be searched.
    #[error(transparent)]
    Index(#[from] index::Error),
    /// The question cannot be embedded.
    #[error(transparent)]
    Embed(#[from] embed::Error),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The model is of another space than the version.
    #[error("{version} is of the space {expected}, but {model} is of {found}")]
    OtherSpace {
        /// The version.
        version: String,
        /// Its space.
        expected: String,
        /// The model.
        model: String,
        /// The model's space.
        found: String,
    },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Index(e) => e.kind(),
            Self::Embed(e) => e.kind(),
            Self::Interrupted(e) => e.kind(),
            Self::OtherSpace { .. } => Kind::Incompatible,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Index(e) => e.hint(),
            Self::Embed(e) => e.hint(),
            Self::Interrupted(e) => e.hint(),
            Self::OtherSpace { .. } => {
                Some("Leave the model out: a version brings its own.".into())
            }
        }
    }
}

/// Opens the model that a version names, from the store. Its files must be those that the version was built with.
pub fn model_of(store: &Store, held: &Held) -> Result<Model, model::Error> {
    let space = &held.manifest.space;
    let dir = store.model_dir(&held.manifest.fingerprint);
    let model = Model::open(&dir, &space.model, space.revision.as_deref())?;
    model.check(&held.manifest.model_files)?;
    Ok(model)
}

/// A held version with its model and table: what answers.
pub struct Reader {
    held: Held,
    embedder: Embedder,
    table: Table,
}

impl Reader {
    /// Opens a held version with a model, which must be of its space.
    pub fn open(held: Held, model: Model, device: Device) -> Result<Self, Error> {
        let found = model.space.fingerprint();
        if found != held.manifest.fingerprint {
            return Err(Error::OtherSpace {
                version: held.name.to_string(),
                expected: format!(
                    "{} ({})",
                    held.manifest.space.model,
                    held.manifest.fingerprint.short()
                ),
                model: model.space.model.clone(),
                found: found.short(),
            });
        }
        let table = Table::open_version(&held.dir, &held.manifest)?;
        Ok(Self {
            embedder: Embedder::load(model, device)?,
            table,
            held,
        })
    }

    /// The version that answers.
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// Answers a question, best hit first.
    pub fn ask(&self, text: &str, mode: Mode, search: &Search) -> Result<Vec<Hit>, Error> {
        let embed = |text: &str| Ok::<_, Error>(self.embedder.embed_query(text)?);
        self.table.answer(text, mode, search, embed)
    }

    /// Embeds a question as the version's model does.
    pub fn embed(&self, text: &str) -> Result<Vec<f32>, Error> {
        Ok(self.embedder.embed_query(text)?)
    }

    /// The version's table.
    pub fn table(&self) -> &Table {
        &self.table
    }
}
