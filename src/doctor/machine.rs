//! What this machine has: the configured model, the processor, the device that computes.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use super::Outcome;
use crate::durable::{Context as _, PathError};
use crate::embed::{Device, DeviceRequest};
use crate::fault::Fault;
use crate::model::{self, Pins};

/// Where the configured model should be.
#[derive(Debug, Clone)]
pub enum ModelPlace {
    /// In a local directory that is used as it lies.
    Directory(PathBuf),
    /// In the model cache.
    Cache {
        /// The directory of all fetched models.
        cache: PathBuf,
        /// The model's own directory in it.
        dir: PathBuf,
        /// What its files must be.
        pins: Pins,
    },
    /// The configuration does not say which bytes it has, or where it would lie.
    Unknown {
        /// Why.
        reason: String,
        /// What to do.
        advice: String,
    },
}

/// What is configured for this machine.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where the model should be.
    pub model: ModelPlace,
    /// What should compute.
    pub device: DeviceRequest,
}

pub(super) fn look(setup: &Setup) -> Vec<(&'static str, Outcome)> {
    vec![
        ("model", model(&setup.model)),
        ("model_cache", cache(&setup.model)),
        ("processor", processor()),
        ("device", device(setup.device)),
    ]
}

fn model(place: &ModelPlace) -> Outcome {
    match place {
        ModelPlace::Directory(dir) => match model::Model::open(dir, "configured", None) {
            Ok(_) => Outcome::ok(format!("{} holds a model", dir.display())),
            Err(e) => of_fault(
                &e,
                "Name a sentence-transformers directory with model.path.",
            ),
        },
        ModelPlace::Cache { dir, pins, .. } if !dir.is_dir() => Outcome::warning(
            format!("{} is not in the model cache", pins.model),
            "Run `ragctl model fetch` where there is a network; ingest and build fetch it as well.",
        ),
        ModelPlace::Cache { dir, pins, .. } => match pins.check(dir) {
            Ok(()) => Outcome::ok(format!("{}, every file as pinned", pins.model)),
            Err(e) => of_fault(&e, "Run `ragctl model fetch --force`."),
        },
        ModelPlace::Unknown { reason, advice } => Outcome::warning(reason, advice),
    }
}

fn of_fault(error: &impl Fault, advice: &str) -> Outcome {
    Outcome::Failed {
        kind: error.kind(),
        seen: error.to_string(),
        advice: advice.to_owned(),
    }
}

fn cache(place: &ModelPlace) -> Outcome {
    match place {
        ModelPlace::Cache { cache, .. } => match can_be_made(cache) {
            Ok(true) => Outcome::ok(cache.display().to_string()),
            Ok(false) => Outcome::warning(
                format!("{} cannot be written", cache.display()),
                "Set RAGCTL_MODEL_CACHE to a directory of this user, or fetch models as its owner.",
            ),
            Err(e) => e.into(),
        },
        ModelPlace::Directory(_) => Outcome::ok("not needed: the model is a local directory"),
        ModelPlace::Unknown { .. } => {
            Outcome::not_run("not looked at: the model is not known", "See under model.")
        }
    }
}

/// Whether this user may write a directory, or make it where it is missing.
fn can_be_made(dir: &Path) -> Result<bool, PathError> {
    use nix::unistd::{AccessFlags, access};
    let there = dir.ancestors().find(|dir| dir.exists());
    let Some(there) = there.filter(|there| !there.as_os_str().is_empty()) else {
        return Ok(false);
    };
    let is_dir = fs::metadata(there).context(there)?.is_dir();
    Ok(is_dir && access(there, AccessFlags::W_OK | AccessFlags::X_OK).is_ok())
}

fn cores() -> String {
    match thread::available_parallelism() {
        Ok(cores) if cores.get() == 1 => "1 core".into(),
        Ok(cores) => format!("{cores} cores"),
        Err(_) => "an unknown number of cores".into(),
    }
}

#[cfg(target_arch = "x86_64")]
fn processor() -> Outcome {
    use crate::simd::Level;
    let kernels = match Level::detect() {
        Some(level) => format!("{level} kernels"),
        None => {
            return Outcome::warning(
                format!("{}, without AVX2 and FMA", cores()),
                "Embedding works, but slowly; embed on a processor of 2013 or later.",
            );
        }
    };
    let hashing = match is_x86_feature_detected!("sha") {
        true => "SHA instructions",
        false => "no SHA instructions: checking bytes takes three times as long",
    };
    Outcome::ok(format!("{}, {kernels}, {hashing}", cores()))
}

#[cfg(not(target_arch = "x86_64"))]
fn processor() -> Outcome {
    Outcome::ok(format!("{}, candle's kernels", cores()))
}

/// Opens the device as an embedding would.
fn device(request: DeviceRequest) -> Outcome {
    const BUILD: &str = "Build ragctl with `--features cuda` to embed on it.";
    match Device::open(request) {
        Ok(device) if request == DeviceRequest::Auto && device.name == "cpu" => {
            let built_for_gpu = cfg!(feature = "cuda") || cfg!(feature = "metal");
            if built_for_gpu {
                Outcome::warning(
                    format!("cpu, because no GPU works: {}", device.why),
                    "Check the driver with `nvidia-smi`, or set model.device to cpu.",
                )
            } else if has_nvidia_gpu() {
                Outcome::warning("cpu, though this machine has an NVIDIA GPU", BUILD)
            } else {
                Outcome::ok("cpu; this ragctl was built for no GPU")
            }
        }
        Ok(device) => Outcome::ok(format!("{} ({})", device.name, device.why)),
        Err(e) => of_fault(&e, "Leave model.device out for the best device that works."),
    }
}

fn has_nvidia_gpu() -> bool {
    Path::new("/proc/driver/nvidia/version").exists() || Path::new("/dev/nvidia0").exists()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::fault::Kind;

    #[test]
    fn a_model_that_was_not_fetched_is_a_warning_and_a_changed_one_a_failure() {
        let cache = tempfile::tempdir().unwrap();
        let pins = Pins {
            model: "somebody/model".into(),
            revision: "main".into(),
            files: BTreeMap::from([("config.json".into(), crate::digest::Digest::of("text"))]),
            python_package: None,
        };
        let dir = cache.path().join("model");
        let place = ModelPlace::Cache {
            cache: cache.path().to_owned(),
            dir: dir.clone(),
            pins,
        };
        assert!(matches!(model(&place), Outcome::Warning { .. }));
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("config.json"), "text").unwrap();
        assert!(matches!(model(&place), Outcome::Ok(_)));
        fs::write(dir.join("config.json"), "other").unwrap();
        let Outcome::Failed { kind, .. } = model(&place) else {
            panic!("a changed file is told");
        };
        assert_eq!(kind, Kind::Integrity);
    }

    #[test]
    fn a_cache_can_be_made_below_what_can_be_written() {
        let dir = tempfile::tempdir().unwrap();
        assert!(can_be_made(&dir.path().join("a/b")).unwrap());
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(!can_be_made(&dir.path().join("file")).unwrap());
    }
}
