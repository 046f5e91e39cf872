//! What the session of a connection keeps from the time when it was opened: the columns of its
//! prepared statements, defaults of the database, and limits of the account.

use std::time::{Duration, Instant};

use castalia_store::{Status, Store, StoreError, StoreOptions, message};
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};

use crate::database::{Database, patient};

/// More than the pool has connections.
const MANY: usize = 20;
/// Longest wait for a trial write, which is sent each second, on a busy machine.
const TRIED: Duration = Duration::from_secs(60);

/// Reads and writes on as many connections as possible.
async fn work(store: &Store) -> Vec<Result<(), StoreError>> {
    let reads = (0..MANY).map(async |_| message::after(store.read(), 0, 10).await.map(drop));
    let writes = (0..MANY).map(async |_| {
        let write = store.write((), |tx, ()| {
            Box::pin(async move {
                message::insert(tx, "a+b+c").await?;
                message::after(tx, 0, 10).await.map(drop)
            })
        });
        write.await
    });
    let (mut done, written) = tokio::join!(join_all(reads), join_all(writes));
    done.extend(written);
    done
}

fn all_succeed(outcomes: &[Result<(), StoreError>]) {
    let failed: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!(failed.is_empty(), "{} of {} failed: {failed:?}", failed.len(), outcomes.len());
}

