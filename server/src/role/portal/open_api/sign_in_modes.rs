//! `/openapi/v1/auth/modes`: how people and programs sign in. Open to everyone, so it has nothing
//! that the sign-in page does not show.

use axum::extract::State;

use crate::json::Json;
use crate::role::portal::Portal;
use crate::wire::open_api::{OpenIdMode, SignInModes};

pub(super) async fn get(State(portal): State<Portal>) -> Json<SignInModes> {
    let settings = &portal.state.settings.sign_in;
    let open_id = settings.open_id.as_ref().map(|open_id| OpenIdMode {
        start: Some(portal.path(&format!("/oauth2/authorization/{}", open_id.registration))),
        label: Some(open_id.registration.clone()),
    });
    Json(SignInModes {
        form: settings.has_form(),
        password: settings.has_local_passwords(),
        directory: settings.directory.is_some(),
        open_id: open_id.map(Box::new),
        proxy: settings.proxy.is_some(),
        basic: portal.state.compat.basic_authentication,
    })
}
