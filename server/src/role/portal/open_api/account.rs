//! `/openapi/v1/users`: searches for users, creates, changes and deletes them.

use axum::extract::{Extension, State};
use castalia_store::Secret;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

use super::{By, people};
use crate::domain::permission::requirement::{Identity, Requirement, Resource};
use crate::domain::revision::Base;
use crate::domain::user::{self, account};
use crate::error::{Code, Error, Reaction, Result};
use crate::http::request::{Body, Path};
use crate::http::revision::On;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::access::refusal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::state::PortalState;
use crate::turns::Turn;
use crate::wire::open_api::{Account, User};

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct UserFilter {
    /// Part of a user name or display name; the first users if it is empty.
    keyword: String,
    /// Whether users who may not sign in are listed.
    #[serde(rename = "includeInactiveUsers", default)]
    #[param(default = false)]
    include_inactive_users: bool,
    /// Accepted and ignored, as by Apollo's portal.
    #[serde(rename = "offset", default, deserialize_with = "number_or_nothing")]
    #[param(default = 0, minimum = 0)]
    _offset: u64,
    /// Accepted and ignored, as by Apollo's portal.
    #[serde(rename = "limit", default, deserialize_with = "number_or_nothing")]
    #[param(default = 10, minimum = 1)]
    _limit: u64,
}

