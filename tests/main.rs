#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should say where"
)]
//! Black-box suites: real processes, real sockets, real databases. One binary, so that linking
//! happens once.

mod support;

mod client;
mod conformance;
mod examples;
mod fault;
mod interop;
mod server;
