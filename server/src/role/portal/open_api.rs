//! `/openapi/v1`: one API for signed-in users, third parties and our web UI. This file says who may call what; each resource has a
//! file of its own.

mod app;
mod app_namespace;
mod cluster;
mod env;
mod item;
mod namespace;
mod organization;
mod people;
mod release;
pub(super) mod user;

use serde::Deserialize;

use super::identity::Caller;
use super::{Hidden, Portal, PortalAccess, PortalRoutes};
use crate::domain::permission::Act;
use crate::domain::permission::need::{Identity, Need};
use crate::domain::user as portal_user;
use crate::error::{Error, Result};

/// Items of a page where the caller does not say.
pub(super) const ITEM_PAGE_SIZE: u64 = 50;

/// Who acts, as consumers must say and users may.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct By {
    operator: Option<String>,
}

/// Adds the routes.
pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let routes = routes
        .get("/openapi/v1/user", PortalAccess::Call(Need::Person), user::current)
        .get("/openapi/v1/envs", PortalAccess::Call(Need::Nothing), env::list)
        .get("/openapi/v1/organizations", PortalAccess::Call(Need::Nothing), organization::list);
    releases(items(namespaces(clusters(apps(routes)))))
}

fn apps(routes: PortalRoutes) -> PortalRoutes {
    let known = PortalAccess::Call(Need::Nothing);
    routes
        .post("/openapi/v1/apps", PortalAccess::Call(Need::CreateApp), app::create)
        .get("/openapi/v1/apps", known, app::list)
        .get("/openapi/v1/apps/authorized", known, app::authorized)
        .get("/openapi/v1/apps/by-self", known, app::by_self)
        .get("/openapi/v1/apps/{app_id}", known, app::get)
        .put("/openapi/v1/apps/{app_id}", PortalAccess::Call(Need::AppAdmin), app::update)
        .get("/openapi/v1/apps/{app_id}/envclusters", known, app::env_clusters)
        .get("/openapi/v1/apps/{app_id}/env-cluster-info", known, app::env_cluster_info)
}

fn clusters(routes: PortalRoutes) -> PortalRoutes {
    const CLUSTERS: &str = "/openapi/v1/envs/{env}/apps/{app_id}/clusters";
    const CLUSTER: &str = "/openapi/v1/envs/{env}/apps/{app_id}/clusters/{cluster}";
    routes
        .post(CLUSTERS, PortalAccess::Call(Need::CreateCluster), cluster::create)
        .get(CLUSTER, PortalAccess::Call(Need::Nothing), cluster::get)
        .delete(CLUSTER, PortalAccess::Call(Need::DeleteCluster), cluster::delete)
}

fn namespaces(routes: PortalRoutes) -> PortalRoutes {
    const DEFINITIONS: &str = "/openapi/v1/apps/{app_id}/appnamespaces";
    const NAMESPACES: &str = "/openapi/v1/envs/{env}/apps/{app_id}/clusters/{cluster}/namespaces";
    const NAMESPACE: &str =
        "/openapi/v1/envs/{env}/apps/{app_id}/clusters/{cluster}/namespaces/{namespace}";
    const LOCK: &str =
        "/openapi/v1/envs/{env}/apps/{app_id}/clusters/{cluster}/namespaces/{namespace}/lock";
    let known = PortalAccess::Call(Need::Nothing);
    let seen = PortalAccess::Read(Need::See, Hidden::Nothing);
    routes
        .get("/openapi/v1/appnamespaces", known, app_namespace::public)
        .get(DEFINITIONS, known, app_namespace::list)
        .post(DEFINITIONS, PortalAccess::Call(Need::CreateNamespace), app_namespace::create)
        .get("/openapi/v1/apps/{app_id}/appnamespaces/{namespace}", known, app_namespace::get)
        .post("/openapi/v1/namespaces", PortalAccess::ByContent, namespace::associate)
        // Leaves out what the caller may not see.
        .get(NAMESPACES, known, namespace::list)
        .get(NAMESPACE, seen, namespace::get)
        .get(LOCK, seen, namespace::lock)
}

