//! Records the changes that consumers and user tokens make, and the last use of both: the
//! guard queues each record, and a task writes them in batches, so that no call waits for it.

use std::collections::HashMap;
use std::time::Duration;

use castalia_store::Id;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::domain::consumer::{self, ConsumerCall, ConsumerUse};
use crate::domain::user_token::record::{self, Usage, UserTokenCall};
use crate::error::Result;
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
        tokio::spawn(write(state, records));
        Self { queue, used: Mutex::default() }
    }

    pub(super) fn of_consumer(&self, call: ConsumerCall) {
        self.record(Record::OfConsumer(call));
    }

    pub(super) fn of_user(&self, call: UserTokenCall) {
        self.record(Record::OfUser(call));
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
        if self.queue.try_send(record).is_err() {
            tracing::warn!("the call of a token is not recorded: the queue of records is full");
        }
    }
}

/// While one batch is written, the next one is collected.
async fn write(state: PortalState, mut records: mpsc::Receiver<Record>) {
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
