//! Asks a command that reads one request a line and writes one answer a line.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Error;
use super::answer::Reply;
use super::finding::{Flaw, Wrong};
use super::http::{LARGEST, too_large};
use super::template::Filling;
use super::worker::{TICK, Trouble, Worker};
use crate::progress::Progress;

/// How long a command may take to end once its input has ended.
const FAREWELL: Duration = Duration::from_secs(1);

/// One client's command. It is started with the first question, and again after it ended.
pub(super) struct Spoken {
    program: OsString,
    args: Vec<OsString>,
    running: Option<Running>,
}

struct Running {
    /// Declared first: with it the command's input ends.
    worker: Option<Worker<Vec<u8>>>,
    child: Child,
}

impl Spoken {
    pub(super) fn new(program: &OsString, args: &[OsString]) -> Self {
        Self {
            program: program.clone(),
            args: args.to_vec(),
            running: None,
        }
    }

    /// Asks, and ends the command after any trouble: what it writes later would be taken for the next answer.
    pub(super) fn ask(
        &mut self,
        filling: Filling<'_>,
        body: &Value,
        timeout: Duration,
        progress: &dyn Progress,
    ) -> Result<Reply, Trouble> {
        let mut line = filling.json(body).to_string().into_bytes();
        line.push(b'\n');
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.start().map_err(Trouble::Fatal)?,
        };
        let worker = running.worker.as_ref();
        match worker.map(|worker| worker.ask(line, timeout, progress)) {
            Some(Ok(reply)) => {
                self.running = Some(running);
                Ok(reply)
            }
            Some(Err(Trouble::Wrong(wrong))) if wrong.flaw == Flaw::Exited => {
                let found = format!("{}: {}", wrong.found, running.farewell());
                Err(Wrong { found, ..wrong }.into())
            }
            Some(Err(trouble)) => {
                running.kill();
                Err(trouble)
            }
            None => Err(ended("no output").into()),
        }
    }

    fn start(&self) -> Result<Running, Error> {
        let failed = |source| Error::Start {
            program: self.program.to_string_lossy().into_owned(),
            source,
        };
        let mut child = Command::new(&self.program)
            .args(&self.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let pipes = (child.stdin.take(), child.stdout.take());
        let mut running = Running {
            worker: None,
            child,
        };
        if let (Some(mut input), Some(output)) = pipes {
            let mut output = BufReader::new(output);
            let worker =
                Worker::start(move |line: Vec<u8>| exchange(&mut input, &mut output, &line));
            running.worker = Some(worker.map_err(|e| Error::Machine(e.to_string()))?);
        }
        Ok(running)
    }
}

impl Running {
    /// Says how the command ended. One that does not end by itself is killed.
    fn farewell(&mut self) -> String {
        self.worker = None;
        let begun = Instant::now();
        while begun.elapsed() < FAREWELL {
            match self.child.try_wait() {
                Ok(Some(status)) => return status.to_string(),
                Ok(None) => thread::sleep(TICK / 10),
                Err(e) => return e.to_string(),
            }
        }
        self.kill();
        "it closed its output and went on".into()
    }

    fn kill(&mut self) {
        self.worker = None;
        // It may be gone already, which is what is wanted.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.farewell();
    }
}

fn exchange(
    input: &mut ChildStdin,
    output: &mut BufReader<ChildStdout>,
    line: &[u8],
) -> Result<Reply, Trouble> {
    let begun = Instant::now();
    input
        .write_all(line)
        .and_then(|()| input.flush())
        .map_err(|e| ended(unread(&e)))?;
    let mut body = Vec::new();
    output
        .take(LARGEST + 1)
        .read_until(b'\n', &mut body)
        .map_err(|e| Wrong::new(Flaw::Broken, "a line", e.to_string()))?;
    if body.len() as u64 > LARGEST {
        return Err(too_large().into());
    }
    if body.last() != Some(&b'\n') {
        let found = match body.is_empty() {
            true => "the end of its output",
            false => "the end of its output in the middle of a line",
        };
        return Err(ended(found).into());
    }
    Ok(Reply {
        body,
        version: None,
        took: begun.elapsed(),
    })
}

fn unread(error: &io::Error) -> String {
    format!("a question that it does not read ({error})")
}

fn ended(found: impl Into<String>) -> Wrong {
    Wrong::new(Flaw::Exited, "an answer", found)
}
