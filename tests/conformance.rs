//! The numbered cases of the protocol against a running server: one that the tests start, or any
//! other by its address.
//!
//! `CASTALIA_TEST_ON` selects the database of the started server, `mysql` or `postgres`; otherwise
//! SQLite. `CASTALIA_TEST_CONFIG_URL` and `CASTALIA_TEST_ADMIN_URL` are the addresses of another
//! server without apps, `CASTALIA_TEST_CONFIG_DB` its database. Cases that need to start a server
//! with their own settings are then skipped and say so.

mod config;
mod shared;
