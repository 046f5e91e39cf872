//! The portal's database belongs to one config database: a new one beside it, or that of another
//! installation, would serve nothing or foreign values.

use std::path::Path;

use super::{APOLLO_CONFIG, fill, options, refused, rows_only, run};
use crate::support::app::App;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::http::Http;
use crate::support::server::Server;

#[track_caller]
fn is_refused(arguments: &[&str], data_dir: &Path) {
    let text = refused(arguments, data_dir);
    assert!(text.contains("restore it from a backup"), "{text}");
    assert!(text.contains("installation.id"), "{text}");
}

pub(super) async fn serves_the_value(server: &Server) {
    let config = Http::new(&server.config).get("/configs/demo/default/application").await;
    assert_eq!(config.ok().json()["configurations"]["k"], "1");
}

#[tokio::test]
async fn a_config_database_that_is_not_the_portals_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let mut server = Server::start_in(data, options());
    App::create(&Http::new(&server.admin), "demo").await.publish("1").await;
    assert!(server.terminate().success());
    let (file, kept) = (data.join("config.db"), data.join("config.db.kept"));
    std::fs::rename(&file, &kept).unwrap();
    // Twice: the first refusal must not make the empty file acceptable.
    for _ in 0..2 {
        is_refused(&[], data);
    }
    std::fs::rename(&kept, &file).unwrap();
    for stale in ["config.db-wal", "config.db-shm"] {
        let _ = std::fs::remove_file(data.join(stale));
    }
    serves_the_value(&Server::start_in(data, options())).await;
}

