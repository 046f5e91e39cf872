//! Passes events from the database to the connections of pages. One task reads the table, for all
//! connections of this node and only while there are any; another one writes what happens here.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use castalia_store::Id;
use parking_lot::Mutex;
use tokio::sync::{Notify, broadcast, mpsc};
use tokio::time::{Instant, sleep, timeout};

use crate::domain::event::{self, Event, Kind, NewEvent};
use crate::environment::Address;
use crate::error::Result;
use crate::state::PortalState;
use crate::wire::admin;

/// Maximum number of connections of one user, and of all.
const OF_USER: usize = 12;
const OF_ALL: usize = 500;
/// Events that a connection may lag behind; then it is closed.
const LAG: usize = 256;
/// Interval at which events of other nodes are read.
const LOOK: Duration = Duration::from_secs(1);
/// Events that wait to be written; further ones are dropped.
const QUEUE: usize = 1000;
/// Ids that are read again, because transactions commit out of order.
const OVERLAP: i64 = 50;
const BATCH: u64 = 200;
/// Interval at which old events are removed, while new ones are written.
const TRIM: Duration = Duration::from_secs(60);
/// How long instances are counted after a publish, how often, and for how many publishes at a time.
const ROLLOUT: Duration = Duration::from_secs(300);
const COUNT: Duration = Duration::from_secs(2);
const ROLLOUTS: usize = 20;

/// What a connection gets.
#[derive(Debug, Clone)]
pub(crate) enum News {
    Event(Arc<Event>),
    /// Instances that have a release.
    Rollout(Arc<Event>, u64),
    /// This node ends.
    End,
}

/// All connections of this node. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: PortalState,
    news: broadcast::Sender<News>,
    written: Notify,
    queue: mpsc::Sender<NewEvent>,
    /// Connections by user.
    users: Mutex<HashMap<String, usize>>,
}

/// The place of one connection.
#[derive(Debug)]
pub(crate) struct Seat {
    hub: Hub,
    user: String,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut users = self.hub.0.users.lock();
        if let Some(count) = users.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                users.remove(&self.user);
            }
        }
        // The reader ends if nobody is left.
        self.hub.0.written.notify_one();
    }
}

impl Hub {
    pub(crate) fn start(state: PortalState) -> Self {
        let (queue, events) = mpsc::channel(QUEUE);
        let hub = Self(Arc::new(Inner {
            news: broadcast::channel(LAG).0,
            written: Notify::new(),
            queue,
            users: Mutex::default(),
            state: state.clone(),
        }));
        tokio::spawn(write(state, events, Arc::downgrade(&hub.0)));
        hub
    }

    /// Stores an event without waiting.
    pub(crate) fn record(&self, event: NewEvent) {
        if self.0.queue.try_send(event).is_err() {
            tracing::warn!("an event is not stored: the queue is full");
        }
    }

    /// Connects a user; `None` if there are too many connections.
    pub(crate) fn connect(&self, user: &str) -> Option<(Seat, broadcast::Receiver<News>)> {
        let mut users = self.0.users.lock();
        let all: usize = users.values().sum();
        let own = users.entry(user.to_owned()).or_default();
        if all >= OF_ALL || *own >= OF_USER {
            if *own == 0 {
                users.remove(user);
            }
            return None;
        }
        *own += 1;
        let seat = Seat { hub: self.clone(), user: user.to_owned() };
        let news = self.0.news.subscribe();
        if all == 0 {
            tokio::spawn(read(self.clone()));
        }
        Some((seat, news))
    }

    fn is_unused(&self) -> bool {
        self.0.users.lock().is_empty()
    }
}

/// Writes events in batches; ends with the last handle.
async fn write(
    state: PortalState,
    mut events: mpsc::Receiver<NewEvent>,
    hub: std::sync::Weak<Inner>,
) {
    let mut batch = Vec::new();
    let mut trimmed = Instant::now();
    while events.recv_many(&mut batch, QUEUE).await > 0 {
        let mut outcome = event::store(&state.store, std::mem::take(&mut batch)).await;
        if trimmed.elapsed() > TRIM {
            outcome = outcome.and(event::trim(&state.store).await);
            trimmed = Instant::now();
        }
        if let Err(error) = outcome {
            tracing::debug!(%error, "cannot store events; pages do not show them");
        }
        if let Some(hub) = hub.upgrade() {
            hub.written.notify_one();
        }
    }
}

/// A publish whose instances are counted.
struct Rollout {
    event: Arc<Event>,
    end: Instant,
    count: u64,
}

/// Reads new events while there are connections.
async fn read(hub: Hub) {
    let mut newest = None;
    let mut seen = BTreeSet::new();
    let mut rollouts: Vec<Rollout> = Vec::new();
    let mut counted = Instant::now();
    let mut was_ready = false;
    while !hub.is_unused() {
        let is_ready = hub.0.state.ready.get();
        if was_ready && !is_ready {
            let _ = hub.0.news.send(News::End);
        }
        was_ready |= is_ready;
        match step(&hub, newest, &mut seen).await {
            Ok((id, events)) => {
                newest = Some(id);
                for event in events {
                    if event.kind.0 == Kind::Publish as i16 && event.release_id.0 > 0 {
                        let end = Instant::now() + ROLLOUT;
                        rollouts.push(Rollout { event: Arc::clone(&event), end, count: 0 });
                    }
                    let _ = hub.0.news.send(News::Event(event));
                }
            }
            Err(error) => tracing::debug!(%error, "cannot read events; retrying"),
        }
        rollouts.retain(|rollout| rollout.end > Instant::now());
        rollouts.drain(..rollouts.len().saturating_sub(ROLLOUTS));
        if counted.elapsed() > COUNT {
            for rollout in &mut rollouts {
                count(&hub, rollout).await;
            }
            counted = Instant::now();
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            () = hub.0.written.notified() => {}
        }
    }
}

/// The events that were not seen yet, and the greatest id.
async fn step(
    hub: &Hub,
    newest: Option<Id>,
    seen: &mut BTreeSet<i64>,
) -> Result<(Id, Vec<Arc<Event>>)> {
    let store = &hub.0.state.store;
    let is_first = newest.is_none();
    let newest = match newest {
        Some(newest) => newest,
        None => event::newest(store).await?,
    };
    let found = event::after(store, Id((newest.0 - OVERLAP).max(0)), BATCH).await?;
    let last = found.last().map_or(newest, |event| event.id.max(newest));
    let is_new = |event: &Event| seen.insert(event.id.0) && !(is_first && event.id <= newest);
    let events: Vec<_> = found.into_iter().filter(is_new).map(Arc::new).collect();
    *seen = seen.split_off(&(last.0 - OVERLAP));
    Ok((last, events))
}

/// Counts the instances that have a release, and reports a change.
async fn count(hub: &Hub, rollout: &mut Rollout) {
    let event = &rollout.event;
    let Ok(environment) = hub.0.state.environments.find(&event.env) else { return };
    let id = event.release_id.to_string();
    let address = Address::new(["instances", "by-release"]);
    let address = address.with(&[("releaseId", &id), ("page", "0"), ("size", "1")]);
    let page = environment.get::<admin::Page<serde_json::Value>>(address);
    let Ok(Ok(page)) = timeout(COUNT, page).await else { return };
    if page.total != rollout.count {
        rollout.count = page.total;
        let _ = hub.0.news.send(News::Rollout(Arc::clone(event), page.total));
    }
}
