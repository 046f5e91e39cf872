//! The admin API as its callers see it: every numbered case, in process on SQLite in memory, or against a running server.
//!
//! `CASTALIA_TEST_ADMIN_URL` and `CASTALIA_TEST_CONFIG_DB` name a server and its database; run with `--test-threads=1` then.
//! The database alone takes the place of the one in memory.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure in a test's own steps may end it"
)]

mod admin {
    mod access;
    mod access_key;
    mod address;
    mod app;
    mod audit_log;
    mod branch;
    mod client;
    mod cluster;
    mod gray;
    mod gray_release;
    mod instance;
    mod item;
    mod item_set;
    mod lock;
    mod namespace;
    mod release;
    mod retention;
    mod rollback;
    mod server_config;
}
