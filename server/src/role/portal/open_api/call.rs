//! How often consumers and access tokens were used lately.

use axum::extract::{Extension, State};
use castalia_store::Id;
use castalia_store::call::CallsOfDay as Row;

use super::consumer::ConsumerId;
use super::user_token::{TokenId, owner};
use crate::domain::consumer::registration;
use crate::domain::{call_count, user_token};
use crate::error::Result;
use crate::http::request::Path;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::wire::open_api::CallsOfDay;

/// The calls of a consumer.
pub(super) async fn of_consumer(
    State(portal): State<Portal>,
    Query(ConsumerId { app_id }): Query<ConsumerId>,
) -> Result<Json<Vec<CallsOfDay>>> {
    let store = &portal.state.store;
    let id = registration::id_of(store, &app_id).await?;
    Ok(bodies(call_count::consumer(store, id).await?))
}

/// The calls with a token of the user.
pub(super) async fn of_own_token(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Path(TokenId { token_id }): Path<TokenId>,
) -> Result<Json<Vec<CallsOfDay>>> {
    let store = &portal.state.store;
    user_token::find_own(store, owner(&caller)?, Id(token_id)).await?;
    Ok(bodies(call_count::user_token(store, Id(token_id)).await?))
}

/// The calls with a token of any user.
pub(super) async fn of_any_token(
    State(portal): State<Portal>,
    Path(TokenId { token_id }): Path<TokenId>,
) -> Result<Json<Vec<CallsOfDay>>> {
    let store = &portal.state.store;
    user_token::find(store, Id(token_id)).await?;
    Ok(bodies(call_count::user_token(store, Id(token_id)).await?))
}

fn bodies(days: Vec<Row>) -> Json<Vec<CallsOfDay>> {
    let body = |(day, calls): Row| CallsOfDay {
        day: Some(day.to_string()),
        calls: i64::try_from(calls).unwrap_or(i64::MAX),
    };
    Json(days.into_iter().map(body).collect())
}
