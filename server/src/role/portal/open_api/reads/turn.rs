//! Limits how many reads run concurrently, over all calls: those that were sent together and those of
//! contents. Each occupies a connection to a database while it runs, and without a limit one user
//! could leave none for other requests; those of contents also occupy memory. Reads beyond a limit
//! wait, the first one longest.

use std::sync::Arc;

use castalia_store::{Dialect, SQLITE_READERS};

use crate::domain::permission::requirement::Identity;
use crate::environment::Environment;
use crate::role::portal::Portal;
use crate::turns::{KeyedTurns, Turn};

/// Maximum number of concurrent reads of one user.
const OF_USER: usize = 8;
/// Those of values in the environment of this process, if its database is a file: of the connections
/// that read it, a user has half, and all users have all but one.
const FILE: EnvironmentLimit =
    EnvironmentLimit { of_user: SQLITE_READERS as usize / 2, of_all: SQLITE_READERS as usize - 1 };
/// The same if it has a database server, or in another environment, whose admin service has
/// connections of its own: half of those that read by default.
const SERVER: EnvironmentLimit = EnvironmentLimit { of_user: 2, of_all: 6 };

#[derive(Debug, Clone, Copy)]
struct EnvironmentLimit {
    of_user: usize,
    of_all: usize,
}

impl EnvironmentLimit {
    /// A consumer, which may be the only one that an installation has, leaves one for all others.
    fn of(self, reader: &Reader) -> usize {
        if reader.is_consumer { self.of_all - 1 } else { self.of_user }
    }
}

/// Whose reads share a limit.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Reader {
    /// No other caller has it.
    name: String,
    is_consumer: bool,
}

impl Reader {
    pub(in super::super) fn of(identity: &Identity) -> Self {
        let is_consumer = matches!(identity, Identity::Consumer(_));
        Self { name: identity.unique_name(), is_consumer }
    }

    pub(in super::super) fn is_consumer(&self) -> bool {
        self.is_consumer
    }
}

/// The reads that run or wait.
#[derive(Debug, Default)]
pub(in crate::role::portal) struct ReadTurns(KeyedTurns<TurnKey>);

/// What reads share a limit by.
#[derive(Debug, PartialEq, Eq, Hash)]
enum TurnKey {
    User(String),
    UserIn(String, String),
    Environment(String),
}

/// The environment that a read names.
#[derive(Debug)]
pub(in super::super) struct ReadEnvironment {
    name: String,
    /// Whether this process reads it from a file.
    is_file: bool,
}

impl ReadEnvironment {
    pub(in super::super) fn of(portal: &Portal, environment: &Environment) -> Self {
        let own = portal.state.environment.as_ref().filter(|_| environment.is_local());
        Self {
            name: environment.name().to_owned(),
            is_file: own.is_some_and(|own| own.store.dialect() == Dialect::Sqlite),
        }
    }
}

/// The permission to run, until all its clones are dropped.
#[derive(Debug, Clone)]
pub(in super::super) struct ReadTurn {
    _turns: Arc<[Turn]>,
}

