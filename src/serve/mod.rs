//! Serving a store: versions are followed and kept loaded ([`Live`]), and asked by HTTP and gRPC ([`serve()`]).
//!
//! ```text
//! poll → hold → check → load → warm → swap → drain      one thread a store, one load at a time
//! accept → guard → pick one version → queue → answer    what computes never runs where bytes are moved
//! ```
//!
//! With `index`, the only asynchronous code.

mod ask;
mod connect;
pub mod grpc;
mod guard;
mod http;
mod live;
mod metrics;
mod pool;
mod server;

pub use ask::Limits;
pub use guard::{Guard, GuardError};
pub use http::openapi;
pub use live::{
    Check, Error, Live, Models, Options, ParseOptionError, Refused, Reload, SearchBy, Served,
    Status,
};
pub use server::{Admin, Config, Control, ParseAdminError, ServeError, bind, serve};
