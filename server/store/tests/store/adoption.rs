//! A database that Apollo created is used unchanged, from the schema of its version 2.4 on; an
//! older one is refused with a report, and nothing in it is changed.

use castalia_store::entity::{
    Standard, app, cluster, insert, release, server_config as settings_table,
};
use castalia_store::{
    Deletion, Id, Origin, Part, Store, StoreError, app as apps, item, message, migration,
    namespace, release as releases, server_config as settings, user,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait, Set, Statement};

use crate::database::{Database, apply};

const CONFIG: &str = include_str!("apollo_2_4_config.sql");
const PORTAL: &str = include_str!("apollo_2_4_portal.sql");

/// Rows as Apollo leaves them: active ones, one deleted by the current version, and ones deleted
/// before version 2.0, whose DeletedAt is minus their id.
const CONFIG_ROWS: &str = "
INSERT INTO `ServerConfig` (`Key`, `Cluster`, `Value`, `Comment`) VALUES ('namespace.lock.switch', 'default', 'true', 'c');
INSERT INTO `App` (`Id`, `AppId`, `Name`, `IsDeleted`, `DeletedAt`) VALUES
  (1, 'demo', 'first', b'1', -1), (2, 'demo', 'second', b'1', -2), (3, 'demo', 'third', b'1', 1700000000000), (4, 'demo', 'live', b'0', 0);
INSERT INTO `Cluster` (`AppId`, `Name`, `Comment`) VALUES ('demo', 'default', NULL);
INSERT INTO `AppNamespace` (`AppId`, `Name`) VALUES ('demo', 'application');
INSERT INTO `Namespace` (`Id`, `AppId`, `ClusterName`, `NamespaceName`) VALUES (7, 'demo', 'default', 'application');
INSERT INTO `Item` (`NamespaceId`, `Key`, `Value`, `Comment`, `LineNum`, `DataChange_LastModifiedBy`) VALUES (7, 'k', 'v', NULL, 1, NULL);
INSERT INTO `Release` (`Id`, `ReleaseKey`, `AppId`, `NamespaceName`, `Configurations`) VALUES (4000000000, '20230101000000-0000000000000001', 'demo', 'application', '{\"k\":\"v\"}');
INSERT INTO `ReleaseMessage` (`Message`) VALUES ('demo+default+application');
";

const PORTAL_ROWS: &str = "
INSERT INTO `Users` (`Username`, `Password`, `UserDisplayName`, `Email`, `Enabled`) VALUES ('apollo', '$2a$10$hash', 'apollo', 'a@b', 1);
";

/// The schema of an installation that was upgraded step by step: columns that were added later are
/// at the end.
const UPGRADED: [&str; 4] = [
    "ALTER TABLE `Cluster` MODIFY `Comment` varchar(64) DEFAULT NULL AFTER `DataChange_LastTime`",
    "ALTER TABLE `App` MODIFY `DeletedAt` bigint(20) NOT NULL DEFAULT '0' AFTER `DataChange_LastTime`",
    "ALTER TABLE `AccessKey` MODIFY `Mode` tinyint unsigned NOT NULL DEFAULT '0' AFTER `DataChange_LastTime`",
    "CREATE INDEX `IX_key` ON `Item` (`Key`)",
];

/// A database with Apollo's tables; `None` if only SQLite is tested.
async fn apollos(
    tables: &str,
    rows: &str,
    changes: &[&str],
) -> Option<(Database, DatabaseConnection)> {
    let database = Database::mysql().await?;
    let raw = database.raw().await;
    for statement in tables.split(";\n").chain(rows.split(";\n")).chain(changes.iter().copied()) {
        if !statement.trim().is_empty() {
            raw.execute_unprepared(statement).await.unwrap();
        }
    }
    Some((database, raw))
}

