//! `/openapi/v1/.../commits` and `.../releases/histories`: what happened to a namespace, for
//! signed-in users.

use std::collections::{BTreeSet, HashMap};

use axum::extract::{Extension, State};
use chrono::{DateTime, Local, Utc};
use serde::Deserialize;
use utoipa::IntoParams;

use super::content_read::{ContentRead, length};
use super::people;
use super::release::ReturnedValues;
use crate::domain::page::check_length;
use crate::domain::permission::requirement::Resource;
use crate::environment::{Address, Environment};
use crate::error::{Error, Result};
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::{Paging, Query};
use crate::role::portal::identity::Caller;
use crate::wire::admin;
use crate::wire::open_api::{Commit, KeyValue, Release, ReleaseHistory};

/// Default number of elements of a page, as in Apollo.
const PAGE_SIZE: u64 = 10;
/// Length of a key and a value in an answer without their texts, in bytes.
const PAIR: usize = 64;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(super) struct CommitFilter {
    /// Only commits that contain this key.
    #[param(nullable = false)]
    key: Option<String>,
}

/// The commits of a namespace, newest first.
pub(super) async fn commits(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(filter): Query<CommitFilter>,
    Query(paging): Query<Paging>,
    reading: ContentRead,
) -> Result<Json<Vec<Commit>>> {
    let environment = portal.state.environments.find(&place.env)?;
    let [page, size] = paging.or_size(PAGE_SIZE).texts();
    let key = filter.key.unwrap_or_default();
    let mut parameters = vec![("page", page.as_str()), ("size", &size)];
    if !key.is_empty() {
        parameters.push(("key", &key));
    }
    let address = Address::in_namespace(&place, &["commit"]).with(&parameters);
    let search = (!key.is_empty()).then(|| (portal.clone(), caller));
    let read = reading.of(&portal, environment, |environment| async move {
        let _turn = match search {
            Some((portal, caller)) => Some(portal.search_turn(&caller).await?),
            None => None,
        };
        environment.get::<Vec<admin::Commit>>(address).await
    });
    let (found, _turn) = read.await?;
    let _kept = reading.keep(length(found.iter().map(|commit| commit.change_sets.as_deref())))?;
    let mut found: Vec<_> = found.into_iter().map(Commit::from).collect();
    people::name_people(&portal, &mut found).await?;
    Ok(Json(found))
}

/// The publishes, rollbacks and gray operations of a namespace, newest first.
pub(super) async fn releases(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
    Query(paging): Query<Paging>,
    Query(returned): Query<ReturnedValues>,
    reading: ContentRead,
) -> Result<Json<Vec<ReleaseHistory>>> {
    let environment = portal.state.environments.find(&place.env)?;
    let [page, size] = paging.or_size(PAGE_SIZE).texts();
    let address = Address::in_namespace(&place, &["releases", "histories"]);
    let address = address.with(&[("page", &page), ("size", &size)]);
    let read = reading.of(&portal, environment, |environment| async move {
        let found: Option<admin::Page<admin::ReleaseHistory>> = environment.find(address).await?;
        let found = found.map(|page| page.content).unwrap_or_default();
        let releases = releases_of(&environment, &found, &returned).await?;
        Ok::<_, Error>((found, releases))
    });
    let ((found, releases), _turn) = read.await?;
    let _kept = reading.keep(checked_length(&found, &releases)?)?;
    let operators = found.iter().filter_map(|row| row.data_change_created_by.as_deref());
    let names = people::called(&portal, operators).await?;
    let now = castalia_store::now();
    let shown = |row: admin::ReleaseHistory| ReleaseHistory {
        operator_display_name: row
            .data_change_created_by
            .as_ref()
            .and_then(|name| names.get(name).cloned()),
        release_time_formatted: row.data_change_last_modified_time.map(|time| ago(time, now)),
        ..history(releases.get(&row.release_id), row)
    };
    Ok(Json(found.into_iter().map(shown).collect()))
}

/// The releases that these rows name, by their ids.
async fn releases_of(
    environment: &Environment,
    rows: &[admin::ReleaseHistory],
    returned: &ReturnedValues,
) -> Result<HashMap<i64, PublishedValues>> {
    let ids: BTreeSet<_> = rows.iter().map(|row| row.release_id).filter(|id| *id != 0).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids = ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    let mut parameters = vec![("releaseIds", ids.as_str())];
    parameters.extend(returned.parameters());
    let found: Vec<admin::Release> =
        environment.get(Address::new(["releases"]).with(&parameters)).await?;
    let values = |release: admin::Release| (release.id, PublishedValues::of(release, returned));
    Ok(found.into_iter().map(values).collect())
}

