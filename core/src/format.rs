//! The text of a namespace as key-value pairs, by its format, and the text of a value as other
//! types.

#[cfg(feature = "discovery")]
pub mod date;
pub mod properties;
pub mod rules;
pub mod structure;
pub mod value;
pub mod yaml;
