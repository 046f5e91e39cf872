//! Cases C065, C068, C072, C073 and C080 to C084: what wakes a parked poll.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fixture::{Fixture, compatible, is_by_address, special};
use crate::support::app::App;
use crate::support::database::Database;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, newest, position};
use crate::support::server::{Server, command};
use crate::support::stopwatch::Stopwatch;

/// Time limit for the answers of all batches, on a busy machine. One client at a time, with the
/// same pauses, would take 25 s.
const BATCHES: Duration = Duration::from_secs(20);
/// Time limit for a publish and the poll that reports it, on a busy machine. A lost one would be
/// reported only at the end of the hold, a minute later.
const REPORTED: Duration = Duration::from_secs(30);

/// The watch keys and ids in an answer.
#[track_caller]
fn details(body: &Value) -> Vec<&String> {
    body[0]["messages"]["details"].as_object().unwrap().keys().collect()
}

/// C065: a publish is announced with a greater id and the one watch key that changed, and a load
/// after that returns at least this release.
#[tokio::test]
async fn a_publish_wakes_a_poll() {
    let fixture = Fixture::shared().await;
    let app = fixture.app("c065").await;
    app.publish("1").await;
    let id = position(&fixture.config, &app.id, "application").await;
    let waiting =
        Waiting::start(&fixture.config, &poll::path(&app.id, &[("application", id)])).await;
    app.publish("2").await;
    let answer = waiting.soon().await.ok();
    let moved = newest(&answer);
    assert!(moved > id);
    let expected = json!({ format!("{}+default+application", app.id): moved });
    assert_eq!(answer.json()[0]["messages"]["details"], expected);
    let config = fixture.config.get(&format!("/configs/{}/default/application", app.id)).await.ok();
    assert_eq!(config.json()["configurations"]["k"], "2");
}

/// A rollback wakes a poll like a publish, and a load after that returns the previous release.
#[tokio::test]
async fn a_rollback_wakes_a_poll() {
    let fixture = Fixture::shared().await;
    let app = fixture.app("rollback").await;
    app.publish("1").await;
    let second = app.publish("2").await;
    let id = position(&fixture.config, &app.id, "application").await;
    let waiting =
        Waiting::start(&fixture.config, &poll::path(&app.id, &[("application", id)])).await;
    app.roll_back(&second).await;
    waiting.soon().await.ok();
    let config = fixture.config.get(&format!("/configs/{}/default/application", app.id)).await.ok();
    assert_eq!(config.json()["configurations"]["k"], "1");
}

/// A withdrawal wakes a poll; after it, a load returns the release of the default cluster, or 404
/// if there is none. Apollo has no such operation.
#[tokio::test]
async fn a_withdrawal_wakes_a_poll_and_leaves_the_default_cluster() {
    if is_by_address("withdrawal") {
        return;
    }
    let fixture = Fixture::shared().await;
    let app = fixture.app("withdrawal").await;
    app.add_cluster("c1").await;
    let poll = |known| poll::path_of(&app.id, "cluster=c1", &[("application", known)]);
    let in_default = app.publish("of the default cluster").await;
    let path = format!("/configs/{}/c1/application", app.id);
    for (release, remaining) in [
        (app.release("c1", "application", &[("k", "own")]).await, Some("of the default cluster")),
        (in_default, None),
    ] {
        let id = newest(&fixture.config.get(&poll(-1)).await.ok());
        let waiting = Waiting::start(&fixture.config, &poll(id)).await;
        app.withdraw(&release).await;
        waiting.soon().await.ok();
        let answer = fixture.config.get(&path).await;
        match remaining {
            Some(value) => assert_eq!(answer.ok().json()["configurations"]["k"], value),
            None => assert_eq!(answer.status, 404),
        }
    }
}

/// The deletion of a cluster and its restoration wake polls; after each, a load returns what
/// clients receive then. Apollo does not restore what it deleted.
#[tokio::test]
async fn a_restoration_wakes_a_poll_and_returns_the_releases() {
    if is_by_address("restoration") {
        return;
    }
    let fixture = Fixture::shared().await;
    let app = fixture.app("restoration").await;
    app.add_cluster("c1").await;
    app.publish("of the default cluster").await;
    app.release("c1", "application", &[("k", "own")]).await;
    let poll = |known| poll::path_of(&app.id, "cluster=c1", &[("application", known)]);
    for (is_deleted, value) in [(true, "of the default cluster"), (false, "own")] {
        let id = newest(&fixture.config.get(&poll(-1)).await.ok());
        let waiting = Waiting::start(&fixture.config, &poll(id)).await;
        match is_deleted {
            true => app.delete_cluster("c1").await,
            false => app.restore_cluster("c1").await,
        }
        waiting.soon().await.ok();
        let path = format!("/configs/{}/c1/application", app.id);
        let answer = fixture.config.get(&path).await.ok().json();
        assert_eq!(answer["configurations"]["k"], value);
    }
}

