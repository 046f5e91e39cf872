#![forbid(unsafe_code)]
//! Black-box suites against real processes; all code is in `main.rs`, this crate exports nothing.
