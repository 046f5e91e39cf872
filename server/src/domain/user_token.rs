//! Access tokens of users: finds the owner of a token, creates, rotates, revokes and lists tokens.
//! A token is shown once; the table contains its hash. What a token allows is in
//! `permission/token_scope.rs`.

pub mod record;
mod text;

pub use castalia_store::user::token::UserToken as Row;

use castalia_store::user::token::{self, UserTokenRow};
use castalia_store::{Authorship, Connection, Id, Secret, Store, Transaction, now};
use chrono::{DateTime, Local, NaiveDateTime, SubsecRound as _, TimeDelta, TimeZone as _, Utc};
use subtle::ConstantTimeEq as _;

pub use self::text::PREFIX;
use self::text::{generate, hash, key_of};
use crate::domain::constraint::check_members;
use crate::domain::permission::requirement::{Identity, Resource, Rights, UserToken};
use crate::domain::permission::token_scope::{TokenOperation, TokenScope};
use crate::domain::{unique, user};
use crate::error::{Code, Error, Result};
use crate::server_config::{ServerConfig, keys};

/// Maximum number of tokens of a user; of those that ended, the newest are listed beside the active
/// ones.
const MANY: usize = 200;
/// Widths of the columns, in characters.
const NAME: usize = 128;
const SCOPES: usize = 4096;

/// A token that was presented.
#[derive(Debug, Clone)]
pub struct PresentedToken {
    /// The token with its owner.
    pub token: UserToken,
    /// Maximum number of requests per second; 0 for no limit.
    pub rate_limit: i32,
}

/// A token to create.
#[derive(Debug, Clone)]
pub struct NewUserToken {
    /// Display name.
    pub name: String,
    /// What it may be used for.
    pub scope: TokenScope,
    /// Maximum number of requests per second; 0 for no limit.
    pub rate_limit: i32,
    /// End; `None` for the default lifetime.
    pub expires: Option<DateTime<Utc>>,
}

/// Lifetimes of new tokens, in days.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// Of a token whose creator does not choose.
    pub default: u32,
    /// The longest that may be chosen.
    pub longest: u32,
}

impl Lifetimes {
    /// Those of the settings.
    #[must_use]
    pub fn of(config: &ServerConfig) -> Self {
        let days = |key| u32::try_from(config.get(key)).unwrap_or(u32::MAX);
        Self { default: days(&keys::TOKEN_DAYS), longest: days(&keys::TOKEN_LONGEST_DAYS) }
    }
}

/// Whether a token may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenStatus {
    /// It may.
    Active,
    /// It has ended.
    Expired,
    /// Its owner or an administrator revoked it.
    Revoked,
}

impl TokenStatus {
    /// Name in bodies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            TokenStatus::Active => "active",
            TokenStatus::Expired => "expired",
            TokenStatus::Revoked => "revoked",
        }
    }

    /// The status with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [TokenStatus::Active, TokenStatus::Expired, TokenStatus::Revoked];
        all.into_iter().find(|status| status.name().eq_ignore_ascii_case(name))
    }
}

/// Whether the token of a row may be used now.
#[must_use]
pub fn status(row: &Row) -> TokenStatus {
    match row.revoked_at {
        Some(_) => TokenStatus::Revoked,
        None if *row.expires <= wall_clock(now()) => TokenStatus::Expired,
        None => TokenStatus::Active,
    }
}

/// The owner of a token, who must be enabled, and its scope.
pub async fn of_text(store: &Store, text: &str) -> Result<Option<PresentedToken>> {
    let Some(key) = key_of(text) else { return Ok(None) };
    let Some(row) = token::by_prefix(store.read(), key).await? else { return Ok(None) };
    let is_same: bool = hash(text).as_bytes().ct_eq(row.token_hash.as_bytes()).into();
    if !is_same || status(&row) != TokenStatus::Active {
        return Ok(None);
    }
    let owner = user::find(store, &row.user_id).await?.filter(user::is_enabled);
    if owner.is_none_or(|owner| owner.username != row.user_id) {
        return Ok(None);
    }
    let scope = TokenScope::read(row.scopes.as_deref());
    let token = UserToken { id: row.id, user_id: row.user_id, scope };
    Ok(Some(PresentedToken { token, rate_limit: row.rate_limit }))
}

/// The tokens of a user, newest first.
pub async fn of_user(store: &Store, user_id: &str) -> Result<Vec<Row>> {
    let mut rows = token::of_user(store.read(), user_id).await?;
    rows.retain(|row| row.user_id == user_id);
    Ok(rows)
}

