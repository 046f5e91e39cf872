//! The operations of namespaces and of their locks.

use http::Method;

use super::{about, in_namespace};
use crate::domain::permission::Action;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::namespace::{self, missing, usage};
use crate::role::portal::open_api::{presence, schema};
use crate::role::portal::{EmptyAnswer, PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Namespace Management", id, summary);
    let seen = PortalAccess::Read(Requirement::See, EmptyAnswer::Nothing);
    routes
        .operation(
            Method::POST,
            "/openapi/v1/namespaces",
            PortalAccess::ByContent(Requirement::CreateNamespace),
            about("createNamespaces", "Creates namespaces, each in one cluster."),
            namespace::associate,
        )
        .operation(
            Method::GET,
            "/openapi/v1/envs/{env}/apps/{appId}/clusters/{clusterName}/namespaces",
            PortalAccess::Call(Requirement::Nothing),
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
            super::about(
                "Namespace Lock Management",
                "getNamespaceLock",
                "Returns the edit lock of a namespace.",
            ),
            namespace::lock,
        )
        .extension(
            Method::POST,
            in_namespace!("/presence"),
            PortalAccess::Session(Requirement::Permission(Action::Modify)),
            about(
                "announcePresence",
                "Announces to other pages that the caller is editing a namespace.",
            ),
            presence::announce,
        )
        .operation(
            Method::GET,
            in_namespace!("/associated-public-namespace"),
            seen,
            about(
                "findPublicNamespaceForAssociatedNamespace",
                "Returns the public namespace that a namespace of another app overrides.",
            ),
            namespace::associated_public,
        )
}

/// The JSON Schema of a namespace, an extension of the contract.
pub(super) fn schemas(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Namespace Management", id, summary);
    routes
        .extension(
            Method::GET,
            in_namespace!("/schema"),
            PortalAccess::Read(Requirement::See, EmptyAnswer::Nothing),
            about("getNamespaceSchema", "Returns the JSON Schema of a namespace."),
            schema::get,
        )
        .extension(
            Method::PUT,
            in_namespace!("/schema"),
            PortalAccess::Call(Requirement::AppAdmin),
            about(
                "updateNamespaceSchema",
                "Stores the JSON Schema of a namespace, or removes it; what violates it cannot be published.",
            ),
            schema::put,
        )
        .extension(
            Method::GET,
            in_namespace!("/schema/violations"),
            PortalAccess::Read(Requirement::See, EmptyAnswer::List),
            about(
                "findSchemaViolations",
                "Lists the first places where the items of a namespace, or of its gray branch, violate its JSON Schema.",
            ),
            schema::violations,
        )
}

/// Operations under paths that begin with the app.
pub(super) fn of_app(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Namespace Management", id, summary);
    let known = PortalAccess::Call(Requirement::Nothing);
    routes
        .operation(
            Method::DELETE,
            "/openapi/v1/apps/{appId}/envs/{env}/clusters/{clusterName}/namespaces/{namespaceName}",
            PortalAccess::Call(Requirement::DeleteNamespace),
            about("deleteNamespace", "Deletes a namespace of a cluster."),
            namespace::delete,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/envs/{env}/clusters/{clusterName}/namespaces/{namespaceName}/usage",
            PortalAccess::Read(Requirement::See, EmptyAnswer::List),
            about("findNamespaceUsage", "Counts the instances that read a namespace."),
            usage::of_namespace,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/envs/{env}/clusters/{clusterName}/missing-namespaces",
            known,
            about("findMissingNamespaces", "Lists the namespaces that a cluster lacks."),
            missing::list,
        )
        .operation(
            Method::POST,
            "/openapi/v1/apps/{appId}/envs/{env}/clusters/{clusterName}/missing-namespaces",
            PortalAccess::Call(Requirement::CreateNamespace),
            about("createMissingNamespaces", "Creates the namespaces that a cluster lacks."),
            missing::create,
        )
        .operation(
            Method::GET,
            "/openapi/v1/apps/{appId}/namespaces/releases/status",
            known,
            about(
                "getNamespacesReleaseStatus",
                "Returns which clusters of an app have unpublished changes, by environment.",
            ),
            usage::unpublished,
        )
}
