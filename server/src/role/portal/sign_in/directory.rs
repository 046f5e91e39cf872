//! Users of an LDAP directory: their sign-in with the form, and their accounts, which are also
//! created when somebody gives them a role before they have ever signed in.

use std::time::Duration;

use castalia_store::Secret;

use super::too_many_failures;
use crate::directory::Verified;
use crate::directory::entry::DirectoryUser;
use crate::domain::user::external::{self, ExternalUser, SignInOutcome};
use crate::domain::user::{self, SignIn, User};
use crate::error::{Error, Reaction, Result};
use crate::log_rate::{LogRate, shortened};
use crate::role::portal::Portal;
use crate::role::portal::identity::Caller;
use crate::role::portal::throttle::SignInAttempt;
use crate::turns::Turn;

/// Maximum number of users who are looked up in one turn.
const MOST_UNKNOWN: usize = 50;
/// Time that a search waits for the other searches of its user.
const WAIT: Duration = Duration::from_secs(5);

static FAILURES: LogRate = LogRate::new();

/// Signs in with a password of the directory; `None` if the directory does not answer.
///
/// # Errors
/// Fails if too many attempts on the entry failed.
pub(super) async fn verify(
    portal: &Portal,
    name: &str,
    password: &Secret,
    attempt: &mut SignInAttempt,
) -> Result<Option<SignIn>> {
    let Some(directory) = &portal.own.directory else { return Ok(Some(SignIn::Refused)) };
    let throttle = &portal.own.throttle;
    let mut waits = Ok(false);
    let admit = |id: &str| {
        waits = throttle.count_entry(attempt, id);
        waits.is_ok()
    };
    let verified = directory.verify(name, password.expose(), admit).await;
    // After the verification, which has a limited number of turns and little time.
    if waits.map_err(|_| too_many_failures())? {
        throttle.delay().await.map_err(|_| too_many_failures())?;
    }
    let person = match verified {
        Ok(Verified::Known(person)) => person,
        Ok(Verified::Refused(problem)) => {
            // What was typed as a name may be a password.
            report("", problem, "refused a sign-in with the directory");
            return Ok(Some(SignIn::Refused));
        }
        Err(unavailable) => {
            report("", &unavailable.0, "cannot sign a user in: the directory cannot be used");
            return Ok(None);
        }
    };
    let id = person.id.clone();
    Ok(Some(match account(portal, person).await? {
        Ok(user) => SignIn::Accepted(user),
        Err(problem) => {
            report(&id, problem, "refused a sign-in with the directory");
            SignIn::Refused
        }
    }))
}

impl Portal {
    /// Creates the accounts of those users who are known to the directory only, so that they can be
    /// given roles and apps.
    ///
    /// # Errors
    /// Fails if the directory does not answer, and while other searches of the caller last.
    pub(in crate::role::portal) async fn know<S: AsRef<str>>(
        &self,
        caller: &Caller,
        names: &[S],
    ) -> Result<()> {
        let Some(directory) = &self.own.directory else { return Ok(()) };
        let known = user::named(&self.state.store, names).await?;
        let mut unknown = unknown(&known, names);
        // Each costs a search. The callers report further ones as unknown.
        unknown.truncate(MOST_UNKNOWN);
        if unknown.is_empty() {
            return Ok(());
        }
        let turn = self.turn_to_search(caller).await;
        let _turn = turn.ok_or_else(|| {
            let message = "Other searches of yours in the directory of users last; retry later.";
            Error::new(Reaction::TooMany, message)
        })?;
        for name in unknown {
            let found = directory.find(name).await.map_err(|unavailable| {
                report(name, &unavailable.0, "cannot look up a user in the directory");
                Error::new(Reaction::Unavailable, "The directory of users does not answer.")
            })?;
            if let Some(person) = found
                && let Err(problem) = account(self, person).await?
            {
                report(name, problem, "cannot create the account of a user of the directory");
            }
        }
        Ok(())
    }

    /// As [`Portal::know`], for any number of users.
    ///
    /// # Errors
    /// Fails as that does.
    pub(in crate::role::portal) async fn know_all(
        &self,
        caller: &Caller,
        names: &[&str],
    ) -> Result<()> {
        for part in names.chunks(MOST_UNKNOWN) {
            self.know(caller, part).await?;
        }
        Ok(())
    }

