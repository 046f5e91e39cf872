//! Black-box tests of the client against scripted servers: in memory with paused time, and over
//! real HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod client {
    mod busy;
    mod cache;
    mod closing;
    mod discovery;
    mod ended_runtime;
    mod events;
    mod fallback;
    mod hook;
    mod in_memory;
    mod incremental;
    mod lagging;
    mod lifecycle;
    mod load;
    mod malformed;
    mod monitoring;
    mod outage;
    mod own_source;
    mod poll;
    mod poll_line;
    mod revival;
    mod settings;
    mod signing;
    mod slow_names;
    mod spans;
    mod support;
    mod transport;
    mod values;
    mod watch;
}
