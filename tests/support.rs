//! Shared by the suites.

pub(crate) mod app;
pub(crate) mod database;
pub(crate) mod demo;
pub(crate) mod eventually;
pub(crate) mod gate;
pub(crate) mod health;
pub(crate) mod http;
pub(crate) mod line;
pub(crate) mod logged;
pub(crate) mod mark;
pub(crate) mod memory;
mod options;
pub(crate) mod parked;
pub(crate) mod poll;
pub(crate) mod raw;
pub(crate) mod rows;
pub(crate) mod sandbox;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod sign;
pub(crate) mod stopwatch;
pub(crate) mod trace;
pub(crate) mod watch;
pub(crate) mod way;

/// An environment variable that configures the tests.
#[expect(clippy::disallowed_methods, reason = "tests have no settings to read it from")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
