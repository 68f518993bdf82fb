//! The LanceDB table of a version: writing it, opening it read-only, filtering and searching. The only folder that names
//! lancedb or arrow. Its asynchronous code ends here; beside it only `serve` has any.

mod filter;
mod hit;
mod indexes;
mod policy;
mod resident;
mod schema;
mod search;
mod table;
mod tune;
mod writer;

pub use filter::{Filter, FilterError};
pub use hit::{Chunk, Hit};
pub use policy::{
    IndexPolicy, ParseLanguageError, ParseVectorIndexError, TextLanguage, VectorIndex,
};
pub use resident::{Found, Nearest, RESIDENT_RECALL, Resident};
pub use search::{Asked, Effort, Mode, ParseModeError, Search};
pub use table::{Coverage, Stored, Table};
pub use tune::{Measured, RECALL_K, Sample};
pub use writer::{IndexWriter, Written};

use std::future::Future;
use std::path::PathBuf;

use tokio::runtime::Handle;

use crate::durable::PathError;
use crate::fault::{Fault, Kind};
use crate::progress::Interrupted;

/// The table's name for LanceDB.
pub const TABLE: &str = "chunks";
/// The directory in a version that LanceDB connects to.
pub const LANCE_DIR: &str = "lance";
/// The oldest LanceDB that is known to read the tables.
pub const MINIMUM_READER: &str = "lancedb 0.20";

/// A table that cannot be written, opened or searched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filesystem said no.
    #[error(transparent)]
    Io(#[from] PathError),
    /// LanceDB failed.
    #[error("{doing}: {source}")]
    Lance {
        /// What was done.
        doing: &'static str,
        /// What LanceDB says.
        source: Box<lancedb::Error>,
    },
    /// Arrow failed.
    #[error("{doing}: {source}")]
    Arrow {
        /// What was done.
        doing: &'static str,
        /// What Arrow says.
        source: arrow_schema::ArrowError,
    },
    /// There is no table.
    #[error("{} holds no table", .0.display())]
    NoTable(PathBuf),
    /// The writing thread ended before its time.
    #[error("the table's writer ended before all rows were written")]
    WriterEnded,
    /// A table does not have the columns it should.
    #[error("the table has no column {0} of the expected type")]
    MissingColumn(&'static str),
    /// The filter is wrong.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The words of a question cannot be looked up.
    #[error("the question's words: {0}")]
    Words(String),
    /// The version has no index of words.
    #[error("the version has no text index, so its words cannot be searched")]
    NoTextIndex,
    /// An index leaves rows out.
    #[error("the {kind} index over {columns} covers {covered} of {rows} rows")]
    Uncovered {
        /// The kind of index.
        kind: String,
        /// Its columns.
        columns: String,
        /// Rows in it.
        covered: u64,
        /// Rows of the table.
        rows: u64,
    },
    /// A column that is to be indexed does not exist, or has no values to look up.
    #[error("index.filters: there is no column `{0}` that filters know")]
    NoFilterColumn(String),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The table has more or fewer rows than its manifest says.
    #[error("the table has {found} rows, its manifest says {expected}")]
    Rows {
        /// As the manifest says.
        expected: u64,
        /// As the table has.
        found: u64,
    },
    /// The manifest says something else than itself or than the table.
    #[error("the manifest contradicts what it describes: {0}")]
    Contradiction(String),
    /// A row cannot be read back from memory.
    #[error("a row in memory cannot be read: {0}")]
    Row(String),
    /// Search in memory misses too much of what exact search finds.
    #[error(
        "search in memory finds {recall:.4} of what exact search finds, less than {RESIDENT_RECALL}"
    )]
    ResidentRecall {
        /// The part that it finds.
        recall: f64,
    },
    /// A query vector of another dimension.
    #[error("the query vector has {found} numbers, the table's vectors have {expected}")]
    Dimension {
        /// The table's.
        expected: usize,
        /// The query's.
        found: usize,
    },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Io(e) => e.kind(),
            Self::Filter(e) => e.kind(),
            Self::Interrupted(e) => e.kind(),
            Self::Words(_) | Self::NoTextIndex | Self::NoFilterColumn(_) => Kind::Usage,
            Self::NoTable(_)
            | Self::MissingColumn(_)
            | Self::Rows { .. }
            | Self::Contradiction(_) => Kind::Integrity,
            Self::Dimension { .. } => Kind::Incompatible,
            Self::Lance { .. } if is_storage_full(self) => Kind::Filesystem,
            Self::Lance { .. }
            | Self::Arrow { .. }
            | Self::WriterEnded
            | Self::Row(_)
            | Self::ResidentRecall { .. }
            | Self::Uncovered { .. } => Kind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io(e) => e.hint(),
            Self::Filter(e) => e.hint(),
            Self::NoTextIndex => Some(
                "Ask with --mode vector, or build a version with `text_language` under [index]."
                    .into(),
            ),
            Self::NoFilterColumn(_) => Some(
                "Name `source`, `uri`, `doc_id` or a field of your metadata, or leave it out."
                    .into(),
            ),
            Self::ResidentRecall { .. } => {
                Some("`--search index` searches the version's own index instead.".into())
            }
            _ if self.kind() == Kind::Filesystem => {
                Some("Free some space, then run the same command again.".into())
            }
            _ => None,
        }
    }
}

/// Looks for a full disk among an error's causes: Lance wraps the system's error several times.
fn is_storage_full(error: &dyn std::error::Error) -> bool {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return crate::durable::io_kind(io) == Kind::Filesystem;
        }
        next = cause.source();
    }
    false
}

fn lance(doing: &'static str) -> impl Fn(lancedb::Error) -> Error {
    move |source| Error::Lance {
        doing,
        source: Box::new(source),
    }
}

fn arrow(doing: &'static str) -> impl Fn(arrow_schema::ArrowError) -> Error {
    move |source| Error::Arrow { doing, source }
}

/// Opens the table below a directory that LanceDB may connect to, with a session of its own: LanceDB's caches are keyed by
/// path, and a path must never be answered from another version's cache.
async fn open_table(dir: &std::path::Path) -> Result<lancedb::Table, Error> {
    let connect = lancedb::connect(&dir.to_string_lossy())
        .session(std::sync::Arc::new(lancedb::Session::default()));
    let connection = connect
        .execute()
        .await
        .map_err(lance("opening the table"))?;
    connection
        .open_table(TABLE)
        .execute()
        .await
        .map_err(lance("opening the table"))
}

/// The threads that LanceDB's futures run on. They may be let go of anywhere, also by a thread of another runtime: what still
/// runs on them is not waited for.
struct Threads {
    handle: Handle,
    own: Option<tokio::runtime::Runtime>,
}

impl Threads {
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(own) = self.own.take() {
            own.shutdown_background();
        }
    }
}

fn runtime() -> Result<Threads, Error> {
    let built = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = built.map(|own| Threads {
        handle: own.handle().clone(),
        own: Some(own),
    });
    Ok(crate::durable::Context::context(
        runtime,
        "the asynchronous runtime",
    )?)
}
