//! What a source would read, in an order that does not depend on the disk.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use ignore::WalkBuilder;

use super::{Error, Failure, Format, Input, MAX_DOCUMENT_BYTES, SourceSpec};
use crate::durable::Context as _;

/// Ignore files of this name are obeyed beside `.gitignore` and `.ignore`.
const IGNORE_FILE: &str = ".ragctlignore";

/// Where an item's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

/// One thing that a source would read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its id within the source: the path below the source's directory.
    pub id: String,
    /// Where it lies, for people and citations.
    pub uri: String,
    /// Where its bytes are.
    pub origin: Origin,
    /// Its format, where the name tells.
    pub format: Option<Format>,
    /// Size of its bytes as far as it is known before reading.
    pub bytes: u64,
}

/// What a source would read, and how much it would not.
#[derive(Debug, Default)]
pub struct Listing {
    /// What would be read, sorted by id.
    pub items: Vec<Item>,
    /// Files of no known format.
    pub unknown: Vec<PathBuf>,
    /// What could not be looked into.
    pub unreadable: Vec<Failure>,
}

impl Item {
    fn file(id: String, uri: String, path: PathBuf, format: Option<Format>) -> Self {
        let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        Self {
            id,
            uri,
            origin: Origin::File(path),
            format,
            bytes,
        }
    }

    /// Reads the item's bytes, up to the size cap.
    pub(super) fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open()?
            .take(MAX_DOCUMENT_BYTES + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_DOCUMENT_BYTES {
            return Err(io::Error::other(format!(
                "is larger than {} MiB",
                MAX_DOCUMENT_BYTES >> 20
            )));
        }
        Ok(bytes)
    }

    /// Opens the item for reading. Only regular files are opened: a pipe would block and a device never ends.
    pub(super) fn open(&self) -> io::Result<Box<dyn BufRead>> {
        let Origin::File(path) = &self.origin else {
            return Ok(Box::new(BufReader::new(io::stdin())));
        };
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::other("is not a regular file"));
        }
        Ok(Box::new(BufReader::new(File::open(path)?)))
    }
}

/// Lists what a source would read.
pub fn list(source: &SourceSpec) -> Result<Listing, Error> {
    match source.input() {
        Input::Stdin => {
            let format = source.maps_fields().then_some(Format::Record);
            Ok(Listing {
                items: vec![Item {
                    id: "-".into(),
                    uri: "-".into(),
                    origin: Origin::Stdin,
                    format,
                    bytes: 0,
                }],
                ..Listing::default()
            })
        }
        Input::List(files) => Ok(listed(source, files)),
        Input::Path(path) => match fs::metadata(&path).context(&path) {
            Err(e) if e.is_not_found() => Err(Error::NoSuchPath {
                id: source.id().to_owned(),
                path,
            }),
            Err(e) => Err(e.into()),
            Ok(metadata) if metadata.is_dir() => walk(source, &path, &source.path, &source.include),
            Ok(_) => {
                let id = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let format = Format::of_extension(&path);
                let item = Item::file(id, tidy(&source.path), path, format);
                Ok(Listing {
                    items: vec![item],
                    ..Listing::default()
                })
            }
        },
        Input::Glob { base, pattern } => {
            let listing = match base.is_dir() {
                true => {
                    let shown = source.path.strip_suffix(&pattern).unwrap_or_default();
                    walk(source, &base, shown, std::slice::from_ref(&pattern))?
                }
                false => Listing::default(),
            };
            match listing.items.is_empty() {
                true => Err(Error::NoSuchPath {
                    id: source.id().to_owned(),
                    path: base.join(pattern),
                }),
                false => Ok(listing),
            }
        }
    }
}

fn walk(
    source: &SourceSpec,
    dir: &Path,
    shown: &str,
    include: &[String],
) -> Result<Listing, Error> {
    let include = globs(source, include)?;
    let exclude = globs(source, &source.exclude)?;
    let mut listing = Listing::default();
    let walk = WalkBuilder::new(dir)
        .require_git(false)
        .git_global(false)
        .add_custom_ignore_filename(IGNORE_FILE)
        .sort_by_file_name(Ord::cmp)
        .build();
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                let at = unreadable_path(&e)
                    .map_or_else(|| shown.to_owned(), |path| path.display().to_string());
                let reason = e
                    .io_error()
                    .map_or_else(|| e.to_string(), ToString::to_string);
                listing.unreadable.push(Failure {
                    source: source.id().to_owned(),
                    id: at.clone(),
                    uri: at,
                    reason,
                });
                continue;
            }
        };
        // Links are not followed: a link out of the tree would read what nobody named.
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let Ok(relative) = entry.path().strip_prefix(dir) else {
            continue;
        };
        if exclude.is_match(relative) || (!include.is_empty() && !include.is_match(relative)) {
            continue;
        }
        let path = entry.path().to_owned();
        match Format::of_extension(&path) {
            None if include.is_empty() => listing.unknown.push(path),
            format => {
                let id = relative.to_string_lossy().into_owned();
                let uri = tidy(&format!(
                    "{}/{id}",
                    if shown.is_empty() {
                        "."
                    } else {
                        shown.trim_end_matches('/')
                    }
                ));
                listing.items.push(Item::file(id, uri, path, format));
            }
        }
    }
    listing.items.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(listing)
}

/// Takes the files of a list in its order. One that is not there is a failure of its own.
fn listed(source: &SourceSpec, files: Vec<String>) -> Listing {
    let mut listing = Listing::default();
    for file in files {
        let path = source.base.join(&file);
        match fs::metadata(&path) {
            Ok(_) => {
                let format = Format::of_extension(&path);
                listing
                    .items
                    .push(Item::file(file.clone(), tidy(&file), path, format));
            }
            Err(e) => listing.unreadable.push(Failure {
                source: source.id().to_owned(),
                id: file.clone(),
                uri: file,
                reason: e.to_string(),
            }),
        }
    }
    listing
}

/// The path that a walk could not go on from.
fn unreadable_path(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            unreadable_path(err)
        }
        _ => None,
    }
}

fn globs(source: &SourceSpec, patterns: &[String]) -> Result<GlobSet, Error> {
    let failed = |error| Error::Glob {
        id: source.id().to_owned(),
        source: error,
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(
            GlobBuilder::new(pattern)
                .literal_separator(true)
                .build()
                .map_err(failed)?,
        );
    }
    set.build().map_err(failed)
}

fn tidy(path: &str) -> String {
    let path = path.replace("//", "/");
    let path = path.strip_prefix("./").unwrap_or(&path);
    path.trim_end_matches('/').to_owned()
}
