//! The portal's database belongs to one config database: a new one beside it, or that of another
//! installation, would serve nothing or foreign values.

use std::path::Path;

use super::{options, refused};
use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::http::Http;
use crate::support::server::Server;

#[track_caller]
fn is_refused(arguments: &[&str], data_dir: &Path) {
    let text = refused(arguments, data_dir);
    assert!(text.contains("restore it from a backup"), "{text}");
    assert!(text.contains("installation.id"), "{text}");
}

async fn serves_the_value(server: &Server) {
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
