//! The LDAP directory that users sign in with: finds an entry, checks its state and groups, and
//! verifies the password by binding with it. Connects for each operation, and only then; every
//! operation ends after seconds, whatever the directory does. Knows no account of the portal.

mod connection;
pub mod entry;
mod message;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use castalia_core::redact::without_credentials;
use futures_util::FutureExt as _;
use ldap3::{LdapError, ResultEntry, Scope, SearchEntry, SearchOptions};
use parking_lot::Mutex;
use rustls::ClientConfig;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::connection::LdapConnection;
use self::entry::{DirectoryEntry, DirectoryUser};
use crate::log_rate::LogRate;
use crate::outgoing::{install_tls, tls};
use crate::settings::directory::{DirectorySettings, GroupSettings};

/// Maximum time of a sign-in or search.
const PATIENCE: Duration = Duration::from_secs(10);
/// Maximum time to connect to one server of the directory.
const CONNECT: Duration = Duration::from_secs(3);
/// Time after a failure during which lists of users do without the directory.
const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// Maximum number of concurrent sign-ins, so that a frozen directory cannot occupy the memory of the
/// portal.
const SIGN_INS: usize = 32;
/// The same of searches for users, apart from sign-ins: every user can send many.
const SEARCHES: usize = 8;
/// The same of look-ups of users who sent a token.
const CHECKS: usize = 4;
/// Time to wait for other operations of the kind to end.
const WAIT: Duration = Duration::from_secs(5);
/// Maximum number of users that a search returns.
const FOUND: i32 = 50;
/// Maximum number of entries with one id that are looked at.
const OF_ONE_ID: i32 = 5;
/// Requests no attribute of what a search finds.
const NO_ATTRIBUTE: &str = "1.1";
/// Result codes of LDAP.
const SUCCESS: u32 = 0;
const SIZE_LIMIT_EXCEEDED: u32 = 4;
const INVALID_CREDENTIALS: u32 = 49;

/// The directory cannot answer; the reason, for the log.
#[derive(Debug, Clone)]
pub struct Unavailable(pub String);

/// Outcome of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// The entry with this password.
    Known(DirectoryUser),
    /// There is none; the reason, for the log.
    Refused(&'static str),
}

/// The directory of the settings.
#[derive(Debug)]
pub struct Directory {
    settings: DirectorySettings,
    tls: Arc<ClientConfig>,
    sign_ins: Semaphore,
    searches: Semaphore,
    checks: Semaphore,
    failed: Mutex<Option<Instant>>,
}

impl Directory {
    /// A directory that has not been called yet.
    #[must_use]
    pub fn new(settings: DirectorySettings) -> Self {
        install_tls();
        // Without CAs of its own, the directory is trusted as those of the operating system decide.
        let tls = settings.trusted.as_ref().map_or_else(tls, |trusted| {
            let trusting = ClientConfig::builder().with_root_certificates(Arc::clone(trusted));
            trusting.with_no_client_auth()
        });
        Self {
            settings,
            tls: Arc::new(tls),
            sign_ins: Semaphore::new(SIGN_INS),
            searches: Semaphore::new(SEARCHES),
            checks: Semaphore::new(CHECKS),
            failed: Mutex::default(),
        }
    }

    /// Verifies a password, if `admit` accepts the id of the entry with this name: one entry may be
    /// found by many names.
    ///
    /// # Errors
    /// Fails if the directory does not answer.
    pub async fn verify(
        &self,
        name: &str,
        password: &str,
        admit: impl FnOnce(&str) -> bool,
    ) -> Result<Verified, Unavailable> {
        // A directory accepts a bind without a password, as an anonymous one.
        if name.is_empty() || password.is_empty() {
            return Ok(Verified::Refused("no user name or no password"));
        }
        self.bounded(&self.sign_ins, self.try_verify(name, password, admit)).await
    }

    /// The users whose id or display name begins with the text; none while the directory does not
    /// answer, which is logged.
    pub async fn search(&self, text: &str) -> Vec<DirectoryUser> {
        if self.failed.lock().is_some_and(|at| at.elapsed() < AFTER_FAILURE) {
            return Vec::new();
        }
        let found = self.bounded(&self.searches, async {
            let mut connection = self.connect().await?;
            self.bind(&mut connection).await?;
            self.entries(&mut connection, &self.settings.search_for(text), FOUND).await
        });
        match found.await {
            Ok(entries) => entries.iter().filter_map(|entry| self.settings.person(entry)).collect(),
            Err(unavailable) => {
                report(&unavailable);
                Vec::new()
            }
        }
    }

