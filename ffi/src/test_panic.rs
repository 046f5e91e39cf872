//! Deliberate panics, in debug builds only.

use std::time::Duration;

use castalia_core::blocking;
use castalia_core::host::{call, fault};

use crate::boundary::{CastaliaStr, guard};
use crate::error::CastaliaError;

/// Panics in this place; see `fault::panic_in`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_test_panic(place: CastaliaStr) -> Option<Box<CastaliaError>> {
    guard(|| blocking::wait(call::run(fault::panic_in(place.text()?)), Duration::MAX))
}
