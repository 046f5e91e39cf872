//! Signs users in and out with a form, as browsers and scripts of Apollo's portal do. The other
//! ways to sign in are in files below.

pub(super) mod basic;
pub(super) mod bearer;
mod cookie;
mod directory;
mod open_id;
mod pending;
pub(super) mod proxy;
pub(super) mod token_owner;

use std::net::SocketAddr;

use axum::Form;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, Extension, FromRequest as _, Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use castalia_store::Secret;
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use self::cookie::{BROWSER_COOKIE, Cookies, ENDED};
use self::pending::page_or_start;

use super::access::redirect;
use super::audit::sign_in::within;
use super::identity::{COOKIE_NAME, cookie_value, session_id};
use super::open_api::user::current;
use super::origin::check_same_origin;
use super::throttle::SignInAttempt;
use super::{Portal, PortalAccess, PortalRoutes, web};
use crate::domain::permission::requirement::Requirement;
use crate::domain::user::SignIn;
use crate::domain::{known_browser, session, user};
use crate::error::{Code, Error, Reaction, Result};
use crate::http::client_address::client_address;
use crate::http::request::read;
use crate::state::PortalState;

/// Maximum form, in bytes.
const FORM: usize = 16 * 1024;
/// Maximum password that is hashed, in bytes; longer ones cannot be set.
const PASSWORD: usize = 1024;

#[derive(Default, Deserialize)]
#[serde(default)]
struct SignInForm {
    username: String,
    password: String,
}

/// Parameters of the sign-in page.
#[derive(Default, Deserialize)]
struct Visit {
    /// The page to open afterwards.
    next: Option<String>,
    /// Why the user is here.
    reason: Option<String>,
}

/// Adds the routes.
pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    open_id::routes(routes)
        .get("/signin", PortalAccess::Open, show)
        .get("/login.html", PortalAccess::Open, show)
        .post("/signin", PortalAccess::Open, sign_in)
        .get("/user/logout", PortalAccess::Open, sign_out)
        .post("/user/logout", PortalAccess::Open, sign_out)
        .get("/prefix-path", PortalAccess::Open, prefix_path)
        .get("/user", PortalAccess::Call(Requirement::Person), current)
}

/// Path under which the portal is served, as plain text.
async fn prefix_path(State(portal): State<Portal>) -> String {
    portal.state.settings.base_path.clone()
}

/// The sign-in page. A user whom the proxy has identified is sent to the page that begins the
/// session, unless this one shows why the user is here: a refused one would come back, and one who
/// has signed out would be signed in again.
async fn show(
    State(portal): State<Portal>,
    visit: Result<Query<Visit>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let Visit { next, reason } = visit.map(|Query(visit)| visit).unwrap_or_default();
    if reason.is_none() && proxy::identified(&portal, &headers).is_some() {
        return redirect(&portal.path(&page_or_start(next)));
    }
    web::page(State(portal), headers).await
}

/// Success redirects to the start page with a new session, failure to the form, without
/// distinguishing the reasons.
async fn sign_in(
    State(portal): State<Portal>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    request: Request,
) -> Result<Response> {
    let (parts, body) = request.into_parts();
    // A page of another site must not be able to sign the browser in.
    check_same_origin(&parts.headers, portal.public_address().as_deref())?;
    let body = Body::from(read(body, FORM).await?);
    let headers = parts.headers.clone();
    let given = credentials(Request::from_parts(parts, body)).await?;
    let proxies = &portal.state.settings.trusted_proxies;
    let address = client_address(peer.as_deref(), &headers, proxies);
    let store = &portal.state.store;
    let browser = match cookie_value(&headers, BROWSER_COOKIE) {
        Some(mark) => known_browser::verify(store, &given.username, mark).await?,
        None => None,
    };
    let is_known = browser.is_some();
    let mut attempt = SignInAttempt::new(&given.username, address, browser);
    if let Err(wait) = portal.own.throttle.admit(&mut attempt).await {
        let wait = wait.as_secs().saturating_add(1).to_string();
        return Ok(([(RETRY_AFTER, wait)], too_many_failures()).into_response());
    }
    let username = given.username.clone();
    let checked = check(&portal, given, &mut attempt).await;
    let user = match unless_failed(&portal, &attempt, checked)? {
        Some(SignIn::Accepted(user)) => user,
        None => {
            portal.own.throttle.give_back(&attempt);
            return Ok(redirect(&portal.path("/signin?reason=providerDown#/error")));
        }
        Some(SignIn::Refused) => {
            portal.refused_sign_in(&username, address).await;
            return Ok(redirect(&portal.path("/signin?#/error")));
        }
        Some(SignIn::PublishedPassword) => {
            portal.refused_sign_in(&username, address).await;
            return Ok(redirect(&portal.path("/signin?reason=initialPassword#/error")));
        }
    };
    let mut cookies = Cookies::new(&portal, &headers);
    // The password may have been reset while it was verified.
    let trail = portal.signs_in(&user.username, address)?;
    let begun = within(trail, cookies.begin_session(&headers, &user)).await;
    if !unless_failed(&portal, &attempt, begun)? {
        portal.refused_sign_in(&username, address).await;
        return Ok(redirect(&portal.path("/signin?#/error")));
    }
    portal.own.throttle.forgive(&attempt);
    if !is_known {
        cookies.mark_browser(&user).await?;
    }
    Ok(cookies.redirect(&portal.path("/")))
}

