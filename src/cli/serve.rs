//! `ragctl serve`

use std::env;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::HeaderValue;
use bytesize::ByteSize;
use clap::Args;
use serde::Serialize;

use super::context::{ComputeOptions, Context, duration};
use super::error::CliError;
use super::remote::TrustOptions;
use crate::durable::Context as _;
use crate::serve::{
    Admin, Check, Config, Control, Guard, Limits, Live, Models, Options, Reload, SearchBy, bind,
    serve,
};
use crate::signature::Trust;
use crate::store::{Channel, Store};
use crate::ui::{Answer, LogFormat, log_to_stderr};

const TOKEN: &str = "RAGCTL_TOKEN";
const LISTEN: &str = "RAGCTL_LISTEN";
/// Where it listens unless it is told.
const HERE: &str = "127.0.0.1:8080";
/// The name of the only store.
const ONLY: &str = "default";

/// Serve search in the live version by HTTP and gRPC, and follow its flips
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  ragctl serve --store store\n  ragctl serve --store docs=/srv/docs --store tickets=/srv/tickets --listen 0.0.0.0:8080 --token-file token\n  curl -s localhost:8080/v1/search --json '{\"text\": \"how do I roll back?\", \"k\": 3}'\n\nA new version is checked, loaded and warmed beside the one that answers, and replaces it between two requests. SIGHUP looks at once, SIGTERM answers what was begun and ends with exit code 0. What there is to ask is described by /openapi.json, and for gRPC by reflection on the same port."
)]
pub(super) struct ServeArgs {
    /// Where to listen; 127.0.0.1:8080 by default, port 0 takes a free one [env: RAGCTL_LISTEN]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// A file that holds the token which requests must bring; needed elsewhere than on loopback [env: RAGCTL_TOKEN, the token itself]
    #[arg(long, value_name = "FILE", conflicts_with = "no_token")]
    token_file: Option<PathBuf>,
    /// Answer anybody who can reach the address
    #[arg(long)]
    no_token: bool,
    /// A name by which requests may call a server without a token, beside those of loopback
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
    /// An origin whose pages may ask from a browser, such as https://intranet.example
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    cors_origin: Vec<HeaderValue>,
    /// A socket for whoever runs the server, with POST /v1/reload: unix:PATH, or an address on loopback
    #[arg(long, value_name = "ADDR")]
    admin: Option<Admin>,
    /// The channel to follow
    #[arg(
        long,
        value_name = "CHANNEL",
        default_value_t,
        help_heading = "Following"
    )]
    channel: Channel,
    /// How often to look where no event tells; 1s, or 5s on network filesystems, by default
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Following")]
    interval: Option<Duration>,
    /// Take no filesystem events
    #[arg(long, help_heading = "Following")]
    no_events: bool,
    /// What searches by vector: memory (resident), the version's index, or memory where two versions fit (auto)
    #[arg(
        long,
        value_name = "HOW",
        default_value = "auto",
        help_heading = "Following"
    )]
    search: SearchBy,
    /// How much memory the process may take; nine tenths of what its control group or the machine has by default
    #[arg(long, value_name = "SIZE", help_heading = "Following")]
    max_memory: Option<ByteSize>,
    /// Where two versions do not fit: keep the old one (beside), or let it go before the new one loads (drain-first)
    #[arg(
        long,
        value_name = "HOW",
        default_value = "beside",
        help_heading = "Following"
    )]
    reload: Reload,
    /// What is read back of a version before it answers: bytes, or structure (names and sizes)
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "bytes",
        help_heading = "Following"
    )]
    reload_verify: Check,
    #[command(flatten, next_help_heading = "Following")]
    trust: TrustOptions,
    /// Wait a random time up to this before following a flip, so that replicas do not read one disk at once
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration, help_heading = "Following")]
    reload_spread: Duration,
    /// How long the version that was replaced last answers requests that name it
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration, help_heading = "Following")]
    keep_previous: Duration,
    /// The most hits a question may ask for
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000), help_heading = "Limits")]
    max_k: u32,
    /// The most questions or texts of one request
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=100_000), help_heading = "Limits")]
    max_queries: u32,
    /// The longest question, id or filter
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "8KiB",
        help_heading = "Limits"
    )]
    max_query: ByteSize,
    /// The longest body
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "1MiB",
        help_heading = "Limits"
    )]
    max_body: ByteSize,
    /// How long a request may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration, help_heading = "Limits")]
    max_time: Duration,
    /// The most questions and texts that wait for a thread; more are told to come again
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Limits")]
    max_waiting: u32,
    /// The most connections
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Limits")]
    max_connections: u32,
    /// How long requests in flight are answered after SIGTERM
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration, help_heading = "Limits")]
    drain_timeout: Duration,
    /// How events are written on stderr
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log: LogFormat,
    /// Log every request, and not only what fails
    #[arg(long)]
    log_requests: bool,
    #[command(flatten)]
    computing: ComputeOptions,
}

