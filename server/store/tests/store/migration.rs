//! Creation of the schema: once for all nodes, resumed after a failure, and skipped if it is up to
//! date.

use std::time::Duration;

use castalia_store::entity::{
    Standard, app_namespace, castalia_schema, insert, release_message, server_config,
};
use castalia_store::{
    Id, Origin, Part, Store, StoreError, message as messages, migration, server_config as settings,
};
use futures_util::future::{BoxFuture, join_all};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, QueryFilter, Set, TransactionTrait,
};

use crate::database::{Database, apply, on_each_database};

/// The statement that creates the record of steps, on SQLite, MySQL and PostgreSQL.
const RECORD: [&str; 3] = [
    include_str!("../../src/migration/sqlite/0000_record.sql"),
    include_str!("../../src/migration/mysql/0000_record.sql"),
    include_str!("../../src/migration/postgres/0000_record.sql"),
];

on_each_database! {
    async fn four_nodes_at_once_create_the_schema_once(database: Database) {
        let nodes = join_all((0..4).map(|_| async {
            let store = database.connect().await;
            migration::apply(&store, Part::Config, own_setting).await.unwrap()
        }));
        assert_eq!(nodes.await, [Origin::Fresh; 4]);
        let store = database.connect().await;
        let own = settings::all(store.read()).await.unwrap();
        assert_eq!(own.iter().filter(|row| row.key == "own").count(), 1);
        assert_eq!(versions(&store).await, [0, 1, 3, 11, 13]);
    }

    async fn four_nodes_at_once_create_the_schema_of_the_portal_once(database: Database) {
        let nodes = join_all((0..4).map(|_| async {
            apply(&database.connect().await, Part::Portal).await.unwrap()
        }));
        assert_eq!(nodes.await, [Origin::Fresh; 4]);
        assert_eq!(versions(&database.connect().await).await, [0, 2, 4, 5, 6, 7, 8, 9, 10, 12, 14, 15, 16]);
    }

    async fn fresh_config_databases_hold_the_settings_of_every_installation(database: Database) {
        let rows = settings::all(database.config().await.read()).await.unwrap();
        let limit = rows.iter().find(|row| row.key == "item.value.length.limit").unwrap();
        assert_eq!((limit.value.as_str(), limit.cluster.as_str()), ("20000", "default"));
        assert!(rows.iter().any(|row| row.key == "config-service.incremental.change.enabled"));
    }

    async fn fresh_portal_databases_hold_the_settings_of_every_installation(database: Database) {
        let store = database.portal().await;
        let rows = settings::all_of_portal(store.read()).await.unwrap();
        assert!(rows.iter().any(|row| row.key == "organizations" && row.value.contains("Sample department 1")));
    }

    async fn the_config_database_is_refused_as_the_portals(database: Database) {
        drop(database.config().await);
        refused_as(&database, Part::Portal, "this is the config database").await;
    }

    async fn the_portal_database_is_refused_as_the_environments(database: Database) {
        drop(database.portal().await);
        refused_as(&database, Part::Config, "this is the portal database").await;
    }

    async fn schema_that_is_up_to_date_waits_for_no_lock(database: Database) {
        drop(database.config().await);
        let held = hold_lock(&database).await;
        let store = database.connect().await;
        // The lock would be waited for 60 s.
        let start = tokio::time::timeout(Duration::from_secs(30), apply(&store, Part::Config));
        assert_eq!(start.await.unwrap().unwrap(), Origin::Fresh);
        held.rollback().await.unwrap();
    }

    async fn failed_seed_leaves_no_record_and_the_next_start_repeats_it(database: Database) {
        let store = database.connect().await;
        let failed = migration::apply(&store, Part::Config, failing).await;
        assert!(matches!(failed, Err(StoreError::Other(_))), "{failed:?}");
        assert!(migration::check(&store, Part::Config).await.unwrap().missing_steps.len() == 4);
        let refused = migration::accept(&store, Part::Config, "").await.unwrap_err().to_string();
        // MySQL has committed the tables.
        let reason = if database.is_mysql() { "was not completed" } else { "tables are missing" };
        assert!(refused.contains(reason), "{refused}");
        migration::apply(&store, Part::Config, own_setting).await.unwrap();
        let rows = settings::all(store.read()).await.unwrap();
        assert_eq!(rows.iter().filter(|row| row.key == "own").count(), 1);
        assert_eq!(rows.iter().filter(|row| row.key == "namespace.lock.switch").count(), 1);
    }

    async fn tables_without_their_first_rows_are_not_accepted(database: Database) {
        let store = database.config().await;
        assert_eq!(migration::accept(&store, Part::Config, "").await.unwrap(), Origin::Fresh);
        forget_steps(&database).await;
        let accepted = migration::accept(&store, Part::Config, "").await;
        for refused in [accepted, migration::origin(&store).await] {
            let text = refused.unwrap_err().to_string();
            assert!(text.contains("config-db: ") && text.contains("was not completed"), "{text}");
            assert!(text.contains("castalia migrate"), "{text}");
        }
    }

    async fn a_record_that_cannot_be_read_makes_no_database_an_adopted_one(database: Database) {
        drop(database.config().await);
        rename_column(&database, "Name", "Other").await;
        let store = database.connect().await;
        let accepted = migration::accept(&store, Part::Config, "").await;
        let applied = apply(&store, Part::Config).await;
        for outcome in [accepted, applied, migration::origin(&store).await] {
            assert!(matches!(outcome, Err(StoreError::Other(_))), "{outcome:?}");
        }
        assert!(migration::check(&store, Part::Config).await.is_err());
        rename_column(&database, "Other", "Name").await;
        let store = database.connect().await;
        assert_eq!(migration::origin(&store).await.unwrap(), Origin::Fresh);
    }

    // S92: a restore creates all tables before it fills them.
    async fn a_record_without_rows_beside_other_tables_is_refused(database: Database) {
        let store = database.config().await;
        let raw = database.raw().await;
        let rows = castalia_schema::Entity::find().all(&raw).await.unwrap();
        castalia_schema::Entity::delete_many().exec(&raw).await.unwrap();
        refused_as_incomplete(&store, "CastaliaSchema has no rows").await;
        assert!(versions(&store).await.is_empty());
        let rows = rows.into_iter().map(|row| row.into_active_model().reset_all());
        let restored = castalia_schema::Entity::insert_many(rows);
        restored.exec_without_returning(&raw).await.unwrap();
        raw.close().await.unwrap();
        assert_eq!(apply(&store, Part::Config).await.unwrap(), Origin::Fresh);
    }

    // S92: or it creates and fills one table after the other.
    async fn other_tables_without_a_record_are_refused(database: Database) {
        let store = database.config().await;
        rename_record(&database, "CastaliaSchema", "Kept").await;
        refused_as_incomplete(&store, "CastaliaSchema is missing").await;
        // Fails if the table was created meanwhile.
        rename_record(&database, "Kept", "CastaliaSchema").await;
        assert_eq!(apply(&store, Part::Config).await.unwrap(), Origin::Fresh);
    }

    // MySQL keeps it if a creation is killed there.
    async fn a_record_without_rows_and_without_other_tables_is_completed(database: Database) {
        // Creates the file of SQLite.
        let store = database.connect().await;
        let raw = database.raw().await;
        let [sqlite, mysql, postgres] = RECORD;
        let sql = match (database.is_mysql(), database.is_postgres()) {
            (true, _) => mysql,
            (_, true) => postgres,
            _ => sqlite,
        };
        raw.execute_unprepared(sql.split(";\n").next().unwrap()).await.unwrap();
        raw.close().await.unwrap();
        assert_eq!(apply(&store, Part::Config).await.unwrap(), Origin::Fresh);
        assert!(versions(&store).await.contains(&1));
    }

    async fn check_names_what_is_missing_and_writes_nothing(database: Database) {
        let store = database.connect().await;
        let report = migration::check(&store, Part::Portal).await.unwrap();
        assert_eq!(report.origin, Origin::Fresh);
        assert_eq!(
            report.missing_steps,
            [
                "portal",
                "castalia_portal",
                "castalia_installation",
                "castalia_notice",
                "castalia_event",
                "castalia_audit_seal",
                "castalia_recent",
                "castalia_access_request",
            "castalia_pending_change",
                "castalia_consumer_use",
                "castalia_preference",
                "castalia_namespace_schema",
            ]
        );
        assert!(report.absent_tables.contains(&"UserToken".to_owned()));
        let again = migration::check(&store, Part::Portal).await.unwrap();
        assert_eq!(report, again);
        assert_eq!(migration::origin(&store).await.unwrap(), Origin::Adopted);
    }

    async fn ids_of_deleted_rows_are_not_given_out_again(database: Database) {
        let store = database.config().await;
        let first = message(&store).await;
        let last = message(&store).await;
        let raw = database.raw().await;
        release_message::Entity::delete_by_id(last).exec(&raw).await.unwrap();
        raw.close().await.unwrap();
        assert!(message(&store).await > last && last > first);
    }

    async fn defaults_of_columns_fit_what_the_store_reads(database: Database) {
        let store = database.config().await;
        let raw = database.raw().await;
        let quote = if database.is_mysql() { '`' } else { '"' };
        let sql = "INSERT INTO 'AppNamespace' ('Name', 'AppId') VALUES ".replace('\'', &quote.to_string());
        raw.execute_unprepared(&format!("{sql} ('n', 'a')")).await.unwrap();
        raw.close().await.unwrap();
        let row = app_namespace::Entity::live().one(store.read()).await.unwrap().unwrap();
        assert_eq!((row.format.as_str(), row.is_public, row.deleted_at), ("properties", false, 0));
        assert_eq!(row.data_change_created_by, "default");
        assert_eq!(row.data_change_last_modified_by.as_deref(), Some(""));
        let age = castalia_store::now() - *row.data_change_last_time.unwrap();
        assert!(age.num_seconds().abs() < 60, "{age}");
    }
}

