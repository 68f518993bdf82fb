//! The indexes of a finished table: built in turn, measured, and left as one Lance version.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::Instant;

use arrow_schema::Schema;
use lancedb::index::Index;
use lancedb::index::scalar::{BTreeIndexBuilder, BitmapIndexBuilder};
use lancedb::table::{Duration, OptimizeAction};
use serde_json::{Value, json};

use super::schema::{SOURCE, TEXT, VECTOR, is_own, kind_of};
use super::tune::round;
use super::{
    Effort, Error, IndexPolicy, LANCE_DIR, Sample, Table, VectorIndex, lance, open_table, runtime,
};
use crate::chunk::ChunkRecord;
use crate::corpus;
use crate::digest::Digest;
use crate::progress::Progress;
use crate::store;

/// Distinct values of a column up to which a bitmap serves it; LanceDB advises one below about a thousand.
const BITMAP_VALUES: usize = 1_000;
/// Stored vectors that the vector index is tuned with: the standard error of a recall of 0.98 is then about 0.003.
const SAMPLE: usize = 200;

/// How many values the columns have that filters may name.
#[derive(Default)]
pub(super) struct Variety(BTreeMap<String, HashSet<Digest>>);

impl Variety {
    pub(super) fn see(&mut self, record: &ChunkRecord) {
        self.count(SOURCE, record.source.as_bytes());
        for (name, value) in &record.metadata {
            match value {
                corpus::Value::Text(text) => self.count(name, text.as_bytes()),
                other => self.count(name, format!("{other:?}").as_bytes()),
            }
        }
    }

    fn count(&mut self, name: &str, value: &[u8]) {
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), HashSet::new());
        }
        if let Some(values) = self
            .0
            .get_mut(name)
            .filter(|seen| seen.len() <= BITMAP_VALUES)
        {
            values.insert(Digest::of(value));
        }
    }

    /// Whether a column's values are so few that a bitmap of each is small.
    fn is_small(&self, name: &str) -> bool {
        self.0
            .get(name)
            .is_some_and(|values| values.len() <= BITMAP_VALUES)
    }
}

/// Builds what the policy asks for below a version's directory.
pub(super) fn build(
    version_dir: &Path,
    rows: u64,
    policy: &IndexPolicy,
    schema: &Schema,
    variety: &Variety,
    progress: &dyn Progress,
) -> Result<Vec<store::Index>, Error> {
    let kind = policy.kind(rows);
    let mut indexes = Vec::new();
    if let Some((kind, builder)) = kind.and_then(|kind| Some((kind, kind.builder()?))) {
        let seconds = create(version_dir, VECTOR, builder, progress)?;
        indexes.push(described(VECTOR, "vector", &kind.to_string(), seconds));
    }
    for column in filter_columns(policy, kind.is_some(), schema)? {
        let (name, builder) = if variety.is_small(&column) {
            ("BITMAP", Index::Bitmap(BitmapIndexBuilder::default()))
        } else {
            ("BTREE", Index::BTree(BTreeIndexBuilder::default()))
        };
        let seconds = create(version_dir, &column, builder, progress)?;
        indexes.push(described(&column, "scalar", name, seconds));
    }
    if let Some(language) = policy.text.as_ref().filter(|_| rows > 0) {
        let seconds = create(version_dir, TEXT, language.index()?, progress)?;
        let mut index = described(TEXT, "fts", "FTS", seconds);
        let name = Value::String(language.to_string());
        index.params.insert("language".into(), name);
        indexes.push(index);
    }
    if indexes.is_empty() {
        return Ok(indexes);
    }
    leave_one_version(version_dir)?;
    check_covered(version_dir, rows)?;
    let vector = indexes.iter_mut().find(|index| index.kind == "vector");
    if let Some((index, kind)) = vector.zip(kind) {
        tune(version_dir, rows, kind, policy, index, progress)?;
    }
    Ok(indexes)
}

fn described(column: &str, kind: &str, name: &str, seconds: f64) -> store::Index {
    store::Index {
        column: column.into(),
        kind: kind.into(),
        params: BTreeMap::from([
            ("type".to_owned(), json!(name)),
            ("build_seconds".to_owned(), json!(round(seconds, 1e2))),
        ]),
        recall: None,
        latency_ms: None,
        exact_ms: None,
        curve: Vec::new(),
    }
}