    /// Whether accounts may have to be created by [`Portal::know`].
    pub(in crate::role::portal) fn has_directory(&self) -> bool {
        self.own.directory.is_some()
    }

    /// Users of the directory without an account whose names begin with the text; none while other
    /// searches of the caller last.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub(in crate::role::portal) async fn strangers(
        &self,
        caller: &Caller,
        text: &str,
    ) -> Result<Vec<DirectoryUser>> {
        let Some(directory) = self.own.directory.as_ref().filter(|_| !text.is_empty()) else {
            return Ok(Vec::new());
        };
        let Some(turn) = self.turn_to_search(caller).await else { return Ok(Vec::new()) };
        let mut found = directory.search(text).await;
        drop(turn);
        let ids: Vec<&str> = found.iter().map(|person| person.id.as_str()).collect();
        let known = user::named(&self.state.store, &ids).await?;
        found.retain(|person| !is_among(&known, &person.id));
        Ok(found)
    }

    /// Waits for the other searches of the caller: all users share the searches that the directory
    /// answers at a time. `None` if they last too long.
    async fn turn_to_search(&self, caller: &Caller) -> Option<Turn> {
        self.own.searches.wait(&caller.identity.unique_name(), WAIT).await
    }
}

/// The names of which the database found no user.
fn unknown<'n, S: AsRef<str>>(found: &[User], names: &'n [S]) -> Vec<&'n str> {
    // A user whom it finds by one name has this name for it, whatever it ignores beside case.
    if names.len() == 1 && !found.is_empty() {
        return Vec::new();
    }
    let names = names.iter().map(AsRef::as_ref).filter(|name| !name.is_empty());
    names.filter(|name| !is_among(found, name)).collect()
}

/// Whether one of the users whom the database found has this name, in a case that it ignores.
fn is_among(found: &[User], name: &str) -> bool {
    found.iter().any(|user| user.username.to_lowercase() == name.to_lowercase())
}

/// The account of a user of the directory, or why the user can have none.
async fn account(portal: &Portal, person: DirectoryUser) -> Result<Result<User, &'static str>> {
    let DirectoryUser { id, display_name, email } = person;
    let given = ExternalUser { username: id, display_name, email, is_case_sensitive: false };
    let links_local = portal.state.settings.sign_in.link_local_users;
    Ok(match external::admit(&portal.state.store, given, links_local).await? {
        SignInOutcome::Accepted(user) => Ok(user),
        SignInOutcome::Disabled => Err("the account is disabled"),
        SignInOutcome::LocalAccount => {
            Err("the account has a password of the portal; if it belongs to \
                                        the same person, set sign_in.link_local_users")
        }
        SignInOutcome::UnusableName(reason) => Err(reason),
    })
}

fn report(name: &str, problem: &str, outcome: &str) {
    if let Some(suppressed) = FAILURES.admit() {
        tracing::warn!(user = shortened(name), problem, suppressed, "{outcome}");
    }
}

#[cfg(test)]
mod tests {
    use castalia_store::{Id, Small};

    use super::*;

    fn user(name: &str) -> User {
        User {
            id: Id(1),
            username: name.to_owned(),
            password: Secret::new(""),
            user_display_name: String::new(),
            email: String::new(),
            enabled: Some(Small(1)),
        }
    }

    /// X120.
    #[test]
    fn a_user_whom_the_database_finds_in_another_case_is_known() {
        let found = [user("apollo")];
        assert!(is_among(&found, "Apollo") && is_among(&found, "apollo"));
        assert!(!is_among(&found, "apollo2") && !is_among(&[], "apollo"));
        let names = ["Apollo", "", "apollo2"];
        assert_eq!(unknown(&found, &names), ["apollo2"]);
    }

    /// X120.
    #[test]
    fn a_user_whom_the_database_finds_without_an_accent_is_known() {
        assert!(unknown(&[user("rene")], &["René"]).is_empty());
        assert_eq!(unknown(&[], &["René"]), ["René"]);
    }
}
