//! `ragctl sign`

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use super::remote::KeyOptions;
use crate::durable;
use crate::signature::SigningKey;
use crate::store::VersionName;
use crate::ui::Answer;

/// Sign a version, so that servers take nothing that was not signed
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl sign --new-key release.key        # once; release.key.pub goes to those who check\n  ragctl sign v1.4.0 --key release.key\n  ragctl publish v1.4.0 --require-signature release.key.pub\n\nThe signature is minisign's, over the manifest, which lists the hash of every file; store and\nversion stand in its trusted comment, so that it holds for no other. `minisign -V` checks it as\nwell. A new key is protected by RAGCTL_SIGNING_PASSWORD where that is set."
)]
pub(super) struct SignArgs {
    /// The version
    #[arg(required_unless_present = "new_key")]
    version: Option<VersionName>,
    #[command(flatten)]
    key: KeyOptions,
    /// Make a pair of keys instead: FILE, and FILE.pub
    #[arg(long, value_name = "FILE", conflicts_with_all = ["version", "key", "expires"])]
    new_key: Option<PathBuf>,
    /// Say what would be signed, and write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answered {
    Signed {
        dry_run: bool,
        changed: bool,
        version: VersionName,
        signature: PathBuf,
    },
    Made {
        dry_run: bool,
        changed: bool,
        secret_key: PathBuf,
        public_key: PathBuf,
        key: String,
        protected: bool,
    },
}

impl SignArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        if let Some(file) = &self.new_key {
            return self.make(context, &context.working_dir.join(file));
        }
        let loaded = context.settings(Vec::new())?;
        let store = context.store(&loaded)?;
        let held = store.hold(self.version.as_ref())?;
        store.check_not_withdrawn(&held.name)?;
        let signs = self.key.signs(context, &loaded)?;
        let changed = match self.dry_run {
            true => true,
            false => signs.sign_version(&store, &held)?,
        };
        Ok(context.ui.answer(&Answered::Signed {
            dry_run: self.dry_run,
            changed,
            signature: store.signature_file(&held.name),
            version: held.name.clone(),
        })?)
    }

    fn make(&self, context: &Context<'_>, file: &Path) -> Result<(), CliError> {
        let mut public = file.to_owned().into_os_string();
        public.push(".pub");
        let public = PathBuf::from(public);
        for path in [file, &public] {
            if fs::symlink_metadata(path).is_ok() {
                return Err(CliError::usage(
                    format!("{} is there already", path.display()),
                    "A key is never written over: give another name, or move it away.",
                ));
            }
        }
        let password = context.signing_password();
        let made = match self.dry_run {
            true => None,
            false => Some(SigningKey::generate(password.as_deref())?),
        };
        if let Some((secret_text, public_text)) = &made {
            for (path, text, mode) in [(file, secret_text, 0o600), (&public, public_text, 0o644)] {
                durable::write_new(path, text.as_bytes(), mode)?;
            }
        }
        let public_text = made.map(|(_, public)| public).unwrap_or_default();
        let key = public_text.lines().nth(1).unwrap_or_default().to_owned();
        Ok(context.ui.answer(&Answered::Made {
            dry_run: self.dry_run,
            changed: true,
            secret_key: file.to_owned(),
            public_key: public,
            key,
            protected: password.is_some(),
        })?)
    }
}

impl Answer for Answered {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Signed {
                changed: false,
                version,
                ..
            } => writeln!(out, "{version} is signed by this key already"),
            Self::Signed {
                dry_run, version, ..
            } => {
                let would = if *dry_run { "would have " } else { "" };
                writeln!(out, "{would}signed {version}")
            }
            Self::Made { dry_run: true, .. } => writeln!(out, "would make a pair of keys"),
            Self::Made {
                secret_key,
                public_key,
                key,
                protected,
                ..
            } => {
                let how = if *protected {
                    "protected"
                } else {
                    "NOT protected by a password"
                };
                writeln!(out, "made {}, {how}: keep it secret", secret_key.display())?;
                writeln!(out, "made {}: {key}", public_key.display())
            }
        }
    }

    fn name(&self) -> Option<String> {
        match self {
            Self::Signed { version, .. } => Some(version.to_string()),
            Self::Made { key, .. } => Some(key.clone()),
        }
    }
}
