//! Accounts: creates and changes users, and enables or disables them. Everything that takes access
//! away ends the sessions of the user in the same transaction.

use castalia_store::user::{self, UserRow};
use castalia_store::{Deletion, Secret, Store, StoreError, Transaction};

use super::external::list_super_admin;
use super::{
    PasswordRule, Roots, User, changing, existing, find, is_enabled, lock_unchanged, scheme,
    unknown,
};
use crate::domain::constraint::check_members;
use crate::domain::permission::grant;
use crate::domain::revision::{Base, Replaced, Revision};
use crate::domain::{access_request, preference, recent};
use crate::error::{Code, Error, Result};
use crate::password;

/// Widths of the columns, in characters.
pub(super) const USERNAME: usize = 64;
pub(super) const DISPLAY_NAME: usize = 512;
pub(super) const EMAIL: usize = 64;

/// The account of a user; `None` leaves a part of an existing one unchanged.
#[derive(Debug, Clone)]
pub struct Account {
    /// User name.
    pub username: String,
    /// Password, in clear; never empty.
    pub password: Option<Secret>,
    /// Display name.
    pub display_name: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// Whether the user may sign in.
    pub is_enabled: Option<bool>,
}

impl Account {
    fn check(&self, rule: &PasswordRule) -> Result<()> {
        if self.username.trim().is_empty() {
            return Err(incomplete());
        }
        if self.username.trim() != self.username || self.username.contains(char::is_control) {
            let message =
                "Username must not start or end with a blank, or contain control characters";
            return Err(Error::bad_request(message).with_code(Code::InvalidName));
        }
        let texts = [
            ("username", Some(&self.username), USERNAME),
            ("userDisplayName", self.display_name.as_ref(), DISPLAY_NAME),
            ("email", self.email.as_ref(), EMAIL),
        ];
        check_members(
            texts.map(|(member, text, width)| (member, text.map(String::as_str), width)),
        )?;
        self.password.as_ref().map_or(Ok(()), |password| rule.check(password.expose()))
    }

    fn row(self, hash: Option<String>) -> UserRow {
        UserRow {
            username: self.username,
            display_name: self.display_name,
            email: self.email,
            password: hash.map(Secret::new),
            is_enabled: self.is_enabled,
        }
    }
}

fn incomplete() -> Error {
    Error::bad_request("Username and password can not be empty.").with_code(Code::MissingMember)
}

/// The revision of an account. The password is no part of it: who guesses one could compare the
/// digest.
#[must_use]
pub fn revision(user: &User) -> Revision {
    let (name, email) = (user.user_display_name.as_str(), user.email.as_str());
    Revision::of_texts([name, email, enabled_text(is_enabled(user))].map(Some))
}

fn enabled_text(is_enabled: bool) -> &'static str {
    if is_enabled { "1" } else { "0" }
}

/// Rejects a change of a locked user that is based on another revision; a deletion has no new row.
fn check_base(found: &User, base: &Base, new: Option<&UserRow>) -> Result<()> {
    let (name, email) = (found.user_display_name.as_str(), found.email.as_str());
    let enabled = enabled_text(is_enabled(found));
    // What a change leaves out stays as it is.
    let yours = new.map(|row| {
        let new_name = row.display_name.as_deref().unwrap_or(name);
        let new_email = row.email.as_deref().unwrap_or(email);
        [new_name, new_email, row.is_enabled.map_or(enabled, enabled_text)]
    });
    let [new_name, new_email, new_enabled] = yours.map_or([None; 3], |texts| texts.map(Some));
    base.check_row(&Replaced {
        what: "user",
        // In the order of `revision`.
        texts: &[
            ("userDisplayName", new_name, Some(name)),
            ("email", new_email, Some(email)),
            ("enabled", new_enabled, Some(enabled)),
        ],
        by: None,
        at: None,
    })
}

