//! Sign-ins of browsers: a random id in the cookie, of which the database has the hash only, and a token that pages of other sites
//! cannot know.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

use crate::domain::user;
use crate::error::{Error, Result};
use crate::store::entity::castalia_session::Model;
use crate::store::user::session;
use crate::store::{Secret, Store, now};

/// A sign-in that is not used for so long ends.
const IDLE: TimeDelta = TimeDelta::minutes(30);
/// A sign-in ends after so long, however much it is used: a stolen cookie must not live for ever.
const LONGEST: TimeDelta = TimeDelta::hours(24);
/// Its use is written down at most so often, so that reading a page costs no write.
const TOUCH_AFTER: TimeDelta = TimeDelta::minutes(1);

/// A user who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// User name.
    pub user_id: String,
    /// What unsafe requests of this sign-in must carry.
    pub csrf_token: Secret,
}

/// Begins a sign-in. Returns the text of the cookie; it is stored nowhere.
///
/// # Errors
/// When the database cannot be written.
pub async fn begin(store: &Store, user_id: &str) -> Result<Secret> {
    let id = random()?;
    let now = now();
    let row = Model {
        id_hash: hash(&id),
        user_id: user_id.to_owned(),
        csrf_token: Secret::new(random()?),
        created_time: now.into(),
        last_seen_time: now.into(),
        expiry_time: (now + IDLE).into(),
    };
    store
        .write(row, |tx, row| {
            Box::pin(async move {
                session::delete_expired(tx, *row.created_time).await?;
                session::create(tx, row).await
            })
        })
        .await?;
    Ok(Secret::new(id))
}

/// The sign-in that a cookie belongs to, while it lasts and its user exists and is enabled.
///
/// # Errors
/// Only when the database cannot be used.
pub async fn find(store: &Store, id: &str) -> Result<Option<SignedIn>> {
    let now = now();
    let Some(row) = session::find(store.read(), &hash(id), now).await? else { return Ok(None) };
    let end = *row.created_time + LONGEST;
    let user = user::find(store, &row.user_id).await?;
    if now >= end || !user.is_some_and(|user| user::is_enabled(&user)) {
        return Ok(None);
    }
    if now - *row.last_seen_time > TOUCH_AFTER {
        touch(store, row.id_hash, now, end).await?;
    }
    Ok(Some(SignedIn { user_id: row.user_id, csrf_token: row.csrf_token }))
}

/// Ends a sign-in, if it lasts.
///
/// # Errors
/// When the database cannot be written.
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

fn hash(id: &str) -> String {
    hex::encode(Sha256::digest(id.as_bytes()))
}

/// 256 random bits.
fn random() -> Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| Error::internal("no random bytes", error))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
