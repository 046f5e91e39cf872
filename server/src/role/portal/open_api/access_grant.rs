//! `/openapi/v1/access-grants`: several grants and revocations of roles as one call. Each is
//! checked and recorded as the operation of its role, and one that fails stops no other.

use axum::extract::{Extension, State};
use http::{HeaderMap, Method, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::subrequest::Subrequests;
use crate::error::{Error, Result};
use crate::http::request::Body;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::abandoned::PartOfChange;
use crate::role::portal::identity::Caller;
use crate::wire::open_api::{AccessGrant, AccessGrantResult};

pub(super) const PATH: &str = "/openapi/v1/access-grants";
/// Maximum number of grants in one call.
const MOST: usize = 200;

/// One after another, in the order of the body: grants of one role wait for each other anyway.
pub(super) async fn change(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(subrequests): Extension<Subrequests>,
    headers: HeaderMap,
    Body(grants): Body<Vec<AccessGrant>>,
) -> Result<Json<Vec<AccessGrantResult>>> {
    if grants.len() > MOST {
        return Err(Error::bad_request(format!("More than {MOST} grants in one call")));
    }
    let requests: Vec<_> = grants.iter().map(request).collect::<Result<_>>()?;
    let strict = portal.state.compat.strict_status;
    let subrequests = subrequests.with(PartOfChange);
    // A caller who disconnects leaves no part of them undone.
    let results = portal.own.abandoned.run(&caller.identity, async move {
        let mut results = Vec::with_capacity(requests.len());
        for (method, path) in requests {
            let answer = subrequests.call(strict, method, path, &headers, None).await;
            results.push(AccessGrantResult { status: answer.status, ..answer.body });
        }
        results
    });
    Ok(Json(results.await?))
}

/// The request of the operation for one role.
fn request(grant: &AccessGrant) -> Result<(Method, Uri)> {
    let text = |member: &Option<String>| {
        let text = member.as_deref().unwrap_or_default();
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
    };
    let part = |name: &str, member: &Option<String>| match member.as_deref() {
        None | Some("") => String::new(),
        Some(_) => format!("/{name}/{}", text(member)),
    };
    let place = [
        part("apps", &grant.app_id),
        part("envs", &grant.env),
        part("clusters", &grant.cluster_name),
        part("namespaces", &grant.namespace_name),
    ];
    let (role, user) = (text(&grant.role_type), text(&grant.user_id));
    let path = format!("/openapi/v1{}/roles/{role}?userId={user}", place.concat());
    let method = if grant.is_revocation { Method::DELETE } else { Method::POST };
    let path = path.parse().map_err(|_| Error::bad_request("A name in a grant is too long"))?;
    Ok((method, path))
}
