//! The numbered cases of the protocol against a running server: one of ours, or any by its address.
//!
//! `CASTALIA_TEST_ON` names the database server that ours is on, `mysql` or `postgres`; SQLite without it.
//! `CASTALIA_TEST_CONFIG_URL` and `CASTALIA_TEST_ADMIN_URL` name a server without apps, `CASTALIA_TEST_CONFIG_DB` its database. Cases
//! that need a start with settings of their own are then left out and say so.

mod config;
mod shared;
