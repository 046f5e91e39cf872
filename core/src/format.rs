//! From the text of a namespace to its key-value view, by format.

pub mod properties;
