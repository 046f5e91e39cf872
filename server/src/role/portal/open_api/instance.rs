//! `/openapi/v1/.../instances`: which running clients read which release. Consumers need permission
//! to publish the namespace.

use axum::extract::{Extension, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::content_read::ContentRead;
use super::release::named::permitted;
use super::{By, may_be_unsupported, unsupported};
use crate::domain::permission::requirement::{Requirement, Resource};
use crate::environment::Address;
use crate::error::{Code, Error, Result};
use crate::http::request::Path;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::access::refusal;
use crate::role::portal::extract::{Paging, Query};
use crate::role::portal::identity::Caller;
use crate::wire::admin;
use crate::wire::open_api::{Instance, InstancePage};

/// Default number of instances of a page, as in Apollo.
const PAGE_SIZE: u64 = 20;

/// A namespace in the query.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(super) struct NamespaceQuery {
    /// App.
    app_id: String,
    /// Cluster, or branch.
    cluster_name: String,
    /// Namespace.
    namespace_name: String,
}

impl NamespaceQuery {
    fn within(self, env: &Resource) -> Resource {
        Resource {
            env: env.env.clone(),
            app_id: self.app_id,
            cluster: self.cluster_name,
            namespace: self.namespace_name,
        }
    }
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct InstanceFilter {
    /// App of the clients; all apps by default.
    #[param(nullable = false)]
    instance_app_id: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(super) struct WantedRelease {
    /// Row id of the release.
    release_id: i64,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(super) struct InstanceId {
    /// Row id of the instance.
    instance_id: i64,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReleaseIds {
    /// Row ids of releases, separated by commas.
    release_ids: String,
    /// Maximum number of instances; all by default.
    #[serde(default)]
    #[param(default = 0)]
    limit: usize,
}

/// Number of the instances that read a namespace.
pub(super) async fn count(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
) -> Result<Json<u64>> {
    let environment = portal.state.environments.find(&place.env)?;
    let address = Address::new(["instances", "by-namespace", "count"]).with(&names(&place));
    Ok(Json(environment.get(address).await?))
}

/// The instances that read a namespace.
pub(super) async fn of_namespace(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(wanted): Query<NamespaceQuery>,
    Query(filter): Query<InstanceFilter>,
    Query(paging): Query<Paging>,
) -> Result<Json<InstancePage>> {
    let (place, paging) = (wanted.within(&place), paging.or_size(PAGE_SIZE));
    if !sees(&portal, &caller, &place).await? {
        let Paging { page, size } = paging;
        return Ok(Json(shown(admin::Page { total: 0, content: Vec::new(), page, size })));
    }
    let environment = portal.state.environments.find(&place.env)?;
    let [page, size] = paging.texts();
    let mut parameters = names(&place).to_vec();
    parameters.extend([("page", page.as_str()), ("size", &size)]);
    parameters
        .extend(filter.instance_app_id.iter().map(|app_id| ("instanceAppId", app_id.as_str())));
    let address = Address::new(["instances", "by-namespace"]).with(&parameters);
    Ok(Json(shown(environment.get(address).await?)))
}

/// The instances that last received a release.
pub(super) async fn of_release(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(WantedRelease { release_id }): Query<WantedRelease>,
    Query(paging): Query<Paging>,
    reading: ContentRead,
) -> Result<Json<InstancePage>> {
    let environment = portal.state.environments.find(&place.env)?;
    permitted(&reading, &portal, &caller, &environment, release_id, Requirement::SeeRelease)
        .await?;
    let ([page, size], id) = (paging.or_size(PAGE_SIZE).texts(), release_id.to_string());
    let address = Address::new(["instances", "by-release"]);
    let address = address.with(&[("releaseId", &id), ("page", &page), ("size", &size)]);
    Ok(Json(shown(environment.get(address).await?)))
}

/// The instances that read a namespace and last received none of these releases.
pub(super) async fn without_releases(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(wanted): Query<NamespaceQuery>,
    Query(ReleaseIds { release_ids, limit }): Query<ReleaseIds>,
) -> Result<Json<Vec<Instance>>> {
    let place = wanted.within(&place);
    if !sees(&portal, &caller, &place).await? {
        return Ok(Json(Vec::new()));
    }
    let ids: Vec<_> = release_ids.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
    let refused = |message| Err(Error::bad_request(message).with_code(Code::InvalidParameter));
    if ids.is_empty() {
        return refused("releaseIds should not be empty");
    }
    if ids.iter().any(|id| id.parse::<i64>().is_err()) {
        return refused("releaseIds should be comma separated numbers");
    }
    let environment = portal.state.environments.find(&place.env)?;
    let mut parameters = names(&place).to_vec();
    let ids = ids.join(",");
    let text = limit.to_string();
    parameters.extend([("releaseIds", ids.as_str()), ("limit", &text)]);
    let address = Address::new(["instances", "by-namespace-and-releases-not-in"]).with(&parameters);
    let mut found: Vec<admin::Instance> = environment.get(address).await?;
    // Apollo's admin service knows no limit.
    if limit > 0 {
        found.truncate(limit);
    }
    Ok(Json(found.into_iter().map(Instance::from).collect()))
}

/// Forgets that an instance reads a namespace. One that still runs is recorded again.
pub(super) async fn forget(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(InstanceId { instance_id }): Path<InstanceId>,
    Query(by): Query<By>,
) -> Result<()> {
    let operator = portal.operator(&caller, by.operator, None).await?;
    let environment = portal.state.environments.find(&place.env)?;
    let id = instance_id.to_string();
    let mut parameters = names(&place).to_vec();
    parameters.extend([("instanceId", id.as_str()), ("operator", &operator)]);
    let address = Address::new(["instances", "by-namespace"]).with(&parameters);
    environment.delete(address).await.map_err(|error| {
        if !may_be_unsupported(&error) {
            return error;
        }
        let instead = "Its record expires a day after it was last written.";
        unsupported(&environment, "forget an instance", instead, error)
    })
}

/// Whether the caller sees the instances of a namespace that the query names; a program without
/// permission is refused.
async fn sees(portal: &Portal, caller: &Caller, place: &Resource) -> Result<bool> {
    let sees = portal.allows(&caller.identity, Requirement::SeeRelease, place).await?;
    if sees {
        portal.check_missed_deletion_of(place).await?;
    } else if caller.identity.is_program() {
        return Err(refusal(Requirement::SeeRelease));
    }
    Ok(sees)
}

pub(super) fn names(place: &Resource) -> [(&str, &str); 3] {
    [("appId", &place.app_id), ("clusterName", &place.cluster), ("namespaceName", &place.namespace)]
}

fn shown(found: admin::Page<admin::Instance>) -> InstancePage {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    InstancePage {
        page: number(found.page),
        size: number(found.size),
        total: number(found.total),
        instances: Some(found.content.into_iter().map(Instance::from).collect()),
    }
}
