//! The faults of responses, and the requests that they are injected into.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::request::Endpoint;

/// A fault of a response.
///
/// ```
/// use castalia_core::testing::Fault;
///
/// assert!(matches!(Fault::status(503), Fault::Answer { status: 503, .. }));
/// let busy = Fault::header(429, "Retry-After", "3");
/// assert!(matches!(busy, Fault::Answer { headers, .. } if headers[0].1 == "3"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The correct response after a delay.
    Delay(Duration),
    /// Another response.
    Answer {
        /// Status.
        status: u16,
        /// Headers beside the length.
        headers: Vec<(String, String)>,
        /// Body.
        body: Vec<u8>,
    },
    /// The connection is closed without a response after this time.
    Reset(Duration),
    /// Half of the correct response, after which the connection is closed.
    Truncated,
    /// No response, without end.
    Hang,
    /// The correct response, with this time between bytes.
    Dribble(Duration),
}

impl Fault {
    /// A response with this status and no body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::body(status, "")
    }

    /// A response with this status and body.
    #[must_use]
    pub fn body(status: u16, body: &str) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    /// A response with this status, one header and no body, such as a redirect or `Retry-After`.
    #[must_use]
    pub fn header(status: u16, name: &str, value: &str) -> Self {
        Self::Answer {
            status,
            headers: vec![(name.to_owned(), value.to_owned())],
            body: Vec::new(),
        }
    }
}

/// The faults to inject, by endpoint.
#[derive(Debug, Default)]
pub(super) struct Script {
    next: HashMap<Endpoint, VecDeque<Fault>>,
    always: HashMap<Endpoint, Fault>,
}

impl Script {
    pub(super) fn next(&mut self, endpoint: Endpoint, fault: Fault) {
        self.next.entry(endpoint).or_default().push_back(fault);
    }

    pub(super) fn always(&mut self, endpoint: Endpoint, fault: Option<Fault>) {
        match fault {
            Some(fault) => self.always.insert(endpoint, fault),
            None => self.always.remove(&endpoint),
        };
    }

    /// The fault for the next request of this endpoint; `None` if there is none.
    pub(super) fn turn(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let next = self.next.get_mut(&endpoint).and_then(VecDeque::pop_front);
        next.or_else(|| self.always.get(&endpoint).cloned())
    }
}
