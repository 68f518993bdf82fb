//! Which device computes. `auto` says what it chose and why; a device asked for by name is used or is an error.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use super::Error;
#[cfg(target_arch = "x86_64")]
use crate::simd::Level;

/// The device a person asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceRequest {
    /// The best one that works.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA GPU by its number.
    Cuda(usize),
    /// An Apple GPU.
    Metal,
}

/// A text that names no device.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no device: auto, cpu, cuda, cuda:N or metal")]
pub struct ParseDeviceError(String);

impl FromStr for DeviceRequest {
    type Err = ParseDeviceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseDeviceError(text.to_owned());
        Ok(match text {
            "auto" => Self::Auto,
            "cpu" => Self::Cpu,
            "cuda" => Self::Cuda(0),
            "metal" => Self::Metal,
            other => Self::Cuda(
                other
                    .strip_prefix("cuda:")
                    .and_then(|number| number.parse().ok())
                    .ok_or_else(error)?,
            ),
        })
    }
}

impl fmt::Display for DeviceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::Metal => f.write_str("metal"),
        }
    }
}

/// How exactly a processor multiplies matrices. Both ways are of one equivalence class: their vectors are interchangeable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// `exact16` for models that it was evaluated on and on processors that compute it, else `f32`.
    #[default]
    Auto,
    /// Single precision: equal to sentence-transformers but for the order of sums.
    F32,
    /// 16-bit integers scaled row by row and column by column, summed without loss in 32 bits: twice as many a multiplication,
    /// with cosines to `f32` above 0.99999 (`benches/precision.rs`).
    Exact16,
}

/// The name of [`Precision::Exact16`].
pub(super) const EXACT16: &str = "exact16";

/// The name of having none of our own kernels.
const CANDLE: &str = "candle";

/// A text that names no precision.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no precision: auto, f32 or exact16")]
pub struct ParsePrecisionError(String);

impl FromStr for Precision {
    type Err = ParsePrecisionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "auto" => Self::Auto,
            "f32" => Self::F32,
            EXACT16 => Self::Exact16,
            other => return Err(ParsePrecisionError(other.to_owned())),
        })
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::F32 => "f32",
            Self::Exact16 => EXACT16,
        })
    }
}

/// A device that works.
#[derive(Debug, Clone)]
pub struct Device {
    pub(super) device: candle_core::Device,
    /// Its name, such as `cpu` or `cuda:0`.
    pub name: String,
    /// Why this one.
    pub why: String,
    /// How exactly it computes, where it is a processor.
    pub precision: Precision,
    /// Cores that compute, where it is a processor and the kernels are our own; candle takes all that it finds.
    pub threads: NonZeroUsize,
    /// The best kernels that it may use, by name; all that it has unless given.
    pub kernels: Option<String>,
}

impl Device {
    /// Opens the device that was asked for.
    pub fn open(request: DeviceRequest) -> Result<Self, Error> {
        let unusable = |reason: String| Error::Device {
            device: request.to_string(),
            reason,
        };
        let asked = "asked for".to_owned();
        match request {
            DeviceRequest::Cpu => Ok(Self::of(candle_core::Device::Cpu, "cpu".into(), asked)),
            DeviceRequest::Cuda(number) => {
                if !candle_core::utils::cuda_is_available() {
                    return Err(unusable("this ragctl was built without CUDA".into()));
                }
                let device =
                    candle_core::Device::new_cuda(number).map_err(|e| unusable(e.to_string()))?;
                Ok(Self::of(device, request.to_string(), asked))
            }
            DeviceRequest::Metal => {
                if !candle_core::utils::metal_is_available() {
                    return Err(unusable("this ragctl was built without Metal".into()));
                }
                let device =
                    candle_core::Device::new_metal(0).map_err(|e| unusable(e.to_string()))?;
                Ok(Self::of(device, request.to_string(), asked))
            }
            DeviceRequest::Auto => {
                let mut reasons = Vec::new();
                for candidate in [DeviceRequest::Cuda(0), DeviceRequest::Metal] {
                    match Self::open(candidate) {
                        Ok(found) => {
                            return Ok(Self {
                                why: "the fastest device found".into(),
                                ..found
                            });
                        }
                        Err(Error::Device { reason, .. }) => reasons.push(reason),
                        Err(e) => return Err(e),
                    }
                }
                Ok(Self {
                    why: reasons.join("; "),
                    ..Self::open(DeviceRequest::Cpu)?
                })
            }
        }
    }

    fn of(device: candle_core::Device, name: String, why: String) -> Self {
        Self {
            device,
            name,
            why,
            precision: Precision::default(),
            // What affinity and control group leave to this process.
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            kernels: None,
        }
    }

    /// Asks for a precision.
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Asks for a number of cores, or for all that this process may use.
    pub fn with_threads(self, threads: Option<NonZeroUsize>) -> Self {
        Self {
            threads: threads.unwrap_or(self.threads),
            ..self
        }
    }

    /// Asks for kernels no better than these, such as `avx2`.
    pub fn with_kernels(self, kernels: Option<String>) -> Self {
        Self { kernels, ..self }
    }
}

/// Which kernels of our own may be used.
#[derive(Clone, Copy)]
pub(super) enum Kernels {
    #[cfg(target_arch = "x86_64")]
    UpTo(Level),
    None,
}

impl Kernels {
    #[cfg(target_arch = "x86_64")]
    pub(super) fn of(device: &Device) -> Result<Self, Error> {
        let best = Level::detect().filter(|_| device.device.is_cpu());
        let asked = match device.kernels.as_deref() {
            None => best,
            Some(CANDLE) => None,
            Some(name) => {
                let unusable = |reason: String| Error::Device {
                    device: format!("{} with kernels {name}", device.name),
                    reason,
                };
                let asked: Level = name.parse().map_err(|_| {
                    unusable(format!(
                        "the kernels are avx2, avx512, avx512-vnni and {CANDLE}"
                    ))
                })?;
                if best < Some(asked) {
                    return Err(unusable("this processor lacks the instructions".into()));
                }
                Some(asked)
            }
        };
        Ok(asked.map_or(Self::None, Self::UpTo))
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn of(device: &Device) -> Result<Self, Error> {
        match device.kernels.as_deref() {
            None | Some(CANDLE) => Ok(Self::None),
            Some(name) => Err(Error::Device {
                device: format!("{} with kernels {name}", device.name),
                reason: format!("this processor has no kernels but {CANDLE}"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_asked_for_and_missing_is_an_error_and_auto_says_why() {
        assert_eq!(
            "cuda:3".parse::<DeviceRequest>().unwrap(),
            DeviceRequest::Cuda(3)
        );
        assert!("gpu".parse::<DeviceRequest>().is_err());
        if !candle_core::utils::cuda_is_available() && !candle_core::utils::metal_is_available() {
            assert!(matches!(
                Device::open(DeviceRequest::Cuda(0)),
                Err(Error::Device { .. })
            ));
            assert!(
                Device::open(DeviceRequest::Auto)
                    .unwrap()
                    .why
                    .contains("without CUDA")
            );
        }
    }
}
