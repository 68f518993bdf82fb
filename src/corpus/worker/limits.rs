//! What a child may use. It sets its own limits before it reads anything that it was sent.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, rlim_t, setrlimit};

use super::protocol::Memory;

/// Bytes of memory that a child may have.
pub(super) const MEMORY: u64 = 512 << 20;
/// Seconds of processor time that one document may take.
pub(super) const CPU_SECONDS: u64 = 20;
/// Files that a child may have open. It needs its pipes.
const FILES: rlim_t = 32;
/// Bytes of its own program that a child may come to have in memory.
const PROGRAM: u64 = 24 << 20;

/// Bytes of address space where the system does not tell how much is mapped: the program's own, and [`MEMORY`].
const UNTOLD: rlim_t = 1536 << 20;

/// Small requests between two looks at the memory: one costs as much as a small document.
const LOOK_EVERY: u32 = 16;
/// Bytes of a request that is not small.
const LARGE: u64 = 128 << 10;

/// The limits that were set.
#[derive(Debug)]
pub(super) struct Limits {
    status: Option<File>,
    /// Bytes of address space when they were set.
    mapped: u64,
    /// Seconds of processor time that this process may take in all, as they are set now.
    cpu: Cell<rlim_t>,
    looks: Cell<u32>,
}

impl Limits {
    /// Sets every limit but that on processor time, which is each document's own. Parsers run on a stack of so many bytes,
    /// which is mapped already.
    pub(super) fn set(stack: u64) -> io::Result<Self> {
        let status = File::open("/proc/self/status").ok();
        let memory = status.as_ref().and_then(memory);
        let lowered = lower(Resource::RLIMIT_AS, address_space(memory.as_ref(), stack));
        // Other systems map more than this before the program begins, and refuse it.
        if cfg!(target_os = "linux") {
            lowered?;
        }
        let mapped = memory.map_or(0, |memory| memory.mapped);
        lower(Resource::RLIMIT_FSIZE, 0)?;
        lower(Resource::RLIMIT_NOFILE, FILES)?;
        lower(Resource::RLIMIT_CORE, 0)?;
        Ok(Self {
            status,
            mapped,
            cpu: Cell::new(0),
            looks: Cell::new(0),
        })
    }

    /// Gives the next document its processor time.
    pub(super) fn renew(&self) -> io::Result<()> {
        let usage = getrusage(UsageWho::RUSAGE_SELF)?;
        let used = usage.user_time().tv_sec() + usage.system_time().tv_sec() + 1;
        let may = rlim_t::try_from(used).unwrap_or_default() + CPU_SECONDS;
        if self.cpu.replace(may) != may {
            let (_, hard) = getrlimit(Resource::RLIMIT_CPU)?;
            setrlimit(Resource::RLIMIT_CPU, may.min(hard), hard)?;
        }
        Ok(())
    }

    /// Looks at the memory of this process after a request of so many bytes, unless it was small and others were looked
    /// after not long ago.
    pub(super) fn look(&self, bytes: u64) -> Option<Memory> {
        let looks = self.looks.replace(self.looks.get().wrapping_add(1));
        if bytes < LARGE && !looks.is_multiple_of(LOOK_EVERY) {
            return None;
        }
        let mut memory = memory(self.status.as_ref()?)?;
        memory.grown = memory.mapped.saturating_sub(self.mapped);
        Some(memory)
    }
}

/// Bytes of address space that this process may have. The limit is on what is mapped, of which the program's own code is a
/// large part and hardly ever in memory. Where nothing tells what is mapped, it is a fixed number.
fn address_space(memory: Option<&Memory>, stack: u64) -> rlim_t {
    memory.map_or(UNTOLD, |memory| {
        memory.mapped + MEMORY.saturating_sub(memory.resident + PROGRAM + stack)
    })
}

/// Reads the memory of this process from the file that tells it, which has no such lines everywhere.
fn memory(status: &File) -> Option<Memory> {
    let mut bytes = [0; 4 << 10];
    let read = status.read_at(&mut bytes, 0).ok()?;
    let status = str::from_utf8(bytes.get(..read)?).ok()?;
    let field = |name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
        Some(kib << 10)
    };
    Some(Memory {
        mapped: field("VmSize:")?,
        resident: field("VmRSS:")?,
        peak: field("VmHWM:")?,
        grown: 0,
    })
}

/// Lowers a limit for good; one that is lower already stays.
fn lower(resource: Resource, to: rlim_t) -> io::Result<()> {
    let (_, hard) = getrlimit(resource)?;
    let to = to.min(hard);
    Ok(setrlimit(resource, to, to)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_limit_on_memory_whether_or_not_the_system_tells_of_it() {
        let memory = Memory {
            mapped: 300 << 20,
            resident: 10 << 20,
            ..Memory::default()
        };
        let stack = 32 << 20;
        let room = MEMORY - (10 << 20) - PROGRAM - stack;
        assert_eq!(address_space(Some(&memory), stack), memory.mapped + room);
        assert_eq!(address_space(None, stack), UNTOLD);
    }
}
