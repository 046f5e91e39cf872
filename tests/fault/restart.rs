//! REL-01, REL-03, REL-18: nodes are killed, terminated and restarted in quick succession. No
//! acknowledged change is lost, and no client is served an older release.

use std::process::Command;
use std::time::Duration;

use futures_util::future::join_all;

use crate::support::app::App;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, newest, position};
use crate::support::server::{Options, Server};
use crate::support::variable;

fn options() -> Options {
    Options::new()
        .flag("--roles", "config,meta,admin")
        .flag("--compat-defaults", "adopted")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
}

/// Killed or terminated right after a publish, a node serves that publish after a restart, and
/// announces it with a greater id.
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

/// A message with a smaller id that is committed after a node started is announced too.
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

/// REL-01: killed at any moment while several callers publish, a node has every acknowledged
/// publish after a restart, and no partial one. `CASTALIA_TEST_KILLS` is the number of rounds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_of_publishes_loses_none_that_was_acknowledged() {
    const PUBLISHERS: usize = 3;
    let kills = variable("CASTALIA_TEST_KILLS").map_or(4, |text| text.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let database = Database::file(directory.path(), "config.db");
    let mut server = Server::start_in(directory.path(), options());
    for at in 0..PUBLISHERS {
        App::create(&Http::new(&server.admin), &format!("demo{at}")).await.publish("0").await;
    }
    for round in 0..kills {
        let publishing: Vec<_> = (0..PUBLISHERS)
            .map(|at| {
                let app = App::existing(&Http::new(&server.admin), &format!("demo{at}"));
                tokio::spawn(publish_until_it_fails(app))
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(200 + 37 * (round % 11))).await;
        server.kill();
        let mut acknowledged = Vec::new();
        for publisher in publishing {
            acknowledged.push(publisher.await.unwrap());
        }
        server = Server::start_in(directory.path(), options());
        let http = Http::new(&server.config);
        for (at, last) in acknowledged.into_iter().enumerate().filter(|(_, last)| *last > 0) {
            let sql = format!(
                r#"SELECT "Id" FROM "Release" WHERE "AppId" = 'demo{at}' AND "Id" = {last}"#
            );
            assert_eq!(database.rows(&sql).await.len(), 1, "release {last} was acknowledged");
            let path = format!("/configs/demo{at}/default/application");
            let served = http.get(&path).await.ok().json()["releaseKey"].clone();
            let newest = format!(
                r#"SELECT "ReleaseKey" FROM "Release" WHERE "AppId" = 'demo{at}' ORDER BY "Id" DESC LIMIT 1"#
            );
            assert_eq!(served, database.rows(&newest).await[0]["ReleaseKey"]);
        }
        let torn = r#"SELECT "Id" FROM "Release" WHERE "Id" NOT IN (SELECT "ReleaseId" FROM "ReleaseHistory")"#;
        assert_eq!(database.rows(torn).await.len(), 0, "a release without its history");
    }
}

/// Publishes repeatedly; returns the id of the last acknowledged release, or 0.
async fn publish_until_it_fails(app: App) -> i64 {
    let mut last = 0;
    while let Some(answer) = app.attempt("default", "application").await {
        // The disk may be too busy for now.
        if answer.status != 503 {
            last = answer.ok().json()["id"].as_i64().unwrap();
        }
    }
    last
}

/// REL-23: a backup that is made during publishes is a complete installation, which starts and
/// serves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_made_while_others_publish_is_whole() {
    let server = Server::start_with(options());
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.publish("0").await;
    let publishing = tokio::spawn(publish_until_it_fails(app));
    let copy = tempfile::tempdir().unwrap();
    let target = copy.path().join("config.db");
    let backup = format!("VACUUM INTO '{}'", target.display());
    Database::file(server.data_dir(), "config.db").run(&[&backup]).await;
    drop(server);
    publishing.await.unwrap();
    let copied = Database::file(copy.path(), "config.db");
    assert_eq!(copied.rows("PRAGMA integrity_check").await[0]["integrity_check"], "ok");
    let torn = r#"SELECT "Id" FROM "Release" WHERE "Id" NOT IN (SELECT "ReleaseId" FROM "ReleaseHistory")"#;
    assert_eq!(copied.rows(torn).await.len(), 0, "a release without its history");
    let restored = Server::start_in(copy.path(), options());
    let newest = r#"SELECT "ReleaseKey" FROM "Release" ORDER BY "Id" DESC LIMIT 1"#;
    let newest = Database::file(copy.path(), "config.db").rows(newest).await;
    let http = Http::new(&restored.config);
    let served = http.get("/configs/demo/default/application").await.ok().json();
    assert_eq!(served["releaseKey"], newest[0]["ReleaseKey"]);
    let id = position(&http, "demo", "application").await;
    let waiting = Waiting::start(&http, &poll::path("demo", &[("application", id)])).await;
    App::existing(&Http::new(&restored.admin), "demo").publish("after").await;
    assert!(newest_id(waiting).await > id);
}

