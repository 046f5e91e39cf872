//! Users of the portal: look-up, sign-in with a password, setting passwords, and the first
//! administrator.

pub mod account;
pub mod external;
pub mod first;
mod hashing;
mod password_rule;
mod roots;

pub use castalia_store::user::User;

pub use self::password_rule::PasswordRule;
pub(super) use self::roots::is_still_listed;
pub use self::roots::{NewRoots, Roots};

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use castalia_store::user::{self, UserRow};
use castalia_store::{Secret, Small, Store, Transaction};

use self::hashing::{changing, verifying};
use super::revision::Base;
use crate::error::{Code, Error, Result};
use crate::log_rate::LogRate;
use crate::password::{self, Memory, Scheme};
use crate::settings::Installation;

/// Name of the first administrator, as in Apollo.
pub const ADMINISTRATOR: &str = "apollo";
/// Hash of the password that Apollo's scripts publish. A user who still has it cannot sign in.
const PUBLISHED: &str = "$2a$10$7r20uS.BQ9uBpf3Baj3uQOZvMVvB1RN3PYoKE94gtz2.WAOuiiwXS";
/// Alphabet of generated passwords: five bits for each character, none of which resembles another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const GENERATED_LENGTH: usize = 32;
/// Attempts to verify a password that is changed concurrently.
const TRIES: u32 = 3;

/// The user with this name.
pub async fn find(store: &Store, name: &str) -> Result<Option<User>> {
    // PostgreSQL refuses the character instead of finding nothing.
    if name.contains('\0') {
        return Ok(None);
    }
    Ok(user::find(store.read(), name).await?)
}

/// The user with this name, on whom a request depends.
///
/// # Errors
/// Fails if there is no such user.
pub async fn existing(store: &Store, name: &str) -> Result<User> {
    let found = find(store, name).await?;
    found.ok_or_else(|| unknown(name))
}

/// The names of the users, as they are stored.
///
/// # Errors
/// Fails if one of them does not exist.
pub async fn all_existing(store: &Store, names: &[String]) -> Result<Vec<String>> {
    let found = user::by_names(store.read(), names).await?;
    let stored = |name: &String| {
        let user = found.iter().find(|user| user.username.to_lowercase() == name.to_lowercase());
        user.map(|user| user.username.clone()).ok_or_else(|| unknown(name))
    };
    names.iter().map(stored).collect()
}

/// The users with these names; unknown ones are omitted.
pub async fn named<S: AsRef<str>>(store: &Store, names: &[S]) -> Result<Vec<User>> {
    Ok(user::by_names(store.read(), names).await?)
}

/// Locks users until the end of the transaction: what is written for a user who is deleted at the
/// same time would belong to a later user of this name.
///
/// # Errors
/// Fails if one of them does not exist.
pub(super) async fn lock_existing(tx: &Transaction, names: &[&str]) -> Result<()> {
    let found: HashSet<_> =
        user::lock_all(tx, names).await?.iter().map(|name| name.to_lowercase()).collect();
    match names.iter().find(|name| !found.contains(&name.to_lowercase())) {
        Some(name) => Err(unknown(name)),
        None => Ok(()),
    }
}

/// The same for one who was read before: another user may have the name now.
///
/// # Errors
/// Fails if this user does not exist any more.
pub(super) async fn lock_same(tx: &Transaction, known: &User) -> Result<()> {
    let found = user::lock(tx, &known.username).await?.filter(|found| found.id == known.id);
    found.map(drop).ok_or_else(|| unknown(&known.username))
}

fn unknown(name: &str) -> Error {
    Error::bad_request(format!("user not exists for userName:{name}")).with_code(Code::UnknownUser)
}

/// The names of those users who may sign in.
pub(super) async fn enabled_among(store: &Store, names: &[String]) -> Result<HashSet<String>> {
    let users = user::by_names(store.read(), names).await?;
    Ok(users.into_iter().filter(is_enabled).map(|user| user.username).collect())
}

/// Display names by user name; unknown users are left out.
pub async fn display_names(store: &Store, names: &[&str]) -> Result<HashMap<String, String>> {
    let users = user::by_names(store.read(), names).await?;
    Ok(users.into_iter().map(|user| (user.username, user.user_display_name)).collect())
}

/// Outcome of an attempt to sign in.
#[derive(Debug, Clone, PartialEq)]
pub enum SignIn {
    /// The user, with the hash that the password matches.
    Accepted(User),
    /// Unknown or disabled user, or wrong password.
    Refused,
    /// The right password, but it is the one that Apollo's scripts publish.
    PublishedPassword,
}

