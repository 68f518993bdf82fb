//! Documents are read in another process, and what becomes of that process is one document's failure at most.

use std::convert::Infallible;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ragctl::corpus::{
    Document, Failure, Format, Metadata, Options, Stopped, Task, Worker, WorkerError,
};

use crate::support::{Sandbox, eventually, repository};

type Outcome = Result<Document, Failure>;

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_ragctl"))
}

fn task(name: &str) -> Task {
    Task {
        source: "docs".into(),
        id: name.into(),
        uri: format!("docs/{name}"),
        name: name.into(),
        format: None,
        charset: None,
        options: Options::default(),
        metadata: Metadata::new(),
    }
}

fn read(worker: &mut Worker, name: &str, body: &mut dyn Read) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let read = worker.extract::<Infallible>(&task(name), body, &mut |outcome| {
        outcomes.push(outcome);
        Ok(())
    });
    read.unwrap();
    outcomes
}

fn read_text(worker: &mut Worker, text: &str) -> String {
    let mut outcomes = read(worker, "a.txt", &mut text.as_bytes());
    outcomes.remove(0).unwrap().text
}

fn reason(outcomes: &[Outcome]) -> &str {
    match outcomes {
        [.., Err(failure)] => &failure.reason,
        other => panic!("{other:?}"),
    }
}

fn send(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.try_into().unwrap()), signal).unwrap();
}

/// Sends a signal that ends or stops a child, and waits until none of its threads runs: each gets it in its own time.
fn send_and_wait(pid: u32, signal: Signal) {
    send(pid, signal);
    eventually("no thread runs", || {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        threads.flatten().all(|thread| {
            // A thread that has ended meanwhile has no such file.
            let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            let state = stat.rsplit(") ").next().unwrap_or_default();
            state.is_empty() || state.starts_with(['T', 'Z', 'X'])
        })
    });
}

/// A document whose bytes, once they are asked for, do something first.
struct Trap<'a, F: FnMut()>(F, &'a [u8]);

impl<F: FnMut()> Read for Trap<'_, F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        (self.0)();
        self.1.read(into)
    }
}

/// A worker that has a child already.
fn started() -> (Worker, u32) {
    let mut worker = Worker::new(program());
    assert_eq!(read_text(&mut worker, "Some words."), "Some words.");
    let pid = worker.process_id().unwrap();
    (worker, pid)
}

#[test]
fn one_child_reads_many_documents_one_after_the_other() {
    let (mut worker, pid) = started();
    let pdf = fs::read(repository().join("fixtures/corpus/runbook.pdf")).unwrap();
    for _ in 0..3 {
        let outcomes = read(&mut worker, "runbook.pdf", &mut pdf.as_slice());
        let document = outcomes[0].as_ref().unwrap();
        assert_eq!((document.format, document.pages.len()), (Format::Pdf, 2));
        assert_eq!(read_text(&mut worker, "More words."), "More words.");
    }
    assert_eq!(worker.process_id(), Some(pid));
    assert!((1..=512 << 20).contains(&worker.peak_memory()));
}

#[test]
fn a_child_keeps_nothing_of_its_parent_but_pipes_and_has_limits() {
    let (_worker, pid) = started();
    let of = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
    assert_eq!(of("environ"), "MALLOC_ARENA_MAX=1\0RAYON_NUM_THREADS=1\0");
    assert_eq!(
        fs::read_link(format!("/proc/{pid}/cwd")).unwrap(),
        Path::new("/")
    );
    let limits = of("limits");
    let soft = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(soft("Max file size"), "0");
    assert_eq!(soft("Max open files"), "32");
    assert_eq!(soft("Max core file size"), "0");
    assert!((20..30).contains(&soft("Max cpu time").parse::<u64>().unwrap()));
    assert!(soft("Max address space").parse::<u64>().is_ok());
    for descriptor in fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
        let target = fs::read_link(descriptor.unwrap().path()).unwrap();
        let target = target.to_str().unwrap();
        assert!(
            target.starts_with("pipe:") || target == "/dev/null" || target.ends_with("/status"),
            "{target}"
        );
    }
}

#[test]
fn a_child_that_is_killed_is_the_failure_of_the_document_it_reads() {
    let (mut worker, pid) = started();
    let mut killed = Trap(|| send_and_wait(pid, Signal::SIGKILL), b"words");
    let outcomes = read(&mut worker, "a.txt", &mut killed);
    assert!(
        reason(&outcomes).contains("ended from outside"),
        "{outcomes:?}"
    );
    assert_eq!(outcomes.len(), 1);
    assert_eq!(read_text(&mut worker, "Other words."), "Other words.");
    assert_ne!(worker.process_id(), Some(pid));
}

