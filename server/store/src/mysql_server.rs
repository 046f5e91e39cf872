//! The server of MySQL or MariaDB that a connection leads to. Galera and Group Replication neither
//! replicate row locks nor check them, so that all nodes must write to one server: a member of a
//! group is reported, and so are several servers behind one address. Knows no table.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sea_orm::sqlx::{Error, Executor as _, MySqlConnection, Row as _, raw_sql};

use crate::Store;

/// Those that a server does not have are left out.
const VARIABLES: &str = "SHOW VARIABLES WHERE Variable_name IN ('wsrep_on', \
     'group_replication_single_primary_mode', 'server_uuid', 'server_uid', 'hostname', 'port')";
/// Each statement of the session, also one that reads no table, waits until its server has applied what others committed before,
/// so that a publish finds every edit that was acknowledged.
const WAIT_FOR_OTHERS: &str = "SET SESSION wsrep_sync_wait = 7";
/// Time within which connections do not lead to one server again after they led to another one: a
/// failover changes the server once.
const TURN: Duration = Duration::from_secs(60);
/// How long several servers are reported. Connections are rarely opened.
const REPORTED: Duration = Duration::from_secs(600);

/// What a server reports about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MySqlServer {
    identity: String,
    is_galera: bool,
    /// Whether other members of its group accept writes as well.
    pub(super) has_peers: bool,
}

impl MySqlServer {
    pub(super) async fn of(connection: &mut MySqlConnection) -> Result<Self, Error> {
        let mut server = Self::default();
        for row in raw_sql(VARIABLES).fetch_all(connection).await? {
            server.note(row.try_get(0)?, row.try_get(1)?);
        }
        Ok(server)
    }

    fn note(&mut self, variable: &str, value: &str) {
        match variable {
            "wsrep_on" => self.is_galera = value.starts_with("ON"),
            "group_replication_single_primary_mode" => self.has_peers |= value.starts_with("OFF"),
            _ => {
                self.identity.push_str(value);
                self.identity.push(' ');
            }
        }
        self.has_peers |= self.is_galera;
    }
}

/// Prepares a new session, which reads tables or does not, and notes its server.
pub(super) async fn prepare(
    connection: &mut MySqlConnection,
    servers: &MySqlServers,
    reads_tables: bool,
) -> Result<(), Error> {
    let server = match MySqlServer::of(&mut *connection).await {
        Ok(server) => server,
        Err(error @ Error::Io(_)) => return Err(error),
        Err(error) => {
            tracing::debug!(%error, "a server does not show its variables");
            return Ok(());
        }
    };
    servers.note(server.identity, Instant::now());
    if server.is_galera && reads_tables {
        connection.execute(WAIT_FOR_OTHERS).await?;
    }
    Ok(())
}

/// The servers that connections led to. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct MySqlServers(Arc<Mutex<SeenServers>>);

#[derive(Debug, Default)]
struct SeenServers {
    last: String,
    /// When each was seen last; not longer ago than a turn.
    times: HashMap<String, Instant>,
    /// When connections last led to one server again after they led to another one.
    taken_turns: Option<Instant>,
}

impl SeenServers {
    fn are_several(&self, now: Instant) -> bool {
        self.taken_turns.is_some_and(|time| now.duration_since(time) < REPORTED)
    }
}

impl MySqlServers {
    fn note(&self, identity: String, now: Instant) {
        let mut seen = self.0.lock();
        let was_reported = seen.are_several(now);
        seen.times.retain(|_, time| now.duration_since(*time) < TURN);
        if seen.last != identity && seen.times.contains_key(&identity) {
            seen.taken_turns = Some(now);
            if !was_reported {
                tracing::error!(
                    servers = ?seen.times.keys().collect::<Vec<_>>(),
                    "the address of the database leads to several servers; the locks of one have no effect on \
                     another, and acknowledged changes may be lost: let it lead to one server, and to another \
                     one only when that fails"
                );
            }
        }
        seen.times.insert(identity.clone(), now);
        seen.last = identity;
    }

    fn are_several(&self, now: Instant) -> bool {
        self.0.lock().are_several(now)
    }
}

impl Store {
    /// Whether connections lead to several servers of MySQL in turn; performs no query.
    pub fn has_several_servers(&self) -> bool {
        self.shared.servers.are_several(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(variables: &[(&str, &str)]) -> MySqlServer {
        let mut server = MySqlServer::default();
        variables.iter().for_each(|(variable, value)| server.note(variable, value));
        server
    }

    /// S70
    #[test]
    fn members_of_a_group_whose_others_accept_writes_are_known() {
        let galera = server(&[("hostname", "db1"), ("port", "3306"), ("wsrep_on", "ON")]);
        assert!(galera.is_galera && galera.has_peers);
        assert_eq!(galera.identity, "db1 3306 ");
        let group = server(&[("group_replication_single_primary_mode", "OFF")]);
        assert!(!group.is_galera && group.has_peers);
        for alone in [
            &[("wsrep_on", "OFF"), ("server_uuid", "u")][..],
            &[("group_replication_single_primary_mode", "ON")],
            &[],
        ] {
            assert!(!server(alone).has_peers, "{alone:?}");
        }
    }

    /// S70
    #[test]
    fn servers_that_take_turns_are_reported_and_a_failover_is_not() {
        let begun = Instant::now();
        let seen = |path: &[(&str, u64)]| {
            let servers = MySqlServers::default();
            for (identity, second) in path {
                servers.note((*identity).to_owned(), begun + Duration::from_secs(*second));
            }
            servers
        };
        let is_reported = |path: &[(&str, u64)], second| {
            seen(path).are_several(begun + Duration::from_secs(second))
        };
        assert!(is_reported(&[("a", 0), ("b", 0), ("a", 1)], 2));
        assert!(is_reported(&[("a", 0), ("b", 9), ("b", 50), ("a", 55)], 600));
        assert!(!is_reported(&[("a", 0), ("b", 0), ("a", 1)], 602), "long ago");
        assert!(!is_reported(&[("a", 0), ("a", 9), ("b", 10), ("b", 20)], 20), "a failover");
        assert!(!is_reported(&[("a", 0), ("b", 10), ("a", 70)], 70), "a failover and its end");
        assert!(!is_reported(&[], 0));
    }
}
