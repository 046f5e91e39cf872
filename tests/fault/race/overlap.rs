//! Callers that meet: another session holds the rows that each of them locks or changes first,
//! until all of them wait. What they have read before is outdated for all but one of them. On
//! SQLite nothing is held, because its only writer serves one caller after the other.

use std::ops::RangeInclusive;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use super::Nodes;
use super::subject::Subject;
use crate::support::database::Database;
use crate::support::http::Answer;

/// Longest time that rows are held. Nodes give up waiting for a lock after five seconds.
const LONGEST: Duration = Duration::from_millis(3500);
/// Number of times that callers try to meet: a busy machine can stop for seconds, again and again.
pub(super) const TRIES: usize = 12;
/// Milliseconds between two queries. InnoDB updates its list of transactions only if nobody has
/// read the list for 100 ms. Random, because two tests that read in turns would prevent updates.
const PAUSE: RangeInclusive<u64> = 110..=190;

/// What a node answers that waited for a lock for too long.
pub(in crate::fault) const GIVEN_UP: &str = "Other changes hold the same rows for too long";

/// Number of sessions of a database that wait for a lock.
const WAITING_ON_MYSQL: &str = r#"SELECT COUNT(*) AS "Waiting" FROM information_schema.INNODB_TRX
    JOIN information_schema.PROCESSLIST ON PROCESSLIST.ID = INNODB_TRX.trx_mysql_thread_id
    WHERE INNODB_TRX.trx_state = 'LOCK WAIT' AND PROCESSLIST.DB = DATABASE()"#;
const WAITING_ON_POSTGRES: &str = r#"SELECT COUNT(*) AS "Waiting" FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'"#;

/// Rows that all callers lock or change.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rows {
    /// The namespaces of the app, and that of its branch.
    Namespaces,
    User,
    /// The access token of the user.
    Token,
    Consumer,
    /// The app in the portal.
    App,
}

impl Rows {
    /// Their database, and the statement that locks them.
    fn locked<'n>(self, nodes: &'n Nodes, subject: &Subject) -> (&'n Database, String) {
        let Subject { app_id, user, user_token_id, .. } = subject;
        let (database, table, condition) = match self {
            Self::Namespaces => (&nodes.config, "Namespace", format!(r#""AppId" = '{app_id}'"#)),
            Self::User => (&nodes.portal, "Users", format!(r#""Username" = '{user}'"#)),
            Self::Token => (&nodes.portal, "UserToken", format!(r#""Id" = {user_token_id}"#)),
            Self::Consumer => (&nodes.portal, "Consumer", format!(r#""AppId" = '{app_id}'"#)),
            Self::App => (&nodes.portal, "App", format!(r#""AppId" = '{app_id}'"#)),
        };
        (database, format!(r#"SELECT "Id" FROM "{table}" WHERE {condition} FOR UPDATE"#))
    }
}

/// Sends requests and returns their answers; `None` if not all of them waited for the rows, or one
/// of them for too long: they have not raced, and may try again with other rows.
pub(super) async fn meet<C: Future<Output = Answer>>(
    nodes: &Nodes,
    subject: &Subject,
    rows: Rows,
    calls: impl IntoIterator<Item = C>,
) -> Option<Vec<Answer>> {
    let calls: Vec<_> = calls.into_iter().collect();
    let count = calls.len() as u64;
    let (database, lock) = rows.locked(nodes, subject);
    let Some(waiting) = waiting(database) else {
        return Some(join_all(calls).await);
    };
    let held = database.begin(&[&lock]).await;
    let release = async {
        let met = timeout(LONGEST, all_wait(database, waiting, count)).await;
        held.rollback().await.unwrap();
        met.is_ok()
    };
    let (answers, have_met) = tokio::join!(join_all(calls), release);
    let has_given_up = |answer: &Answer| answer.status == 503 && answer.text.contains(GIVEN_UP);
    (have_met && !answers.iter().any(has_given_up)).then_some(answers)
}

/// The query for sessions that wait; `None` on SQLite.
fn waiting(database: &Database) -> Option<&'static str> {
    match database.url.split(':').next() {
        Some("mysql") => Some(WAITING_ON_MYSQL),
        Some("postgres") => Some(WAITING_ON_POSTGRES),
        _ => None,
    }
}

async fn all_wait(database: &Database, waiting: &str, count: u64) {
    loop {
        sleep(Duration::from_millis(fastrand::u64(PAUSE))).await;
        if database.rows(waiting).await[0]["Waiting"].as_u64().unwrap() >= count {
            return;
        }
    }
}