async fn newest_id(waiting: Waiting) -> i64 {
    newest(&waiting.soon().await.ok())
}

/// REL-25: an app that is deleted and created again under the same name never serves values of its
/// predecessor.
#[tokio::test]
async fn an_app_that_is_made_again_has_nothing_of_the_one_before() {
    let server = Server::start_with(options());
    let (admin, http) = (Http::new(&server.admin), Http::new(&server.config));
    let path = "/configs/demo/default/application";
    for round in 0..12 {
        let app = App::create(&admin, "demo").await;
        assert_eq!(http.get(path).await.status, 404, "round {round}");
        let value = format!("of round {round}");
        app.publish(&value).await;
        let id = position(&http, "demo", "application").await;
        eventually(&value, async || {
            let answer = http.get(path).await;
            assert!(answer.status == 404 || answer.text.contains(&value), "{answer:?}");
            (answer.status == 200).then_some(())
        })
        .await;
        let id = id.max(position(&http, "demo", "application").await);
        let waiting = Waiting::start(&http, &poll::path("demo", &[("application", id)])).await;
        admin.delete("/apps/demo?operator=apollo").await.ok();
        // A poll that was waiting is answered, and the next read finds nothing.
        assert_eq!(waiting.soon().await.status, 200);
        eventually("the end of the app", async || {
            (http.get(path).await.status == 404).then_some(())
        })
        .await;
    }
}

/// REL-06: a node that was suspended and continues serves nothing older than other nodes have
/// announced.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_stopped_serves_nothing_older() {
    for engine in [Engine::MySql, Engine::Postgres] {
        let Some(fresh) = Fresh::on(engine).await else { return };
        let options = options()
            .flag("--config-db", &fresh.database.url)
            .flag("--advertise", "http://127.0.0.1");
        let (stopped, other) =
            (Server::start_with(options.clone()), Server::start_with(options.clone()));
        let app = App::create(&Http::new(&other.admin), "demo").await;
        app.publish("1").await;
        let path = "/configs/demo/default/application";
        position(&Http::new(&stopped.config), "demo", "application").await;
        Http::new(&stopped.config).get(path).await.ok();
        signal(&stopped, "STOP");
        app.publish("2").await;
        let id = fresh.database.newest("demo+default+application").await;
        let messages =
            format!("%7B%22details%22%3A%7B%22demo%2Bdefault%2Bapplication%22%3A{id}%7D%7D");
        let asked = tokio::spawn({
            let (http, path) = (Http::new(&stopped.config), format!("{path}?messages={messages}"));
            async move { http.get(&path).await }
        });
        tokio::time::sleep(Duration::from_secs(2)).await;
        signal(&stopped, "CONT");
        // No answer after it continued is older than the announced release. It is refused if the
        // node cannot read that release within three seconds.
        let answer = asked.await.unwrap();
        if answer.status != 503 {
            assert_eq!(answer.ok().json()["configurations"]["k"], "2", "{engine:?}");
        }
        eventually("the publish at the node that was stopped", async || {
            let config = Http::new(&stopped.config).get(path).await;
            (config.status == 200 && config.json()["configurations"]["k"] == "2").then_some(())
        })
        .await;
        drop((stopped, other));
        fresh.remove().await;
    }
}

fn signal(server: &Server, name: &str) {
    let pid = server.pid().to_string();
    assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
}

/// A node that terminates with many polls answers all of them, and no read fails.
#[tokio::test]
async fn a_node_that_ends_hands_its_polls_over() {
    const POLLS: usize = 1_000;
    // None ends by itself while others are still sent.
    let mut server = Server::start_with(options().variable("CASTALIA_LONG_POLLING_TIMEOUT", "90"));
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.publish("1").await;
    let http = Http::new(&server.config);
    let id = position(&http, "demo", "application").await;
    let path = poll::path("demo", &[("application", id)]);
    let poll = |_| {
        let (http, path) = (http.clone(), path.clone());
        tokio::spawn(async move { http.get(&path).await })
    };
    let polls: Vec<_> = (0..POLLS).map(poll).collect();
    let expected = format!("castalia_parked_polls {POLLS}");
    eventually("all polls", async || {
        http.get("/metrics").await.text.contains(&expected).then_some(())
    })
    .await;
    let ended = tokio::task::spawn_blocking(move || server.terminate());
    // Far before the end of a hold.
    let answers = tokio::time::timeout(Duration::from_secs(30), join_all(polls)).await.unwrap();
    for answer in answers {
        let answer = answer.unwrap();
        assert_eq!(answer.status, 304, "{answer:?}");
    }
    assert!(ended.await.unwrap().success());
}