/// The length of the values in an answer with these rows: many rows may name the same release.
fn checked_length(
    rows: &[admin::ReleaseHistory],
    releases: &HashMap<i64, PublishedValues>,
) -> Result<usize> {
    let named = rows.iter().filter_map(|row| releases.get(&row.release_id));
    let bytes: usize = named.map(|release| release.bytes).sum();
    if rows.len() > 1 {
        check_length(bytes as u64)?;
    }
    Ok(bytes)
}

/// What the history shows of a release, for all entries that name it.
#[derive(Debug)]
pub(in crate::role::portal) struct PublishedValues {
    title: Option<String>,
    comment: Option<String>,
    is_abandoned: bool,
    values: Vec<KeyValue>,
    /// Length of the values, in bytes.
    bytes: usize,
}

impl PublishedValues {
    pub(in crate::role::portal) fn of_all(release: admin::Release) -> Self {
        Self::of(release, &ReturnedValues::default())
    }

    fn of(release: admin::Release, returned: &ReturnedValues) -> Self {
        let is_abandoned = release.is_abandoned;
        let Release { name, comment, configurations, .. } = Release::from(release);
        let values = configurations.map(|values| *values).unwrap_or_default();
        let mut bytes = 0;
        let pair = |(key, value): (String, String)| {
            bytes += key.len() + value.len() + PAIR;
            KeyValue { first_entity: Some(key), second_entity: Some(value) }
        };
        let values =
            values.into_iter().filter(|(key, _)| returned.contain(key)).map(pair).collect();
        Self { title: name, comment, is_abandoned, values, bytes }
    }
}

/// The body of an entry, with the release that it names.
pub(in crate::role::portal) fn history(
    release: Option<&PublishedValues>,
    row: admin::ReleaseHistory,
) -> ReleaseHistory {
    ReleaseHistory {
        id: row.id,
        app_id: row.app_id,
        cluster_name: row.cluster_name,
        namespace_name: row.namespace_name,
        branch_name: row.branch_name,
        operator: row.data_change_created_by,
        release_id: row.release_id,
        configuration: release.map(|release| release.values.clone()),
        release_title: match release {
            Some(release) => release.title.clone(),
            None => Some("no release information".to_owned()),
        },
        release_comment: release.and_then(|release| release.comment.clone()),
        release_time: row.data_change_last_modified_time,
        is_release_abandoned: release.is_some_and(|release| release.is_abandoned),
        previous_release_id: row.previous_release_id,
        operation: row.operation,
        operation_context: row.operation_context,
        ..ReleaseHistory::default()
    }
}

/// How long ago a time was, in the words of Apollo's portal.
pub(in crate::role::portal) fn ago(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let passed = now - time;
    match (passed.num_seconds(), passed.num_minutes(), passed.num_hours(), passed.num_days()) {
        _ if passed.num_milliseconds() <= 0 => "now".to_owned(),
        (seconds @ ..=60, ..) => format!("{} seconds ago", seconds.max(1)),
        (_, minutes @ ..45, ..) => format!("{minutes} minutes ago"),
        (_, _, hours @ ..24, _) => format!("{} hours ago", hours.max(1)),
        (_, _, ..48, _) => "the day before yesterday".to_owned(),
        (_, _, _, days @ ..30) => format!("{days} days ago"),
        (_, _, _, days @ ..120) => format!("{} months ago", days / 30),
        _ => time.with_timezone(&Local).format("%Y-%m-%d").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn commits_of_apollos_admin_service_have_no_id() {
        for (body, id) in [("{}", None), (r#"{"id":7}"#, Some(7))] {
            let commit = Commit::from(serde_json::from_str::<admin::Commit>(body).unwrap());
            assert_eq!(commit.id, id);
            assert_eq!(serde_json::to_string(&commit).unwrap(), body);
        }
    }

    #[test]
    fn times_are_named_as_apollos_portal_names_them() {
        let now = castalia_store::now();
        for (seconds, text) in [
            (-5, "now"),
            (0, "now"),
            (1, "1 seconds ago"),
            (60, "60 seconds ago"),
            (61, "1 minutes ago"),
            (45 * 60, "1 hours ago"),
            (23 * 3600, "23 hours ago"),
            (24 * 3600, "the day before yesterday"),
            (48 * 3600, "2 days ago"),
            (30 * 86_400, "1 months ago"),
            (119 * 86_400, "3 months ago"),
        ] {
            assert_eq!(ago(now - TimeDelta::seconds(seconds), now), text, "{seconds}");
        }
        assert_eq!(ago(now - TimeDelta::days(120), now).len(), "2026-11-21".len());
    }
}