#[test]
fn a_child_that_is_killed_while_it_has_nothing_to_do_is_no_documents_failure() {
    let (mut worker, pid) = started();
    send(pid, Signal::SIGKILL);
    eventually("the child has ended", || {
        fs::read_to_string(format!("/proc/{pid}/stat"))
            .unwrap()
            .contains(") Z ")
    });
    assert_eq!(read_text(&mut worker, "Other words."), "Other words.");
}

#[test]
fn a_child_that_hangs_is_ended_when_patience_does() {
    // The program's start is none of what is waited for.
    let (worker, pid) = started();
    let mut worker = worker.with_patience(Duration::from_millis(400));
    let mut stopped = Trap(|| send_and_wait(pid, Signal::SIGSTOP), b"words");
    let outcomes = read(&mut worker, "a.txt", &mut stopped);
    assert_eq!(reason(&outcomes), "took more than 0.4 s");
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_run_that_is_asked_to_stop_waits_for_no_document() {
    let stop = Arc::new(AtomicBool::new(false));
    let mut worker = Worker::new(program()).stopped_by(Arc::clone(&stop));
    read_text(&mut worker, "Some words.");
    let pid = worker.process_id().unwrap();
    let mut hanging = Trap(
        || {
            send_and_wait(pid, Signal::SIGSTOP);
            stop.store(true, Ordering::Relaxed);
        },
        b"words",
    );
    let read = worker.extract::<Infallible>(&task("a.txt"), &mut hanging, &mut |outcome| {
        panic!("{outcome:?}")
    });
    assert!(
        matches!(read, Err(Stopped::Worker(WorkerError::Interrupted(_)))),
        "{read:?}"
    );
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn records_before_the_end_of_a_child_stay_and_the_rest_is_one_failure() {
    struct Endless(usize);
    impl Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            let line = format!("{{\"id\": \"r{}\", \"text\": \"Words.\"}}\n", self.0);
            into[..line.len()].copy_from_slice(line.as_bytes());
            Ok(line.len())
        }
    }
    let (mut worker, pid) = started();
    let mut outcomes = Vec::new();
    let read = worker.extract::<Infallible>(&task("a.jsonl"), &mut Endless(0), &mut |outcome| {
        outcomes.push(outcome);
        if outcomes.len() == 3 {
            send(pid, Signal::SIGKILL);
        }
        Ok(())
    });
    read.unwrap();
    let told = format!("after {} of its records", outcomes.len() - 1);
    assert!(reason(&outcomes).contains(&told), "{}", reason(&outcomes));
    let (last, before) = outcomes.split_last().unwrap();
    assert_eq!(last.as_ref().unwrap_err().id, "a.jsonl");
    for (number, outcome) in before.iter().enumerate() {
        assert_eq!(outcome.as_ref().unwrap().id, format!("r{}", number + 1));
    }
}

#[test]
fn a_document_that_its_child_does_not_want_to_the_end_holds_nobody_up() {
    let (mut worker, pid) = started();
    let mut too_large = io::repeat(b'x').take(200 << 20);
    let outcomes = read(&mut worker, "a.txt", &mut too_large);
    assert_eq!(reason(&outcomes), "is larger than 64 MiB");
    assert_eq!(read_text(&mut worker, "Other words."), "Other words.");
    assert_eq!(worker.process_id(), Some(pid));
}

#[test]
fn bytes_that_cannot_be_read_are_a_failure_that_says_so() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let (mut worker, _) = started();
    let outcomes = read(&mut worker, "a.txt", &mut Broken);
    assert_eq!(reason(&outcomes), "cannot be read: the disk is gone");
    assert_eq!(read_text(&mut worker, "Other words."), "Other words.");
}

/// A program that says it is ready, and then does what a script does.
fn impostor(dir: &Path, script: &str) -> Worker {
    let (text, path) = (dir.join("text"), dir.join("impostor"));
    // Each length is written as four bytes, the least of them first.
    let ready = r#"printf '\036\000\000\000{"Ready":{"protocol":1}}      '"#;
    fs::write(&text, format!("#!/bin/sh\n{ready}\n{script}\n")).unwrap();
    // A file that this process itself wrote may still be open in a child that another test is starting.
    let installed = Command::new("install")
        .args(["-m", "755"])
        .args([&text, &path])
        .status();
    assert!(installed.unwrap().success());
    Worker::new(path).with_patience(Duration::from_secs(5))
}

