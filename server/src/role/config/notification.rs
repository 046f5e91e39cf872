//! Long polls: register under every watch key, then compare ids, then wait. In this order no
//! message can be lost.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use castalia_core::protocol::namespace::{
    DEFAULT_NAMESPACE, UNKNOWN_NOTIFICATION_ID, is_no_app_id, strip_properties_suffix,
};
use castalia_core::protocol::route::{LegacyPollQuery, PollQuery};
use castalia_core::protocol::wire::{Notification, NotificationMessages};
use http::StatusCode;
use serde::Serialize;

use super::access::AuthenticatedClient;
use super::{JSON, Step, ok, peer_of, without_body};
use crate::domain::constraint::{self, can_be_stored};
use crate::domain::watch_key::watch_keys;
use crate::error::{Error, Reaction, Result};
use crate::feed::hub::{Holder, Parked, Refused, Wake, Woken};
use crate::feed::{ReleaseFeed, notification};
use crate::http::memory::{ClientHead, PlainAnswer};
use crate::json;
use crate::server_config::keys;
use crate::state::EnvironmentState;

/// Hold time of the deprecated poll, in seconds; Apollo does not let operators change it.
const LEGACY_HOLD: usize = 30;

/// Maximum number of undeclared namespaces that one poll watches: a client may wait for a namespace
/// that is created later. Any further ones are compared when the poll begins, but not watched.
const UNDECLARED: usize = 256;
/// The same for an app that is not stored, which has no declarations.
const UNDECLARED_OF_UNKNOWN_APP: usize = 16;

/// A parked poll: all that is kept of its request.
pub(in crate::role) struct Poll {
    parked: Parked,
    client: AuthenticatedClient,
    app_id: Box<str>,
    form: PollForm,
}

/// Format of a poll's answer.
enum PollForm {
    /// `/notifications/v2`, with the client's spellings of namespaces where they differ from the
    /// stored ones.
    List(Box<[(String, String)]>),
    /// `/notifications`
    Legacy,
}

/// A namespace that a client waits for.
struct Watched {
    /// Stored spelling.
    namespace: String,
    /// The client's spelling without `.properties`; answers repeat it, or the client would not
    /// know the name.
    spelling: String,
    known_id: i64,
    /// Whether the app declares it, or it is public.
    is_declared: bool,
    keys: Vec<String>,
}

/// `/notifications/v2`
pub(super) fn poll(
    state: &EnvironmentState,
    app_id: &str,
    client: &AuthenticatedClient,
    head: &ClientHead<'_>,
) -> Result<Step> {
    let query = PollQuery::parse(head.query)?;
    let watched = watch(&state.feed, client.app_id.as_deref().unwrap_or(app_id), &query);
    let hold = state.config.get(&keys::POLL_HOLD).as_secs();
    let hold = usize::try_from(hold).unwrap_or(usize::MAX);
    let awaited = awaited(client, &watched);
    let parked = park(state, client, &awaited, hold, peer_of(head));
    let outdated: Vec<_> =
        watched.iter().filter_map(|watched| outdated(&state.feed, watched)).collect();
    if !outdated.is_empty() {
        return written(&outdated).map(Step::Answer);
    }
    let parked = parked.map_err(refusal)?;
    let spellings = awaited
        .into_iter()
        .filter(|watched| watched.has_own_spelling())
        .map(|watched| (watched.namespace.clone(), watched.spelling.clone()));
    let form = PollForm::List(spellings.collect());
    Ok(Step::Wait(Poll { parked, client: client.clone(), app_id: app_id.into(), form }))
}

/// `/notifications`: one namespace, compared for inequality, answered without messages.
pub(super) fn legacy_poll(
    state: &EnvironmentState,
    app_id: &str,
    client: &AuthenticatedClient,
    head: &ClientHead<'_>,
) -> Result<Step> {
    let query = LegacyPollQuery::parse(head.query)?;
    let namespace = strip_properties_suffix(&query.namespace).to_owned();
    let place = (query.cluster.as_str(), query.data_center.as_deref());
    let stored_app_id = client.app_id.as_deref().unwrap_or(app_id);
    let names = state.feed.names();
    let can_exist = names.namespace(stored_app_id, &namespace).is_some()
        || can_be_stored(&namespace, constraint::NAME);
    let keys = if can_exist {
        keys_of(&state.feed, stored_app_id, place, &namespace, Spelling::Exact)
    } else {
        Vec::new()
    };
    let watched = [Watched {
        spelling: namespace.clone(),
        namespace,
        known_id: query.notification_id,
        is_declared: true,
        keys,
    }];
    let parked = park(state, client, &[&watched[0]], LEGACY_HOLD, peer_of(head));
    let [watched] = watched;
    let latest = watched.keys.iter().filter_map(|key| state.feed.positions().of(key)).max();
    if let Some(id) = latest.filter(|id| *id != watched.known_id) {
        return legacy(&watched.namespace, id).map(Step::Answer);
    }
    Ok(Step::Wait(Poll {
        parked: parked.map_err(refusal)?,
        client: client.clone(),
        app_id: app_id.into(),
        form: PollForm::Legacy,
    }))
}