/// Creates a user.
///
/// # Errors
/// Fails if the name is in use or invalid, or if the password is missing or too easy to guess.
pub async fn create(store: &Store, rule: &PasswordRule, account: Account) -> Result<()> {
    let Some(given) = account.password.clone() else { return Err(incomplete()) };
    account.check(rule)?;
    let scheme = scheme(rule.installation());
    let exists = |name: &str| {
        let message = format!("user already exists for userName:{name}");
        Error::bad_request(message).with_code(Code::UserExists)
    };
    // Compared as the database does, which may ignore case.
    if find(store, &account.username).await?.is_some() {
        return Err(exists(&account.username));
    }
    let name = account.username.clone();
    let hash = changing(move |memory| password::hash(memory, given.expose(), scheme)).await?;
    let row = account.row(Some(hash));
    match store.write(row, |tx, row| Box::pin(user::create(tx, row))).await {
        Err(StoreError::Duplicate(_)) => Err(exists(&name)),
        made => Ok(made.map(drop)?),
    }
}

/// Changes a user. Another password, and disabling, end the sessions of the user.
///
/// # Errors
/// Fails if there is no such user, if the password is too easy to guess, if no enabled super
/// administrator (`roots`) would be left, and if the user has changed since `base`.
pub async fn change(
    store: &Store,
    rule: &PasswordRule,
    account: Account,
    roots: impl Into<Roots>,
    base: Base,
) -> Result<()> {
    account.check(rule)?;
    let stored = existing(store, &account.username).await?.password;
    let hash = new_hash(rule, &account, stored).await?;
    write(store, account.row(hash), roots.into(), base).await
}

/// Changes the account of the caller, whose row was `admitted` when the request began. Does not
/// enable it: its user may send the request just before somebody disables the account, resets the
/// password or deletes the account, and would have access again.
///
/// # Errors
/// Fails if the password is too easy to guess, if the row is no longer the one that was admitted,
/// and if it has changed since `base`.
pub async fn change_own(
    store: &Store,
    rule: &PasswordRule,
    account: Account,
    admitted: &User,
    base: Base,
) -> Result<()> {
    account.check(rule)?;
    let hash = new_hash(rule, &account, admitted.password.clone()).await?;
    let row = UserRow { is_enabled: None, ..account.row(hash) };
    store
        .write((row, admitted.clone(), base), |tx, (row, admitted, base)| {
            Box::pin(async move {
                if !lock_unchanged(tx, admitted).await? {
                    let message = "The account was changed meanwhile; sign in again.";
                    return Err(Error::unauthorized(message));
                }
                change_in(tx, row, base).await
            })
        })
        .await
}

/// The hash of the password of an account; `None` if it is not to be changed, or if the stored one
/// is of the same password: Apollo's pages send it also to change only the mail address.
async fn new_hash(
    rule: &PasswordRule,
    account: &Account,
    stored: Secret,
) -> Result<Option<String>> {
    let Some(given) = account.password.clone() else { return Ok(None) };
    let scheme = scheme(rule.installation());
    let hash =
        changing(move |memory| match password::verify(memory, given.expose(), stored.expose()) {
            true => Ok(None),
            false => password::hash(memory, given.expose(), scheme).map(Some),
        });
    hash.await
}

/// Enables or disables a user. Disabling ends the sessions of the user, so that they do not become
/// valid again later, and forgets the apps that the user opened and the roles that the user
/// requested.
///
/// # Errors
/// Fails if there is no such user, and if no enabled super administrator (`roots`) would be left.
pub async fn set_enabled(
    store: &Store,
    name: &str,
    is_enabled: bool,
    roots: impl Into<Roots>,
) -> Result<()> {
    let row = UserRow {
        username: name.to_owned(),
        display_name: None,
        email: None,
        password: None,
        is_enabled: Some(is_enabled),
    };
    write(store, row, roots.into(), Base::default()).await
}

async fn write(store: &Store, row: UserRow, roots: Roots, base: Base) -> Result<()> {
    let disabled = (row.is_enabled == Some(false)).then(|| row.username.clone());
    let change = store.write((row, roots, base), |tx, (row, roots, base)| {
        Box::pin(async move {
            if row.is_enabled == Some(false) {
                // Of two super administrators who disable each other, one remains.
                grant::lock_portal(tx).await?;
                let found = user::lock(tx, &row.username).await?;
                let found = found.ok_or_else(|| unknown(&row.username))?;
                check_not_last(tx, &found, roots, "disabled").await?;
            }
            change_in(tx, row, base).await
        })
    });
    change.await?;
    if let Some(name) = disabled {
        recent::forget_user(store, &name).await;
        access_request::forget_user(store, &name).await;
    }
    Ok(())
}

