//! What is mounted where, as `/proc/self/mountinfo` says it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// The mounts that this process sees, in the order of mounting. Empty where the system does not tell.
#[derive(Debug, Clone, Default)]
pub(super) struct Mounts(Vec<Mount>);

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    /// The device's number.
    pub(super) device: String,
    /// Which directory of the filesystem is mounted.
    pub(super) root: PathBuf,
    /// Where.
    pub(super) point: PathBuf,
    /// The filesystem's type, such as `ext4` or `fuse.s3fs`.
    pub(super) kind: String,
    /// What is mounted, such as a device or a server's path.
    pub(super) source: String,
    /// The options of the mount and of the filesystem.
    pub(super) options: Vec<String>,
}

impl Mounts {
    /// Reads the mounts that this process sees.
    pub(super) fn of_this_process() -> Self {
        Self::parse(&fs::read("/proc/self/mountinfo").unwrap_or_default())
    }

    fn parse(text: &[u8]) -> Self {
        Self(
            text.split(|byte| *byte == b'\n')
                .filter_map(Mount::parse)
                .collect(),
        )
    }

    /// The mount that a path lies in: the deepest one, and of two at one place the later one.
    pub(super) fn holding(&self, path: &Path) -> Option<&Mount> {
        self.0
            .iter()
            .filter(|mount| path.starts_with(&mount.point))
            .max_by_key(|mount| mount.point.components().count())
    }

    /// The mount points strictly below a directory.
    pub(super) fn below(&self, dir: &Path) -> Vec<&Path> {
        self.0
            .iter()
            .map(|mount| mount.point.as_path())
            .filter(|point| point.starts_with(dir) && *point != dir)
            .collect()
    }

    /// The mounts that show something strictly below a directory of the same filesystem: each with the part that it shows,
    /// relative to the directory. A mount names the directory that a link led to when it was made.
    pub(super) fn showing(&self, dir: &Path) -> Vec<(&Path, PathBuf)> {
        let Some(own) = self.holding(dir) else {
            return Vec::new();
        };
        let Ok(inside) = dir.strip_prefix(&own.point) else {
            return Vec::new();
        };
        let inside = own.root.join(inside);
        let shown = |mount: &Mount| {
            let part = mount.root.strip_prefix(&inside).ok()?;
            let below = part.components().next().is_some() && mount.device == own.device;
            below.then(|| part.to_owned())
        };
        self.0
            .iter()
            .filter_map(|mount| Some((mount.point.as_path(), shown(mount)?)))
            .collect()
    }
}

impl Mount {
    /// Reads `36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/sda rw,errors=continue`.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b' ').skip(2);
        let device = text(fields.next()?);
        let root = path(fields.next()?);
        let point = path(fields.next()?);
        let mut options = words(fields.next()?);
        let mut behind = fields.skip_while(|field| *field != b"-").skip(1);
        let kind = text(behind.next()?);
        let source = text(behind.next()?);
        options.extend(words(behind.next().unwrap_or_default()));
        Some(Self {
            device,
            root,
            point,
            kind,
            source,
            options,
        })
    }

    /// Whether the mount has an option.
    pub(super) fn has(&self, option: &str) -> bool {
        self.options.iter().any(|known| known == option)
    }
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(&unescape(field)).into_owned()
}

fn words(field: &[u8]) -> Vec<String> {
    text(field).split(',').map(str::to_owned).collect()
}

/// A directory that was removed while it was mounted has a mark behind its name.
fn path(field: &[u8]) -> PathBuf {
    let bytes = unescape(field);
    let bytes = bytes.strip_suffix(b"//deleted").unwrap_or(&bytes);
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

/// Puts back what the kernel writes as `\` and three octal digits: blanks, tabs, newlines and backslashes.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, behind)) = rest.split_first() {
        let octal = behind
            .get(..3)
            .filter(|_| *first == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(octal.unwrap_or(*first));
        rest = match octal {
            Some(_) => behind.get(3..).unwrap_or_default(),
            None => behind,
        };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
40 27 0:50 / /mnt/disk\\040one rw shared:1 master:2 - nfs4 server:/export rw,vers=4.1,local_lock=none
41 27 254:0 /srv/store/versions/v1.4.0 /index ro,relatime - ext4 /dev/vda rw,discard
42 27 254:1 /srv/store/versions/v1.0.0 /other ro - ext4 /dev/vdb rw
43 27 254:0 /srv/store /data ro - ext4 /dev/vda rw
44 27 254:0 /srv/store/versions/v1.3.0//deleted /old ro - ext4 /dev/vda rw
45 27 0:51 / /srv/store/cache rw - tmpfs tmpfs rw
";

    #[test]
    fn the_deepest_mount_holds_a_path() {
        let mounts = Mounts::parse(TEXT);
        assert_eq!(mounts.0.len(), 7);
        let kind = |path: &str| mounts.holding(Path::new(path)).unwrap().kind.clone();
        assert_eq!(kind("/srv/store/versions"), "ext4");
        assert_eq!(kind("/srv/store/cache/texts"), "tmpfs");
        assert_eq!(kind("/mnt/disk one/store"), "nfs4");
        let nfs = mounts.holding(Path::new("/mnt/disk one")).unwrap();
        assert!(nfs.has("local_lock=none") && nfs.has("rw") && nfs.source == "server:/export");
    }

    #[test]
    fn a_mount_of_a_version_is_found_from_the_store_and_from_a_container() {
        let mounts = Mounts::parse(TEXT);
        for versions in ["/srv/store/versions", "/data/versions"] {
            let shown = mounts.showing(Path::new(versions));
            assert_eq!(
                shown,
                [
                    (Path::new("/index"), PathBuf::from("v1.4.0")),
                    (Path::new("/old"), PathBuf::from("v1.3.0")),
                ]
            );
        }
    }

    #[test]
    fn mounts_inside_a_directory_are_found_and_the_directory_itself_is_none() {
        let mounts = Mounts::parse(TEXT);
        assert_eq!(
            mounts.below(Path::new("/srv/store")),
            [Path::new("/srv/store/cache")]
        );
        assert!(mounts.below(Path::new("/index")).is_empty());
    }

    #[test]
    fn what_is_no_line_of_mountinfo_is_left_out() {
        assert!(Mounts::parse(b"\n1 2 3\nx\n").0.is_empty());
    }
}
