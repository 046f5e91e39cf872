//! A new, empty database for each test, on each engine, and its removal afterwards.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use castalia_store::{Origin, Part, Store, StoreError, StoreOptions, migration};
use futures_util::future::BoxFuture;
use sea_orm::{ConnectionTrait, Database as SeaOrm, DatabaseConnection, DatabaseTransaction};
use tempfile::TempDir;

/// Makes one test for each engine from each function.
macro_rules! on_each_database {
    ($( async fn $name:ident($database:ident: Database) $body:block )*) => { $(
        mod $name {
            use super::*;

            async fn run($database: Database) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run(Database::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mysql() {
                if let Some(database) = Database::mysql().await {
                    run(database).await;
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(database) = Database::postgres().await {
                    run(database).await;
                }
            }
        }
    )* };
}

pub(crate) use on_each_database;

/// An empty database that is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) url: String,
    /// The URL of a new database, and the SQL that removes it.
    removal: Option<(String, String)>,
    _directory: Option<TempDir>,
}

/// PostgreSQL cannot remove a database with open sessions, unless they are terminated first.
const FORCE: &str = " WITH (FORCE)";

/// The addresses of the servers, started on first use; `None` if the run is restricted.
static SERVERS: LazyLock<Option<[String; 2]>> = LazyLock::new(|| {
    #[expect(clippy::disallowed_methods, reason = "tests have no settings to read it from")]
    let restricted = std::env::var("CASTALIA_TEST_DATABASES").is_ok_and(|names| names == "sqlite");
    if restricted {
        return None;
    }
    script(&["up"]);
    Some([script(&["url", "mysql"]), script(&["url", "postgres"])])
});

fn script(arguments: &[&str]) -> String {
    // Relative to any of the crates that include this file.
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|directory| directory.join("tests/databases.sh"))
        .find(|path| path.exists())
        .unwrap();
    let output = Command::new(&path).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{} {arguments:?}: {}",
        path.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Database {
    pub(crate) fn sqlite() -> Self {
        let directory = TempDir::new().unwrap();
        let url = format!("sqlite://{}", directory.path().join("store.db").display());
        Self { url, removal: None, _directory: Some(directory) }
    }

    pub(crate) async fn mysql() -> Option<Self> {
        let [server, _] = SERVERS.as_ref()?;
        Some(Self::on_server(server, "").await)
    }

    pub(crate) async fn postgres() -> Option<Self> {
        let [_, server] = SERVERS.as_ref()?;
        Some(Self::on_server(server, FORCE).await)
    }

    async fn on_server(server: &str, force: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{count}", std::process::id());
        let (address, _) = server.rsplit_once('/').unwrap();
        let db = SeaOrm::connect(server).await.unwrap();
        let removal = format!("DROP DATABASE IF EXISTS {name}{force}");
        db.execute_unprepared(&removal).await.unwrap();
        db.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        db.close().await.unwrap();
        Self {
            url: format!("{address}/{name}"),
            removal: Some((server.to_owned(), removal)),
            _directory: None,
        }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite")
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }

    pub(crate) fn is_mysql(&self) -> bool {
        self.url.starts_with("mysql")
    }

    /// A store on the database without any changes.
    pub(crate) async fn connect(&self) -> Store {
        Store::connect(&self.url, patient("config-db")).await.unwrap()
    }

    /// A store with the tables of ConfigDB.
    pub(crate) async fn config(&self) -> Store {
        let store = self.connect().await;
        assert_eq!(apply(&store, Part::Config).await.unwrap(), Origin::Fresh);
        store
    }

    /// A store with the tables of PortalDB.
    pub(crate) async fn portal(&self) -> Store {
        let store = self.connect().await;
        assert_eq!(apply(&store, Part::Portal).await.unwrap(), Origin::Fresh);
        store
    }

    /// A plain connection, without the store.
    pub(crate) async fn raw(&self) -> DatabaseConnection {
        SeaOrm::connect(&self.url).await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some((server, removal)) = self.removal.take() else {
            return;
        };
        let work = async move {
            let db = SeaOrm::connect(&server).await?;
            db.execute_unprepared(&removal).await?;
            db.close().await
        };
        // Dropped inside a runtime that may be shutting down, hence a separate one on a separate
        // thread.
        let thread = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(work).unwrap();
        });
        thread.join().unwrap();
    }
}

/// Options with a longer timeout than that of a real server, because other tests may keep the
/// machine busy.
pub(crate) fn patient(setting: &str) -> StoreOptions {
    StoreOptions { acquire_timeout: Duration::from_secs(30), ..StoreOptions::new(setting) }
}

/// Creates the schema without additional rows.
pub(crate) async fn apply(store: &Store, part: Part) -> Result<Origin, StoreError> {
    migration::apply(store, part, no_rows).await
}

pub(crate) fn no_rows(_: &DatabaseTransaction) -> BoxFuture<'_, Result<(), StoreError>> {
    Box::pin(async { Ok(()) })
}
