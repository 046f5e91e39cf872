//! HTTP Basic: a name and a password in each request, as scripts send them to Apollo's portal. No
//! session begins; what is accepted is the same as with the form.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use castalia_store::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::request::Parts;
use http::{HeaderValue, Method};
use quick_cache::sync::Cache;
use sha2::Sha256;
use tokio::time::Instant;

use super::{SignInForm, check, too_many_failures, unless_failed};
use crate::domain::session;
use crate::domain::user::{self, SignIn, User};
use crate::error::{Error, Reaction, Result};
use crate::role::portal::identity::unknown;
use crate::role::portal::origin::check_same_origin;
use crate::role::portal::throttle::SignInAttempt;
use crate::role::portal::{Portal, audit};

/// Time for which a password is not verified again: verification is slow by intent, and scripts
/// send many requests.
const VALID: Duration = Duration::from_secs(60);
/// Maximum number of users whose password was verified within this time.
const LARGEST: usize = 1_000;

type Seal = [u8; 32];

/// The users whose passwords were verified lately, without the passwords.
#[derive(Debug)]
pub(in crate::role::portal) struct VerifiedUsers {
    key: OnceLock<Secret>,
    users: Cache<Seal, Arc<(User, Instant)>>,
}

impl Default for VerifiedUsers {
    fn default() -> Self {
        Self { key: OnceLock::new(), users: Cache::new(LARGEST) }
    }
}

impl VerifiedUsers {
    fn seal(&self, given: &SignInForm) -> Result<Seal> {
        let key = match self.key.get() {
            Some(key) => key,
            None => {
                let key = Secret::new(session::random()?);
                self.key.get_or_init(|| key)
            }
        };
        let mut seal = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes())
            .map_err(|error| Error::internal("cannot seal a password", error))?;
        seal.update(&given.username.len().to_be_bytes());
        seal.update(given.username.as_bytes());
        seal.update(given.password.as_bytes());
        Ok(seal.finalize().into_bytes().into())
    }
}

/// The user whose name and password the header has; `None` if it has another scheme, or if the
/// settings do not allow this one.
pub(in crate::role::portal) async fn identified(
    portal: &Portal,
    parts: &Parts,
    header: &str,
) -> Result<Option<User>> {
    let Some(encoded) = credentials_of(header) else { return Ok(None) };
    if !portal.state.compat.basic_authentication {
        return Ok(None);
    }
    // Browsers add what they remember to the requests of other sites as well.
    if !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        check_same_origin(&parts.headers, portal.public_address().as_deref())?;
    }
    let given = decoded(encoded).ok_or_else(unknown)?;
    let verified = &portal.own.verified_users;
    let seal = verified.seal(&given)?;
    if let Some(entry) = verified.users.get(&seal) {
        let (known, at) = &*entry;
        if at.elapsed() < VALID && user::is_unchanged(&portal.state.store, known).await? {
            return Ok(Some(known.clone()));
        }
        verified.users.remove(&seal);
    }
    // Requests that arrive together are one attempt.
    let entry = verified.users.get_or_insert_async(&seal, verify(portal, parts, given)).await?;
    Ok(Some(entry.0.clone()))
}

async fn verify(portal: &Portal, parts: &Parts, given: SignInForm) -> Result<Arc<(User, Instant)>> {
    let address = audit::address(portal, parts);
    let mut attempt = SignInAttempt::new(&given.username, address, None);
    if portal.own.throttle.admit(&mut attempt).await.is_err() {
        return Err(too_many_failures());
    }
    let username = given.username.clone();
    let checked = check(portal, given, &mut attempt).await;
    match unless_failed(portal, &attempt, checked)? {
        Some(SignIn::Accepted(user)) => {
            portal.own.throttle.forgive(&attempt);
            Ok(Arc::new((user, Instant::now())))
        }
        Some(SignIn::Refused | SignIn::PublishedPassword) => {
            portal.refused_sign_in(&username, address).await;
            Err(unknown())
        }
        None => {
            portal.own.throttle.give_back(&attempt);
            let reason = "The directory of users does not answer; try again later.";
            Err(Error::new(Reaction::Unavailable, reason))
        }
    }
}

/// The scheme that the answer to refused credentials names.
pub(super) fn challenge(portal: &Portal, header: &str) -> Option<HeaderValue> {
    let is_used = portal.state.compat.basic_authentication && credentials_of(header).is_some();
    is_used.then(|| HeaderValue::from_static("Basic realm=\"Castalia\", charset=\"UTF-8\""))
}

/// The credentials in a header of this scheme, encoded.
fn credentials_of(header: &str) -> Option<&str> {
    let (scheme, encoded) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then(|| encoded.trim())
}

fn decoded(encoded: &str) -> Option<SignInForm> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some(SignInForm { username: username.to_owned(), password: password.to_owned() })
}
