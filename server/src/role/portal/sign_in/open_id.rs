//! Sign-in with OpenID Connect, at the addresses that a Java portal registers with the provider:
//! sends the browser to the provider, and begins a session when it comes back.

use std::net::{IpAddr, SocketAddr};

use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, Extension, Query, State};
use axum::response::Response;
use http::header::HOST;
use http::{HeaderMap, Method, Uri};
use serde::Deserialize;

use super::cookie::{Cookies, ENDED, is_https};
use super::pending::{self, PendingCookie};
use crate::domain::user::external::{self, ExternalUser, SignInOutcome};
use crate::domain::user::{self, User};
use crate::error::{Code, Error, Reaction, Result};
use crate::http::client_address::client_address;
use crate::http::request::Path;
use crate::log_rate::{LogRate, shortened};
use crate::open_id::claims::{ClaimedUser, SignInRefusal};
use crate::open_id::{OpenId, SignInFailure};
use crate::role::portal::audit::sign_in::within;
use crate::role::portal::identity::cookie_value;
use crate::role::portal::throttle::network;
use crate::role::portal::{Portal, PortalAccess, PortalRoutes};

/// Cookie with the token that signs the user out at the provider, sent only to sign out.
const ID_TOKEN_COOKIE: &str = "CASTALIA_ID_TOKEN";
const SIGN_OUT: &str = "/user/logout";
/// Maximum token that is stored in a cookie; browsers keep 4 KiB.
const LARGEST_ID_TOKEN: usize = 3500;

static FAILURES: LogRate = LogRate::new();

#[derive(Deserialize)]
struct Registration {
    registration: String,
}

#[derive(Deserialize)]
struct NextPage {
    next: Option<String>,
}

/// What the provider adds to the address.
#[derive(Deserialize)]
struct Returned {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

/// Adds the routes.
pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    routes.get("/oauth2/authorization/{registration}", PortalAccess::Open, begin).get(
        "/login/oauth2/code/{registration}",
        PortalAccess::Open,
        finish,
    )
}

/// Sends the browser to the provider.
async fn begin(
    State(portal): State<Portal>,
    Path(Registration { registration }): Path<Registration>,
    wanted: Result<Query<NextPage>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response> {
    let open_id = of(&portal, &registration)?;
    let mut cookies = Cookies::new(&portal, &headers);
    let (address, pending) = match open_id.begin(&back(&portal, &headers)).await {
        Ok(begun) => begun,
        Err(failure) => return Ok(refuse(&portal, cookies, &failure)),
    };
    let next = wanted.ok().and_then(|Query(wanted)| wanted.next);
    pending::keep(&mut cookies, &headers, pending, next)?;
    Ok(cookies.redirect(&address))
}

/// Begins the session of a user who comes from the provider.
async fn finish(
    State(portal): State<Portal>,
    Path(Registration { registration }): Path<Registration>,
    returned: Result<Query<Returned>, QueryRejection>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response> {
    let open_id = of(&portal, &registration)?;
    // Programs that preview a link must not use up the code.
    if method == Method::HEAD {
        return Err(Error::new(
            Reaction::MethodNotAllowed,
            "Request method 'HEAD' is not supported",
        ));
    }
    let mut cookies = Cookies::new(&portal, &headers);
    let (code, kept) = match check(returned, &mut cookies, &headers) {
        Ok(checked) => checked,
        Err(problem) => return Ok(refuse(&portal, cookies, &rejected(problem))),
    };
    let proxies = &portal.state.settings.trusted_proxies;
    let address = client_address(peer.as_deref(), &headers, proxies);
    let (back, network) = (back(&portal, &headers), network(address));
    let identified = match open_id.finish(code, &kept.pending, &back, network).await {
        Ok(identified) => identified,
        Err(failure) => return Ok(refuse(&portal, cookies, &failure)),
    };
    let settings = portal.state.settings.sign_in.open_id.as_ref().ok_or_else(unknown)?;
    let person = match identified.claims.person(settings) {
        Ok(person) => person,
        Err(SignInRefusal { problem, dismissed }) => {
            if let Some(id) = dismissed {
                dismiss(&portal, &id, address).await?;
            }
            return Ok(refuse(&portal, cookies, &rejected(problem)));
        }
    };
    let name = person.id.clone();
    // Recorded together with the account and the rights that it creates.
    let trail = portal.signs_in(&name, address)?;
    match within(trail, admit(&portal, &mut cookies, &headers, person)).await? {
        Ok(()) => {
            if identified.id_token.len() <= LARGEST_ID_TOKEN {
                cookies.set_below(SIGN_OUT, ID_TOKEN_COOKIE, &identified.id_token, "");
            }
            Ok(cookies.redirect(&portal.path(&kept.next)))
        }
        Err(problem) => {
            portal.refused_sign_in(&name, address).await;
            Ok(refuse(&portal, cookies, &rejected(problem)))
        }
    }
}

/// The address at the provider that signs the user of this browser out there as well.
pub(super) async fn end(
    portal: &Portal,
    cookies: &mut Cookies<'_>,
    headers: &HeaderMap,
) -> Option<String> {
    let id_token = cookie_value(headers, ID_TOKEN_COOKIE)?;
    cookies.set_below(SIGN_OUT, ID_TOKEN_COOKIE, "", ENDED);
    let home = format!("{}{}", origin(portal, headers), portal.path("/"));
    portal.own.open_id.as_ref()?.end(id_token, &home).await
}

/// Begins the session, or returns why the user may not sign in.
async fn admit(
    portal: &Portal,
    cookies: &mut Cookies<'_>,
    headers: &HeaderMap,
    person: ClaimedUser,
) -> Result<Result<(), String>> {
    let ClaimedUser { id, display_name, email, is_super_admin } = person;
    let store = &portal.state.store;
    let username = id.clone();
    let given = ExternalUser { username, display_name, email, is_case_sensitive: true };
    let links_local = portal.state.settings.sign_in.link_local_users;
    let user = match account(external::admit(store, given, links_local).await?, &id) {
        Ok(user) => user,
        Err(problem) => return Ok(Err(problem)),
    };
    if let Some(is_super_admin) = is_super_admin {
        set_super_admin(portal, &user, is_super_admin).await?;
    }
    if cookies.begin_session(headers, &user).await? {
        Ok(Ok(()))
    } else {
        Ok(Err(format!("the account `{id}` was changed meanwhile")))
    }
}

/// Removes a user who may no longer sign in from the list of super administrators, since sessions
/// and tokens of the user may exist.
async fn dismiss(portal: &Portal, id: &str, address: IpAddr) -> Result<()> {
    // The trail records whatever is written, also if it changes nothing.
    if !external::is_listed(&portal.state.store, id).await? {
        return Ok(());
    }
    match user::find(&portal.state.store, id).await? {
        Some(user) if user.username == id => {
            let trail = portal.refuses(id, address)?;
            within(trail, set_super_admin(portal, &user, false)).await
        }
        _ => Ok(()),
    }
}

async fn set_super_admin(portal: &Portal, user: &User, is_super_admin: bool) -> Result<()> {
    if external::set_super_admin(&portal.state.store, user, is_super_admin).await? {
        tracing::info!(
            user = user.username,
            is_super_admin,
            "changed the list of super administrators by the groups of a user"
        );
        portal.state.reconfigured().await;
    }
    Ok(())
}

/// The account of a user whom the provider identified, or why it is not opened. For the log.
pub(super) fn account(admission: SignInOutcome, id: &str) -> Result<User, String> {
    let id = shortened(id);
    match admission {
        SignInOutcome::Accepted(user) => Ok(user),
        SignInOutcome::Disabled => Err(format!("the account `{id}` is disabled")),
        SignInOutcome::LocalAccount => Err(format!(
            "the account `{id}` has a password of the portal; if it belongs to the same person, \
             set sign_in.link_local_users"
        )),
        SignInOutcome::UnusableName(reason) => {
            Err(format!("`{id}` cannot be a user name: {reason}"))
        }
    }
}

/// The provider, if it has this name.
fn of<'p>(portal: &'p Portal, registration: &str) -> Result<&'p OpenId> {
    let settings = portal.state.settings.sign_in.open_id.as_ref();
    let is_ours = settings.is_some_and(|settings| settings.registration == registration);
    portal.own.open_id.as_ref().filter(|_| is_ours).ok_or_else(unknown)
}