/// PostgreSQL refuses a statement that was prepared for columns of other types. An index that is
/// made meanwhile, or a column that is added, changes no type.
#[tokio::test]
async fn a_table_may_be_altered_while_nodes_use_it() {
    let Some(database) = Database::postgres().await else { return };
    let store = database.config().await;
    all_succeed(&work(&store).await);
    let raw = database.raw().await;
    for width in [1025, 1026] {
        let alter =
            format!(r#"ALTER TABLE "ReleaseMessage" ALTER COLUMN "Message" TYPE varchar({width})"#);
        raw.execute_unprepared(&alter).await.unwrap();
        all_succeed(&work(&store).await);
    }
}

/// As a hosted PostgreSQL does while its disk is nearly full.
#[tokio::test]
async fn writes_continue_after_a_database_was_read_only_by_default() {
    let Some(database) = Database::postgres().await else { return };
    let store = database.config().await;
    let (server, name) = database.url.rsplit_once('/').unwrap();
    let raw = sea_orm::Database::connect(format!("{server}/postgres")).await.unwrap();
    let read_only = async |is: &str| {
        let sql = format!("ALTER DATABASE {name} SET default_transaction_read_only = {is}");
        raw.execute_unprepared(&sql).await.unwrap();
        let sql = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        );
        let end = Statement::from_string(DbBackend::Postgres, sql);
        if is == "on" {
            raw.query_all_raw(end).await.unwrap();
        }
    };
    read_only("on").await;
    let refused = work(&store).await;
    let is_read_only =
        |outcome: &Result<(), StoreError>| matches!(outcome, Err(StoreError::ReadOnly(_)));
    assert!(refused.iter().any(is_read_only), "{refused:?}");
    assert!(!store.status().is_writable());
    read_only("off").await;
    let begun = Instant::now();
    while !store.status().is_writable() {
        assert!(begun.elapsed() < TRIED, "{:?}", store.status());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    all_succeed(&work(&store).await);
}

/// A server may end idle sessions sooner than a connection is tested before its use.
#[tokio::test]
async fn the_limit_of_idle_sessions_is_that_of_the_pool() {
    let Some(database) = Database::postgres().await else { return };
    let raw = database.raw().await;
    let name = database.url.rsplit_once('/').unwrap().1;
    let sql = format!("ALTER DATABASE {name} SET idle_session_timeout = '1s'");
    raw.execute_unprepared(&sql).await.unwrap();
    let store = database.connect().await;
    let sql = "SELECT current_setting('idle_session_timeout') AS longest";
    let row = store.read().query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
    assert_eq!(row.unwrap().unwrap().try_get::<String>("", "longest").unwrap(), "130s");
}

/// S98: MariaDB accepts the statement with the limit of MySQL, which it skips. A read that was given
/// up would go on in the server.
#[tokio::test]
async fn statements_are_limited_in_the_server_as_well() {
    let Some(database) = Database::mysql().await else { return };
    let store = database.connect().await;
    for store in [store.clone(), store.reserved()] {
        let sql = "SELECT CAST(@@SESSION.max_statement_time AS SIGNED) AS Longest";
        let row = store.read().query_one_raw(Statement::from_string(DbBackend::MySql, sql)).await;
        assert_eq!(row.unwrap().unwrap().try_get::<i64>("", "Longest").unwrap(), 30);
    }
}

/// S89: a commit that is not on the disk when it is acknowledged may be lost. What waits for
/// replicas as well remains.
#[tokio::test]
async fn commits_are_on_the_disk_whatever_the_default_of_the_database_is() {
    let Some(database) = Database::postgres().await else { return };
    let raw = database.raw().await;
    let name = database.url.rsplit_once('/').unwrap().1;
    for (default, expected) in [("off", "on"), ("remote_apply", "remote_apply")] {
        let sql = format!("ALTER DATABASE {name} SET synchronous_commit = '{default}'");
        raw.execute_unprepared(&sql).await.unwrap();
        let store = database.connect().await;
        let sql = "SELECT current_setting('synchronous_commit') AS commits";
        let row = store.read().query_one_raw(Statement::from_string(DbBackend::Postgres, sql));
        let commits: String = row.await.unwrap().unwrap().try_get("", "commits").unwrap();
        assert_eq!(commits, expected);
    }
}

#[tokio::test]
async fn a_database_that_was_dropped_is_unavailable() {
    let Some(database) = Database::postgres().await else { return };
    let store = database.config().await;
    all_succeed(&work(&store).await);
    let (server, name) = database.url.rsplit_once('/').unwrap();
    let other = sea_orm::Database::connect(format!("{server}/postgres")).await.unwrap();
    other.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
    for outcome in work(&store).await {
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    }
    other.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let missing = message::after(store.read(), 0, 10).await;
    assert!(missing.is_err_and(|error| error.is_unusable_table()));
    let begun = Instant::now();
    let expected = Status::Failing { reason: "a table does not exist".into() };
    while store.status() != expected {
        assert!(begun.elapsed() < TRIED, "{:?}", store.status());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A start names a database that does not exist at once, and does not wait for it.
#[tokio::test]
async fn a_start_does_not_wait_for_a_database_that_does_not_exist() {
    for database in [Database::mysql().await, Database::postgres().await].into_iter().flatten() {
        let url = format!("{}_missing", database.url);
        let options =
            StoreOptions { start_patience: Duration::from_secs(60), ..StoreOptions::new("db") };
        let begun = Instant::now();
        let error = Store::connect(&url, options).await.unwrap_err().to_string();
        assert!(error.contains("_missing") && error.starts_with("db: "), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }
}

/// The only connection that the account may have belongs to somebody else.
#[tokio::test]
async fn an_account_that_may_not_connect_once_more_is_unavailable() {
    let Some(database) = Database::mysql().await else { return };
    let raw = database.raw().await;
    let (server, name) = database.url.rsplit_once('/').unwrap();
    let (address, user) = (server.rsplit_once('@').unwrap().1, format!("{name}@'127.0.0.1'"));
    let run = async |sql: String| raw.execute_unprepared(&sql).await.map(drop);
    run(format!("CREATE USER {user} IDENTIFIED BY 'x'")).await.unwrap();
    let outcome: Result<_, DbErr> = async {
        run(format!("GRANT ALL ON {name}.* TO {user}")).await?;
        let url = format!("mysql://{name}:x@{address}/{name}");
        let store = Store::connect(&url, patient("config-db")).await.unwrap();
        run(format!("ALTER USER {user} WITH MAX_USER_CONNECTIONS 1")).await?;
        end_sessions_of(&raw, name).await;
        let other = sea_orm::Database::connect(&url).await?;
        let refused = work(&store).await;
        other.close().await?;
        Ok(refused)
    }
    .await;
    run(format!("DROP USER {user}")).await.unwrap();
    for outcome in outcome.unwrap() {
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    }
}

/// MySQL: terminates the sessions of an account.
async fn end_sessions_of(raw: &DatabaseConnection, user: &str) {
    let sql = format!("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '{user}'");
    for row in raw.query_all_raw(Statement::from_string(DbBackend::MySql, sql)).await.unwrap() {
        let id: i64 = row.try_get("", "ID").unwrap();
        // The session may have ended meanwhile.
        drop(raw.execute_unprepared(&format!("KILL {id}")).await);
    }
}