/// Ends the session. Apollo's portal accepts both GET and POST.
async fn sign_out(
    State(portal): State<Portal>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
) -> Result<Response> {
    check_same_origin(&headers, portal.public_address().as_deref())?;
    let store = &portal.state.store;
    // Anyone can send the cookie of a session that has ended.
    if let Some(id) = session_id(&headers)
        && let Some((sign_in, _)) = session::find(store, id).await?
    {
        let proxies = &portal.state.settings.trusted_proxies;
        let address = client_address(peer.as_deref(), &headers, proxies);
        let trail = portal.signs_out(&sign_in.user_id, address)?;
        within(trail, session::end(store, id)).await?;
    }
    let mut cookies = Cookies::new(&portal, &headers);
    cookies.set(COOKIE_NAME, "", ENDED);
    let at_provider = open_id::end(&portal, &mut cookies, &headers).await;
    let is_proxied = proxy::identified(&portal, &headers).is_some();
    let page = if is_proxied { "/signin?reason=logout#/logout" } else { "/signin?#/logout" };
    Ok(cookies.redirect(&at_provider.unwrap_or_else(|| portal.path(page))))
}

/// A part of an attempt. If it failed, as while the database is down, no password was found to be
/// wrong, so the attempt is not counted; one beyond the limits is.
fn unless_failed<T>(portal: &Portal, attempt: &SignInAttempt, part: Result<T>) -> Result<T> {
    part.inspect_err(|error| {
        if error.reaction() != Reaction::TooMany {
            portal.own.throttle.give_back(attempt);
        }
    })
}

/// The answer to an attempt beyond the limits.
fn too_many_failures() -> Error {
    Error::new(Reaction::TooMany, "Too many failed sign-ins; try again later.")
}

/// Checks a password with the portal or the directory, whichever has the password of this user.
/// `None` if the directory does not answer.
async fn check(
    portal: &Portal,
    given: SignInForm,
    attempt: &mut SignInAttempt,
) -> Result<Option<SignIn>> {
    if given.password.len() > PASSWORD {
        return Ok(Some(SignIn::Refused));
    }
    if !portal.state.settings.sign_in.is_local(&given.username) {
        let password = Secret::new(given.password);
        return directory::verify(portal, &given.username, &password, attempt).await;
    }
    let PortalState { store, installation, .. } = &portal.state;
    user::sign_in(store, *installation, &given.username, given.password).await.map(Some)
}

/// Names the scheme in the answer to a request that used it without success. Nobody else is asked
/// for a password, or browsers would show their own form.
pub(super) fn challenge(portal: &Portal, parts: &Parts, mut response: Response) -> Response {
    let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let scheme = header.filter(|_| response.status() == StatusCode::UNAUTHORIZED);
    let scheme = scheme.and_then(|header| {
        basic::challenge(portal, header).or_else(|| bearer::challenge(portal, header))
    });
    response.headers_mut().extend(scheme.map(|scheme| (WWW_AUTHENTICATE, scheme)));
    response
}

async fn credentials(request: Request) -> Result<SignInForm> {
    let form = Form::<SignInForm>::from_request(request, &()).await;
    form.map(|form| form.0).map_err(|rejection| {
        Error::bad_request(format!("Form: {rejection}")).with_code(Code::UnreadableBody)
    })
}
