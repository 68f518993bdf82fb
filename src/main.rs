//! The `ragctl` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ragctl::cli::main()
}
