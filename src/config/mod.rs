//! `ragctl.toml` and its layers: flag over environment over file over default.

mod keys;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

pub use keys::{
    ChunkConfig, Config, GateConfig, GoldenConfig, IndexConfig, IngestConfig, ModelConfig,
    PublishConfig, RemoteConfig, SigningConfig,
};

use crate::corpus;
use crate::durable::{Context as _, PathError};
use crate::fault::{Fault, Kind};

/// The file's name. It is looked for from the working directory upward.
pub const FILE: &str = "ragctl.toml";
/// The file that `init` writes.
pub const TEMPLATE: &str = include_str!("template.toml");

/// What a setting is, where it is given as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Text,
    Number,
    Decimal,
    Boolean,
}

/// The settings that a flag or a variable may give. The variable's name is the key in capitals: `chunk.max_tokens` is
/// `RAGCTL_CHUNK_MAX_TOKENS`.
const LAYERED: [(&str, Is); 30] = [
    ("store", Is::Text),
    ("threads", Is::Number),
    ("model.name", Is::Text),
    ("model.revision", Is::Text),
    ("model.path", Is::Text),
    ("model.from", Is::Text),
    ("model.device", Is::Text),
    ("model.precision", Is::Text),
    ("ingest.mode", Is::Text),
    ("chunk.strategy", Is::Text),
    ("chunk.max_tokens", Is::Number),
    ("chunk.overlap", Is::Number),
    ("chunk.min_tokens", Is::Number),
    ("chunk.heading_prefix", Is::Boolean),
    ("index.vector", Is::Text),
    ("index.exact_below", Is::Number),
    ("index.min_ann_recall", Is::Decimal),
    ("index.text_language", Is::Text),
    ("golden.file", Is::Text),
    ("golden.mode", Is::Text),
    ("gate.max_failed", Is::Text),
    ("gate.max_shrink", Is::Text),
    ("gate.min_ann_recall", Is::Decimal),
    ("gate.min_recall_at_5", Is::Decimal),
    ("gate.min_mrr", Is::Decimal),
    ("gate.min_ndcg_at_10", Is::Decimal),
    ("gate.max_regression", Is::Decimal),
    ("gate.max_query_ms", Is::Decimal),
    ("publish.require", Is::Text),
    ("signing.name", Is::Text),
];

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filesystem said no.
    #[error(transparent)]
    Io(#[from] PathError),
    /// The file that was named is not there.
    #[error("there is no configuration at {}", .0.display())]
    NoFile(PathBuf),
    /// The file is wrong; the message draws the place.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the parser says, with line and column.
        source: Box<toml::de::Error>,
    },
    /// A flag or variable is wrong.
    #[error("{origin}: {problem}")]
    Layer {
        /// Which flag or variable.
        origin: String,
        /// What is wrong.
        problem: String,
    },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Io(e) => e.kind(),
            _ => Kind::Usage,
        }
    }

    fn is_drawn(&self) -> bool {
        matches!(self, Self::File { .. })
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io(e) => e.hint(),
            Self::NoFile(_) => Some("Write one with `ragctl init`.".into()),
            Self::File { source, .. } => suggestion(source.message())
                .or(Some("`ragctl config schema` documents every key.".into())),
            Self::Layer { .. } => None,
        }
    }
}

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// The file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag.
    Flag(String),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "env {name}"),
            Self::Flag(name) => write!(f, "flag --{name}"),
        }
    }
}

/// A value that a flag gives to a key.
#[derive(Debug, Clone)]
pub struct Override {
    /// The key, such as `chunk.max_tokens`.
    pub key: &'static str,
    /// The flag's name without dashes.
    pub flag: &'static str,
    /// The value as it was typed.
    pub value: String,
}

/// The settings with their origins.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings. Sources know the directory that their paths are relative to.
    pub config: Config,
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    origins: BTreeMap<String, Origin>,
    working_dir: PathBuf,
}

/// Where the file is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// This file, which must be there.
    File(PathBuf),
    /// The first one from the working directory upward, if any.
    Upward,
    /// Nowhere: there is none yet.
    Nowhere,
}

