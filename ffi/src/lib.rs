#![warn(missing_docs)]
#![expect(
    unsafe_code,
    reason = "exported names are not mangled; unsafe blocks are in `boundary` alone"
)]
//! The C interface of the client: `include/castalia.h` is made from this crate.
//!
//! Each file is one group of functions; what crosses the border does so in `boundary`.

pub mod boundary;
pub mod client;
pub mod config;
pub mod error;
pub mod event;
pub mod fork;
pub mod log;
pub mod record;
pub mod settings;
pub mod snapshot;
pub mod subscription;
#[cfg(debug_assertions)]
pub mod test_panic;
pub mod testing;

use boundary::CastaliaStr;

// A panic that does not unwind cannot be caught at the boundary and would end the host program.
#[cfg(not(panic = "unwind"))]
compile_error!("castalia-ffi must be built with panic = \"unwind\"");

/// Major version of this interface times 65536, plus the minor version. Additions increase the
/// minor version, incompatible changes the major one.
pub const CASTALIA_ABI_VERSION: u32 = 0x1_0000;

/// The interface version of the loaded library; compare it with `CASTALIA_ABI_VERSION`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_abi_version() -> u32 {
    CASTALIA_ABI_VERSION
}

/// Version of the library, such as `1.2.3`. The text is never freed.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_version() -> CastaliaStr {
    CastaliaStr::of(env!("CARGO_PKG_VERSION"))
}
