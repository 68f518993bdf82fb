//! What a report says, as plain data: gathered by one, drawn by another, and the same as JSON.

use serde::Serialize;

/// Everything that one report says of one version.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Page {
    /// The version.
    pub version: String,
    /// The version that it is compared with.
    pub against: Option<String>,
    /// Where the store lies.
    pub store: String,
    /// When the report was made.
    pub created: String,
    /// The program that made it.
    pub tool: String,
    /// What the version is: its model, space, digests, index, numerics, parent.
    pub facts: Vec<Fact>,
    /// How much is in it.
    pub counts: Counts,
    /// How much was in the other.
    pub before: Option<Counts>,
    /// What was verified.
    pub checks: Vec<Check>,
    /// What came from which source.
    pub sources: Vec<Share>,
    /// What came of which format.
    pub formats: Vec<Share>,
    /// What lies in which section.
    pub sections: Vec<Share>,
    /// How long chunks are, in tokens.
    pub lengths: Histogram,
    /// How long they were.
    pub lengths_before: Option<Histogram>,
    /// The cosine of each sampled chunk to its nearest other chunk.
    pub neighbours: Histogram,
    /// What is in it more than once.
    pub duplicates: Duplicates,
    /// What each setting of the index finds, and how fast.
    pub curve: Vec<Setting>,
    /// How long a search without the index takes, in milliseconds.
    pub exact_ms: Option<f64>,
    /// What the golden queries find.
    pub golden: Option<Golden>,
    /// The vectors in two dimensions.
    pub map: Option<Map>,
    /// What differs from the other version.
    pub diff: Option<Diff>,
    /// How long each stage of the build took.
    pub timings: Vec<Timing>,
    /// The settings that it was built with.
    pub settings: Vec<Fact>,
}

/// A name and what it stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What is told.
    pub name: String,
    /// What it is.
    pub value: String,
}

/// How much is in a version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Its documents.
    pub documents: u64,
    /// Its chunks.
    pub chunks: u64,
    /// The tokens of all chunks.
    pub tokens: u64,
    /// The size of its files.
    pub bytes: u64,
}

/// One thing that was verified.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Check {
    /// How deep it looked.
    pub level: String,
    /// Its name.
    pub name: String,
    /// Whether nothing was wrong.
    pub passed: bool,
    /// What was seen, in words.
    pub summary: String,
    /// What was wrong.
    pub problems: Vec<String>,
}

/// What belongs to one source, format or section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// The source, format or section.
    pub name: String,
    /// Its documents.
    pub documents: u64,
    /// Its chunks.
    pub chunks: u64,
    /// The tokens of its chunks.
    pub tokens: u64,
    /// Its chunks in the other version; none when there is no other, zero when it had none there.
    pub before: Option<u64>,
}

/// How many numbers lie between which edges. All bins are equally wide.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Histogram {
    /// Where each bin begins, and where the last one ends: one more than counts.
    pub edges: Vec<f64>,
    /// How many are in each bin.
    pub counts: Vec<u64>,
}

/// What is in a version more than once.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Duplicates {
    /// Chunks whose text is that of another, among all.
    pub exact: u64,
    /// Sampled chunks that another one nearly equals.
    pub near: u64,
    /// How many chunks were sampled.
    pub sampled: u64,
    /// Some of the near ones.
    pub examples: Vec<Pair>,
}

/// Two chunks that nearly equal each other.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Pair {
    /// Their cosine.
    pub score: f64,
    /// The document of one.
    pub a_uri: String,
    /// The document of the other.
    pub b_uri: String,
    /// The text of one.
    pub a_text: String,
    /// The text of the other.
    pub b_text: String,
}

/// What one setting of the index finds, and how fast.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Setting {
    /// The setting in words.
    pub label: String,
    /// The share of the true neighbours that it finds.
    pub recall: f64,
    /// Half of the searches take no longer, in milliseconds.
    pub p50_ms: f64,
    /// All but one in a hundred take no longer, in milliseconds.
    pub p99_ms: f64,
    /// Whether the version is searched with it.
    pub chosen: bool,
}