/// Loads the settings: flags over variables over the file over defaults.
pub fn load(
    lookup: Lookup,
    working_dir: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
    flags: &[Override],
) -> Result<Loaded, Error> {
    let file = match lookup {
        Lookup::File(file) => {
            let path = working_dir.join(file);
            if !path.is_file() {
                return Err(Error::NoFile(path));
            }
            Some(path)
        }
        Lookup::Upward => working_dir
            .ancestors()
            .map(|dir| dir.join(FILE))
            .find(|path| path.is_file()),
        Lookup::Nowhere => None,
    };
    let mut table = Table::new();
    let mut origins = BTreeMap::new();
    if let Some(path) = &file {
        let text = fs::read_to_string(path).context(path)?;
        let wrong = |source| Error::File {
            path: path.clone(),
            source: Box::new(source),
        };
        // Read as the whole first: only then does a mistake have its line and column.
        toml::from_str::<Config>(&text).map_err(wrong)?;
        table = toml::from_str(&text).map_err(wrong)?;
        record(&table, "", &Origin::File(path.clone()), &mut origins);
    }
    for (key, is) in LAYERED {
        let name = format!("RAGCTL_{}", key.replace('.', "_").to_uppercase());
        if let Some(value) = variable(&name).filter(|value| !value.is_empty()) {
            set(
                &mut table,
                key,
                is,
                &value,
                &Origin::Environment(name),
                &mut origins,
            )?;
        }
    }
    for Override { key, flag, value } in flags {
        let known = LAYERED.iter().find(|(known, _)| known == key);
        let is = known.map_or(Is::Text, |(_, is)| *is);
        set(
            &mut table,
            key,
            is,
            value,
            &Origin::Flag((*flag).to_owned()),
            &mut origins,
        )?;
    }
    let wrong = |e: toml::de::Error| Error::Layer {
        origin: "settings".into(),
        problem: e.message().to_owned(),
    };
    let mut config: Config = Value::Table(table).try_into().map_err(wrong)?;
    let base = file
        .as_deref()
        .and_then(Path::parent)
        .unwrap_or(working_dir);
    for source in &mut config.sources {
        source.base = base.to_owned();
    }
    Ok(Loaded {
        config,
        file,
        origins,
        working_dir: working_dir.to_owned(),
    })
}

impl Loaded {
    /// Resolves a path setting: relative to the file where the file gives it, else to the working directory.
    pub fn path(&self, key: &str, value: &str) -> PathBuf {
        match (self.origins.get(key), &self.file) {
            (Some(Origin::File(_)) | None, Some(file)) => {
                file.parent().unwrap_or(&self.working_dir).join(value)
            }
            _ => self.working_dir.join(value),
        }
    }

    /// Lists every setting with its value and origin.
    pub fn settings(&self) -> Vec<(String, String, Origin)> {
        let mut flat = BTreeMap::new();
        // An address may hold a secret.
        let mut shown = self.config.clone();
        for source in &mut shown.sources {
            let addresses = source.urls.iter_mut();
            let addresses = addresses
                .chain(&mut source.sitemap)
                .chain(&mut source.crawl);
            addresses.for_each(|url| *url = corpus::redact(url));
        }
        for remote in shown.remotes.values_mut() {
            remote.url = corpus::redact(&remote.url);
            remote.endpoint = remote.endpoint.as_deref().map(corpus::redact);
        }
        if let Ok(Value::Table(table)) = Value::try_from(&shown) {
            flatten(&table, "", &mut flat);
        }
        for (key, _) in LAYERED {
            flat.entry(key.to_owned())
                .or_insert_with(|| "unset".to_owned());
        }
        let origin = |key: &String| {
            let above = self
                .origins
                .iter()
                .find(|(known, _)| key == *known || key.starts_with(&format!("{known}[")));
            above.map_or(Origin::Default, |(_, origin)| origin.clone())
        };
        flat.into_iter()
            .map(|(key, value)| (key.clone(), value, origin(&key)))
            .collect()
    }
}

