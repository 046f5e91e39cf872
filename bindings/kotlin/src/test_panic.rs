//! Deliberate panics, in debug builds only, for the tests that prove that no panic crosses the
//! boundary.

use castalia_core::host::call;

use crate::error::Failure;

/// Panics in the call itself (0), or while a value is dropped (1).
#[uniffi::export]
fn test_panic(place: i32) {
    match place {
        0 => fault(),
        _ => drop(FaultyDrop),
    }
}

/// Panics in a task of the runtime.
#[uniffi::export]
async fn test_panic_in_task() -> Result<(), Failure> {
    let faulty = async {
        fault();
        Ok(())
    };
    Ok(call::run(faulty).await?)
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
