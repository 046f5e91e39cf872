//! Opens the first connections to a database: waits for a server that does not answer yet or is
//! slow to greet, or for a process that has locked the file, and says why it gives up. Knows no
//! table.

use std::net::SocketAddr;
use std::str::FromStr as _;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sea_orm::sqlx::mysql::MySqlConnectOptions;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::{Connection as _, MySqlConnection, PgConnection};
use sea_orm::{ConnAcquireErr, ConnectOptions, Database, DatabaseConnection, DbErr};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

use crate::error::StoreError;
use crate::opening::CONNECT_LIMIT;
use crate::pool::{ACQUIRE_TIMEOUT, StoreOptions};
use crate::url::{DatabaseUrl, Dialect};

/// How long the first connections to a file are tried again while it is locked: by another process,
/// or by an earlier attempt that has given up, for which a slow disk still creates the file.
const FILE_PATIENCE: Duration = Duration::from_secs(20);
const SERVER_RETRY: Duration = Duration::from_millis(200);
/// Pause between two attempts to open a file that another process is opening.
const FILE_RETRY: Duration = Duration::from_millis(10);
/// Time after which an address that accepts no connection is silent.
const SILENCE: Duration = Duration::from_secs(1);

pub(super) async fn connect(
    url: &DatabaseUrl,
    options: &StoreOptions,
    with: ConnectOptions,
) -> Result<DatabaseConnection, StoreError> {
    let begun = Instant::now();
    let (mut is_logged, mut gives_up_soon) = (false, url.dialect() != Dialect::Sqlite);
    loop {
        let error = match attempt(options, with.clone(), gives_up_soon).await {
            Ok(db) => return Ok(db),
            Err(error) => error,
        };
        let problem = StoreError::from(error.clone());
        let (patience, pause) = if problem.is_missing_database() {
            (Duration::ZERO, SERVER_RETRY)
        } else if problem.is_connection_lost() {
            match url.dialect() {
                Dialect::Sqlite => (FILE_PATIENCE, SERVER_RETRY),
                Dialect::MySql | Dialect::Postgres => (options.start_patience, SERVER_RETRY),
            }
        } else if problem.is_retryable() {
            // SQLite itself does not wait for a process that is switching a new file to the
            // write-ahead log.
            (FILE_PATIENCE, FILE_RETRY)
        } else {
            (Duration::ZERO, Duration::ZERO)
        };
        let is_over = begun.elapsed() >= patience;
        if !is_over && (is_logged || !problem.is_connection_lost()) {
            sleep(pause).await;
            continue;
        }
        let reason = match problem.is_connection_lost() {
            true => refusal(url, options).await,
            false => Some(error.to_string()),
        };
        if reason.is_none() && gives_up_soon {
            gives_up_soon = false;
            continue;
        }
        let reason = reason.unwrap_or_else(|| error.to_string());
        if is_over {
            let remedy = match problem {
                StoreError::Storage(_) => "; check its rights, or restore it from a backup",
                _ => "",
            };
            return Err(url.error(&options.setting, format!("{reason}{remedy}")));
        }
        (is_logged, gives_up_soon) = (true, false);
        tracing::warn!(
            setting = options.setting,
            reason,
            patience_seconds = patience.as_secs(),
            "the database does not answer yet; retrying"
        );
        sleep(pause).await;
    }
}

/// Opens a pool. It gives up soon until the reason is found: a pool that is refused tries again, and
/// does not report it.
async fn attempt(
    options: &StoreOptions,
    with: ConnectOptions,
    gives_up_soon: bool,
) -> Result<DatabaseConnection, DbErr> {
    let connect = Database::connect(with);
    if !gives_up_soon {
        return connect.await;
    }
    let opened = timeout(options.acquire_timeout, connect).await;
    opened.unwrap_or(Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)))
}

/// Why a database server rejects connections, which the pool reports as a time-out only; `None` if
/// a connection succeeds now, however slowly.
async fn refusal(url: &DatabaseUrl, options: &StoreOptions) -> Option<String> {
    let connect = async {
        match url.dialect() {
            Dialect::Sqlite => None,
            Dialect::MySql => MySqlConnection::connect(url.expose()).await.err(),
            Dialect::Postgres => PgConnection::connect(url.expose()).await.err(),
        }
    };
    let limit = answer_limit(options.start_patience);
    match timeout(limit, connect).await {
        Ok(error) => error.map(|error| error.to_string()),
        Err(_) => Some(format!(
            "no answer within {} s: {}",
            limit.as_secs(),
            silent_address(url).await.unwrap_or_else(|| {
                "the server is busy, or it is not a database of this kind".to_owned()
            })
        )),
    }
}

/// Maximum time to learn why the server rejects connections. A start waits for one that is slow to
/// greet, however long it waits for one that is down.
fn answer_limit(start_patience: Duration) -> Duration {
    if start_patience.is_zero() { ACQUIRE_TIMEOUT } else { CONNECT_LIMIT }
}

/// The driver tries the addresses of a host one after the other, and waits minutes for one that
/// does not answer. It takes the name for TLS and for the address, so that none can be chosen here.
async fn silent_address(url: &DatabaseUrl) -> Option<String> {
    let found: Vec<_> = lookup_host(authority(url)?).await.ok()?.collect();
    let accepts = found.iter().copied().map(async |address| {
        match timeout(SILENCE, TcpStream::connect(address)).await {
            Ok(outcome) => Some(outcome.is_ok()),
            Err(_) => None,
        }
    });
    let accepts = join_all(accepts).await;
    advice(&found.into_iter().zip(accepts).collect::<Vec<_>>())
}

fn authority(url: &DatabaseUrl) -> Option<(String, u16)> {
    match url.dialect() {
        Dialect::Sqlite => None,
        Dialect::MySql => {
            let options = MySqlConnectOptions::from_str(url.expose()).ok()?;
            Some((options.get_host().to_owned(), options.get_port()))
        }
        Dialect::Postgres => {
            let options = PgConnectOptions::from_str(url.expose()).ok()?;
            Some((options.get_host().to_owned(), options.get_port()))
        }
    }
}

/// What to do about the first address, which is silent, if another one accepts connections.
fn advice(addresses: &[(SocketAddr, Option<bool>)]) -> Option<String> {
    let (silent, None) = addresses.first()? else { return None };
    let (open, _) = addresses.iter().find(|(_, accepts)| *accepts == Some(true))?;
    Some(format!(
        "of the addresses of the host, {silent} does not answer and is tried first, while {open} \
         accepts connections; repair or remove the former, or use a name that has the latter only"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S71
    #[test]
    fn a_start_waits_for_a_server_that_greets_later_than_its_patience() {
        assert_eq!(answer_limit(Duration::from_secs(10)), CONNECT_LIMIT);
        assert_eq!(answer_limit(Duration::ZERO), ACQUIRE_TIMEOUT);
    }

    /// S71
    #[test]
    fn a_silent_address_before_one_that_accepts_connections_is_named() {
        let [silent, open] = ["[2001:db8::1]:5432", "192.0.2.1:5432"]
            .map(|address| address.parse::<SocketAddr>().unwrap());
        let text = advice(&[(silent, None), (open, Some(true))]).unwrap();
        assert!(text.contains("[2001:db8::1]:5432 does not answer"), "{text}");
        for harmless in [
            &[(open, Some(true)), (silent, None)][..],
            &[(silent, Some(false)), (open, Some(true))],
            &[(silent, None), (open, Some(false))],
            &[(silent, None)],
            &[],
        ] {
            assert_eq!(advice(harmless), None);
        }
    }
}
