//! From the text of a namespace to its key-value view, by format, and from the text of a value to its type.

#[cfg(feature = "discovery")]
pub mod date;
pub mod properties;
pub mod rules;
pub mod structure;
pub mod value;
pub mod yaml;