fn own_setting(tx: &DatabaseTransaction) -> BoxFuture<'_, Result<(), StoreError>> {
    Box::pin(async move {
        let row = server_config::ActiveModel {
            key: Set("own".into()),
            cluster: Set("default".into()),
            value: Set("1".into()),
            comment: Set(None),
            ..server_config::ActiveModel::created_by("test")
        };
        insert(tx, row).await.map(drop)
    })
}

fn failing(tx: &DatabaseTransaction) -> BoxFuture<'_, Result<(), StoreError>> {
    Box::pin(async move {
        own_setting(tx).await?;
        Err(StoreError::other("the seed fails"))
    })
}

/// Nothing is written, whether the record of steps exists or not.
async fn refused_as(database: &Database, part: Part, expected: &str) {
    let store = database.connect().await;
    for is_recorded in [true, false] {
        let before = migration::check(&store, part).await.unwrap();
        assert!(before.faults.len() == 1 && before.faults[0].contains(expected), "{before:?}");
        for refused in [apply(&store, part).await, migration::accept(&store, part, "").await] {
            let text = refused.unwrap_err().to_string();
            assert!(text.contains(expected) && text.contains("second database"), "{text}");
            assert_eq!(text.contains("search_path"), database.is_postgres(), "{text}");
        }
        assert_eq!(migration::check(&store, part).await.unwrap(), before);
        if is_recorded {
            castalia_schema::Entity::delete_many().exec(&database.raw().await).await.unwrap();
        }
    }
}

