//! Sign-in by a proxy that has identified the user and says so in a header. Anybody can send a
//! header, so it takes effect only beside the secret of the proxy. It begins a session when a page
//! is opened, and ends the session of another user; other requests are identified by the session,
//! so that they are protected like those of every browser.

use axum::extract::State;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use subtle::ConstantTimeEq as _;

use super::cookie::Cookies;
use crate::domain::user::external::{self, ExternalUser, SignInOutcome};
use crate::error::Result;
use crate::log_rate::{LogRate, shortened};
use crate::role::portal::access::redirect;
use crate::role::portal::audit::address;
use crate::role::portal::audit::sign_in::within;
use crate::role::portal::{Portal, web};

static UNPROVEN: LogRate = LogRate::new();
static REFUSED: LogRate = LogRate::new();

/// The user whom the proxy has identified.
pub(in crate::role::portal) fn identified(
    portal: &Portal,
    headers: &HeaderMap,
) -> Option<ExternalUser> {
    let settings = portal.state.settings.sign_in.proxy.as_ref()?;
    let user = headers.get(settings.user_header.as_str())?;
    let is_proven = only(headers, &settings.secret_header)
        .is_some_and(|secret| secret.as_bytes().ct_eq(settings.secret.expose().as_bytes()).into());
    if !is_proven {
        if let Some(suppressed) = UNPROVEN.admit() {
            let user = String::from_utf8_lossy(user.as_bytes());
            tracing::warn!(
                user = shortened(&user),
                suppressed,
                "ignored the user in a header, because the request has no secret of the proxy; \
                 if the proxy sent it, compare proxy_sign_in.secret"
            );
        }
        return None;
    }
    let text = |name: &str| only(headers, name).map(str::to_owned).filter(|text| !text.is_empty());
    Some(ExternalUser {
        username: text(&settings.user_header)?,
        display_name: settings.display_name_header.as_deref().and_then(text),
        email: settings.email_header.as_deref().and_then(text),
        is_case_sensitive: false,
    })
}

/// The page, with the session of a user whom the proxy has identified.
pub(in crate::role::portal) async fn begin(
    portal: &Portal,
    parts: &Parts,
    given: ExternalUser,
) -> Result<Response> {
    let name = given.username.clone();
    let address = address(portal, parts);
    let mut cookies = Cookies::new(portal, &parts.headers);
    // Recorded together with the account that it creates.
    let trail = portal.signs_in(&name, address)?;
    let Err(problem) = within(trail, admit(portal, &mut cookies, &parts.headers, given)).await?
    else {
        let page = web::page(State(portal.clone()), parts.headers.clone()).await;
        return Ok(cookies.add_to(page));
    };
    portal.refused_sign_in(&name, address).await;
    if let Some(suppressed) = REFUSED.admit() {
        let user = shortened(&name);
        tracing::warn!(user, problem, suppressed, "refused a user whom the proxy identified");
    }
    Ok(redirect(&portal.path("/signin?reason=refused#/error")))
}

/// Begins the session, or returns why the user may not sign in.
async fn admit(
    portal: &Portal,
    cookies: &mut Cookies<'_>,
    headers: &HeaderMap,
    given: ExternalUser,
) -> Result<Result<(), &'static str>> {
    let links_local = portal.state.settings.sign_in.link_local_users;
    let user = match external::admit(&portal.state.store, given, links_local).await? {
        SignInOutcome::Accepted(user) => user,
        SignInOutcome::Disabled => return Ok(Err("the account is disabled")),
        SignInOutcome::LocalAccount => {
            return Ok(Err("the account has a password of the portal; if it belongs to the same \
                           person, set sign_in.link_local_users"));
        }
        SignInOutcome::UnusableName(reason) => return Ok(Err(reason)),
    };
    let is_begun = cookies.begin_session(headers, &user).await?;
    Ok(if is_begun { Ok(()) } else { Err("the account was changed meanwhile") })
}

/// The text of a header that occurs once; a second one would be ambiguous.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    HeaderValue::to_str(value).ok()
}
