//! The operations of consumers.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::{call, consumer};
use crate::role::portal::{PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    tokens(consumers(routes))
}

fn consumers(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Portal Management", id, summary);
    let root = PortalAccess::Session(Requirement::Root);
    routes
        .operation(
            Method::POST,
            "/openapi/v1/consumers",
            root,
            about("createConsumer", "Registers a consumer and returns it with its token."),
            consumer::create,
        )
        .operation(
            Method::GET,
            "/openapi/v1/consumers",
            root,
            about("getConsumerList", "Lists consumers, newest first."),
            consumer::list,
        )
        .extension(
            Method::PUT,
            "/openapi/v1/consumers/by-appId",
            root,
            about("updateConsumer", "Changes the description and the rate limit of a consumer."),
            consumer::update,
        )
        .operation(
            Method::DELETE,
            "/openapi/v1/consumers/by-appId",
            root,
            about("deleteConsumer", "Deletes a consumer with its tokens and roles."),
            consumer::delete,
        )
        .operation(
            Method::POST,
            "/openapi/v1/consumers/{token}/assign-role",
            root,
            about(
                "assignRoleToConsumer",
                "Grants a consumer roles on an app, a namespace or clusters.",
            ),
            consumer::assign_role,
        )
        .extension(
            Method::GET,
            "/openapi/v1/consumers/by-appId/roles",
            root,
            about("getConsumerRoles", "Lists the names of the roles of a consumer."),
            consumer::roles,
        )
        .extension(
            Method::DELETE,
            "/openapi/v1/consumers/by-appId/roles",
            root,
            about("revokeRoleFromConsumer", "Revokes a role from a consumer."),
            consumer::revoke_role,
        )
        .extension(
            Method::GET,
            "/openapi/v1/consumers/by-appId/calls",
            root,
            about("findConsumerCalls", "Counts the changes by a consumer, for each of 30 days."),
            call::of_consumer,
        )
}

fn tokens(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Portal Management", id, summary);
    let root = PortalAccess::Session(Requirement::Root);
    routes
        .operation(
            Method::GET,
            "/openapi/v1/consumer-tokens/by-appId",
            root,
            about("getConsumerTokenByAppId", "Returns the token of a consumer."),
            consumer::token,
        )
        .extension(
            Method::POST,
            "/openapi/v1/consumer-tokens/by-appId/rotate",
            root,
            about(
                "rotateConsumerToken",
                "Replaces the token of a consumer and returns the new one.",
            ),
            consumer::rotate,
        )
}