#[tokio::test]
async fn apollos_config_db_is_adopted_and_worked_on() {
    for changes in [&[][..], &UPGRADED] {
        let Some((database, raw)) = apollos(CONFIG, CONFIG_ROWS, changes).await else {
            return;
        };
        let store = database.connect().await;
        assert_eq!(apply(&store, Part::Config).await.unwrap(), Origin::Adopted);
        assert_eq!(apply(&store, Part::Config).await.unwrap(), Origin::Adopted);
        let rows = settings::all(store.read()).await.unwrap();
        assert_eq!(rows.len(), 1, "no rows are added to an adopted database");
        reads_what_apollo_wrote(&store).await;
        hidden_rows_do_not_stand_in_the_way(&store).await;
        writes_rows_as_apollo_does(&store, &raw).await;
        raw.close().await.unwrap();
    }
}

#[tokio::test]
async fn apollos_portal_db_gets_the_tables_of_version_3() {
    let Some((database, raw)) = apollos(PORTAL, PORTAL_ROWS, &[]).await else {
        return;
    };
    let store = database.connect().await;
    let report = migration::check(&store, Part::Portal).await.unwrap();
    assert_eq!(report.origin, Origin::Adopted);
    let ours = [
        "CastaliaSchema",
        "CastaliaSession",
        "CastaliaConsumerGrant",
        "CastaliaInstallation",
        "CastaliaWebhook",
        "CastaliaNotice",
        "CastaliaDelivery",
        "CastaliaEvent",
        "CastaliaAuditSeal",
        "CastaliaRecent",
        "CastaliaAccessRequest",
        "CastaliaPendingChange",
        "CastaliaConsumerUse",
        "CastaliaPreference",
        "CastaliaNamespaceSchema",
    ];
    assert_eq!(report.absent_tables[..2], ["UserToken", "UserTokenAudit"]);
    assert_eq!(report.absent_tables[2..], ours);
    assert_eq!(apply(&store, Part::Portal).await.unwrap(), Origin::Adopted);
    let after = migration::check(&store, Part::Portal).await.unwrap();
    assert!(after.absent_tables.is_empty() && after.missing_steps.is_empty(), "{after:?}");
    let apollo = user::find(store.read(), "apollo").await.unwrap().unwrap();
    assert_eq!(apollo.password.expose(), "$2a$10$hash");
    assert!(settings::all_of_portal(store.read()).await.unwrap().is_empty());
    raw.close().await.unwrap();
}

#[tokio::test]
async fn emptied_apollo_database_stays_empty() {
    let Some((database, raw)) = apollos(CONFIG, "", &[]).await else {
        return;
    };
    let store = database.connect().await;
    assert_eq!(apply(&store, Part::Config).await.unwrap(), Origin::Adopted);
    assert!(settings::all(store.read()).await.unwrap().is_empty());
    raw.close().await.unwrap();
}

#[tokio::test]
async fn database_older_than_version_2_4_is_refused_with_all_faults() {
    let old = [
        "ALTER TABLE `AccessKey` DROP COLUMN `Mode`",
        "ALTER TABLE `Cluster` DROP COLUMN `Comment`",
        "ALTER TABLE `Commit` DROP COLUMN `DeletedAt`",
        "DROP TABLE `ServiceRegistry`",
    ];
    let Some((database, raw)) = apollos(CONFIG, CONFIG_ROWS, &old).await else {
        return;
    };
    let store = database.connect().await;
    let refused = apply(&store, Part::Config).await.unwrap_err();
    assert!(matches!(refused, StoreError::Setting { .. }));
    let text = refused.to_string();
    for part in [
        "config-db",
        "column Mode of table AccessKey",
        "apolloconfigdb-v230-v240.sql",
        "column Comment of table Cluster",
        "apolloconfigdb-v220-v230.sql",
        "column DeletedAt of table Commit",
        "apolloconfigdb-v190-v200.sql",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("castalia:castalia"), "{text}");
    let report = migration::check(&store, Part::Config).await.unwrap();
    assert_eq!(report.faults.len(), 3);
    let absent = [
        "ServiceRegistry",
        "CastaliaSchema",
        "CastaliaInstallation",
        "CastaliaUnsignedClient",
        "CastaliaAuditSeal",
    ];
    assert_eq!(report.absent_tables, absent, "nothing was created");
    raw.close().await.unwrap();
}

