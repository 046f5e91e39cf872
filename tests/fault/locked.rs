//! REL-04 on SQLite: another process locks the file. Reads are unaffected, publishes are refused,
//! and work afterwards.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait as _, Database};

use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, newest, position};
use crate::support::server::{Options, Server};

/// A write lock on the file stops publishes only.
#[tokio::test]
async fn a_locked_file_stops_publishes_only() {
    let options = Options::new()
        .flag("--roles", "config,meta,admin")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    let server = Server::start_with(options);
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.publish("1").await;
    let http = Http::new(&server.config);
    let id = position(&http, "demo", "application").await;
    let mut waiting = Waiting::start(&http, &poll::path("demo", &[("application", id)])).await;

    let url = format!("sqlite://{}", server.data_dir().join("config.db").display());
    let other = Database::connect(url).await.unwrap();
    // All statements on one connection, because the lock belongs to it.
    let locked = sea_orm::TransactionTrait::begin(&other).await.unwrap();
    locked.execute_unprepared(r#"UPDATE "ServerConfig" SET "Comment" = 'locked'"#).await.unwrap();
    let start = Instant::now();
    let refused = app.try_publish("default", "application").await;
    assert!(matches!(refused.status, 500 | 503), "{refused:?}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    for _ in 0..20 {
        let start = Instant::now();
        http.get("/configs/demo/default/application").await.ok();
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    }
    assert_eq!(http.get("/health").await.status, 200);
    assert!(waiting.is_held_for(Duration::from_millis(200)).await);

    locked.rollback().await.unwrap();
    other.close().await.unwrap();
    app.publish("2").await;
    assert!(newest(&waiting.soon().await.ok()) > id);
    eventually("the new value", async || {
        let config = http.get("/configs/demo/default/application").await.ok().json();
        (config["configurations"]["k"] == "2").then_some(())
    })
    .await;
}