/// A portal of its own sent the token of the lost database, and all calls of the environment failed.
#[tokio::test]
async fn an_environment_that_is_replaced_on_purpose_has_its_token_in_the_portal() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    assert!(Server::start_in(data, options()).terminate().success());
    std::fs::remove_file(data.join("config.db")).unwrap();
    is_refused(&[], data);
    let portal = Database::file(data, "portal.db");
    portal
        .run(&[r#"DELETE FROM "CastaliaInstallation" WHERE "Name" = 'installation.id.DEV'"#])
        .await;
    assert!(Server::start_in(data, options()).terminate().success());
    let token = run(&["token", "admin"], data).stdout;
    let row = r#"SELECT "Value" FROM "ServerConfig" WHERE "Key" = 'admin-service.access.tokens'"#;
    let stored = portal.rows(row).await[0]["Value"].clone();
    let expected = format!(r#"{{"DEV":"{}"}}"#, String::from_utf8(token).unwrap().trim());
    assert_eq!(stored, expected);
}

/// A portal that was created alone, and is once started with all roles.
#[tokio::test]
async fn a_token_that_an_operator_stored_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    assert!(run(&["migrate", "--roles", "portal"], data).status.success());
    let portal = Database::file(data, "portal.db");
    let tokens = r#"{"DEV":"the-token-of-an-operator-0123456789"}"#;
    let update = format!(
        r#"UPDATE "ServerConfig" SET "Value" = '{tokens}', "DataChange_LastModifiedBy" = 'apollo'
           WHERE "Key" = 'admin-service.access.tokens'"#
    );
    portal.run(&[&update]).await;
    assert!(Server::start_in(data, options()).terminate().success());
    let row = r#"SELECT "Value" FROM "ServerConfig" WHERE "Key" = 'admin-service.access.tokens'"#;
    assert_eq!(portal.rows(row).await[0]["Value"], tokens);
}

/// The same on a database server, where a wrong URL may name an empty database or that of another
/// installation.
async fn a_database_that_is_not_the_portals_is_refused_on(engine: Engine) {
    let (Some(config), Some(portal)) = (Fresh::on(engine).await, Fresh::on(engine).await) else {
        return;
    };
    let (Some(other), Some(empty)) = (Fresh::on(engine).await, Fresh::on(engine).await) else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let portal_url = &portal.database.url;
    let with = |config: &Fresh| options().flag("--config-db", &config.database.url);
    let own = with(&config).flag("--portal-db", portal_url);
    let mut server = Server::start_in(data, own.clone());
    App::create(&Http::new(&server.admin), "demo").await.publish("1").await;
    assert!(server.terminate().success());
    assert!(Server::start_with(with(&other)).terminate().success());
    // Twice: the first refusal must not make the empty database acceptable.
    for wrong in [&empty, &empty, &other] {
        let url = &wrong.database.url;
        is_refused(&["--config-db", url, "--portal-db", portal_url], data);
    }
    let server = Server::start_in(data, own);
    serves_the_value(&server).await;
    drop(server);
    for fresh in [config, portal, other, empty] {
        fresh.remove().await;
    }
}

#[tokio::test]
async fn a_mysql_database_that_is_not_the_portals_is_refused() {
    a_database_that_is_not_the_portals_is_refused_on(Engine::MySql).await;
}

#[tokio::test]
async fn a_postgres_database_that_is_not_the_portals_is_refused() {
    a_database_that_is_not_the_portals_is_refused_on(Engine::Postgres).await;
}

/// A value that the nodes of an installation share.
async fn shared(fresh: &Fresh, name: &str) -> Option<serde_json::Value> {
    let sql = format!(r#"SELECT "Value" FROM "CastaliaInstallation" WHERE "Name" = '{name}'"#);
    fresh.database.rows(&sql).await.pop()
}

/// I18. The tables are those of Apollo, and the account may not create the one for the id.
#[tokio::test]
async fn a_config_database_without_an_id_is_not_compared() {
    let Some(config) = Fresh::on(Engine::MySql).await else { return };
    let portal = Fresh::on(Engine::MySql).await.unwrap();
    fill(&config.database, APOLLO_CONFIG).await;
    let (config_url, portal_url) = (&*config.database.url, &*portal.database.url);
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let migrate = |arguments: &[&str]| {
        let migrated = run(&[&["migrate"], arguments].concat(), data);
        assert!(migrated.status.success(), "{migrated:?}");
    };
    let starts = || {
        let options = options()
            .flag("--config-db", &rows_only(config_url))
            .flag("--portal-db", &rows_only(portal_url));
        assert!(Server::start_in(data, options).terminate().success());
    };
    migrate(&["--roles", "portal", "--portal-db", portal_url]);
    // Twice: the first start must not make the database foreign to the second.
    starts();
    starts();
    assert_eq!(shared(&portal, "installation.id.DEV").await, None);

    // The table is created later.
    migrate(&["--config-db", config_url, "--portal-db", portal_url]);
    let id = shared(&config, "installation.id").await;
    assert!(id.is_some());
    assert_eq!(shared(&portal, "installation.id.DEV").await, id);
    starts();

    // The portal's database has no table for it.
    portal.database.run(&[r#"DROP TABLE "CastaliaInstallation""#]).await;
    starts();
    starts();
    config.remove().await;
    portal.remove().await;
}

/// S108. The portal's database would otherwise belong to a new file in the data directory, and the
/// start with the database of its environment would be refused.
#[tokio::test]
async fn a_migration_with_one_url_makes_no_other_database() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let [config, portal, other] = ["environment.db", "users.db", "other.db"]
        .map(|name| Database::file(directory.path(), name));
    let migrate = |arguments: &[&str]| {
        let migrated = run(&[&["migrate"], arguments].concat(), &data);
        assert!(migrated.status.success(), "{migrated:?}");
    };
    for (flag, database) in [("--portal-db", &portal), ("--config-db", &config)] {
        migrate(&[flag, &database.url, "--check"]);
        migrate(&[flag, &database.url]);
        assert!(!data.exists(), "{flag}");
    }
    let ids = r#"SELECT "Name" FROM "CastaliaInstallation" WHERE "Name" = 'installation.id.DEV'"#;
    let ids = portal.rows(ids).await;
    assert!(ids.is_empty(), "{ids:?}");
    let both = options().flag("--config-db", &config.url).flag("--portal-db", &portal.url);
    assert!(Server::start_in(&data, both).terminate().success());
    // All databases of the roles that are named.
    migrate(&["--roles", "config,meta,admin,portal", "--portal-db", &other.url]);
    assert!(data.join("config.db").exists());
}