/// C068: a publish of a public namespace wakes its readers, who are notified in their own spelling.
#[tokio::test]
async fn a_publish_of_the_owner_wakes_readers_in_their_spelling() {
    let fixture = Fixture::shared().await;
    let (owner, user) = (fixture.app("c068-lib").await, fixture.app("c068").await);
    let namespace = format!("{}.common", owner.id);
    owner.add_namespace(&namespace, true).await;
    owner.release("default", &namespace, &[("k", "1")]).await;
    let id = position(&fixture.config, &user.id, &namespace).await;
    let spelling = namespace.to_uppercase();
    let waiting = Waiting::start(&fixture.config, &poll::path(&user.id, &[(&spelling, id)])).await;
    owner.release("default", &namespace, &[("k", "2")]).await;
    let body = waiting.soon().await.ok().json();
    assert_eq!(body[0]["namespaceName"], spelling);
    assert_eq!(details(&body), [&format!("{}+default+{namespace}", owner.id)]);
}

/// A client that waits for a cluster and a namespace that do not exist yet is woken by their first
/// release, in whatever spelling they are created, and notified in its own. Apollo compares watch
/// keys without regard to case.
#[tokio::test]
async fn a_poll_parked_before_its_names_exist_is_woken_in_any_spelling() {
    let fixture = Fixture::shared().await;
    let app = fixture.app("early").await;
    let waiting = async |cluster: &str, namespace: &str, known: i64| {
        let place = format!("cluster={cluster}");
        let path = poll::path_of(&app.id, &place, &[(namespace, known)]);
        Waiting::start(&fixture.config, &path).await
    };
    app.publish("0").await;
    let known = position(&fixture.config, &app.id, "application").await;
    let early_cluster = waiting("SHAAY", "application", known).await;
    let early_namespace = waiting("default", "Later", -1).await;
    app.add_cluster("shaay").await;
    app.release("shaay", "application", &[("k", "1")]).await;
    assert_eq!(early_cluster.soon().await.ok().json()[0]["namespaceName"], "application");
    app.add_namespace("later", false).await;
    app.release("default", "later", &[("k", "1")]).await;
    assert_eq!(early_namespace.soon().await.ok().json()[0]["namespaceName"], "Later");
}

/// C072: a client waits for its cluster, its data center and the default cluster, and for no other.
#[tokio::test]
async fn a_poll_waits_for_three_clusters() {
    let fixture = Fixture::shared().await;
    let app = fixture.app("c072").await;
    for cluster in ["bj", "dc1", "sh"] {
        app.add_cluster(cluster).await;
    }
    app.publish("0").await;
    let mut id = position(&fixture.config, &app.id, "application").await;
    for cluster in ["dc1", "bj", "default"] {
        let path = poll::path_of(&app.id, "cluster=bj&dataCenter=dc1", &[("application", id)]);
        let mut waiting = Waiting::start(&fixture.config, &path).await;
        app.release("sh", "application", &[("k", cluster)]).await;
        assert!(waiting.is_held_for(Duration::from_millis(300)).await, "{cluster}");
        app.release(cluster, "application", &[("k", cluster)]).await;
        let answer = waiting.soon().await.ok();
        assert_eq!(details(&answer.json()), [&format!("{}+{cluster}+application", app.id)]);
        id = newest(&answer);
    }
}

/// C073: a namespace of the app hides a public one, whose publishes wake no poll of this app.
#[tokio::test]
async fn a_hidden_public_namespace_wakes_nobody() {
    let fixture = Fixture::shared().await;
    let (owner, user) = (fixture.app("c073-lib").await, fixture.app("c073").await);
    let namespace = format!("{}-shadow", owner.id);
    user.add_namespace(&namespace, false).await;
    owner.add_namespace(&namespace, true).await;
    user.release("default", &namespace, &[("k", "own")]).await;
    let id = position(&fixture.config, &user.id, &namespace).await;
    let mut waiting =
        Waiting::start(&fixture.config, &poll::path(&user.id, &[(&namespace, id)])).await;
    owner.release("default", &namespace, &[("k", "public")]).await;
    assert!(waiting.is_held_for(Duration::from_millis(1500)).await);
}

/// C080: a gray release is announced by the watch key of the cluster that its branch belongs to.
#[tokio::test]
async fn a_gray_release_is_told_by_its_parents_key() {
    let fixture = Fixture::shared().await;
    let app = fixture.app("c080").await;
    app.publish("1").await;
    let branch = app.add_branch("application", &["10.9.9.9"], &[]).await;
    let mut known = position(&fixture.config, &app.id, "application").await;
    let gray = app.release(&branch, "application", &[("k", "gray")]).await;
    // The rules have a message of their own, which may arrive first. `soon` bounds the loop.
    loop {
        let path = poll::path(&app.id, &[("application", known)]);
        let answer = Waiting::start(&fixture.config, &path).await.soon().await.ok();
        assert_eq!(details(&answer.json()), [&format!("{}+default+application", app.id)]);
        known = newest(&answer);
        let path = format!("/configs/{}/default/application?ip=10.9.9.9", app.id);
        if fixture.config.get(&path).await.ok().json()["releaseKey"] == gray.key {
            break;
        }
    }
}

