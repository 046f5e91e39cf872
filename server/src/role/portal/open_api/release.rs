//! `/openapi/v1/.../releases`: publishing, reading and rolling back releases.
//! `release/named.rs` checks the permission on one that is named by its id alone.

pub(super) mod named;

use axum::extract::{Extension, State};
use castalia_core::protocol::wire::Configurations;
use serde::Deserialize;
use utoipa::IntoParams;

use self::named::permitted;
use super::content_read::{ContentRead, length};
use super::namespace::allows_emergency_publish;
use super::schema::publish::{self as schema, ToPublish};
use super::{By, may_be_unsupported, people, required, unsupported};
use crate::domain::constraint::check_members;
use crate::domain::draft::difference;
use crate::domain::history::ReleaseOperation;
use crate::domain::notice::Announcement;
use crate::domain::permission::Action;
use crate::domain::permission::requirement::{Identity, Requirement, Resource};
use crate::domain::release::{COMMENT, TITLE};
use crate::environment::{Address, Environment};
use crate::error::{Code, Error, Result};
use crate::http::request::{Body, Path};
use crate::json::Json;
use crate::json::OrEmpty;
use crate::role::portal::Portal;
use crate::role::portal::extract::{Paging, Query};
use crate::role::portal::identity::Caller;
use crate::settings::Installation;
use crate::wire::admin;
use crate::wire::open_api::{NewRelease, Release, ReleaseChange, ReleaseDiff};

/// Default number of releases of a page, as in Apollo.
const PAGE_SIZE: u64 = 5;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReleaseId {
    /// Row id of the release.
    release_id: i64,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReleasePair {
    /// Row id of the earlier release.
    base_release_id: i64,
    /// Row id of the later release.
    to_compare_release_id: i64,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Rollback {
    /// User that a consumer acts for. A signed-in user acts as that user.
    #[param(nullable = false)]
    operator: Option<String>,
    /// Row id of the release that takes effect; the one before by default.
    #[param(nullable = false)]
    to_release_id: Option<i64>,
    /// Row id of the release that the caller takes for the live one; nothing is rolled back if
    /// another one is live.
    #[param(nullable = false)]
    live_release_id: Option<i64>,
}

/// Which values of releases are returned; a page of large releases would be large.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ReturnedValues {
    /// Only the value of this key; with an empty text, none. All by default.
    #[param(nullable = false)]
    only_key: Option<String>,
}

impl ReturnedValues {
    pub(super) fn contain(&self, key: &str) -> bool {
        self.only_key.as_deref().is_none_or(|only| only == key)
    }

    /// The parameters of the admin API, which Apollo's ignores. A list that is too long for one
    /// answer is refused instead of being sent in parts.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        let only_key = self.only_key.as_deref().map(|key| ("onlyKey", key));
        [("bounded", "true")].into_iter().chain(only_key)
    }
}

/// Publishes the present items of a namespace.
pub(super) async fn publish(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
    Body(new): Body<NewRelease>,
) -> Result<Json<Release>> {
    let publication =
        CheckedPublication::check(&portal, &caller, &place.env, by.operator, new).await?;
    let environment = portal.state.environments.find(&place.env)?;
    let address = Address::in_namespace(&place, &["releases"]);
    let fields = publication.fields("name");
    let published = ToPublish::Namespace;
    let made = schema::publish(&portal, &caller, &environment, &place, published, address, &fields);
    let announcement = publication.announce(&place, ReleaseOperation::Publish);
    one(&portal, portal.notifying(announcement, made, |made: &admin::Release| made.id).await?).await
}

/// The release that clients read now; empty before the first publish.
pub(super) async fn latest(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
    reading: ContentRead,
) -> Result<OrEmpty<Release>> {
    let environment = portal.state.environments.find(&place.env)?;
    let address = Address::in_namespace(&place, &["releases", "latest"]);
    let read = reading.of(&portal, environment, |environment| async move {
        environment.find::<admin::Release>(address).await
    });
    let (latest, _turn) = read.await?;
    let _kept = reading.keep(length(latest.iter().map(|row| row.configurations.as_deref())))?;
    Ok(OrEmpty(shown(&portal, latest.into_iter().collect()).await?.pop()))
}

