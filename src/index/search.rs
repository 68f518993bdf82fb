//! Finding chunks: by vector, through the index or exactly; by words; or both, their ranks fused.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use arrow_array::RecordBatch;
use futures::TryStreamExt as _;
use lancedb::DistanceType;
use lancedb::index::IndexType;
use lancedb::index::scalar::FullTextSearchQuery;
use lancedb::query::{ExecutableQuery, QueryBase as _, Select, VectorQuery};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::hit::{Scored, hits_of};
use super::schema::{FLAGS, SOURCE, TEXT, is_own};
use super::{Error, Filter, Found, Hit, Nearest, Table, lance};

/// Candidates of each list that a fused search ranks at least. The ranks of a hit deep in one list still count, and 60 is the
/// constant of reciprocal rank fusion: Cormack, Clarke, Buettcher, SIGIR 2009.
const FUSED_POOL: usize = 60;

/// The store's own columns that a hit shows.
const SHOWN: [&str; 9] = [
    "id", "doc_id", TEXT, SOURCE, "uri", "title", "heading", "page", FLAGS,
];

/// What is asked of a table beside the question.
#[derive(Debug, Clone)]
pub struct Search {
    /// How many hits.
    pub k: usize,
    /// Whether every row is compared, whatever index there is.
    pub exact: bool,
    /// Which rows count.
    pub filter: Option<Filter>,
}

impl Search {
    /// A search of all rows through the index.
    pub fn top(k: usize) -> Self {
        Self {
            k,
            exact: false,
            filter: None,
        }
    }

    /// The same, comparing every row.
    pub fn exactly(self) -> Self {
        Self {
            exact: true,
            ..self
        }
    }
}

/// What finds chunks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The question's vector.
    #[default]
    Vector,
    /// Its words.
    Text,
    /// Both.
    Hybrid,
}

/// A text that names no mode.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no mode: vector, text or hybrid")]
pub struct ParseModeError(String);

impl FromStr for Mode {
    type Err = ParseModeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "vector" => Ok(Self::Vector),
            "text" => Ok(Self::Text),
            "hybrid" => Ok(Self::Hybrid),
            other => Err(ParseModeError(other.to_owned())),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vector => "vector",
            Self::Text => "text",
            Self::Hybrid => "hybrid",
        })
    }
}

/// A question.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    /// A vector: the nearest chunks are found.
    Vector(&'a [f32]),
    /// Words: chunks are found by BM25.
    Text(&'a str),
    /// Both: the two lists are fused by reciprocal ranks.
    Hybrid(&'a str, &'a [f32]),
}

/// How hard a search through the vector index tries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effort {
    /// Partitions that are looked through.
    pub nprobes: usize,
    /// Candidates per wanted hit that are ranked again by exact distance.
    pub refine_factor: u32,
    /// Candidates that a graph keeps while it is walked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ef: Option<usize>,
}

impl Effort {
    /// Reads it from an index's parameters in a manifest.
    pub fn of_params(params: &BTreeMap<String, Value>) -> Option<Self> {
        let number = |name: &str| params.get(name)?.as_u64();
        Some(Self {
            nprobes: usize::try_from(number("nprobes")?).ok()?,
            refine_factor: u32::try_from(number("refine_factor")?).ok()?,
            ef: number("ef").and_then(|ef| usize::try_from(ef).ok()),
        })
    }

    /// Writes it as an index's parameters.
    pub(super) fn to_params(self) -> impl Iterator<Item = (String, Value)> {
        let ef = self.ef.map(|ef| ("ef".to_owned(), json!(ef)));
        [
            ("nprobes".to_owned(), json!(self.nprobes)),
            ("refine_factor".to_owned(), json!(self.refine_factor)),
        ]
        .into_iter()
        .chain(ef)
    }
}

impl Table {
    /// Answers a text, best hit first; `embed` is called where its vector is needed.
    pub fn answer<E: From<Error>>(
        &self,
        text: &str,
        mode: Mode,
        search: &Search,
        embed: impl FnOnce(&str) -> Result<Vec<f32>, E>,
    ) -> Result<Vec<Hit>, E> {
        Ok(match mode {
            Mode::Vector => self.search(Asked::Vector(&embed(text)?), search)?,
            Mode::Text => self.search(Asked::Text(text), search)?,
            Mode::Hybrid => self.search(Asked::Hybrid(text, &embed(text)?), search)?,
        })
    }

