//! Selects the releases for a client: its own, then a public one that it overrides; in the
//! requested cluster, the data center, and the default cluster.

use std::borrow::Cow;
use std::sync::Arc;

use castalia_core::protocol::namespace::{
    DEFAULT_NAMESPACE, KEY_SEPARATOR, NamespaceKey, strip_properties_suffix,
};
use castalia_core::protocol::route::Caller;
use castalia_core::protocol::wire::{Configurations, NotificationMessages};

use super::constraint::{self, can_be_stored};
use super::{gray, watch_key};
use crate::error::{Code, Error, Result};
use crate::feed::ReleaseFeed;
use crate::feed::cache::{NamespaceRef, ReadFrom, Release};
use crate::feed::name::Names;

/// The request of a client.
#[derive(Debug, Clone, Copy)]
pub struct LookupRequest<'a> {
    /// The names as the client wrote them.
    pub target: &'a NamespaceKey,
    /// The stored app id; `None` for an app that is not stored, which has no namespaces of its
    /// own.
    pub app_id: Option<&'a str>,
    /// The client.
    pub caller: &'a Caller,
    /// The notifications that the client received: the answer must not be older.
    pub messages: Option<&'a NotificationMessages>,
    /// The sources that the answer may come from.
    pub read_from: ReadFrom,
}

/// The releases of one answer; at least one of the two is present.
#[derive(Debug)]
pub struct LookupResult {
    /// The release of the app's own namespace.
    pub own: Option<Arc<Release>>,
    /// The release of a public namespace.
    pub public: Option<Arc<Release>>,
}

impl LookupResult {
    /// The releases, own first.
    pub fn releases(&self) -> impl DoubleEndedIterator<Item = &Arc<Release>> {
        self.own.iter().chain(&self.public)
    }

    /// Cluster of the own release, or the requested one if only a public release was found.
    #[must_use]
    pub fn cluster<'a>(&'a self, target: &'a NamespaceKey) -> &'a str {
        self.own.as_ref().map_or(&target.cluster, |own| &own.key.cluster)
    }

    /// Release keys joined with `+`.
    #[must_use]
    pub fn release_key(&self) -> Cow<'_, str> {
        match (&self.own, &self.public) {
            (Some(own), Some(public)) => {
                format!("{}{KEY_SEPARATOR}{}", own.release_key, public.release_key).into()
            }
            (Some(one), None) | (None, Some(one)) => one.release_key.as_str().into(),
            (None, None) => "".into(),
        }
    }

    /// Digest of the contents; a different one under the same release key means that a row was
    /// changed by hand.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.releases().fold(0, |digest, release| digest.rotate_left(1) ^ release.digest)
    }

    /// Whether a client may have different content under the same release key.
    #[must_use]
    pub fn is_rewritten(&self) -> bool {
        self.releases().any(|release| release.is_rewritten)
    }

    /// Public entries in stored order, then the own ones: an own value replaces a public one at its
    /// position.
    #[must_use]
    pub fn configurations(&self) -> Configurations {
        merged(self.releases())
    }
}

/// Finds the releases; `None` if there are none. Names that cannot be stored are not looked up.
///
/// # Errors
/// Fails if a required release was never loaded and the database cannot be read, or if it depends
/// on a row that cannot be decoded: clients take an absent namespace for one that does not exist.
pub async fn find(feed: &ReleaseFeed, request: LookupRequest<'_>) -> Result<Option<LookupResult>> {
    let names = feed.names();
    let written = strip_properties_suffix(&request.target.namespace);
    let stored = match request.app_id {
        Some(app_id) => names.namespace(app_id, written),
        None => names.public(written).map(|public| public.name),
    };
    let namespace = stored.as_deref().unwrap_or(written);
    let can_exist = stored.is_some() || can_be_stored(namespace, constraint::NAME);
    if !can_exist || !can_be_stored(&request.target.cluster, constraint::NAME) {
        return Ok(None);
    }
    let search = Search { feed, request, namespace };
    let own = match request.app_id {
        Some(app_id) => search.of_app(app_id).await?,
        None => None,
    };
    let is_own = namespace == DEFAULT_NAMESPACE
        || request.app_id.is_some_and(|app_id| names.own(app_id, namespace).is_some());
    let public = if is_own { None } else { names.public(namespace) };
    let public = match public {
        Some(public) => search.of_app(&names.app(&public.owner).unwrap_or(public.owner)).await?,
        None => None,
    };
    if own.is_none() && public.is_none() && names.may_be_declared(request.app_id, namespace) {
        return Err(unreadable());
    }
    let is_found = own.is_some() || public.is_some();
    Ok(is_found.then_some(LookupResult { own, public }))
}