fn items(routes: PortalRoutes) -> PortalRoutes {
    const ITEMS: &str =
        "/openapi/v1/envs/{env}/apps/{app_id}/clusters/{cluster}/namespaces/{namespace}/items";
    const ITEM: &str = "/openapi/v1/envs/{env}/apps/{app_id}/clusters/{cluster}/namespaces/{namespace}/items/{key}";
    const ENCODED: &str = "/openapi/v1/envs/{env}/apps/{app_id}/clusters/{cluster}/namespaces/{namespace}/encodedItems/{key}";
    const REVOCATION: &str = "/openapi/v1/envs/{env}/apps/{app_id}/clusters/{cluster}/namespaces/{namespace}/items/revocation";
    let edit = PortalAccess::Call(Need::To(Act::Modify));
    let seen = PortalAccess::Read(Need::See, Hidden::Nothing);
    routes
        .get(ITEMS, PortalAccess::Read(Need::See, Hidden::Page), item::page)
        .post(ITEMS, edit, item::create)
        .put(ITEMS, edit, item::put_text)
        .post(REVOCATION, edit, item::revoke)
        .get(ITEM, seen, item::get)
        .put(ITEM, edit, item::update)
        .delete(ITEM, edit, item::delete)
        .get(ENCODED, seen, item::get_encoded)
        .put(ENCODED, edit, item::update_encoded)
        .delete(ENCODED, edit, item::delete_encoded)
}

fn releases(routes: PortalRoutes) -> PortalRoutes {
    const RELEASES: &str =
        "/openapi/v1/envs/{env}/apps/{app_id}/clusters/{cluster}/namespaces/{namespace}/releases";
    const LATEST: &str = "/openapi/v1/envs/{env}/apps/{app_id}/clusters/{cluster}/namespaces/{namespace}/releases/latest";
    const ACTIVE: &str = "/openapi/v1/envs/{env}/apps/{app_id}/clusters/{cluster}/namespaces/{namespace}/releases/active";
    routes
        .post(RELEASES, PortalAccess::Call(Need::To(Act::Release)), release::publish)
        .get(LATEST, PortalAccess::Read(Need::SeeRelease, Hidden::Nothing), release::latest)
        .get(ACTIVE, PortalAccess::Read(Need::SeeRelease, Hidden::List), release::active)
        .get(
            "/openapi/v1/envs/{env}/releases/comparison",
            PortalAccess::ByContent,
            release::compare,
        )
        .get("/openapi/v1/envs/{env}/releases/{release_id}", PortalAccess::ByContent, release::get)
        .put(
            "/openapi/v1/envs/{env}/releases/{release_id}/rollback",
            PortalAccess::ByContent,
            release::roll_back,
        )
}

impl Portal {
    /// Who is recorded as having done it: users act as themselves, consumers name a user, in the query or in the body.
    async fn operator(
        &self,
        caller: &Caller,
        query: Option<String>,
        body: Option<String>,
    ) -> Result<String> {
        if let Identity::User(user_id) = &caller.identity {
            return Ok(user_id.clone());
        }
        let named = [query, body].into_iter().flatten().find(|name| !name.trim().is_empty());
        let Some(name) = named else {
            return Err(Error::bad_request("operator should not be null or empty")
                .with_code("missing_operator"));
        };
        Ok(portal_user::existing(&self.state.store, &name).await?.username)
    }
}

/// A member that a body cannot do without.
fn required(text: Option<String>, member: &str) -> Result<String> {
    let text = text.filter(|text| !text.trim().is_empty());
    text.ok_or_else(|| {
        Error::bad_request(format!("Params({member}) can not be empty")).with_code("missing_member")
    })
}

/// Body and path may not speak of different apps.
fn check_same_app(path: &str, body: &str) -> Result<()> {
    if path == body {
        return Ok(());
    }
    let message =
        format!("The App Id of path variable and request body is different: {path} and {body}");
    Err(Error::bad_request(message).with_code("different_app_id"))
}
