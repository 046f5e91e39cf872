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
mod listen;
mod log;
mod open;
mod value;

use pyo3::prelude::*;

/// The native half of `castalia`; use that instead.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use super::{
        client::{Client, public_value, variable_of},
        config::Namespace,
        error::error_kinds,
        event::View,
        gate::{after_fork, before_fork, forked, in_callback, shut},
        listen::{Stream, Subscription},
        log::{set_log, warn_by_default},
        open::Open,
        value::{ValueType, parse_list, read_text},
    };

    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
