//! Records the changes that consumers and user tokens make, and the last use of both: the
//! guard queues each record, and a task writes them in batches, so that no call waits for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use castalia_store::Id;
use http::Method;
use http::request::Parts;
use parking_lot::Mutex;
use tokio::sync::{self, mpsc};
use tokio::time::Instant;

use super::Portal;
use super::audit::allowance::RefusedCalls;
use super::audit::shown_path;
use super::identity::Caller;
use crate::background::Background;
use crate::domain::consumer::{self, ConsumerCall, ConsumerUse};
use crate::domain::permission::requirement::Identity;
use crate::domain::user_token::record::{self, Usage, UserTokenCall};
use crate::error::Result;
use crate::log_rate::LogRate;
use crate::state::PortalState;

/// Records that wait to be written; further ones are dropped, and the loss is logged.
const QUEUE: usize = 10_000;
/// Records per statement.
const BATCH: usize = 100;
/// Minimum interval between two records of the use of one token, or by one consumer.
const USE_AGAIN: Duration = Duration::from_secs(60);
/// Number of tokens from which those that were not used recently are forgotten.
const MANY: usize = 20_000;

/// Accepts records; its task ends with the last handle.
#[derive(Debug)]
pub(super) struct Calls {
    queue: mpsc::Sender<Record>,
    /// When a use was last recorded.
    used: Mutex<HashMap<Used, Instant>>,
    refused: RefusedCalls,
}

/// A call of a token that may change something. It is recorded when it is dropped, hence also if
/// its caller disconnects.
#[derive(Debug)]
pub(super) struct TokenCall {
    portal: Portal,
    caller: Identity,
    record: Option<Record>,
}

impl TokenCall {
    /// `None` if the caller is not a token, or if the call changes nothing.
    pub(super) fn of(portal: &Portal, parts: &Parts) -> Option<Self> {
        if matches!(parts.method, Method::GET | Method::HEAD) {
            return None;
        }
        let caller = &parts.extensions.get::<Caller>()?.identity;
        let path = shown_path(&parts.uri, parts.extensions.get());
        let uri = match parts.uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        let method = parts.method.as_str();
        let record = match caller {
            Identity::User(_) => return None,
            Identity::Token(token) => Record::OfUser(record::call(token, method, &uri)),
            Identity::Consumer(consumer) => {
                Record::OfConsumer(consumer::call(consumer, method, &uri))
            }
        };
        Some(Self { portal: portal.clone(), caller: caller.clone(), record: Some(record) })
    }

    /// Ends a call that was refused, of which only a limited number is recorded.
    pub(super) fn refused(mut self) {
        match self.portal.own.calls.refused.admit(&self.caller) {
            None => self.record = None,
            Some(0) => {}
            Some(suppressed) => {
                let caller = self.caller.name();
                tracing::warn!(caller, suppressed, "refused calls of a token were not recorded");
            }
        }
    }
}

impl Drop for TokenCall {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            self.portal.own.calls.record(record);
        }
    }
}

/// What was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Used {
    Token(Id),
    Consumer(Id),
}

#[derive(Debug)]
enum Record {
    OfConsumer(ConsumerCall),
    OfUser(UserTokenCall),
    Use(Usage),
    UseOfConsumer(ConsumerUse),
}

impl Calls {
    pub(super) fn start(state: PortalState) -> Self {
        let (queue, records) = mpsc::channel(QUEUE);
        // One that starts after a panic continues with the queue.
        let records = Arc::new(sync::Mutex::new(records));
        let write = move || write(state.clone(), Arc::clone(&records));
        Background::default().spawn("records of token calls", write);
        Self { queue, used: Mutex::default(), refused: RefusedCalls::default() }
    }

    /// Records the use of a token, unless another use was recorded within the last minute.
    pub(super) fn used(&self, usage: Usage) {
        if self.is_due(Used::Token(usage.token_id)) {
            self.record(Record::Use(usage));
        }
    }

    /// The same for a consumer.
    pub(super) fn used_by_consumer(&self, usage: ConsumerUse) {
        if self.is_due(Used::Consumer(usage.consumer_id)) {
            self.record(Record::UseOfConsumer(usage));
        }
    }

    fn is_due(&self, what: Used) -> bool {
        let now = Instant::now();
        let is_recent = |at: &Instant| now.duration_since(*at) < USE_AGAIN;
        let mut used = self.used.lock();
        if used.get(&what).is_some_and(is_recent) {
            return false;
        }
        if used.len() >= MANY {
            used.retain(|_, at| is_recent(at));
        }
        used.insert(what, now);
        true
    }

    fn record(&self, record: Record) {
        static FULL: LogRate = LogRate::new();
        if self.queue.try_send(record).is_err()
            && let Some(suppressed) = FULL.admit()
        {
            tracing::warn!(
                suppressed,
                "the call of a token is not recorded: the queue of records is full"
            );
        }
    }
}

/// While one batch is written, the next one is collected.
async fn write(state: PortalState, records: Arc<sync::Mutex<mpsc::Receiver<Record>>>) {
    let mut records = records.lock().await;
    let mut batch = Vec::with_capacity(BATCH);
    while records.recv_many(&mut batch, BATCH).await > 0 {
        let (mut of_consumers, mut of_users) = (Vec::new(), Vec::new());
        let (mut uses, mut consumer_uses) = (Vec::new(), Vec::new());
        for record in batch.drain(..) {
            match record {
                Record::OfConsumer(call) => of_consumers.push(call),
                Record::OfUser(call) => of_users.push(call),
                Record::Use(usage) => uses.push(usage),
                Record::UseOfConsumer(usage) => consumer_uses.push(usage),
            }
        }
        let store = &state.store;
        if !of_consumers.is_empty() {
            report("calls of consumers", consumer::record_calls(store, of_consumers).await);
        }
        if !of_users.is_empty() {
            report("calls with user tokens", record::record_calls(store, of_users).await);
        }
        if !uses.is_empty() {
            report("uses of user tokens", record::record_usage(store, uses).await);
        }
        if !consumer_uses.is_empty() {
            report("uses by consumers", consumer::record_uses(store, consumer_uses).await);
        }
    }
}

fn report(what: &str, outcome: Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "cannot write the records of {what}; they are lost");
    }
}

#[cfg(test)]
mod tests {
    use castalia_store::now;

    use super::*;
    use crate::log::in_memory::Lines;

    #[test]
    fn a_full_queue_does_not_flood_the_log() {
        let (queue, _records) = mpsc::channel(1);
        let calls = Calls { queue, used: Mutex::default(), refused: RefusedCalls::default() };
        let lines = Lines::default();
        let log = tracing_subscriber::fmt().with_writer(lines.clone()).finish();
        tracing::subscriber::with_default(log, || {
            for consumer in 0..1000 {
                calls.used_by_consumer(ConsumerUse { consumer_id: Id(consumer), time: now() });
            }
        });
        let text = lines.text();
        // Five in each second that this took on a slow machine.
        assert!((1..=50).contains(&text.lines().count()), "{text}");
    }
}
