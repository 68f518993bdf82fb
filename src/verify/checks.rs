//! One function a level. Each says what it saw, and every problem with its place.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Check, Error, Level, Problem};
use crate::durable::{self, Context as _, PathError};
use crate::embed::{Embedder, probes};
use crate::index::{Stored, Table};
use crate::progress::Progress;
use crate::store::{self, Held, MANIFEST, MANIFEST_SHA256, Store};

/// Problems that one check lists; more of the same kind teach nothing.
const MOST_PROBLEMS: usize = 20;
/// Stored chunks that are embedded again.
const SAMPLE: usize = 16;
/// How far a unit vector's length may be from 1.
const LENGTH_TOLERANCE: f64 = 1e-3;

pub(super) fn problem(
    at: impl Into<String>,
    expected: impl ToString,
    found: impl ToString,
) -> Problem {
    Problem {
        at: at.into(),
        expected: expected.to_string(),
        found: found.to_string(),
    }
}

pub(super) fn check(
    name: &str,
    level: Level,
    summary: String,
    mut problems: Vec<Problem>,
) -> Check {
    if problems.len() > MOST_PROBLEMS {
        let more = problems.len() - MOST_PROBLEMS;
        problems.truncate(MOST_PROBLEMS);
        problems.push(problem("…", "no more", format!("{more} more of these")));
    }
    Check {
        name: name.into(),
        level,
        summary,
        problems,
        warnings: Vec::new(),
    }
}

/// Files are there, no others, regular, and of the size that the manifest says. The manifest itself was checked against its
/// hash when the version was held.
pub(super) fn structure(held: &Held) -> Result<Check, Error> {
    let mut found = BTreeMap::new();
    let mut problems = Vec::new();
    walk(&held.dir, "", &mut found, &mut problems)?;
    let open: Vec<String> = found
        .iter()
        .filter(|(_, file)| file.mode & 0o222 != 0)
        .map(|(path, _)| path.clone())
        .collect();
    for own in [MANIFEST, MANIFEST_SHA256] {
        found.remove(own);
    }
    for file in &held.manifest.files {
        match found.remove(&file.path) {
            None => problems.push(problem(&file.path, "a file", "nothing")),
            Some(Found { size, .. }) if size != file.size => problems.push(problem(
                &file.path,
                format!("{} bytes", file.size),
                format!("{size} bytes"),
            )),
            Some(_) => {}
        }
    }
    let unlisted = |path| problem(path, "nothing", "a file that the manifest does not list");
    problems.extend(found.into_keys().map(unlisted));
    let summary = format!("{} files", held.manifest.files.len());
    let mut check = check("files", Level::Structure, summary, problems);
    // Owners of volumes set modes as they please; what the bytes are is decided by their hashes.
    check.warnings.extend(open.first().map(|first| {
        format!(
            "{} files can be written, {first} among them; sealed files are read-only",
            open.len()
        )
    }));
    Ok(check)
}

/// A regular file below a version.
struct Found {
    size: u64,
    mode: u32,
}

/// The model that the version's readers need is in the store, and nothing that would change what it means.
pub(super) fn model_structure(store: &Store, held: &Held) -> Result<Check, Error> {
    let dir = store.model_dir(&held.manifest.fingerprint);
    let mut found = BTreeMap::new();
    let mut problems = Vec::new();
    if dir.is_dir() {
        walk(&dir, "", &mut found, &mut problems)?;
    }
    for file in held.manifest.model_files.keys() {
        if found.remove(file).is_none() {
            problems.push(problem(model_path(held, file), "a file", "nothing"));
        }
    }
    let unlisted = |file: String| {
        problem(
            model_path(held, &file),
            "nothing",
            "a file that the manifest does not list",
        )
    };
    problems.extend(found.into_keys().map(unlisted));
    Ok(check(
        "model files",
        Level::Structure,
        held.manifest.space.model.clone(),
        problems,
    ))
}

pub(super) fn model_path(held: &Held, file: &str) -> String {
    format!("models/{}/{file}", held.manifest.fingerprint.short())
}

fn walk(
    dir: &Path,
    prefix: &str,
    found: &mut BTreeMap<String, Found>,
    problems: &mut Vec<Problem>,
) -> Result<(), PathError> {
    for entry in fs::read_dir(dir).context(dir)? {
        let entry = entry.context(dir)?;
        let path = entry.path();
        let relative = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let metadata = fs::symlink_metadata(&path).context(&path)?;
        if metadata.is_dir() {
            walk(&path, &format!("{relative}/"), found, problems)?;
        } else if metadata.is_file() {
            let (size, mode) = (metadata.len(), metadata.permissions().mode());
            found.insert(relative, Found { size, mode });
        } else {
            problems.push(problem(relative, "a regular file", "something else"));
        }
    }
    Ok(())
}

