//! Pages of lists, as roles request them.

pub use castalia_store::{Page, Paged, Sort};