/// The tokens of all users whose name contains this text in any case, newest first.
pub async fn all(store: &Store, part: &str, wanted: Option<TokenStatus>) -> Result<Vec<Row>> {
    let part = part.trim().to_lowercase();
    let mut rows = token::all(store.read()).await?;
    rows.retain(|row| {
        row.user_id.to_lowercase().contains(&part)
            && wanted.is_none_or(|wanted| status(row) == wanted)
    });
    Ok(rows)
}

/// One token.
pub async fn find(store: &Store, id: Id) -> Result<Row> {
    token::by_id(store.read(), id).await?.ok_or_else(|| not_found(id))
}

/// The operations that a user may grant to a token.
pub async fn grantable(rights: &Rights<'_>, user_id: &str) -> Result<Vec<TokenOperation>> {
    let mut grantable = Vec::new();
    for operation in TokenOperation::ALL {
        if may_grant(rights, user_id, operation).await? {
            grantable.push(operation);
        }
    }
    Ok(grantable)
}

async fn may_grant(rights: &Rights<'_>, user_id: &str, operation: TokenOperation) -> Result<bool> {
    let user = Identity::User(user_id.to_owned());
    rights.allow(&user, operation.need_of_owner(), &Resource::default()).await
}

/// Creates a token of a user, and returns its text as well.
///
/// # Errors
/// Fails if the user may not grant an operation, or if the lifetime is too long.
pub async fn create(
    store: &Store,
    rights: &Rights<'_>,
    lifetimes: Lifetimes,
    owner: &str,
    new: NewUserToken,
) -> Result<(Row, Secret)> {
    let refused =
        |message: String| Err(Error::bad_request(message).with_code(Code::InvalidUserToken));
    let account = user::existing(store, owner).await?;
    let name = new.name.trim();
    if name.is_empty() {
        return refused("Token name can not be blank".to_owned());
    }
    check_members([("name", Some(name), NAME)])?;
    if new.rate_limit < 0 {
        return refused("rate limit must not be negative".to_owned());
    }
    for wanted in &new.scope.operations {
        let known = TokenOperation::ALL.into_iter().find(|operation| operation.name() == wanted);
        let Some(operation) = known else {
            return refused(format!("Invalid user token operation:{wanted}"));
        };
        if !may_grant(rights, owner, operation).await? {
            return refused(format!("User token operation is not allowed:{wanted}"));
        }
    }
    let scopes = serde_json::to_string(&new.scope)
        .map_err(|error| Error::internal("cannot write the scope of a token", error))?;
    check_members([(
        "The scope of operations, appIds, envs and namespaces",
        Some(&*scopes),
        SCOPES,
    )])?;
    let expires = end(lifetimes, new.expires)?;
    let (text, key) = generate()?;
    let row = UserTokenRow {
        user_id: owner.to_owned(),
        name: name.to_owned(),
        token_prefix: key,
        token_hash: hash(text.expose()),
        scopes: Some(scopes),
        rate_limit: new.rate_limit,
        expires: wall_clock(expires).into(),
        last_used_time: None,
        last_used_ip: None,
        last_used_user_agent: None,
        revoked_at: None,
        revoked_by: None,
    };
    let made = unique::write(store, (row, account), |tx, (row, account)| {
        Box::pin(async move {
            user::lock_same(tx, account).await?;
            insert(tx, row).await
        })
    });
    Ok((made.await?, text))
}

async fn insert(tx: &Transaction, row: &UserTokenRow) -> Result<Row> {
    let rows = token::of_user(tx, &row.user_id).await?;
    let (active, ended): (Vec<_>, Vec<_>) =
        rows.iter().partition(|row| status(row) == TokenStatus::Active);
    if active.len() >= MANY {
        let message = format!("You have {MANY} active access tokens; delete one first");
        return Err(Error::bad_request(message).with_code(Code::InvalidUserToken));
    }
    // Newest first: those that ended long ago make room.
    for row in ended.iter().skip(MANY - 1 - active.len()) {
        token::delete(tx, row.id, &row.user_id).await?;
    }
    Ok(token::insert(tx, row.clone(), Authorship::of(&row.user_id)).await?)
}

