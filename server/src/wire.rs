//! Bodies of the server's own APIs. Only roles use them; the protocol of clients is in
//! `castalia_core::protocol`.

pub mod admin;
pub mod archive;
mod body;
pub mod free_form;
pub mod open_api;
