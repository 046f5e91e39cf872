//! A table that cannot grow: every node reports it, also one that was not asked to change anything,
//! and small rows of other tables are no proof of the contrary.

use std::time::{Duration, Instant};

use super::database::on_each_engine;
use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::health::is_well;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// Statements after which a table rejects rows as on a full disk, and accepts them again.
fn full(engine: Engine, table: &str) -> (Vec<String>, String) {
    let mysql = format!(
        "CREATE TRIGGER full_{table} BEFORE INSERT ON \"{table}\" FOR EACH ROW \
         SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table is full'"
    );
    let function = r"CREATE OR REPLACE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$";
    let trigger = format!(
        r#"CREATE TRIGGER full_{table} BEFORE INSERT ON "{table}"
           FOR EACH ROW EXECUTE FUNCTION no_room()"#
    );
    match engine {
        Engine::MySql => (vec![mysql], format!("DROP TRIGGER full_{table}")),
        Engine::Postgres => (
            vec![function.to_owned(), trigger],
            format!(r#"DROP TRIGGER full_{table} ON "{table}""#),
        ),
    }
}

fn options([config, portal]: &[Fresh; 2]) -> Options {
    Options::new()
        .flag("--config-db", &config.database.url)
        .flag("--portal-db", &portal.database.url)
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
}

/// Databases of an environment and of its portal.
async fn databases(engine: Engine) -> Option<[Fresh; 2]> {
    Some([Fresh::on(engine).await?, Fresh::on(engine).await?])
}

async fn remove(databases: [Fresh; 2]) {
    for fresh in databases {
        fresh.remove().await;
    }
}

async fn run(fresh: &Fresh, statements: &[String]) {
    for statement in statements {
        fresh.database.run(&[statement]).await;
    }
}

fn ports(server: &Server) -> [&str; 3] {
    [&server.config, &server.admin, &server.portal]
}

async fn have_health(addresses: &[&str], status: u16) {
    for address in addresses {
        let port = Http::new(address);
        eventually(&format!("{status} at {address}"), async || {
            let health = port.get("/health").await;
            let says = status == 200 || health.text.contains("cannot be stored");
            (health.status == status && says).then_some(())
        })
        .await;
    }
}

async fn a_full_table_is_reported_by_all_nodes(engine: Engine) {
    let Some(databases) = databases(engine).await else { return };
    let [config, portal] = &databases;
    let first = Server::start_with(options(&databases));
    let app = App::create(&Http::new(&first.admin), "demo").await;
    app.publish("1").await;
    // With the first of the ports that report it: those of the environment, or the portal's only.
    for (fresh, table, port) in
        [(config, "Release", 0), (config, "Item", 0), (portal, "AuditLog", 2)]
    {
        let (fill, empty) = full(engine, table);
        run(fresh, &fill).await;
        // Nothing is written through it.
        let second = Server::start_with(options(&databases));
        have_health(&ports(&second)[port..], 503).await;
        run(fresh, &[empty]).await;
        have_health(&ports(&second), 200).await;
    }
    let (fill, empty) = full(engine, "Release");
    run(config, &fill).await;
    let refused = app.try_publish("default", "application").await;
    assert_eq!(refused.status, 503, "{refused:?}");
    have_health(&ports(&first), 503).await;
    // Longer than the pause between two trial writes.
    let health = Http::new(&first.config);
    for _ in 0..8 {
        assert_eq!(health.get("/health").await.status, 503);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    run(config, &[empty]).await;
    have_health(&ports(&first), 200).await;
    app.publish("2").await;
    drop(first);
    remove(databases).await;
}

/// A node that froze while it tried a write keeps the lock on its row: the others are well.
#[tokio::test]
async fn a_trial_write_of_a_frozen_node_raises_no_alarm() {
    let Some(databases) = databases(Engine::Postgres).await else { return };
    let [config, _] = &databases;
    let first = Server::start_with(options(&databases));
    let row = r#"INSERT INTO "Release" ("Id", "ReleaseKey", "Name", "AppId", "ClusterName",
        "NamespaceName", "Configurations") VALUES (0, 'x', 'x', 'x', 'x', 'x', '{}')"#;
    let frozen = config.database.begin(&[row]).await;
    // It tries a write when it starts, and waits for the lock for five seconds.
    let second = Server::start_with(options(&databases));
    let health = Http::new(&second.config);
    for _ in 0..30 {
        is_well(&health).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    App::create(&Http::new(&second.admin), "demo").await.publish("1").await;
    frozen.rollback().await.unwrap();
    drop((first, second));
    remove(databases).await;
}

/// The disk of the database's log is full: commits wait for room, and nothing fails.
#[tokio::test]
async fn commits_that_hang_are_reported_before_they_fail() {
    let Some(databases) = databases(Engine::Postgres).await else { return };
    let [config, _] = &databases;
    let server = Server::start_with(options(&databases));
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.publish("1").await;
    let wait = |seconds: u32| {
        format!(
            "CREATE OR REPLACE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END $$"
        )
    };
    let trigger = r#"CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON "ReleaseMessage"
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()"#;
    run(config, &[wait(20), trigger.to_owned()]).await;
    let publishing = async {
        let answer = app.try_publish("default", "application").await;
        (answer, Instant::now())
    };
    let reporting = async {
        have_health(&ports(&server), 503).await;
        let reported = Instant::now();
        run(config, &[wait(0)]).await;
        reported
    };
    let ((answer, published), reported) = tokio::join!(publishing, reporting);
    assert!(reported < published, "{:?} too late", reported - published);
    answer.ok();
    have_health(&ports(&server), 200).await;
    app.publish("3").await;
    drop(server);
    remove(databases).await;
}

on_each_engine!(a_full_table_is_reported_by_all_nodes);
