//! The Apollo protocol, shared by client and server: bodies, paths, names and signatures.
//!
//! Imports no other module of this crate, performs no I/O and keeps no state.

pub mod namespace;
pub mod route;
pub mod signature;
pub mod wire;