    /// Finds chunks, best first.
    pub fn search(&self, asked: Asked<'_>, search: &Search) -> Result<Vec<Hit>, Error> {
        if let (Asked::Vector(vector), Some(resident), false) =
            (asked, &self.resident, search.exact)
        {
            let asked = Nearest {
                vector,
                k: search.k,
                filter: search.filter.as_ref(),
            };
            let found = resident.nearest(self, &[asked])?;
            return resident.hits(found.first().map_or(&[], Vec::as_slice));
        }
        let (batches, scored) = match asked {
            Asked::Vector(vector) => {
                let query = self.nearest(vector, search, search.k)?;
                let query = query.select(self.wanted(Some(Scored::Distance)));
                (self.collect(&query)?, Scored::Distance)
            }
            Asked::Text(text) => {
                self.check_text_index()?;
                let mut query = self
                    .table
                    .query()
                    .full_text_search(words(text)?)
                    .limit(search.k)
                    .select(self.wanted(Some(Scored::Text)));
                if let Some(filter) = &search.filter {
                    query = query.only_if_expr(filter.bind(&self.fields())?);
                }
                (self.collect(&query)?, Scored::Text)
            }
            Asked::Hybrid(text, vector) => {
                self.check_text_index()?;
                let query = self.nearest(vector, search, search.k.max(FUSED_POOL))?;
                let query = query
                    .full_text_search(words(text)?)
                    .select(self.wanted(None));
                (self.collect(&query)?, Scored::Fused)
            }
        };
        let mut hits = Vec::new();
        for batch in &batches {
            hits_of(batch, scored, &mut hits)?;
        }
        if scored != Scored::Distance {
            // Equal scores are common among fused ranks, and come in any order.
            hits.sort_by(|a, b| {
                b.score
                    .total_cmp(&a.score)
                    .then_with(|| a.chunk.id.cmp(&b.chunk.id))
            });
            hits.truncate(search.k);
            for (place, hit) in hits.iter_mut().enumerate() {
                hit.rank = place + 1;
            }
        }
        Ok(hits)
    }

    /// The query of the rows nearest to a vector.
    fn nearest(&self, vector: &[f32], search: &Search, limit: usize) -> Result<VectorQuery, Error> {
        let expected = self.dimension()?;
        if vector.len() != expected {
            return Err(Error::Dimension {
                expected,
                found: vector.len(),
            });
        }
        let mut query = self
            .table
            .query()
            .nearest_to(vector)
            .map_err(lance("searching"))?
            .distance_type(DistanceType::Cosine)
            .limit(limit);
        if search.exact {
            query = query.bypass_vector_index();
        } else if let Some(effort) = self.effort {
            query = query
                .nprobes(effort.nprobes)
                .map_err(lance("searching"))?
                .refine_factor(effort.refine_factor);
            if let Some(ef) = effort.ef {
                // A graph cannot give more candidates than it kept.
                query = query.ef(ef.max(limit * effort.refine_factor as usize));
            }
        }
        if let Some(filter) = &search.filter {
            query = query.only_if_expr(filter.bind(&self.fields())?);
        }
        Ok(query)
    }

    /// The columns that a hit is made of. Where lists are fused, LanceDB adds the scores itself.
    fn wanted(&self, scored: Option<Scored>) -> Select {
        let score = scored.map(|scored| scored.column().to_owned());
        Select::Columns(self.shown().into_iter().chain(score).collect())
    }

    /// The columns that a hit shows. Every column costs a read a hit: the others are left where they are.
    pub(super) fn shown(&self) -> Vec<String> {
        let mut columns = self.columns();
        columns.retain(|name| SHOWN.contains(&name.as_str()) || !is_own(name));
        columns
    }

    /// Finds the rows nearest to several questions in memory, best first; all of them at once take less than one after the
    /// other. `None` where the table is not in memory.
    pub fn nearest_resident(
        &self,
        asked: &[Nearest<'_>],
    ) -> Result<Option<Vec<Vec<Found>>>, Error> {
        let Some(resident) = &self.resident else {
            return Ok(None);
        };
        resident.nearest(self, asked).map(Some)
    }

    fn collect(&self, query: &(impl ExecutableQuery + Sync)) -> Result<Vec<RecordBatch>, Error> {
        self.runtime
            .block_on(async { query.execute().await?.try_collect().await })
            .map_err(lance("searching"))
    }

    /// Fails where words cannot be looked up.
    fn check_text_index(&self) -> Result<(), Error> {
        let has = match self.has_text_index.get() {
            Some(has) => *has,
            None => {
                let indexes = self
                    .runtime
                    .block_on(self.table.list_indices())
                    .map_err(lance("listing indexes"))?;
                let has = indexes
                    .iter()
                    .any(|index| index.index_type == IndexType::FTS);
                *self.has_text_index.get_or_init(|| has)
            }
        };
        if has { Ok(()) } else { Err(Error::NoTextIndex) }
    }
}

/// The query of chunks that hold any of a text's words.
fn words(text: &str) -> Result<FullTextSearchQuery, Error> {
    FullTextSearchQuery::new(text.to_owned())
        .with_column(TEXT.to_owned())
        .map_err(|e| Error::Words(e.to_string()))
}