/// C081: if batches are configured, many clients are answered in batches: each once, with pauses
/// between.
#[tokio::test]
async fn a_crowd_is_answered_in_batches_where_they_are_set() {
    if is_by_address("C081") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let migrate = command(&["migrate", "--data-dir"]).arg(directory.path()).output().unwrap();
    assert!(migrate.status.success(), "{migrate:?}");
    let row = |key: &str| {
        format!(
            r#"INSERT INTO "ServerConfig" ("Key","Cluster","Value") VALUES ('apollo.release-message.notification.{key}','default','100')"#
        )
    };
    Database::file(directory.path(), "config.db")
        .run(&[&row("batch"), &row("batch.interval")])
        .await;
    let server = Server::start_in(directory.path(), compatible().flag("--roles", "config,admin"));
    let app = App::create(&Http::new(&server.admin), "crowd").await;
    app.publish("1").await;
    let http = Http::new(&server.config);
    let id = position(&http, "crowd", "application").await;
    let path = poll::path("crowd", &[("application", id)]);
    let polls = (0..250).map(|_| {
        let (http, path) = (http.clone(), path.clone());
        tokio::spawn(async move { (http.get(&path).await.status, Instant::now()) })
    });
    let polls: Vec<_> = polls.collect();
    eventually("250 parked polls", async || {
        let metrics = http.get("/metrics").await.ok().text;
        metrics.contains("castalia_parked_polls 250").then_some(())
    })
    .await;
    let begun = Instant::now();
    app.publish("2").await;
    let mut last = begun;
    for poll in polls {
        let (status, time) = poll.await.unwrap();
        assert_eq!(status, 200);
        last = last.max(time);
    }
    let took = last - begun;
    assert!(took >= Duration::from_millis(200), "two pauses between three batches: {took:?}");
    assert!(took < BATCHES, "{took:?}");
}

/// C082: at whatever moment a publish occurs, the current or the next poll reports it, and each
/// client ends with the last release.
#[tokio::test]
async fn no_notification_is_lost() {
    let fixture = Fixture::shared().await;
    let app = fixture.app("c082").await;
    app.publish("0").await;
    let http = &fixture.config;
    let mut known = position(http, &app.id, "application").await;
    for round in 1..=200_u64 {
        let publisher = tokio::spawn({
            let app = app.clone();
            async move {
                app.set("default", "application", &[("k", &round.to_string())]).await;
                // Each round publishes at another offset to the poll.
                tokio::time::sleep(Duration::from_micros(round * 37 % 3000)).await;
                app.try_publish("default", "application").await.ok();
            }
        });
        let start = Stopwatch::start();
        let answer = http.get(&poll::path(&app.id, &[("application", known)])).await.ok();
        known = newest(&answer);
        publisher.await.unwrap();
        assert!(start.elapsed() < REPORTED, "round {round}: {:?}", start.elapsed());
        let config = http.get(&format!("/configs/{}/default/application", app.id)).await.ok();
        assert_eq!(config.json()["configurations"]["k"], round.to_string());
    }
}

/// C083: a client that disconnects does not affect the others.
#[tokio::test]
async fn a_client_that_goes_away_disturbs_nobody() {
    let fixture = Fixture::shared().await;
    let app = fixture.app("c083").await;
    app.publish("1").await;
    let id = position(&fixture.config, &app.id, "application").await;
    let path = poll::path(&app.id, &[("application", id)]);
    let gone = tokio::time::timeout(Duration::from_millis(300), fixture.config.get(&path)).await;
    assert!(gone.is_err(), "{gone:?}");
    let waiting = Waiting::start(&fixture.config, &path).await;
    app.publish("2").await;
    assert!(newest(&waiting.soon().await.ok()) > id);
}

/// C084: a message that is committed after one with a greater id is announced too, and known to
/// later polls.
#[tokio::test]
async fn a_message_that_is_late_is_told() {
    let Some((server, first)) = special("C084", "first", compatible()).await else { return };
    let second = App::create(&Http::new(&server.admin), "second").await;
    let http = Http::new(&server.config);
    let mut known = Vec::new();
    for app in [&first, &second] {
        app.publish("1").await;
        known.push(position(&http, &app.id, "application").await);
    }
    let waiting = async |app: &App, id| {
        Waiting::start(&http, &poll::path(&app.id, &[("application", id)])).await
    };
    let (on_first, on_second) = (waiting(&first, known[0]).await, waiting(&second, known[1]).await);
    let database = Database::file(server.data_dir(), "config.db");
    let next = known[1] + 1;
    let insert = |id: i64, app: &App| {
        format!(
            r#"INSERT INTO "ReleaseMessage" ("Id","Message") VALUES ({id},'{}+default+application')"#,
            app.id
        )
    };
    database.run(&[&insert(next + 1, &first)]).await;
    assert_eq!(newest(&on_first.soon().await.ok()), next + 1);
    tokio::time::sleep(Duration::from_secs(3)).await;
    database.run(&[&insert(next, &second)]).await;
    assert_eq!(newest(&on_second.soon().await.ok()), next);
    let later = http.get(&poll::path(&second.id, &[("application", known[1])])).await.ok();
    assert_eq!(newest(&later), next);
}
