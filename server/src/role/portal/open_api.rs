//! `/openapi/v1`: one API for signed-in users, consumers and the web UI. This file lists the
//! operations under the names of Apollo's contract, with the access that each requires; every
//! resource has a file of its own.

mod app;
mod app_namespace;
mod cluster;
pub(super) mod document;
mod env;
mod item;
mod namespace;
mod operator;
mod organization;
mod people;
mod release;
pub(super) mod user;

use http::Method;

use self::operator::By;
use super::{Hidden, PortalAccess, PortalRoutes};
use crate::domain::permission::Act;
use crate::domain::permission::need::Need;
use crate::error::{Code, Error, Result};
use crate::http::operation::About;

/// Default number of items of a page, as in Apollo.
pub(super) const ITEM_PAGE_SIZE: u64 = 50;

/// A path within a namespace of one environment.
macro_rules! in_namespace {
    ($rest:literal) => {
        concat!(
            "/openapi/v1/envs/{env}/apps/{appId}/clusters/{clusterName}/namespaces/{namespaceName}",
            $rest
        )
    };
}

/// Adds the routes.
pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let routes = routes
        .get("/openapi/openapi.json", PortalAccess::Open, document::get)
        .operation(
            Method::GET,
            "/openapi/v1/user",
            PortalAccess::Call(Need::Person),
            about("Portal User Management", "getCurrentUser", "Returns the signed-in user."),
            user::current,
        )
        .operation(
            Method::GET,
            "/openapi/v1/envs",
            PortalAccess::Call(Need::Nothing),
            about("Environment Management", "getEnvs", "Lists the environments."),
            env::list,
        )
        .operation(
            Method::GET,
            "/openapi/v1/organizations",
            PortalAccess::Call(Need::Nothing),
            about("Organization Management", "getOrganization", "Lists the departments."),
            organization::list,
        );
    releases(encoded_items(items(namespaces(app_namespaces(clusters(apps(routes)))))))
}

fn apps(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("App Management", id, summary);
    let known = PortalAccess::Call(Need::Nothing);
    routes
        .operation(
            Method::POST,
            "/openapi/v1/apps",
            PortalAccess::Call(Need::CreateApp),
            about(
                "createApp",
                "Creates an app in the portal and in every environment that is reachable.",
            ),
            app::create,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps",
            known,
            about("findApps", "Lists all apps, or those with the given ids."),
            app::list,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/authorized",
            known,
            about("findAppsAuthorized", "Lists the apps in which the caller has a role."),
            app::authorized,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/by-self",
            known,
            about("getAppsBySelf", "Lists the apps in which the caller has a role, page by page."),
            app::by_self,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}",
            known,
            about("getApp", "Returns an app."),
            app::get,
        )
        .operation(
            Method::PUT,
            "/openapi/v1/apps/{appId}",
            PortalAccess::Call(Need::AppAdmin),
            about(
                "updateApp",
                "Updates an app in the portal and in every environment that is reachable.",
            ),
            app::update,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/envclusters",
            known,
            about("getEnvClusters", "Lists the names of the app's clusters by environment."),
            app::env_clusters,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/env-cluster-info",
            known,
            about("getEnvClusterInfo", "Lists the app's clusters by environment."),
            app::env_cluster_info,
        )
}

fn clusters(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Cluster Management", id, summary);
    routes
        .operation(
            Method::POST,
            "/openapi/v1/envs/{env}/apps/{appId}/clusters",
            PortalAccess::Call(Need::CreateCluster),
            about("createCluster", "Creates a cluster."),
            cluster::create,
        )
        .operation(
            Method::GET,
            "/openapi/v1/envs/{env}/apps/{appId}/clusters/{clusterName}",
            PortalAccess::Call(Need::Nothing),
            about("getCluster", "Returns a cluster."),
            cluster::get,
        )
        .operation(
            Method::DELETE,
            "/openapi/v1/envs/{env}/apps/{appId}/clusters/{clusterName}",
            PortalAccess::Call(Need::DeleteCluster),
            about("deleteCluster", "Deletes a cluster with its namespaces."),
            cluster::delete,
        )
}

fn app_namespaces(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("AppNamespace Management", id, summary);
    let known = PortalAccess::Call(Need::Nothing);
    routes
        .operation(
            Method::GET,
            "/openapi/v1/appnamespaces",
            known,
            about("getAppNamespaces", "Lists the public app namespaces of all apps."),
            app_namespace::public,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/appnamespaces",
            known,
            about("getAppNamespacesByAppId", "Lists the app namespaces of an app."),
            app_namespace::list,
        )
        .operation(
            Method::POST,
            "/openapi/v1/apps/{appId}/appnamespaces",
            PortalAccess::Call(Need::CreateNamespace),
            about(
                "createAppNamespace",
                "Creates an app namespace, and the namespace in every cluster.",
            ),
            app_namespace::create,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/appnamespaces/{namespaceName}",
            known,
            about("findAppNamespace", "Returns an app namespace."),
            app_namespace::get,
        )
}

