//! Which indexes a table gets.

use std::fmt;
use std::str::FromStr;

use lancedb::DistanceType;
use lancedb::index::Index;
use lancedb::index::scalar::FtsIndexBuilder;
use lancedb::index::vector::{
    IvfHnswSqIndexBuilder, IvfPqIndexBuilder, IvfRqIndexBuilder, IvfSqIndexBuilder,
};

use super::Error;

/// Which indexes a table gets.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexPolicy {
    /// What finds vectors.
    pub vector: VectorIndex,
    /// With [`VectorIndex::Auto`]: below this many rows exact search is as fast, and no index is built.
    pub exact_below: u64,
    /// The recall@10 that a search through the vector index is tuned to, from 0 to 1.
    pub min_ann_recall: f64,
    /// The language whose words are stemmed and whose stop words are left out, in an index of the texts; `None` for no such
    /// index.
    pub text: Option<TextLanguage>,
    /// The columns that are indexed for filters; `None` for the source and the user's where there is a vector index.
    pub filters: Option<Vec<String>>,
}

/// What finds vectors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VectorIndex {
    /// Nothing below the size where exact search is as fast, else [`VectorIndex::IvfRq`].
    #[default]
    Auto,
    /// Nothing: every vector is compared.
    Exact,
    /// Partitions of vectors rotated and quantised to few bits.
    IvfRq,
    /// A graph over vectors of 8-bit numbers.
    IvfHnswSq,
    /// Partitions of vectors of 8-bit numbers.
    IvfSq,
    /// Partitions of product-quantised vectors.
    IvfPq,
}

/// Rows below which a product quantiser of 8 bits cannot be trained, which has as many centroids.
const LEAST_PQ_ROWS: u64 = 256;

/// A text that names no vector index.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no index: auto, exact, IVF_RQ, IVF_HNSW_SQ, IVF_SQ or IVF_PQ")]
pub struct ParseVectorIndexError(String);

impl FromStr for VectorIndex {
    type Err = ParseVectorIndexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.to_ascii_uppercase().replace('-', "_").as_str() {
            "AUTO" => Self::Auto,
            "EXACT" => Self::Exact,
            "IVF_RQ" => Self::IvfRq,
            "IVF_HNSW_SQ" => Self::IvfHnswSq,
            "IVF_SQ" => Self::IvfSq,
            "IVF_PQ" => Self::IvfPq,
            _ => return Err(ParseVectorIndexError(text.to_owned())),
        })
    }
}

impl fmt::Display for VectorIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Exact => "exact",
            Self::IvfRq => "IVF_RQ",
            Self::IvfHnswSq => "IVF_HNSW_SQ",
            Self::IvfSq => "IVF_SQ",
            Self::IvfPq => "IVF_PQ",
        })
    }
}

/// A language that the index of words knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextLanguage(String);

/// A text that names no such language.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no language of the text index, such as English, German or French; `none` makes no text index"
)]
pub struct ParseLanguageError(String);

impl FromStr for TextLanguage {
    type Err = ParseLanguageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut letters = text.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        let name: String = first.into_iter().chain(letters).collect();
        match FtsIndexBuilder::default().language(&name) {
            Ok(_) => Ok(Self(name)),
            Err(_) => Err(ParseLanguageError(text.to_owned())),
        }
    }
}

impl fmt::Display for TextLanguage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TextLanguage {
    /// The index of words. Words are found by dictionary where a script has no spaces, and at punctuation elsewhere.
    pub(super) fn index(&self) -> Result<Index, Error> {
        let builder = FtsIndexBuilder::default()
            .base_tokenizer("icu/split".to_owned())
            .language(&self.0)
            .map_err(|e| Error::Words(e.to_string()))?;
        Ok(Index::FTS(builder))
    }
}

impl IndexPolicy {
    /// What is built for a table of `rows` rows; `None` where every vector is compared.
    pub(super) fn kind(&self, rows: u64) -> Option<VectorIndex> {
        match self.vector {
            VectorIndex::Exact => None,
            VectorIndex::Auto if rows < self.exact_below => None,
            VectorIndex::Auto => Some(VectorIndex::IvfRq),
            VectorIndex::IvfPq if rows < LEAST_PQ_ROWS => None,
            named => Some(named),
        }
        .filter(|_| rows > 0)
    }

    /// Every setting as text, for the digest of a build.
    pub fn describe(&self) -> String {
        let Self {
            vector,
            exact_below,
            min_ann_recall,
            text,
            filters,
        } = self;
        let text = text.as_ref().map_or("none", |language| &language.0);
        format!("{vector} {exact_below} {min_ann_recall} {text} {filters:?}")
    }
}

impl VectorIndex {
    /// How LanceDB is told to build it; `None` for no index.
    pub(super) fn builder(self) -> Option<Index> {
        let cosine = DistanceType::Cosine;
        Some(match self {
            Self::Auto | Self::Exact => return None,
            Self::IvfRq => Index::IvfRq(IvfRqIndexBuilder::default().distance_type(cosine)),
            Self::IvfHnswSq => {
                Index::IvfHnswSq(IvfHnswSqIndexBuilder::default().distance_type(cosine))
            }
            Self::IvfSq => Index::IvfSq(IvfSqIndexBuilder::default().distance_type(cosine)),
            Self::IvfPq => Index::IvfPq(IvfPqIndexBuilder::default().distance_type(cosine)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(vector: VectorIndex) -> IndexPolicy {
        IndexPolicy {
            vector,
            exact_below: 1_000,
            min_ann_recall: 0.98,
            text: None,
            filters: None,
        }
    }

    #[test]
    fn auto_compares_everything_until_an_index_is_faster() {
        assert_eq!(policy(VectorIndex::Auto).kind(999), None);
        let found = policy(VectorIndex::Auto).kind(1_000);
        assert_eq!(found, Some(VectorIndex::IvfRq));
        assert_eq!(policy(VectorIndex::Exact).kind(1 << 30), None);
    }

    #[test]
    fn what_is_named_is_built_where_it_can_be_trained() {
        let kind = |vector, rows| policy(vector).kind(rows);
        assert_eq!(kind(VectorIndex::IvfSq, 1), Some(VectorIndex::IvfSq));
        assert_eq!(kind(VectorIndex::IvfPq, 255), None);
        assert_eq!(kind(VectorIndex::IvfPq, 256), Some(VectorIndex::IvfPq));
        assert_eq!(kind(VectorIndex::IvfHnswSq, 0), None);
    }

    #[test]
    fn names_read_as_they_are_written() {
        for name in ["auto", "exact", "IVF_RQ", "IVF_HNSW_SQ", "IVF_SQ", "IVF_PQ"] {
            assert_eq!(name.parse::<VectorIndex>().unwrap().to_string(), name);
        }
        assert_eq!(
            "ivf-hnsw-sq".parse::<VectorIndex>().unwrap(),
            VectorIndex::IvfHnswSq
        );
        assert!("ivf".parse::<VectorIndex>().is_err());
        assert_eq!(
            "german".parse::<TextLanguage>().unwrap().to_string(),
            "German"
        );
        assert!("klingon".parse::<TextLanguage>().is_err());
    }
}
