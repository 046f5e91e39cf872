//! Reads the published content of a namespace from the database. A row that cannot be read is left
//! out and reported; a row that matches only by the lenient comparison of the database engine is
//! ignored.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use castalia_core::protocol::wire::{self, Configurations};
use castalia_store::feed::{self as stored, PublishedLine, Readable, ReleaseRow};
use castalia_store::{Id, Reader};
use serde::Deserialize;

use super::published::{GrayRelease, GrayRule, NamespaceKey, NamespaceRef, Published, Release};
use crate::error::Result;
use crate::feed::name::Names;

/// The published content of a namespace, with notification id -1.
pub(super) async fn published(
    db: &Reader,
    names: &Names,
    place: NamespaceRef<'_>,
) -> Result<Published> {
    let (lines, fingerprint) = stored::published(db, place.names()).await?;
    let mut published = Published { notification_id: -1, fingerprint, ..Published::default() };
    for PublishedLine { rule, release } in lines {
        match rule {
            Some(Ok((id, branch, rules, app_id, cluster, namespace))) => {
                let of_rule =
                    NamespaceRef { app_id: &app_id, cluster: &cluster, namespace: &namespace };
                if is_meant(names, place, of_rule) {
                    let rules = parse_rules(id, rules.as_deref());
                    published.gray.push(gray_release(id, branch, rules, release));
                }
            }
            // Its release is also unknown, because the damaged column may be the one that names it.
            Some(Err(id)) => {
                let gray = gray_release(id, String::new(), None, release);
                published.gray.push(GrayRelease { is_unreadable: gray.release.is_none(), ..gray });
            }
            None => {
                let is_meant = |row: &Readable<ReleaseRow>| {
                    row.as_ref().map_or(true, |row| is_of(names, place, row))
                };
                let release = release.filter(is_meant);
                published.is_main_unreadable = release.is_some();
                published.main = release.and_then(Result::ok).and_then(parse);
                published.is_main_unreadable &= published.main.is_none();
            }
        }
    }
    Ok(published)
}

fn gray_release(
    rule_id: Id,
    branch: String,
    rules: Option<Vec<GrayRule>>,
    release: Option<Readable<ReleaseRow>>,
) -> GrayRelease {
    let exists = release.is_some();
    let release = release.and_then(Result::ok).and_then(parse);
    let is_unreadable = exists && release.is_none();
    let is_rule_unreadable = rules.is_none();
    GrayRelease { rule_id: rule_id.0, branch, rules, is_rule_unreadable, release, is_unreadable }
}

/// The lines of a gray release rule; none for NULL and the text `null`, which are stored for a
/// request without lines. `None` if they cannot be decoded.
fn parse_rules(id: Id, rules: Option<&str>) -> Option<Vec<GrayRule>> {
    let lines = serde_json::from_str::<Option<_>>(rules.unwrap_or("null"));
    let lines = lines.inspect_err(|error| {
        if !stored::is_unparsable_news("GrayReleaseRule", id) {
            return;
        }
        tracing::error!(rule_id = id.0, %error, "the lines of a gray release rule are not a JSON array; clients keep the previous ones if this \
            node has them; publish the branch again");
    });
    lines.ok().map(Option::unwrap_or_default)
}

/// The release with this key, abandoned or not.
pub(super) async fn by_key(db: &Reader, key: &str) -> Result<Option<Arc<Release>>> {
    let found = stored::release_by_key(db, key).await?.readable;
    Ok(found.into_iter().find(|row| row.1 == key).and_then(parse))
}

fn is_of(names: &Names, asked: NamespaceRef<'_>, row: &ReleaseRow) -> bool {
    let (_, _, app_id, cluster, namespace, _) = row;
    is_meant(names, asked, NamespaceRef { app_id, cluster, namespace })
}

/// Some engines ignore accents and blanks in comparisons; a client must not receive a row that
/// matches only in this way. The case of the namespace has been resolved before, that of app and
/// cluster as far as the installation folds them.
fn is_meant(names: &Names, asked: NamespaceRef<'_>, stored: NamespaceRef<'_>) -> bool {
    names.is_same(asked.app_id, stored.app_id)
        && names.is_same(asked.cluster, stored.cluster)
        && asked.namespace.eq_ignore_ascii_case(stored.namespace)
}

/// An unreadable row is isolated: that release is left out and reported, all others are served.
fn parse(
    (id, release_key, app_id, cluster, namespace, content): ReleaseRow,
) -> Option<Arc<Release>> {
    let key = NamespaceKey { app_id, cluster, namespace };
    match stored_configurations(&content) {
        Ok(configurations) => {
            let digest = digest(&content);
            let is_rewritten = false;
            let id = id.0;
            Some(Arc::new(Release { id, release_key, key, configurations, digest, is_rewritten }))
        }
        Err(error) => {
            metrics::counter!("castalia_unreadable_releases_total").increment(1);
            if stored::is_unparsable_news("Release", id) {
                tracing::error!(release_id = id.0, app_id = key.app_id, cluster = key.cluster, namespace = key.namespace,
                    %error, "a release is not a JSON object of strings and is not served; clients keep the previous values if this \
                    node has them; publish the namespace again");
            }
            None
        }
    }
}

/// Compares contents without keeping them twice. A publisher gains nothing from a collision with a
/// release of its own.
fn digest(content: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

/// Parses stored configurations as leniently as on the wire: a stored null is an absent key.
pub(crate) fn stored_configurations(content: &str) -> serde_json::Result<Configurations> {
    #[derive(Deserialize)]
    struct Stored(#[serde(deserialize_with = "wire::configurations")] Configurations);

    serde_json::from_str(content).map(|Stored(configurations)| configurations)
}
