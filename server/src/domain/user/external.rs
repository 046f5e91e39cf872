//! Users whom another system identifies: an account of the portal is created at the first sign-in
//! and kept up to date, because permissions, sessions and disabling refer to it. Does not know how
//! the other system identified the user.

use castalia_store::user::{self, UserRow};
use castalia_store::{Secret, Store, StoreError, Transaction, server_config};

use super::account::{DISPLAY_NAME, EMAIL, USERNAME};
use super::{User, find, generate, is_enabled, roots};
use crate::domain::unique;
use crate::error::{Error, Result};
use crate::server_config::keys;

/// Scheme of the stored text of a user without a password, as in Apollo; no password matches it.
/// The random text after it is the key of the marks of known browsers.
const NO_PASSWORD: &str = "{placeholder}";
/// Attempts to create an account that another sign-in creates concurrently.
const TRIES: u32 = 2;

/// A user, as another system describes him or her.
#[derive(Debug, Clone)]
pub struct ExternalUser {
    /// User name.
    pub username: String,
    /// Display name; the user name if there is none.
    pub display_name: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// Whether the other system may have further users whose names differ in case only.
    pub is_case_sensitive: bool,
}

/// Outcome of the sign-in of a user whom another system has identified.
#[derive(Debug, Clone)]
pub enum SignInOutcome {
    /// The account of the user.
    Accepted(User),
    /// The account is disabled.
    Disabled,
    /// The account has a password of the portal, so it may belong to somebody else.
    LocalAccount,
    /// The name cannot be a user name; the reason.
    UnusableName(&'static str),
}

/// Whether a user has no password of the portal.
#[must_use]
pub fn is_external(user: &User) -> bool {
    user.password.expose().starts_with(NO_PASSWORD)
}

/// The account of an identified user, created or updated. `links_local` also accepts an account
/// that has a password of the portal, which keeps it.
///
/// # Errors
/// Fails if the database cannot be read or written.
pub async fn admit(store: &Store, given: ExternalUser, links_local: bool) -> Result<SignInOutcome> {
    if let Some(reason) = why_unusable(&given.username) {
        return Ok(SignInOutcome::UnusableName(reason));
    }
    for _ in 0..TRIES {
        let Some(found) = find(store, &given.username).await? else {
            if let Some(created) = create(store, &given).await? {
                return Ok(SignInOutcome::Accepted(created));
            }
            continue;
        };
        return update(store, found, given, links_local).await;
    }
    Err(Error::bad_request("The account was created and deleted meanwhile; sign in again."))
}

async fn update(
    store: &Store,
    found: User,
    given: ExternalUser,
    links_local: bool,
) -> Result<SignInOutcome> {
    // A database may treat more names as equal, for example with accents or trailing blanks.
    let is_same = found.username == given.username
        || (!given.is_case_sensitive
            && found.username.to_lowercase() == given.username.to_lowercase());
    if !is_same {
        return Ok(SignInOutcome::UnusableName(
            "the database does not distinguish it from that of an account which exists",
        ));
    }
    if !is_enabled(&found) {
        return Ok(SignInOutcome::Disabled);
    }
    if !is_external(&found) && !links_local {
        return Ok(SignInOutcome::LocalAccount);
    }
    let row = row_of(given, None);
    let is = |new: &Option<String>, old: &String| new.as_ref().is_none_or(|new| new == old);
    if is(&row.display_name, &found.user_display_name) && is(&row.email, &found.email) {
        return Ok(SignInOutcome::Accepted(found));
    }
    let changed: Result<_> = store
        .write((found.clone(), row), |tx, (found, row)| {
            Box::pin(async move {
                let Some(locked) = user::lock(tx, &found.username).await? else {
                    return Ok(false);
                };
                // What is written is compared with the row as it is now.
                Ok::<_, Error>(user::change(tx, locked, row).await?)
            })
        })
        .await;
    changed?;
    Ok(SignInOutcome::Accepted(found))
}

/// `None` if another sign-in has created the account meanwhile.
async fn create(store: &Store, given: &ExternalUser) -> Result<Option<User>> {
    let password = Secret::new(format!("{NO_PASSWORD}{}", generate()?));
    let mut row = row_of(given.clone(), Some(password));
    row.display_name.get_or_insert_with(|| given.username.clone());
    match store.write(row, |tx, row| Box::pin(user::create(tx, row))).await {
        Err(StoreError::Duplicate(_)) => Ok(None),
        created => {
            let created = created?;
            tracing::info!(user = created.username, "created the account of a user who signed in");
            Ok(Some(created))
        }
    }
}

/// Texts that do not fit into their columns are left out.
fn row_of(given: ExternalUser, password: Option<Secret>) -> UserRow {
    let fitting = |text: Option<String>, width| text.filter(|text| text.chars().count() <= width);
    UserRow {
        username: given.username,
        display_name: fitting(given.display_name, DISPLAY_NAME),
        email: fitting(given.email, EMAIL),
        is_enabled: password.is_some().then_some(true),
        password,
    }
}

fn why_unusable(name: &str) -> Option<&'static str> {
    if name.trim().is_empty() || name.trim() != name || name.contains(char::is_control) {
        Some("it is empty, starts or ends with a blank, or contains control characters")
    } else if name.chars().count() > USERNAME {
        Some("it has more than 64 characters")
    } else {
        None
    }
}

