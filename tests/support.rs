//! What the suites share.

pub(crate) mod demo;
pub(crate) mod eventually;
pub(crate) mod http;
pub(crate) mod rows;
pub(crate) mod server;
