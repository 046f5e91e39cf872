//! Changes that a peer sends. A change that cannot be accepted does not affect the others.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use castalia_eureka::batch::{self, BatchError, Item, Outcome, Task};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::{BATCH, Call, EurekaPort, NODE, SLOW_READERS, failure, unavailable};
use crate::registry::BatchNumber;

impl EurekaPort {
    pub(super) async fn batch(&self, call: &Call, body: Body) -> Response {
        let received = match self.receive(call, body, &self.batches).await {
            Ok(received) => received,
            Err(refusal) => return refusal.into_response(),
        };
        let text = match received.text() {
            Ok(text) => text,
            Err(refusal) => return refusal.into_response(),
        };
        let items = match batch::read(&text) {
            Ok(items) => items,
            Err(BatchError::TooMany) => {
                let text = BatchError::TooMany.to_string();
                return failure(StatusCode::PAYLOAD_TOO_LARGE, &text);
            }
            Err(BatchError::Invalid(error)) => return failure(StatusCode::BAD_REQUEST, &error.0),
        };
        // An address in the settings leads back to this node, which learns it from the answer.
        let node = call.header(&NODE);
        let (is_own, is_ours) = (node == self.eureka.node_id(), !node.is_empty());
        let is_peer = self.is_peer(call);
        let is_excess = |item: &Item| {
            matches!(item.task, Task::Register(_) | Task::StatusUpdate)
                && !self.access.admits_replicated(call.peer, is_peer)
        };
        let apply = |item| match item {
            _ if is_own => Outcome { status: 200, newer: None },
            Ok(item) if is_excess(&item) => Outcome { status: 429, newer: None },
            Ok(item) => self.eureka.apply(item, is_ours),
            Err(_) => Outcome { status: 400, newer: None },
        };
        let number = BatchNumber::parse(call.header(&BATCH));
        let apply_all = || items.into_iter().map(apply).collect();
        let Some(outcomes) = self.eureka.apply_all(number, apply_all) else {
            return unavailable("a later batch of this node was carried out before");
        };
        let write = move || batch::write_outcomes(&outcomes);
        let Some(written) = self.eureka.rendered(write).await else {
            return unavailable(SLOW_READERS);
        };
        let mut response = ([(CONTENT_TYPE, "application/json")], written).into_response();
        self.identify(&mut response);
        response
    }
}