/// Releases that were not rolled back, newest first.
pub(super) async fn active(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
    Query(paging): Query<Paging>,
    Query(returned): Query<ReturnedValues>,
    reading: ContentRead,
) -> Result<Json<Vec<Release>>> {
    let environment = portal.state.environments.find(&place.env)?;
    let [page, size] = paging.or_size(PAGE_SIZE).texts();
    let mut parameters = vec![("page", page.as_str()), ("size", &size)];
    parameters.extend(returned.parameters());
    let address = Address::in_namespace(&place, &["releases", "active"]).with(&parameters);
    let read = reading.of(&portal, environment, |environment| async move {
        environment.get::<Vec<admin::Release>>(address).await
    });
    let (found, _turn) = read.await?;
    let contents = found.iter().map(|release| release.configurations.as_deref());
    let _kept = reading.keep(length(contents))?;
    let mut releases = shown(&portal, found).await?;
    for values in releases.iter_mut().filter_map(|release| release.configurations.as_mut()) {
        values.retain(|key, _| returned.contain(key));
    }
    Ok(Json(releases))
}

/// One release.
pub(super) async fn get(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(ReleaseId { release_id }): Path<ReleaseId>,
    reading: ContentRead,
) -> Result<Json<Release>> {
    let environment = portal.state.environments.find(&place.env)?;
    permitted(&reading, &portal, &caller, &environment, release_id, Requirement::SeeRelease)
        .await?;
    let read = reading.of(&portal, environment, |environment| async move {
        load(&environment, release_id).await
    });
    let (release, _turn) = read.await?;
    let _kept = reading.keep(length([release.configurations.as_deref()]))?;
    one(&portal, release).await
}

/// The changes for clients from one release to another; the id 0 represents an empty release.
pub(super) async fn compare(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(pair): Query<ReleasePair>,
    reading: ContentRead,
) -> Result<Json<ReleaseDiff>> {
    let environment = portal.state.environments.find(&place.env)?;
    for id in [pair.base_release_id, pair.to_compare_release_id] {
        if id != 0 {
            permitted(&reading, &portal, &caller, &environment, id, Requirement::SeeRelease)
                .await?;
        }
    }
    let read = reading
        .of(&portal, environment, |environment| async move { both(&environment, &pair).await });
    let ([base, to], _turn) = read.await?;
    let contents = [base.configurations.as_deref(), to.configurations.as_deref()];
    let _kept = reading.keep(length(contents))?;
    let (base, to) = (configurations(base), configurations(to));
    let changes =
        difference::between(&base, &to).into_iter().map(|(key, difference)| ReleaseChange {
            change_type: Some(change_type(&difference).to_owned()),
            key: Some(key),
            new_value: difference.drafted,
            old_value: difference.released,
        });
    Ok(Json(ReleaseDiff { changes: Some(changes.collect()) }))
}

/// The releases of a pair.
async fn both(environment: &Environment, pair: &ReleasePair) -> Result<[admin::Release; 2]> {
    let base = side(environment, pair.base_release_id).await?;
    Ok([base, side(environment, pair.to_compare_release_id).await?])
}

async fn side(environment: &Environment, id: i64) -> Result<admin::Release> {
    if id == 0 { Ok(admin::Release::default()) } else { load(environment, id).await }
}

/// Rolls back to the previous release, or to an older one of the same namespace.
pub(super) async fn roll_back(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(ReleaseId { release_id }): Path<ReleaseId>,
    Query(rollback): Query<Rollback>,
) -> Result<()> {
    let environment = portal.state.environments.find(&place.env)?;
    let (requirement, reading) =
        (Requirement::Permission(Action::Release), ContentRead::for_change(&caller));
    let place =
        permitted(&reading, &portal, &caller, &environment, release_id, requirement).await?;
    let to = rollback.to_release_id.filter(|id| *id >= 0);
    if let Some(to) = to
        && permitted(&reading, &portal, &caller, &environment, to, requirement).await? != place
    {
        let message =
            format!("Release {to} belongs to another namespace than release {release_id}");
        return Err(Error::bad_request(message).with_code(Code::DifferentNamespace));
    }
    let operator = portal.operator(&caller, rollback.operator, None).await?;
    let to = to.unwrap_or(-1).to_string();
    let live = rollback.live_release_id.map(|id| id.to_string());
    let mut parameters = vec![("toReleaseId", &*to), ("operator", &*operator)];
    parameters.extend(live.as_deref().map(|id| ("releaseId", id)));
    let address = Address::new(["releases", &release_id.to_string(), "rollback"]);
    let made = environment.put_empty(address.with(&parameters));
    let announcement = Announcement {
        place,
        operation: ReleaseOperation::Rollback,
        operator: operator.clone(),
        left_release: release_id,
    };
    portal.notifying(announcement, made, |()| release_id).await
}