#[derive(Serialize)]
struct Listening {
    listening: SocketAddr,
    url: String,
    stores: Vec<Ready>,
}

#[derive(Serialize)]
struct Ready {
    name: String,
    version: Option<String>,
}

impl ServeArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        bound_heaps();
        let stores = self.stores(context)?;
        let loaded = context.settings_for(None, self.computing.overrides())?;
        let listen = self.address()?;
        let token = self.token(context)?;
        let hosts = &self.allow_host;
        let guard = Guard::of(listen, token.as_deref(), hosts, self.no_token)
            .map_err(|e| CliError::usage(e.to_string(), e.hint()))?;
        if self.max_queries > self.max_waiting {
            return Err(CliError::usage(
                "--max-queries is more than --max-waiting",
                "A request must fit into the queue.",
            ));
        }
        let listener = bind(listen)?;
        let hung_up = context.ui.signals().hangups().context("signals")?;
        log_to_stderr(self.log, context.global.quiet, context.global.verbose);
        let device = context.device(&loaded)?;
        let threads = device.threads.get();
        let models = Arc::new(Models::on(device));
        let options = self.options(&self.trust.trust(context, &loaded)?);
        let lives = stores
            .into_iter()
            .map(|(name, store)| Live::follow(&name, store, models.clone(), options.clone()))
            .collect::<Result<Vec<_>, _>>()
            .context("threads")?;
        let names: Vec<String> = lives.iter().map(|live| live.name().to_owned()).collect();
        let config = Config {
            listener,
            admin: self.admin.clone().map(|admin| match admin {
                Admin::Unix(path) => Admin::Unix(context.working_dir.join(path)),
                tcp => tcp,
            }),
            guard,
            origins: self.cors_origin.clone(),
            limits: self.limits(),
            threads,
            drain: self.drain_timeout,
            log_all: self.log_requests,
        };
        let watchdog = sd_notify::watchdog_enabled().is_some();
        let told = |states: &[sd_notify::NotifyState<'_>]| {
            // Nobody listens where no service manager started the process.
            sd_notify::notify(states).ok();
        };
        let control = Control {
            ends: &|| context.ui.signals().received().is_some(),
            looks: &|| hung_up.swap(false, Ordering::Relaxed),
            ready: &|address, lives| {
                told(&[sd_notify::NotifyState::Ready]);
                let stores = names.iter().zip(lives).map(|(name, live)| Ready {
                    name: name.clone(),
                    version: live.pick(None).ok().map(|served| served.name()),
                });
                let listening = Listening {
                    listening: address,
                    url: format!("http://{address}"),
                    stores: stores.collect(),
                };
                // A server goes on without somebody who reads its output.
                context.ui.answer_line(&listening).ok();
            },
            alive: &|| {
                if watchdog {
                    told(&[sd_notify::NotifyState::Watchdog]);
                }
            },
            ending: &|| told(&[sd_notify::NotifyState::Stopping]),
        };
        Ok(serve(config, lives, &control)?)
    }

    /// The stores by name, the first of which is asked where none is named.
    fn stores(&self, context: &Context<'_>) -> Result<Vec<(String, Store)>, CliError> {
        let given = &context.global.store;
        if given.is_empty() {
            return Ok(vec![(ONLY.into(), context.only_store()?)]);
        }
        let mut stores: Vec<(String, Store)> = Vec::new();
        for word in given {
            let text = word.to_string_lossy();
            let (name, dir) = match text.split_once('=') {
                Some((name, dir)) if is_name(name) => (name, PathBuf::from(dir)),
                _ if given.len() == 1 => (ONLY, word.clone()),
                _ => {
                    return Err(CliError::usage(
                        format!("--store {text} has no name"),
                        "Several stores are given as --store NAME=DIR.",
                    ));
                }
            };
            if stores.iter().any(|(known, _)| known == name) {
                let message = format!("two stores are called {name}");
                return Err(CliError::usage(message, "Give each another name."));
            }
            let loaded = context.settings_for(Some(&dir), Vec::new())?;
            stores.push((name.to_owned(), context.store(&loaded)?));
        }
        Ok(stores)
    }

    fn address(&self) -> Result<SocketAddr, CliError> {
        if let Some(address) = self.listen {
            return Ok(address);
        }
        let text = variable(LISTEN)?.unwrap_or_else(|| HERE.into());
        text.parse().map_err(|_| {
            CliError::usage(
                format!("{LISTEN}: `{text}` is no address"),
                "Such as 0.0.0.0:8080.",
            )
        })
    }

    fn token(&self, context: &Context<'_>) -> Result<Option<String>, CliError> {
        if self.no_token {
            return Ok(None);
        }
        let text = match &self.token_file {
            Some(file) => {
                let path = context.working_dir.join(file);
                let read = fs::read_to_string(&path).context(&path);
                Some(read.map_err(|e| {
                    CliError::usage(e.to_string(), "Name a file that holds a token.")
                })?)
            }
            None => variable(TOKEN)?,
        };
        Ok(text
            .map(|text| text.trim().to_owned())
            .filter(|text| self.token_file.is_some() || !text.is_empty()))
    }

    fn options(&self, trust: &Trust) -> Options {
        Options {
            trust: trust.clone(),
            channel: self.channel.clone(),
            interval: self.interval,
            events: !self.no_events,
            search: self.search,
            max_memory: self.max_memory.map(|size| size.as_u64()),
            reload: self.reload,
            verify: self.reload_verify,
            spread: self.reload_spread,
            keep_previous: self.keep_previous,
            drain: self.drain_timeout,
        }
    }

    fn limits(&self) -> Limits {
        let bytes = |size: ByteSize| usize::try_from(size.as_u64()).unwrap_or(usize::MAX);
        Limits {
            k: self.max_k as usize,
            queries: self.max_queries as usize,
            text: bytes(self.max_query),
            body: bytes(self.max_body),
            time: self.max_time,
            waiting: self.max_waiting as usize,
            connections: self.max_connections as usize,
            ..Limits::default()
        }
    }
}

