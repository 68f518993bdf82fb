//! All tests that run the program or the library from outside, in one binary: linking LanceDB is slow.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may panic and may talk"
)]

mod bench;
mod channels;
mod compat;
mod config;
mod conformance;
mod crash;
mod difference;
mod doctor;
mod drift;
mod exit_codes;
mod flips;
mod forget;
mod formats;
mod gc;
mod generated;
mod golden;
mod help;
mod histories;
mod incremental;
mod ingest;
mod json;
mod layering;
mod model;
mod pipeline;
mod query;
mod readonly;
mod release;
mod remote;
mod resolve;
mod retrieval;
mod serve;
mod support;
mod watch;
mod web;
mod worker;
