//! Changes that a peer sends. A change that cannot be accepted does not affect the others.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use castalia_eureka::Invalid;
use castalia_eureka::batch::{self, BatchError, Item, Outcome, Task};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::access::Access;
use super::body::ReceivedBody;
use super::{BATCH, EurekaPort, EurekaRequest, NODE, RefusedRequest, failure, unavailable};
use crate::registry::{BatchNumber, Eureka, NotCarriedOut};

/// Length above which a batch is large. The usual ones of 250 heartbeats are shorter, and do
/// not wait for those that are.
const LARGE: usize = 64 * 1024;

impl EurekaPort {
    pub(super) async fn batch(&self, call: &EurekaRequest, body: Body) -> Response {
        let received = match self.receive(call, body, &self.batches).await {
            Ok(received) => received,
            Err(refusal) => return refusal.into_response(),
        };
        let node = call.header(&NODE);
        let sender = Sender {
            eureka: self.eureka.clone(),
            access: Arc::clone(&self.access),
            peer: call.peer,
            is_peer: self.is_peer(call),
            is_own: node == self.eureka.node_id(),
            is_ours: !node.is_empty(),
        };
        let number = BatchNumber::parse(call.header(&BATCH));
        let is_large = received.is_longer(LARGE);
        let work = move || sender.carry_out(received);
        let written = match self.eureka.carry_out(number, is_large, work).await {
            Ok(Ok(written)) => written,
            Ok(Err(refusal)) => return refusal.into_response(),
            Err(given_up @ NotCarriedOut::GivenUp) => return unavailable(&given_up.to_string()),
            Err(aborted @ NotCarriedOut::Aborted(_)) => {
                return failure(StatusCode::INTERNAL_SERVER_ERROR, &aborted.to_string());
            }
        };
        let mut response = ([(CONTENT_TYPE, "application/json")], written).into_response();
        self.identify(&mut response);
        response
    }
}

/// Who sends a batch.
struct Sender {
    eureka: Eureka,
    access: Arc<Access>,
    peer: Option<IpAddr>,
    /// Whether it is a server in the settings.
    is_peer: bool,
    /// Whether it is this node: an address in the settings leads back to it, which it learns from
    /// the answer.
    is_own: bool,
    /// Whether it is a Castalia node.
    is_ours: bool,
}

impl Sender {
    fn carry_out(&self, received: ReceivedBody) -> Result<Bytes, RefusedRequest> {
        let items = batch::read(&received.text()?).map_err(|error| {
            let status = match error {
                BatchError::TooMany => StatusCode::PAYLOAD_TOO_LARGE,
                BatchError::Invalid(_) => StatusCode::BAD_REQUEST,
            };
            RefusedRequest::new(status, error.to_string())
        })?;
        let outcomes: Vec<_> = items.into_iter().map(|item| self.apply(item)).collect();
        Ok(received.into_answer(|has_descriptions| match has_descriptions {
            true => batch::write_outcomes(&outcomes),
            // Of callers that do not read their answers. A sender of heartbeats asks again.
            false => batch::write_statuses(&outcomes),
        }))
    }

    fn apply(&self, item: Result<Item, Invalid>) -> Outcome {
        match item {
            _ if self.is_own => Outcome { status: 200, newer: None },
            Ok(item) if self.is_excess(&item) => Outcome { status: 429, newer: None },
            Ok(item) => self.eureka.apply(item, self.is_ours),
            Err(_) => Outcome { status: 400, newer: None },
        }
    }

    fn is_excess(&self, item: &Item) -> bool {
        matches!(item.task, Task::Register(_) | Task::StatusUpdate)
            && !self.access.admits_replicated(self.peer, self.is_peer)
    }
}

#[cfg(test)]
mod tests;
