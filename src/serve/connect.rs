//! Connections: taken one by one, told apart by their protocol, given a time to say what they want, and ended in peace.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_io_timeout::TimeoutStream;

use super::ask::Limits;

/// Between two looks at a connection whose protocol does not show yet.
const PEEK: Duration = Duration::from_millis(5);
/// Between two tries to take a connection while the process has no descriptor left.
const PAUSE: Duration = Duration::from_millis(50);
/// How often a silent connection of HTTP/2 is asked whether it is still there, and how long it may take to say so.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Requests at once of one connection of HTTP/2.
const STREAMS: u32 = 256;
/// Bytes that one connection of HTTP/1 buffers of a header.
const HEADER_BYTES: usize = 64 << 10;
/// How long a client may take no byte of its answer.
const STUCK: Duration = Duration::from_secs(30);
/// How long connections are taken, and those that are silent let be, when the server ends: a request may be under way.
const SILENCE: Duration = Duration::from_millis(500);

/// The connections of one server.
pub(super) struct Connections {
    router: Router,
    graceful: GracefulShutdown,
    open: Arc<AtomicUsize>,
    room: Arc<Semaphore>,
    header: Duration,
    ending: watch::Sender<bool>,
}

impl Connections {
    pub(super) fn to(router: Router, limits: &Limits) -> Self {
        Self {
            router,
            graceful: GracefulShutdown::new(),
            open: Arc::default(),
            room: Arc::new(Semaphore::new(limits.connections)),
            header: limits.header,
            ending: watch::Sender::new(false),
        }
    }

    /// Takes connections until `stop` ends, then those that wait to be taken.
    pub(super) async fn take(&self, listener: TcpListener, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                taken = listener.accept() => match taken {
                    Ok((stream, _)) => self.begin(stream),
                    // Out of descriptors, or a client that has gone again: neither ends the server.
                    Err(_) => sleep(PAUSE).await,
                },
            }
        }
        // Whoever routes requests here needs a moment to learn that it should not.
        let until = Instant::now() + SILENCE;
        while let Ok(taken) = timeout_at(until, listener.accept()).await {
            if let Ok((stream, _)) = taken {
                self.begin(stream);
            }
        }
        // Those that wait have connected and may have sent: closing the listener would reset them. Nothing may come between the
        // last look and the end.
        let Ok(listener) = listener.into_std() else {
            return;
        };
        while let Ok((stream, _)) = listener.accept() {
            let stream = stream.set_nonblocking(true).map(|()| stream);
            if let Ok(stream) = stream.and_then(TcpStream::from_std) {
                self.begin(stream);
            }
        }
    }

    fn begin(&self, mut stream: TcpStream) {
        stream.set_nodelay(true).ok();
        let Ok(permit) = self.room.clone().try_acquire_owned() else {
            tokio::spawn(async move {
                const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                timeout(PAUSE, stream.write_all(FULL)).await.ok();
            });
            return;
        };
        let one = One {
            router: self.router.clone(),
            watcher: self.graceful.watcher(),
            header: self.header,
            ending: self.ending.subscribe(),
            _open: Open::one_more(&self.open),
            _permit: permit,
        };
        tokio::spawn(one.serve(stream));
    }

    /// Ends connections: those in a request when it is answered, those that are silent a moment later. Says how many did not
    /// end in time.
    pub(super) async fn end(self, at_most: Duration) -> usize {
        self.ending.send_replace(true);
        // Answers say `Connection: close` by now, so that clients which ask at once end by themselves.
        let begun = Instant::now();
        while self.open.load(Ordering::Relaxed) > 0 && begun.elapsed() < SILENCE.min(at_most) {
            sleep(PEEK).await;
        }
        let left = at_most.saturating_sub(begun.elapsed());
        timeout(left, self.graceful.shutdown()).await.ok();
        self.open.load(Ordering::Relaxed)
    }
}

/// One connection.
struct One {
    router: Router,
    watcher: Watcher,
    header: Duration,
    ending: watch::Receiver<bool>,
    _open: Open,
    _permit: OwnedSemaphorePermit,
}

impl One {
    async fn serve(mut self, stream: TcpStream) {
        // Whoever says nothing has no place here for long, and none when the server ends.
        let ended = async {
            self.ending.wait_for(|ending| *ending).await.ok();
            sleep(SILENCE).await;
        };
        let is_http2 = tokio::select! {
            biased;
            told = timeout(self.header, is_http2(&stream)) => match told {
                Ok(Ok(is_http2)) => is_http2,
                _ => return,
            },
            () = ended => return,
        };
        let service = TowerToHyperService::new(self.router);
        let mut stream = TimeoutStream::new(stream);
        // Whoever asks for much and reads nothing keeps its answer in memory.
        stream.set_write_timeout(Some(STUCK));
        let io = TokioIo::new(Box::pin(stream));
        // How a connection ends is its client's business.
        if is_http2 {
            let connection = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .keep_alive_interval(KEEP_ALIVE)
                .keep_alive_timeout(KEEP_ALIVE)
                .max_concurrent_streams(STREAMS)
                .max_header_list_size(HEADER_BYTES as u32)
                .serve_connection(io, service);
            self.watcher.watch(connection).await.ok();
        } else {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.header)
                .max_buf_size(HEADER_BYTES)
                .serve_connection(io, service);
            self.watcher.watch(connection).await.ok();
        }
    }
}

/// Looks at the first bytes without taking them.
async fn is_http2(stream: &TcpStream) -> io::Result<bool> {
    const PREFACE: &[u8] = b"PRI";
    let mut first = [0; PREFACE.len()];
    loop {
        let count = stream.peek(&mut first).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if first.get(..count) != PREFACE.get(..count) {
            return Ok(false);
        }
        if count == PREFACE.len() {
            return Ok(true);
        }
        sleep(PEEK).await;
    }
}

/// One of the connections that are open.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn one_more(all: &Arc<AtomicUsize>) -> Self {
        all.fetch_add(1, Ordering::Relaxed);
        Self(all.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
