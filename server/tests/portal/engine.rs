//! The database of a portal or of an environment: in memory, in a file for a process, or on the
//! server that `CASTALIA_TEST_ON` names (`mysql` or `postgres`). Where an installation is adopted,
//! MariaDB gets Apollo's own tables.

use std::cell::RefCell;

use castalia_server::settings::Installation;
use castalia_store::{Origin, Part, Store};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, Statement, TransactionTrait as _};

use super::lent::Lent;
use super::process;
use crate::database::{Database, apply, patient};

const CONFIG: &str = include_str!("../../store/tests/store/apollo_2_4_config.sql");
const PORTAL: &str = include_str!("../../store/tests/store/apollo_2_4_portal.sql");

/// A row that the first start adds, and Apollo's script: without it, nobody is an administrator
/// once the portal has read its settings again.
const ADMINISTRATOR: &str =
    "INSERT INTO `ServerConfig` (`Key`, `Value`, `Comment`) VALUES ('superAdmin', 'apollo', '')";

/// Tables with rows that belong to the schema, and which of their other rows are removed: the
/// values of an installation name the database beside which this one was used last.
const KEPT: [(&str, &str); 2] =
    [("CastaliaSchema", "1 = 0"), ("CastaliaInstallation", "`Name` <> 'installation.id'")];

thread_local! {
    /// Databases of the test that runs on this thread. They are returned with the thread, hence
    /// after the runtime of the test, whose tasks could still write.
    static DATABASES: RefCell<Vec<Lent>> = const { RefCell::new(Vec::new()) };
}

/// A store on an empty database with the tables of this part.
pub(crate) async fn open(part: Part, installation: Installation) -> Store {
    let Some(engine) = asked_for() else {
        // All work shares one connection, and waits long for it on a busy machine.
        let store = Store::connect("sqlite::memory:", patient("test")).await.unwrap();
        apply(&store, part).await.unwrap();
        return store;
    };
    let is_apollos = engine == "mysql" && installation == Installation::Adopted;
    let kind = (part == Part::Portal, is_apollos);
    let lent = if let Some(lent) = Lent::again(kind).filter(|_| engine != "sqlite") {
        empty(lent.database()).await;
        if part == Part::Portal {
            add_administrator(lent.database()).await;
        }
        lent
    } else {
        let database = create(&engine).await;
        if is_apollos {
            create_apollos_tables(&database, part).await;
            if part == Part::Portal {
                add_administrator(&database).await;
            }
        }
        let origin = if is_apollos { Origin::Adopted } else { Origin::Fresh };
        assert_eq!(apply(&database.connect().await, part).await.unwrap(), origin);
        Lent::new(kind, database)
    };
    let store = lent.database().connect().await;
    DATABASES.with_borrow_mut(|databases| databases.push(lent));
    store
}

/// Whether the database considers names equal that differ only in case.
pub(crate) fn ignores_case() -> bool {
    asked_for().is_some_and(|engine| engine == "mysql")
}

fn asked_for() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "tests have no settings to read it from")]
    let engine = std::env::var("CASTALIA_TEST_ON").ok();
    // A process cannot use a database in the memory of another one.
    engine.or_else(|| process::is_wanted().then(|| "sqlite".to_owned()))
}

async fn add_administrator(database: &Database) {
    let raw = database.raw().await;
    let is_mysql = raw.get_database_backend() == DatabaseBackend::MySql;
    let quote = if is_mysql { "`" } else { "\"" };
    raw.execute_unprepared(&ADMINISTRATOR.replace('`', quote)).await.unwrap();
    raw.close().await.unwrap();
}

async fn create(engine: &str) -> Database {
    let database = match engine {
        "sqlite" => return Database::sqlite(),
        "mysql" => Database::mysql().await,
        "postgres" => Database::postgres().await,
        _ => panic!("CASTALIA_TEST_ON is {engine}, neither mysql nor postgres"),
    };
    database.expect("CASTALIA_TEST_ON needs a run that is not restricted to SQLite")
}

/// Removes all rows; creating the tables again takes a hundred times as long.
async fn empty(database: &Database) {
    let raw = database.raw().await;
    let backend = raw.get_database_backend();
    let (quote, schema) = match backend {
        DatabaseBackend::MySql => ("`", "DATABASE()"),
        _ => ("\"", "current_schema()"),
    };
    let tables = format!(
        "SELECT table_name AS line FROM information_schema.tables WHERE table_schema = {schema}"
    );
    let rows = raw.query_all_raw(Statement::from_string(backend, tables)).await.unwrap();
    let transaction = raw.begin().await.unwrap();
    for row in rows {
        let table: String = row.try_get("", "line").unwrap();
        let kept = KEPT.iter().find(|(kept, _)| *kept == table);
        let condition = kept.map_or("1 = 1", |(_, condition)| condition);
        let sql = format!("DELETE FROM `{table}` WHERE {condition}").replace('`', quote);
        transaction.execute_unprepared(&sql).await.unwrap();
    }
    transaction.commit().await.unwrap();
    raw.close().await.unwrap();
}

async fn create_apollos_tables(database: &Database, part: Part) {
    let tables = if part == Part::Config { CONFIG } else { PORTAL };
    let raw = database.raw().await;
    for statement in tables.split(";\n").filter(|statement| !statement.trim().is_empty()) {
        raw.execute_unprepared(statement).await.unwrap();
    }
    raw.close().await.unwrap();
}
