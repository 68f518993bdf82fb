//! `ragctl demo`

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use crate::durable::Context as _;
use crate::store::{Store, VersionName};
use crate::ui::Answer;

/// Run the whole way on a few documents: ingest, build, publish, change, query, roll back
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  ragctl demo --store /tmp/try-ragctl")]
pub(super) struct DemoArgs {}

/// The documents, which the program carries along so that an installed one has them too.
const CORPUS: [(&str, &[u8]); 4] = [
    (
        "handbook.md",
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/fixtures/corpus/handbook.md"
        )),
    ),
    (
        "incident.html",
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/fixtures/corpus/incident.html"
        )),
    ),
    (
        "notiz.txt",
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/fixtures/corpus/notiz.txt"
        )),
    ),
    (
        "runbook.pdf",
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/fixtures/corpus/runbook.pdf"
        )),
    ),
];

/// What the second version adds to the handbook.
const CHANGE: &str = "
## Quiet hours

Nobody publishes by hand between ten in the evening and six in the morning. The nightly job may, because it rolls back by
itself when a gate fails. Whoever is on call can lift the quiet hours by writing so in the release channel.
";
const QUESTION: &str = "At what hours may nobody publish by hand?";

/// A short line of prose between two commands.
#[derive(Serialize)]
struct Said {
    said: String,
}

impl Answer for Said {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.said)
    }
}

impl DemoArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        let project = tempfile::Builder::new()
            .prefix("ragctl-demo-")
            .tempdir()
            .context("the temporary directory")?
            .keep();
        let store = match context.only_named_store()? {
            Some(store) => context.working_dir.join(store),
            None => project.join("store"),
        };
        let docs = project.join("docs");
        fs::create_dir(&docs).context(&docs)?;
        for (name, bytes) in CORPUS {
            let path = docs.join(name);
            fs::write(&path, bytes).context(&path)?;
        }
        let demo = Demo {
            context,
            project,
            store,
        };
        demo.play(&docs.join("handbook.md"))
    }
}

struct Demo<'a> {
    context: &'a Context<'a>,
    project: PathBuf,
    store: PathBuf,
}

impl Demo<'_> {
    fn play(&self, handbook: &Path) -> Result<(), CliError> {
        self.say(&format!(
            "The documents lie in {}: Markdown, HTML, PDF, and a text in Latin-1.",
            self.project.join("docs").display()
        ))?;
        self.say("\nA store is a directory. ragctl.toml names what it is built from.")?;
        self.step(&["init"])?;

        self.say(
            "\nIngest reads documents and cuts them into chunks that fit the model: a snapshot.",
        )?;
        self.step(&["ingest", "docs"])?;
        self.say(
            "\nEmbed turns chunks into vectors. The cache keeps them: nothing is embedded twice.",
        )?;
        self.step(&["embed"])?;
        self.say("\nBuild seals a version: an immutable directory with a manifest of every byte.")?;
        self.step(&["build", "--label", "made-by=demo"])?;
        let first = self.newest()?;
        self.say("\nVerify reads it back: files, hashes, the table, and a sample embedded again.")?;
        self.step(&["verify", &first])?;
        self.say(
            "\nPublish flips one link. Readers see the old version or the new one, never neither.",
        )?;
        self.step(&["publish", &first, "--reason", "first release"])?;

        self.say("\nA document changes: the handbook gets a section on quiet hours. Only its chunks are new.")?;
        let path = handbook;
        let text = fs::read_to_string(path).context(path)? + CHANGE;
        fs::write(path, text).context(path)?;
        self.step(&["ingest", "docs"])?;
        self.step(&["build", "--bump", "auto"])?;
        let second = self.newest()?;
        self.step(&[
            "publish",
            &second,
            "--reason",
            "quiet hours",
            "--expect-current",
            &first,
        ])?;

        self.say("\nThe same question to both versions: only the second one can know.")?;
        self.step(&["query", QUESTION, "-k", "1", "--version", &first])?;
        self.step(&["query", QUESTION, "-k", "1"])?;

        self.say("\nRollback is one command too. It needs neither model nor network.")?;
        self.step(&["rollback", "--reason", "only a demo"])?;
        self.step(&["history"])?;
        self.step(&["list"])?;

        let store = self.store.display();
        self.say(&format!(
            "\nThe store lies in {store}: `current` is a link to the live version, `versions/` holds them all.\n\
             Go on: cd {} && ragctl --store {store} status\n\
             Remove it all: chmod -R u+w {store} && rm -r {store} {}",
            self.project.display(),
            self.project.display(),
        ))
    }

    fn say(&self, text: &str) -> Result<(), CliError> {
        Ok(self.context.ui.answer_line(&Said {
            said: text.to_owned(),
        })?)
    }

    /// Runs a command line as a person would type it, and shows it.
    fn step(&self, words: &[&str]) -> Result<(), CliError> {
        let shown: Vec<String> = words
            .iter()
            .map(|word| {
                if word.contains(' ') {
                    format!("'{word}'")
                } else {
                    (*word).to_owned()
                }
            })
            .collect();
        let shown = format!("ragctl {}", shown.join(" "));
        self.say(&format!("$ {shown}"))?;
        let mut args: Vec<OsString> = vec![
            "ragctl".into(),
            "-C".into(),
            self.project.clone().into(),
            "--store".into(),
            self.store.clone().into(),
        ];
        if self.context.global.json {
            args.push("--json".into());
        }
        args.extend(words.iter().map(OsString::from));
        match super::run(args, self.context.ui.signals()) {
            0 => Ok(()),
            code => Err(CliError::step(&shown, code)),
        }
    }

    fn newest(&self) -> Result<String, CliError> {
        let newest = Store::open(&self.store)?.versions()?.pop();
        Ok(newest
            .as_ref()
            .map_or_else(String::new, VersionName::to_string))
    }
}