/// Checks a password. An unknown or disabled user is rejected after the same time as a wrong
/// password.
pub async fn sign_in(
    store: &Store,
    installation: Installation,
    name: &str,
    given: String,
) -> Result<SignIn> {
    let given = Secret::new(given);
    // A database may treat more names as equal, for example with accents or trailing blanks, but
    // attempts are counted by this one.
    let is_same = |user: &User| user.username.to_lowercase() == name.to_lowercase();
    for _ in 0..TRIES {
        let user = find(store, name).await?.filter(is_same);
        if let Some(outcome) = try_sign_in(store, scheme(installation), user, &given).await? {
            return Ok(outcome);
        }
    }
    Ok(SignIn::Refused)
}

/// `None` if the password was changed meanwhile.
async fn try_sign_in(
    store: &Store,
    scheme: Scheme,
    user: Option<User>,
    given: &Secret,
) -> Result<Option<SignIn>> {
    let stored = user.as_ref().map(|user| user.password.clone());
    let given = given.clone();
    let (fits, renewed) =
        verifying(move |memory| Ok(verify(memory, &given, stored.as_ref(), scheme))).await?;
    if let (None, Some(user)) = (fits, &user) {
        report_unreadable(&user.username);
    }
    let Some(user) = user.filter(|user| fits == Some(true) && is_enabled(user)) else {
        return Ok(Some(SignIn::Refused));
    };
    if has_published_password(&user) {
        tracing::warn!(
            user = user.username,
            "refused a sign-in with the password that Apollo publishes; \
             set a new one with `castalia user password {}`",
            user.username
        );
        return Ok(Some(SignIn::PublishedPassword));
    }
    match renewed {
        Some(hash) => Ok(renew_hash(store, user, hash).await?.map(SignIn::Accepted)),
        None => Ok(Some(SignIn::Accepted(user))),
    }
}

/// Users cannot tell it from a wrong password, and only an operator can set another one.
fn report_unreadable(user: &str) {
    static UNREADABLE: LogRate = LogRate::once_a_minute();
    if let Some(suppressed) = UNREADABLE.admit() {
        tracing::warn!(
            user,
            suppressed,
            "the stored hash of the password cannot be verified: its marker is unknown, it is \
             invalid or costs too much; set a new password with `castalia user password {user}`"
        );
    }
}

/// Locks a user whose password was verified. Returns whether it is still the same user with the
/// same password, and may sign in: verification takes long, and a concurrent password reset is
/// meant to end access with the old one.
pub(super) async fn lock_unchanged(tx: &Transaction, user: &User) -> Result<bool> {
    let found = user::lock(tx, &user.username).await?;
    Ok(found.is_some_and(|found| is_same(user, &found)))
}

/// Whether a user whose password was verified earlier still has it, and may sign in.
pub(crate) async fn is_unchanged(store: &Store, user: &User) -> Result<bool> {
    Ok(find(store, &user.username).await?.is_some_and(|found| is_same(user, &found)))
}

fn is_same(known: &User, found: &User) -> bool {
    found.id == known.id && found.password == known.password && is_enabled(found)
}

/// Stores the hash of the same password by the newer scheme, unless the password was changed
/// meanwhile.
async fn renew_hash(store: &Store, user: User, hash: Secret) -> Result<Option<User>> {
    store
        .write((user, hash), |tx, (user, hash)| {
            Box::pin(async move {
                if !lock_unchanged(tx, user).await? {
                    return Ok(None);
                }
                let row = password_row(&user.username, Some(hash.clone()));
                user::change(tx, user.clone(), &row).await?;
                Ok(Some(User { password: hash.clone(), ..user.clone() }))
            })
        })
        .await
}

/// Warns if the administrator of Apollo's scripts cannot sign in because the password was never
/// changed.
pub async fn warn_of_published_password(store: &Store) -> Result<()> {
    if find(store, ADMINISTRATOR).await?.is_some_and(|user| has_published_password(&user)) {
        tracing::warn!(
            user = ADMINISTRATOR,
            "the administrator has the password that Apollo publishes and cannot sign in; \
             set a new one with `castalia user password {ADMINISTRATOR}`"
        );
    }
    Ok(())
}

fn has_published_password(user: &User) -> bool {
    user.password.expose().ends_with(PUBLISHED)
}

