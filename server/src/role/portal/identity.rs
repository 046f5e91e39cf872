//! Who asks: a signed-in user by cookie, or a consumer by token. An `Authorization` header decides before any cookie, so that a
//! script which kept an old cookie still is who its token says.

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};

use super::Portal;
use crate::domain::consumer;
use crate::domain::permission::need::Identity;
use crate::domain::session::{self, SignedIn};
use crate::error::{Error, Result};

/// Name of the cookie, as in Apollo's portal.
pub(super) const COOKIE_NAME: &str = "SESSION";

/// Who asks, handed to the handlers by the guard.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) identity: Identity,
    /// The sign-in whose cookie carried the request; none for consumers.
    pub(super) sign_in: Option<SignedIn>,
}

/// What a request says about who sent it.
pub(super) enum Claim {
    Known(Caller),
    /// A cookie of a sign-in that has ended.
    Ended,
    Nothing,
}

impl Claim {
    pub(super) async fn of(portal: &Portal, headers: &HeaderMap) -> Result<Self> {
        if headers.contains_key(AUTHORIZATION) {
            return of_token(portal, headers).await.map(Self::Known);
        }
        let Some(id) = session_id(headers) else { return Ok(Self::Nothing) };
        Ok(match session::find(&portal.state.store, id).await? {
            Some(sign_in) => Self::Known(Caller {
                identity: Identity::User(sign_in.user_id.clone()),
                sign_in: Some(sign_in),
            }),
            None => Self::Ended,
        })
    }
}

/// Text of the session cookie.
pub(super) fn session_id(headers: &HeaderMap) -> Option<&str> {
    cookie_value(headers, COOKIE_NAME)
}

/// Text of the cookie of a name.
pub(super) fn cookie_value<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find_map(|(name, value)| (name == wanted && !value.is_empty()).then_some(value))
}

/// What is answered to somebody nobody knows.
pub(super) fn unknown() -> Error {
    Error::unauthorized("Unauthorized")
}

/// The whole header is the token, without a scheme; a second header makes it ambiguous.
async fn of_token(portal: &Portal, headers: &HeaderMap) -> Result<Caller> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(unknown()) };
    let token = value.to_str().map_err(|_| unknown())?;
    let consumer = consumer::of_token(&portal.state.store, token).await?.ok_or_else(unknown)?;
    Ok(Caller { identity: Identity::Consumer(consumer), sign_in: None })
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
