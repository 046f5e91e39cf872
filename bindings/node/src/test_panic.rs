//! A fault on purpose, in debug builds only: for the tests that prove that a panic stops at the border.

use napi_derive::napi;

use crate::mailbox::Mailbox;

/// Panics in the `call` itself, in the `drop` of a value, or in a `task` whose end the handler is told.
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
