//! Statements that the database ends or refuses although their connection is sound.

use castalia_store::{Store, StoreError, StoreOptions};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use crate::connection::ping;
use crate::database::{Database, on_each_database, patient};
use crate::way::Way;

/// MySQL: a statement took longer than `max_execution_time`.
const TOO_LONG: (&str, u16) = ("HY000", 3024);
/// An administrator ended a statement.
const KILLED: (&str, u16) = ("70100", 1317);
/// A node of Galera is not in its cluster.
const UNREADY: (&str, u16) = ("08S01", 1047);
/// Group Replication: a server of the group committed a change of the same rows first.
const ROLLED_BACK: (&str, u16) = ("40000", 3101);

on_each_database! {
    // S60: each of its repetitions would take as long.
    async fn a_read_that_the_database_ended_is_not_repeated(database: Database) {
        if database.is_sqlite() {
            return;
        }
        let raw = database.raw().await;
        raw.execute_unprepared("CREATE SEQUENCE runs").await.unwrap();
        let (ended, next) = match database.is_mysql() {
            true => ("SELECT refuse(NEXTVAL(runs))", "SELECT NEXTVAL(runs)"),
            false => (
                "SELECT nextval('runs'), pg_cancel_backend(pg_backend_pid()), pg_sleep(60)",
                "SELECT nextval('runs')",
            ),
        };
        if database.is_mysql() {
            refuse_with(&raw, TOO_LONG).await;
        }
        let store = database.connect().await;
        unavailable(&read(&store, ended).await);
        let next = Statement::from_string(raw.get_database_backend(), next);
        let next = raw.query_one_raw(next).await.unwrap().unwrap();
        assert_eq!(next.try_get_by_index::<i64>(0).unwrap(), 2, "the read ran once");
        read(&store, "SELECT 1").await.unwrap();
    }

    // S83
    async fn a_write_that_the_database_ended_is_no_outage(database: Database) {
        if database.is_sqlite() {
            return;
        }
        let store = database.config().await;
        let ended = match database.is_mysql() {
            true => "SELECT refuse(1)",
            false => "SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60)",
        };
        if database.is_mysql() {
            refuse_with(&database.raw().await, KILLED).await;
        }
        unavailable(&write(&store, ended).await);
        assert!(store.status().is_writable(), "{:?}", store.status());
    }
}

/// S65: MariaDB has no Group Replication, so a function fails in its place.
#[tokio::test]
async fn a_transaction_that_group_replication_rolled_back_is_run_again() {
    let Some(database) = Database::mysql().await else { return };
    let raw = database.raw().await;
    raw.execute_unprepared("CREATE SEQUENCE runs").await.unwrap();
    refuse_with(&raw, ROLLED_BACK).await;
    let store = database.connect().await;
    write(&store, "SELECT IF(NEXTVAL(runs) < 3, refuse(1), 1)").await.unwrap();
    let next = Statement::from_string(raw.get_database_backend(), "SELECT NEXTVAL(runs)");
    let next = raw.query_one_raw(next).await.unwrap().unwrap();
    assert_eq!(next.try_get_by_index::<i64>(0).unwrap(), 4, "it was rolled back twice");
}

/// S61: a load balancer leads new connections to another node.
#[tokio::test]
async fn connections_to_a_node_that_left_its_cluster_are_replaced() {
    let Some(database) = Database::mysql().await else { return };
    refuse_with(&database.raw().await, UNREADY).await;
    let refused = "SELECT refuse(1)";
    let (store, way) = connected(&database).await;
    let before = way.opened();
    unavailable(&read(&store, refused).await);
    assert!(way.opened() > before, "the read was repeated with a new connection");
    let before = way.opened();
    ping(&store).await;
    assert!(way.opened() > before, "the connection for pings was replaced, too");
    store.close().await.unwrap();

    let (store, way) = connected(&database).await;
    let before = way.opened();
    unavailable(&write(&store, refused).await);
    ping(&store).await;
    assert!(way.opened() > before, "a transaction that was refused retires the connections");
}

/// A store whose connections are all open.
async fn connected(database: &Database) -> (Store, Way) {
    let way = Way::to(&database.url).await;
    let options = StoreOptions { max_connections: 2, ..patient("config-db") };
    let store = Store::connect(&way.url, options).await.unwrap();
    // The pool opens its second connection in the background.
    while way.opened() < 2 {
        tokio::task::yield_now().await;
    }
    ping(&store).await;
    (store, way)
}

/// MySQL: creates a function that fails with this state and number.
async fn refuse_with(raw: &DatabaseConnection, (state, number): (&str, u16)) {
    let sql = format!(
        "CREATE FUNCTION refuse(run BIGINT) RETURNS BIGINT \
         BEGIN SIGNAL SQLSTATE '{state}' SET MYSQL_ERRNO = {number}; RETURN run; END"
    );
    raw.execute_unprepared(&sql).await.unwrap();
}

fn unavailable(outcome: &Result<(), StoreError>) {
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
}

async fn read(store: &Store, sql: &str) -> Result<(), StoreError> {
    let statement = Statement::from_string(store.read().get_database_backend(), sql);
    Ok(store.read().query_one_raw(statement).await.map(drop)?)
}

async fn write(store: &Store, sql: &'static str) -> Result<(), StoreError> {
    let job = store.write(sql, |tx, sql| {
        Box::pin(async move {
            let statement = Statement::from_string(tx.get_database_backend(), *sql);
            tx.query_one_raw(statement).await?;
            Ok::<_, StoreError>(())
        })
    });
    job.await
}