/// S92: whether this account may not read the record is no matter of a restore.
#[tokio::test]
async fn a_record_that_this_account_may_not_read_is_not_missing() {
    let Some(database) = Database::postgres().await else { return };
    let store = database.config().await;
    let raw = database.raw().await;
    let revoke = r#"REVOKE SELECT ON "CastaliaSchema" FROM CURRENT_USER"#;
    raw.execute_unprepared(revoke).await.unwrap();
    raw.close().await.unwrap();
    assert!(migration::check(&store, Part::Config).await.unwrap().faults.is_empty());
    let accepted = migration::accept(&store, Part::Config, "").await;
    for origin in [apply(&store, Part::Config).await, accepted, migration::origin(&store).await] {
        assert_eq!(origin.unwrap(), Origin::Adopted);
    }
}

/// No start takes the database for one of Apollo.
async fn refused_as_incomplete(store: &Store, state: &str) {
    let expected = "a restore is not complete";
    let report = migration::check(store, Part::Config).await.unwrap();
    assert!(report.faults.len() == 1 && report.faults[0].contains(expected), "{report:?}");
    let applied = apply(store, Part::Config).await;
    let accepted = migration::accept(store, Part::Config, "").await;
    for refused in [applied, accepted, migration::origin(store).await] {
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("config-db: ") && text.contains(expected), "{text}");
        assert!(text.contains(state), "{text}");
    }
}

/// Leaves what MySQL has committed when a creation is interrupted before its first rows.
async fn forget_steps(database: &Database) {
    let raw = database.raw().await;
    let later = castalia_schema::Column::Version.gt(0);
    castalia_schema::Entity::delete_many().filter(later).exec(&raw).await.unwrap();
    raw.close().await.unwrap();
}

/// Renames a column of the record of steps.
async fn rename_column(database: &Database, from: &str, to: &str) {
    let change = format!("ALTER TABLE 'CastaliaSchema' RENAME COLUMN '{from}' TO '{to}'");
    execute(database, &change).await;
}

/// Renames the table of the record of steps.
async fn rename_record(database: &Database, from: &str, to: &str) {
    execute(database, &format!("ALTER TABLE '{from}' RENAME TO '{to}'")).await;
}

async fn execute(database: &Database, sql: &str) {
    let raw = database.raw().await;
    let quote = if database.is_mysql() { "`" } else { "\"" };
    raw.execute_unprepared(&sql.replace('\'', quote)).await.unwrap();
    raw.close().await.unwrap();
}

async fn versions(store: &Store) -> Vec<i32> {
    let mut rows = castalia_schema::Entity::find().all(store.read()).await.unwrap();
    rows.sort_by_key(|row| row.version);
    rows.into_iter().map(|row| row.version).collect()
}

async fn message(store: &Store) -> Id {
    store.write((), |tx, ()| Box::pin(messages::insert(tx, "a+default+n"))).await.unwrap().id
}

/// The lock that another node holds while it changes the schema.
async fn hold_lock(database: &Database) -> DatabaseTransaction {
    let raw = database.raw().await;
    let tx = raw.begin().await.unwrap();
    let sql = if database.is_sqlite() {
        "UPDATE \"App\" SET \"Name\" = ''"
    } else if database.is_mysql() {
        "DO GET_LOCK(CONCAT('castalia.schema.', MD5(DATABASE())), 0)"
    } else {
        "SELECT pg_advisory_xact_lock(27973171196030057)"
    };
    tx.execute_unprepared(sql).await.unwrap();
    tx
}
