//! Which releases a client sees: its own, then a public one that it overrides; requested cluster, data center, default.

use std::sync::Arc;

use castalia_core::protocol::namespace::{
    DEFAULT_NAMESPACE, KEY_SEPARATOR, is_no_app_id, strip_properties_suffix,
};
use castalia_core::protocol::route::{Caller, Target};
use castalia_core::protocol::wire::{Configurations, NotificationMessages};

use super::{gray, watch_key};
use crate::error::Result;
use crate::feed::ReleaseFeed;
use crate::feed::cache::{NamespaceKey, Release};

/// The releases of one answer, own first.
#[derive(Debug)]
pub struct Found {
    /// One or two releases; never empty.
    pub releases: Vec<Arc<Release>>,
    /// Cluster of the own release, or the requested one where only a public release was found.
    pub cluster: String,
}

impl Found {
    /// Release keys joined with `+`.
    #[must_use]
    pub fn release_key(&self) -> String {
        let keys: Vec<_> = self.releases.iter().map(|release| release.release_key.as_str()).collect();
        keys.join(&KEY_SEPARATOR.to_string())
    }

    /// Public entries in stored order, then the own ones: an own value replaces a public one in its place.
    #[must_use]
    pub fn configurations(&self) -> Configurations {
        let mut merged = Configurations::default();
        for release in self.releases.iter().rev() {
            for (key, value) in &release.configurations {
                merged.insert(key.clone(), value.clone());
            }
        }
        merged
    }
}

/// Looks the releases up; `None` where there is none. `messages` says what the client was told, so that the answer is not older.
///
/// # Errors
/// When something is needed that was never loaded and the database cannot be read.
pub async fn find(
    feed: &ReleaseFeed,
    target: &Target,
    caller: &Caller,
    messages: Option<&NotificationMessages>,
) -> Result<Option<Found>> {
    let namespace = canonical_namespace(feed, &target.app_id, &target.namespace);
    let search = Search { feed, target, caller, messages, namespace: &namespace };
    let mut releases = Vec::new();
    let mut cluster = target.cluster.clone();
    let is_placeholder = is_no_app_id(&target.app_id);
    if !is_placeholder
        && let Some(own) = search.of_app(&target.app_id).await?
    {
        cluster.clone_from(&own.key.cluster);
        releases.push(own);
    }
    let is_own = namespace == DEFAULT_NAMESPACE
        || (!is_placeholder && feed.names().is_own(&target.app_id, &namespace));
    if !is_own
        && let Some((owner, _)) = feed.names().public(&namespace)
        && owner != target.app_id
        && let Some(public) = search.of_app(&owner).await?
    {
        releases.push(public);
    }
    Ok((!releases.is_empty()).then_some(Found { releases, cluster }))
}

/// The releases that a merged release key names, as the base of an incremental answer. `None` unless every part is known and
/// something is in them: on a partly known base deletions would be missed.
pub async fn by_release_key(feed: &ReleaseFeed, merged: &str) -> Option<Found> {
    let mut releases = Vec::new();
    for key in merged.split(KEY_SEPARATOR) {
        releases.push(feed.cache().by_key(key).await?);
    }
    let found = Found { releases, cluster: String::new() };
    (!found.configurations().is_empty()).then_some(found)
}

/// The stored spelling of a namespace as a client wrote it.
#[must_use]
pub fn canonical_namespace(feed: &ReleaseFeed, app_id: &str, namespace: &str) -> String {
    feed.names().canonical(app_id, strip_properties_suffix(namespace))
}

struct Search<'a> {
    feed: &'a ReleaseFeed,
    target: &'a Target,
    caller: &'a Caller,
    messages: Option<&'a NotificationMessages>,
    namespace: &'a str,
}

impl Search<'_> {
    async fn of_app(&self, app_id: &str) -> Result<Option<Arc<Release>>> {
        for cluster in watch_key::clusters(&self.target.cluster, self.caller.data_center.as_deref()) {
            let key = NamespaceKey::new(app_id, cluster, self.namespace);
            let told = self.messages.and_then(|messages| messages.details.get(&key.watch_key()).copied());
            let published = self.feed.cache().get(&key, told).await?;
            let gray = gray::find(&published, &self.target.app_id, self.caller);
            if let Some(release) = gray.or(published.main.as_ref()) {
                return Ok(Some(Arc::clone(release)));
            }
        }
        Ok(None)
    }
}
