//! Bodies that only the server's own APIs use. Known to roles only; the protocol of clients is in `castalia_core::protocol`.

pub mod admin;
mod body;
pub mod free_form;
pub mod open_api;
