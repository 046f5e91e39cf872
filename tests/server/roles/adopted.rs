//! The same on databases that Apollo created, with an account that may create tables, and with one
//! that may only read and write rows.

use std::process::Stdio;

use super::{LAYOUTS, Pair, Place, SETS, every_layout_works, files, layouts_for_files, names};
use crate::support::app::App;
use crate::support::database::{Database, Engine};
use crate::support::health::ports_are_ready;
use crate::support::http::Http;
use crate::support::server::{Server, serve, wait_with_output};

/// Tables as Apollo's scripts for MySQL create them.
const APOLLO_CONFIG: &str = include_str!("../../../server/store/tests/store/apollo_2_4_config.sql");
const APOLLO_PORTAL: &str = include_str!("../../../server/store/tests/store/apollo_2_4_portal.sql");
const ENVS: &str = r#"INSERT INTO "ServerConfig" ("Key","Value","Comment") VALUES ('apollo.portal.envs','dev','')"#;

/// Apollo's tables in MySQL, and in PostgreSQL those that it would have there.
async fn adopted(engine: Engine) -> Option<Pair> {
    let pair = Pair::on(engine).await?;
    let place = pair.place();
    match engine {
        Engine::MySql => {
            fill(&place.config, APOLLO_CONFIG).await;
            fill(&place.portal, APOLLO_PORTAL).await;
            place.portal.run(&[ENVS]).await;
        }
        Engine::Postgres => {
            place.migrate().await;
            place.forget_us().await;
        }
    }
    place.add_administrator().await;
    Some(pair)
}

async fn fill(database: &Database, script: &str) {
    let statements: Vec<_> = script.split(";\n").filter(|sql| !sql.trim().is_empty()).collect();
    database.run(&statements).await;
}

#[tokio::test]
async fn every_layout_of_roles_works_on_tables_that_apollo_made() {
    let Some(pair) = adopted(Engine::MySql).await else { return };
    every_layout_works(&pair.place(), &LAYOUTS, "Apollo").await;
    pair.remove().await;
}

#[tokio::test]
async fn every_layout_of_roles_works_on_postgres_tables_without_our_record() {
    let Some(pair) = adopted(Engine::Postgres).await else { return };
    every_layout_works(&pair.place(), &LAYOUTS, "Apollo").await;
    pair.remove().await;
}

#[tokio::test]
async fn every_layout_of_roles_works_on_files_without_our_record() {
    let directory = tempfile::tempdir().unwrap();
    let place = files(directory.path());
    place.migrate().await;
    place.forget_us().await;
    place.add_administrator().await;
    every_layout_works(&place, &layouts_for_files(), "Apollo").await;
}

/// The message of a start that is refused.
fn refusal(place: &Place, roles: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let mut start = serve(directory.path());
    start.args(["--roles", roles]);
    start.args(["--config-db", &place.config.url, "--portal-db", &place.portal.url]);
    let output = wait_with_output(start.stdin(Stdio::null()).spawn().unwrap());
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{roles}: {text}");
    text.into_owned()
}

/// A set with the portal does not start, and names what an administrator of the database has to do.
/// Any other one works with Apollo's tables alone.
async fn works_without_our_tables_or_names_them(place: &Place, engine: Engine, set: u8) {
    let (roles, rights) = (names(set), rights(engine));
    if roles.contains("portal") {
        let text = refusal(place, &roles);
        let absent = ["CastaliaSession", "CastaliaConsumerGrant", "CastaliaEvent"];
        let advice = ["--portal-db", "tables are missing", "castalia migrate", rights];
        for part in absent.into_iter().chain(advice) {
            assert!(text.contains(part), "{roles}: {part}: {text}");
        }
        return;
    }
    let mut server = Server::start_with(place.options(&roles));
    ports_are_ready(&server).await;
    if roles.contains("config") && roles.contains("admin") {
        let app = format!("app-{set}");
        App::create(&Http::new(&server.admin), &app).await.publish("1").await;
        let path = format!("/configs/{app}/default/application");
        let served = Http::new(&server.config).get(&path).await.ok().json();
        assert_eq!(served["configurations"]["k"], "1", "{roles}");
    }
    // A node that is killed stays in the list of services for a minute.
    assert!(server.terminate().success(), "{roles}");
}

/// The rights that `castalia migrate` needs.
fn rights(engine: Engine) -> &'static str {
    match engine {
        Engine::MySql => "CREATE, INDEX, SELECT, INSERT, UPDATE and DELETE",
        Engine::Postgres => "USAGE and CREATE on the schema, and grant SELECT",
    }
}

async fn every_set_of_roles_without_ddl_rights(engine: Engine) {
    let Some(pair) = adopted(engine).await else { return };
    pair.grant_rows(engine).await;
    let place = pair.rows_only();
    for set in SETS {
        works_without_our_tables_or_names_them(&place, engine, set).await;
    }
    pair.place().migrate().await;
    pair.grant_rows(engine).await;
    every_layout_works(&place, &LAYOUTS, "Apollo, with an account for rows only").await;
    pair.remove().await;
}

#[tokio::test]
async fn without_ddl_rights_only_the_portal_needs_a_migration_of_apollos_tables_in_mysql() {
    every_set_of_roles_without_ddl_rights(Engine::MySql).await;
}

#[tokio::test]
async fn without_ddl_rights_only_the_portal_needs_a_migration_of_apollos_tables_in_postgres() {
    every_set_of_roles_without_ddl_rights(Engine::Postgres).await;
}
