//! Measuring what a machine does. A figure is the best of some rounds: what disturbs a round makes it slower, never faster.

pub mod embed;
mod figure;
pub mod query;
pub mod reload;

pub use figure::{Better, Compared, Figure, LEAST_SAMPLES, Verdict, compare};
