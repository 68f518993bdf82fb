//! `doctor` tells what is wrong with a store, its filesystem and the machine, what to do about it, and leaves no trace.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Output, Sandbox, fingerprint, flip_byte, unseal};

/// A user who owns nothing here.
const NOBODY: u32 = 65_534;
const PROBES: [&str; 9] = [
    "symlink",
    "rename_over",
    "rename_noreplace",
    "hard_link",
    "flock",
    "ofd_lock",
    "directory_fsync",
    "events",
    "clock",
];

fn doctor(sandbox: &Sandbox) -> Output {
    sandbox.run(["doctor", "--json"])
}

/// The finding of a name; there is exactly one.
#[track_caller]
fn finding(output: &Output, name: &str) -> Value {
    let answer = output.json();
    let findings = answer["findings"].as_array().unwrap();
    let mut named = findings.iter().filter(|finding| finding["name"] == name);
    let found = named
        .next()
        .unwrap_or_else(|| panic!("no {name}: {output}"));
    assert!(named.next().is_none(), "{name} twice: {output}");
    found.clone()
}

/// Asserts that a finding has this verdict, saw these words, and says what to do.
#[track_caller]
fn told(output: &Output, name: &str, verdict: &str, words: &str) {
    let found = finding(output, name);
    assert_eq!(found["verdict"], verdict, "{found:#}");
    assert!(found["seen"].as_str().unwrap().contains(words), "{found:#}");
    assert!(
        found["advice"].as_str().unwrap().ends_with('.'),
        "{found:#}"
    );
}

/// Everything in a store, empty directories as well.
fn everything(store: &Path) -> (Vec<(std::path::PathBuf, String)>, Vec<String>) {
    let names = |dir: &str| {
        let entries = fs::read_dir(store.join(dir)).unwrap();
        entries
            .map(|entry| format!("{dir}/{}", entry.unwrap().file_name().display()))
            .collect::<Vec<_>>()
    };
    let mut listed: Vec<String> = ["", "staging", "state"]
        .into_iter()
        .flat_map(names)
        .collect();
    listed.sort();
    (fingerprint(store), listed)
}

#[test]
fn a_healthy_store_passes_every_probe_and_nothing_is_left_behind() {
    let sandbox = Sandbox::published();
    let before = everything(&sandbox.path("store"));
    let output = doctor(&sandbox).ok();
    assert_eq!(everything(&sandbox.path("store")), before);
    let answer = output.json();
    assert_eq!(
        (&answer["failed"], &answer["not_run"]),
        (&0.into(), &0.into())
    );
    for finding in answer["findings"].as_array().unwrap() {
        let is_well = finding["verdict"] == "ok";
        assert_eq!(finding.get("advice").is_none(), is_well, "{finding:#}");
    }
    for probe in PROBES {
        // A busy machine may be late with an event.
        if probe != "events" {
            assert_eq!(finding(&output, probe)["verdict"], "ok", "{output}");
        }
    }
    for name in [
        "channels",
        "twins",
        "manifests",
        "files",
        "models",
        "journal",
        "leftovers",
    ] {
        assert_eq!(finding(&output, name)["verdict"], "ok", "{output}");
    }
}

#[test]
fn the_answer_for_people_is_grouped_and_fits_100_columns() {
    let sandbox = Sandbox::published();
    fs::set_permissions(
        sandbox.path("store/state"),
        fs::Permissions::from_mode(0o777),
    )
    .unwrap();
    let output = sandbox.run(["doctor"]).ok();
    for heading in ["\nfilesystem\n", "\nstore\n", "\nmachine\n"] {
        assert!(output.stdout.contains(heading), "{output}");
    }
    for line in output.stdout.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    assert!(
        output.stdout.contains("everybody may write state/"),
        "{output}"
    );
}

#[test]
fn a_link_that_is_absolute_or_leads_nowhere_is_damage() {
    let sandbox = Sandbox::published();
    let link = sandbox.path("store/current");
    for (target, words) in [
        (sandbox.path("store/versions/v0.1.0"), "absolute"),
        ("versions/v9.9.9".into(), "not in versions/"),
        ("versions/../versions/v0.1.0".into(), "leads to"),
    ] {
        fs::remove_file(&link).unwrap();
        symlink(target, &link).unwrap();
        told(&doctor(&sandbox).code(12), "channels", "failed", words);
    }
}

