//! Reads from the database what is published for a namespace. A row that cannot be read is left out and reported; a row that only
//! the engine's lenient comparison found is not taken.

use std::sync::Arc;

use castalia_core::protocol::wire::{self, Configurations};
use serde::Deserialize;

use super::published::{GrayRelease, NamespaceKey, Place, Published, Release};
use crate::error::Result;
use crate::feed::name::Names;
use crate::store::{Reader, entity, release};

/// What is published at a place, numbered -1.
pub(super) async fn published(db: &Reader, names: &Names, place: Place<'_>) -> Result<Published> {
    let Place { app_id, cluster, namespace } = place;
    let main = release::latest_active(db, app_id, cluster, namespace).await?;
    let main = main.filter(|row| {
        let stored = Place {
            app_id: &row.app_id,
            cluster: &row.cluster_name,
            namespace: &row.namespace_name,
        };
        is_meant(names, place, stored)
    });
    let mut rules = release::active_rules(db, app_id, cluster, namespace).await?;
    rules.retain(|row| {
        let stored = Place {
            app_id: &row.app_id,
            cluster: &row.cluster_name,
            namespace: &row.namespace_name,
        };
        is_meant(names, place, stored)
    });
    let ids: Vec<_> = rules.iter().map(|rule| rule.release_id).collect();
    let mut releases =
        if ids.is_empty() { Vec::new() } else { release::active_by_ids(db, &ids).await? };
    let gray = rules.into_iter().map(|rule| {
        let at = releases.iter().position(|release| release.id == rule.release_id);
        GrayRelease {
            branch: rule.branch_name,
            rules: rule
                .rules
                .as_deref()
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_default(),
            release: at.and_then(|at| parse(releases.swap_remove(at))),
        }
    });
    let gray = gray.collect();
    Ok(Published { notification_id: -1, main: main.and_then(parse), gray })
}

/// The release of a key, abandoned or not.
pub(super) async fn by_key(db: &Reader, key: &str) -> Result<Option<Arc<Release>>> {
    let found = release::by_keys(db, &[key]).await?;
    Ok(found.into_iter().find(|row| row.release_key == key).and_then(parse))
}

/// Some engines ignore accents and blanks in comparisons; a client must not get what only they take for the same. The case of a
/// namespace was settled before, that of app and cluster as far as the installation folds them.
fn is_meant(names: &Names, asked: Place<'_>, stored: Place<'_>) -> bool {
    names.is_same(asked.app_id, stored.app_id)
        && names.is_same(asked.cluster, stored.cluster)
        && asked.namespace.eq_ignore_ascii_case(stored.namespace)
}

/// A row whose content cannot be read is isolated: that release is left out and reported, everything else goes on.
fn parse(row: entity::release::Model) -> Option<Arc<Release>> {
    let key = NamespaceKey {
        app_id: row.app_id,
        cluster: row.cluster_name,
        namespace: row.namespace_name,
    };
    match serde_json::from_str::<Stored>(&row.configurations) {
        Ok(Stored(configurations)) => Some(Arc::new(Release {
            id: row.id.0,
            release_key: row.release_key,
            key,
            configurations,
        })),
        Err(error) => {
            metrics::counter!("castalia_unreadable_releases_total").increment(1);
            tracing::error!(release_id = row.id.0, app_id = key.app_id, cluster = key.cluster, namespace = key.namespace,
                %error, "a release holds no JSON object of texts and is not served");
            None
        }
    }
}

/// Stored configurations, read with the leniency of the wire: a stored null is an absent key.
#[derive(Deserialize)]
struct Stored(#[serde(deserialize_with = "wire::configurations")] Configurations);
