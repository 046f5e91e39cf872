//! Deliberate panics, in debug builds only.

use castalia_core::host::fault;
use napi_derive::napi;

use crate::mailbox::Mailbox;

/// Panics in this place, of which `task` is one whose result the handler receives; see
/// `fault::panic_in`.
#[napi(catch_unwind)]
pub fn test_panic(mailbox: &Mailbox, place: String, id: i64) {
    mailbox.post.run(id, fault::panic_in(&place));
}
