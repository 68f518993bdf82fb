//! Which remote, how it is spoken to, and who signs: what every command shares that has to do with one.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::super::context::{Context, duration};
use super::super::error::CliError;
use super::profile::profile;
use crate::config::Loaded;
use crate::digest::Digest;
use crate::durable::Context as _;
use crate::remote::{self, Address, Remote, Signer, Tuning};
use crate::signature::{About, SigningKey, Statement, Trust};
use crate::store::{self, Held, Store, VersionName};

/// The remote that is meant where none is named and there are several.
const ORIGIN: &str = "origin";
const SILENCE: Duration = Duration::from_secs(30);
const SIGNING_KEY: &str = "RAGCTL_SIGNING_KEY";
const SIGNING_PASSWORD: &str = "RAGCTL_SIGNING_PASSWORD";
const REQUIRE_SIGNATURE: &str = "RAGCTL_REQUIRE_SIGNATURE";

/// Which remote, where there always is one.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct RemoteOptions {
    /// The remote: a name of ragctl.toml, a URL or a directory; by default the only one, or `origin`
    #[arg(long, value_name = "REMOTE")]
    pub(in crate::cli) remote: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) tuning: TuningOptions,
}

/// How a remote is spoken to.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct TuningOptions {
    /// How long the remote may be silent before a request is tried again or given up; 30s by default
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
}

/// Whose signatures are required.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct TrustOptions {
    /// Take only what this minisign key signed, a .pub file or base64; by default what [signing] says [env: RAGCTL_REQUIRE_SIGNATURE]
    #[arg(long, value_name = "KEY")]
    require_signature: Vec<String>,
}

/// How something is signed.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct KeyOptions {
    /// The secret key's file in minisign's format [env: RAGCTL_SIGNING_KEY, the key itself; RAGCTL_SIGNING_PASSWORD]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// For how long the signature counts, such as 30d; for ever by default. Sign again before: servers start from nothing expired
    #[arg(long, value_name = "TIME", value_parser = duration)]
    expires: Option<Duration>,
}

impl RemoteOptions {
    /// Opens the remote that is meant.
    pub(in crate::cli) fn open(
        &self,
        context: &Context<'_>,
        loaded: &Loaded,
    ) -> Result<Remote, CliError> {
        self.tuning.open(context, loaded, self.remote.as_deref())
    }
}

impl TuningOptions {
    /// Opens a remote by its name or address, or the one that is meant where none is given.
    pub(in crate::cli) fn open(
        &self,
        context: &Context<'_>,
        loaded: &Loaded,
        named: Option<&str>,
    ) -> Result<Remote, CliError> {
        let address = address(context, loaded, named)?;
        if context.is_offline() && !address.is_directory() {
            return Err(CliError::usage(
                "--offline forbids what a bucket needs",
                "Leave it out, or use `ragctl export` and `ragctl import`.",
            ));
        }
        let mut tuning = Tuning {
            silence: self
                .timeout
                .unwrap_or(SILENCE)
                .max(Duration::from_millis(100)),
            ..Tuning::default()
        };
        let address = match address.is_s3() {
            true => {
                (tuning.keys, tuning.region) = profile()?;
                at_named_server(address)?
            }
            false => address,
        };
        Ok(Remote::open(&address, &tuning)?)
    }

    /// Whether it was given.
    pub(in crate::cli) fn is_given(&self) -> bool {
        self.timeout.is_some()
    }
}

/// The same at the server that the environment names, where the configuration names none: it is a part of which place it is.
fn at_named_server(address: Address) -> Result<Address, CliError> {
    let names = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];
    let mut named = names.iter().filter_map(|name| env::var(name).ok());
    match named.find(|value| !value.is_empty()) {
        Some(endpoint) if !address.has_endpoint() => Ok(address.at(Some(endpoint), None)?),
        _ => Ok(address),
    }
}

/// Finds the address of a remote: by its name in the configuration, or as it is given.
fn address(
    context: &Context<'_>,
    loaded: &Loaded,
    named: Option<&str>,
) -> Result<Address, CliError> {
    let remotes = &loaded.config.remotes;
    let names = || remotes.keys().cloned().collect::<Vec<_>>().join(", ");
    let add = "Name one with `ragctl remote add origin URL`, or give --remote a URL or directory.";
    let (name, configured) = match named {
        Some(name) => (name, remotes.get(name)),
        None => match remotes.get(ORIGIN).map(|remote| (ORIGIN, remote)) {
            Some((name, remote)) => (name, Some(remote)),
            None => match remotes.iter().next() {
                Some((name, remote)) if remotes.len() == 1 => (name.as_str(), Some(remote)),
                Some(_) => {
                    let message = format!("there are several remotes: {}", names());
                    return Err(CliError::usage(message, "Say which with --remote."));
                }
                None => return Err(CliError::usage("no remote is configured", add)),
            },
        },
    };
    if let Some(remote) = configured {
        let base = loaded.path("remote", "");
        let address = Address::parse(&remote.url, &base)?;
        return Ok(address.at(remote.endpoint.clone(), remote.region.clone())?);
    }
    if !name.contains('/') {
        let hint = match remotes.is_empty() {
            true => add.to_owned(),
            false => format!("There are: {}. A directory is given as ./{name}.", names()),
        };
        return Err(CliError::usage(
            format!("there is no remote `{name}`"),
            hint,
        ));
    }
    Ok(Address::parse(name, &context.working_dir)?)
}

