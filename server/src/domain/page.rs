//! Pages of lists, as roles request them.

pub use crate::store::{Page, Paged, Sort};
