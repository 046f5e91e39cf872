#![expect(unreachable_pub, reason = "the macros of napi ask for `pub`")]
#![expect(clippy::needless_pass_by_value, reason = "what comes from JavaScript is owned")]
//! Native half of the Node package: thin objects over the client. It neither waits nor calls into
//! JavaScript: results are put into a mailbox, which JavaScript is woken to empty.

mod client;
mod failure;
mod mailbox;
mod namespace;
mod stream;
#[cfg(debug_assertions)]
mod test_panic;
mod validator;
mod view;

use castalia_core::ErrorKind;
use napi_derive::napi;

/// Version of this half, which must equal that of the JavaScript half.
#[napi]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Name and code of every kind of error.
#[napi(catch_unwind)]
pub fn error_kinds() -> Vec<(&'static str, i32)> {
    ErrorKind::ALL.into_iter().map(|kind| (kind.name(), kind.code())).collect()
}
