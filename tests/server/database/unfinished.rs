//! Tables that Castalia created without their first rows, as MySQL keeps them when a creation is
//! killed. An environment on them would admit everybody to its admin port.

use super::{refused, rows_only, run};
use crate::support::database::{Database, Engine, Fresh};
use crate::support::http::Http;
use crate::support::server::{Options, Server};

const ROLES: [&str; 2] = ["--roles", "config,meta,admin"];
const ID: &str = r#"SELECT "Value" FROM "CastaliaInstallation" WHERE "Name" = 'installation.id'"#;
/// The id stays, as if a start had accepted the tables and stored one.
const UNFINISHED: [&str; 2] =
    [r#"DELETE FROM "CastaliaSchema" WHERE "Version" > 0"#, r#"DELETE FROM "ServerConfig""#];
const RIGHTS: [&str; 2] = [
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO castalia_rows",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO castalia_rows",
];

/// S45. `rights` are those of an account that may not create tables.
async fn is_refused_until_it_is_completed(fresh: Option<&Fresh>, rights: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let url = fresh.map(|fresh| fresh.database.url.as_str());
    let databases: Vec<&str> = url.into_iter().flat_map(|url| ["--config-db", url]).collect();
    let arguments = [&ROLES[..], &databases[..]].concat();
    let migrate = || {
        let migrated = run(&[&["migrate"][..], &arguments].concat(), &data);
        assert!(migrated.status.success(), "{migrated:?}");
    };
    let is_refused = |arguments: &[&str]| {
        let text = refused(arguments, &data);
        assert!(text.contains("--config-db: ") && text.contains("was not completed"), "{text}");
        assert!(text.contains("castalia migrate"), "{text}");
    };

    migrate();
    let database = url.map_or_else(|| Database::file(&data, "config.db"), Database::at);
    let id = database.rows(ID).await;
    database.run(rights).await;
    database.run(&UNFINISHED).await;
    for mode in ["check", "off"] {
        is_refused(&[&arguments[..], &["--schema", mode]].concat());
    }
    if let Some(url) = url {
        is_refused(&[&ROLES[..], &["--config-db", &rows_only(url)]].concat());
    }

    migrate();
    assert_eq!(database.rows(ID).await, id, "a portal may know it");
    let flags = arguments.chunks_exact(2);
    let options = flags.fold(Options::new(), |options, flag| options.flag(flag[0], flag[1]));
    let server = Server::start_in(&data, options.flag("--schema", "check"));
    assert_eq!(Http::new(&server.admin).get("/apps").await.status, 401);
}

#[tokio::test]
async fn on_sqlite() {
    is_refused_until_it_is_completed(None, &[]).await;
}

#[tokio::test]
async fn on_mysql() {
    let Some(fresh) = Fresh::on(Engine::MySql).await else { return };
    is_refused_until_it_is_completed(Some(&fresh), &[]).await;
    fresh.remove().await;
}

#[tokio::test]
async fn on_postgres() {
    let Some(fresh) = Fresh::on(Engine::Postgres).await else { return };
    is_refused_until_it_is_completed(Some(&fresh), &RIGHTS).await;
    fresh.remove().await;
}