impl TrustOptions {
    /// The keys that are trusted: those of the command line, else the environment's, else the configuration's.
    pub(in crate::cli) fn trust(
        &self,
        context: &Context<'_>,
        loaded: &Loaded,
    ) -> Result<Trust, CliError> {
        let mut trust = Trust::default();
        let mut add = |text: &str, path: PathBuf| -> Result<(), CliError> {
            // A key is no path, and a path no key: a .pub file's name is too short for one.
            match path.is_file() {
                true => {
                    let key = fs::read_to_string(&path).context(&path)?;
                    Ok(trust.add(&path.display().to_string(), &key)?)
                }
                false => Ok(trust.add(&format!("`{text}`"), text)?),
            }
        };
        let variable = env::var(REQUIRE_SIGNATURE).ok();
        let variable = variable.filter(|value| !value.is_empty());
        if !self.require_signature.is_empty() {
            for text in &self.require_signature {
                add(text, context.working_dir.join(text))?;
            }
        } else if let Some(text) = variable {
            add(&text, context.working_dir.join(&text))?;
        } else {
            for text in &loaded.config.signing.trusted {
                add(text, loaded.path("signing.trusted", text))?;
            }
        }
        if let Some(name) = &loaded.config.signing.name {
            trust.only_of(name)?;
        }
        Ok(trust)
    }
}

/// A key that signs, and what it says beside whose the bytes are.
pub(in crate::cli) struct Signs {
    key: SigningKey,
    store: String,
    expires: Option<Timestamp>,
}

impl Context<'_> {
    /// The password that protects the secret key, where the environment gives one.
    pub(in crate::cli) fn signing_password(&self) -> Option<String> {
        env::var(SIGNING_PASSWORD)
            .ok()
            .filter(|password| !password.is_empty())
    }
}

impl KeyOptions {
    /// Reads the key: from its file, else from the environment.
    pub(in crate::cli) fn signs(
        &self,
        context: &Context<'_>,
        loaded: &Loaded,
    ) -> Result<Signs, CliError> {
        let password = context.signing_password();
        let parse = |what: &str, text: &str| SigningKey::parse(what, text, password.as_deref());
        let key = match (&self.key, env::var(SIGNING_KEY)) {
            (Some(path), _) => {
                let path = context.working_dir.join(path);
                parse(
                    &path.display().to_string(),
                    &fs::read_to_string(&path).context(&path)?,
                )?
            }
            (None, Ok(text)) if !text.trim().is_empty() => parse(SIGNING_KEY, &text)?,
            (None, _) => {
                return Err(CliError::usage(
                    "there is no key to sign with",
                    format!(
                        "Give --key FILE or {SIGNING_KEY}; `ragctl sign --new-key FILE` makes one."
                    ),
                ));
            }
        };
        let expires = self
            .expires
            .map(|expires| {
                let at = Timestamp::now().checked_add(expires);
                at.map_err(|_| CliError::usage("--expires is too far", "Give a shorter time."))
            })
            .transpose()?;
        let store = match &loaded.config.signing.name {
            Some(name) => name.clone(),
            None => Store::open(&context.store_path(loaded))?.id().to_owned(),
        };
        Ok(Signs {
            key,
            store,
            expires,
        })
    }

    /// Whether a key or a time was given.
    pub(in crate::cli) fn is_given(&self) -> bool {
        self.key.is_some() || self.expires.is_some()
    }
}

impl Signs {
    /// Signs a held version, unless this key has, and keeps the signature. Says whether it did.
    pub(in crate::cli) fn sign_version(
        &self,
        store: &Store,
        held: &Held,
    ) -> Result<bool, CliError> {
        let manifest = store.manifest_bytes(&held.name)?;
        // What is signed is what was read and checked, not what lies there a moment later.
        if Digest::of(&manifest) != held.manifest_sha256 {
            let name = held.name.clone();
            return Err(store::Error::ManifestChanged { name }.into());
        }
        let about = About::Version(held.name.clone());
        let signed = store.signature(&held.name)?;
        if signed.is_some_and(|signature| self.holds(&manifest, &about, &signature)) {
            return Ok(false);
        }
        store.keep_signature(&held.name, &self.sign(&manifest, &about)?)?;
        Ok(true)
    }

    /// Fails unless this key signed a version, so that nothing is released in its name that is not.
    pub(in crate::cli) fn check_version(
        &self,
        manifest: &[u8],
        version: &VersionName,
        signature: Option<&str>,
    ) -> Result<(), CliError> {
        let trust = self.key.trust()?;
        match trust.check(manifest, signature, &About::Version(version.clone())) {
            Err(crate::signature::Error::Expired { .. }) | Ok(_) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Signs a manifest's bytes.
    pub(in crate::cli) fn sign(
        &self,
        manifest: &[u8],
        about: &About,
    ) -> Result<String, crate::signature::Error> {
        let statement = Statement {
            store: self.store.clone(),
            about: about.clone(),
            at: Timestamp::now(),
            expires: self.expires,
        };
        self.key.sign(manifest, &statement)
    }

    /// Whether a signature is this key's, under this name, and still counts. One that shall expire is made anew each time.
    pub(in crate::cli) fn holds(&self, manifest: &[u8], about: &About, signature: &str) -> bool {
        let checked = self.key.trust().and_then(|mut trust| {
            trust.only_of(&self.store)?;
            trust.check(manifest, Some(signature), about)
        });
        checked.is_ok() && self.expires.is_none()
    }
}

/// What signs the releases of one version.
pub(in crate::cli) struct SignsReleases<'a> {
    pub(in crate::cli) signs: &'a Signs,
    pub(in crate::cli) manifest: &'a [u8],
}

impl Signer for SignsReleases<'_> {
    fn sign(&self, release: &About) -> Result<String, remote::Error> {
        Ok(self.signs.sign(self.manifest, release)?)
    }

    fn name(&self) -> &str {
        &self.signs.store
    }

    fn holds(&self, release: &About, signature: &str) -> bool {
        self.signs.holds(self.manifest, release, signature)
    }
}