    /// The user with exactly this id.
    ///
    /// # Errors
    /// Fails if the directory does not answer.
    pub async fn find(&self, id: &str) -> Result<Option<DirectoryUser>, Unavailable> {
        let found = self.bounded(&self.searches, async {
            let mut connection = self.connect().await?;
            self.bind(&mut connection).await?;
            self.entries(&mut connection, &self.settings.search_by_id(id), 2).await
        });
        let [entry] = &found.await?[..] else { return Ok(None) };
        Ok(self.settings.person(entry))
    }

    /// Whether the user with this id may still sign in: an entry that the filter of sign-ins admits
    /// exists, is not disabled and is in a group.
    ///
    /// # Errors
    /// Fails if the directory does not answer.
    pub async fn admits(&self, id: &str) -> Result<bool, Unavailable> {
        self.bounded(&self.checks, self.try_admits(id)).await
    }

    /// Users of several entries with the same id may sign in with other names of theirs.
    async fn try_admits(&self, id: &str) -> Result<bool, LdapError> {
        let mut connection = self.connect().await?;
        self.bind(&mut connection).await?;
        let filter = self.settings.admitted_by_id(id);
        for entry in self.entries(&mut connection, &filter, OF_ONE_ID).await? {
            let admitted = self.admitted(&mut connection, &entry).await?;
            if admitted.is_ok_and(|person| person.id.to_lowercase() == id.to_lowercase()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn try_verify(
        &self,
        name: &str,
        password: &str,
        admit: impl FnOnce(&str) -> bool,
    ) -> Result<Verified, LdapError> {
        let mut connection = self.connect().await?;
        self.bind(&mut connection).await?;
        let found = self.member(&mut connection, &self.settings.sign_in_filter(name)).await?;
        let (entry, person) = match found {
            Ok(found) => found,
            Err(problem) => return Ok(Verified::Refused(problem)),
        };
        if !admit(&person.id) {
            return Ok(Verified::Refused("too many sign-ins to this entry failed"));
        }
        let bound = connection.ldap.simple_bind(&entry.dn, password).await?;
        match bound.rc {
            SUCCESS => Ok(Verified::Known(person)),
            INVALID_CREDENTIALS => Ok(Verified::Refused("wrong password")),
            // Such as a locked account or an expired password.
            _ => Ok(Verified::Refused("the directory refuses to bind as this entry")),
        }
    }

    /// The only entry that a filter finds, if its user may sign in; otherwise why not.
    async fn member(
        &self,
        connection: &mut LdapConnection,
        filter: &str,
    ) -> Result<Result<(DirectoryEntry, DirectoryUser), &'static str>, LdapError> {
        let found = self.entries(connection, filter, 2).await?;
        let Ok([entry]) = <[DirectoryEntry; 1]>::try_from(found) else {
            return Ok(Err("not exactly one entry has the name"));
        };
        Ok(self.admitted(connection, &entry).await?.map(|person| (entry, person)))
    }

    /// The user of an entry, if that user may sign in; otherwise why not.
    async fn admitted(
        &self,
        connection: &mut LdapConnection,
        entry: &DirectoryEntry,
    ) -> Result<Result<DirectoryUser, &'static str>, LdapError> {
        let Some(person) = self.settings.person(entry) else {
            return Ok(Err("the entry has no login id, or is disabled"));
        };
        if !self.is_in_group(connection, entry, &person).await? {
            return Ok(Err("the user is in none of the groups of ldap.group_search"));
        }
        Ok(Ok(person))
    }

    async fn is_in_group(
        &self,
        connection: &mut LdapConnection,
        entry: &DirectoryEntry,
        person: &DirectoryUser,
    ) -> Result<bool, LdapError> {
        let Some(groups) = &self.settings.groups else { return Ok(true) };
        let membership = groups.membership.as_str();
        let found = search_groups(connection, groups, &groups.filter, membership).await?;
        let mut members = found.iter().flat_map(|group| group.values(membership));
        if members.any(|member| entry::is_same_dn(member, &entry.dn) || member == person.id) {
            return Ok(true);
        }
        if !found.iter().any(|group| group.is_range(membership)) {
            return Ok(false);
        }
        // Active Directory returns 1,500 members at most, and compares with all of them.
        let filter = groups.with_member(&entry.dn, &person.id);
        Ok(!search_groups(connection, groups, &filter, NO_ATTRIBUTE).await?.is_empty())
    }

    async fn entries(
        &self,
        connection: &mut LdapConnection,
        filter: &str,
        limit: i32,
    ) -> Result<Vec<DirectoryEntry>, LdapError> {
        let options = SearchOptions::new().sizelimit(limit).timelimit(5);
        let search = connection.ldap.with_search_options(options).search(
            &self.settings.base,
            Scope::Subtree,
            filter,
            self.settings.attributes(),
        );
        let found = search.await?;
        if !matches!(found.1.rc, SUCCESS | SIZE_LIMIT_EXCEEDED) {
            return Err(LdapError::LdapResult { result: found.1 });
        }
        Ok(found.0.into_iter().filter(|entry| !entry.is_ref()).map(read).collect())
    }

    /// Binds as the account of the settings, if there is one.
    async fn bind(&self, connection: &mut LdapConnection) -> Result<(), LdapError> {
        if let Some((name, password)) = &self.settings.account {
            connection.ldap.simple_bind(name, password.expose()).await?.success()?;
        }
        Ok(())
    }

    /// Connects to the first server that answers and, if TLS is used, has a trusted certificate.
    async fn connect(&self) -> Result<LdapConnection, LdapError> {
        let mut problems = Vec::new();
        for url in &self.settings.urls {
            let shown = without_credentials(url);
            let opening = LdapConnection::open(url, &self.tls, self.settings.start_tls, CONNECT);
            match timeout(CONNECT, opening).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(LdapError::Io { source })) => problems.push(format!("{shown}: {source}")),
                Ok(Err(error)) => problems.push(format!("{shown}: {error}")),
                Err(elapsed) => problems.push(format!("{shown}: {elapsed}")),
            }
        }
        Err(std::io::Error::other(problems.join("; ")).into())
    }

    async fn bounded<T>(
        &self,
        turns: &Semaphore,
        operation: impl Future<Output = Result<T, LdapError>>,
    ) -> Result<T, Unavailable> {
        let Ok(Ok(_turn)) = timeout(WAIT, turns.acquire()).await else {
            return Err(Unavailable("it answers too slowly for so many users".to_owned()));
        };
        // ldap3 panics if an answer lacks what belongs to its operation.
        let operation = AssertUnwindSafe(operation).catch_unwind();
        let outcome = match timeout(PATIENCE, operation).await {
            Ok(Ok(outcome)) => outcome.map_err(|error| error.to_string()),
            Ok(Err(_)) => Err("its answer is malformed".to_owned()),
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        };
        *self.failed.lock() = outcome.is_err().then(Instant::now);
        outcome.map_err(Unavailable)
    }
}

/// The groups that a filter finds, with one attribute.
async fn search_groups(
    connection: &mut LdapConnection,
    groups: &GroupSettings,
    filter: &str,
    attribute: &str,
) -> Result<Vec<DirectoryEntry>, LdapError> {
    let options = SearchOptions::new().timelimit(5);
    let search = connection.ldap.with_search_options(options).search(
        &groups.base,
        Scope::Subtree,
        filter,
        vec![attribute],
    );
    let (found, _) = search.await?.success()?;
    Ok(found.into_iter().map(read).collect())
}

fn read(found: ResultEntry) -> DirectoryEntry {
    let SearchEntry { dn, attrs, .. } = SearchEntry::construct(found);
    DirectoryEntry { dn, attributes: attrs }
}

fn report(Unavailable(problem): &Unavailable) {
    static FAILURES: LogRate = LogRate::new();
    if let Some(suppressed) = FAILURES.admit() {
        tracing::warn!(
            problem = problem.as_str(),
            suppressed,
            "cannot search the directory; only users who signed in are listed"
        );
    }
}

#[cfg(test)]
mod tests;
