//! Passes log records to JavaScript.

use castalia_core::host::log;
use napi::Either;
use napi_derive::napi;

use crate::failure::{Failure, result_or_failure};
use crate::mailbox::Mailbox;

/// Puts records of this level and above into the mailbox; without a level none.
#[napi(catch_unwind)]
pub fn set_log(mailbox: &Mailbox, level: Option<String>) -> Either<(), Failure> {
    let level = level.as_deref().map(log::level).transpose();
    result_or_failure(level.map(|level| mailbox.post.0.read_log(level)))
}

/// Puts warnings and errors into the mailbox, unless another one of the process receives records.
#[napi(catch_unwind)]
pub fn set_default_log(mailbox: &Mailbox) {
    mailbox.post.0.read_log_by_default();
}