/// Has the C library keep as many heaps as there are cores, and not eight times as many: each keeps what loading a version
/// freed, and a server that reloads would grow by all of them. It reads that from the environment when a program begins, so
/// this process begins again, under the same id. Where that fails, it goes on as it is.
fn bound_heaps() {
    const HEAPS: &str = "MALLOC_ARENA_MAX";
    if !cfg!(all(target_os = "linux", target_env = "gnu")) || env::var_os(HEAPS).is_some() {
        return;
    }
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let mut words = env::args_os();
    if let (Some(name), Ok(own)) = (words.next(), env::current_exe()) {
        let mut again = Command::new(own);
        again
            .arg0(name)
            .args(words)
            .env(HEAPS, cores.max(2).to_string());
        // Returns only where it failed.
        drop(again.exec());
    }
}

/// A variable of the environment. One that cannot be read is not one that is not there.
fn variable(name: &str) -> Result<Option<String>, CliError> {
    match env::var(name) {
        Ok(text) => Ok(Some(text)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(CliError::usage(
            format!("{name} is no text"),
            "Set it anew, or leave it out.",
        )),
    }
}

/// Reads an origin, which is one and not all.
fn origin(text: &str) -> Result<HeaderValue, String> {
    let is_origin = url::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text
    });
    let value = HeaderValue::try_from(text).ok().filter(|_| is_origin);
    value.ok_or_else(|| "not an origin such as https://intranet.example".into())
}

/// Whether a word can be a store's name in a path.
fn is_name(word: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !word.is_empty() && word.bytes().all(allowed)
}

impl Answer for Listening {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        for store in &self.stores {
            let version = store.version.as_deref().unwrap_or("nothing yet");
            writeln!(out, "{}: {version}", store.name)?;
        }
        writeln!(out, "listening on {}", self.url)
    }

    fn name(&self) -> Option<String> {
        Some(self.url.clone())
    }
}