/// The table opens, and its columns, rows, versions and index agree with the manifest.
pub(super) fn lance(held: &Held) -> Result<Vec<Check>, Error> {
    let mut problems = Vec::new();
    let Some(expected) = held.manifest.tables.first() else {
        return Ok(vec![check(
            "table",
            Level::Lance,
            "no table".into(),
            vec![problem(MANIFEST, "one table", "none")],
        )]);
    };
    let table = match Table::open(&held.dir) {
        Ok(table) => table,
        Err(e) => {
            return Ok(vec![check(
                "table",
                Level::Lance,
                "does not open".into(),
                vec![problem(&expected.path, "a table", e)],
            )]);
        }
    };
    let rows = table.count()?;
    if rows != expected.rows || rows != held.manifest.counts.chunks {
        problems.push(problem(
            &expected.path,
            format!("{} rows", expected.rows),
            format!("{rows} rows"),
        ));
    }
    let columns: Vec<String> = expected
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let found = table.columns();
    if found != columns {
        problems.push(problem(
            &expected.path,
            columns.join(", "),
            found.join(", "),
        ));
    }
    let versions = table.lance_versions()?;
    if versions != 1 {
        problems.push(problem(&expected.path, "1 table version", versions));
    }
    let table_check = check(
        "table",
        Level::Lance,
        format!("{rows} rows, {} columns", found.len()),
        problems,
    );

    let coverage = table.coverage()?;
    let mut problems = Vec::new();
    if coverage.len() != expected.indexes.len() {
        problems.push(problem(
            &expected.path,
            format!("{} indexes", expected.indexes.len()),
            coverage.len(),
        ));
    }
    for index in &coverage {
        if index.uncovered > 0 || index.covered != rows {
            problems.push(problem(
                &index.columns,
                format!("{rows} rows covered"),
                index.covered,
            ));
        }
    }
    let named: Vec<String> = expected.indexes.iter().map(described).collect();
    let summary = match named.is_empty() {
        true => "none: every search looks at every chunk".into(),
        false => format!("{rows} rows covered by {}", named.join(", ")),
    };
    Ok(vec![
        table_check,
        check("index", Level::Lance, summary, problems),
    ])
}

/// An index in a few words.
fn described(index: &store::Index) -> String {
    let kind = index.params.get("type").and_then(|kind| kind.as_str());
    format!("{} of {}", kind.unwrap_or(&index.kind), index.column)
}

/// Vectors are finite, of the space's dimension and of unit length; a sample of chunks and the probes, embedded again, give
/// what is stored.
pub(super) fn vectors(
    held: &Held,
    embedder: &Embedder,
    sample: Option<usize>,
    progress: &dyn Progress,
) -> Result<Vec<Check>, Error> {
    let space = &held.manifest.space;
    if embedder.space().fingerprint() != held.manifest.fingerprint {
        let found = embedder.space().fingerprint();
        let problems = vec![problem("space", held.manifest.fingerprint, found)];
        return Ok(vec![check(
            "space",
            Level::Vectors,
            "the model is of another space".into(),
            problems,
        )]);
    }
    let rows = held.manifest.counts.chunks;
    let stage = progress.stage("verify vectors", Some(rows), "chunks");
    let table = Table::open(&held.dir)?;
    let wanted = sample.unwrap_or(0).max(SAMPLE);
    let step = (rows / wanted as u64).max(1);
    let mut sample = Vec::new();
    let mut problems = Vec::new();
    let mut row = 0;
    table.each_chunk(
        |Stored {
             id,
             text,
             prefix,
             vector,
             ..
         }| {
            if row % 1024 == 0 {
                progress.checkpoint()?;
            }
            let length = vector
                .iter()
                .map(|number| f64::from(*number).powi(2))
                .sum::<f64>()
                .sqrt();
            if vector.len() != space.dimension || !length.is_finite() {
                problems.push(problem(
                    id,
                    format!("{} finite numbers", space.dimension),
                    format!("{} of length {length}", vector.len()),
                ));
            } else if space.normalize && (length - 1.0).abs() > LENGTH_TOLERANCE {
                problems.push(problem(id, "length 1", format!("{length:.6}")));
            }
            if row % step == 0 && sample.len() < wanted {
                sample.push((
                    id.to_owned(),
                    format!("{}{prefix}{text}", space.document_prefix),
                    vector.to_vec(),
                ));
            }
            row += 1;
            stage.advance(1);
            Ok::<_, Error>(())
        },
    )?;
    let sound = check(
        "vectors",
        Level::Vectors,
        format!("{row} vectors of {} numbers", space.dimension),
        problems,
    );

    let texts: Vec<&str> = sample.iter().map(|(_, text, _)| text.as_str()).collect();
    let again = embedder.embed(&texts)?;
    let stored = sample
        .iter()
        .map(|(id, _, vector)| (id.clone(), vector.as_slice()));
    let sampled = compare("sample", stored.zip(&again));

    let kept: Vec<probes::Probe> = match serde_json::from_slice(&durable::read_beneath(
        &held.dir,
        Path::new(probes::PROBES),
    )?) {
        Ok(kept) => kept,
        Err(e) => {
            return Ok(vec![
                sound,
                sampled,
                check(
                    "probes",
                    Level::Vectors,
                    "unreadable".into(),
                    vec![problem(probes::PROBES, "JSON", e)],
                ),
            ]);
        }
    };
    let texts: Vec<&str> = kept.iter().map(|probe| probe.text.as_str()).collect();
    let again = embedder.embed(&texts)?;
    let stored = kept
        .iter()
        .enumerate()
        .map(|(index, probe)| (format!("probe {}", index + 1), probe.vector.as_slice()));
    Ok(vec![sound, sampled, compare("probes", stored.zip(&again))])
}

fn compare<'a>(
    name: &str,
    pairs: impl Iterator<Item = ((String, &'a [f32]), &'a Vec<f32>)>,
) -> Check {
    let mut problems = Vec::new();
    let (mut lowest, mut count) = (1.0f64, 0);
    for ((at, stored), again) in pairs {
        let cosine = probes::cosine(stored, again);
        lowest = lowest.min(cosine);
        count += 1;
        if cosine < probes::SAME {
            problems.push(problem(
                at,
                format!("cosine at least {}", probes::SAME),
                format!("{cosine:.6}"),
            ));
        }
    }
    check(
        name,
        Level::Vectors,
        format!("{count} embedded again, lowest cosine {lowest:.6}"),
        problems,
    )
}
