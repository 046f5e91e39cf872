//! REL-04: the database refuses writes, as after a failover to a replica that was not promoted.
//! Clients are served, changes are refused with a reason, and the node recovers when writes work
//! again.

use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// Makes a PostgreSQL database read-only or writable for new sessions, and terminates existing
/// ones.
async fn set_read_only(fresh: &Fresh, is_read_only: bool) {
    let name = fresh.database.url.rsplit_once('/').unwrap().1.to_owned();
    let setting = format!("default_transaction_read_only = {is_read_only}");
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    );
    fresh.run_beside(&format!("ALTER DATABASE {name} SET {setting}")).await;
    fresh.run_beside(&end).await;
}

/// REL-04: reads continue, changes are refused as unavailable and leave nothing behind, health
/// reports it, and the node recovers by itself.
#[tokio::test]
async fn a_database_that_takes_no_writes_refuses_changes_only() {
    let Some(fresh) = Fresh::on(Engine::Postgres).await else { return };
    let options = Options::new()
        .flag("--roles", "config,meta,admin")
        .flag("--config-db", &fresh.database.url)
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    let server = Server::start_with(options);
    let (admin, config) = (Http::new(&server.admin), Http::new(&server.config));
    let app = App::create(&admin, "demo").await;
    app.publish("1").await;
    let path = "/configs/demo/default/application";
    eventually("the release", async || (config.get(path).await.status == 200).then_some(())).await;
    set_read_only(&fresh, true).await;
    eventually("the refusal of a change", async || {
        let refused = app.try_publish("default", "application").await;
        (refused.status == 503 && refused.header("retry-after") == "5").then_some(())
    })
    .await;
    eventually("health to say so", async || {
        let health = config.get("/health").await;
        (health.status == 503 && health.text.contains("cannot be stored")).then_some(())
    })
    .await;
    assert_eq!(config.get("/health/ready").await.status, 200);
    assert_eq!(config.get(path).await.ok().json()["configurations"]["k"], "1");
    let releases = fresh.database.rows(r#"SELECT "Id" FROM "Release""#).await;
    assert_eq!(releases.len(), 1, "a refused publish left something");
    set_read_only(&fresh, false).await;
    eventually("a publish", async || {
        let published = app.try_publish("default", "application").await;
        (published.status == 200).then_some(())
    })
    .await;
    eventually("health to be well again", async || {
        (config.get("/health").await.status == 200).then_some(())
    })
    .await;
    drop(server);
    fresh.remove().await;
}
