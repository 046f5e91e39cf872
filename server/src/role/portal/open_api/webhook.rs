//! `/openapi/v1/webhooks`: the addresses that are called after a publish, and the delivery log.

use axum::extract::{Extension, State};
use castalia_core::redact::without_credentials;
use castalia_store::{Id, Page, Secret};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{people, required};
use crate::domain::audit_log::request::concern_app;
use crate::domain::notice::{self, DeliveryKind};
use crate::domain::webhook::{self, Webhook as Row, WebhookDefinition};
use crate::error::Result;
use crate::http::request::{Body, Path};
use crate::http::revision::On;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::{Paging, Query};
use crate::role::portal::identity::Caller;
use crate::role::portal::notice::{RECIPIENT_SEPARATOR, test_body};
use crate::wire::open_api::{Delivery, Webhook};

/// Default number of deliveries of a page.
const PAGE_SIZE: u64 = 50;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(super) struct WebhookId {
    /// Row id of the webhook.
    webhook_id: i64,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LogFilter {
    /// Only deliveries of this webhook; 0 selects Apollo's settings and mail.
    #[param(nullable = false)]
    webhook_id: Option<i64>,
}

/// All webhooks, without their secrets.
pub(super) async fn list(State(portal): State<Portal>) -> Result<Json<Vec<Webhook>>> {
    let rows = webhook::all(&portal.state.store).await?;
    let mut bodies: Vec<_> = rows.into_iter().map(body).collect();
    people::name_people(&portal, &mut bodies).await?;
    Ok(Json(bodies))
}

/// Registers a webhook and returns it with its secret.
pub(super) async fn create(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Body(new): Body<Webhook>,
) -> Result<Json<Webhook>> {
    let operator = portal.operator(&caller, None, None).await?;
    let definition = definition(new)?;
    concern_app(&definition.app_id);
    let made = webhook::create(&portal.state.store, definition, &operator).await?;
    let secret = Some(made.secret.expose().to_owned());
    Ok(Json(Webhook { secret, ..body(made) }))
}

/// Changes a webhook; without a secret, it keeps its own.
pub(super) async fn update(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Path(WebhookId { webhook_id }): Path<WebhookId>,
    On(base): On,
    Body(new): Body<Webhook>,
) -> Result<Json<Webhook>> {
    let operator = portal.operator(&caller, None, None).await?;
    let (store, id, definition) = (&portal.state.store, Id(webhook_id), definition(new)?);
    concern_app(&definition.app_id);
    Ok(Json(body(webhook::change(store, id, definition, &operator, base).await?)))
}

/// Deletes a webhook; its pending deliveries fail.
pub(super) async fn delete(
    State(portal): State<Portal>,
    Path(WebhookId { webhook_id }): Path<WebhookId>,
    On(base): On,
) -> Result<()> {
    let (store, id) = (&portal.state.store, Id(webhook_id));
    concern_app(&webhook::existing(store, id).await?.app_id);
    webhook::delete(store, id, base).await?;
    portal.state.notices.notify_one();
    Ok(())
}

/// Queues a request that only tests a webhook, even a disabled one.
pub(super) async fn test(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Path(WebhookId { webhook_id }): Path<WebhookId>,
) -> Result<()> {
    let operator = portal.operator(&caller, None, None).await?;
    let store = &portal.state.store;
    let tested = webhook::existing(store, Id(webhook_id)).await?;
    concern_app(&tested.app_id);
    let id = tested.id;
    notice::queue_test(store, id, &operator, &test_body(&operator)?).await?;
    portal.state.notices.notify_one();
    Ok(())
}

/// A page of the delivery log, newest first.
pub(super) async fn deliveries(
    State(portal): State<Portal>,
    Query(filter): Query<LogFilter>,
    Query(paging): Query<Paging>,
) -> Result<Json<Vec<Delivery>>> {
    let Paging { page, size } = paging.or_size(PAGE_SIZE);
    let webhook_id = filter.webhook_id.map(Id);
    let rows = notice::log(&portal.state.store, webhook_id, &Page::new(page, size)).await?;
    Ok(Json(rows.into_iter().map(delivery).collect()))
}

fn definition(new: Webhook) -> Result<WebhookDefinition> {
    Ok(WebhookDefinition {
        url: required(new.url, "url")?,
        secret: new.secret.filter(|secret| !secret.is_empty()).map(Secret::new),
        envs: new.envs.unwrap_or_default().join(","),
        app_id: new.app_id.unwrap_or_default(),
        is_enabled: new.enabled.unwrap_or(true),
    })
}

fn body(row: Row) -> Webhook {
    let revision = webhook::revision(&row).as_str().to_owned();
    let envs = row.envs.split(',').filter(|env| !env.is_empty()).map(str::to_owned);
    Webhook {
        id: row.id.0,
        url: Some(row.url),
        secret: None,
        envs: Some(envs.collect()),
        app_id: Some(row.app_id).filter(|app_id| !app_id.is_empty()),
        enabled: Some(row.is_enabled),
        revision: Some(revision),
        data_change_created_by: Some(row.created_by),
        data_change_last_modified_by: Some(row.last_modified_by),
        data_change_created_time: Some(*row.created_time),
        data_change_last_modified_time: Some(*row.last_time),
        ..Webhook::default()
    }
}

fn delivery((row, notice): (notice::Delivery, Option<notice::Notice>)) -> Delivery {
    let kind = match row.kind.0 {
        kind if kind == DeliveryKind::Mail as i16 => "mail",
        kind if kind == DeliveryKind::Test as i16 => "test",
        _ => "webhook",
    };
    let is_pending = row.state == notice::DeliveryState::Pending.code();
    let state = match row.state {
        _ if is_pending => "pending",
        state if state == notice::DeliveryState::Delivered.code() => "delivered",
        _ => "failed",
    };
    let filled = |text: String| Some(text).filter(|text| !text.is_empty());
    let target = match kind {
        "mail" => row.target.replace(RECIPIENT_SEPARATOR, ", "),
        // The query of such an address may have a token.
        _ => without_credentials(row.target.split('?').next().unwrap_or_default()).into_owned(),
    };
    let mut body = Delivery {
        id: row.id.0,
        delivery_id: Some(row.delivery_key),
        kind: Some(kind.to_owned()),
        webhook_id: row.webhook_id.0,
        url: filled(target),
        state: Some(state.to_owned()),
        attempts: row.attempts.0.into(),
        status: Some(i64::from(row.status.0)).filter(|status| *status > 0),
        problem: filled(row.problem),
        created_time: Some(*row.created_time),
        last_time: Some(*row.last_time).filter(|_| row.attempts.0 > 0),
        next_time: Some(*row.next_time).filter(|_| is_pending),
        ..Delivery::default()
    };
    if let Some(notice) = notice {
        body.env = filled(notice.env);
        body.app_id = filled(notice.app_id);
        body.cluster_name = filled(notice.cluster_name);
        body.namespace_name = filled(notice.namespace_name);
        body.release_id = notice.release_id.0;
    }
    body
}