impl ReadTurns {
    /// Waits until the read may run. Only one that may run with regard to its user waits for the
    /// reads of others.
    pub(in super::super) async fn take(
        &self,
        reader: &Reader,
        environment: Option<&ReadEnvironment>,
    ) -> ReadTurn {
        let user = reader.name.to_lowercase();
        let mut limits = vec![(TurnKey::User(user.clone()), OF_USER)];
        if let Some(ReadEnvironment { name, is_file }) = environment {
            let limit = if *is_file { FILE } else { SERVER };
            // First, so that reads of an environment that does not answer do not use up those that
            // the user has elsewhere.
            limits.insert(0, (TurnKey::UserIn(user, name.clone()), limit.of(reader)));
            limits.push((TurnKey::Environment(name.clone()), limit.of_all));
        }
        let mut turns = Vec::with_capacity(limits.len());
        for (key, limit) in limits {
            turns.push(self.0.wait(key, limit).await);
        }
        ReadTurn { _turns: turns.into() }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn here() -> ReadEnvironment {
        ReadEnvironment { name: "LOCAL".to_owned(), is_file: true }
    }

    async fn turn_of(
        turns: &ReadTurns,
        user: &str,
        environment: Option<&ReadEnvironment>,
    ) -> ReadTurn {
        let reader = Reader { name: user.to_owned(), is_consumer: false };
        turns.take(&reader, environment).await
    }

    /// One token may serve a whole installation.
    #[tokio::test]
    async fn a_consumer_has_all_reads_of_an_environment_but_one() {
        let consumer = Reader { name: "consumer a".to_owned(), is_consumer: true };
        for (is_file, all) in [(true, 3), (false, 6)] {
            let turns = ReadTurns::default();
            let here = ReadEnvironment { is_file, ..here() };
            let mut taken = Vec::new();
            for _ in 1..all {
                taken.push(turns.take(&consumer, Some(&here)).now_or_never().unwrap());
            }
            assert!(turns.take(&consumer, Some(&here)).now_or_never().is_none());
            assert!(turn_of(&turns, "user b", Some(&here)).now_or_never().is_some());
        }
    }

    #[tokio::test]
    async fn a_user_has_a_part_of_the_reads_of_an_environment() {
        let turns = ReadTurns::default();
        let here = here();
        let take = |user| turn_of(&turns, user, Some(&here));
        let first = [take("bob").await, take("bob").await];
        assert!(take("Bob").now_or_never().is_none(), "in any spelling");
        let other = take("eve").now_or_never().unwrap();
        assert!(take("ann").now_or_never().is_none(), "of all");
        let elsewhere = ReadEnvironment { name: "FAR".to_owned(), is_file: false };
        assert!(turn_of(&turns, "bob", Some(&elsewhere)).now_or_never().is_some());
        drop(first);
        assert!(take("ann").now_or_never().is_some());
        drop(other);
    }

    /// It has more connections than a file.
    #[tokio::test]
    async fn more_users_read_from_a_database_server() {
        let turns = ReadTurns::default();
        let served = ReadEnvironment { name: "LOCAL".to_owned(), is_file: false };
        let take = |user| turn_of(&turns, user, Some(&served)).now_or_never();
        let taken = ["ann", "ann", "bob", "bob", "eve", "eve"].map(|user| take(user).unwrap());
        assert!(take("tom").is_none());
        let second = taken[0].clone();
        drop(taken);
        let others = ["ann", "tom", "tom"].map(|user| take(user).unwrap());
        assert!(take("ann").is_none(), "a clone is left");
        drop((second, others));
    }

    #[tokio::test]
    async fn reads_without_an_environment_are_limited_for_each_user() {
        let turns = ReadTurns::default();
        let mut taken = Vec::new();
        for _ in 0..OF_USER {
            taken.push(turn_of(&turns, "bob", None).await);
        }
        assert!(turn_of(&turns, "bob", None).now_or_never().is_none());
        assert!(turn_of(&turns, "eve", None).now_or_never().is_some());
        taken.pop();
        assert!(turn_of(&turns, "bob", None).now_or_never().is_some());
    }

    #[tokio::test]
    async fn reads_wait_in_the_order_in_which_they_came() {
        let turns = ReadTurns::default();
        let here = here();
        let _other = turn_of(&turns, "bob", Some(&here)).await;
        let running = turn_of(&turns, "bob", Some(&here)).await;
        let mut first = Box::pin(turn_of(&turns, "bob", Some(&here)));
        let mut second = Box::pin(turn_of(&turns, "bob", Some(&here)));
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none());
        drop(running);
        assert!((&mut second).now_or_never().is_none());
        let running = (&mut first).now_or_never().unwrap();
        assert!((&mut second).now_or_never().is_none());
        drop(running);
        assert!(second.now_or_never().is_some());
    }
}