/// Sets a user's password, or generates and returns one. Ends all sessions of the user.
///
/// # Errors
/// Fails if there is no such user, or if the password is too easy to guess.
pub async fn set_password(
    store: &Store,
    rule: &PasswordRule,
    name: &str,
    given: Option<Secret>,
) -> Result<Option<String>> {
    if let Some(password) = &given {
        rule.check(password.expose())?;
    }
    existing(store, name).await?;
    let generated = if given.is_some() { None } else { Some(generate()?) };
    let password = given.or_else(|| generated.as_deref().map(Secret::new)).unwrap_or_default();
    let scheme = scheme(rule.installation());
    let hash = changing(move |memory| password::hash(memory, password.expose(), scheme)).await?;
    let change = password_row(name, Some(Secret::new(hash)));
    let input = (change, Base::default());
    store.write(input, |tx, (row, base)| Box::pin(account::change_in(tx, row, base))).await?;
    Ok(generated)
}

/// The scheme of new hashes: a Java portal on the same database cannot read the newer one.
#[must_use]
pub fn scheme(installation: Installation) -> Scheme {
    match installation {
        Installation::Fresh => Scheme::Argon2id,
        Installation::Adopted => Scheme::Bcrypt,
    }
}

/// Whether the user may sign in.
#[must_use]
pub fn is_enabled(user: &User) -> bool {
    user.enabled == Some(Small(1))
}

/// A row that changes only the password.
fn password_row(name: &str, hash: Option<Secret>) -> UserRow {
    UserRow {
        username: name.to_owned(),
        display_name: None,
        email: None,
        password: hash,
        is_enabled: None,
    }
}

/// Verifies a password. If there is no stored hash, or one that is fast, a generated one is
/// compared, so that the time does not tell who exists. A hash of an older scheme is replaced. The
/// first part is `None` if the hash cannot be verified.
fn verify(
    memory: &mut Memory,
    given: &Secret,
    stored: Option<&Secret>,
    scheme: Scheme,
) -> (Option<bool>, Option<Secret>) {
    static NOBODY: OnceLock<String> = OnceLock::new();
    let nobody = NOBODY.get_or_init(|| {
        generate()
            .and_then(|password| password::hash(memory, &password, scheme))
            .unwrap_or_default()
    });
    let Some(stored) = stored else {
        let _ = password::verify(memory, given.expose(), nobody);
        return (Some(false), None);
    };
    let fits = password::try_verify(memory, given.expose(), stored.expose());
    if fits != Some(true) && !password::is_slow(stored.expose()) {
        let _ = password::verify(memory, given.expose(), nobody);
    }
    let is_older = scheme == Scheme::Argon2id && !stored.expose().starts_with("{argon2}");
    let renewed = (fits == Some(true) && is_older)
        .then(|| password::hash(memory, given.expose(), scheme).ok())
        .flatten();
    (fits, renewed.map(Secret::new))
}

/// 160 random bits.
fn generate() -> Result<String> {
    loop {
        let mut bytes = [0_u8; GENERATED_LENGTH];
        getrandom::fill(&mut bytes)
            .map_err(|error| Error::internal("cannot generate random bytes", error))?;
        let password: String =
            bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        if password::blocked_fragment(&password).is_none() {
            return Ok(password);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::server_config::ServerConfig;

    #[test]
    fn generated_passwords_differ_and_keep_the_rule() {
        let (first, second) = (generate().unwrap(), generate().unwrap());
        assert_ne!(first, second);
        let rule = PasswordRule::new(Installation::Fresh, &ServerConfig::new(BTreeMap::new()));
        assert!(rule.check(&first).is_ok());
    }

    #[test]
    fn a_hash_of_an_older_scheme_is_made_anew() {
        let given = Secret::new("x");
        let verify = |stored: Option<&Secret>, scheme| {
            verify(&mut Memory::default(), &given, stored, scheme)
        };
        let outcome = |stored, scheme| verify(Some(&Secret::new(stored)), scheme);
        let (fits, renewed) = outcome("{noop}x", Scheme::Argon2id);
        assert_eq!(fits, Some(true));
        assert!(renewed.is_some_and(|hash| hash.expose().starts_with("{argon2}")));
        assert_eq!(outcome("{noop}x", Scheme::Bcrypt), (Some(true), None));
        assert_eq!(outcome("{noop}y", Scheme::Argon2id), (Some(false), None));
        assert_eq!(outcome("{unknown}x", Scheme::Argon2id), (None, None));
        assert_eq!(verify(None, Scheme::Argon2id), (Some(false), None));
    }
}
