//! The admin API as its callers use it: every numbered case, each test on its own `castalia serve`
//! process and SQLite file.
//!
//! `CASTALIA_TEST_CONFIG_DB` replaces the file; with it, `CASTALIA_TEST_ADMIN_URL` is the address
//! of a server that runs on that database already. Use `--test-threads=1` then.

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
    mod process;
    mod release;
    mod retention;
    mod rollback;
    mod server_config;
    mod sort;
    mod withdrawal;
}
