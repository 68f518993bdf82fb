//! The server: its sockets, its threads, its beginning and its end.

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt as _;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::HeaderValue;
use nix::sys::stat::{Mode, umask};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Notify;
use tracing::{info, warn};

use super::ask::{App, Limits};
use super::connect::Connections;
use super::guard::Guard;
use super::http::{self, Door};
use super::live::Live;
use super::metrics::Metrics;
use super::pool::Pool;
use crate::fault::{Fault, Kind};

/// How often the server looks whether it should end.
const TICK: Duration = Duration::from_millis(20);

/// How to serve.
#[derive(Debug)]
pub struct Config {
    /// Where it listens.
    pub listener: std::net::TcpListener,
    /// Where to listen for whoever runs the server.
    pub admin: Option<Admin>,
    /// Who may ask.
    pub guard: Guard,
    /// Pages of these origins may ask from a browser.
    pub origins: Vec<HeaderValue>,
    /// What a request may ask for.
    pub limits: Limits,
    /// Threads that compute, and as many that move bytes.
    pub threads: usize,
    /// How long requests in flight are waited for at the end.
    pub drain: Duration,
    /// Whether every request is logged.
    pub log_all: bool,
}

/// A socket for whoever runs the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admin {
    /// On loopback.
    Tcp(SocketAddr),
    /// A socket that only the process's user may open.
    Unix(PathBuf),
}

/// A text that names no admin socket.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no admin socket: unix:PATH, or an address on loopback")]
pub struct ParseAdminError(String);

impl FromStr for Admin {
    type Err = ParseAdminError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseAdminError(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Self::Unix(path.into()));
        }
        let address: SocketAddr = text.parse().map_err(|_| wrong())?;
        match address.ip().is_loopback() {
            true => Ok(Self::Tcp(address)),
            false => Err(wrong()),
        }
    }
}

impl fmt::Display for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A server that does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be had.
    #[error("{address}: {source}")]
    Listen {
        /// Where.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// Threads cannot be had.
    #[error("threads: {0}")]
    Threads(#[from] io::Error),
    /// The description of gRPC is wrong.
    #[error("gRPC: {0}")]
    Grpc(#[from] tonic_reflection::server::Error),
}

impl Fault for ServeError {
    fn kind(&self) -> Kind {
        match self {
            Self::Listen { .. } => Kind::Usage,
            Self::Threads(_) | Self::Grpc(_) => Kind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                Some("Another process listens there; port 0 takes a free one.".into())
            }
            _ => None,
        }
    }
}

/// How the process talks to its server.
pub struct Control<'a> {
    /// Whether the server should end.
    pub ends: &'a dyn Fn() -> bool,
    /// Whether the channels should be looked at now; asked again and again, and true once a request.
    pub looks: &'a dyn Fn() -> bool,
    /// Told once, when it listens and the first versions are loaded or failed to.
    pub ready: &'a dyn Fn(SocketAddr, &[Live]),
    /// Told again and again while the server is well.
    pub alive: &'a dyn Fn(),
    /// Told once, when it begins to end.
    pub ending: &'a dyn Fn(),
}

/// Takes an address, before anything else is begun that would be for nothing. Port 0 takes a free one.
pub fn bind(address: SocketAddr) -> Result<std::net::TcpListener, ServeError> {
    std::net::TcpListener::bind(address).map_err(failed(&address))
}

fn failed(address: &dyn fmt::Display) -> impl FnOnce(io::Error) -> ServeError + use<> {
    let address = address.to_string();
    move |source| ServeError::Listen { address, source }
}

/// Serves until it is told to end. Requests that were begun by then are answered first.
pub fn serve(config: Config, lives: Vec<Live>, control: &Control<'_>) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.threads.max(1))
        .thread_name("serve")
        .enable_all()
        .build()?;
    let app = Arc::new(App {
        lives,
        pool: Pool::start(config.threads, config.limits.waiting)?,
        limits: config.limits.clone(),
        metrics: Metrics::new(),
        draining: AtomicBool::new(false),
    });
    let served = runtime.block_on(run(config, &app, control));
    // All at once: each waits for its own requests.
    app.lives.iter().for_each(Live::stop);
    // Whatever still runs has had its time.
    runtime.shutdown_timeout(TICK);
    served
}

async fn run(config: Config, app: &Arc<App>, control: &Control<'_>) -> Result<(), ServeError> {
    config.listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(config.listener)?;
    let address = listener.local_addr()?;
    let door = Door {
        guard: config.guard,
        origins: config.origins,
        log_all: config.log_all,
    };
    let router = http::router(app, door, super::grpc::router(app)?);
    let connections = Connections::to(router, &config.limits);
    let stop = Notify::new();
    let admin_stop = Arc::new(Notify::new());
    if let Some(admin) = &config.admin {
        listen_for_admin(admin, app, &admin_stop)
            .await
            .map_err(failed(admin))?;
    }
    let watching = async {
        watch(app, control, address).await;
        app.draining.store(true, Ordering::Relaxed);
        (control.ending)();
        stop.notify_one();
    };
    tokio::join!(connections.take(listener, stop.notified()), watching);
    info!("ending: no more connections, requests in flight are answered");
    let left = connections.end(config.drain).await;
    if left > 0 {
        warn!(connections = left, "not ended in time");
    }
    admin_stop.notify_waiters();
    if let Some(Admin::Unix(path)) = &config.admin {
        fs::remove_file(path).ok();
    }
    Ok(())
}

/// Passes on what the process is told, until it is told to end.
async fn watch(app: &App, control: &Control<'_>, address: SocketAddr) {
    let mut told = false;
    let mut beat = Instant::now();
    while !(control.ends)() {
        if (control.looks)() {
            app.lives.iter().for_each(Live::look);
        }
        if !told && app.lives.iter().all(|live| live.status().settled) {
            told = true;
            (control.ready)(address, &app.lives);
        }
        if beat.elapsed() >= Duration::from_millis(500) {
            beat = Instant::now();
            (control.alive)();
        }
        tokio::time::sleep(TICK).await;
    }
}

async fn listen_for_admin(admin: &Admin, app: &Arc<App>, stop: &Arc<Notify>) -> io::Result<()> {
    let router: Router = http::admin(app.clone(), matches!(admin, Admin::Tcp(_)));
    let stop = stop.clone();
    let ended = async move { stop.notified().await };
    match admin {
        Admin::Tcp(address) => {
            let listener = TcpListener::bind(address).await?;
            tokio::spawn(async move {
                axum::serve(listener, router)
                    .with_graceful_shutdown(ended)
                    .await
                    .ok();
            });
        }
        Admin::Unix(path) => {
            // One that a killed server left; a file of any other kind is somebody's.
            if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
                if std::os::unix::net::UnixStream::connect(path).is_ok() {
                    return Err(io::ErrorKind::AddrInUse.into());
                }
                fs::remove_file(path)?;
            }
            // Nobody else may open it, from its first moment on.
            let before = umask(Mode::S_IXUSR | Mode::S_IRWXG | Mode::S_IRWXO);
            let bound = UnixListener::bind(path);
            umask(before);
            let listener = bound?;
            tokio::spawn(async move {
                axum::serve(listener, router)
                    .with_graceful_shutdown(ended)
                    .await
                    .ok();
            });
        }
    }
    Ok(())
}
