#![warn(missing_docs)]
#![expect(
    unsafe_code,
    reason = "exported names are not mangled; unsafe blocks are in `boundary` alone"
)]
//! The C interface of the client: `include/castalia.h` is made from this crate.
//!
//! Each file is one group of functions; what crosses the border does so in `boundary`.

mod boundary;
mod client;
mod config;
mod error;
mod event;
mod fork;
mod handle;
mod list;
mod log;
mod record;
mod settings;
mod snapshot;
mod subscription;
#[cfg(debug_assertions)]
mod test_panic;
mod testing;
mod text;
mod validator;

pub use boundary::CastaliaStr;
pub use client::*;
pub use config::*;
pub use error::*;
pub use event::*;
pub use list::*;
pub use log::*;
pub use record::*;
pub use settings::*;
pub use snapshot::*;
pub use subscription::*;
#[cfg(debug_assertions)]
pub use test_panic::*;
pub use testing::*;
pub use text::*;
pub use validator::*;

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
