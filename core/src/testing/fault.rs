//! What can go wrong with an answer, and whose turn it is.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::node::Endpoint;

/// A fault that a request meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The right answer, later.
    Delay(Duration),
    /// Another answer.
    Answer {
        /// Status.
        status: u16,
        /// Headers beside the length.
        headers: Vec<(String, String)>,
        /// Body.
        body: Vec<u8>,
    },
    /// The connection is closed without an answer, after this time.
    Reset(Duration),
    /// Half of the right answer, then the connection is closed.
    Truncated,
    /// No answer, and no end.
    Hang,
    /// The right answer, one byte in each such time.
    Dribble(Duration),
}

impl Fault {
    /// An answer with this status and no body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::body(status, "")
    }

    /// An answer with this status and body.
    #[must_use]
    pub fn body(status: u16, body: &str) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    /// An answer with this status, one header and no body: a redirect, or a plea for patience.
    #[must_use]
    pub fn header(status: u16, name: &str, value: &str) -> Self {
        Self::Answer {
            status,
            headers: vec![(name.to_owned(), value.to_owned())],
            body: Vec::new(),
        }
    }
}

/// The faults to come, by endpoint.
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

    /// The fault that a request of this endpoint meets.
    pub(super) fn turn(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let next = self.next.get_mut(&endpoint).and_then(VecDeque::pop_front);
        next.or_else(|| self.always.get(&endpoint).cloned())
    }
}