/// The pages of Apollo's portal send these parameters without a value.
fn number_or_nothing<'de, D: Deserializer<'de>>(value: D) -> std::result::Result<u64, D::Error> {
    let text = String::deserialize(value)?;
    if text.is_empty() { Ok(0) } else { text.parse().map_err(D::Error::custom) }
}

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct UserId {
    /// User name.
    #[serde(rename = "userId")]
    user_id: String,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(super) struct Creation {
    /// Whether a new user is created; otherwise an existing one is changed.
    #[serde(rename = "isCreate")]
    #[param(default = false)]
    is_create: bool,
}

/// Searches for users.
pub(super) async fn search(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(filter): Query<UserFilter>,
) -> Result<Json<Vec<User>>> {
    let text = filter.keyword.trim();
    let found = account::search(&portal.state.store, text, filter.include_inactive_users).await?;
    let strangers = portal.strangers(&caller, text).await?;
    let known = found.iter().map(|row| shown(&portal, &caller, row));
    let strangers = strangers.into_iter().map(|person| people::stranger(&portal, &caller, person));
    Ok(Json(known.chain(strangers).collect()))
}

/// One user.
pub(super) async fn get(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Path(UserId { user_id }): Path<UserId>,
) -> Result<Json<User>> {
    let row = user::existing(&portal.state.store, &user_id).await?;
    Ok(Json(shown(&portal, &caller, &row)))
}

/// A user with the revision of the account. A digest of an address that the caller does not see
/// would let it be guessed.
fn shown(portal: &Portal, caller: &Caller, row: &user::User) -> User {
    let sees_all = people::sees_address(portal, caller, &row.username);
    let revision = sees_all.then(|| account::revision(row).as_str().to_owned());
    User { revision, ..people::shown(portal, caller, row) }
}

/// Creates or changes a user.
pub(super) async fn put(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(creation): Query<Creation>,
    Query(by): Query<By>,
    On(base): On,
    Body(body): Body<Account>,
) -> Result<()> {
    let username = body.username.unwrap_or_default();
    check_is_local(&portal, &username)?;
    let is_own_change = !creation.is_create && body.enabled.is_none_or(|enabled| enabled == 1);
    let own = caller.account.as_deref().filter(|own| is_own_change && own.username == username);
    if own.is_none() {
        check_may_manage(&portal, &caller, &username).await?;
    }
    if creation.is_create && base.is_stated() {
        let message = "A new user has no revision. Send the request without Castalia-Revision.";
        return Err(Error::bad_request(message).with_code(Code::InvalidParameter));
    }
    check_may_compare(&portal, &caller, &username, &base)?;
    portal.operator(&caller, by.operator, None).await?;
    // As in Apollo, a new user may not sign in unless the request says so.
    let enabled = body.enabled.or(creation.is_create.then_some(0));
    let account = account::Account {
        username,
        password: body.password.filter(|given| !given.is_empty()).map(Secret::new),
        display_name: body.user_display_name,
        email: body.email,
        is_enabled: enabled.map(|enabled| enabled == 1),
    };
    let store = &portal.state.store;
    let rule = user::PasswordRule::new(portal.state.installation, &portal.state.config);
    match own {
        Some(own) => {
            let _turn = begin_own_change(&portal, &own.username)?;
            account::change_own(store, &rule, account, own, base).await
        }
        None if creation.is_create => account::create(store, &rule, account).await,
        None => account::change(store, &rule, account, &portal.state.config, base).await,
    }
}

/// A conflict shows the stored account, so only those state a revision who see all of it.
fn check_may_compare(portal: &Portal, caller: &Caller, username: &str, base: &Base) -> Result<()> {
    if !base.is_stated() || people::sees_address(portal, caller, username) {
        return Ok(());
    }
    let message = "The caller does not see the mail address of this user, and so no revision. Send \
                   the request without Castalia-Revision.";
    Err(Error::bad_request(message).with_code(Code::InvalidParameter))
}

/// A change hashes a password, which is slow by intent, and everyone may change the own account.
fn begin_own_change(portal: &Portal, user: &str) -> Result<Turn> {
    let too_many = |message| Error::new(Reaction::TooMany, message);
    let turn = portal.own.own_changes.take(user).ok_or_else(|| {
        too_many("Another change of your account has not ended; retry when it has.")
    })?;
    portal
        .own
        .throttle
        .count_own_change(user)
        .map_err(|_| too_many("Too many changes of your account; try again later."))?;
    Ok(turn)
}

/// Enables or disables a user.
pub(super) async fn set_enabled(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(by): Query<By>,
    Body(body): Body<Account>,
) -> Result<()> {
    let username = body.username.unwrap_or_default();
    check_may_manage(&portal, &caller, &username).await?;
    portal.operator(&caller, by.operator, None).await?;
    let Some(enabled) = body.enabled else {
        return Err(
            Error::bad_request("Params(enabled) can not be empty").with_code(Code::MissingMember)
        );
    };
    let PortalState { store, config, .. } = &portal.state;
    account::set_enabled(store, &username, enabled == 1, config).await
}

/// Deletes a user, with everything that belongs to the account.
pub(super) async fn delete(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Path(UserId { user_id }): Path<UserId>,
    On(base): On,
) -> Result<()> {
    check_is_local(&portal, &user_id)?;
    let operator = portal.operator(&caller, None, None).await?;
    let PortalState { store, config, .. } = &portal.state;
    account::delete(store, &user_id, config, &operator, base).await?;
    portal.state.reconfigured().await;
    Ok(())
}

/// What another system manages is not changed here: it would be created again at the next sign-in.
fn check_is_local(portal: &Portal, username: &str) -> Result<()> {
    if portal.state.settings.sign_in.is_local(username) {
        return Ok(());
    }
    Err(Error::bad_request(
        "Another system identifies this user, who has no password here; sign_in.local_users names those who have",
    )
    .with_code(Code::ExternalUser))
}

/// A consumer that manages users does not manage super administrators: with the password of one it
/// would have every permission. For the same reason a token needs all of them to set a password,
/// that of its owner included.
async fn check_may_manage(portal: &Portal, caller: &Caller, username: &str) -> Result<()> {
    let rights = portal.rights();
    if !rights.allow(&caller.identity, Requirement::ManageUsers, &Resource::default()).await? {
        return Err(refusal(Requirement::ManageUsers));
    }
    let is_above = match &caller.identity {
        Identity::User(_) => false,
        token @ Identity::Token(_) => !rights.acts_as_root(token),
        Identity::Consumer(_) => {
            // The database may find the account of a super administrator under other spellings.
            let found = user::find(&portal.state.store, username).await?;
            rights.is_like_root(username)
                || found.is_some_and(|found| rights.is_like_root(&found.username))
        }
    };
    if is_above { Err(refusal(Requirement::ManageUsers)) } else { Ok(()) }
}
