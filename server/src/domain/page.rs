//! Pages of lists, as roles request them, and the length of their contents.

pub use castalia_store::{Page, Paged, Sort};

use castalia_store::StoreError;
use castalia_store::length::LIST;

use crate::error::Result;

/// Requires that texts of so many bytes together fit in the answer with a list.
///
/// # Errors
/// Fails with [`Code::AnswerTooLong`](crate::error::Code::AnswerTooLong).
pub fn check_length(bytes: u64) -> Result<()> {
    if bytes > LIST { Err(StoreError::TooLong.into()) } else { Ok(()) }
}
