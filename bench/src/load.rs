//! The load generator: clients that are so cheap that they are not what is measured.

pub(crate) mod call;
pub(crate) mod closed_loop;
pub(crate) mod crowd;
pub(crate) mod framing;
pub(crate) mod request;
pub(crate) mod session;
pub(crate) mod source;
pub(crate) mod wake;
