//! Programs that commands start: what signals they get, and how they ended.

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::ui::Signals;

const TICK: Duration = Duration::from_millis(10);

/// How a program ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended(ExitStatus);

impl Ended {
    pub(super) fn well(self) -> bool {
        self.0.success()
    }

    /// The exit code that a shell would see.
    pub(super) fn code(self) -> u8 {
        let code = self.0.code().or(self.0.signal().map(|signal| 128 + signal));
        code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.code(), self.0.signal()) {
            (Some(code), _) => write!(f, "ended with exit code {code}"),
            (None, Some(signal)) => write!(f, "was ended by signal {signal}"),
            (None, None) => f.write_str("ended"),
        }
    }
}

/// Waits until a program ends. The signal that asks this process to stop is passed on, unless it is a terminal's, which sends
/// it to the program as well; when that ends is then the program's decision.
pub(super) fn wait(mut child: Child, signals: &Signals) -> io::Result<Ended> {
    let terminal = io::stdin().is_terminal();
    let mut passed_on = None;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ended(status));
        }
        let received = signals.received();
        if received != passed_on {
            passed_on = received;
            let signal = received.and_then(|signal| Signal::try_from(i32::from(signal)).ok());
            let signal = signal.filter(|signal| !terminal || *signal != Signal::SIGINT);
            if let (Some(signal), Ok(pid)) = (signal, i32::try_from(child.id())) {
                // A program that ended meanwhile was not waited for yet, so that its id is nobody else's.
                kill(Pid::from_raw(pid), signal).ok();
            }
        }
        thread::sleep(TICK);
    }
}
