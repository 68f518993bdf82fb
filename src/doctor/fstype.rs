//! What kind of filesystem a store lies on, and what is known of that kind.

use std::path::Path;

use super::Outcome;
use super::mounts::{Mount, Mounts};

/// How well a kind of filesystem serves a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suits {
    /// A local disk.
    Local,
    /// A read-only image.
    Image,
    /// Memory: nothing survives a restart.
    Memory,
    /// NFS, whose clients see a release late.
    Nfs,
    /// A filesystem of several hosts, with its own rules.
    Shared,
    /// A window of a virtual machine or container into its host.
    Host,
    /// It lacks what a store needs.
    Unsuitable,
    /// Nothing is known.
    Unknown,
}

/// Magic numbers that `statfs` gives, for where mounts cannot be read.
#[cfg(target_os = "linux")]
const MAGIC: [(u32, &str); 22] = [
    (0xef53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683e, "btrfs"),
    (0x2fc1_2fc1, "zfs"),
    (0xf2f5_2010, "f2fs"),
    (0xca45_1a4e, "bcachefs"),
    (0x794c_7630, "overlay"),
    (0x0102_1994, "tmpfs"),
    (0x8584_58f6, "ramfs"),
    (0x6969, "nfs"),
    (0x00c3_6400, "ceph"),
    (0x0bd0_0bd0, "lustre"),
    (0x0116_1970, "gfs2"),
    (0x7461_636f, "ocfs2"),
    (0x5346_414f, "afs"),
    (0x4750_4653, "gpfs"),
    (0x0102_1997, "9p"),
    (0x786f_4256, "vboxsf"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb3"),
    (0x4d44, "vfat"),
    (0x6573_5546, "fuse"),
];

fn suits(kind: &str, source: &str) -> Suits {
    match kind {
        "ext2" | "ext3" | "ext4" | "xfs" | "btrfs" | "zfs" | "f2fs" | "bcachefs" | "jfs"
        | "nilfs2" | "reiserfs" | "overlay" | "apfs" | "hfs" | "ufs" => Suits::Local,
        "squashfs" | "erofs" | "iso9660" => Suits::Image,
        "tmpfs" | "ramfs" => Suits::Memory,
        "nfs" | "nfs4" => Suits::Nfs,
        "ceph" | "lustre" | "gfs2" | "ocfs2" | "afs" | "gpfs" | "beegfs" | "fuse.ceph"
        | "fuse.glusterfs" | "fuse.juicefs" | "fuse.sshfs" => Suits::Shared,
        "9p" | "virtiofs" | "vboxsf" | "fuse.osxfs" | "fuse.grpcfuse" | "fakeowner" => Suits::Host,
        "cifs" | "smb2" | "smb3" | "smbfs" | "vfat" | "msdos" | "exfat" => Suits::Unsuitable,
        "fuse.s3fs" | "fuse.gcsfuse" | "fuse.mountpoint-s3" | "fuse.goofys" | "fuse.geesefs"
        | "fuse.rclone" | "fuse.blobfuse" | "fuse.blobfuse2" | "fuse.ossfs" | "fuse.cosfs" => {
            Suits::Unsuitable
        }
        "fuse" if source == "mountpoint-s3" => Suits::Unsuitable,
        _ => Suits::Unknown,
    }
}

/// Says on which kind of filesystem a directory lies, and what follows.
pub(super) fn look(dir: &Path, mounts: &Mounts) -> Outcome {
    let mount = mounts.holding(dir);
    let kind = match mount {
        Some(mount) => mount.kind.clone(),
        None => match by_statfs(dir) {
            Ok(kind) => kind,
            Err(e) => {
                return Outcome::not_run(
                    format!("the type is not known: {e}"),
                    "Look at the output of `stat -f` for the store.",
                );
            }
        },
    };
    judge(&kind, mount)
}

fn judge(kind: &str, mount: Option<&Mount>) -> Outcome {
    let has = |option: &str| mount.is_some_and(|mount| mount.has(option));
    let source = mount.map_or("", |mount| mount.source.as_str());
    let read_only = if has("ro") { ", mounted read-only" } else { "" };
    let seen = format!("{kind}{read_only}");
    match suits(kind, source) {
        Suits::Local if has("volatile") => Outcome::warning(
            format!("{seen}, mounted volatile: it keeps nothing in a power cut"),
            "Mount it without `volatile`, or put the store on a volume.",
        ),
        Suits::Local if kind == "overlay" => Outcome::ok(format!(
            "{seen}: a container's layer, which goes with its container"
        )),
        Suits::Local | Suits::Image => Outcome::ok(seen),
        Suits::Memory => Outcome::warning(
            format!("{seen}: it lies in memory and does not survive a restart"),
            "Good for tests; put a store that must last on a disk.",
        ),
        Suits::Nfs
            if [
                "nolock",
                "local_lock=all",
                "local_lock=flock",
                "local_lock=posix",
            ]
            .iter()
            .any(|option| has(option)) =>
        {
            Outcome::warning(
                format!("{seen}, whose locks do not reach other hosts"),
                "Mount it with locks (NFS 4.1 or later), or write from one host only.",
            )
        }
        Suits::Nfs => Outcome::warning(
            format!(
                "{seen}: other hosts see a release only when their caches end, after up to 60 s"
            ),
            "Mount it hard, version 4.1 or later, and the readers read-only with actimeo=3 or lookupcache=pos.",
        ),
        Suits::Shared => Outcome::warning(
            format!("{seen}: shared by several hosts"),
            "Events do not cross hosts, so readers must poll; see under leases what protects them from gc.",
        ),
        Suits::Host => Outcome::warning(
            format!("{seen}: a window to another machine's files, with a cache and without events"),
            "Mount the store's own directory, never `current`, and let readers poll.",
        ),
        Suits::Unsuitable => Outcome::unsuitable(
            format!(
                "{seen}: it has no links, no atomic rename or no locks that a store can rely on"
            ),
            "Keep the store on a local disk or on NFS, and bring versions here with `ragctl pull` or a copy.",
        ),
        Suits::Unknown => Outcome::warning(
            format!("{seen}: a filesystem that nothing is known of here"),
            "Go by the findings below: they were tried on it.",
        ),
    }
}

#[cfg(target_os = "linux")]
fn by_statfs(dir: &Path) -> nix::Result<String> {
    let magic = nix::sys::statfs::statfs(dir)?.filesystem_type().0 as u32;
    let known = MAGIC.iter().find(|(number, _)| *number == magic);
    Ok(known.map_or_else(
        || format!("type 0x{magic:x}"),
        |(_, name)| (*name).to_owned(),
    ))
}

#[cfg(not(target_os = "linux"))]
fn by_statfs(dir: &Path) -> nix::Result<String> {
    Ok(nix::sys::statfs::statfs(dir)?
        .filesystem_type_name()
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounted(kind: &str, options: &[&str]) -> Mount {
        Mount {
            device: "0:1".into(),
            root: "/".into(),
            point: "/".into(),
            kind: kind.into(),
            source: "source".into(),
            options: options.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn disks_are_well_networks_are_told_and_object_stores_are_refused() {
        let judged = |kind: &str, options: &[&str]| judge(kind, Some(&mounted(kind, options)));
        for kind in ["ext4", "xfs", "btrfs", "overlay", "squashfs"] {
            assert!(matches!(judged(kind, &["rw"]), Outcome::Ok(_)), "{kind}");
        }
        for kind in ["nfs4", "tmpfs", "ceph", "virtiofs", "fuse.unheard"] {
            let outcome = judged(kind, &["rw"]);
            assert!(matches!(outcome, Outcome::Warning { .. }), "{kind}");
        }
        for kind in ["cifs", "vfat", "fuse.s3fs", "fuse.gcsfuse"] {
            let outcome = judged(kind, &["rw"]);
            assert!(matches!(outcome, Outcome::Failed { .. }), "{kind}");
        }
        assert!(matches!(
            judged("overlay", &["rw", "volatile"]),
            Outcome::Warning { .. }
        ));
        let Outcome::Warning { seen, .. } = judged("nfs", &["rw", "nolock"]) else {
            panic!("nolock is told");
        };
        assert!(seen.contains("do not reach other hosts"), "{seen}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_type_is_known_without_the_list_of_mounts() {
        let kind = by_statfs(Path::new("/proc")).unwrap();
        assert_eq!(kind, "type 0x9fa0");
        assert!(
            MAGIC
                .iter()
                .all(|(_, name)| suits(name, "") != Suits::Unknown || *name == "fuse")
        );
    }
}