/// S73: empty tables would be created beside them, as after a dump of a server that stores names in
/// lower case was restored on one that distinguishes them.
#[tokio::test]
async fn tables_in_another_case_are_refused_until_they_are_renamed() {
    for database in [Database::mysql().await, Database::postgres().await].into_iter().flatten() {
        let raw = database.raw().await;
        let quote = if database.is_mysql() { "`" } else { "\"" };
        let run = async |sql: &str| {
            raw.execute_unprepared(&sql.replace('\'', quote)).await.map(drop).unwrap();
        };
        // A table of another program is none of them.
        run("CREATE TABLE 'cluster' ('Name' varchar(9))").await;
        let store = database.config().await;
        store.write((), |tx, ()| Box::pin(message::insert(tx, "a+b+c"))).await.unwrap();
        store.close().await.unwrap();
        let names = ["Item", "ReleaseMessage", "CastaliaInstallation", "CastaliaSchema"];
        for name in names {
            run(&format!("ALTER TABLE '{name}' RENAME TO '{}'", name.to_lowercase())).await;
        }
        if database.is_postgres() {
            run("ALTER TABLE 'item' RENAME COLUMN 'Key' TO 'key'").await;
        }
        // As in an older version of Apollo.
        run("ALTER TABLE 'releasemessage' DROP COLUMN 'DataChange_LastTime'").await;

        let store = database.connect().await;
        let before = migration::check(&store, Part::Config).await.unwrap();
        let applied = apply(&store, Part::Config).await;
        for refused in [applied, migration::accept(&store, Part::Config, "").await] {
            let text = refused.unwrap_err().to_string();
            for name in names {
                let part = format!("table {name} is named {}", name.to_lowercase());
                assert!(text.contains(&part), "{text}");
            }
        }
        let after = migration::check(&store, Part::Config).await.unwrap();
        assert_eq!(after, before, "nothing was created");
        let kind = if database.is_mysql() { "timestamp" } else { "timestamptz(3)" };
        let column = format!("'DataChange_LastTime' {kind} NOT NULL DEFAULT CURRENT_TIMESTAMP");
        run(&format!("ALTER TABLE 'releasemessage' ADD COLUMN {column}")).await;
        rename_as_advised(&store, &raw).await;
        assert_eq!(apply(&store, Part::Config).await.unwrap(), Origin::Fresh);
        assert_eq!(message::after(store.read(), 0, 10).await.unwrap().count, 1);
    }
}

/// S84
#[tokio::test]
async fn tables_of_another_program_do_not_stand_in_the_way_of_new_ones() {
    for database in [Database::mysql().await, Database::postgres().await].into_iter().flatten() {
        let raw = database.raw().await;
        for table in [
            // Those of Spring Security, and what a program may add to them.
            "users (id int, username varchar(50), password varchar(500), email varchar(50), enabled int)",
            "authorities (username varchar(50), authority varchar(50))",
        ] {
            raw.execute_unprepared(&format!("CREATE TABLE {table}")).await.unwrap();
        }
        let store = database.portal().await;
        assert!(user::find(store.read(), "apollo").await.unwrap().is_none());
        raw.close().await.unwrap();
    }
}

/// Runs the statements that the faults name: the columns of a table are compared once it is found.
async fn rename_as_advised(store: &Store, raw: &DatabaseConnection) {
    for _ in 0..2 {
        for fault in migration::check(store, Part::Config).await.unwrap().faults {
            let (_, statement) = fault.rsplit_once(": ").unwrap();
            raw.execute_unprepared(statement).await.unwrap();
        }
    }
}

