//! What the bindings for other languages share, so that each of them only converts types. Knows no
//! language.

pub mod call;
pub mod describe;
pub mod fork;
pub mod open;
pub mod read;
pub mod settings;

pub use crate::client::DRAIN;
