#![forbid(unsafe_code)]
//! The Castalia server: the config, meta, admin and portal roles of the Apollo protocol in one
//! process.
//!
//! `role` contains the HTTP interface of each role, `domain` the rules, `feed` the releases in
//! memory and the parked polls. The database is the crate `castalia-store`. Dependencies point one
//! way: `role -> domain -> feed -> castalia_store` and `role -> registry -> castalia_store`.

pub mod archive;
pub mod background;
pub mod command;
pub mod directory;
mod disconnect;
pub mod domain;
pub mod environment;
pub mod error;
pub mod feed;
pub mod http;
pub mod json;
mod log;
mod log_rate;
mod missing_row;
pub mod node;
pub mod nudge;
pub mod open_id;
pub mod outgoing;
pub mod password;
mod process;
pub mod registry;
pub mod role;
pub mod server_config;
pub mod settings;
pub mod state;
mod turns;
pub mod wire;
