//! `/openapi/v1/change-sets`: edits of several namespaces as one call. Those of each namespace are
//! checked, made and recorded as a call of `changeItems` on their own revision, and one that fails
//! stops no other.

use std::collections::HashSet;

use axum::extract::{Extension, State};
use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue, Method, Uri};

use super::subrequest::Subrequests;
use super::{By, required};
use crate::domain::permission::requirement::Resource;
use crate::environment::Address;
use crate::error::{Code, Error, Result};
use crate::http::request::{Body, LARGE_BODY};
use crate::http::revision::{self, REVISION};
use crate::json::{self, Json};
use crate::role::portal::Portal;
use crate::role::portal::abandoned::PartOfChange;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::wire::open_api::{ChangeSet, ChangeSetResult, ChangeSets, ItemChanges};

pub(super) const PATH: &str = "/openapi/v1/change-sets";
/// Maximum number of namespaces in one call.
const MOST: usize = 50;

/// The change of one namespace.
struct NamespaceChange {
    path: Uri,
    headers: HeaderMap,
    body: String,
}

/// All at once, because each may be in another environment.
pub(super) async fn apply(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(subrequests): Extension<Subrequests>,
    headers: HeaderMap,
    Query(by): Query<By>,
    Body(wanted): Body<ChangeSets, LARGE_BODY>,
) -> Result<Json<Vec<ChangeSetResult>>> {
    if revision::of(&headers).is_some() {
        let message =
            "Each change set has its own revision; send the request without Castalia-Revision.";
        return Err(Error::bad_request(message).with_code(Code::InvalidParameter));
    }
    let sets = wanted.change_sets.unwrap_or_default();
    if sets.len() > MOST {
        return Err(Error::bad_request(format!("More than {MOST} change sets in one call")));
    }
    let (mut places, mut changes) = (HashSet::new(), Vec::new());
    for (position, set) in sets.into_iter().enumerate() {
        let place = place(&portal, position, &set)?;
        changes.push(change(&place, &by, &headers, set, wanted.dry_run)?);
        if !places.insert(place) {
            let message = "Several change sets of one namespace in one call";
            return Err(Error::bad_request(message).with_code(Code::InvalidParameter));
        }
    }
    let strict = portal.state.compat.strict_status;
    let subrequests = subrequests.with(PartOfChange);
    // A caller who disconnects leaves no part of them undone.
    let results = portal.own.abandoned.run(&caller.identity, async move {
        join_all(changes.into_iter().map(|change| perform(&subrequests, strict, change))).await
    });
    Ok(Json(results.await?))
}

fn place(portal: &Portal, position: usize, set: &ChangeSet) -> Result<Resource> {
    let text = |member: &Option<String>, name: &str| {
        required(member.clone(), &format!("changeSets[{position}].{name}"))
    };
    let env = portal.state.environments.find(&text(&set.env, "env")?)?;
    Ok(Resource {
        app_id: text(&set.app_id, "appId")?,
        env: env.name().to_owned(),
        cluster: text(&set.cluster_name, "clusterName")?,
        namespace: text(&set.namespace_name, "namespaceName")?,
    })
}

fn change(
    place: &Resource,
    by: &By,
    headers: &HeaderMap,
    set: ChangeSet,
    dry_run: bool,
) -> Result<NamespaceChange> {
    let Resource { app_id, env, cluster, namespace } = place;
    let names = ["envs", env, "apps", app_id, "clusters", cluster, "namespaces", namespace];
    let mut path = Address::new(names.into_iter().chain(["changes"]));
    if let Some(operator) = &by.operator {
        path = path.with(&[("operator", operator)]);
    }
    let path = path.checked()?;
    let path = format!("/openapi/v1{path}").parse();
    let path = path.map_err(|_| Error::bad_request("A name in a change set is too long"))?;
    let mut headers = headers.clone();
    if let Some(revision) = set.revision {
        let revision = HeaderValue::from_str(&revision)
            .map_err(|_| Error::bad_request("A revision consists of hexadecimal digits"))?;
        headers.insert(REVISION, revision);
    }
    let ChangeSet { create, update, delete, .. } = set;
    let body = json::write(&ItemChanges { create, update, delete, lines: None, dry_run })?;
    Ok(NamespaceChange { path, headers, body })
}

async fn perform(
    subrequests: &Subrequests,
    strict: bool,
    change: NamespaceChange,
) -> ChangeSetResult {
    let NamespaceChange { path, headers, body } = change;
    let answer = subrequests.call(strict, Method::POST, path, &headers, Some(body)).await;
    let outcome: ChangeSetResult = answer.body;
    let current = outcome.current.or(answer.revision);
    ChangeSetResult { status: answer.status, current, ..outcome }
}
