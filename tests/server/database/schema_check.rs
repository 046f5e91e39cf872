//! `--schema check` on a database server, with tables of Castalia and of Apollo: a start changes
//! nothing, and is refused until `castalia migrate` has created what is missing.

use super::{APOLLO_CONFIG, APOLLO_PORTAL, fill, options, refused, run};
use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::health::{becomes, is_well};
use crate::support::http::Http;
use crate::support::server::Server;

/// `databases` are flags with their values. `missing` is a table without which no start is
/// accepted.
pub(super) async fn serves_only_a_complete_schema(databases: &[&str], missing: &str) {
    let directory = tempfile::tempdir().unwrap();
    let check = [&["--schema", "check"][..], databases].concat();
    // Twice: the first start must not create what it reports.
    for _ in 0..2 {
        let text = refused(&check, directory.path());
        assert!(text.contains("tables are missing") && text.contains(missing), "{text}");
        assert!(text.contains("castalia migrate") && !text.contains("Report {"), "{text}");
    }
    let migrated = run(&[&["migrate"][..], databases].concat(), directory.path());
    assert!(migrated.status.success(), "{migrated:?}");
    let flags = check.chunks_exact(2);
    let options = flags.fold(options(), |options, flag| options.flag(flag[0], flag[1]));
    let server = Server::start_in(directory.path(), options);
    is_well(&Http::new(&server.config)).await;
    becomes(&Http::new(&server.portal), "/health", 200).await;
    App::create(&Http::new(&server.admin), "demo").await.publish("1").await;
    let served = Http::new(&server.config).get("/configs/demo/default/application").await;
    assert_eq!(served.ok().json()["configurations"]["k"], "1");
}

/// The same on two databases of a server, with Apollo's tables if they are adopted.
async fn on(engine: Engine, is_adopted: bool) {
    let Some(config) = Fresh::on(engine).await else { return };
    let portal = Fresh::on(engine).await.unwrap();
    let mut missing = "AppNamespace";
    if is_adopted {
        fill(&config.database, APOLLO_CONFIG).await;
        fill(&portal.database, APOLLO_PORTAL).await;
        // The environment needs Apollo's own tables only.
        missing = "CastaliaSession";
    }
    let databases = ["--config-db", &*config.database.url, "--portal-db", &*portal.database.url];
    serves_only_a_complete_schema(&databases, missing).await;
    config.remove().await;
    portal.remove().await;
}

#[tokio::test]
async fn on_mysql() {
    on(Engine::MySql, false).await;
}

#[tokio::test]
async fn on_mysql_with_the_tables_of_apollo() {
    on(Engine::MySql, true).await;
}

#[tokio::test]
async fn on_postgres() {
    on(Engine::Postgres, false).await;
}
