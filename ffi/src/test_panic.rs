//! Deliberate panics, in debug builds only, for the tests that prove that no panic crosses the
//! boundary.

use castalia_core::{Error, ErrorKind, blocking};

use crate::boundary::guard;
use crate::error::CastaliaError;

/// Panics in the call itself (0), while a value is dropped (1), or in a task of the runtime (2).
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_test_panic(place: i32) -> Option<Box<CastaliaError>> {
    guard(|| match place {
        0 => fault(),
        1 => {
            drop(FaultyDrop);
            Ok(())
        }
        _ => {
            let (sender, ended) = std::sync::mpsc::sync_channel::<()>(1);
            blocking::spawn(async move {
                let _sender = sender;
                fault()
            })?;
            let gone = |_| Error::new(ErrorKind::Internal, "test", "the task panicked");
            ended.recv().map_err(gone)
        }
    })
}

#[expect(clippy::panic_in_result_fn, reason = "this is what it is for")]
fn fault() -> castalia_core::Result<()> {
    panic!("told to")
}

struct FaultyDrop;

impl Drop for FaultyDrop {
    fn drop(&mut self) {
        let _ = fault();
    }
}