/// In one transaction: a new password would protect nothing while an old session remains valid.
pub(super) async fn change_in(tx: &Transaction, row: &UserRow, base: &Base) -> Result<()> {
    let found = user::lock(tx, &row.username).await?;
    let found = found.ok_or_else(|| unknown(&row.username))?;
    check_base(&found, base, Some(row))?;
    let name = found.username.clone();
    user::change(tx, found, row).await?;
    if row.password.is_some() || row.is_enabled == Some(false) {
        user::session::delete_of_user(tx, &name, None).await?;
    }
    Ok(())
}

/// Deletes a user. Sessions, access tokens, roles, favourites, preferences and the entry in the
/// list of super administrators end with the account, so that a later user of this name begins with
/// nothing.
///
/// # Errors
/// Fails if there is no such user, if it is the operator, if no other super administrator
/// (`roots`) would be left, and if the user has changed since `base`.
pub async fn delete(
    store: &Store,
    name: &str,
    roots: impl Into<Roots>,
    operator: &str,
    base: Base,
) -> Result<()> {
    let input = (name.to_owned(), roots.into(), operator.to_owned(), base);
    let delete = store.write(input, |tx, (name, roots, operator, base)| {
        Box::pin(async move { delete_in(tx, name, roots, operator, base).await })
    });
    let name = delete.await?;
    recent::forget_user(store, &name).await;
    access_request::forget_user(store, &name).await;
    preference::forget_user(store, &name).await;
    Ok(())
}

/// Returns the name as it was stored.
async fn delete_in(
    tx: &Transaction,
    name: &str,
    roots: &Roots,
    operator: &str,
    base: &Base,
) -> Result<String> {
    let refuse = |message: &str, code| Err(Error::bad_request(message.to_owned()).with_code(code));
    // Of two super administrators who delete each other, one remains.
    grant::lock_portal(tx).await?;
    // MariaDB also finds another spelling.
    let found = user::lock(tx, name).await?.filter(|found| found.username == name);
    let found = found.ok_or_else(|| unknown(name))?;
    if found.username == operator {
        return refuse("You cannot delete your own account", Code::OwnAccount);
    }
    check_base(&found, base, None)?;
    check_not_last(tx, &found, roots, "deleted").await?;
    let (name, by) = (&found.username, Deletion::by(operator));
    user::session::delete_of_user(tx, name, None).await?;
    user::token::delete_of_user(tx, name, &by).await?;
    // The hidden ones first: a restoration that shows them meanwhile commits before or after.
    user::role::delete_hidden(tx, name).await?;
    user::favorite::delete_hidden(tx, name).await?;
    user::role::revoke_all(tx, name, &by).await?;
    user::favorite::delete_of_user(tx, name, &by).await?;
    list_super_admin(tx, name, false, operator).await?;
    user::delete(tx, &found).await?;
    Ok(found.username)
}

/// Fails if the user is the only super administrator (`roots`) who may sign in.
async fn check_not_last(tx: &Transaction, found: &User, roots: &Roots, done: &str) -> Result<()> {
    let roots = roots.accounts(tx).await?;
    let is_left = |root: &User| root.id != found.id && is_enabled(root);
    if roots.iter().any(|root| root.id == found.id) && !roots.iter().any(is_left) {
        let message = format!("The last super administrator cannot be {done}");
        return Err(Error::bad_request(message).with_code(Code::LastAdministrator));
    }
    Ok(())
}

/// Users whose name or display name contains the text. Without a text, the first twenty who are
/// enabled, as in Apollo.
pub async fn search(store: &Store, text: &str, with_disabled: bool) -> Result<Vec<User>> {
    const MOST: u64 = 2000;
    const FIRST: u64 = 20;
    let limit = if text.is_empty() && !with_disabled { FIRST } else { MOST };
    Ok(user::search(store.read(), text, with_disabled, Some(limit)).await?)
}
