#![forbid(unsafe_code)]
//! The Castalia server: config, meta, admin and portal roles of the Apollo protocol in one process.
//!
//! `role` holds each role's HTTP surface, `domain` the rules, `feed` what clients are answered from and the parked polls, `store`
//! the database. `role -> domain -> feed -> store` and `role -> registry -> store`, never backwards.

pub mod background;
pub mod command;
pub mod domain;
pub mod error;
pub mod feed;
pub mod http;
pub mod json;
mod log;
mod log_rate;
pub mod node;
pub mod nudge;
pub mod outgoing;
mod process;
pub mod registry;
pub mod role;
pub mod server_config;
pub mod settings;
pub mod state;
pub mod store;
pub mod wire;
