//! A node cannot write its heartbeat, because the table ServiceRegistry refuses it or is locked:
//! the node says so and serves its clients, the others continue, and all list it again afterwards.

use super::database::on_each_engine;
use super::feed_node::{Kind, Node, on_each_kind};
use super::locked_table::{Locked, Others, recovers, reports};
use crate::support::database::{Database, Engine};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

const ADVERTISED: [(&str, &str); 1] = [("CASTALIA_ADVERTISE", "http://127.0.0.1")];
const NOTE: &str = "registry: not registered";
const LOGGED: &str = "cannot register this node; the next heartbeat retries";

/// Statements after which the table refuses heartbeats of this address, and accepts them again.
fn refuse(kind: Kind, uri: &str) -> (Vec<String>, String) {
    let is_own = format!(r#""Uri" = '{uri}'"#);
    let event = r#"TRIGGER refuse BEFORE UPDATE ON "ServiceRegistry" FOR EACH ROW"#;
    let (drop, drop_of_postgres) =
        ("DROP TRIGGER refuse", "DROP TRIGGER refuse ON \"ServiceRegistry\"");
    match kind {
        Kind::Sqlite => {
            let body = format!("WHEN NEW.{is_own} BEGIN SELECT RAISE(ABORT, 'refused'); END");
            (vec![format!("CREATE {event} {body}")], drop.into())
        }
        Kind::MySql => {
            let body = format!(
                "IF NEW.{is_own} THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'refused'; END IF"
            );
            (vec![format!("CREATE {event} {body}")], drop.into())
        }
        Kind::Postgres => {
            let function = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'refused'; END $$";
            let body = format!("WHEN (NEW.{is_own}) EXECUTE FUNCTION refuse()");
            (vec![function.into(), format!("CREATE {event} {body}")], drop_of_postgres.into())
        }
    }
}

/// Another node on the same database; `None` on SQLite, which nodes do not share. It lists nodes
/// for twenty seconds after their last heartbeat.
async fn another(node: &Node) -> Option<Server> {
    if node.kind == Kind::Sqlite {
        return None;
    }
    let key = "apollo.service.discovery.health-check-interval-in-second";
    let sql = format!(
        r#"INSERT INTO "ServerConfig" ("Key", "Cluster", "Value") VALUES ('{key}', 'default', '20')"#
    );
    node.database.run(&[&sql]).await;
    let options = Options::new()
        .flag("--roles", "config,meta")
        .flag("--config-db", &node.database.url)
        .flag("--advertise", "http://127.0.0.1");
    Some(Server::start_with(options))
}

/// Waits until a node lists these config services.
async fn lists(http: &Http, services: &[&str]) {
    eventually(&format!("{services:?} to be listed"), async || {
        let listed = http.get("/services/config").await.text;
        let is_listed = services.iter().all(|service| listed.contains(service));
        (is_listed && listed.matches("homepageUrl").count() == services.len()).then_some(())
    })
    .await;
}

async fn notes(http: &Http, is_noted: bool) {
    eventually(&format!("/health with a note: {is_noted}"), async || {
        let health = http.get("/health").await;
        (health.status == 200 && health.text.contains(NOTE) == is_noted).then_some(())
    })
    .await;
}

async fn a_refused_heartbeat_is_reported(kind: Kind) {
    let Some(mut node) = Node::start(kind, &ADVERTISED).await else { return };
    let other = another(&node).await;
    let other_http = other.as_ref().map(|other| Http::new(&other.config));
    let own = node.server.config.clone();
    if let (Some(http), Some(other)) = (&other_http, &other) {
        lists(http, &[&own, &other.config]).await;
        lists(&node.http, &[&own, &other.config]).await;
    }
    notes(&node.http, false).await;
    let (refuse, accept) = refuse(kind, &format!("{own}/"));
    node.database.run(&refuse.iter().map(String::as_str).collect::<Vec<_>>()).await;
    notes(&node.http, true).await;
    node.app.publish("1").await;
    node.eventually_serves("1").await;
    if let (Some(http), Some(other)) = (&other_http, &other) {
        lists(http, &[&other.config]).await;
        lists(&node.http, &[&own, &other.config]).await;
        notes(http, false).await;
    }
    node.database.run(&[&accept]).await;
    notes(&node.http, false).await;
    if let (Some(http), Some(other)) = (&other_http, &other) {
        lists(http, &[&own, &other.config]).await;
    }
    drop(other);
    let lines = node.server.printed_until_exit();
    assert!(lines.iter().any(|line| line.contains(LOGGED)), "{lines:?}");
    node.end().await;
}

async fn nodes_serve_while_the_table_is_locked(engine: Engine) {
    let kind = match engine {
        Engine::MySql => Kind::MySql,
        Engine::Postgres => Kind::Postgres,
    };
    let Some(node) = Node::start(kind, &ADVERTISED).await else { return };
    let Some(other) = another(&node).await else { return };
    let http = Http::new(&other.config);
    let all = [node.server.config.as_str(), &other.config];
    for http in [&node.http, &http] {
        lists(http, &all).await;
    }
    let database: &Database = &node.database;
    let locked = Locked::of(database, engine, &["ServiceRegistry"], Others::Nothing).await;
    for http in [&node.http, &http] {
        reports(http, &["the table ServiceRegistry cannot be".to_owned(), NOTE.to_owned()]).await;
        assert_eq!(http.get("/health/ready").await.status, 200);
    }
    node.app.publish("1").await;
    node.eventually_serves("1").await;
    eventually("the release at the other node", async || {
        let served = http.get("/configs/demo/default/application").await;
        served.text.contains(r#""k":"1""#).then_some(())
    })
    .await;
    // Both were read before.
    for http in [&node.http, &http] {
        lists(http, &all).await;
    }
    locked.end().await;
    for http in [&node.http, &http] {
        recovers(http).await;
        notes(http, false).await;
        lists(http, &all).await;
    }
    drop(other);
    node.end().await;
}

on_each_kind!(a_refused_heartbeat_is_reported);
on_each_engine!(nodes_serve_while_the_table_is_locked);
