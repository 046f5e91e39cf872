//! Write jobs: all or nothing, whatever happens to the caller, to another job or to the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use castalia_store::entity::{insert, instance_config, release, release_message, server_config};
use castalia_store::instance::{self, Reading};
use castalia_store::{
    Id, JobError, Store, StoreError, message, namespace, server_config as settings,
};
use futures_util::future::join_all;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Set, TransactionTrait,
};

use crate::database::{Database, on_each_database};

/// Result of a job.
#[derive(Debug, PartialEq)]
enum Refusal {
    Rule(u32),
    Store,
}

impl From<StoreError> for Refusal {
    fn from(_: StoreError) -> Self {
        Self::Store
    }
}

impl JobError for Refusal {
    fn store_error(&self) -> Option<&StoreError> {
        None
    }
}

on_each_database! {
    async fn failing_jobs_cost_their_neighbours_nothing(database: Database) {
        let store = database.config().await;
        // In waves: more than the pool has connections, but none waits until it times out.
        for wave in 0..5 {
            let numbers = wave * 40..(wave + 1) * 40;
            let outcomes = join_all(numbers.clone().map(|number| {
                store.write(number, |tx, number| Box::pin(refused_every_seventh(tx, *number)))
            }));
            for (number, outcome) in numbers.zip(outcomes.await) {
                match number % 7 {
                    0 => assert_eq!(outcome, Err(Refusal::Rule(number))),
                    _ => assert_eq!(outcome, Ok(number)),
                }
            }
        }
        let kept: Vec<String> = messages(&store).await;
        let mut expected: Vec<String> =
            (0..200).filter(|number| number % 7 != 0).map(|number| number.to_string()).collect();
        expected.sort();
        assert_eq!(kept, expected);
    }

    async fn panicking_job_is_an_error_and_the_next_one_is_served(database: Database) {
        let store = database.config().await;
        let others = join_all((0..20).map(|number| {
            let store = store.clone();
            async move {
                store.write(number, |tx, number| Box::pin(panics_at_ten(tx, *number))).await
            }
        }));
        let failed = others.await.iter().filter(|outcome| outcome.is_err()).count();
        assert_eq!(failed, 1);
        assert_eq!(messages(&store).await.len(), 19);
    }

    async fn callers_that_leave_cut_no_publish_in_half(database: Database) {
        let store = database.config().await;
        for number in 0..50_u32 {
            let publish = store.write(number, |tx, number| Box::pin(publish(tx, *number)));
            let pause = Duration::from_micros(u64::from(number) * 60);
            drop(tokio::time::timeout(pause, publish).await);
        }
        // Jobs run in order, so this one runs after all that were not cancelled before they began.
        store.write(1000, |tx, number| Box::pin(publish(tx, *number))).await.unwrap();
        let mut counts = (0, 1);
        for _ in 0..3_000 {
            counts = (
                release::Entity::find().count(store.read()).await.unwrap(),
                release_message::Entity::find().count(store.read()).await.unwrap(),
            );
            if counts.0 == counts.1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(counts.0, counts.1);
        assert!(counts.0 >= 1);
    }

    async fn expected_duplicate_in_a_savepoint_spares_the_transaction(database: Database) {
        let store = database.config().await;
        store.write((), |tx, ()| Box::pin(async move {
            namespace::insert_lock(tx, Id(5), "first").await?;
            let savepoint = tx.begin().await?;
            let second = namespace::insert_lock(&savepoint, Id(5), "second").await;
            assert!(second.is_err_and(|error| error.is_duplicate()));
            savepoint.rollback().await?;
            message::insert(tx, "after").await?;
            Ok::<_, StoreError>(())
        })).await.unwrap();
        assert_eq!(messages(&store).await, ["after"]);
        let lock = namespace::lock(store.read(), Id(5)).await.unwrap().unwrap();
        assert_eq!(lock.data_change_created_by, "first");
    }

    async fn job_whose_statement_failed_keeps_nothing(database: Database) {
        let store = database.config().await;
        store.write((), |tx, ()| Box::pin(namespace::insert_lock(tx, Id(5), "first"))).await.unwrap();
        let second = store.write((), |tx, ()| Box::pin(async move {
            message::insert(tx, "before").await?;
            namespace::insert_lock(tx, Id(5), "second").await
        })).await;
        assert!(matches!(second, Err(StoreError::Duplicate(_))), "{second:?}");
        assert!(messages(&store).await.is_empty());
    }

    async fn of_two_who_insert_the_same_key_one_is_told(database: Database) {
        let store = database.config().await;
        let outcomes = join_all((0..8).map(|number| {
            let store = store.clone();
            async move {
                store.write(number, |tx, number: &i32| {
                    let operator = format!("user-{number}");
                    Box::pin(async move { namespace::insert_lock(tx, Id(5), &operator).await })
                }).await
            }
        })).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert!(outcomes.iter().flat_map(|outcome| outcome.as_ref().err()).all(StoreError::is_duplicate));
    }

    async fn batches_that_block_each_other_are_tried_again(database: Database) {
        // Two nodes record what the same instances read, in opposite order.
        // SQLite has one writer, so no job can block another.
        if database.is_sqlite() {
            return;
        }
        let nodes = [database.config().await, database.connect().await];
        let attempts = Arc::new(AtomicU32::new(0));
        let record = |node: usize, instances: &[i64], release_key: &str| {
            record(nodes[node].clone(), Arc::clone(&attempts), instances.to_vec(), release_key.to_owned())
        };
        record(0, &[1, 2, 3], "old").await.unwrap();
        let rows = readings(&nodes[0]).await;
        let raw = database.raw().await;
        let held = raw.begin().await.unwrap();
        instance_config::Entity::find_by_id(rows[1].id).lock_exclusive().one(&held).await.unwrap();
        let first = tokio::spawn(record(0, &[1, 2, 3], "first"));
        is_locked(&raw, rows[0].id).await;
        let second = tokio::spawn(record(1, &[3, 1], "second"));
        is_locked(&raw, rows[2].id).await;
        // The first one continues to the third row, and the second one waits for the first row.
        held.rollback().await.unwrap();
        first.await.unwrap().unwrap();
        second.await.unwrap().unwrap();
        // On a busy machine, the one that ran again can meet the other once more.
        let attempts = attempts.load(Ordering::Relaxed);
        assert!(attempts >= 4, "one of the two ran again: {attempts}");
        let keys: Vec<_> = readings(&nodes[0]).await.into_iter().map(|row| row.release_key).collect();
        assert_eq!((&keys[0], keys[1].as_str()), (&keys[2], "first"), "{keys:?}");
        assert_ne!(keys[0], "old", "{keys:?}");
    }

    async fn many_that_lock_rows_in_opposite_orders_all_succeed(database: Database) {
        if database.is_sqlite() {
            return;
        }
        let store = database.config().await;
        let rows = [setting(&store, "first").await, setting(&store, "second").await];
        // PostgreSQL looks for deadlocks after a second only, and a transaction is repeated for five,
        // which those of more callers may exceed on a busy machine.
        let callers = if database.is_mysql() { 12 } else { 3 };
        let outcomes = join_all((0..callers).map(|number: usize| {
            let order = [rows[number % 2], rows[1 - number % 2]];
            store.write(order, |tx, order| Box::pin(append_to_both(tx, *order)))
        }));
        for outcome in outcomes.await {
            outcome.unwrap();
        }
        let row = settings::to_replace(store.read(), "second", "default").await.unwrap().unwrap();
        assert_eq!(row.value.len(), callers);
    }

    async fn handle_for_reads_refuses_to_write(database: Database) {
        let store = database.config().await;
        let sql = "DELETE FROM ReleaseMessage";
        assert!(store.read().execute_unprepared(sql).await.is_err());
        let inserted = message::insert(store.read(), "a+b+c").await;
        assert!(matches!(inserted, Err(StoreError::Other(_))), "{inserted:?}");
        assert!(messages(&store).await.is_empty());
    }

    async fn row_without_a_difference_is_not_touched(database: Database) {
        let store = database.config().await;
        let id = setting(&store, "same").await;
        let before = server_config::Entity::find_by_id(id).one(store.read()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let row = write_setting(&store, "same", "").await;
        assert_eq!(Some(row), before);
        let row = write_setting(&store, "same", "other").await;
        let time = |row: server_config::Model| row.data_change_last_time.map(|time| *time);
        assert!(time(row) > time(before.unwrap()));
    }
}

/// Two processes on one SQLite file: a job that reads first and writes later must wait, not fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_write_to_one_sqlite_file() {
    let database = Database::sqlite();
    let stores = [database.config().await, database.connect().await];
    let id = setting(&stores[0], "counter").await;
    let jobs = (0..100).map(|number| {
        let store = stores[number % 2].clone();
        async move { store.write(id, |tx, id| Box::pin(append(tx, *id))).await }
    });
    for outcome in join_all(jobs).await {
        outcome.unwrap();
    }
    let row = settings::to_replace(stores[1].read(), "counter", "default").await.unwrap().unwrap();
    assert_eq!(row.value.len(), 100);
}

async fn refused_every_seventh(tx: &DatabaseTransaction, number: u32) -> Result<u32, Refusal> {
    message::insert(tx, &number.to_string()).await?;
    if number.is_multiple_of(7) { Err(Refusal::Rule(number)) } else { Ok(number) }
}

async fn panics_at_ten(tx: &DatabaseTransaction, number: u32) -> Result<(), StoreError> {
    message::insert(tx, &number.to_string()).await?;
    assert!(number != 10, "this job panics on purpose");
    Ok(())
}

async fn publish(tx: &DatabaseTransaction, number: u32) -> Result<(), StoreError> {
    let row = release::ActiveModel {
        release_key: Set(format!("key-{number}")),
        name: Set("name".into()),
        comment: Set(None),
        app_id: Set("a".into()),
        cluster_name: Set("default".into()),
        namespace_name: Set("application".into()),
        configurations: Set("{}".into()),
        is_abandoned: Set(false),
        ..release::ActiveModel::created_by("test")
    };
    insert(tx, row).await?;
    message::insert(tx, "a+default+application").await?;
    Ok(())
}

/// Records that these instances read a release, and counts the attempts.
async fn record(
    node: Store,
    attempts: Arc<AtomicU32>,
    instances: Vec<i64>,
    release_key: String,
) -> Result<(), StoreError> {
    let reading = |id: &i64| Reading {
        instance_id: Id(*id),
        config_app_id: "a".into(),
        config_cluster: "default".into(),
        config_namespace: "application".into(),
        release_key: release_key.clone(),
        time: castalia_store::now(),
    };
    let batch: Vec<_> = instances.iter().map(reading).collect();
    let job = node.write((batch, attempts), |tx, (batch, attempts)| {
        attempts.fetch_add(1, Ordering::Relaxed);
        Box::pin(instance::record_readings(tx, batch))
    });
    job.await
}

async fn readings(store: &Store) -> Vec<instance_config::Model> {
    let rows = instance_config::Entity::find().order_by_asc(instance_config::Column::InstanceId);
    rows.all(store.read()).await.unwrap()
}

/// Waits until somebody has locked a row.
async fn is_locked(raw: &DatabaseConnection, id: Id) {
    let row = instance_config::Entity::find_by_id(id)
        .lock_with_behavior(LockType::Update, LockBehavior::Nowait);
    for _ in 0..3_000 {
        if row.clone().one(raw).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody locked the row {id:?} within 30 s");
}

async fn append(tx: &DatabaseTransaction, id: Id) -> Result<(), StoreError> {
    use server_config::{Column, Entity};
    let row = Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    let value = format!("{}x", row.map(|row| row.value).unwrap_or_default());
    Entity::update_many()
        .col_expr(Column::Value, sea_orm::sea_query::Expr::value(value))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Locks the second row after others had time to lock it.
async fn append_to_both(tx: &DatabaseTransaction, rows: [Id; 2]) -> Result<(), StoreError> {
    append(tx, rows[0]).await?;
    tokio::time::sleep(Duration::from_millis(20)).await;
    append(tx, rows[1]).await
}

async fn setting(store: &Store, key: &str) -> Id {
    write_setting(store, key, "").await.id
}

async fn write_setting(store: &Store, key: &str, value: &str) -> server_config::Model {
    let input = (key.to_owned(), value.to_owned());
    let job = store.write(input, |tx, (key, value)| {
        Box::pin(settings::upsert(tx, key, "default", value, None, "test"))
    });
    job.await.unwrap()
}

async fn messages(store: &Store) -> Vec<String> {
    let rows = release_message::Entity::find().all(store.read()).await.unwrap();
    let mut texts: Vec<String> = rows.into_iter().map(|row| row.message).collect();
    texts.sort();
    texts
}

/// A row lock that is taken later must refresh what a transaction reads, whatever the default
/// isolation level is.
#[tokio::test]
async fn transactions_read_what_is_committed_whatever_the_default_of_postgres_is() {
    let Some(database) = Database::postgres().await else { return };
    let name = database.url.rsplit('/').next().unwrap();
    for level in ["repeatable read", "serializable"] {
        let raw = database.raw().await;
        let default =
            format!("ALTER DATABASE {name} SET default_transaction_isolation = '{level}'");
        raw.execute_unprepared(&default).await.unwrap();
        raw.close().await.unwrap();
        let store = database.connect().await;
        for store in [store.clone(), store.reserved()] {
            let level: Result<String, StoreError> = store
                .write((), |tx, ()| {
                    Box::pin(async move {
                        let sql = "SHOW transaction_isolation";
                        let asked =
                            sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql);
                        let row = tx.query_one_raw(asked).await?.unwrap();
                        Ok(row.try_get_by(0)?)
                    })
                })
                .await;
            assert_eq!(level.unwrap(), "read committed");
        }
        store.close().await.unwrap();
    }
}