fn namespaces(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Namespace Management", id, summary);
    let seen = PortalAccess::Read(Need::See, Hidden::Nothing);
    routes
        .operation(
            Method::POST,
            "/openapi/v1/namespaces",
            PortalAccess::ByContent,
            about("createNamespaces", "Creates namespaces, each in one cluster."),
            namespace::associate,
        )
        .operation(
            Method::GET,
            "/openapi/v1/envs/{env}/apps/{appId}/clusters/{clusterName}/namespaces",
            PortalAccess::Call(Need::Nothing),
            about("findNamespaces", "Lists the namespaces of a cluster that the caller may see."),
            namespace::list,
        )
        .operation(
            Method::GET,
            in_namespace!(""),
            seen,
            about("findNamespace", "Returns a namespace."),
            namespace::get,
        )
        .operation(
            Method::GET,
            in_namespace!("/lock"),
            seen,
            self::about(
                "Namespace Lock Management",
                "getNamespaceLock",
                "Returns the edit lock of a namespace.",
            ),
            namespace::lock,
        )
}

fn items(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Item Management", id, summary);
    let edit = PortalAccess::Call(Need::To(Act::Modify));
    let seen = PortalAccess::Read(Need::See, Hidden::Nothing);
    routes
        .operation(
            Method::GET,
            in_namespace!("/items"),
            PortalAccess::Read(Need::See, Hidden::Page),
            about("findItemsByNamespace", "Lists the items of a namespace, page by page."),
            item::page,
        )
        .operation(
            Method::POST,
            in_namespace!("/items"),
            edit,
            about("createItem", "Adds an item to the end of a namespace."),
            item::create,
        )
        .operation(
            Method::PUT,
            in_namespace!("/items"),
            edit,
            about(
                "batchUpdateItemsByText",
                "Replaces the items of a namespace with those of a text.",
            ),
            item::put_text,
        )
        .operation(
            Method::POST,
            in_namespace!("/items/revocation"),
            edit,
            about("revertItems", "Reverts the items of a namespace to its latest release."),
            item::revoke,
        )
        .operation(
            Method::GET,
            in_namespace!("/items/{key}"),
            seen,
            about("getItem", "Returns an item."),
            item::get,
        )
        .operation(
            Method::PUT,
            in_namespace!("/items/{key}"),
            edit,
            about("updateItem", "Updates an item, or creates it if `createIfNotExists` is set."),
            item::update,
        )
        .operation(
            Method::DELETE,
            in_namespace!("/items/{key}"),
            edit,
            about("deleteItem", "Deletes an item."),
            item::delete,
        )
}

fn encoded_items(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Item Management", id, summary);
    let edit = PortalAccess::Call(Need::To(Act::Modify));
    let seen = PortalAccess::Read(Need::See, Hidden::Nothing);
    routes
        .operation(
            Method::GET,
            in_namespace!("/encodedItems/{key}"),
            seen,
            about("getItemByEncodedKey", "Returns an item by its key in URL-safe Base64."),
            item::encoded::get,
        )
        .operation(
            Method::PUT,
            in_namespace!("/encodedItems/{key}"),
            edit,
            about("updateItemByEncodedKey", "Updates an item by its key in URL-safe Base64."),
            item::encoded::update,
        )
        .operation(
            Method::DELETE,
            in_namespace!("/encodedItems/{key}"),
            edit,
            about("deleteItemByEncodedKey", "Deletes an item by its key in URL-safe Base64."),
            item::encoded::delete,
        )
}

fn releases(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Release Management", id, summary);
    let by_content = PortalAccess::ByContent;
    routes
        .operation(
            Method::POST,
            in_namespace!("/releases"),
            PortalAccess::Call(Need::To(Act::Release)),
            about("createRelease", "Publishes a namespace."),
            release::publish,
        )
        .operation(
            Method::GET,
            in_namespace!("/releases/latest"),
            PortalAccess::Read(Need::SeeRelease, Hidden::Nothing),
            about(
                "loadLatestActiveRelease",
                "Returns the release that clients receive, or an empty body.",
            ),
            release::latest,
        )
        .operation(
            Method::GET,
            in_namespace!("/releases/active"),
            PortalAccess::Read(Need::SeeRelease, Hidden::List),
            about(
                "findActiveReleases",
                "Lists the releases of a namespace that were not rolled back, newest first.",
            ),
            release::active,
        )
        .operation(
            Method::GET,
            "/openapi/v1/envs/{env}/releases/comparison",
            by_content,
            about("compareRelease", "Lists the differences between two releases."),
            release::compare,
        )
        .operation(
            Method::GET,
            "/openapi/v1/envs/{env}/releases/{releaseId}",
            by_content,
            about("getReleaseById", "Returns a release."),
            release::get,
        )
        .operation(
            Method::PUT,
            "/openapi/v1/envs/{env}/releases/{releaseId}/rollback",
            by_content,
            about("rollback", "Rolls a namespace back to an earlier release."),
            release::roll_back,
        )
}

const fn about(tag: &'static str, id: &'static str, summary: &'static str) -> About {
    About { tag, id, summary }
}

/// Requires a member of a body.
fn required(text: Option<String>, member: &str) -> Result<String> {
    let text = text.filter(|text| !text.trim().is_empty());
    text.ok_or_else(|| {
        Error::bad_request(format!("Params({member}) can not be empty"))
            .with_code(Code::MissingMember)
    })
}

/// Requires that body and path name the same app.
fn check_same_app(path: &str, body: &str) -> Result<()> {
    if path == body {
        return Ok(());
    }
    let message =
        format!("The App Id of path variable and request body is different: {path} and {body}");
    Err(Error::bad_request(message).with_code(Code::DifferentAppId))
}
