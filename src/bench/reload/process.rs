//! What a process takes, as the kernel tells.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

/// Clock ticks a second that the kernel counts processor time in, on every Linux.
const TICKS: f64 = 100.0;
/// How often a process is looked at.
const EVERY: Duration = Duration::from_millis(50);

/// What a process takes at one moment.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Usage {
    /// Seconds since the beginning.
    pub at: f64,
    /// Seconds of processor time since it started.
    pub cpu_seconds: f64,
    /// Bytes of memory.
    pub rss: u64,
    /// Open files.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
}

impl Usage {
    /// Looks at a process.
    pub fn of(pid: u32, begun: Instant) -> Option<Self> {
        let dir = PathBuf::from(format!("/proc/{pid}"));
        let stat = fs::read_to_string(dir.join("stat")).ok()?;
        // The second field is a name that may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<f64>().ok();
        let status = fs::read_to_string(dir.join("status")).ok()?;
        let value = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Some(Self {
            at: begun.elapsed().as_secs_f64(),
            cpu_seconds: (number(11)? + number(12)?) / TICKS,
            rss: value("VmRSS:")? * 1024,
            descriptors: fs::read_dir(dir.join("fd")).ok()?.count() as u64,
            threads: value("Threads:")?,
        })
    }

    /// Looks again and again until it is told to stop.
    pub fn follow(pid: u32, begun: Instant, stop: &AtomicBool) -> Vec<Self> {
        let mut seen = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            seen.extend(Self::of(pid, begun));
            std::thread::sleep(EVERY);
        }
        seen
    }
}
