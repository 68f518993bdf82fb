//! SIGINT and SIGTERM: the first asks the run to stop cleanly, the second ends it at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// What the process was sent.
#[derive(Clone, Default)]
pub struct Signals {
    last: Arc<AtomicUsize>,
    listening: Arc<AtomicBool>,
}

impl Signals {
    /// Starts listening, once.
    pub fn listen(&self) -> io::Result<()> {
        if self.listening.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        for signal in [SIGINT, SIGTERM] {
            let seen = Arc::new(AtomicBool::new(false));
            // In this order: the first signal finds `seen` unset and sets it, the second finds it set and exits.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&seen))?;
            flag::register(signal, seen)?;
            flag::register_usize(signal, Arc::clone(&self.last), signal as usize)?;
        }
        Ok(())
    }

    /// Takes SIGHUP for a request instead of an end. The flag is set by each one.
    pub fn hangups(&self) -> io::Result<Arc<AtomicBool>> {
        let hung_up = Arc::new(AtomicBool::new(false));
        flag::register(SIGHUP, hung_up.clone())?;
        Ok(hung_up)
    }

    /// The signal that was received, if one was.
    pub fn received(&self) -> Option<u8> {
        match self.last.load(Ordering::Relaxed) {
            0 => None,
            signal => u8::try_from(signal).ok(),
        }
    }
}
