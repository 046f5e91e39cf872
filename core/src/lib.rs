#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(feature = "client", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "client"),
    doc = "The protocol that clients and servers of the Apollo configuration center share."
)]
// The modules in the order in which data flows; the root re-exports what applications use.

// Whichever crate turned the feature on, no release can skip the verification of certificates.
#[cfg(all(feature = "insecure-tls", not(debug_assertions)))]
compile_error!("the feature `insecure-tls` is for tests: turn it off in optimised builds");

pub mod error;
pub mod format;
pub mod protocol;
pub mod redact;

#[cfg(feature = "discovery")]
pub mod backoff;
#[cfg(feature = "discovery")]
mod blocking_thread;
#[cfg(feature = "discovery")]
pub mod discovery;
#[cfg(feature = "discovery")]
mod last_warning;
#[cfg(feature = "discovery")]
pub mod transport;

#[cfg(feature = "client")]
mod blocking_pool;
#[cfg(feature = "client")]
mod cache;
#[cfg(feature = "client")]
mod change;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod config;
#[cfg(feature = "client")]
mod in_memory;
#[cfg(feature = "client")]
mod listener;
#[cfg(feature = "client")]
mod log_limit;
#[cfg(feature = "client")]
mod long_poll;
#[cfg(feature = "client")]
mod monitor;
#[cfg(feature = "client")]
mod pipeline;
#[cfg(feature = "client")]
mod process_local;
#[cfg(feature = "client")]
mod rate_limit;
#[cfg(feature = "client")]
mod record;
#[cfg(feature = "client")]
mod repository;
#[cfg(feature = "client")]
mod service_pause;
#[cfg(feature = "client")]
pub mod settings;
#[cfg(feature = "client")]
mod snapshot;
#[cfg(feature = "client")]
mod supervise;
#[cfg(feature = "client")]
mod tasks;

#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "host")]
pub mod host;
#[cfg(feature = "blocking")]
pub mod log;
#[cfg(feature = "testing")]
pub mod testing;

pub use error::{Error, ErrorKind, Result};

#[cfg(feature = "client")]
pub use change::{Change, ChangeEvent, ChangeType, Changes, Interest};
#[cfg(feature = "client")]
pub use client::Client;
#[cfg(feature = "client")]
pub use config::{Config, ConfigFile, Follower, Reader, Value, Watch};
#[cfg(feature = "client")]
pub use format::rules::{ReadRules, Zone};
#[cfg(feature = "client")]
pub use format::value::FromValue;
#[cfg(feature = "client")]
pub use in_memory::InMemory;
#[cfg(feature = "client")]
pub use listener::{ChangeStream, Subscription};
#[cfg(feature = "client")]
pub use monitor::{Metrics, NamespaceMetrics, State, ThreadMetrics};
#[cfg(feature = "client")]
pub use protocol::namespace::NamespaceKey;
#[cfg(feature = "client")]
pub use settings::{Env, Origin, Setting, Settings, StartPolicy};
#[cfg(feature = "client")]
pub use snapshot::{Snapshot, Source};