/// The end of a new token. MySQL stores whole seconds.
fn end(lifetimes: Lifetimes, wanted: Option<DateTime<Utc>>) -> Result<DateTime<Utc>> {
    let now = now();
    let days = |days: u32| TimeDelta::days(days.into());
    let longest = now + days(lifetimes.longest);
    let default = now + days(lifetimes.default.min(lifetimes.longest));
    let end = wanted.unwrap_or(default).trunc_subsecs(0);
    let refused =
        |message: String| Err(Error::bad_request(message).with_code(Code::InvalidUserToken));
    if end <= now {
        return refused("Token expires must be in the future".to_owned());
    }
    if end > longest {
        return refused(format!("Token expires exceeds max allowed days:{}", lifetimes.longest));
    }
    Ok(end)
}

/// Revokes a token and creates another one with the same scope and end. Of concurrent calls, one
/// succeeds.
///
/// # Errors
/// Fails if the token is not one of the owner, or is not active.
pub async fn rotate(store: &Store, owner: &str, id: Id) -> Result<(Row, Secret)> {
    let (text, key) = generate()?;
    let input = (id, owner.to_owned(), key, hash(text.expose()));
    let made = store.write(input, |tx, (id, owner, key, hash)| {
        Box::pin(async move {
            user::lock_existing(tx, &[owner]).await?;
            let row = owned(tx, *id, owner).await?;
            let is_active = status(&row) == TokenStatus::Active;
            if !is_active || !token::revoke(tx, *id, owner, wall_clock(now())).await? {
                return Err(
                    Error::bad_request("Token is not active").with_code(Code::InvalidUserToken)
                );
            }
            let new = UserTokenRow {
                user_id: row.user_id,
                name: row.name,
                token_prefix: key.clone(),
                token_hash: hash.clone(),
                scopes: row.scopes,
                rate_limit: row.rate_limit,
                expires: row.expires,
                last_used_time: None,
                last_used_ip: None,
                last_used_user_agent: None,
                revoked_at: None,
                revoked_by: None,
            };
            insert(tx, &new).await
        })
    });
    Ok((made.await?, text))
}

/// How a token ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It stays in the list of the user.
    Revoked,
    /// It does not.
    Deleted,
}

/// Revokes or deletes a token: one of this owner, or any.
///
/// # Errors
/// Fails if there is no such token.
pub async fn end_early(
    store: &Store,
    id: Id,
    ending: Ending,
    owner: Option<&str>,
    operator: &str,
) -> Result<()> {
    let input = (id, owner.map(str::to_owned), operator.to_owned());
    store
        .write(input, move |tx, (id, owner, operator)| {
            Box::pin(async move {
                match owner {
                    Some(owner) => owned(tx, *id, owner).await?,
                    None => token::by_id(tx, *id).await?.ok_or_else(|| not_found(*id))?,
                };
                token::revoke(tx, *id, operator, wall_clock(now())).await?;
                if ending == Ending::Deleted {
                    token::delete(tx, *id, operator).await?;
                }
                Ok(())
            })
        })
        .await
}

/// The token of this owner.
///
/// # Errors
/// Fails if the owner has no such token.
pub async fn find_own(store: &Store, owner: &str, id: Id) -> Result<Row> {
    owned(store.read(), id, owner).await
}

async fn owned(db: &impl Connection, id: Id, owner: &str) -> Result<Row> {
    let row = token::by_id(db, id).await?.filter(|row| row.user_id == owner);
    row.ok_or_else(|| not_found(id))
}

fn not_found(id: Id) -> Error {
    Error::not_found(format!("user token not found for id:{}", id.0))
        .with_code(Code::UnknownUserToken)
}

/// Times of tokens are local times without a zone, as a Java portal writes them.
fn wall_clock(time: DateTime<Utc>) -> NaiveDateTime {
    time.with_timezone(&Local).naive_local()
}

/// The time of such a column.
#[must_use]
pub fn time_of(stored: NaiveDateTime) -> Option<DateTime<Utc>> {
    Local.from_local_datetime(&stored).earliest().map(|time| time.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lifetime_of_a_token_is_limited() {
        let days = |default, longest, wanted: Option<i64>| {
            let wanted = wanted.map(|days| now() + TimeDelta::days(days));
            let end = end(Lifetimes { default, longest }, wanted)?;
            // Seconds are cut, and the test takes some time.
            Ok::<_, Error>((end - now() + TimeDelta::minutes(1)).num_days())
        };
        assert_eq!(days(90, 365, None).unwrap(), 90);
        assert_eq!(days(90, 30, None).unwrap(), 30, "the default is not above the maximum");
        assert_eq!(days(90, 365, Some(365)).unwrap(), 365);
        assert!(days(90, 365, Some(366)).unwrap_err().message().ends_with("days:365"));
        assert!(days(90, 365, Some(0)).unwrap_err().message().contains("in the future"));
    }
}
