//! Long polls: register under every watch key, then compare ids, then wait. In this order no message can be lost.

use std::collections::{BTreeMap, HashMap};

use axum::response::{IntoResponse as _, Response};
use castalia_core::protocol::namespace::{
    DEFAULT_NAMESPACE, is_no_app_id, split_watch_key, strip_properties_suffix,
};
use castalia_core::protocol::route::{LegacyPollQuery, PollQuery};
use castalia_core::protocol::wire::{Notification, NotificationMessages};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use crate::domain::lookup::canonical_namespace;
use crate::domain::watch_key::watch_keys;
use crate::error::Result;
use crate::feed::ReleaseFeed;
use crate::feed::hub::{Parked, Wake, Woken};
use crate::json::{JSON_TYPE, Json};
use crate::state::EnvironmentState;

/// Hold of the deprecated poll, in seconds; the reference does not let operators change it.
const LEGACY_HOLD: usize = 30;

/// What a client waits for in one namespace.
struct Watched {
    /// Stored spelling.
    namespace: String,
    /// The client's spelling without `.properties`; answers repeat it, or the client would not know the name.
    spelling: String,
    known_id: i64,
    keys: Vec<String>,
}

/// `/notifications/v2`
pub(super) async fn poll(state: &EnvironmentState, app_id: &str, query: &str) -> Result<Response> {
    let query = PollQuery::parse(query)?;
    let watched = watch(&state.feed, app_id, &query);
    let hold = usize::try_from(state.config.number("long.polling.timeout", 60, 1..=90)).unwrap_or(60);
    let parked = park(&state.feed, &watched, hold);
    let outdated: Vec<_> = watched.iter().filter_map(|watched| outdated(&state.feed, watched)).collect();
    if !outdated.is_empty() {
        return Ok(Json(outdated).into_response());
    }
    // Only spellings that differ are kept while the poll is parked.
    let spellings: Box<[(String, String)]> = watched
        .into_iter()
        .filter(|watched| watched.spelling != watched.namespace)
        .map(|watched| (watched.namespace, watched.spelling))
        .collect();
    Ok(match parked.await {
        Woken::Message(wake) => pushed(&wake, &spellings),
        Woken::Deadline | Woken::Closed => StatusCode::NOT_MODIFIED.into_response(),
    })
}

/// `/notifications`: one namespace, compared for inequality, answered without messages.
pub(super) async fn legacy_poll(state: &EnvironmentState, app_id: &str, query: &str) -> Result<Response> {
    let query = LegacyPollQuery::parse(query)?;
    let namespace = strip_properties_suffix(&query.namespace).to_owned();
    let cluster = (query.cluster.as_str(), query.data_center.as_deref());
    let keys = keys_of(&state.feed, app_id, cluster, &namespace, false, true);
    let watched =
        [Watched { spelling: namespace.clone(), namespace, known_id: query.notification_id, keys }];
    let parked = park(&state.feed, &watched, LEGACY_HOLD);
    let [watched] = watched;
    let latest = watched.keys.iter().filter_map(|key| state.feed.positions().of(key)).max();
    if let Some(id) = latest.filter(|id| *id != watched.known_id) {
        return Ok(legacy(watched.namespace, id));
    }
    drop(watched);
    Ok(match parked.await {
        Woken::Message(wake) => {
            let namespace = split_watch_key(&wake.key).map_or_else(String::new, |(_, _, name)| name.to_owned());
            legacy(namespace, wake.id)
        }
        Woken::Deadline | Woken::Closed => StatusCode::NOT_MODIFIED.into_response(),
    })
}

fn legacy(namespace_name: String, notification_id: i64) -> Response {
    Json(Notification { namespace_name, notification_id, messages: None }).into_response()
}

/// Namespaces by stored name; of several spellings of one the smallest id is kept, so that nothing is missed.
fn watch(feed: &ReleaseFeed, app_id: &str, query: &PollQuery) -> Vec<Watched> {
    let mut kept: HashMap<String, (String, i64)> = HashMap::with_capacity(query.notifications.len());
    for notification in &query.notifications {
        let spelling = strip_properties_suffix(&notification.namespace_name);
        let known = (spelling.to_owned(), notification.notification_id);
        let namespace = canonical_namespace(feed, app_id, spelling);
        match kept.get_mut(&namespace) {
            Some(smallest) if notification.notification_id <= smallest.1 => *smallest = known,
            Some(_) => {}
            None => {
                kept.insert(namespace, known);
            }
        }
    }
    let only_default = kept.len() == 1 && kept.contains_key(DEFAULT_NAMESPACE);
    let cluster = (query.cluster.as_str(), query.data_center.as_deref());
    kept.into_iter()
        .map(|(namespace, (spelling, known_id))| Watched {
            keys: keys_of(feed, app_id, cluster, &namespace, only_default, false),
            namespace,
            spelling,
            known_id,
        })
        .collect()
}

/// The app's own keys, and those of a public namespace that the app does not declare itself.
fn keys_of(
    feed: &ReleaseFeed,
    app_id: &str,
    (cluster, data_center): (&str, Option<&str>),
    namespace: &str,
    only_default: bool,
    exact: bool,
) -> Vec<String> {
    let mut keys = watch_keys(app_id, cluster, data_center, namespace);
    let is_own = !is_no_app_id(app_id) && feed.names().is_own(app_id, namespace);
    if only_default || is_own {
        return keys;
    }
    if let Some((owner, stored)) = feed.names().public(namespace)
        && owner != app_id
        && (!exact || stored == namespace)
    {
        keys.extend(watch_keys(&owner, cluster, data_center, &stored));
    }
    keys
}

fn park(feed: &ReleaseFeed, watched: &[Watched], hold: usize) -> Parked {
    let keys: Vec<&String> = watched.iter().flat_map(|watched| &watched.keys).collect();
    feed.hub().park(&keys, hold)
}

/// The answer for a namespace that moved past what the client knows, with all of its keys that ever moved.
fn outdated(feed: &ReleaseFeed, watched: &Watched) -> Option<Notification> {
    let details: BTreeMap<String, i64> = watched
        .keys
        .iter()
        .filter_map(|key| feed.positions().of(key).map(|id| (key.clone(), id)))
        .collect();
    let latest = details.values().copied().max()?;
    (latest > watched.known_id).then(|| Notification {
        namespace_name: watched.spelling.clone(),
        notification_id: latest,
        messages: Some(NotificationMessages { details }),
    })
}

/// The shared bytes, unless this client spells the namespace in its own way.
fn pushed(wake: &Wake, spellings: &[(String, String)]) -> Response {
    let namespace = split_watch_key(&wake.key).map_or("", |(_, _, namespace)| namespace);
    let spelling = spellings.iter().find(|(stored, _)| stored == namespace).map(|(_, spelling)| spelling);
    let body = match spelling {
        Some(spelling) => crate::feed::notification(spelling, &wake.key, wake.id).unwrap_or_else(|| wake.body.clone()),
        None => wake.body.clone(),
    };
    ([(CONTENT_TYPE, JSON_TYPE)], body).into_response()
}
