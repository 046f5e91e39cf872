//! What the bindings for other languages share, so that each of them only converts types. Knows no
//! language.

use std::time::Duration;

pub mod call;
pub mod client;
pub mod copy;
pub mod default_log;
pub mod describe;
pub mod fault;
pub mod fork;
pub mod gate;
pub mod handle;
pub mod log;
pub mod mailbox;
pub mod memory;
pub mod open;
pub mod read;
pub mod settings;
pub mod stream;
pub mod validate;

/// How long listeners have for their queued events when a client is closed.
pub const DRAIN: Duration = crate::client::DRAIN;
