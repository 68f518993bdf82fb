//! A sandbox for one test: a directory of its own, a cleared environment, the tiny model, and output as one string.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output as ProcessOutput, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The repository's directory.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A directory in which one test runs the program.
pub(crate) struct Sandbox {
    dir: TempDir,
}

/// What a run of the program gave.
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

impl Output {
    pub(crate) fn of(output: ProcessOutput) -> Self {
        Self {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code().unwrap_or(-1),
        }
    }

    /// Asserts that the run succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self}");
        self
    }

    /// Asserts that the run ended with an exit code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// Asserts that something was told on stderr.
    #[track_caller]
    pub(crate) fn tells(self, words: &str) -> Self {
        assert!(
            self.stderr.contains(words),
            "stderr lacks `{words}`: {self}"
        );
        self
    }

    /// Reads the answer as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self}"))
    }

    /// Reads the answer's one line.
    pub(crate) fn line(&self) -> String {
        self.stdout.trim_end().to_owned()
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "[exit status: {}]\n--- stdout\n{}\n--- stderr\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}

impl Sandbox {
    /// An empty sandbox.
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::Builder::new()
                .prefix("ragctl-test-")
                .tempdir()
                .unwrap(),
        }
    }

    /// A sandbox with a store and three documents in `docs/`.
    pub(crate) fn with_docs() -> Self {
        let sandbox = Self::new();
        sandbox.write(
            "ragctl.toml",
            &format!(
                "[model]\npath = \"{}\"\n[[source]]\nid = \"docs\"\npath = \"docs\"\n",
                tiny_bert().display()
            ),
        );
        sandbox.write("docs/alpha.md", "# Alpha\n\nThe store publishes a version.\n\n## Rollback\n\nA reader sees the old version.\n");
        sandbox.write("docs/beta.txt", "Plain words about an index and a chunk.\n");
        sandbox.write("docs/gamma.html", "<html><head><title>Gamma</title></head><body><p>The model embeds the chunk and the index keeps it.</p></body></html>");
        sandbox.run(["init"]).ok();
        sandbox
    }

    /// The same, with v0.1.0 built and published.
    pub(crate) fn published() -> Self {
        let sandbox = Self::with_docs();
        sandbox.run(["run"]).ok();
        sandbox
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    pub(crate) fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The program, ready to run here with nothing of the caller's environment but what processes need.
    pub(crate) fn command<S: AsRef<std::ffi::OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ragctl"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .stdin(Stdio::null());
        command
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path())
            // The corpora of tests are so small that each document is more than may be lost.
            .env("RAGCTL_GATE_MAX_SHRINK", "100%");
        command
    }

    /// Runs the program.
    pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> Output {
        Output::of(self.command(args).output().unwrap())
    }
}

/// The tiny model of the fixtures.
pub(crate) fn tiny_bert() -> PathBuf {
    repository().join("fixtures/model/tiny-bert")
}

/// Copies a tree, links as links.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (source, target) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        let kind = fs::symlink_metadata(&source).unwrap();
        if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source).unwrap(), &target).unwrap();
        } else if kind.is_dir() {
            copy_tree(&source, &target);
        } else {
            fs::copy(&source, &target).unwrap();
        }
    }
}

/// Every path below a directory with what it holds, to tell whether anything changed.
pub(crate) fn fingerprint(dir: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            found.extend(fingerprint(&path));
        } else if metadata.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            found.push((path, target.display().to_string()));
        } else {
            let digest = ragctl::digest::Digest::of_file(&path).unwrap();
            found.push((path, digest.to_string()));
        }
    }
    found.sort();
    found
}

impl Sandbox {
    /// Removes something that may be sealed.
    pub(crate) fn remove(&self, relative: &str) {
        let path = self.path(relative);
        unseal(&path);
        fs::remove_dir_all(path).unwrap();
    }
}

/// Makes a tree writable.
pub(crate) fn unseal(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = fs::symlink_metadata(path).unwrap();
    if metadata.is_symlink() {
        return;
    }
    fs::set_permissions(
        path,
        fs::Permissions::from_mode(if metadata.is_dir() { 0o755 } else { 0o644 }),
    )
    .unwrap();
    if metadata.is_dir() {
        fs::read_dir(path)
            .unwrap()
            .for_each(|entry| unseal(&entry.unwrap().path()));
    }
}

/// Holds a lock as another process would.
pub(crate) fn hold_lock(path: &Path) -> fs::File {
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .unwrap();
    file.lock().unwrap();
    file
}

/// Changes one byte of a file, sealed or not.
pub(crate) fn flip_byte(path: &Path) {
    unseal(path);
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

/// Every regular file below a directory.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    fingerprint(dir)
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| !path.is_symlink())
        .collect()
}

/// Whether a version's lease file refuses the lock of whoever wants to take the version away.
pub(crate) fn is_held(lease_file: &Path) -> bool {
    use nix::fcntl::{FcntlArg, fcntl};
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(lease_file)
        .unwrap();
    let whole = nix::libc::flock {
        l_type: nix::libc::F_WRLCK as i16,
        l_whence: nix::libc::SEEK_SET as i16,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(&file, FcntlArg::F_OFD_SETLK(&whole)).is_err()
}

/// Waits for something that must happen soon.
#[track_caller]
pub(crate) fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed().as_secs() < 10, "not in time: {what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
