//! The files that the AWS tools write: keys and region of a profile.

use std::env;
use std::fs;
use std::path::PathBuf;

use ini::Ini;

use super::super::error::CliError;
use crate::durable::Context as _;
use crate::remote::Keys;

/// Reads keys and region for S3 from the files that the clouds' own tools write, where the environment does not give them.
pub(super) fn profile() -> Result<(Option<Keys>, Option<String>), CliError> {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let home = variable("HOME").map(PathBuf::from);
    let asked = variable("AWS_PROFILE");
    let profile = asked.clone().unwrap_or_else(|| "default".into());
    let file = |name: &str, default: &str| {
        let default = || Some(home.as_ref()?.join(".aws").join(default));
        variable(name).map(PathBuf::from).or_else(default)
    };
    let read = |path: Option<PathBuf>| -> Result<Option<Ini>, CliError> {
        let Some(path) = path.filter(|path| path.is_file()) else {
            return Ok(None);
        };
        let text = fs::read_to_string(&path).context(&path)?;
        // What is wrong may be a secret: only the place is told.
        let wrong = |e: ini::ParseError| {
            CliError::usage(
                format!("{}: line {} cannot be read", path.display(), e.line),
                "It is a credentials file of the AWS tools, and must be as they write it.",
            )
        };
        Ok(Some(Ini::load_from_str_noescape(&text).map_err(wrong)?))
    };
    let get = |ini: &Option<Ini>, section: &str, key: &str| {
        let value = ini.as_ref()?.section(Some(section))?.get(key)?;
        Some(value.trim().to_owned())
    };
    let config = read(file("AWS_CONFIG_FILE", "config"))?;
    let section = match profile.as_str() {
        "default" => "default".to_owned(),
        other => format!("profile {other}"),
    };
    let by_environment = ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"];
    let by_environment = by_environment.iter().any(|name| variable(name).is_some());
    let keys = if by_environment {
        None
    } else {
        let credentials = read(file("AWS_SHARED_CREDENTIALS_FILE", "credentials"))?;
        let get = |key: &str| {
            let kept = get(&credentials, &profile, key);
            kept.or_else(|| get(&config, &section, key))
        };
        let secret = get("aws_secret_access_key");
        let keys = get("aws_access_key_id").zip(secret);
        keys.map(|(id, secret)| Keys {
            id,
            secret,
            token: get("aws_session_token"),
        })
    };
    if let (Some(asked), None, false) = (&asked, &keys, by_environment) {
        // The machine's own role would be another account than the one that was named.
        return Err(CliError::usage(
            format!("AWS_PROFILE: the profile `{asked}` holds no keys"),
            "Of profiles only keys are read: put those of a role or a session into the environment.",
        ));
    }
    let region = variable("AWS_REGION")
        .or_else(|| variable("AWS_DEFAULT_REGION"))
        .or_else(|| get(&config, &section, "region"));
    Ok((keys, region))
}
