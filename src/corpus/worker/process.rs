//! The parent's end of one child process: its pipes, what moves through them, and what its end means.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::limits;
use super::protocol::{self, BODY_FRAME, Incoming, Nonsense, Reply, Request};

/// How often a waiting parent looks whether it should stop.
const TICK: Duration = Duration::from_millis(100);
/// Bytes of a child's last words that are kept.
const LAST_WORDS: usize = 4 << 10;

/// One child.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    errors: ChildStderr,
    incoming: Incoming,
    said: Vec<u8>,
    /// Where bytes pass through.
    transit: Box<[u8]>,
    /// Requests that it has answered.
    pub(super) served: u32,
    /// Whether it has said that its limits are set.
    pub(super) ready: bool,
    /// Whether it was waited for.
    ended: bool,
}

/// Why a child's answer ended before its end.
#[derive(Debug)]
pub(super) enum Broken {
    /// The bytes that it should get cannot be read.
    Body(io::Error),
    /// It took too long.
    Slow(Duration),
    /// It writes what no child of ours writes.
    Nonsense,
    /// It has ended.
    Ended,
    /// Whoever waits was asked to stop.
    Stopped,
    /// The system does not let us wait.
    Wait(io::Error),
}

impl From<Nonsense> for Broken {
    fn from(_: Nonsense) -> Self {
        Self::Nonsense
    }
}

impl Process {
    /// Starts a child. It gets nothing of this process but its pipes, and none of the terminal's signals.
    pub(super) fn start(program: &Path, environment: &[(OsString, OsString)]) -> io::Result<Self> {
        let mut child = Command::new(program)
            .arg0("ragctl")
            .arg(super::COMMAND)
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value)))
            // Each thread's own arena would reserve address space, which is limited.
            .env("MALLOC_ARENA_MAX", "1")
            // So would each thread's stack, one a core; children run beside each other instead.
            .env("RAYON_NUM_THREADS", "1")
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("it has no pipes"));
        };
        for end in [input.as_fd(), output.as_fd(), errors.as_fd()] {
            fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        Ok(Self {
            child,
            input,
            output,
            errors,
            incoming: Incoming::default(),
            said: Vec::new(),
            transit: vec![0; BODY_FRAME].into(),
            served: 0,
            ready: false,
            ended: false,
        })
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still lives and waits for a request: its pipes are open and nothing is in them. While its threads end, one
    /// after the other, they hold the pipes, but it is a zombie already. It is not waited for here: its id must stay its own
    /// until its group is ended.
    pub(super) fn is_alive(&mut self) -> bool {
        let mut ends = [
            PollFd::new(self.output.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.input.as_fd(), PollFlags::empty()),
        ];
        poll(&mut ends, 0u8).is_ok_and(|count| count == 0) && !is_zombie(self.id())
    }

    /// Ends the child and whatever it started, which is in its group.
    fn kill(&mut self) {
        if let Ok(group) = i32::try_from(self.id()) {
            killpg(Pid::from_raw(group), Signal::SIGKILL).ok();
        }
        self.child.kill().ok();
    }

    /// Waits for the next reply, while it feeds the child.
    pub(super) fn reply(
        &mut self,
        outgoing: &mut Outgoing<'_>,
        clock: &mut Clock<'_>,
    ) -> Result<Reply, Broken> {
        loop {
            if let Some(reply) = self.incoming.next()? {
                return Ok(reply);
            }
            self.exchange(outgoing, clock)?;
        }
    }

    /// Waits until the child has taken everything.
    pub(super) fn flush(
        &mut self,
        outgoing: &mut Outgoing<'_>,
        clock: &mut Clock<'_>,
    ) -> Result<(), Broken> {
        while !outgoing.is_sent() {
            self.exchange(outgoing, clock)?;
        }
        match self.incoming.next()? {
            None => Ok(()),
            Some(_) => Err(Broken::Nonsense),
        }
    }

    /// Moves what can be moved either way, or waits until something can.
    fn exchange(
        &mut self,
        outgoing: &mut Outgoing<'_>,
        clock: &mut Clock<'_>,
    ) -> Result<(), Broken> {
        outgoing.refill(&mut self.transit).map_err(Broken::Body)?;
        outgoing.send(&mut self.input);
        let mut ends = [
            PollFd::new(self.output.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.errors.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.input.as_fd(), PollFlags::POLLOUT),
        ];
        let count = if outgoing.is_sent() { 2 } else { 3 };
        clock.wait(ends.get_mut(..count).unwrap_or_default())?;
        let is_ready = |at: usize| ends.get(at).and_then(PollFd::any).unwrap_or(false);
        let (replies, words) = (is_ready(0), is_ready(1));
        if words && let Ok(read) = self.errors.read(&mut self.transit) {
            let words = self.transit.get(..read).unwrap_or_default();
            self.said.extend_from_slice(words);
            let surplus = self.said.len().saturating_sub(LAST_WORDS);
            self.said.drain(..surplus);
        }
        if replies {
            match self.output.read(&mut self.transit) {
                Ok(0) => return Err(Broken::Ended),
                Ok(read) => {
                    let bytes = self.transit.get(..read).unwrap_or_default();
                    self.incoming.extend(bytes);
                }
                Err(e) if is_no_failure(&e) => {}
                Err(_) => return Err(Broken::Ended),
            }
        }
        Ok(())
    }

    /// Ends the child, and says how it ended if it had done so by itself.
    pub(super) fn end(mut self) -> Death {
        // A child that is ending has its status already, which this does not change.
        self.kill();
        let status = self.child.wait();
        self.ended = true;
        let mut bytes = [0; LAST_WORDS];
        while let Ok(read @ 1..) = self.errors.read(&mut bytes) {
            self.said
                .extend_from_slice(bytes.get(..read).unwrap_or_default());
        }
        Death {
            status: status.ok(),
            said: String::from_utf8_lossy(&self.said).into_owned(),
        }
    }
}

