//! What memory a process has and may take. A process that takes more is killed, which nothing can answer.

use std::fs;
use std::path::Path;

/// The part of a limit that versions may fill; the rest is for what requests need.
const USABLE: f64 = 0.9;

/// The bytes that this process may take: nine tenths of what its control group or the machine has. `None` where neither tells.
pub(super) fn limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = groups.lines().filter_map(group_limit);
    let machine = field("/proc/meminfo", "MemTotal:");
    let least = limits.chain(machine).min()?;
    Some((least as f64 * USABLE) as u64)
}

/// The limit of the control group that a line of `/proc/self/cgroup` names, or of one above it.
fn group_limit(line: &str) -> Option<u64> {
    let mut parts = line.splitn(3, ':');
    let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    let (root, file) = match controllers {
        "" => ("/sys/fs/cgroup", "memory.max"),
        named if named.split(',').any(|name| name == "memory") => {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        }
        _ => return None,
    };
    // In a container the path is often one of the host's, and its own group is the root.
    let own = Path::new(path.trim_start_matches('/'));
    let read = |dir: &Path| -> Option<u64> {
        let text = fs::read_to_string(Path::new(root).join(dir).join(file)).ok()?;
        text.trim().parse().ok()
    };
    own.ancestors().filter_map(read).min()
}

/// The bytes of memory that this process has now.
pub(crate) fn resident() -> u64 {
    field("/proc/self/status", "VmRSS:").unwrap_or(0)
}

/// A value of one of the kernel's files, which are in kB.
fn field(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(number * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn a_process_has_less_memory_than_it_may_have() {
        let limit = super::limit().unwrap();
        assert!(super::resident() > 0 && super::resident() < limit);
    }
}
