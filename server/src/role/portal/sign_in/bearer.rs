//! Tokens of the OpenID Connect provider that a program sends with each request. No session begins;
//! the first request of a user creates the account.

use http::HeaderValue;
use http::request::Parts;

use super::open_id::{account, report};
use crate::domain::user::{self, User, external};
use crate::error::{Error, Reaction, Result};
use crate::open_id::SignInFailure;
use crate::open_id::claims::ClaimedUser;
use crate::role::portal::audit::sign_in::within;
use crate::role::portal::identity::unknown;
use crate::role::portal::{Portal, audit};

/// The user whom the token in the header identifies; `None` if the header has another form, or if
/// the settings do not allow this one.
pub(in crate::role::portal) async fn identified(
    portal: &Portal,
    parts: &Parts,
    header: &str,
) -> Result<Option<User>> {
    let Some((token, audience)) = token_of(header).zip(audience(portal)) else { return Ok(None) };
    let (Some(open_id), Some(settings)) =
        (&portal.own.open_id, &portal.state.settings.sign_in.open_id)
    else {
        return Ok(None);
    };
    let claims = open_id.verify(token, audience).await.map_err(|failure| refuse(&failure))?;
    let person = claims.person(settings);
    let person = person.map_err(|refusal| refuse(&SignInFailure::Rejected(refusal.problem)))?;
    let (name, address) = (person.id.clone(), audit::address(portal, parts));
    match admit(portal, parts, person).await? {
        Ok(user) => Ok(Some(user)),
        Err(problem) => {
            portal.refused_sign_in(&name, address).await;
            Err(refuse(&SignInFailure::Rejected(problem)))
        }
    }
}

/// The account, or why the user has none. A token describes the user less fully than a sign-in
/// does, so an existing account is not updated, and no administrator appointed or dismissed.
async fn admit(
    portal: &Portal,
    parts: &Parts,
    person: ClaimedUser,
) -> Result<Result<User, String>> {
    let store = &portal.state.store;
    let ClaimedUser { id, display_name, email, is_super_admin: _ } = person;
    let is_known = user::find(store, &id).await?.is_some();
    let (display_name, email) = if is_known { (None, None) } else { (display_name, email) };
    let username = id.clone();
    let given = external::ExternalUser { username, display_name, email, is_case_sensitive: true };
    let links_local = portal.state.settings.sign_in.link_local_users;
    let admission = external::admit(store, given, links_local);
    let admission = if is_known {
        admission.await?
    } else {
        // Recorded together with the account that it creates.
        let trail = portal.signs_in(&id, audit::address(portal, parts))?;
        within(trail, admission).await?
    };
    Ok(account(admission, &id))
}

/// The reason is for the log only.
fn refuse(failure: &SignInFailure) -> Error {
    report(failure);
    match failure {
        SignInFailure::Unavailable(_) => {
            let reason = "The identity provider does not answer; try again later.";
            Error::new(Reaction::Unavailable, reason)
        }
        SignInFailure::Rejected(_) => unknown(),
    }
}

/// The scheme that the answer to a refused token names.
pub(super) fn challenge(portal: &Portal, header: &str) -> Option<HeaderValue> {
    token_of(header)
        .zip(audience(portal))
        .map(|_| HeaderValue::from_static("Bearer realm=\"Castalia\", error=\"invalid_token\""))
}

/// The audience whose tokens are accepted.
fn audience(portal: &Portal) -> Option<&str> {
    portal.state.settings.sign_in.open_id.as_ref()?.bearer_audience.as_deref()
}

/// The token in a header of this scheme: three parts with two dots between them, which neither
/// tokens of users nor those of consumers have.
fn token_of(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    let is_ours = scheme.eq_ignore_ascii_case("bearer") && token.split('.').count() == 3;
    is_ours.then_some(token)
}