/// Whether a child has ended and was not waited for, where the system tells.
fn is_zombie(id: u32) -> bool {
    let stat = fs::read(format!("/proc/{id}/stat")).unwrap_or_default();
    // The name before it, in parentheses, may hold anything.
    let state = stat.rsplit(|byte| *byte == b')').next();
    state.is_some_and(|state| state.starts_with(b" Z") || state.starts_with(b" X"))
}

impl Drop for Process {
    fn drop(&mut self) {
        // After it was waited for, its id may be another's.
        if self.ended {
            return;
        }
        self.kill();
        self.child.wait().ok();
    }
}

fn is_no_failure(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// How a child ended.
#[derive(Debug)]
pub(super) struct Death {
    status: Option<ExitStatus>,
    said: String,
}

impl Death {
    /// Says what the document has to do with it, as a clause.
    pub(super) fn reason(&self) -> String {
        let Some(status) = self.status else {
            return "the parser ended on it".into();
        };
        let Some(number) = status.signal() else {
            return format!("the parser ended on it ({status})");
        };
        // Rust ends with the same signal when there is no memory and when a stack overflows, and tells them apart in words.
        match Signal::try_from(number) {
            Ok(Signal::SIGXCPU) => {
                format!("took more than {} s of processor time", limits::CPU_SECONDS)
            }
            Ok(Signal::SIGABRT) if self.said.contains("memory allocation of") => {
                format!("needed more than {} MiB of memory", limits::MEMORY >> 20)
            }
            Ok(Signal::SIGABRT) if self.said.contains("overflowed its stack") => {
                "is nested too deeply for the parser".into()
            }
            Ok(Signal::SIGKILL | Signal::SIGTERM) => format!(
                "the parser was ended from outside while it read this (signal {number}); the machine may lack memory"
            ),
            _ => format!("the parser crashed on it (signal {number})"),
        }
    }

    /// Describes the end itself, for a child that never came to a document.
    pub(super) fn describe(&self) -> String {
        let status = self
            .status
            .map_or_else(|| "it ended".into(), |status| status.to_string());
        match self.said.lines().rfind(|line| !line.trim().is_empty()) {
            Some(line) => format!("{status}: {}", line.trim()),
            None => status,
        }
    }
}

/// What a child still has to get.
pub(super) struct Outgoing<'a> {
    body: Option<&'a mut dyn Read>,
    buffer: Vec<u8>,
    sent: usize,
}

impl<'a> Outgoing<'a> {
    pub(super) fn new(request: &Request, body: &'a mut dyn Read) -> io::Result<Self> {
        let mut buffer = Vec::new();
        protocol::put_json(request, &mut buffer)?;
        Ok(Self {
            body: Some(body),
            buffer,
            sent: 0,
        })
    }

    fn is_sent(&self) -> bool {
        self.body.is_none() && self.sent == self.buffer.len()
    }

    /// Reads more of the body once there is little left to send, so that a small body goes with its request.
    fn refill(&mut self, transit: &mut [u8]) -> io::Result<()> {
        if self.sent == self.buffer.len() {
            self.buffer.clear();
            self.sent = 0;
        }
        while let Some(body) = &mut self.body
            && self.buffer.len() < BODY_FRAME
        {
            let read = match body.read(transit) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            // The empty frame that ends the body is the one of the empty read.
            protocol::put(transit.get(..read).unwrap_or_default(), &mut self.buffer)?;
            if read == 0 {
                self.body = None;
            }
        }
        Ok(())
    }

    /// Takes note that the child wants no more of the body.
    pub(super) fn finish(&mut self) {
        if self.body.take().is_some() {
            self.buffer.extend_from_slice(&[0; 4]);
        }
    }

    /// Sends what there is room for.
    fn send(&mut self, to: &mut ChildStdin) {
        if self.sent == self.buffer.len() {
            return;
        }
        match to.write(self.buffer.get(self.sent..).unwrap_or_default()) {
            Ok(written) => self.sent += written,
            Err(e) if is_no_failure(&e) => {}
            // Nobody reads; what the child wrote before it ended is still to be read.
            Err(_) => {
                self.body = None;
                self.sent = self.buffer.len();
            }
        }
    }
}

/// How long a child has been waited for since its last outcome. Time in which this process was stopped, or waited for
/// something else, does not count.
pub(super) struct Clock<'a> {
    patience: Duration,
    waited: Duration,
    stop: &'a AtomicBool,
}

impl<'a> Clock<'a> {
    pub(super) fn new(patience: Duration, stop: &'a AtomicBool) -> Self {
        Self {
            patience,
            waited: Duration::ZERO,
            stop,
        }
    }

    /// Begins anew: there was an outcome.
    pub(super) fn restart(&mut self) {
        self.waited = Duration::ZERO;
    }

    /// Waits for one of the ends, for a while.
    fn wait(&mut self, ends: &mut [PollFd<'_>]) -> Result<(), Broken> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Broken::Stopped);
        }
        if self.waited >= self.patience {
            return Err(Broken::Slow(self.patience));
        }
        let most = TICK.min(self.patience - self.waited);
        let begun = Instant::now();
        let milliseconds = u16::try_from(most.as_millis()).unwrap_or(u16::MAX).max(1);
        match poll(ends, milliseconds) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(e) => return Err(Broken::Wait(e.into())),
        }
        self.waited += begun.elapsed().min(most);
        Ok(())
    }
}
