//! A first start that ended between the databases, or was the first for one of them only.

use std::path::Path;

use crate::support::database::{Database, Engine, Fresh};
use crate::support::demo::Demo;
use crate::support::health::is_well;
use crate::support::http::Http;
use crate::support::server::{Options, PASSWORD, Server, command, serve, terminate_when_ready};

/// The tokens of the admin service in a database: those that it accepts, or those that the portal
/// sends.
async fn tokens(data: &Path, name: &str) -> String {
    let sql = r#"SELECT "Value" FROM "ServerConfig" WHERE "Key" = 'admin-service.access.tokens'"#;
    let rows = Database::file(data, name).rows(sql).await;
    rows[0]["Value"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_portal_sends_the_token_that_its_environment_has_already() {
    let directory = tempfile::tempdir().unwrap();
    let roles = Options::new().flag("--roles", "config,meta,admin");
    for options in [roles, Options::new()] {
        assert!(Server::start_in(directory.path(), options).terminate().success());
    }
    let accepted = tokens(directory.path(), "config.db").await;
    let sent = tokens(directory.path(), "portal.db").await;
    assert!(accepted.len() == 64 && sent.contains(&accepted), "{accepted} and {sent}");
}

/// A portal that has no environment yet, such as that of `castalia migrate --roles portal`, stores
/// no token that nobody accepts.
#[tokio::test]
async fn a_portal_without_an_environment_has_no_token() {
    let directory = tempfile::tempdir().unwrap();
    let made = command(&["migrate", "--roles", "portal"])
        .args(["--data-dir".as_ref(), directory.path().as_os_str()])
        .output();
    assert!(made.unwrap().status.success());
    assert_eq!(tokens(directory.path(), "portal.db").await, "{}");
    let server = Server::start_in(directory.path(), Options::new());
    Demo::create(&server, "demo").await.publish().await;
}

/// An operator lost the portal's database.
#[test]
fn a_server_starts_beside_an_environment_that_has_the_sample_app() {
    let directory = tempfile::tempdir().unwrap();
    let started = || terminate_when_ready(serve(directory.path()).spawn().unwrap());
    assert!(!started().contains("cannot create the sample app"));
    std::fs::remove_file(directory.path().join("portal.db")).unwrap();
    let text = started();
    assert!(text.contains("cannot create the sample app"), "{text}");
}

async fn signs_in(server: &Server, password: &str) -> bool {
    let form = [("username", "apollo"), ("password", password.trim())];
    Http::new(&server.portal).form("/signin", &form).await.header("location") == "/"
}

/// Of two nodes with databases of a server and one directory, one creates the administrator; the
/// file has its password.
#[tokio::test]
async fn two_nodes_that_start_at_once_keep_the_password() {
    for engine in [Engine::MySql, Engine::Postgres] {
        let Some(config) = Fresh::on(engine).await else { return };
        let Some(portal) = Fresh::on(engine).await else { return };
        let directory = tempfile::tempdir().unwrap();
        let start = || {
            let mut command = serve(directory.path());
            command.args(["--config-db", &config.database.url]);
            command.args(["--portal-db", &portal.database.url]);
            let child = command.spawn().unwrap();
            std::thread::spawn(move || terminate_when_ready(child))
        };
        for node in [start(), start()] {
            node.join().unwrap();
        }
        let file = directory.path().join("initial-password");
        let password = std::fs::read_to_string(file).unwrap();
        let databases = Options::new()
            .flag("--config-db", &config.database.url)
            .flag("--portal-db", &portal.database.url);
        let server = Server::start_in(directory.path(), databases);
        assert!(signs_in(&server, &password).await, "{engine:?}");
        drop(server);
        config.remove().await;
        portal.remove().await;
    }
}

/// Whoever deletes the first administrator must not find it again after a restart, with the
/// password of a file that is still configured.
#[tokio::test]
async fn a_deleted_administrator_does_not_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_in(directory.path(), Options::new());
    assert!(signs_in(&server, PASSWORD).await);
    drop(server);
    let portal = Database::file(directory.path(), "portal.db");
    portal.run(&[r#"DELETE FROM "Users" WHERE "Username" = 'apollo'"#]).await;
    let server = Server::start_in(directory.path(), Options::new());
    assert!(!signs_in(&server, PASSWORD).await);
    assert!(portal.rows(r#"SELECT 1 AS "One" FROM "Users""#).await.is_empty());
    drop(server);
    // An installation of an earlier version has no record, but other users.
    portal.run(&[NO_RECORD, r#"INSERT INTO "Users" ("Username") VALUES ('other')"#]).await;
    let server = Server::start_in(directory.path(), Options::new());
    assert!(!signs_in(&server, PASSWORD).await);
}

const NO_RECORD: &str =
    r#"DELETE FROM "CastaliaInstallation" WHERE "Name" = 'administrator.created'"#;

/// Clients of the environment are served although the administrator cannot be recorded.
#[tokio::test]
async fn a_server_starts_beside_a_portal_database_that_takes_no_writes() {
    let Some(portal) = Fresh::on(Engine::Postgres).await else { return };
    let directory = tempfile::tempdir().unwrap();
    let start = || {
        let options = Options::new().flag("--portal-db", &portal.database.url);
        Server::start_in(directory.path(), options)
    };
    drop(start());
    let name = portal.database.url.rsplit('/').next().unwrap();
    let read_only = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    portal.database.run(&[NO_RECORD, &read_only]).await;
    let server = start();
    is_well(&Http::new(&server.config)).await;
    drop(server);
    portal.remove().await;
}
