//! The operations of app namespaces.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::app_namespace;
use crate::role::portal::open_api::namespace::usage;
use crate::role::portal::{PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("AppNamespace Management", id, summary);
    let known = PortalAccess::Call(Requirement::Nothing);
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
            PortalAccess::Call(Requirement::CreateNamespace),
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
        .operation(
            Method::DELETE,
            "/openapi/v1/apps/{appId}/appnamespaces/{namespaceName}",
            PortalAccess::Call(Requirement::DeleteNamespace),
            about("deleteAppNamespace", "Deletes an app namespace and its namespaces."),
            app_namespace::delete,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/appnamespaces/{namespaceName}/usage",
            known,
            about("findAppNamespaceUsage", "Counts who uses the namespaces of an app namespace."),
            usage::of_definition,
        )
        .operation(
            Method::GET,
            "/openapi/v1/envs/{env}/appnamespaces/{publicNamespaceName}/instances",
            known,
            about(
                "getPublicAppNamespaceInstances",
                "Lists the namespaces that have a public name, page by page.",
            ),
            usage::of_public_name,
        )
}