#[test]
fn a_child_that_writes_nonsense_is_ended_and_the_document_fails() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(1 << 20);
    for script in [
        r"printf '\003\000\000\000abc'",
        r"printf '\377\377\377\377'; cat",
        r#"printf '\023\000\000\000{"Refused":"words"}'"#,
        "cat",
    ] {
        let mut worker = impostor(dir.path(), script);
        let outcomes = read(&mut worker, "a.txt", &mut long.as_bytes());
        assert_eq!(
            reason(&outcomes),
            "the parser's answer makes no sense",
            "{script}"
        );
    }
}

#[test]
fn a_child_that_answers_for_another_document_or_twice_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let say = |id: &str| {
        let reply = format!(
            r#"{{"Failure":{{"source":"docs","id":"{id}","uri":"docs/a.txt","reason":"x"}}}}"#
        );
        format!("printf '\\{:03o}\\000\\000\\000{reply}'\n", reply.len())
    };
    let done = r#"{"Done":{"memory":null,"panicked":false}}"#;
    let done = format!(
        "printf '\\{:03o}\\000\\000\\000{done}'; cat >&2",
        done.len()
    );
    let told = |said: &[String]| {
        let mut worker = impostor(dir.path(), &format!("{}{done}", said.concat()));
        let outcomes = read(&mut worker, "a.txt", &mut &b"words"[..]);
        assert_eq!(outcomes.len(), 1, "{outcomes:?}");
        reason(&outcomes).to_owned()
    };
    assert_eq!(told(&[say("a.txt")]), "x");
    for said in [vec![], vec![say("b.txt")], vec![say("a.txt"), say("a.txt")]] {
        assert_eq!(
            told(&said),
            "the parser's answer makes no sense",
            "{said:?}"
        );
    }
}

#[test]
fn a_child_that_reads_nothing_and_talks_to_nobody_is_not_waited_for_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(1 << 20);
    let mut worker = impostor(dir.path(), "exec sleep 100").with_patience(Duration::from_secs(3));
    let outcomes = read(&mut worker, "a.txt", &mut long.as_bytes());
    assert_eq!(reason(&outcomes), "took more than 3 s");
    let mut chatty = impostor(dir.path(), "head -c 1000000 /dev/zero >&2; exit 7");
    let outcomes = read(&mut chatty, "a.txt", &mut long.as_bytes());
    assert!(reason(&outcomes).contains('7'), "{}", reason(&outcomes));
}

#[test]
fn without_a_worker_no_document_fails_but_the_run_does() {
    let fails = |program: &str| {
        let read = Worker::new(program.into()).extract::<Infallible>(
            &task("a.txt"),
            &mut &b"words"[..],
            &mut |outcome| panic!("{outcome:?}"),
        );
        match read {
            Err(Stopped::Worker(e)) => e.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert!(fails("/no/such/program").contains("cannot be started"));
    assert!(fails("/bin/true").contains("does not work"));
    assert!(fails("/bin/cat").contains("does not work"));
}

#[test]
fn a_child_ends_with_its_parent() {
    let mut parent = Command::new(program())
        .arg("__extract")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let pid = parent.id();
    assert!(parent.try_wait().unwrap().is_none());
    drop(parent.stdin.take());
    eventually("the child has ended", || {
        fs::read_to_string(format!("/proc/{pid}/stat"))
            .unwrap()
            .contains(") Z ")
    });
    parent.wait().unwrap();
}

#[test]
fn an_ingest_that_is_interrupted_waits_for_no_child_and_leaves_none() {
    let sandbox = Sandbox::with_docs();
    let records: String = (0..200_000)
        .map(|number| format!("{{\"id\": \"r{number}\", \"text\": \"Words of a record.\"}}\n"))
        .collect();
    sandbox.write("docs/records.jsonl", &records);
    let mut ingest = sandbox
        .command(["ingest"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let of_ingest = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after = stat.rsplit(')').next().unwrap_or_default();
        // A child that is stopped before it has become another program stops its parent with it.
        let cmdline = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        after.split_whitespace().nth(1) == Some(&ingest.id().to_string())
            && cmdline.contains("__extract")
    };
    let children = || -> Vec<u32> {
        let entries = fs::read_dir("/proc").unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names
            .filter_map(|name| name.parse().ok())
            .filter(of_ingest)
            .collect()
    };
    eventually("a child has started", || !children().is_empty());
    let stopped = children();
    for child in &stopped {
        // One that had little to read has ended meanwhile.
        kill(Pid::from_raw((*child).try_into().unwrap()), Signal::SIGSTOP).ok();
    }
    send(ingest.id(), Signal::SIGINT);
    assert_eq!(ingest.wait().unwrap().code(), Some(130));
    for child in stopped {
        assert!(!Path::new(&format!("/proc/{child}")).exists());
    }
}
