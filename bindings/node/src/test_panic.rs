//! Deliberate panics, in debug builds only, for the tests that prove that no panic crosses the
//! boundary.

use napi_derive::napi;

use crate::mailbox::Mailbox;

/// Panics in the `call` itself, in the `drop` of a value, or in a `task` whose result the handler
/// receives.
#[napi(catch_unwind)]
pub fn test_panic(mailbox: &Mailbox, place: String, id: i64) {
    match place.as_str() {
        "call" => fault(),
        "drop" => drop(FaultyDrop),
        _ => mailbox.post.spawn(id, async {
            fault();
            Ok(None)
        }),
    }
}

fn fault() {
    panic!("told to");
}

struct FaultyDrop;

impl Drop for FaultyDrop {
    fn drop(&mut self) {
        fault();
    }
}
