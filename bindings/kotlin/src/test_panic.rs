//! Deliberate panics for tests. Release builds have them too: the generated Kotlin half, which is one
//! for all builds, verifies at load that the library has each function.

use castalia_core::host::{call, fault};

use crate::error::Result;

/// Panics in this place; see `fault::panic_in`.
#[uniffi::export]
fn test_panic(place: &str) {
    drop(fault::panic_in(place));
}

/// Panics in a task of the runtime.
#[uniffi::export]
async fn test_panic_in_task() -> Result<()> {
    Ok(call::run(fault::panic_in("task")).await?)
}
