//! Connections: invalid settings are reported by name, broken connections are replaced, passwords
//! are not shown.

use std::time::{Duration, Instant};

use castalia_store::{Listener, Store, StoreError, StoreOptions, message};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tempfile::TempDir;

use crate::database::{Database, on_each_database, patient};

/// Longest wait for a notification, on a busy machine. Nothing else would wake the listener.
const HEARD: Duration = Duration::from_secs(60);
/// Time limit of a refusal, on a busy machine. A pool tries for 2 s, and by itself for 30 s.
const REFUSED: Duration = Duration::from_secs(20);

on_each_database! {
    async fn writes_and_reads_go_on_after_the_server_ended_all_sessions(database: Database) {
        if database.is_sqlite() {
            return;
        }
        let store = database.config().await;
        for round in 0..3 {
            end_sessions(&database).await;
            ping(&store).await;
            end_sessions(&database).await;
            store.write(round, |tx, _| Box::pin(message::insert(tx, "a+b+c"))).await.unwrap();
        }
        assert_eq!(message::after(store.read(), 0, 10).await.unwrap().count, 3);
    }

    async fn closed_store_answers_unavailable(database: Database) {
        let store = database.config().await;
        store.close().await.unwrap();
        assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
        let written = store.write((), |tx, ()| Box::pin(message::insert(tx, "a+b+c"))).await;
        assert!(matches!(written, Err(StoreError::Unavailable(_))), "{written:?}");
    }
}

/// MySQL stores `?` for a character that it cannot store, and cuts long values, unless the session
/// is strict, which depends on the server's configuration. The mode that is checked is no default.
#[tokio::test]
async fn sessions_of_mysql_are_strict_whatever_the_server_says() {
    let Some(database) = Database::mysql().await else { return };
    let store = database.config().await;
    let sql = "SELECT @@SESSION.sql_mode AS Mode";
    let row = store.read().query_one_raw(Statement::from_string(DbBackend::MySql, sql)).await;
    let mode: String = row.unwrap().unwrap().try_get("", "Mode").unwrap();
    assert!(mode.contains("STRICT_ALL_TABLES"), "{mode}");
}

/// Pings until the answer is in time, which it may not be on a busy machine. Any other failure ends
/// the test.
pub(crate) async fn ping(store: &Store) {
    for _ in 0..10 {
        match store.ping().await {
            Err(error) if error.to_string().contains("within 2 s") => {}
            outcome => return outcome.unwrap(),
        }
    }
    panic!("no ping was answered in time");
}

/// Terminates all sessions on the database.
pub(crate) async fn end_sessions(database: &Database) {
    let raw = database.raw().await;
    let backend = raw.get_database_backend();
    if database.is_mysql() {
        let sql = "SELECT ID FROM information_schema.PROCESSLIST \
                   WHERE DB = DATABASE() AND ID <> CONNECTION_ID()";
        for row in raw.query_all_raw(Statement::from_string(backend, sql)).await.unwrap() {
            let id: i64 = row.try_get("", "ID").unwrap();
            // The session may have ended meanwhile.
            drop(raw.execute_unprepared(&format!("KILL {id}")).await);
        }
    } else {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND usename = current_user \
                   AND pid <> pg_backend_pid()";
        raw.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
    }
    raw.close().await.unwrap();
}

#[tokio::test]
async fn release_messages_are_heard_at_the_commit_and_after_a_lost_connection() {
    let Some(database) = Database::postgres().await else {
        return;
    };
    let store = database.config().await;
    let mut listener = listen(&store).await;
    let failed: Result<(), StoreError> = store
        .write((), |tx, ()| {
            Box::pin(async move {
                message::insert(tx, "rolled+back+x").await?;
                Err(StoreError::other("refused"))
            })
        })
        .await;
    assert!(failed.is_err());
    let silence = tokio::time::timeout(Duration::from_millis(300), listener.changed()).await;
    assert!(silence.is_err(), "a transaction that was rolled back is not heard");
    publish(&store).await;
    heard(&mut listener).await;
    end_sessions(&database).await;
    // Notifications without a listener are lost.
    let mut listener = another(listener, &store).await;
    publish(&store).await;
    heard(&mut listener).await;
}

