//! Imports run one way, libraries stay in their rooms.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::repository;

/// What each module may import. The base may be imported by all: fault, digest, durable, progress, space.
const ALLOWED: [(&str, &[&str]); 36] = [
    ("fault", &[]),
    ("digest", &[]),
    ("durable", &[]),
    ("progress", &[]),
    ("simd", &[]),
    ("space", &[]),
    ("store", &[]),
    ("corpus", &[]),
    ("model", &[]),
    ("chunk", &["corpus", "model"]),
    ("embed", &["model", "simd"]),
    ("index", &["chunk", "corpus", "simd", "store"]),
    ("snapshot", &["chunk", "corpus", "store"]),
    ("ingest", &["chunk", "corpus", "model", "snapshot", "store"]),
    (
        "build",
        &[
            "corpus", "embed", "golden", "index", "model", "snapshot", "store",
        ],
    ),
    ("golden", &["index"]),
    ("diff", &["embed", "golden", "index", "snapshot", "store"]),
    ("verify", &["embed", "golden", "index", "snapshot", "store"]),
    ("publish", &["store", "verify"]),
    ("promote", &["store", "verify"]),
    ("gc", &["embed", "snapshot", "store"]),
    ("forget", &["embed", "index", "snapshot", "store"]),
    ("query", &["embed", "index", "model", "store"]),
    ("signature", &["store"]),
    ("bundle", &["signature", "store"]),
    ("remote", &["embed", "signature", "store"]),
    ("doctor", &["embed", "model", "remote", "simd", "store"]),
    ("watch", &["store"]),
    (
        "bench",
        &[
            "build", "chunk", "corpus", "embed", "index", "model", "plot", "snapshot", "store",
        ],
    ),
    ("adopt", &["store"]),
    (
        "serve",
        &[
            "embed",
            "golden",
            "index",
            "model",
            "query",
            "signature",
            "store",
            "verify",
            "watch",
        ],
    ),
    ("conformance", &[]),
    ("plot", &[]),
    (
        "report",
        &[
            "diff", "golden", "index", "plot", "snapshot", "store", "verify",
        ],
    ),
    ("config", &["corpus", "model"]),
    ("ui", &[]),
];
const BASE: [&str; 5] = ["fault", "digest", "durable", "progress", "space"];

/// Words that only some modules may say.
const ROOMS: [(&str, &[&str]); 16] = [
    ("unsafe ", &["simd"]),
    ("candle_", &["embed"]),
    ("lancedb", &["index"]),
    ("arrow_array", &["index"]),
    ("lopdf::", &["corpus"]),
    ("scraper::", &["corpus"]),
    ("trafilatura::", &["corpus"]),
    ("use notify", &["doctor", "watch"]),
    ("clap::", &["cli", "ui"]),
    ("indicatif::", &["cli", "ui"]),
    ("env::var", &["cli", "ui"]),
    ("io::stdout", &["ui"]),
    ("io::stderr", &["ui"]),
    ("object_store::", &["remote"]),
    ("minisign::", &["signature"]),
    ("sync_all", &["durable"]),
];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The code of each module, comments left out.
fn modules() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let src = repository().join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    // Cargo's, and no part of the program.
    files.retain(|path| !path.ends_with("serve/grpc/build.rs"));
    let mut modules: BTreeMap<String, Vec<(PathBuf, String)>> = BTreeMap::new();
    for path in files {
        let first = path
            .strip_prefix(&src)
            .unwrap()
            .iter()
            .next()
            .unwrap()
            .to_str()
            .unwrap();
        let code = fs::read_to_string(&path).unwrap();
        let code = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect::<Vec<_>>()
            .join("\n");
        modules
            .entry(first.trim_end_matches(".rs").to_owned())
            .or_default()
            .push((path, code));
    }
    modules
}

/// The modules that `use crate::…` names in a piece of code.
fn imports(code: &str) -> Vec<String> {
    let word = |text: &str| {
        text.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    code.split("crate::")
        .skip(1)
        .map(word)
        .filter(|name| !name.is_empty() && name.chars().all(|c| !c.is_uppercase()))
        .collect()
}

#[test]
fn imports_run_one_way() {
    let modules = modules();
    for (module, files) in &modules {
        if matches!(module.as_str(), "cli" | "lib" | "main") {
            continue;
        }
        let (_, allowed) = ALLOWED
            .iter()
            .find(|(name, _)| name == module)
            .unwrap_or_else(|| panic!("{module} has no line in ALLOWED"));
        for (path, code) in files {
            for import in imports(code) {
                let fine = import == *module
                    || BASE.contains(&import.as_str())
                    || allowed.contains(&import.as_str());
                assert!(
                    fine,
                    "{} imports {import}, which {module} may not",
                    path.display()
                );
            }
        }
    }
    assert_eq!(
        modules.len(),
        ALLOWED.len() + 3,
        "a module is missing here or in src/"
    );
}

#[test]
fn libraries_stay_in_their_rooms() {
    for (module, files) in modules() {
        for (path, code) in files {
            for (word, rooms) in ROOMS {
                // The program's entry and the model's own downloads write through their own files.
                let exempt = module == "model" && word == "sync_all";
                assert!(
                    exempt || rooms.contains(&module.as_str()) || !code.contains(word),
                    "{} says {word}",
                    path.display()
                );
            }
        }
    }
}