#[test]
fn damage_to_a_version_a_model_or_a_record_is_told_with_its_place() {
    let sandbox = Sandbox::published();
    let version = sandbox.path("store/versions/v0.1.0");
    let pins = sandbox.path("store/state/pins.json");
    fs::write(&pins, "{\"pins\": [").unwrap();
    told(
        &doctor(&sandbox).code(12),
        "records",
        "failed",
        "state/pins.json",
    );
    fs::remove_file(pins).unwrap();

    let models = fs::read_dir(sandbox.path("store/models")).unwrap();
    let model = models.map(|entry| entry.unwrap().path()).next().unwrap();
    flip_byte(&model.join("model.safetensors"));
    told(
        &doctor(&sandbox).code(12),
        "models",
        "failed",
        "model.safetensors",
    );
    unseal(&model);
    fs::remove_dir_all(&model).unwrap();
    told(&doctor(&sandbox).code(12), "models", "failed", "is missing");

    unseal(&version);
    fs::remove_file(version.join("sources.jsonl")).unwrap();
    told(
        &doctor(&sandbox).code(12),
        "files",
        "failed",
        "v0.1.0/sources.jsonl",
    );
    flip_byte(&version.join("manifest.json"));
    let output = doctor(&sandbox).code(12).tells("manifests");
    told(&output, "manifests", "failed", "v0.1.0");
}

#[test]
fn what_a_crash_left_and_what_is_open_to_all_is_a_warning() {
    let sandbox = Sandbox::published();
    let store = sandbox.path("store");
    fs::create_dir(store.join("staging/draft-dead")).unwrap();
    fs::create_dir_all(store.join("trash/v9.9.9.1")).unwrap();
    fs::create_dir(store.join("versions/v0.1.0/open")).unwrap();
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(store.join("versions/v0.1.0/open"), open).unwrap();
    let twin = fs::read_to_string(store.join("current.json")).unwrap();
    fs::write(store.join("current.json"), twin.replace("v0.1.0", "v0.0.9")).unwrap();
    fs::write(store.join("state/journal.json"), "{\"generation\": 2, ").unwrap();
    let history = fs::read_to_string(store.join("state/history.jsonl")).unwrap();
    fs::write(store.join("state/history.jsonl"), history + "{\"gener").unwrap();
    fs::remove_dir_all(store.join("reports")).unwrap();

    let before = everything(&store);
    let output = doctor(&sandbox).ok();
    assert_eq!(everything(&store), before);
    told(
        &output,
        "leftovers",
        "warning",
        "staging/draft-dead, trash/v9.9.9.1",
    );
    told(&output, "writers", "warning", "versions/v0.1.0/open/");
    told(&output, "twins", "warning", "current.json");
    told(&output, "journal", "warning", "cannot be read");
    told(&output, "records", "warning", "state/history.jsonl");
    told(&output, "directories", "warning", "reports/");
}

#[test]
fn a_link_in_the_place_of_a_directory_is_damage() {
    let sandbox = Sandbox::published();
    fs::rename(sandbox.path("store/reports"), sandbox.path("elsewhere")).unwrap();
    symlink(sandbox.path("elsewhere"), sandbox.path("store/reports")).unwrap();
    told(
        &doctor(&sandbox).code(12),
        "directories",
        "failed",
        "reports/",
    );
}

#[test]
fn a_draft_whose_owner_lives_is_nobodys_leftover() {
    let sandbox = Sandbox::published();
    fs::create_dir(sandbox.path("store/staging/draft-alive")).unwrap();
    let lock = crate::support::hold_lock(&sandbox.path("store/staging/draft-alive.lock"));
    assert_eq!(
        finding(&doctor(&sandbox).ok(), "leftovers")["verdict"],
        "ok"
    );
    drop(lock);
    told(
        &doctor(&sandbox).ok(),
        "leftovers",
        "warning",
        "staging/draft-alive",
    );
}

#[test]
fn whoever_gives_no_store_or_a_version_for_a_store_is_told() {
    let sandbox = Sandbox::published();
    let at = |store: &str| sandbox.run(["doctor", "--store", store]).code(10);
    at("nowhere").tells("there is no store");
    at("store/current").tells("one version").tells("mount");
}

#[test]
fn a_model_that_is_not_there_is_no_damage_of_the_store() {
    let sandbox = Sandbox::published();
    let run = |key: &str, value: &str| {
        let mut command = sandbox.command([
            "doctor",
            "--json",
            "--store",
            "store",
            "--config",
            "other.toml",
        ]);
        sandbox.write("other.toml", &format!("[model]\n{key} = \"{value}\"\n"));
        Output::of(command.output().unwrap())
    };
    let model = "sentence-transformers/all-MiniLM-L6-v2";
    told(
        &run("name", model).ok(),
        "model",
        "warning",
        "not in the model cache",
    );
    told(
        &run("name", "somebody/unknown").ok(),
        "model",
        "warning",
        "no pinned files",
    );
    told(
        &run("path", "nowhere").code(16),
        "model",
        "failed",
        "nowhere",
    );
}