pub(crate) async fn publish(store: &Store) {
    store.write((), |tx, ()| Box::pin(message::insert(tx, "a+b+c"))).await.unwrap();
}

pub(crate) async fn heard(listener: &mut Listener) {
    tokio::time::timeout(HEARD, listener.changed()).await.unwrap().unwrap();
}

/// Replaces the listener once it reports that its connection is lost.
pub(crate) async fn another(mut listener: Listener, store: &Store) -> Listener {
    tokio::time::timeout(HEARD, listener.changed()).await.unwrap().unwrap_err();
    listen(store).await
}

/// Listens as soon as the answer is in time, which it may not be on a busy machine.
pub(crate) async fn listen(store: &Store) -> Listener {
    for _ in 0..10 {
        match store.listen().await {
            Err(error) if error.to_string().contains("within 2 s") => {}
            outcome => return outcome.unwrap().unwrap(),
        }
    }
    panic!("no listener was answered in time");
}

#[tokio::test]
async fn engines_that_cannot_tell_have_no_listener() {
    let store = Database::sqlite().config().await;
    assert!(store.listen().await.unwrap().is_none());
}

#[tokio::test]
async fn wrong_urls_are_refused_by_the_name_of_their_setting() {
    let directory = TempDir::new().unwrap();
    let inside = directory.path().display();
    for (url, part) in [
        ("nonsense".to_owned(), "sqlite://FILE"),
        ("oracle://u:secret@h/d".to_owned(), "unknown database type"),
        ("sqlite://".to_owned(), "no file in the URL"),
        (format!("sqlite://{inside}/no/such/store.db"), "does not exist"),
        (format!("sqlite://{inside}"), "cannot read and write"),
        ("mysql://u:se#secret@h/d".to_owned(), "cannot be parsed"),
        ("postgres://u:se/secret@h:1/d".to_owned(), "cannot be parsed"),
        ("postgres://u:secret@127.0.0.1:99999/d".to_owned(), "cannot be parsed"),
        ("mysql://u:secret@127.0.0.1:9/d".to_owned(), "u:***@127.0.0.1:9"),
        ("postgres://u:secret@127.0.0.1:9/d".to_owned(), "u:***@127.0.0.1:9"),
        ("mysql://u:secret@127.0.0.1:9/d".to_owned(), "Connection refused"),
        ("postgres://u:secret@127.0.0.1:9/d".to_owned(), "Connection refused"),
    ] {
        let begun = Instant::now();
        let error = Store::connect(&url, StoreOptions::new("--portal-db")).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.starts_with("--portal-db: ") && text.contains(part), "{url}: {text}");
        assert!(!text.contains("secret"), "{text}");
        assert!(begun.elapsed() < REFUSED, "{url}");
    }
}

#[tokio::test]
async fn file_that_is_no_database_is_refused_by_its_setting() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    std::fs::write(&path, "this is a text, long enough to be taken for a page".repeat(100))
        .unwrap();
    let url = format!("sqlite://{}", path.display());
    let error = Store::connect(&url, StoreOptions::new("config-db")).await.unwrap_err();
    assert!(error.to_string().starts_with("config-db: sqlite://"), "{error}");
    assert!(error.to_string().contains("not a database"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn sqlite_files_belong_to_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TempDir::new().unwrap();
    let url = format!("sqlite://{}/store.db", directory.path().display());
    let store = Store::connect(&url, patient("config-db")).await.unwrap();
    crate::database::apply(&store, castalia_store::Part::Config).await.unwrap();
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn memory_database_serves_reads_and_writes() {
    let store = Store::connect("sqlite::memory:", patient("config-db")).await.unwrap();
    crate::database::apply(&store, castalia_store::Part::Config).await.unwrap();
    publish(&store).await;
    assert_eq!(message::after(store.read(), 0, 10).await.unwrap().count, 1);
}
