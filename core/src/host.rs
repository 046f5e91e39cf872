//! What the bindings for other languages share, so that each of them only converts types. Knows no
//! language.

pub mod call;
pub mod describe;
pub mod open;
