//! The operations of webhooks, which Apollo does not have.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::webhook;
use crate::role::portal::{PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Webhook Management", id, summary);
    let root = PortalAccess::Call(Requirement::Root);
    routes
        .extension(
            Method::GET,
            "/openapi/v1/webhooks",
            root,
            about("findWebhooks", "Lists the webhooks, without their secrets."),
            webhook::list,
        )
        .extension(
            Method::POST,
            "/openapi/v1/webhooks",
            root,
            about("createWebhook", "Registers a webhook; the answer contains its secret."),
            webhook::create,
        )
        .extension(
            Method::PUT,
            "/openapi/v1/webhooks/{webhookId}",
            root,
            about("updateWebhook", "Changes a webhook; without a secret, it keeps its own."),
            webhook::update,
        )
        .extension(
            Method::DELETE,
            "/openapi/v1/webhooks/{webhookId}",
            root,
            about("deleteWebhook", "Deletes a webhook; its pending deliveries fail."),
            webhook::delete,
        )
        .extension(
            Method::POST,
            "/openapi/v1/webhooks/{webhookId}/test",
            root,
            about("testWebhook", "Sends a request that only tests a webhook."),
            webhook::test,
        )
        .extension(
            Method::GET,
            "/openapi/v1/webhooks/deliveries",
            root,
            about("findWebhookDeliveries", "Lists deliveries of webhooks and mail, newest first."),
            webhook::deliveries,
        )
}
