#![forbid(unsafe_code)]
//! Zip archives of exports and imports. Entries are written and read one at a time, so that memory
//! holds one of them and not the archive. No path of an entry becomes a path on disk. Knows no
//! HTTP, no database, no async runtime and nothing about the content of entries.

pub mod path;
mod reader;
mod writer;

pub use self::reader::{Limits, Reader};
pub use self::writer::Writer;

/// An archive that cannot be accepted; the text says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);
