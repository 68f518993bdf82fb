//! What a source would read, in an order that does not depend on the disk.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use nix::libc;
use serde::Serialize;

use super::format::{self, Format};
use super::pattern::{Pattern, PatternError};
use super::{Error, Failure, Input, MAX_DOCUMENT_BYTES, Metadata, SourceSpec, refuse_large};
use crate::durable::Context as _;

/// Ignore files of this name are obeyed beside `.gitignore` and `.ignore`.
const IGNORE_FILE: &str = ".ragctlignore";
/// Directories that a walk goes down; deeper ones are told.
const MAX_DEPTH: usize = 128;

/// Where an item's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// A file that a walk met, which is not opened where it has become a link since.
    Walked(PathBuf),
    /// Standard input.
    Stdin,
    /// Nowhere: a server says that the last good copy is still good.
    NotModified,
    /// Nowhere: it cannot be had, for this reason.
    Failed(String),
}

/// One thing that a source would read.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its id within the source: the path below the source's directory, or its address.
    pub id: String,
    /// Where it lies, for people and citations.
    pub uri: String,
    /// Where its bytes are.
    pub origin: Origin,
    /// The file name that its format is told by, where that is not its file's own.
    pub name: Option<String>,
    /// Its format, where its name or its server tells.
    pub format: Option<Format>,
    /// The encoding that its server declared.
    pub charset: Option<String>,
    /// Metadata that its path gives.
    pub metadata: Metadata,
    /// Size of its bytes as far as it is known before reading.
    pub bytes: u64,
}

/// Something that a source would not read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LeftOut {
    /// The file.
    pub path: PathBuf,
    /// Why, as a clause.
    pub reason: &'static str,
}

/// What a source would read, and what it would not.
#[derive(Debug, Default)]
pub struct Listing {
    /// What would be read, sorted by id.
    pub items: Vec<Item>,
    /// Files of no known format.
    pub unknown: Vec<PathBuf>,
    /// Files of code and data, which are read only where a pattern asks for them.
    pub data: Vec<PathBuf>,
    /// What could not be looked into or had.
    pub unreadable: Vec<Failure>,
    /// Documents of which the source itself says that they are gone.
    pub gone: Vec<String>,
    /// Whether whatever is not listed is not there: only then may it be deleted.
    pub complete: bool,
}

impl Item {
    pub(super) fn new(id: String, uri: String, origin: Origin) -> Self {
        let (format, bytes) = match &origin {
            Origin::File(path) | Origin::Walked(path) => (
                format::extension(&path.to_string_lossy()),
                fs::metadata(path).map_or(0, |metadata| metadata.len()),
            ),
            Origin::Stdin | Origin::NotModified | Origin::Failed(_) => (None, 0),
        };
        Self {
            id,
            uri,
            origin,
            name: None,
            format,
            charset: None,
            metadata: Metadata::new(),
            bytes,
        }
    }

    /// Says why it could not be read.
    pub fn failure(&self, source: &SourceSpec, reason: String) -> Failure {
        Failure::new(source.id(), &self.id, &self.uri, reason)
    }

    /// The name that its format is told by.
    pub(super) fn name(&self) -> &str {
        let of_file = match &self.origin {
            Origin::File(path) | Origin::Walked(path) => {
                path.file_name().and_then(|name| name.to_str())
            }
            Origin::Stdin | Origin::NotModified | Origin::Failed(_) => None,
        };
        self.name.as_deref().or(of_file).unwrap_or(&self.id)
    }

    /// Opens the file of an item for reading. Only regular files are opened: a pipe would block and a device never ends.
    pub(super) fn open(&self) -> io::Result<Box<dyn BufRead>> {
        let (path, links) = match &self.origin {
            Origin::Stdin | Origin::NotModified | Origin::Failed(_) => {
                return Ok(Box::new(io::empty()));
            }
            Origin::File(path) => (path, 0),
            Origin::Walked(path) => (path, libc::O_NOFOLLOW),
        };
        let file: File = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | links)
            .open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("is not a regular file"));
        }
        if self.format != Some(Format::Record) && metadata.len() > MAX_DOCUMENT_BYTES {
            return Err(refuse_large());
        }
        Ok(Box::new(BufReader::with_capacity(1 << 16, file)))
    }
}