impl Watched {
    /// Whether an answer needs the client's spelling: a name that is not stored yet may be stored
    /// in another one.
    fn has_own_spelling(&self) -> bool {
        self.spelling != self.namespace || !self.is_declared
    }

    /// Bytes that the parked poll keeps for it in addition to its keys.
    fn spelling_bytes(&self) -> usize {
        let texts = || size_of::<(String, String)>() + self.namespace.len() + self.spelling.len();
        if self.has_own_spelling() { texts() } else { 0 }
    }
}

impl Poll {
    /// Waits, and then checks again whether this client may be answered.
    pub(in crate::role) async fn answer(self, state: &EnvironmentState) -> Result<PlainAnswer> {
        let Self { parked, client, app_id, form } = self;
        let woken = parked.await;
        client.check_again(state, &app_id)?;
        match (woken, form) {
            (Woken::Message(wake), PollForm::List(spellings)) => Ok(pushed(&wake, &spellings)),
            (Woken::Message(wake), PollForm::Legacy) => legacy(&wake.namespace, wake.id),
            // The client polls again after a 304, at another node if this one drains.
            (Woken::Deadline | Woken::Rekeyed | Woken::Closed, _) => {
                Ok(without_body(StatusCode::NOT_MODIFIED))
            }
        }
    }
}

/// The namespaces that a poll waits for: all declared ones, and a limited number of others.
fn awaited<'a>(client: &AuthenticatedClient, watched: &'a [Watched]) -> Vec<&'a Watched> {
    let mut undeclared =
        if client.app_id.is_some() { UNDECLARED } else { UNDECLARED_OF_UNKNOWN_APP };
    let is_awaited = |watched: &&Watched| {
        let fits = watched.is_declared || undeclared > 0;
        undeclared = undeclared.saturating_sub(usize::from(!watched.is_declared));
        fits
    };
    watched.iter().filter(is_awaited).collect()
}

fn park(
    state: &EnvironmentState,
    client: &AuthenticatedClient,
    awaited: &[&Watched],
    hold: usize,
    peer: Option<IpAddr>,
) -> Result<Parked, Refused> {
    let names = state.feed.names();
    let keys = awaited.iter().flat_map(|watched| &watched.keys);
    let mut keys: Vec<String> = keys.map(|key| names.waiting_key(key)).collect();
    keys.sort_unstable();
    keys.dedup();
    let holder = Holder {
        app_id: client.app_id.as_deref().unwrap_or_default(),
        address: peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        more_bytes: awaited.iter().map(|watched| watched.spelling_bytes()).sum(),
    };
    state.feed.hub().park(&keys, hold, holder)
}

/// The answer to a poll that can neither be answered at once nor parked.
fn refusal(refused: Refused) -> Error {
    metrics::counter!("castalia_refused_polls_total").increment(1);
    match refused {
        Refused::Share => Error::new(
            Reaction::TooMany,
            "This app or address has too many polls, or polls of too many namespaces.",
        ),
        Refused::Full => Error::unavailable("This node has reached its limit of polls."),
    }
}

fn legacy(namespace: &str, notification_id: i64) -> Result<PlainAnswer> {
    let namespace_name = namespace.to_owned();
    written(&Notification { namespace_name, notification_id, messages: None })
}

fn written<T: Serialize>(value: &T) -> Result<PlainAnswer> {
    json::write(value).map(|text| ok(JSON, Bytes::from(text)))
}

