//! REL-01, REL-03, REL-18: nodes are killed, ended and started again in quick succession. Nothing that was acknowledged is lost, and
//! nobody is served less than before.

use std::time::Duration;

use futures_util::future::join_all;

use crate::support::app::App;
use crate::support::database::Database;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, newest, position};
use crate::support::server::{Options, Server};

fn options() -> Options {
    Options::new()
        .flag("--roles", "config,meta,admin")
        .flag("--compat-defaults", "adopted")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
}

/// Killed or ended right after a publish, a node has that publish when it starts again, and a greater id for it.
#[tokio::test]
async fn what_was_acknowledged_is_there_after_every_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(directory.path(), options());
    App::create(&Http::new(&server.admin), "demo").await;
    let mut known = -1;
    for round in 0..20 {
        let app = App::existing(&Http::new(&server.admin), "demo");
        app.publish(&round.to_string()).await;
        if round % 2 == 0 {
            server.kill();
        } else {
            assert!(server.terminate().success());
        }
        server = Server::start_in(directory.path(), options());
        let http = Http::new(&server.config);
        let config = http.get("/configs/demo/default/application").await.ok().json();
        assert_eq!(config["configurations"]["k"], round.to_string());
        let id = position(&http, "demo", "application").await;
        assert!(id > known, "{id} after {known}");
        known = id;
    }
}

/// A message with a smaller id that is committed after a node started is told, too.
#[tokio::test]
async fn a_message_that_was_on_its_way_at_the_start_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_in(directory.path(), options());
    App::create(&Http::new(&server.admin), "demo").await.publish("1").await;
    let known = position(&Http::new(&server.config), "demo", "application").await;
    drop(server);
    let database = Database::file(directory.path(), "config.db");
    let insert = |id: i64, app_id: &str| {
        format!(
            r#"INSERT INTO "ReleaseMessage" ("Id","Message") VALUES ({id},'{app_id}+default+application')"#
        )
    };
    database.run(&[&insert(known + 2, "other")]).await;
    let server = Server::start_in(directory.path(), options());
    let path = poll::path("demo", &[("application", known)]);
    let waiting = Waiting::start(&Http::new(&server.config), &path).await;
    database.run(&[&insert(known + 1, "demo")]).await;
    assert_eq!(newest(&waiting.soon().await.ok()), known + 1);
}

/// A node that ends with many polls answers all of them, and no read fails.
#[tokio::test]
async fn a_node_that_ends_hands_its_polls_over() {
    const POLLS: usize = 1_000;
    let mut server = Server::start_with(options());
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.publish("1").await;
    let http = Http::new(&server.config);
    let id = position(&http, "demo", "application").await;
    let path = poll::path("demo", &[("application", id)]);
    let polls: Vec<_> = join_all((0..POLLS).map(|_| Waiting::start(&http, &path))).await;
    let expected = format!("castalia_parked_polls {POLLS}");
    eventually("all polls", async || {
        http.get("/metrics").await.text.contains(&expected).then_some(())
    })
    .await;
    let ended = tokio::task::spawn_blocking(move || server.terminate());
    let answers =
        tokio::time::timeout(Duration::from_secs(5), join_all(polls.into_iter().map(Waiting::end)));
    for (answer, _) in answers.await.unwrap() {
        assert_eq!(answer.status, 304, "{answer:?}");
    }
    assert!(ended.await.unwrap().success());
}
