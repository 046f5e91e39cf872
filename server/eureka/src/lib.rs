#![forbid(unsafe_code)]
//! The Eureka protocol without a network: the bodies in JSON and XML, and the rules of a registry
//! and its replication. Time is a parameter. Knows no HTTP, no settings and no log.

pub mod applications;
pub mod batch;
mod changes;
mod instance;
pub mod json;
mod limits;
mod members;
mod overrides;
mod preservation;
pub mod queue;
mod registry;
pub mod removed_overrides;
mod status;
pub mod xml;

pub use self::instance::{DataCenter, Instance, Port};
pub use self::json::Style;
pub use self::limits::{check_metadata, is_app_name, is_host, is_id};
pub use self::overrides::Contradiction;
pub use self::registry::{
    Decided, Lease, Listing, Moment, Options, Origin, Refused, Registry, Renewal,
};
pub use self::status::{Action, Status};

/// Maximum length of the text of an error, in bytes: it may quote a body.
const TEXT: usize = 256;

/// A body that cannot be accepted; the text says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

impl Invalid {
    fn new(message: impl Into<String>) -> Self {
        let mut message = message.into();
        message.truncate(message.floor_char_boundary(TEXT));
        Self(message)
    }
}
