//! A node serves although its first heartbeat hangs, and ends soon (S46) although the database
//! hangs in a statement that it waits for, or does not answer at all. A node that takes long for
//! either is killed.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::database::on_each_engine;
use super::feed_node::value_of;
use crate::support::app::App;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::gate::Gate;
use crate::support::http::Http;
use crate::support::server::{Options, Server, command};
use crate::support::stopwatch::Stopwatch;

/// Time that a change of the table ServiceRegistry takes: less than the longest statement, so that
/// the database does not end it first.
const HANGS: Duration = Duration::from_secs(25);
/// Two seconds for the departure and five for closing the database, with a margin for a machine
/// that is busy with other tests.
const SOON: Duration = Duration::from_secs(18);
/// Far more than a start takes, and less than one statement that hangs.
const SERVED: Duration = Duration::from_secs(20);
const LOGGED: &str = "cannot remove this node from the registry within 2 s; its entry expires";

fn options(url: &str) -> Options {
    Options::new()
        .flag("--roles", "config,meta,admin")
        .flag("--config-db", url)
        .flag("--advertise", "http://127.0.0.1")
}

/// Statements after which each insertion or deletion of a row in the table hangs, while the
/// database answers everything else.
fn hang(engine: Engine, event: &str) -> Vec<String> {
    let seconds = HANGS.as_secs();
    let trigger =
        format!(r#"CREATE TRIGGER hang BEFORE {event} ON "ServiceRegistry" FOR EACH ROW"#);
    let row = if event == "DELETE" { "OLD" } else { "NEW" };
    match engine {
        Engine::MySql => vec![format!("{trigger} DO SLEEP({seconds})")],
        Engine::Postgres => vec![
            format!(
                "CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN PERFORM pg_sleep({seconds}); RETURN {row}; END $$"
            ),
            format!("{trigger} EXECUTE FUNCTION hang()"),
        ],
    }
}

async fn hang_at(database: &Database, engine: Engine, event: &str) {
    let statements = hang(engine, event);
    database.run(&statements.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

/// Waits until a statement of the database hangs.
async fn hangs(database: &Database, engine: Engine) {
    let sql = match engine {
        Engine::MySql => {
            r#"SELECT COUNT(*) AS "Count" FROM information_schema.processlist
               WHERE db = DATABASE() AND state = 'User sleep'"#
        }
        Engine::Postgres => {
            r#"SELECT COUNT(*) AS "Count" FROM pg_stat_activity
               WHERE datname = current_database() AND wait_event = 'PgSleep'"#
        }
    };
    eventually("a statement to hang", async || {
        (database.rows(sql).await[0]["Count"].as_i64() > Some(0)).then_some(())
    })
    .await;
}

/// Ends a node, which has to be done soon, and returns what it printed.
async fn ends_soon(mut server: Server) -> Vec<String> {
    let begun = Stopwatch::start();
    let ended = tokio::task::spawn_blocking(move || server.printed_until_exit());
    let lines = ended.await.unwrap();
    assert!(begun.elapsed() < SOON, "{:?}: {lines:?}", begun.elapsed());
    lines
}

async fn a_node_ends_although_its_departure_hangs(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let server = Server::start_with(options(&fresh.database.url));
    hang_at(&fresh.database, engine, "DELETE").await;
    let lines = ends_soon(server).await;
    assert!(lines.iter().any(|line| line.contains(LOGGED)), "{lines:?}");
    fresh.remove().await;
}

async fn a_node_ends_although_its_database_is_frozen(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let gate = Gate::before(&fresh.database.url).await;
    let server = Server::start_with(options(&gate.url));
    gate.freeze();
    ends_soon(server).await;
    drop(gate);
    fresh.remove().await;
}

async fn a_start_ends_although_its_first_heartbeat_hangs(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    // Creates the tables.
    ends_soon(Server::start_with(options(&fresh.database.url))).await;
    hang_at(&fresh.database, engine, "INSERT").await;
    let directory = tempfile::tempdir().unwrap();
    let mut starting = command(&["serve", "--roles", "config,meta,admin", "--config-port", "0"])
        .args(["--admin-port", "0", "--config-db", &fresh.database.url])
        .args(["--advertise", "http://127.0.0.1"])
        .args(["--data-dir".as_ref(), directory.path().as_os_str()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    hangs(&fresh.database, engine).await;
    let begun = Stopwatch::start();
    let pid = starting.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let status = tokio::task::spawn_blocking(move || starting.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    fresh.remove().await;
}

/// S85: clients connected to the port, and were not answered until the heartbeats had failed.
async fn clients_are_served_although_the_first_heartbeat_hangs(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let options = options(&fresh.database.url)
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    let server = Server::start_with(options.clone());
    App::create(&Http::new(&server.admin), "demo").await.publish("1").await;
    ends_soon(server).await;
    hang_at(&fresh.database, engine, "INSERT").await;
    let begun = Stopwatch::start();
    let server = Server::start_with(options);
    let http = Http::new(&server.config);
    assert_eq!(value_of(&http.get("/configs/demo/default/application").await), "1");
    assert_eq!(http.get("/health/ready").await.status, 200);
    assert!(begun.elapsed() < SERVED, "{:?}", begun.elapsed());
    hangs(&fresh.database, engine).await;
    ends_soon(server).await;
    fresh.remove().await;
}

on_each_engine!(
    a_node_ends_although_its_departure_hangs,
    a_node_ends_although_its_database_is_frozen,
    a_start_ends_although_its_first_heartbeat_hangs,
    clients_are_served_although_the_first_heartbeat_hangs
);
