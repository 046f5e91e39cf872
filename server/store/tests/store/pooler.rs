//! PgBouncer in front of PostgreSQL, started here; `tests/databases.sh up` installs it.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use castalia_store::{Origin, Part, Store, message};
use sea_orm::ConnectionTrait;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::database::{Database, apply, patient};

struct Pooler {
    child: Child,
    /// Of the database, through the pooler.
    url: String,
    _directory: TempDir,
}

impl Pooler {
    async fn start(database: &Database, mode: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let (credentials, place) = database.url.rsplit_once('@').unwrap();
        let (server, name) = place.split_once('/').unwrap();
        let (host, database_port) = server.split_once(':').unwrap();
        let directory = tempfile::tempdir().unwrap();
        // Another user reads it.
        std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let file = |name: &str| directory.path().join(name).display().to_string();
        let (settings, users) = (file("pgbouncer.ini"), file("users"));
        std::fs::write(&users, "\"castalia\" \"castalia\"\n").unwrap();
        let lines = format!(
            "[databases]\n* = host={host} port={database_port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = plain\nauth_file = {users}\n\
             pool_mode = {mode}\ndefault_pool_size = 40\n\
             ignore_startup_parameters = extra_float_digits,options,search_path\n"
        );
        std::fs::write(&settings, lines).unwrap();
        // It does not run as root.
        let child = Command::new("setpriv")
            .args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "pgbouncer", "-q"])
            .arg(&settings)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let is_soon = begun.elapsed() < Duration::from_secs(60);
            assert!(is_soon, "pgbouncer does not listen: run tests/databases.sh up");
            sleep(Duration::from_millis(20)).await;
        }
        let url = format!("{credentials}@127.0.0.1:{port}/{name}");
        Self { child, url, _directory: directory }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A node would lose its limits, the isolation level and notifications, and fail with errors about
/// prepared statements.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_shares_sessions_is_refused() {
    let Some(database) = Database::postgres().await else { return };
    let pooler = Pooler::start(&database, "transaction").await;
    let refused = Store::connect(&pooler.url, patient("--config-db")).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("--config-db") && error.contains("session mode"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_in_session_mode_is_used() {
    let Some(database) = Database::postgres().await else { return };
    let pooler = Pooler::start(&database, "session").await;
    let store = Store::connect(&pooler.url, patient("--config-db")).await.unwrap();
    assert_eq!(apply(&store, Part::Config).await.unwrap(), Origin::Fresh);
    let write = store
        .write((), |tx, ()| Box::pin(async move { message::insert(tx, "a+b+c").await.map(drop) }));
    write.await.unwrap();
    assert_eq!(message::after(store.read(), 0, 10).await.unwrap().readable.len(), 1);
    store.close().await.unwrap();
}

/// Otherwise the tables of both databases are created in the default schema.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_drops_the_schema_is_refused() {
    let Some(database) = Database::postgres().await else { return };
    let raw = database.raw().await;
    raw.execute_unprepared("CREATE SCHEMA portal").await.unwrap();
    raw.close().await.unwrap();
    let option = "?options[search_path]=portal";
    let others = "?options=--search_path%3Dportal%20-cstatement_timeout%3D5000";
    for option in [option, others, "?options[search_path]=absent,portal"] {
        let direct = format!("{}{option}", database.url);
        let store = Store::connect(&direct, patient("--portal-db")).await.unwrap();
        store.close().await.unwrap();
    }
    let pooler = Pooler::start(&database, "session").await;
    for option in [option, "?options[search_path]=portal,public"] {
        let url = format!("{}{option}", pooler.url);
        let error = Store::connect(&url, patient("--portal-db")).await.unwrap_err().to_string();
        assert!(error.contains("--portal-db") && error.contains("ALTER ROLE"), "{error}");
    }
    let absent = format!("{}?options[search_path]=absent", database.url);
    let error = Store::connect(&absent, patient("--portal-db")).await.unwrap_err().to_string();
    assert!(error.contains("none of its schemas exists"), "{error}");
}
