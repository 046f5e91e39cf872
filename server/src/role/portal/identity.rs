//! Identifies the caller: a signed-in user by cookie, a user or consumer by token, or a user by
//! name and password or by a token of the OpenID Connect provider. An `Authorization` header takes
//! precedence over the cookie, so that a script with an old cookie is identified by its token.

use std::sync::Arc;

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;

use castalia_store::Id;

use super::Portal;
use super::open_api::subrequest::FirstPart;
use super::rate;
use super::sign_in::{basic, bearer, proxy};
use crate::domain::permission::requirement::Identity;
use crate::domain::session::{self, SignedIn};
use crate::domain::user::User;
use crate::domain::{consumer, user_token};
use crate::error::{Error, Reaction, Result};

/// Path below which tokens of users are accepted, as in Apollo's portal.
const OF_TOKENS: &str = "/openapi/";

/// Name of the cookie, as in Apollo's portal.
pub(super) const COOKIE_NAME: &str = "SESSION";

/// The caller, which the guard passes to the handlers.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) identity: Identity,
    /// The row of a user who identified without a token of the portal, as it was when the request
    /// was admitted. A change of the own account depends on it.
    pub(super) account: Option<Arc<User>>,
    /// The session whose cookie the request carried.
    pub(super) sign_in: Option<SignedIn>,
    /// The row of the token.
    pub(super) token_id: Option<Id>,
}

impl Caller {
    /// Counts a request of a user who identified without a token of the portal, and refuses it if
    /// there are too many. Tokens, which have rates of their own, were counted when they were
    /// looked up.
    pub(super) fn count(&self, portal: &Portal, parts: &Parts) -> Result<()> {
        let is_user = matches!(self.identity, Identity::User(_));
        if !is_user || is_counted(parts) {
            return Ok(());
        }
        let is_admitted = portal.own.user_rates.admit(self.identity.unique_name(), rate::OF_USER);
        if is_admitted { Ok(()) } else { Err(too_many()) }
    }
}

/// The credentials of a request.
pub(super) enum Claim {
    Known(Caller),
    /// The cookie of an expired session.
    Ended,
    Nothing,
}

impl Claim {
    pub(super) async fn of(portal: &Portal, parts: &Parts) -> Result<Self> {
        let headers = &parts.headers;
        if headers.contains_key(AUTHORIZATION) {
            return of_header(portal, parts).await.map(Self::Known);
        }
        let Some(id) = session_id(headers) else { return Ok(Self::Nothing) };
        let other = proxy::identified(portal, headers);
        let is_other = |sign_in: &SignedIn| {
            let user = other.as_ref().map(|user| user.username.to_lowercase());
            user.is_some_and(|user| user != sign_in.user_id.to_lowercase())
        };
        Ok(match session::find(&portal.state.store, id).await? {
            // The proxy in front of the portal says that another user has taken the browser over.
            Some((sign_in, _)) if is_other(&sign_in) => Self::Ended,
            Some((sign_in, account)) => Self::Known(Caller {
                identity: Identity::User(sign_in.user_id.clone()),
                account: Some(Arc::new(account)),
                sign_in: Some(sign_in),
                token_id: None,
            }),
            None => Self::Ended,
        })
    }
}

/// Value of the session cookie.
pub(super) fn session_id(headers: &HeaderMap) -> Option<&str> {
    cookie_value(headers, COOKIE_NAME)
}

/// Value of the cookie with this name.
pub(super) fn cookie_value<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    cookies(headers)
        .find_map(|(name, value)| (name == wanted && !value.is_empty()).then_some(value))
}

/// Names of all cookies, in the order in which the browser sent them.
pub(super) fn cookie_names(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    cookies(headers).map(|(name, _)| name)
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
}

/// The answer to an unknown caller.
pub(super) fn unknown() -> Error {
    Error::unauthorized("Unauthorized")
}

/// A token of a consumer is the whole value, without a scheme; a second header would be ambiguous.
async fn of_header(portal: &Portal, parts: &Parts) -> Result<Caller> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(unknown()) };
    let token = value.to_str().map_err(|_| unknown())?;
    let account = match basic::identified(portal, parts, token).await? {
        Some(account) => Some(account),
        None => bearer::identified(portal, parts, token).await?,
    };
    if let Some(account) = account {
        let identity = Identity::User(account.username.clone());
        let account = Some(Arc::new(account));
        return Ok(Caller { identity, account, sign_in: None, token_id: None });
    }
    if let Some(token) = user_token(token) {
        if !parts.uri.path().starts_with(OF_TOKENS) {
            return Err(unknown());
        }
        return of_user_token(portal, token, is_counted(parts)).await;
    }
    let known = consumer::of_token(&portal.state.store, token).await?.ok_or_else(unknown)?;
    if !is_counted(parts)
        && !portal.own.consumer_token_rates.admit(known.token_id, known.rate_limit)
    {
        return Err(too_many());
    }
    let identity = Identity::Consumer(known.consumer);
    Ok(Caller { identity, account: None, sign_in: None, token_id: Some(known.token_id) })
}

/// The token of a user in a header value, which has a scheme.
fn user_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && token.starts_with(user_token::PREFIX))
        .then_some(token)
}

/// Whether the request was counted, as a part of another one.
fn is_counted(parts: &Parts) -> bool {
    parts.extensions.get::<FirstPart>().is_some()
}

async fn of_user_token(portal: &Portal, text: &str, is_counted: bool) -> Result<Caller> {
    let Some(known) = user_token::of_text(&portal.state.store, text).await? else {
        return Err(Error::unauthorized("Unauthorized user token"));
    };
    let id = known.token.id;
    if !is_counted && !portal.own.user_token_rates.admit(id, known.rate_limit) {
        return Err(too_many());
    }
    portal.check_token_owner(&known.token.user_id).await?;
    let identity = Identity::Token(known.token);
    Ok(Caller { identity, account: None, sign_in: None, token_id: Some(id) })
}

fn too_many() -> Error {
    Error::new(Reaction::TooMany, "Too Many Requests, the flow is limited")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=b; XSESSION=no"));
        assert_eq!(session_id(&headers), None);
        headers.append(COOKIE, HeaderValue::from_static("c=d;  SESSION=yes=; e=f"));
        assert_eq!(session_id(&headers), Some("yes="));
    }
}
