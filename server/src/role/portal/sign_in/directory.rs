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

/// Maximum number of users who are looked up for one request.
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
        let is_known = |name: &str| known.iter().any(|user| user.username == name);
        let names = names.iter().map(AsRef::as_ref).filter(|name| !name.is_empty());
        // Each costs a search. Further ones are reported as unknown.
        let unknown: Vec<_> = names.filter(|name| !is_known(name)).take(MOST_UNKNOWN).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let _turn = self.turn_to_search(caller).await?;
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

    /// Users of the directory without an account whose names begin with the text.
    ///
    /// # Errors
    /// Fails if the database cannot be read, and while other searches of the caller last.
    pub(in crate::role::portal) async fn strangers(
        &self,
        caller: &Caller,
        text: &str,
    ) -> Result<Vec<DirectoryUser>> {
        let Some(directory) = self.own.directory.as_ref().filter(|_| !text.is_empty()) else {
            return Ok(Vec::new());
        };
        let turn = self.turn_to_search(caller).await?;
        let mut found = directory.search(text).await;
        drop(turn);
        let ids: Vec<&str> = found.iter().map(|person| person.id.as_str()).collect();
        let known = user::named(&self.state.store, &ids).await?;
        found.retain(|person| known.iter().all(|user| user.username != person.id));
        Ok(found)
    }

    /// Waits for the other searches of the caller: all users share the searches that the directory
    /// answers at a time.
    async fn turn_to_search(&self, caller: &Caller) -> Result<Turn> {
        let turn = self.own.searches.wait(&caller.identity.unique_name(), WAIT).await;
        turn.ok_or_else(|| {
            let message = "Other searches of yours in the directory of users last; retry later.";
            Error::new(Reaction::TooMany, message)
        })
    }
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