/// Withdraws the only active release of a namespace in a cluster. Its clients then receive the
/// release of the default cluster, if there is one.
pub(super) async fn withdraw(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(ReleaseId { release_id }): Path<ReleaseId>,
    Query(by): Query<By>,
) -> Result<()> {
    let environment = portal.state.environments.find(&place.env)?;
    let (requirement, reading) =
        (Requirement::Permission(Action::Release), ContentRead::for_change(&caller));
    let place =
        permitted(&reading, &portal, &caller, &environment, release_id, requirement).await?;
    let operator = portal.operator(&caller, by.operator, None).await?;
    let address = Address::new(["releases", &release_id.to_string(), "withdrawal"]);
    let made = environment.put_empty(address.with(&[("operator", &operator)]));
    let announcement = Announcement {
        place,
        operation: ReleaseOperation::Rollback,
        operator: operator.clone(),
        left_release: release_id,
    };
    match portal.notifying(announcement, made, |()| release_id).await {
        Err(error) if may_be_unsupported(&error) => {
            // The release may have been deleted meanwhile.
            permitted(&reading, &portal, &caller, &environment, release_id, requirement).await?;
            let instead = "Roll back, or delete the namespace in this cluster.";
            Err(unsupported(&environment, "withdraw a release", instead, error))
        }
        outcome => outcome,
    }
}

/// A checked request to publish.
#[derive(Debug)]
pub(super) struct CheckedPublication {
    pub(super) title: String,
    pub(super) comment: String,
    pub(super) operator: String,
    pub(super) is_emergency: bool,
}

impl CheckedPublication {
    /// Checks a request of the caller; `operator` is the one in the query.
    pub(super) async fn check(
        portal: &Portal,
        caller: &Caller,
        env: &str,
        operator: Option<String>,
        new: NewRelease,
    ) -> Result<Self> {
        let title = required(new.release_title, "releaseTitle")?;
        check_members([
            ("releaseTitle", Some(&*title), TITLE),
            ("releaseComment", new.release_comment.as_deref(), COMMENT),
        ])?;
        if new.is_emergency_publish {
            check_emergency(portal, caller, env)?;
        }
        Ok(Self {
            title,
            comment: new.release_comment.unwrap_or_default(),
            operator: portal.operator(caller, operator, new.released_by).await?,
            is_emergency: new.is_emergency_publish,
        })
    }

    /// The announcement of this publish.
    pub(super) fn announce(&self, place: &Resource, operation: ReleaseOperation) -> Announcement {
        let operator = self.operator.clone();
        Announcement { place: place.clone(), operation, operator, left_release: 0 }
    }

    /// The form of the admin API, in which the name of the title differs.
    pub(super) fn fields(&self, title: &'static str) -> Vec<(&str, &str)> {
        vec![
            (title, &self.title),
            ("comment", &self.comment),
            ("operator", &self.operator),
            ("isEmergencyPublish", flag(self.is_emergency)),
        ]
    }
}

/// A switch in a query or a form.
pub(super) fn flag(is_on: bool) -> &'static str {
    if is_on { "true" } else { "false" }
}

async fn load(environment: &Environment, id: i64) -> Result<admin::Release> {
    environment.get(Address::new(["releases", &id.to_string()])).await
}

/// Consumers of an installation that Apollo created may do so in every environment, as with Apollo.
fn check_emergency(portal: &Portal, caller: &Caller, env: &str) -> Result<()> {
    let is_old_consumer = matches!(caller.identity, Identity::Consumer(_))
        && portal.state.installation == Installation::Adopted;
    if is_old_consumer || allows_emergency_publish(portal, env) {
        return Ok(());
    }
    let message = format!("Env: {env} is not supported emergency publish now");
    Err(Error::bad_request(message).with_code(Code::NoEmergencyPublish))
}

fn change_type(difference: &difference::ReleaseDifference) -> &'static str {
    match (&difference.released, &difference.drafted) {
        (None, _) => "ADDED",
        (_, None) => "DELETED",
        _ => "MODIFIED",
    }
}

fn configurations(release: admin::Release) -> Configurations {
    Release::from(release).configurations.map(|configurations| *configurations).unwrap_or_default()
}

/// The answer with one release.
pub(super) async fn one(portal: &Portal, release: admin::Release) -> Result<Json<Release>> {
    Ok(Json(shown(portal, vec![release]).await?.swap_remove(0)))
}

async fn shown(portal: &Portal, releases: Vec<admin::Release>) -> Result<Vec<Release>> {
    let mut releases: Vec<_> = releases.into_iter().map(Release::from).collect();
    people::name_people(portal, &mut releases).await?;
    Ok(releases)
}
