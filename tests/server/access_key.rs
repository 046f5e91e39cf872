//! Access keys in all their states: not read yet, too old, revoked while a poll is parked, required
//! of every app.

use std::time::Duration;

use castalia_core::protocol::signature::{
    AUTHORIZATION_HEADER, Signer, TIMESTAMP_HEADER, authorization,
};

use crate::support::app::App;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::health::becomes;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, position};
use crate::support::raw;
use crate::support::server::{Options, Server, command};
use crate::support::sign;
use crate::support::stopwatch::{Limit, Stopwatch};

fn open_admin() -> Options {
    Options::new()
        .flag("--roles", "config,meta,admin")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
}

/// SEC-06: access keys that were never read admit no request, and are read as soon as possible.
#[tokio::test]
async fn keys_that_were_never_read_let_nobody_pass() {
    let directory = tempfile::tempdir().unwrap();
    let migrate = command(&["migrate", "--data-dir"]).arg(directory.path()).output().unwrap();
    assert!(migrate.status.success(), "{migrate:?}");
    let database = Database::file(directory.path(), "config.db");
    database.run(&[r#"ALTER TABLE "AccessKey" RENAME TO "Hidden""#]).await;
    let server = Server::start_in(directory.path(), open_admin().flag("--schema", "off"));
    let http = Http::new(&server.config);
    let list = poll::list(&[("application", -1)]);
    for path in [
        "/configs/demo/default/application".to_owned(),
        "/configfiles/demo/default/application".to_owned(),
        format!("/notifications/v2?appId=demo&cluster=default&notifications={list}"),
    ] {
        let answer = http.get(&path).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{path}: {answer:?}");
    }
    assert_eq!(http.get("/services/config").await.status, 200);
    database.run(&[r#"ALTER TABLE "Hidden" RENAME TO "AccessKey""#]).await;
    becomes(&http, "/configs/demo/default/application", 404).await;
}

/// SEC-06: access keys that were read longer ago than `security.access_key_max_age` admit no
/// request until they are read again.
#[tokio::test]
async fn keys_that_were_read_too_long_ago_let_nobody_pass() {
    let server = Server::start_with(open_admin().flag("--security-access-key-max-age", "3"));
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.publish("1").await;
    let http = Http::new(&server.config);
    let path = "/configs/demo/default/application";
    becomes(&http, path, 200).await;
    let database = Database::file(server.data_dir(), "config.db");
    database.run(&[r#"ALTER TABLE "AccessKey" RENAME TO "Hidden""#]).await;
    becomes(&http, path, 503).await;
    let refused = http.get(path).await;
    assert_eq!(refused.header("retry-after"), "5", "{refused:?}");
    assert!(!refused.text.contains("configurations"), "{refused:?}");
    database.run(&[r#"ALTER TABLE "Hidden" RENAME TO "AccessKey""#]).await;
    becomes(&http, path, 200).await;
}

/// SEC-06: an app that is not stored has no namespaces, even if rows of its name remain; public
/// namespaces are open to all.
#[tokio::test]
async fn an_app_that_is_not_stored_has_public_namespaces_only() {
    let server = Server::start_with(open_admin());
    let owner = App::create(&Http::new(&server.admin), "lib").await;
    owner.add_namespace("lib.common", true).await;
    owner.release("default", "lib.common", &[("k", "v")]).await;
    let database = Database::file(server.data_dir(), "config.db");
    let left = serde_json::json!({ "k": "left" });
    database
        .release(["gone", "default", "application"], "20260101000000-0000000000000001", &left)
        .await;
    let http = Http::new(&server.config);
    becomes(&http, "/configs/gone/default/lib.common", 200).await;
    assert_eq!(http.get("/configs/gone/default/application").await.status, 404);
}

/// `security.require_access_key`: apps without an enabled filter key are refused, known or not.
#[tokio::test]
async fn where_keys_are_required_nobody_is_served_without_one() {
    let server = Server::start_with(open_admin().flag("--security-require-access-key", "true"));
    let admin = Http::new(&server.admin);
    let (open, sec) = (App::create(&admin, "open").await, App::create(&admin, "sec").await);
    open.publish("1").await;
    open.add_key("o1", 1, true).await;
    sec.publish("1").await;
    sec.add_key("s1", 0, true).await;
    let path = "/configs/sec/default/application";
    eventually("the key", async || {
        (sign::get(&server.config, path, "s1").await.status == 200).then_some(())
    })
    .await;
    let http = Http::new(&server.config);
    for app_id in ["open", "ghost", "sec", "ApolloNoAppIdPlaceHolder"] {
        assert_eq!(
            http.get(&format!("/configs/{app_id}/default/application")).await.status,
            401,
            "{app_id}"
        );
    }
}

/// A request that an observed key would refuse is counted once, whether its answer is in memory or
/// has to be read from the database.
#[tokio::test]
async fn a_request_that_would_be_refused_is_counted_once() {
    let server = Server::start_with(open_admin());
    let app = App::create(&Http::new(&server.admin), "obs").await;
    app.publish("1").await;
    app.add_key("o1", 1, true).await;
    let http = Http::new(&server.config);
    let operator = Http::new(&server.config)
        .with("Authorization", &format!("Bearer {}", server.metrics_token()));
    let counted = async || {
        let metrics = operator.get("/metrics").await.ok().text;
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix("castalia_observed_signature_failures_total "));
        line.map_or(0, |count| count.parse::<u64>().unwrap())
    };
    eventually("the key", async || {
        http.get("/configs/obs/default/application").await.ok();
        (counted().await > 0).then_some(())
    })
    .await;
    for path in ["/configs/obs/unread/application", "/configs/obs/unread/application"] {
        let before = counted().await;
        http.get(path).await.ok();
        assert_eq!(counted().await, before + 1, "{path}");
    }
}

/// SEC-25: polls that were admitted by a key end with 401 soon after its revocation; those of
/// another key are asked to reconnect; later publishes are announced to no client without a key.
#[tokio::test]
async fn a_revoked_key_ends_its_polls() {
    // Otherwise they are held for a minute.
    let limit = Limit { usual: Duration::from_secs(5), most: Duration::from_secs(25) };
    limit.check("the end of the polls", revocation).await;
}

/// Time from the revocation of a key to the end of all polls.
async fn revocation() -> Duration {
    const REVOKED: usize = 1_000;
    const KEPT: usize = 100;
    let server = Server::start_with(open_admin());
    let app = App::create(&Http::new(&server.admin), "sec").await;
    app.publish("1").await;
    let first = app.add_key("s1", 0, true).await;
    app.add_key("s2", 0, true).await;
    let path = "/configs/sec/default/application";
    eventually("the keys", async || {
        (sign::get(&server.config, path, "s2").await.status == 200).then_some(())
    })
    .await;
    let answer = sign::get(&server.config, &poll::path("sec", &[("application", -1)]), "s1").await;
    let held = poll::path("sec", &[("application", poll::newest(&answer))]);
    let polls: Vec<_> = (0..REVOKED + KEPT)
        .map(|at| {
            let (base, held) = (server.config.clone(), held.clone());
            let secret = if at < REVOKED { "s1" } else { "s2" };
            tokio::spawn(async move { (secret, sign::get(&base, &held, secret).await) })
        })
        .collect();
    let operator = Http::new(&server.config)
        .with("Authorization", &format!("Bearer {}", server.metrics_token()));
    let expected = format!("castalia_parked_polls {}", REVOKED + KEPT);
    eventually("all polls", async || {
        operator.get("/metrics").await.text.contains(&expected).then_some(())
    })
    .await;
    app.disable_key(first).await;
    let revoked = Stopwatch::start();
    for poll in polls {
        let (secret, answer) = poll.await.unwrap();
        assert_eq!(answer.status, if secret == "s1" { 401 } else { 304 }, "{answer:?}");
        assert!(!answer.text.contains("+default+"), "{answer:?}");
    }
    let time = revoked.elapsed();
    assert_eq!(sign::get(&server.config, &held, "s1").await.status, 401);
    time
}

/// SEC-25: the first key of an app ends the polls that were admitted without one.
#[tokio::test]
async fn the_first_key_of_an_app_ends_its_open_polls() {
    let server = Server::start_with(open_admin());
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.publish("1").await;
    let http = Http::new(&server.config);
    let id = position(&http, "demo", "application").await;
    let waiting = Waiting::start(&http, &poll::path("demo", &[("application", id)])).await;
    app.add_key("s1", 0, true).await;
    assert_eq!(waiting.soon().await.status, 401);
}

/// SEC-27: an app that replaces its key step by step has no failing request.
#[tokio::test]
async fn a_change_of_keys_refuses_nobody() {
    let server = Server::start_with(open_admin());
    let app = App::create(&Http::new(&server.admin), "sec").await;
    app.publish("1").await;
    let mut old = app.add_key("k0", 0, true).await;
    let path = "/configs/sec/default/application";
    let is_known = async |secret: &str| {
        (sign::get(&server.config, path, secret).await.status == 200).then_some(())
    };
    eventually("the first key", || is_known("k0")).await;
    for round in 1..=3 {
        let (before, after) = (format!("k{}", round - 1), format!("k{round}"));
        let new = app.add_key(&after, 0, true).await;
        eventually("the next key", async || {
            assert_eq!(sign::get(&server.config, path, &before).await.status, 200);
            is_known(&after).await
        })
        .await;
        app.disable_key(old).await;
        for _ in 0..50 {
            assert_eq!(sign::get(&server.config, path, &after).await.status, 200);
        }
        old = new;
    }
}

/// A row with an empty secret, as a script may leave it: requests signed with an empty secret are
/// refused, and so are unsigned ones.
#[tokio::test]
async fn an_empty_secret_lets_nobody_in() {
    for secret in ["", "   "] {
        let server = Server::start_with(open_admin());
        let app = App::create(&Http::new(&server.admin), "sec").await;
        app.publish("1").await;
        let id = app.add_key("s1", 0, true).await;
        let path = "/configs/sec/default/application";
        let is_known =
            async || (sign::get(&server.config, path, "s1").await.status == 200).then_some(());
        eventually("the key", is_known).await;
        let row = format!(
            r#"UPDATE "AccessKey" SET "Secret" = '{secret}', "DataChange_LastTime" = strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now') WHERE "Id" = {id}"#
        );
        Database::file(server.data_dir(), "config.db").run(&[&row]).await;
        let is_gone =
            async || (sign::get(&server.config, path, "s1").await.status == 401).then_some(());
        eventually("the change of the key", is_gone).await;
        let time = sign::now_ms().to_string();
        let signature = Signer::new(secret).sign(&time, path);
        let headers = [
            (TIMESTAMP_HEADER, time.as_str()),
            (AUTHORIZATION_HEADER, &authorization("sec", &signature)),
        ];
        assert_eq!(raw::get(&server.config, path, &headers).await.status, 401, "`{secret}`");
        assert_eq!(raw::get(&server.config, path, &[]).await.status, 401, "`{secret}`");
    }
}

/// A second access key with the same secret is a client error, on each database.
#[tokio::test]
async fn the_same_access_key_twice_is_refused() {
    for engine in [None, Some(Engine::MySql), Some(Engine::Postgres)] {
        let fresh = match engine {
            None => None,
            Some(engine) => match Fresh::on(engine).await {
                Some(fresh) => Some(fresh),
                None => continue,
            },
        };
        let options = match &fresh {
            Some(fresh) => open_admin().flag("--config-db", &fresh.database.url),
            None => open_admin(),
        };
        let server = Server::start_with(options);
        let admin = Http::new(&server.admin);
        App::create(&admin, "demo").await;
        let body = serde_json::json!({
            "appId": "demo", "secret": "0123456789abcdef0123", "mode": 0, "enabled": false,
            "dataChangeCreatedBy": "apollo",
        });
        admin.post("/apps/demo/accesskeys", body.clone()).await.ok();
        let second = admin.post("/apps/demo/accesskeys", body).await;
        assert_eq!(second.status, 400, "{engine:?}: {second:?}");
        drop(server);
        if let Some(fresh) = fresh {
            fresh.remove().await;
        }
    }
}