/// Whether the stored list of super administrators names a user. This node may use another one,
/// which is older or fixed.
///
/// # Errors
/// Fails if the database does.
pub async fn is_listed(store: &Store, name: &str) -> Result<bool> {
    let stored = roots::stored(store.read()).await?.unwrap_or_default();
    Ok(stored.iter().any(|member| member == name))
}

/// Adds a user to the list of super administrators, or removes the user from it; returns whether it
/// was changed. The other system does not decide about users who have a password of the portal.
///
/// # Errors
/// Fails if the database cannot be read or written.
pub async fn set_super_admin(store: &Store, user: &User, is_member: bool) -> Result<bool> {
    // A comma separates the members of the list.
    if !is_external(user) || user.username.contains(',') {
        return Ok(false);
    }
    unique::write(store, user.username.clone(), move |tx, name| {
        Box::pin(async move { list_super_admin(tx, name, is_member, name).await })
    })
    .await
}

/// The same for a name that may not be in use any more.
pub(super) async fn list_super_admin(
    tx: &Transaction,
    name: &str,
    is_member: bool,
    operator: &str,
) -> Result<bool> {
    let key = keys::SUPER_ADMINS.name;
    let row = server_config::portal_to_replace(tx, key).await?;
    let listed = row.as_ref().map(|row| row.value.as_str()).unwrap_or_default();
    let Some(value) = with_member(listed, name, is_member) else { return Ok(false) };
    let comment = row.as_ref().and_then(|row| row.comment.clone());
    server_config::upsert_of_portal(tx, key, &value, comment.as_deref(), operator).await?;
    Ok(true)
}

/// The list with or without the member; `None` if nothing changes.
fn with_member(list: &str, member: &str, is_member: bool) -> Option<String> {
    if members(list).any(|name| name == member) == is_member {
        return None;
    }
    let others = members(list).filter(|name| *name != member);
    Some(others.chain(is_member.then_some(member)).collect::<Vec<_>>().join(","))
}

fn members(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_member_of_a_list_changes_and_the_others_remain() {
        assert_eq!(with_member("apollo, b", "c", true).as_deref(), Some("apollo,b,c"));
        assert_eq!(with_member("", "c", true).as_deref(), Some("c"));
        assert_eq!(with_member("apollo,c,b", "c", false).as_deref(), Some("apollo,b"));
        assert_eq!(with_member("apollo,c", "c", true), None);
        assert_eq!(with_member("apollo", "c", false), None);
    }

    #[test]
    fn names_that_no_account_can_have_are_refused() {
        for name in ["", " a", "a ", "a\nb", &"a".repeat(65)] {
            assert!(why_unusable(name).is_some(), "{name:?}");
        }
        for name in ["a", "anna.a@b.example", "张三", &"中".repeat(64)] {
            assert_eq!(why_unusable(name), None, "{name}");
        }
    }
}