/// Lists what a source would read.
pub fn list(source: &SourceSpec) -> Result<Listing, Error> {
    match source.input() {
        Input::Stdin => {
            let format = source.maps_fields().then_some(Format::Record);
            let item = Item {
                format,
                ..Item::new("-".into(), "-".into(), Origin::Stdin)
            };
            Ok(Listing {
                items: vec![item],
                complete: true,
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
                let item = Item::new(id, tidy(&source.path), Origin::File(path));
                Ok(Listing {
                    items: vec![item],
                    complete: true,
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
    let include = patterns(source, include)?;
    let exclude = patterns(source, &source.exclude)?;
    let mut listing = Listing {
        complete: true,
        ..Listing::default()
    };
    for entry in walk_builder(dir, true).sort_by_file_name(Ord::cmp).build() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                let at = unreadable_path(&e)
                    .map_or_else(|| shown.to_owned(), |path| path.display().to_string());
                let reason = e
                    .io_error()
                    .map_or_else(|| e.to_string(), ToString::to_string);
                listing.complete = false;
                listing.unreadable.push(failure(source, &at, reason));
                continue;
            }
        };
        if entry.depth() == MAX_DEPTH && entry.file_type().is_some_and(|kind| kind.is_dir()) {
            let at = entry.path().to_string_lossy();
            let reason = format!("lies deeper than {MAX_DEPTH} directories");
            listing.complete = false;
            listing.unreadable.push(failure(source, &at, reason));
        }
        // Links are not followed: a link out of the tree would read what nobody named.
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let Ok(relative) = entry.path().strip_prefix(dir) else {
            continue;
        };
        let id = relative.to_string_lossy().into_owned();
        let included = include.iter().find(|pattern| pattern.is_match(&id));
        if exclude.iter().any(|pattern| pattern.is_match(&id))
            || (!include.is_empty() && included.is_none())
        {
            continue;
        }
        let path = entry.path().to_owned();
        let by_name = included.is_some_and(Pattern::names_files) || source.maps_fields();
        match format::extension(&id) {
            None if !by_name => {
                listing.unknown.push(path);
                continue;
            }
            Some(format) if !by_name && !is_prose(format, &id) => {
                listing.data.push(path);
                continue;
            }
            _ => {}
        }
        let above = if shown.is_empty() {
            "."
        } else {
            shown.trim_end_matches('/')
        };
        let uri = tidy(&format!("{above}/{id}"));
        let metadata = included
            .map(|pattern| pattern.captures(&id))
            .unwrap_or_default();
        listing.items.push(Item {
            metadata,
            ..Item::new(id, uri, Origin::Walked(path))
        });
    }
    listing.items.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(listing)
}

/// Whether a directory is likely to hold such files as documents, and not as what a program is made of or works on.
fn is_prose(format: Format, name: &str) -> bool {
    match format {
        Format::Code => false,
        Format::Record => name.contains(".jsonl") || name.contains(".ndjson"),
        _ => true,
    }
}

fn failure(source: &SourceSpec, at: &str, reason: String) -> Failure {
    Failure::new(source.id(), at, at, reason)
}

/// Takes the files of a list in its order. One that is not there is a failure of its own.
fn listed(source: &SourceSpec, files: Vec<String>) -> Listing {
    let item = |file: String| {
        let path = source.base.join(&file);
        let origin = match fs::metadata(&path) {
            Ok(_) => Origin::File(path),
            Err(e) => Origin::Failed(e.to_string()),
        };
        let uri = tidy(&file);
        Item::new(file, uri, origin)
    };
    Listing {
        items: files.into_iter().map(item).collect(),
        complete: true,
        ..Listing::default()
    }
}

/// Lists the files that a source's directory holds and that are not read, each with the reason.
pub fn left_out(source: &SourceSpec, listing: &Listing) -> Vec<LeftOut> {
    let dir = match source.input() {
        Input::Path(path) if path.is_dir() => path,
        Input::Glob { base, .. } => base,
        _ => return Vec::new(),
    };
    let read: HashSet<&Path> = listing
        .items
        .iter()
        .filter_map(|item| match &item.origin {
            Origin::Walked(path) => Some(path.as_path()),
            _ => None,
        })
        .collect();
    let unknown: HashSet<&Path> = listing.unknown.iter().map(PathBuf::as_path).collect();
    let data: HashSet<&Path> = listing.data.iter().map(PathBuf::as_path).collect();
    let patterns = [&source.include[..], &source.exclude];
    let patterns = !patterns.concat().is_empty() || matches!(source.input(), Input::Glob { .. });
    let obeyed: HashSet<PathBuf> = walker(&dir, true).map(|entry| entry.into_path()).collect();
    let mut left_out: Vec<LeftOut> = walker(&dir, false)
        .filter(|entry| !read.contains(entry.path()))
        .filter(|entry| !entry.file_type().is_some_and(|kind| kind.is_dir()))
        .map(|entry| {
            let hidden = entry.path().strip_prefix(&dir).is_ok_and(|relative| {
                relative
                    .iter()
                    .any(|part| part.as_encoded_bytes().starts_with(b"."))
            });
            let reason = match () {
                () if entry.path_is_symlink() => "is a link, and links are not followed",
                () if !entry.file_type().is_some_and(|kind| kind.is_file()) => "is no regular file",
                () if unknown.contains(entry.path()) => {
                    "has no known format; include it by a pattern to read it as text"
                }
                () if data.contains(entry.path()) => {
                    "is code or data; include it by a pattern such as `**/*.rs` to read it"
                }
                () if hidden => "is hidden",
                () if !obeyed.contains(entry.path()) => "is named by an ignore file",
                () if patterns => "is not matched by the source's patterns",
                () => "lies too deep",
            };
            LeftOut {
                path: entry.into_path(),
                reason,
            }
        })
        .collect();
    left_out.sort();
    left_out
}

fn walker(dir: &Path, obey: bool) -> impl Iterator<Item = ignore::DirEntry> {
    walk_builder(dir, obey).build().filter_map(Result::ok)
}

fn walk_builder(dir: &Path, obey: bool) -> WalkBuilder {
    let mut walk = WalkBuilder::new(dir);
    walk.standard_filters(obey)
        .require_git(false)
        .git_global(false)
        .max_depth(Some(MAX_DEPTH));
    if obey {
        walk.add_custom_ignore_filename(IGNORE_FILE);
    }
    // A repository's own store is no document.
    walk.filter_entry(|entry| entry.file_name() != ".git");
    walk
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

fn patterns(source: &SourceSpec, texts: &[String]) -> Result<Vec<Pattern>, Error> {
    let failed = |error: PatternError| Error::Pattern {
        id: source.id().to_owned(),
        source: error,
    };
    texts
        .iter()
        .map(|text| Pattern::new(text).map_err(failed))
        .collect()
}

fn tidy(path: &str) -> String {
    let path = path.replace("//", "/");
    let path = path.strip_prefix("./").unwrap_or(&path);
    path.trim_end_matches('/').to_owned()
}
