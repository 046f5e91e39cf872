//! Sessions of browsers: a random id in the cookie, of which the database contains only the hash,
//! and a token that pages of other sites cannot know. The token is derived from the id, the user's
//! row and the password hash. It therefore changes for another user of the same name, and with
//! every change of the password, which ends the session.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use castalia_store::user::session::{self, Session};
use castalia_store::{Secret, Store, Transaction, clock};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::domain::user::{self, User};
use crate::error::{Error, Reaction, Result};

/// A session that is not used for this time ends.
const IDLE: TimeDelta = TimeDelta::minutes(30);
/// Maximum duration of a session, however much it is used: a stolen cookie must not remain valid
/// forever.
const LONGEST: TimeDelta = TimeDelta::hours(24);
/// Time by which the start of a session may lie in the future, because the clock was set back.
const SET_BACK: TimeDelta = TimeDelta::minutes(1);
/// Minimum interval between two updates of the time of use, so that reading a page usually costs no
/// write.
const TOUCH_AFTER: TimeDelta = TimeDelta::minutes(1);

/// A user who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// User name.
    pub user_id: String,
    /// Token that unsafe requests of this session must carry.
    pub csrf_token: Secret,
}

/// Starts the session of a user whose password was verified. Returns the text of the cookie, which
/// is not stored. `None` if the password was changed meanwhile, or if the user may no longer sign
/// in.
pub async fn begin(store: &Store, user: &User) -> Result<Option<Secret>> {
    let id = random()?;
    let now = clock::shared_time(store.read()).await?;
    let row = Session {
        id_hash: hash(&id),
        user_id: user.username.clone(),
        csrf_token: Secret::new(csrf_token(&id, user)?),
        created_time: now.into(),
        last_seen_time: now.into(),
        expiry_time: (now + IDLE).into(),
    };
    let begun =
        store.write((user.clone(), row), |tx, (user, row)| Box::pin(begin_in(tx, user, row))).await;
    match begun {
        Ok(()) => Ok(Some(Secret::new(id))),
        Err(error) if error.reaction() == Reaction::Unauthorized => Ok(None),
        Err(error) => Err(error),
    }
}

async fn begin_in(tx: &Transaction, user: &User, row: &Session) -> Result<()> {
    // Expired sessions of all users are removed only here.
    session::delete_expired(tx, *row.created_time).await?;
    if !user::lock_unchanged(tx, user).await? {
        // Nothing is written then, not even to the audit log.
        return Err(Error::unauthorized("the user was changed meanwhile"));
    }
    Ok(session::create(tx, row).await?)
}

/// The session of a cookie, while it has not expired and its user exists, is enabled and has the
/// same password; with the user's row, on which this depends. An invalid one is deleted, so that it
/// does not become valid again when the user is enabled again.
pub async fn find(store: &Store, id: &str) -> Result<Option<(SignedIn, User)>> {
    let Some((row, now)) = session::find(store.read(), &hash(id)).await? else { return Ok(None) };
    let Some(user) = user_of(store, id, &row, now).await? else {
        if let Err(error) = end(store, id).await {
            tracing::warn!(%error, "cannot delete an expired session");
        }
        return Ok(None);
    };
    // Reads go on while the database accepts no writes.
    if (now - *row.last_seen_time).abs() > TOUCH_AFTER
        && let Err(error) = touch(store, row.id_hash, now, *row.created_time + LONGEST).await
    {
        tracing::debug!(%error, "cannot note that a session is in use");
    }
    Ok(Some((SignedIn { user_id: row.user_id, csrf_token: row.csrf_token }, user)))
}

/// The user of a session, as in [`find`]; the session is not used by that.
pub async fn user(store: &Store, id: &str) -> Result<Option<String>> {
    let Some((row, now)) = session::find(store.read(), &hash(id)).await? else { return Ok(None) };
    Ok(user_of(store, id, &row, now).await?.map(|_| row.user_id))
}

/// The user of a session; `None` if it is too old or from the future, or if the user may not use
/// it.
async fn user_of(
    store: &Store,
    id: &str,
    row: &Session,
    now: DateTime<Utc>,
) -> Result<Option<User>> {
    let age = now - *row.created_time;
    match user::find(store, &row.user_id).await?.filter(user::is_enabled) {
        Some(user) if -SET_BACK < age && age < LONGEST => {
            Ok(is_token_of(&row.csrf_token, id, &user)?.then_some(user))
        }
        _ => Ok(None),
    }
}

/// Ends the sessions of users who were disabled or deleted, by any program: they must not become
/// valid again when the user is enabled, or another user of the name is created.
pub async fn end_all_of_disabled(store: &Store) -> Result<()> {
    let named = session::users(store.read()).await?;
    let enabled = user::enabled_among(store, &named).await?;
    for name in named.into_iter().filter(|name| !enabled.contains(name)) {
        let user = name.clone();
        let ended: u64 =
            store.write(name, |tx, name| Box::pin(session::delete_of_user(tx, name, None))).await?;
        tracing::info!(user, ended, "ended the sessions of a disabled or deleted user");
    }
    Ok(())
}

/// Ends a session, if it exists.
pub async fn end(store: &Store, id: &str) -> Result<()> {
    store.write(hash(id), |tx, id_hash| Box::pin(session::delete(tx, id_hash))).await?;
    Ok(())
}

async fn touch(
    store: &Store,
    id_hash: String,
    now: DateTime<Utc>,
    end: DateTime<Utc>,
) -> Result<()> {
    let expiry = (now + IDLE).min(end);
    store
        .write(id_hash, move |tx, id_hash| {
            Box::pin(async move { session::touch(tx, id_hash, now, expiry).await })
        })
        .await?;
    Ok(())
}

fn csrf_token(id: &str, user: &User) -> Result<String> {
    let mut seal = Hmac::<Sha256>::new_from_slice(id.as_bytes())
        .map_err(|error| Error::internal("cannot create a session token", error))?;
    seal.update(&user.id.0.to_be_bytes());
    seal.update(user.password.expose().as_bytes());
    Ok(URL_SAFE_NO_PAD.encode(seal.finalize().into_bytes()))
}

fn is_token_of(token: &Secret, id: &str, user: &User) -> Result<bool> {
    Ok(csrf_token(id, user)?.as_bytes().ct_eq(token.expose().as_bytes()).into())
}

fn hash(id: &str) -> String {
    hex::encode(Sha256::digest(id.as_bytes()))
}

/// 256 random bits.
pub(crate) fn random() -> Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::internal("cannot generate random bytes", error))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
