#![forbid(unsafe_code)]
#![warn(missing_docs)]
//! Client runtime for the Apollo configuration center, and the protocol that client and server share.

pub mod error;
pub mod format;
pub mod protocol;

pub use error::{Error, ErrorKind, Result};
