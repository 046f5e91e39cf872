//! Passes events from the database to the connections of pages. One task reads the table, for all
//! connections of this node and only while there are any; another one writes what happens here. The
//! reader waits for the database of the portal only, never for an environment.

mod rollout;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Weak};
use std::time::Duration;

use castalia_store::Id;
use parking_lot::Mutex;
use tokio::sync::{self, Notify, OnceCell, broadcast, mpsc};
use tokio::time::{Instant, sleep};

use super::Portal;
use crate::background::Background;
use crate::domain::event::{self, Event, EventKind, NewEvent};
use crate::domain::permission::requirement::Resource;
use crate::error::Result;
use crate::log_rate::LogRate;
use crate::state::PortalState;

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

/// What a connection gets.
#[derive(Debug, Clone)]
pub(crate) enum News {
    Event(Arc<Broadcast>),
    /// Instances that have a release.
    Rollout(Arc<Broadcast>, u64),
    /// How far a job is.
    Job(Arc<JobProgress>),
    /// The ids went back, as after the restore of a backup: events are missing.
    Reset,
    /// This node ends.
    End,
}

/// How far a long request of a user is.
#[derive(Debug, Clone)]
pub(crate) struct JobProgress {
    pub(crate) user: String,
    /// The name that the user chose for it.
    pub(crate) id: String,
    pub(crate) done: usize,
    pub(crate) total: usize,
    /// Of those that are done.
    pub(crate) failed: usize,
}

/// An event on its way to all connections, with the verdict about each session: the pages of one
/// browser share the queries.
#[derive(Debug)]
pub(crate) struct Broadcast {
    pub(crate) event: Arc<Event>,
    verdicts: Mutex<HashMap<String, Arc<OnceCell<Verdict>>>>,
}

/// What a session gets of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Visible,
    Hidden,
    /// Nothing more: it has ended.
    Ended,
}

impl Broadcast {
    fn new(event: Arc<Event>) -> Arc<Self> {
        Arc::new(Self { event, verdicts: Mutex::default() })
    }

    /// The verdict about a session; the first of its connections that asks finds it.
    pub(crate) async fn verdict(
        &self,
        session: &str,
        find: impl Future<Output = Result<Verdict>>,
    ) -> Result<Verdict> {
        let verdict = Arc::clone(self.verdicts.lock().entry(session.to_owned()).or_default());
        verdict.get_or_try_init(|| find).await.copied()
    }
}

/// All connections of this node. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Hub(Arc<HubInner>);

#[derive(Debug)]
struct HubInner {
    state: PortalState,
    news: broadcast::Sender<News>,
    written: Notify,
    queue: mpsc::Sender<NewEvent>,
    connected: Mutex<Connected>,
}

#[derive(Debug, Default)]
struct Connected {
    /// Connections by user.
    users: HashMap<String, usize>,
    /// Whether a task reads the table, or is about to do so again after a panic. A second one would
    /// pass on each event again.
    is_read: bool,
}

/// The place of one connection.
#[derive(Debug)]
pub(crate) struct Seat {
    hub: Hub,
    user: String,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let users = &mut self.hub.0.connected.lock().users;
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
        let hub = Self(Arc::new(HubInner {
            news: broadcast::channel(LAG).0,
            written: Notify::new(),
            queue,
            connected: Mutex::default(),
            state: state.clone(),
        }));
        // One that starts after a panic continues with the queue.
        let (events, weak) = (Arc::new(sync::Mutex::new(events)), Arc::downgrade(&hub.0));
        let write = move || write(state.clone(), Arc::clone(&events), Weak::clone(&weak));
        Background::default().spawn("events to be stored", write);
        hub
    }

    /// Stores an event without waiting.
    pub(crate) fn record(&self, event: NewEvent) {
        static FULL: LogRate = LogRate::new();
        if self.0.queue.try_send(event).is_err()
            && let Some(suppressed) = FULL.admit()
        {
            tracing::warn!(suppressed, "an event is not stored: the queue is full");
        }
    }

    /// Reports how far a job is, to the pages of its user that are connected to this node.
    pub(crate) fn report(&self, job: JobProgress) {
        let _ = self.0.news.send(News::Job(Arc::new(job)));
    }

    /// Connects a user; `None` if there are too many connections.
    pub(crate) fn connect(&self, user: &str) -> Option<(Seat, broadcast::Receiver<News>)> {
        let connected = &mut *self.0.connected.lock();
        let users = &mut connected.users;
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
        if !std::mem::replace(&mut connected.is_read, true) {
            let (hub, mut is_restart) = (self.clone(), false);
            let read = move || read(hub.clone(), std::mem::replace(&mut is_restart, true));
            Background::default().spawn("events of pages", read);
        }
        Some((seat, news))
    }

    /// Whether the task that reads ends, because nobody is connected. The next connection starts
    /// another one.
    fn ends_reading(&self) -> bool {
        let mut connected = self.0.connected.lock();
        connected.is_read = !connected.users.is_empty();
        !connected.is_read
    }
}

