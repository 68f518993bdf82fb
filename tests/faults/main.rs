//! Runs the fault suite, which is written in another language than the program that it judges: `cargo test` runs the quick
//! set, `cargo test --release --test faults -- --full` all of it. What `run.py --help` lists may follow as well.
#![expect(clippy::print_stderr, reason = "a test may talk")]

use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test NAME` hands its filter to every test binary, and tools ask for a list.
    let is_filter =
        |arg: &String| !arg.starts_with('-') && !arg.contains(',') && !arg.starts_with('T');
    let own = args
        .iter()
        .any(|arg| matches!(arg.as_str(), "--full" | "--quick" | "--only"));
    let filtered = !own
        && args
            .iter()
            .any(|arg| is_filter(arg) && !"faults".contains(arg.as_str()));
    if filtered || args.iter().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/run.py");
    let mut command = Command::new("python3");
    command
        .arg(script)
        .arg("--ragctl")
        .arg(env!("CARGO_BIN_EXE_ragctl"));
    if own {
        command.args(args);
    } else {
        command.arg("--quick");
    }
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("faults: failed ({status})");
            ExitCode::FAILURE
        }
        Err(e) => {
            eprintln!("faults: python3 cannot be run: {e}; install it");
            ExitCode::FAILURE
        }
    }
}