#[tokio::test]
async fn heartbeats_of_another_time_zone_are_pointed_out() {
    let beat = "INSERT INTO `ServiceRegistry` (`ServiceName`, `Uri`, `Cluster`, `DataChange_LastTime`) \
                VALUES ('apollo-configservice', 'http://a/', 'default', NOW() + INTERVAL 8 HOUR)";
    let Some((database, raw)) = apollos(CONFIG, "", &[beat]).await else {
        return;
    };
    let store = database.connect().await;
    let report = migration::check(&store, Part::Config).await.unwrap();
    assert!(report.warnings[0].contains("8 h") && report.warnings[0].contains("store.time_zone"));
    assert_eq!(apply(&store, Part::Config).await.unwrap(), Origin::Adopted);
    raw.close().await.unwrap();
}

async fn reads_what_apollo_wrote(store: &Store) {
    let db = store.read();
    assert_eq!(apps::by_app_id(db, "demo").await.unwrap().unwrap().name, "live");
    let namespace = namespace::find(db, "demo", "default", "application").await.unwrap().unwrap();
    let items = item::readable_of_namespace(db, namespace.id).await.unwrap();
    assert_eq!((items[0].value.as_str(), items[0].comment.as_deref()), ("v", None));
    let release = releases::latest_active(db, "demo", "default", "application").await.unwrap();
    assert_eq!(release.unwrap().id, Id(4_000_000_000), "ids beyond 31 bits");
    assert_eq!(message::max_id(db).await.unwrap(), Id(1));
}

async fn hidden_rows_do_not_stand_in_the_way(store: &Store) {
    let by = Deletion::by("apollo");
    let gone = store.write(by, |tx, by| Box::pin(apps::delete(tx, "demo", by))).await;
    assert!(gone.unwrap());
    let row = app::ActiveModel {
        app_id: Set("demo".into()),
        name: Set("again".into()),
        org_id: Set("o".into()),
        org_name: Set("o".into()),
        owner_name: Set("apollo".into()),
        owner_email: Set("a@b".into()),
        ..app::ActiveModel::created_by("apollo")
    };
    store.write(row, |tx, row| Box::pin(insert(tx, row.clone()))).await.unwrap();
    assert_eq!(app::Entity::find().all(store.read()).await.unwrap().len(), 5);
    assert_eq!(app::Entity::live().all(store.read()).await.unwrap().len(), 1);
}

async fn writes_rows_as_apollo_does(store: &Store, raw: &DatabaseConnection) {
    let row = cluster::ActiveModel {
        app_id: Set("demo".into()),
        name: Set("hz".into()),
        parent_cluster_id: Set(Id(0)),
        comment: Set(Some("c".into())),
        ..cluster::ActiveModel::created_and_edited_by("apollo")
    };
    let before = castalia_store::now();
    store.write(row, |tx, row| Box::pin(insert(tx, row.clone()))).await.unwrap();
    // Read as text, without the types of the store: a missing flag bit would appear as NULL.
    let sql = "SELECT CONCAT_WS('|', AppId, Name, ParentClusterId, Comment, IsDeleted + 0, DeletedAt, \
               DataChange_CreatedBy, DataChange_LastModifiedBy, \
               ABS(TIMESTAMPDIFF(SECOND, FROM_UNIXTIME(?), DataChange_LastTime)) < 5) AS Line \
               FROM Cluster WHERE Name = 'hz'";
    let statement = Statement::from_sql_and_values(
        raw.get_database_backend(),
        sql,
        [before.timestamp().into()],
    );
    let line: String =
        raw.query_one_raw(statement).await.unwrap().unwrap().try_get("", "Line").unwrap();
    assert_eq!(line, "demo|hz|0|c|0|0|apollo|apollo|1");
    let settings = settings_table::Entity::live().all(store.read()).await.unwrap();
    assert_eq!(settings[0].value, "true");
    assert!(release::Entity::live().one(store.read()).await.unwrap().is_some());
}
