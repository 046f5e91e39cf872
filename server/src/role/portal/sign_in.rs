//! Signs users in and out with a form, as browsers and scripts of Apollo's portal do.

use std::net::SocketAddr;

use axum::Form;
use axum::body::Body;
use axum::extract::{ConnectInfo, Extension, FromRequest as _, Request, State};
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use http::HeaderMap;
use http::header::{RETRY_AFTER, SET_COOKIE};
use serde::Deserialize;

use super::access::redirect;
use super::client_address::client_address;
use super::identity::{COOKIE_NAME, cookie_value, session_id};
use super::open_api::user::current;
use super::origin::check_same_origin;
use super::throttle::Attempt;
use super::{Portal, PortalAccess, PortalRoutes, web};
use crate::domain::permission::need::Need;
use crate::domain::user::SignIn;
use crate::domain::{known_browser, session, user};
use crate::error::{Code, Error, Reaction, Result};
use crate::http::request::read;
use crate::state::PortalState;

/// Maximum form, in bytes.
const FORM: usize = 16 * 1024;
/// Maximum password that is hashed, in bytes; longer ones cannot be set.
const PASSWORD: usize = 1024;
/// Cookie of a browser that signed in before.
const BROWSER_COOKIE: &str = "CASTALIA_BROWSER";
/// A year, in seconds.
const BROWSER_LIFE: &str = "; Max-Age=31536000";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Credentials {
    username: String,
    password: String,
}

/// Adds the routes.
pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    routes
        .get("/signin", PortalAccess::Open, web::page)
        .get("/login.html", PortalAccess::Open, web::page)
        .post("/signin", PortalAccess::Open, sign_in)
        .get("/user/logout", PortalAccess::Open, sign_out)
        .post("/user/logout", PortalAccess::Open, sign_out)
        .get("/prefix-path", PortalAccess::Open, prefix_path)
        .get("/user", PortalAccess::Call(Need::Person), current)
}

/// Path under which the portal is served, as plain text.
async fn prefix_path(State(portal): State<Portal>) -> String {
    portal.state.settings.base_path.clone()
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
    let address = client_address(peer.as_ref(), &headers, proxies);
    let store = &portal.state.store;
    let browser = match cookie_value(&headers, BROWSER_COOKIE) {
        Some(mark) => known_browser::verify(store, &given.username, mark).await?,
        None => None,
    };
    let is_known = browser.is_some();
    let attempt = Attempt::new(&given.username, address, browser);
    if let Err(wait) = portal.own.throttle.admit(&attempt).await {
        let error = Error::new(Reaction::TooMany, "Too many failed sign-ins; try again later.");
        return Ok(
            ([(RETRY_AFTER, wait.as_secs().saturating_add(1).to_string())], error).into_response()
        );
    }
    let user = match check(&portal, given).await? {
        SignIn::Accepted(user) => user,
        SignIn::Refused => return Ok(redirect(&portal.path("/signin?#/error"))),
        SignIn::PublishedPassword => {
            return Ok(redirect(&portal.path("/signin?reason=initialPassword#/error")));
        }
    };
    // The password may have been reset while it was verified.
    let Some(id) = session::begin(store, &user).await? else {
        return Ok(redirect(&portal.path("/signin?#/error")));
    };
    portal.own.throttle.forgive(&attempt);
    if let Some(old) = session_id(&headers) {
        session::end(store, old).await?;
    }
    let mut cookies = vec![cookie(&portal, &headers, (COOKIE_NAME, id.expose()), "")];
    if !is_known && let Some(mark) = known_browser::mark(store, &user.username).await? {
        cookies.push(cookie(&portal, &headers, (BROWSER_COOKIE, &mark), BROWSER_LIFE));
    }
    let cookies = AppendHeaders(cookies.into_iter().map(|cookie| (SET_COOKIE, cookie)));
    Ok((cookies, redirect(&portal.path("/"))).into_response())
}

/// Ends the session. Apollo's portal accepts both GET and POST.
async fn sign_out(State(portal): State<Portal>, headers: HeaderMap) -> Result<Response> {
    if let Some(id) = session_id(&headers) {
        session::end(&portal.state.store, id).await?;
    }
    let cookie = cookie(&portal, &headers, (COOKIE_NAME, ""), "; Max-Age=0");
    Ok((AppendHeaders([(SET_COOKIE, cookie)]), redirect(&portal.path("/signin?#/logout")))
        .into_response())
}

async fn check(portal: &Portal, given: Credentials) -> Result<SignIn> {
    if given.password.len() > PASSWORD {
        return Ok(SignIn::Refused);
    }
    let permit = portal.own.hashing.acquire().await;
    let PortalState { store, installation, .. } = &portal.state;
    let signed_in = user::sign_in(store, *installation, &given.username, given.password).await;
    drop(permit);
    signed_in
}

async fn credentials(request: Request) -> Result<Credentials> {
    let form = Form::<Credentials>::from_request(request, &()).await;
    form.map(|form| form.0).map_err(|rejection| {
        Error::bad_request(format!("Form: {rejection}")).with_code(Code::UnreadableBody)
    })
}

fn cookie(portal: &Portal, headers: &HeaderMap, (name, value): (&str, &str), life: &str) -> String {
    let is_https = headers
        .get("x-forwarded-proto")
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"https"));
    let secure =
        if is_https || portal.state.settings.cookie_always_secure { "; Secure" } else { "" };
    let path = match portal.state.settings.base_path.as_str() {
        "" => "/",
        path => path,
    };
    format!("{name}={value}; Path={path}{life}; HttpOnly; SameSite=Lax{secure}")
}
