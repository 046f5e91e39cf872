//! The operations of the web pages: their settings, the global search, and the settings in the
//! databases.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::{
    events, page_settings, reads, search, server_setting, setting_catalogue,
};
use crate::role::portal::{PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Portal Management", id, summary);
    let routes = routes
        .operation(
            Method::GET,
            "/openapi/v1/page-settings",
            PortalAccess::Session(Requirement::Person),
            about("getPageSettings", "Returns the settings of the web pages."),
            page_settings::get,
        )
        .extension(
            Method::GET,
            "/openapi/v1/events",
            PortalAccess::Session(Requirement::Person),
            about("streamEvents", "Streams edits, publishes and their instances to a web page."),
            events::stream,
        )
        .extension(
            Method::GET,
            "/openapi/v1/reads",
            PortalAccess::Session(Requirement::Person),
            about("readTogether", "Answers several reads of a web page, each as a line of JSON."),
            reads::read,
        )
        .operation(
            Method::GET,
            "/openapi/v1/global-search/item-info/by-key-or-value",
            PortalAccess::Session(Requirement::Person),
            about(
                "searchItemInfoByKeyOrValue",
                "Searches the items of all environments that the caller may see.",
            ),
            search::items,
        )
        .extension(
            Method::GET,
            "/openapi/v1/search",
            PortalAccess::Session(Requirement::Person),
            about("search", "Searches for apps, namespaces and keys that contain a text."),
            search::everywhere::search,
        );
    databases(routes)
}

/// The settings in the databases.
fn databases(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Portal Management", id, summary);
    let root = PortalAccess::Session(Requirement::Root);
    routes
        .extension(
            Method::GET,
            "/openapi/v1/settings/catalogue",
            root,
            about(
                "findKnownSettings",
                "Lists the known settings of the portal or of an environment with their values and sources.",
            ),
            setting_catalogue::list,
        )
        .operation(
            Method::GET,
            "/openapi/v1/server/portal-db/config/find-all-config",
            root,
            about("findAllPortalDBConfig", "Lists the settings in the portal database."),
            server_setting::list,
        )
        .operation(
            Method::POST,
            "/openapi/v1/server/portal-db/config",
            root,
            about(
                "createOrUpdatePortalDBConfig",
                "Creates or changes a setting in the portal database.",
            ),
            server_setting::put,
        )
        .operation(
            Method::DELETE,
            "/openapi/v1/server/portal-db/config",
            root,
            about("deletePortalDBConfig", "Deletes a setting in the portal database."),
            server_setting::delete,
        )
        .operation(
            Method::GET,
            "/openapi/v1/server/envs/{env}/config-db/config/find-all-config",
            root,
            about(
                "findAllConfigDBConfig",
                "Lists the settings in the config database of an environment.",
            ),
            server_setting::list_in_env,
        )
        .operation(
            Method::POST,
            "/openapi/v1/server/envs/{env}/config-db/config",
            root,
            about(
                "createOrUpdateConfigDBConfig",
                "Creates or changes a setting in the config database of an environment.",
            ),
            server_setting::put_in_env,
        )
        .operation(
            Method::DELETE,
            "/openapi/v1/server/envs/{env}/config-db/config",
            root,
            about(
                "deleteConfigDBConfig",
                "Deletes a setting in the config database of an environment.",
            ),
            server_setting::delete_in_env,
        )
}