/// The columns that filters shall find by an index.
fn filter_columns(
    policy: &IndexPolicy,
    is_large: bool,
    schema: &Schema,
) -> Result<Vec<String>, Error> {
    let known = |name: &str| {
        let field = schema.field_with_name(name).ok();
        field.is_some_and(|field| kind_of(field.data_type()).is_some())
    };
    match &policy.filters {
        Some(named) => match named.iter().find(|name| !known(name)) {
            Some(unknown) => Err(Error::NoFilterColumn(unknown.clone())),
            None => Ok(named.clone()),
        },
        None if !is_large => Ok(Vec::new()),
        None => {
            let fields = schema.fields().iter();
            let names = fields.map(|field| field.name().clone());
            Ok(names
                .filter(|name| name == SOURCE || (!is_own(name) && known(name)))
                .collect())
        }
    }
}

/// Builds one index and returns the seconds that it took.
fn create(
    version_dir: &Path,
    column: &str,
    index: Index,
    progress: &dyn Progress,
) -> Result<f64, Error> {
    progress.checkpoint()?;
    let stage = progress.stage("build the index", None, "steps");
    stage.at(column);
    let begun = Instant::now();
    runtime()?.block_on(async {
        let table = open_table(&version_dir.join(LANCE_DIR)).await?;
        table
            .create_index(&[column], index)
            .execute()
            .await
            .map_err(lance("building an index"))
    })?;
    Ok(begun.elapsed().as_secs_f64())
}

/// Removes the table's earlier versions, and what only they named.
fn leave_one_version(version_dir: &Path) -> Result<(), Error> {
    runtime()?.block_on(async {
        let prune = OptimizeAction::Prune {
            older_than: Some(Duration::zero()),
            delete_unverified: Some(true),
            error_if_tagged_old_versions: None,
        };
        open_table(&version_dir.join(LANCE_DIR))
            .await?
            .optimize(prune)
            .await
            .map_err(lance("pruning old table versions"))
            .map(drop)
    })
}

/// A row that an index leaves out is found slowly or not at all.
fn check_covered(version_dir: &Path, rows: u64) -> Result<(), Error> {
    let coverage = Table::open(version_dir)?.coverage()?;
    let short = coverage
        .into_iter()
        .find(|index| index.covered != rows || index.uncovered != 0);
    match short {
        None => Ok(()),
        Some(index) => Err(Error::Uncovered {
            kind: index.kind,
            columns: index.columns,
            covered: index.covered,
            rows,
        }),
    }
}

/// Finds how hard a search must try, and writes it down with everything that was measured.
fn tune(
    version_dir: &Path,
    rows: u64,
    kind: VectorIndex,
    policy: &IndexPolicy,
    index: &mut store::Index,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let mut table = Table::open(version_dir)?;
    let sample = Sample::take(&table, SAMPLE, rows, progress)?;
    let few = sample.beginning(20);
    index.exact_ms = Some(round(few.measure(&table, true, progress)?.p50_ms, 1e2));
    let target = policy.min_ann_recall;
    let tuned = sample.tune(&mut table, &ladders(kind), target, progress)?;
    index.params.insert("distance".into(), json!("cosine"));
    if let Some((chosen, curve)) = tuned {
        index.params.extend(chosen.effort().to_params());
        index.recall = Some(chosen.recall);
        index.latency_ms = Some(chosen.p50_ms);
        index.curve = curve;
        if chosen.recall < target {
            progress.warn(&format!(
                "no setting of the {kind} index reaches a recall of {target}: the best finds {}. Name another with --index",
                chosen.recall
            ));
        }
    }
    Ok(())
}

/// The settings that are tried, each row from the cheapest on.
fn ladders(kind: VectorIndex) -> Vec<Vec<Effort>> {
    const PROBES: [usize; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];
    const EF: [usize; 6] = [16, 32, 64, 128, 256, 512];
    let effort = |nprobes, refine_factor, ef| Effort {
        nprobes,
        refine_factor,
        ef,
    };
    match kind {
        VectorIndex::IvfHnswSq => {
            // A partition of a graph holds a million rows: looking into all that there are costs next to nothing.
            let ladder = |refine| EF.map(|ef| effort(64, refine, Some(ef))).to_vec();
            [1, 2, 4].map(ladder).to_vec()
        }
        VectorIndex::IvfPq => {
            let ladder = |refine| PROBES.map(|probes| effort(probes, refine, None)).to_vec();
            [4, 10, 30, 100].map(ladder).to_vec()
        }
        _ => {
            let ladder = |refine| PROBES.map(|probes| effort(probes, refine, None)).to_vec();
            [1, 2, 4].map(ladder).to_vec()
        }
    }
}
