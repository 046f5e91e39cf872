//! Sign-in with OpenID Connect, at the addresses that a Java portal registers with the provider:
//! sends the browser to the provider, and begins a session when it comes back.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Extension, Query, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::HOST;
use http::{HeaderMap, Uri};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::cookie::{Cookies, ENDED, is_https};
use crate::domain::user::User;
use crate::domain::user::external::{self, ExternalUser, SignInOutcome};
use crate::error::{Code, Error, Result};
use crate::http::client_address::client_address;
use crate::http::request::Path;
use crate::log_rate::LogRate;
use crate::open_id::claims::Person;
use crate::open_id::{OpenId, PendingSignIn, SignInFailure};
use crate::role::portal::audit::sign_in::within;
use crate::role::portal::identity::cookie_value;
use crate::role::portal::{Portal, PortalAccess, PortalRoutes};

/// Cookie of a browser whose user is at the provider. It binds the answer to the browser.
const PENDING_COOKIE: &str = "CASTALIA_OIDC";
/// Time to sign in at the provider, in seconds.
const PENDING_LIFE: &str = "; Max-Age=600";
/// The paths at which the browser comes back.
const BACK: &str = "/login/oauth2";
/// Cookie with the token that signs the user out at the provider, sent only to sign out.
const ID_TOKEN_COOKIE: &str = "CASTALIA_ID_TOKEN";
const SIGN_OUT: &str = "/user/logout";
/// Maximum token that is stored in a cookie; browsers keep 4 KiB.
const LARGEST_ID_TOKEN: usize = 3500;
/// Maximum page to return to, in bytes.
const LARGEST_NEXT: usize = 1024;

static FAILURES: LogRate = LogRate::new();

#[derive(Deserialize)]
struct Registration {
    registration: String,
}

#[derive(Deserialize)]
struct Wanted {
    next: Option<String>,
}

/// What the provider adds to the address.
#[derive(Deserialize)]
struct Returned {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

/// The content of the cookie.
#[derive(Serialize, Deserialize)]
struct Kept {
    pending: PendingSignIn,
    next: String,
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
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response> {
    let open_id = of(&portal, &registration)?;
    let mut cookies = Cookies::new(&portal, &headers);
    let (address, pending) = match open_id.begin(&back(&portal, &headers)).await {
        Ok(begun) => begun,
        Err(failure) => return Ok(refuse(&portal, cookies, &failure)),
    };
    let next = wanted.next.filter(|next| is_page(next)).unwrap_or_else(|| "/".to_owned());
    let kept = serde_json::to_vec(&Kept { pending, next });
    let kept = kept.map_err(|error| Error::internal("cannot store a sign-in", error))?;
    cookies.set_below(BACK, PENDING_COOKIE, &URL_SAFE_NO_PAD.encode(kept), PENDING_LIFE);
    Ok(cookies.redirect(&address))
}

/// Begins the session of a user who comes from the provider.
async fn finish(
    State(portal): State<Portal>,
    Path(Registration { registration }): Path<Registration>,
    Query(returned): Query<Returned>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
) -> Result<Response> {
    let open_id = of(&portal, &registration)?;
    let mut cookies = Cookies::new(&portal, &headers);
    // It is valid for one answer.
    cookies.set_below(BACK, PENDING_COOKIE, "", ENDED);
    let (code, kept) = match check(returned, kept(&headers)) {
        Ok(checked) => checked,
        Err(problem) => return Ok(refuse(&portal, cookies, &rejected(problem))),
    };
    let identified = match open_id.finish(code, kept.pending, &back(&portal, &headers)).await {
        Ok(identified) => identified,
        Err(failure) => return Ok(refuse(&portal, cookies, &failure)),
    };
    let settings = portal.state.settings.sign_in.open_id.as_ref().ok_or_else(unknown)?;
    let person = match identified.claims.person(settings) {
        Ok(person) => person,
        Err(problem) => return Ok(refuse(&portal, cookies, &rejected(problem))),
    };
    let proxies = &portal.state.settings.trusted_proxies;
    let address = client_address(peer.as_deref(), &headers, proxies);
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
    person: Person,
) -> Result<Result<(), String>> {
    let Person { id, display_name, email, is_super_admin } = person;
    let store = &portal.state.store;
    let given = ExternalUser { username: id.clone(), display_name, email };
    let links_local = portal.state.settings.sign_in.link_local_users;
    let user = match account(external::admit(store, given, links_local).await?, &id) {
        Ok(user) => user,
        Err(problem) => return Ok(Err(problem)),
    };
    if let Some(is_super_admin) = is_super_admin
        && external::set_super_admin(store, &user.username, is_super_admin).await?
    {
        tracing::info!(
            user = user.username,
            is_super_admin,
            "changed the list of super administrators by the groups of a user"
        );
        portal.state.reconfigured().await;
    }
    if cookies.begin_session(headers, &user).await? {
        Ok(Ok(()))
    } else {
        Ok(Err(format!("the account `{id}` was changed meanwhile")))
    }
}

/// The account of a user whom the provider identified, or why it is not opened. For the log.
pub(super) fn account(admission: SignInOutcome, id: &str) -> Result<User, String> {
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

/// What the browser kept, if it comes from a sign-in that this portal began.
fn kept(headers: &HeaderMap) -> Option<Kept> {
    let kept = URL_SAFE_NO_PAD.decode(cookie_value(headers, PENDING_COOKIE)?).ok()?;
    serde_json::from_slice(&kept).ok()
}

/// The code, if the answer belongs to the sign-in that this browser began.
fn check(returned: Returned, kept: Option<Kept>) -> Result<(String, Kept), String> {
    let kept = kept.ok_or("the browser began no sign-in, or too long ago")?;
    let state = returned.state.unwrap_or_default();
    if !bool::from(state.as_bytes().ct_eq(kept.pending.state.secret().as_bytes())) {
        return Err("the state is not that of the sign-in that this browser began".to_owned());
    }
    if let Some(error) = returned.error {
        return Err(format!("the provider answered `{}`", crate::log_rate::shortened(&error)));
    }
    let code = returned.code.ok_or("the provider sent no code")?;
    // The cookie is not signed.
    let next = if is_page(&kept.next) { kept.next } else { "/".to_owned() };
    Ok((code, Kept { next, ..kept }))
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
    let path = portal.path(&format!("{BACK}/code/{registration}"));
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

/// Whether an address is a page of the portal and nothing that a browser reads as another host.
fn is_page(next: &str) -> bool {
    next.starts_with('/')
        && next.len() <= LARGEST_NEXT
        && !next.contains("//")
        && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::is_page;

    #[test]
    fn only_pages_of_the_portal_are_opened_afterwards() {
        for page in ["/", "/a/demo/history?env=PRO", "/a/demo#x"] {
            assert!(is_page(page), "{page}");
        }
        for other in ["", "a", "//evil", "/\\evil", "/.//evil", "https://evil", "/\r\nx: y", "/\t/"]
        {
            assert!(!is_page(other), "{other:?}");
        }
    }
}
