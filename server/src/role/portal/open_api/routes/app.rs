//! The operations of apps.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::app::{self, presence, recent, search};
use crate::role::portal::{PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("App Management", id, summary);
    let known = PortalAccess::Call(Requirement::Nothing);
    routes
        .operation(
            Method::POST,
            "/openapi/v1/apps",
            PortalAccess::Call(Requirement::CreateApp),
            about(
                "createApp",
                "Creates an app in the portal and in every environment; one that is away gets it later.",
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
            PortalAccess::Call(Requirement::AppAdmin),
            about(
                "updateApp",
                "Updates an app in the portal and in every environment; one that is away gets it later.",
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

/// Where an app is, and the search for apps.
pub(super) fn presence(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("App Management", id, summary);
    routes
        .operation(
            Method::DELETE,
            "/openapi/v1/apps/{appId}",
            PortalAccess::Call(Requirement::DeleteApp),
            about("deleteApp", "Deletes an app with everything in it."),
            presence::delete,
        )
        .operation(
            Method::POST,
            "/openapi/v1/apps/envs/{env}",
            PortalAccess::ByContent(Requirement::AddAppToEnv),
            about("createAppInEnv", "Adds an app to an environment that lacks it."),
            presence::create,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/miss-envs",
            PortalAccess::Call(Requirement::Nothing),
            about("findMissEnvs", "Lists the environments that lack an app."),
            presence::missing,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/search/by-appid-or-name",
            PortalAccess::Session(Requirement::Person),
            super::about(
                "Portal Management",
                "searchAppsByAppIdOrName",
                "Lists the apps whose id or name contains a text, page by page.",
            ),
            search::search,
        )
}

/// The apps that a user opened, an extension of the contract.
pub(super) fn recents(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Portal Management", id, summary);
    let person = PortalAccess::Session(Requirement::Person);
    routes
        .extension(
            Method::GET,
            "/openapi/v1/recents",
            person,
            about("findRecentApps", "Lists the apps that the signed-in user opened last."),
            recent::list,
        )
        .extension(
            Method::PUT,
            "/openapi/v1/recents/{appId}",
            person,
            about("openApp", "Makes an app the first of those that the signed-in user opened."),
            recent::open,
        )
}
