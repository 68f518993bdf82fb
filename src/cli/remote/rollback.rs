//! `ragctl rollback --remote`

use std::io::{self, Write};

use serde::Serialize;

use super::super::context::Context;
use super::super::error::CliError;
use super::super::push::{expected, moves_safely};
use super::{KeyOptions, SignsReleases, TuningOptions};
use crate::config::Loaded;
use crate::publish::Expectation;
use crate::remote::{self, Movement, NotWhereExpected, Signer};
use crate::store::{Channel, Operation, VersionName};
use crate::ui::Answer;

/// What is asked of a rollback at a remote.
pub(in crate::cli) struct RemoteRollback<'a> {
    pub(in crate::cli) remote: &'a str,
    pub(in crate::cli) tuning: &'a TuningOptions,
    pub(in crate::cli) channel: &'a Channel,
    pub(in crate::cli) to: Option<&'a VersionName>,
    pub(in crate::cli) steps: usize,
    pub(in crate::cli) expectation: Option<&'a Expectation>,
    pub(in crate::cli) reason: Option<String>,
    pub(in crate::cli) sign: bool,
    pub(in crate::cli) unsigned: bool,
    pub(in crate::cli) key: &'a KeyOptions,
    pub(in crate::cli) regardless: bool,
    pub(in crate::cli) dry_run: bool,
}

#[derive(Serialize)]
struct RolledBack {
    dry_run: bool,
    changed: bool,
    operation: Operation,
    remote: String,
    channel: Channel,
    from: Option<VersionName>,
    version: VersionName,
    generation: Option<u64>,
}

/// Points a channel of a remote at an earlier release. Servers follow it as they follow any other.
pub(in crate::cli) fn roll_back_remote(
    context: &Context<'_>,
    loaded: &Loaded,
    asked: &RemoteRollback<'_>,
) -> Result<(), CliError> {
    let remote = asked.tuning.open(context, loaded, Some(asked.remote))?;
    let live = remote::live(&remote, asked.channel, context.ui)?;
    let to = match asked.to {
        Some(to) => to.clone(),
        None => remote::rollback_target(&remote, asked.channel, &live, asked.steps, context.ui)?,
    };
    let no_version = || remote::Error::NoVersion {
        remote: remote.address().to_owned(),
        name: to.clone(),
    };
    let received = remote.manifest(&to, context.ui)?.ok_or_else(no_version)?;
    // What was released under this name, as far as the channel remembers, is what is gone back to.
    let mut releases = live.releases.iter().rev();
    if let Some(release) = releases.find(|release| release.to == to)
        && release.manifest_sha256 != received.manifest_sha256
    {
        return Err(remote::Error::WrongBytes {
            what: format!("the manifest of {to}"),
            expected: release.manifest_sha256,
            found: received.manifest_sha256.to_string(),
        }
        .into());
    }
    let expected = match asked.expectation.and_then(expected) {
        // The target was counted from here: what was released meanwhile is not taken back unseen.
        None if asked.to.is_none() => Some(Some(live.version.clone())),
        given => given,
    };
    if let Some(expected) = &expected
        && *expected != Some(live.version.clone())
    {
        return Err(remote::Error::NotWhereExpected(Box::new(NotWhereExpected {
            remote: remote.address().to_owned(),
            channel: asked.channel.clone(),
            expected: expected.clone(),
            found: Some(live.version),
        }))
        .into());
    }
    let mut answer = RolledBack {
        dry_run: asked.dry_run,
        changed: live.version != to,
        operation: Operation::Rollback,
        remote: remote.address().to_owned(),
        channel: asked.channel.clone(),
        from: Some(live.version),
        version: to.clone(),
        generation: None,
    };
    let signs = match asked.sign || asked.key.is_given() {
        true => Some(asked.key.signs(context, loaded)?),
        false => None,
    };
    if let Some(signs) = &signs {
        let signature = remote.signature(&to, context.ui)?;
        signs.check_version(received.bytes(), &to, signature.as_deref())?;
    }
    if asked.dry_run {
        return Ok(context.ui.answer(&answer)?);
    }
    let signer = signs.as_ref().map(|signs| SignsReleases {
        signs,
        manifest: received.bytes(),
    });
    let unconditional = !moves_safely(context, &remote, asked.regardless)?;
    let moved = remote::move_channel(
        &remote,
        &Movement {
            channel: asked.channel,
            operation: Operation::Rollback,
            to: &to,
            manifest_sha256: received.manifest_sha256,
            expected,
            reason: asked.reason.clone(),
            waived: Vec::new(),
            sign: signer.as_ref().map(|signer| signer as &dyn Signer),
            unsigned: asked.unsigned,
            unconditional,
        },
        context.ui,
    )?;
    answer.changed = moved.changed;
    answer.from = moved.from;
    answer.generation = Some(moved.generation);
    Ok(context.ui.answer(&answer)?)
}

impl Answer for RolledBack {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self {
            remote,
            channel,
            version,
            ..
        } = self;
        let from = self
            .from
            .as_ref()
            .map_or("none".into(), ToString::to_string);
        match self.generation {
            _ if !self.changed => {
                writeln!(
                    out,
                    "{version} is {channel} of {remote} already; nothing was done"
                )
            }
            None => writeln!(
                out,
                "would move {channel} of {remote} from {from} back to {version}"
            ),
            Some(generation) => writeln!(
                out,
                "rolled back {remote} to {version}: {channel} was {from}, release {generation}"
            ),
        }
    }

    fn name(&self) -> Option<String> {
        Some(self.version.to_string())
    }
}
