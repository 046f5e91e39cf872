//! The operations that export and import configurations. They are for signed-in users only.

use http::Method;

use super::about;
use crate::domain::permission::Action;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::{export, import};
use crate::role::portal::{PortalAccess, PortalRoutes};

/// The cluster of a transfer; its paths begin with the app, unlike older ones.
macro_rules! in_cluster {
    ($rest:literal) => {
        concat!("/openapi/v1/apps/{appId}/envs/{env}/clusters/{clusterName}", $rest)
    };
}

pub(super) fn exports(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Portal Management", id, summary);
    let admin = PortalAccess::Session(Requirement::AppAdmin);
    routes
        .operation(
            Method::GET,
            "/openapi/v1/configs/export",
            PortalAccess::Session(Requirement::Root),
            about(
                "exportAllConfigs",
                "Returns a zip archive of all apps with their items in some environments.",
            ),
            export::everything,
        )
        .operation(
            Method::GET,
            in_cluster!("/export"),
            admin,
            about("exportAppConfig", "Returns a zip archive of the items of a cluster."),
            export::cluster,
        )
        .operation(
            Method::HEAD,
            in_cluster!("/export"),
            admin,
            about("checkExportAppConfig", "Checks that the caller may export a cluster."),
            export::check,
        )
        .operation(
            Method::GET,
            in_cluster!("/namespaces/{namespaceName}/items/export"),
            PortalAccess::Session(Requirement::See),
            about("exportNamespaceItems", "Returns the items of a namespace as a file."),
            export::namespace,
        )
}

pub(super) fn imports(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Portal Management", id, summary);
    let root = PortalAccess::Session(Requirement::Root);
    routes
        .operation(
            Method::POST,
            "/openapi/v1/configs/import",
            root,
            about("importAllConfigs", "Imports a zip archive of everything; publishes nothing."),
            import::everything,
        )
        .operation(
            Method::POST,
            "/openapi/v1/import",
            root,
            about("importConfig", "The same as `importAllConfigs`."),
            import::everything,
        )
        .operation(
            Method::POST,
            in_cluster!("/import"),
            PortalAccess::Session(Requirement::AppAdmin),
            about("importAppConfig", "Imports a zip archive of a cluster; publishes nothing."),
            import::cluster,
        )
        .operation(
            Method::POST,
            in_cluster!("/namespaces/{namespaceName}/items/import"),
            PortalAccess::Session(Requirement::Permission(Action::Modify)),
            about(
                "importNamespaceItems",
                "Imports a file with the items of a namespace; publishes nothing.",
            ),
            import::namespace,
        )
}
