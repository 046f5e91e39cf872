//! Pages of lists, as roles ask for them.

pub use crate::store::{Page, Paged, Sort};
