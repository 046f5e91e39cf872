//! Recent edits and publishes of namespaces, and requests for access, in the database of the
//! portal, so that all nodes see them. Who sees them, and how they get to a page, is not known
//! here.

pub use castalia_store::event::{Event, NewEvent};

use std::time::Duration;

use castalia_store::clock::shared_time;
use castalia_store::{Id, Small, Store, event};

use super::permission::requirement::Resource;
use crate::error::{Error, Result};

/// How long events are kept: a page that was disconnected for longer starts anew.
const KEPT: Duration = Duration::from_secs(600);

/// What happened. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Items, branches or rules of a namespace were changed.
    Edit = 0,
    /// A namespace was published, or rolled back.
    Publish = 1,
    /// A request for access was made, decided or withdrawn; the operator is who made it.
    Request = 2,
    /// Someone has unsaved edits of a namespace. Holds for half a minute.
    Presence = 3,
}

/// An event about a user's request for access to an app.
#[must_use]
pub fn about_request(app_id: &str, user_id: &str) -> NewEvent {
    let app = Resource { app_id: app_id.to_owned(), ..Resource::default() };
    about(&app, EventKind::Request, user_id, 0)
}

/// An event about a namespace.
#[must_use]
pub fn about(place: &Resource, kind: EventKind, operator: &str, release_id: i64) -> NewEvent {
    NewEvent {
        env: place.env.clone(),
        app_id: place.app_id.clone(),
        cluster: place.cluster.clone(),
        namespace: place.namespace.clone(),
        kind: Small(kind as i16),
        operator: operator.to_owned(),
        release_id: Id(release_id),
    }
}

/// Stores events.
pub async fn store(store: &Store, events: Vec<NewEvent>) -> Result<()> {
    store
        .write(events, |tx, events| {
            Box::pin(async move { Ok::<_, Error>(event::insert(tx, events).await?) })
        })
        .await
}

/// Events with greater ids, by id.
pub async fn after(store: &Store, id: Id, limit: u64) -> Result<Vec<Event>> {
    Ok(event::after(store.read(), id, limit).await?)
}

/// The greatest id; 0 if there are no events.
pub async fn newest(store: &Store) -> Result<Id> {
    Ok(event::newest(store.read()).await?)
}

/// Whether this event is still stored.
pub async fn is_stored(store: &Store, id: Id) -> Result<bool> {
    Ok(event::exists(store.read(), id).await?)
}

/// The events behind the last one that a page has seen; `None` if they are too many or no longer
/// stored.
pub async fn missed(store: &Store, last: Id, limit: u64) -> Result<Option<Vec<Event>>> {
    if !is_stored(store, last).await? {
        return Ok(None);
    }
    all_after(store, last, limit).await
}

/// The id of the last event before a time, and the events since then; `None` if they are too many
/// or no longer stored.
pub async fn recent(store: &Store, age: Duration, limit: u64) -> Result<Option<(Id, Vec<Event>)>> {
    if age > KEPT {
        return Ok(None);
    }
    let since = shared_time(store.read()).await? - age;
    let last = event::newest_before(store.read(), since).await?;
    Ok(all_after(store, last, limit).await?.map(|found| (last, found)))
}

async fn all_after(store: &Store, last: Id, limit: u64) -> Result<Option<Vec<Event>>> {
    let found = after(store, last, limit + 1).await?;
    Ok(Some(found).filter(|found| found.len() as u64 <= limit))
}

/// Removes old events.
pub async fn trim(store: &Store) -> Result<()> {
    let newest = newest(store).await?;
    let before = shared_time(store.read()).await? - KEPT;
    store
        .write((), move |tx, ()| {
            Box::pin(async move { Ok::<_, Error>(event::delete_before(tx, before, newest).await?) })
        })
        .await
}