/// The content of the releases in a merged release key, as the base of an incremental answer.
///
/// `None` unless every part is known and not empty: with a partly known base, deletions would be
/// missed. Also `None` unless this client could have received each part for this very request: the
/// changes name keys of the base, and any client may send the release key of another app.
pub async fn base(
    feed: &ReleaseFeed,
    request: LookupRequest<'_>,
    found: &LookupResult,
    merged_key: &str,
) -> Option<Configurations> {
    let mut releases = Vec::new();
    for key in merged_key.split(KEY_SEPARATOR) {
        if releases.len() == 2 || key.len() > constraint::RELEASE_KEY {
            return None;
        }
        let release = feed.cache().by_key(key, request.read_from).await?;
        if !found.releases().any(|current| is_former(feed, request, &current.key, &release.key)) {
            return None;
        }
        releases.push(release);
    }
    Some(merged(releases.iter())).filter(|configurations| !configurations.is_empty())
}

/// Whether a client that receives `current` may have received `former`: it has the same app and
/// namespace, and the same branch or one of the clusters in which the client's release is looked
/// up.
fn is_former(
    feed: &ReleaseFeed,
    request: LookupRequest<'_>,
    current: &NamespaceKey,
    former: &NamespaceKey,
) -> bool {
    let names = feed.names();
    let is_in_chain = || {
        let LookupRequest { target, caller, .. } = request;
        watch_key::clusters(&target.cluster, caller.data_center.as_deref())
            .any(|cluster| names.is_same(cluster, &former.cluster))
    };
    names.is_same(&former.app_id, &current.app_id)
        && former.namespace.eq_ignore_ascii_case(&current.namespace)
        && (former.cluster == current.cluster || is_in_chain())
}

fn unreadable() -> Error {
    Error::unavailable(
        "A row that the answer depends on cannot be decoded; the server's /health has the details.",
    )
    .with_code(Code::UnreadableRow)
}

fn merged<'a>(releases: impl DoubleEndedIterator<Item = &'a Arc<Release>>) -> Configurations {
    let mut merged = Configurations::default();
    for release in releases.rev() {
        for (key, value) in &release.configurations {
            merged.insert(key.clone(), value.clone());
        }
    }
    merged
}

/// The newest message of a namespace that the client was notified of. A message may have another
/// spelling than the stored names: of a namespace without a definition, and of all names where the
/// installation folds them.
fn told(names: &Names, messages: &NotificationMessages, watch_key: &str) -> Option<i64> {
    let is_same = |key: &str| {
        key.eq_ignore_ascii_case(watch_key)
            && names.waiting_key(key) == names.waiting_key(watch_key)
    };
    let same = messages.details.iter().filter(|(key, _)| is_same(key));
    same.map(|(_, id)| *id).max()
}

struct Search<'a> {
    feed: &'a ReleaseFeed,
    request: LookupRequest<'a>,
    namespace: &'a str,
}

impl Search<'_> {
    async fn of_app(&self, app_id: &str) -> Result<Option<Arc<Release>>> {
        let LookupRequest { target, caller, messages, read_from, .. } = self.request;
        let names = self.feed.names();
        for written in watch_key::clusters(&target.cluster, caller.data_center.as_deref()) {
            let stored = names.cluster(app_id, written);
            let cluster = stored.as_deref().unwrap_or(written);
            let place = NamespaceRef { app_id, cluster, namespace: self.namespace };
            let told = messages.and_then(|messages| told(names, messages, &place.watch_key()));
            let published = self.feed.published(place, told, read_from).await?;
            let release = gray::release(&published, &target.app_id, caller);
            if let Some(release) = release.map_err(|gray::UnknownRelease| unreadable())? {
                return Ok(Some(Arc::clone(release)));
            }
        }
        Ok(None)
    }
}