#[test]
fn a_store_that_cannot_be_written_is_told_as_such_and_fails_nothing() {
    let sandbox = Sandbox::published();
    let program = sandbox.path("ragctl");
    if fs::hard_link(env!("CARGO_BIN_EXE_ragctl"), &program).is_err() {
        fs::copy(env!("CARGO_BIN_EXE_ragctl"), &program).unwrap();
    }
    fs::set_permissions(sandbox.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(&program);
    command
        .args(["doctor", "--json", "--store"])
        .arg(sandbox.path("store"))
        .current_dir("/")
        .env_clear();
    if nix::unistd::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    } else {
        let sealed = fs::Permissions::from_mode(0o555);
        fs::set_permissions(sandbox.path("store/staging"), sealed).unwrap();
    }
    let before = everything(&sandbox.path("store"));
    let output = Output::of(command.output().unwrap()).ok();
    assert_eq!(everything(&sandbox.path("store")), before);
    told(&output, "writable", "not_run", "permission denied");
    for probe in PROBES {
        told(&output, probe, "not_run", "not tried");
    }
    assert_eq!(finding(&output, "manifests")["verdict"], "ok", "{output}");
}

/// Runs `doctor` where these mounts were made; `None` where nothing can be mounted.
fn with_mounts(sandbox: &Sandbox, mounts: &str) -> Option<Output> {
    let script = format!("( {mounts} ) || exit 77; exec \"$0\" doctor --json");
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--propagation", "private", "sh", "-c", &script])
        .arg(env!("CARGO_BIN_EXE_ragctl"))
        .current_dir(sandbox.path(""));
    match command.output().map(Output::of) {
        Ok(output) if !output.stdout.is_empty() => Some(output),
        Ok(output) => {
            eprintln!("not run: nothing can be mounted here: {output}");
            None
        }
        Err(e) => {
            eprintln!("not run: unshare: {e}");
            None
        }
    }
}

#[test]
fn a_mount_that_stays_at_a_version_is_told_and_a_read_only_one_fails_nothing() {
    let sandbox = Sandbox::published();
    fs::create_dir(sandbox.path("pinned")).unwrap();
    let mounts = "mount --bind store/current pinned && mount --bind store store && mount -o remount,bind,ro store";
    if let Some(output) = with_mounts(&sandbox, mounts) {
        let words = "pinned stays at v0.1.0";
        told(&output, "pinned_mounts", "warning", words);
        told(&output, "writable", "not_run", "read-only");
        output.ok();
    }
}

#[test]
fn a_directory_of_the_store_that_is_mounted_from_elsewhere_is_unsuitable() {
    let sandbox = Sandbox::published();
    fs::create_dir(sandbox.path("elsewhere")).unwrap();
    if let Some(output) = with_mounts(&sandbox, "mount --bind elsewhere store/staging") {
        told(&output, "one_filesystem", "failed", "staging");
        output.code(17);
    }
}

#[test]
fn what_a_filesystem_cannot_do_fails_its_probe_and_nothing_else() {
    let sandbox = Sandbox::published();
    // What fails, the probe that finds out, its verdict, and the exit code.
    let lacking = [
        ("linkat:error=EPERM", "hard_link", "failed", 17),
        ("flock:error=ENOLCK", "flock", "failed", 17),
        ("fsync:error=EINVAL", "directory_fsync", "failed", 17),
        ("symlink:error=EPERM", "symlink", "failed", 17),
        ("renameat2:error=EINVAL", "rename_noreplace", "warning", 0),
        ("inotify_init1:error=EMFILE", "events", "warning", 0),
        ("mkdir:error=ENOSPC", "writable", "failed", 17),
    ];
    for (fault, name, verdict, code) in lacking {
        let mut command = Command::new("strace");
        command
            .args(["-f", "-qq", "-o", "/dev/null", "-e"])
            .arg(format!("inject={fault}"))
            .arg(env!("CARGO_BIN_EXE_ragctl"))
            .args(["doctor", "--json"])
            .current_dir(sandbox.path(""));
        let output = match command.output() {
            Ok(output) => Output::of(output),
            Err(e) => {
                eprintln!("not run: strace: {e}");
                return;
            }
        };
        if output.stdout.is_empty() {
            eprintln!("not run: strace cannot trace here: {output}");
            return;
        }
        told(&output, name, verdict, "");
        assert_eq!(output.code, code, "{fault}: {output}");
        let staging = fs::read_dir(sandbox.path("store/staging")).unwrap();
        assert_eq!(staging.count(), 0, "{fault}");
    }
}
