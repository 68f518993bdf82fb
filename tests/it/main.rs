//! All tests that run the program or the library from outside, in one binary: linking LanceDB is slow.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may panic and may talk"
)]

mod compat;
mod config;
mod crash;
mod exit_codes;
mod flips;
mod formats;
mod generated;
mod golden;
mod help;
mod ingest;
mod json;
mod layering;
mod model;
mod pipeline;
mod query;
mod readonly;
mod release;
mod support;
