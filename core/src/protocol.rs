//! What client and server agree on: bodies, paths, names and signatures of the Apollo protocol.
//!
//! Imports no other module of this crate, does no I/O and keeps no state, so that both sides can use it as it is.

pub mod namespace;
pub mod route;
pub mod signature;
pub mod wire;
