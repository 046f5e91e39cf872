//! Browsers that signed in to an account before. Each has a mark that only the server can create,
//! so that failed attempts of other clients need not be counted against it. The marks are signed
//! with the stored password hash: a new password invalidates all of them, and every node of the
//! portal verifies them without a table.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use castalia_store::Store;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::user::{self, User};
use crate::error::{Error, Result};

/// Separates the name of the browser from the signature.
const SEPARATOR: char = '.';

/// Creates a mark for the browser that has just signed in to this account.
pub async fn mark(store: &Store, account: &str) -> Result<Option<String>> {
    let Some(user) = user::find(store, account).await? else { return Ok(None) };
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::internal("cannot generate random bytes", error))?;
    let name = URL_SAFE_NO_PAD.encode(bytes);
    Ok(seal(&user, &name).map(|seal| {
        let seal = URL_SAFE_NO_PAD.encode(seal.finalize().into_bytes());
        format!("{name}{SEPARATOR}{seal}")
    }))
}

/// The name of the browser, if its mark belongs to this account.
pub async fn verify(store: &Store, account: &str, mark: &str) -> Result<Option<String>> {
    let Some((name, given)) = mark.split_once(SEPARATOR) else { return Ok(None) };
    let Ok(given) = URL_SAFE_NO_PAD.decode(given) else { return Ok(None) };
    let Some(user) = user::find(store, account).await? else { return Ok(None) };
    let is_ours = seal(&user, name).is_some_and(|seal| seal.verify_slice(&given).is_ok());
    Ok(is_ours.then(|| name.to_owned()))
}

/// `None` for a user without a password, because an empty key is known to everyone.
fn seal(user: &User, name: &str) -> Option<Hmac<Sha256>> {
    let key = Some(user.password.expose().as_bytes()).filter(|key| !key.is_empty())?;
    let mut seal = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in ["known browser", &user.username, name] {
        seal.update(part.as_bytes());
        seal.update(&[0]);
    }
    Some(seal)
}