/// What the golden queries find.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Golden {
    /// Over all queries.
    pub overall: Scores,
    /// Over all queries, in the other version.
    pub before: Option<Scores>,
    /// Over the queries of each tag, now and before.
    pub tags: Vec<(String, Scores, Option<Scores>)>,
    /// The queries that find the least.
    pub worst: Vec<Worst>,
}

/// How good results are on average.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Scores {
    /// Over how many queries.
    pub queries: u64,
    /// The share of what is wanted among the first `k`.
    pub recall: f64,
    /// The mean of one over the rank of the first that is wanted.
    pub mrr: f64,
    /// The gain, discounted by rank, of what would be best.
    pub ndcg: f64,
    /// How many results count.
    pub k: u64,
}

/// A query that finds little.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Worst {
    /// The query.
    pub query: String,
    /// Its tag.
    pub tag: String,
    /// The share of what is wanted that it finds.
    pub recall: f64,
    /// What is wanted.
    pub wanted: Vec<String>,
    /// What it finds, best first.
    pub found: Vec<Found>,
}

/// One result of a query.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Found {
    /// Its place, from one.
    pub rank: u64,
    /// Its cosine to the query.
    pub score: f64,
    /// Its document.
    pub uri: String,
    /// The heading that it is under.
    pub heading: String,
    /// Its text.
    pub text: String,
    /// Whether it is wanted.
    pub relevant: bool,
}

/// The vectors of a sample in two dimensions.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Map {
    /// The share of the variance that both dimensions hold.
    pub explained: f64,
    /// The kinds of points by their number, the most frequent first.
    pub categories: Vec<String>,
    /// The points.
    pub points: Vec<Point>,
    /// The points of the other version, in the same plane.
    pub before: Option<Vec<Point>>,
    /// How many chunks were sampled.
    pub sampled: u64,
    /// Of how many.
    pub of: u64,
}

/// A chunk on the map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Point {
    /// Along the first principal component.
    pub x: f32,
    /// Along the second.
    pub y: f32,
    /// Which of the categories; one that is not listed is drawn as other.
    pub category: u16,
}

/// What differs between two versions.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Diff {
    /// The earlier version.
    pub from: String,
    /// The later version.
    pub to: String,
    /// What became of documents.
    pub documents: Changes,
    /// What became of chunks.
    pub chunks: Changes,
    /// Tokens before and after.
    pub tokens: (u64, u64),
    /// Bytes before and after.
    pub bytes: (u64, u64),
    /// Settings that differ: their name, the earlier and the later value.
    pub settings: Vec<(String, String, String)>,
    /// Whether the vectors cannot be compared.
    pub space_changed: bool,
    /// Chunks of the same text whose vectors differ.
    pub moved_vectors: u64,
    /// The mean share of results that a query no longer finds.
    pub churn: Option<f64>,
    /// Documents that differ: how, and which.
    pub changed_documents: Vec<(String, String)>,
    /// The queries whose results differ the most.
    pub churned: Vec<Churned>,
}

/// What became of some things.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// In the later version only.
    pub added: u64,
    /// In the earlier version only.
    pub removed: u64,
    /// In both, not the same.
    pub changed: u64,
    /// The same in another place.
    pub moved: u64,
    /// The same.
    pub unchanged: u64,
}

/// A query whose results differ.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Churned {
    /// The query.
    pub query: String,
    /// The share of its results that it no longer finds.
    pub churn: f64,
    /// What it no longer finds.
    pub gone: Vec<String>,
    /// What it finds now.
    pub new: Vec<String>,
}

/// How long one stage took.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Timing {
    /// The stage.
    pub stage: String,
    /// Its time.
    pub seconds: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_odd_numbers_is_still_json() {
        let page = Page {
            exact_ms: Some(f64::NAN),
            golden: Some(Golden::default()),
            map: Some(Map::default()),
            diff: Some(Diff::default()),
            ..Page::default()
        };
        let json = serde_json::to_value(&page).unwrap();
        assert!(json["exact_ms"].is_null());
        assert_eq!(json["diff"]["tokens"][1], 0);
    }
}