fn unknown() -> Error {
    Error::not_found("OpenID Connect is not configured under this name.")
        .with_code(Code::UnknownPath)
}

/// The code, if the answer belongs to a sign-in that this browser began.
fn check(
    returned: Result<Query<Returned>, QueryRejection>,
    cookies: &mut Cookies<'_>,
    headers: &HeaderMap,
) -> Result<(String, PendingCookie), String> {
    let Query(returned) = returned.map_err(|_| "the address has an invalid query")?;
    let kept = pending::take(cookies, headers, &returned.state.unwrap_or_default());
    let kept = kept.ok_or("the browser began no sign-in with this state, or too long ago")?;
    if let Some(error) = returned.error {
        return Err(format!("the provider answered `{}`", shortened(&error)));
    }
    let code = returned.code.ok_or("the provider sent no code")?;
    Ok((code, kept))
}

/// Sends the browser to the sign-in page. The reason is for the log only.
fn refuse(portal: &Portal, cookies: Cookies<'_>, failure: &SignInFailure) -> Response {
    report(failure);
    let reason = match failure {
        SignInFailure::Unavailable(_) => "providerDown",
        SignInFailure::Rejected(_) => "refused",
    };
    cookies.redirect(&portal.path(&format!("/signin?reason={reason}#/error")))
}

pub(super) fn report(failure: &SignInFailure) {
    let Some(suppressed) = FAILURES.admit() else { return };
    match failure {
        SignInFailure::Unavailable(problem) => {
            tracing::warn!(problem, suppressed, "the identity provider cannot be used");
        }
        SignInFailure::Rejected(problem) => {
            tracing::warn!(problem, suppressed, "refused a user of OpenID Connect");
        }
    }
}

fn rejected(problem: String) -> SignInFailure {
    SignInFailure::Rejected(problem)
}

/// The address to which the provider sends the browser back; registered there.
fn back(portal: &Portal, headers: &HeaderMap) -> String {
    let settings = portal.state.settings.sign_in.open_id.as_ref();
    let registration = settings.map(|settings| settings.registration.as_str()).unwrap_or_default();
    let path = portal.path(&format!("/login/oauth2/code/{registration}"));
    format!("{}{path}", origin(portal, headers))
}

/// Scheme and host of the portal for users.
fn origin(portal: &Portal, headers: &HeaderMap) -> String {
    let public = portal.public_address().and_then(|address| address.parse::<Uri>().ok());
    if let Some((scheme, authority)) =
        public.as_ref().and_then(|address| Some((address.scheme_str()?, address.authority()?)))
    {
        return format!("{scheme}://{authority}");
    }
    let scheme = if is_https(headers) { "https" } else { "http" };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    format!("{scheme}://{host}")
}
