//! Who is asked: a server at a URL, or a command.

use std::ffi::OsString;
use std::time::Duration;

use reqwest::blocking::Client;
use url::Url;

use super::Error;
use super::answer::Reply;
use super::command::Spoken;
use super::http::{self, Http};
use super::mapping::{Mapping, VersionAt};
use super::mistake::Mistake;
use super::template::Filling;
use super::worker::Trouble;
use crate::progress::Progress;

/// Who is asked, and how.
#[derive(Debug)]
pub struct Target {
    place: Place,
    pub(super) mapping: Mapping,
}

#[derive(Debug)]
enum Place {
    Url(Url),
    Command(OsString, Vec<OsString>),
}

impl Target {
    /// A server. The mapping's path is joined to the URL.
    pub fn url(text: &str, mut mapping: Mapping) -> Result<Self, Mistake> {
        let url = http::base(text)?;
        mapping.hide(url.password().unwrap_or_default());
        for (_, value) in url.query_pairs() {
            mapping.hide(&value);
        }
        Ok(Self {
            place: Place::Url(url),
            mapping,
        })
    }

    /// A command, started once a client. It reads requests, one JSON a line, and writes answers, one JSON a line.
    pub fn command(
        program: OsString,
        args: Vec<OsString>,
        mapping: Mapping,
    ) -> Result<Self, Mistake> {
        if !mapping
            .body
            .as_ref()
            .is_some_and(super::template::json_asks)
        {
            return Err(Mistake::Contradiction(
                "a command reads the request's `body`, which never says {query}",
            ));
        }
        if matches!(mapping.version, VersionAt::Header(_)) {
            return Err(Mistake::Contradiction(
                "a command sends no headers: use `response.version`",
            ));
        }
        Ok(Self {
            place: Place::Command(program, args),
            mapping,
        })
    }

    /// Names it, without secrets.
    pub fn shown(&self) -> String {
        match &self.place {
            Place::Url(url) => http::shown(url),
            Place::Command(program, _) => program.to_string_lossy().into_owned(),
        }
    }

    /// Makes what all clients share.
    pub(super) fn ready(&self, timeout: Duration) -> Result<Ready<'_>, Error> {
        Ok(match &self.place {
            Place::Url(url) => Ready::Http(http::client(timeout)?, url),
            Place::Command(program, args) => Ready::Command(program, args),
        })
    }
}

/// What all clients share.
pub(super) enum Ready<'a> {
    Http(Client, &'a Url),
    Command(&'a OsString, &'a [OsString]),
}

impl Ready<'_> {
    /// Makes one client's way to ask.
    pub(super) fn asker(&self, mapping: &Mapping) -> Asker {
        match self {
            Self::Http(client, url) => Asker::Http(Http::new(client.clone(), url, mapping)),
            Self::Command(program, args) => Asker::Command(Spoken::new(program, args)),
        }
    }
}

/// One client's way to ask.
pub(super) enum Asker {
    Http(Http),
    Command(Spoken),
}

impl Asker {
    pub(super) fn ask(
        &mut self,
        filling: Filling<'_>,
        mapping: &Mapping,
        timeout: Duration,
        progress: &dyn Progress,
    ) -> Result<Reply, Trouble> {
        match self {
            Self::Http(http) => http.ask(filling, mapping, timeout, progress),
            Self::Command(command) => {
                let body = mapping.body.as_ref().unwrap_or_default();
                command.ask(filling, body, timeout, progress)
            }
        }
    }
}