/// Writes events in batches; ends with the last handle.
async fn write(
    state: PortalState,
    events: Arc<sync::Mutex<mpsc::Receiver<NewEvent>>>,
    hub: Weak<HubInner>,
) {
    let mut events = events.lock().await;
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

impl Portal {
    /// Records an edit of a namespace that is not the one in the path of the request.
    pub(super) fn edited(&self, place: &Resource, operator: &str) {
        self.own.events.record(event::about(place, EventKind::Edit, operator, 0));
    }
}

/// Reads new events while there are connections; `is_restart` after a panic, which may have lost
/// some.
async fn read(hub: Hub, is_restart: bool) {
    let mut newest = None;
    let mut seen = BTreeSet::new();
    let rollouts = rollout::start(hub.clone());
    // Otherwise, an end of the node meanwhile would not be passed on.
    let mut was_ready = is_restart;
    while !hub.ends_reading() {
        let is_ready = hub.0.state.ready.get();
        if was_ready && !is_ready {
            let _ = hub.0.news.send(News::End);
        }
        was_ready |= is_ready;
        match step(&hub, newest, &mut seen).await {
            Ok(None) => {
                tracing::warn!(
                    "the newest event is no longer stored; open pages load their data again"
                );
                (newest, seen) = (None, BTreeSet::new());
                let _ = hub.0.news.send(News::Reset);
            }
            Ok(Some((id, events))) => {
                let is_first = newest.replace(id).is_none();
                if is_restart && is_first {
                    let _ = hub.0.news.send(News::Reset);
                }
                for event in events {
                    if !is_first
                        && event.kind.0 == EventKind::Publish as i16
                        && event.release_id.0 > 0
                    {
                        let _ = rollouts.try_send(Arc::clone(&event));
                    }
                    let _ = hub.0.news.send(News::Event(Broadcast::new(event)));
                }
            }
            Err(error) => tracing::debug!(%error, "cannot read events; retrying"),
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            () = hub.0.written.notified() => {}
        }
    }
}

/// The events that were not seen yet, and the greatest id. The first time these are also events
/// from before the connection, which drops them: only it knows where it began. `None` if the newest
/// event, which nobody removes, is no longer stored.
async fn step(
    hub: &Hub,
    newest: Option<Id>,
    seen: &mut BTreeSet<i64>,
) -> Result<Option<(Id, Vec<Arc<Event>>)>> {
    let store = &hub.0.state.store;
    let newest = match newest {
        Some(newest) => newest,
        None => event::newest(store).await?,
    };
    let found = event::after(store, Id((newest.0 - OVERLAP).max(0)), BATCH).await?;
    if newest.0 > 0
        && found.iter().all(|event| event.id != newest)
        && !event::is_stored(store, newest).await?
    {
        return Ok(None);
    }
    let last = found.last().map_or(newest, |event| event.id.max(newest));
    let is_new = |event: &Event| seen.insert(event.id.0);
    let events: Vec<_> = found.into_iter().filter(is_new).map(Arc::new).collect();
    *seen = seen.split_off(&(last.0 - OVERLAP));
    Ok(Some((last, events)))
}
