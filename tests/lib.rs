#![forbid(unsafe_code)]
//! Black-box suites against real processes; everything is in `main.rs`, this crate offers nothing.