fn set(
    table: &mut Table,
    key: &str,
    is: Is,
    value: &str,
    origin: &Origin,
    origins: &mut BTreeMap<String, Origin>,
) -> Result<(), Error> {
    let wrong = |what: &str| Error::Layer {
        origin: origin.to_string(),
        problem: format!("`{value}` is not {what}"),
    };
    let value = match is {
        Is::Text => Value::String(value.to_owned()),
        Is::Number => Value::Integer(value.parse().map_err(|_| wrong("a whole number"))?),
        Is::Decimal => Value::Float(value.parse().map_err(|_| wrong("a number"))?),
        Is::Boolean => Value::Boolean(value.parse().map_err(|_| wrong("`true` or `false`"))?),
    };
    let (section, name) = key.split_once('.').unwrap_or(("", key));
    let target = match section {
        "" => Some(table),
        section => table
            .entry(section)
            .or_insert_with(|| Value::Table(Table::new()))
            .as_table_mut(),
    };
    if let Some(target) = target {
        // A model that is named goes before a directory that a weaker layer names.
        if key == "model.name" {
            target.remove("path");
        }
        target.insert(name.to_owned(), value);
    }
    origins.insert(key.to_owned(), origin.clone());
    Ok(())
}

fn record(table: &Table, prefix: &str, origin: &Origin, origins: &mut BTreeMap<String, Origin>) {
    for (key, value) in table {
        match value {
            Value::Table(inner) => record(inner, &format!("{prefix}{key}."), origin, origins),
            _ => drop(origins.insert(format!("{prefix}{key}"), origin.clone())),
        }
    }
}

fn flatten(table: &Table, prefix: &str, flat: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        match value {
            Value::Table(inner) => flatten(inner, &format!("{prefix}{key}."), flat),
            Value::Array(items) if items.iter().any(Value::is_table) => {
                for (index, item) in items.iter().enumerate() {
                    if let Value::Table(inner) = item {
                        flatten(inner, &format!("{prefix}{key}[{index}]."), flat);
                    }
                }
            }
            value => drop(flat.insert(format!("{prefix}{key}"), value.to_string())),
        }
    }
}

/// Finds the known key closest to an unknown one in a parser's message: unknown field `pth`, expected one of `id`, `path`.
fn suggestion(message: &str) -> Option<String> {
    let mut quoted = message
        .strip_prefix("unknown field ")?
        .split('`')
        .skip(1)
        .step_by(2);
    let unknown = quoted.next()?;
    let close = quoted.max_by(|a, b| {
        strsim::jaro_winkler(unknown, a).total_cmp(&strsim::jaro_winkler(unknown, b))
    })?;
    (strsim::jaro_winkler(unknown, close) > 0.7).then(|| format!("Did you mean `{close}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_a_configuration() {
        let config: Config = toml::from_str(TEMPLATE).unwrap();
        assert_eq!(config.store, "store");
    }

    #[test]
    fn flags_go_before_variables_before_the_file_before_defaults() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join(FILE),
            "store = \"kept\"\n[chunk]\noverlap = 1\nmax_tokens = 10\n",
        )
        .unwrap();
        let below = dir.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        let variable = |name: &str| (name == "RAGCTL_CHUNK_OVERLAP").then(|| "2".to_owned());
        let flag = Override {
            key: "model.device",
            flag: "device",
            value: "cpu".into(),
        };
        let loaded = load(Lookup::Upward, &below, &variable, &[flag]).unwrap();
        let config = &loaded.config;
        assert_eq!(
            (
                config.chunk.overlap,
                config.chunk.max_tokens,
                config.model.device.as_str()
            ),
            (Some(2), Some(10), "cpu")
        );
        assert_eq!(loaded.path("store", &config.store), dir.path().join("kept"));
        let shown: Vec<String> = loaded
            .settings()
            .into_iter()
            .map(|(key, value, origin)| format!("{key} = {value} ({origin})"))
            .collect();
        assert!(
            shown.contains(&"chunk.overlap = 2 (env RAGCTL_CHUNK_OVERLAP)".to_owned()),
            "{shown:?}"
        );
        assert!(
            shown.contains(&"publish.require = \"retrieval\" (default)".to_owned()),
            "{shown:?}"
        );
    }

    #[test]
    fn an_unknown_key_names_its_line_and_the_key_that_was_meant() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join(FILE),
            "store = \"s\"\n\n[[source]]\npth = \"docs\"\n",
        )
        .unwrap();
        let error = load(Lookup::Upward, dir.path(), &|_| None, &[]).unwrap_err();
        assert!(error.to_string().contains("line 4"), "{error}");
        assert_eq!(error.hint().as_deref(), Some("Did you mean `path`?"));
    }
}
