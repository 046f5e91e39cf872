#![forbid(unsafe_code)]
//! Native half of the Python package: thin objects over the client, and the dictionaries that reads
//! use.
//!
//! Calls that can wait take a function that is called with the result; the Python half decides how
//! to wait.

mod client;
mod config;
mod error;
mod event;
mod gate;
mod in_memory;
mod listen;
mod log;
mod open;
mod value;

use pyo3::prelude::*;

/// The native half of `castalia`; use that instead.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::client::Client;
    #[pymodule_export]
    use super::config::Namespace;
    #[pymodule_export]
    use super::error::error_kinds;
    #[pymodule_export]
    use super::event::View;
    #[pymodule_export]
    use super::gate::{forked, in_callback, shut};
    #[pymodule_export]
    use super::in_memory::InMemory;
    #[pymodule_export]
    use super::listen::{Follower, Stream, Subscription};
    #[pymodule_export]
    use super::log::set_log;
    #[pymodule_export]
    use super::open::{File, Open, Opened};
    #[pymodule_export]
    use super::value::{ValueType, parse_list, read_text};

    use super::*;

    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.gil_used(false)
    }
}
