//! `/openapi/v1/user`: the signed-in user. Also returns the token that unsafe requests of the
//! browser must carry.

use axum::extract::{Extension, State};
use http::HeaderName;

use crate::domain::permission::requirement::Requirement;
use crate::domain::user;
use crate::error::Result;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::access::{CSRF_HEADER, refusal};
use crate::role::portal::identity::Caller;
use crate::wire::open_api::User;

/// The header with the token; `None` without a session.
type CsrfToken = Option<[(HeaderName, String); 1]>;

/// The user of this session or token.
pub(in crate::role::portal) async fn current(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
) -> Result<(CsrfToken, Json<User>)> {
    let Some(user_id) = caller.identity.user_id() else { return Err(refusal(Requirement::User)) };
    let row = user::find(&portal.state.store, user_id).await?;
    let body = match row {
        Some(row) => User {
            enabled: user::is_enabled(&row).into(),
            user_id: Some(row.username),
            name: Some(row.user_display_name),
            email: Some(row.email),
            ..User::default()
        },
        None => {
            let name = Some(user_id.to_owned());
            User { name: name.clone(), user_id: name, enabled: 1, ..User::default() }
        }
    };
    let token = caller.sign_in.map(|sign_in| {
        [(HeaderName::from_static(CSRF_HEADER), sign_in.csrf_token.expose().to_owned())]
    });
    Ok((token, Json(body)))
}