/// The namespaces by stored name, in the order of the request, so that each poll of a client waits
/// for the same ones. Of several spellings of one namespace, the smallest id is used,
/// so that no change is missed. Impossible names are ignored, so that the rest of the list is
/// answered.
fn watch(feed: &ReleaseFeed, app_id: &str, query: &PollQuery) -> Vec<Watched> {
    let mut kept: HashMap<String, Requested> = HashMap::with_capacity(query.notifications.len());
    let is_known_app = feed.names().app(app_id).is_some() || is_no_app_id(app_id);
    for (position, notification) in query.notifications.iter().enumerate() {
        let spelling = strip_properties_suffix(&notification.namespace_name);
        let stored = feed.names().namespace(app_id, spelling);
        if stored.is_none() && !can_be_stored(spelling, constraint::NAME) {
            continue;
        }
        let is_declared = stored.is_some() && is_known_app;
        let known_id = notification.notification_id;
        let spelling = spelling.to_owned();
        let namespace = stored.map_or_else(|| spelling.clone(), |name| name.to_string());
        let known = Requested { position, spelling, known_id, is_declared };
        match kept.get_mut(&namespace) {
            Some(smallest) if known_id <= smallest.known_id => *smallest = known,
            Some(_) => {}
            None => {
                kept.insert(namespace, known);
            }
        }
    }
    let only_default = kept.len() == 1 && kept.contains_key(DEFAULT_NAMESPACE);
    let spelled = if only_default { Spelling::OwnOnly } else { Spelling::Stored };
    let place = (query.cluster.as_str(), query.data_center.as_deref());
    let mut kept: Vec<_> = kept.into_iter().collect();
    kept.sort_unstable_by_key(|(_, requested)| requested.position);
    kept.into_iter()
        .map(|(namespace, requested)| Watched {
            is_declared: requested.is_declared,
            keys: keys_of(feed, app_id, place, &namespace, spelled),
            namespace,
            spelling: requested.spelling,
            known_id: requested.known_id,
        })
        .collect()
}

/// An entry of the list in a request.
struct Requested {
    position: usize,
    spelling: String,
    known_id: i64,
    is_declared: bool,
}

/// How a public namespace is matched by name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// Only the app's own namespaces match.
    OwnOnly,
    /// Ignoring case.
    Stored,
    /// As the client wrote it.
    Exact,
}

/// The app's own keys, and those of a public namespace that the app does not declare itself.
fn keys_of(
    feed: &ReleaseFeed,
    app_id: &str,
    place: (&str, Option<&str>),
    namespace: &str,
    spelling: Spelling,
) -> Vec<String> {
    let names = feed.names();
    let mut keys = watch_keys(names, app_id, place, namespace);
    let is_own = !is_no_app_id(app_id) && names.own(app_id, namespace).is_some();
    if spelling == Spelling::OwnOnly || is_own {
        return keys;
    }
    if let Some(public) = names.public(namespace)
        && !names.is_same(&public.owner, app_id)
        && (spelling == Spelling::Stored || *public.name == *namespace)
    {
        let owner = names.app(&public.owner).unwrap_or(public.owner);
        keys.extend(watch_keys(names, &owner, place, &public.name));
    }
    keys
}

/// The answer for a namespace that is newer than the client's id, with the ids of all its keys that
/// have messages.
fn outdated(feed: &ReleaseFeed, watched: &Watched) -> Option<Notification> {
    let details: BTreeMap<String, i64> = watched
        .keys
        .iter()
        .filter_map(|key| feed.positions().of(key).map(|id| (key.clone(), id)))
        .collect();
    let latest = details.values().copied().max();
    let is_outdated = latest.is_some_and(|latest| latest > watched.known_id);
    (is_outdated || is_lost(feed, watched, latest)).then(|| Notification {
        namespace_name: watched.spelling.clone(),
        notification_id: latest.unwrap_or(UNKNOWN_NOTIFICATION_ID),
        messages: Some(NotificationMessages { details }),
    })
}

/// Whether the client received an id that the database no longer has, because its ids recently went
/// back. Any other id above the newest one is held like a current one: a node that is behind must
/// not pull clients back.
fn is_lost(feed: &ReleaseFeed, watched: &Watched, latest: Option<i64>) -> bool {
    let newest = latest.unwrap_or(UNKNOWN_NOTIFICATION_ID);
    watched.known_id > newest && feed.lost_id().is_some_and(|lost| watched.known_id <= lost)
}

/// Returns the shared bytes, unless this client spells the namespace differently.
fn pushed(wake: &Wake, spellings: &[(String, String)]) -> PlainAnswer {
    let spelling = spellings
        .iter()
        .find(|(stored, _)| stored.eq_ignore_ascii_case(&wake.namespace))
        .map(|(_, spelling)| spelling);
    let own = spelling.and_then(|spelling| notification(spelling, &wake.key, wake.id));
    ok(JSON, own.unwrap_or_else(|| wake.body.clone()))
}

#[cfg(test)]
mod tests;
