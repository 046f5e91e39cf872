//! A start while a backup is restored: tables exist, and the record of steps is not restored yet.

use super::{refused, run};
use crate::support::database::{Database, Engine, Fresh};
use crate::support::http::Http;
use crate::support::server::{Options, Server};

const ROLES: [&str; 2] = ["--roles", "config,meta,admin"];
/// How the record is missing meanwhile, and how it is restored. The latter fails if a start has
/// created the table, or stored a row.
const RESTORATIONS: [[&[&str]; 2]; 2] = [
    // All tables are created before they are filled.
    [
        &[
            r#"CREATE TABLE "Kept" AS SELECT * FROM "CastaliaSchema""#,
            r#"DELETE FROM "CastaliaSchema""#,
        ],
        &[r#"INSERT INTO "CastaliaSchema" SELECT * FROM "Kept""#, r#"DROP TABLE "Kept""#],
    ],
    // Each table is filled before the next one is created.
    [
        &[r#"ALTER TABLE "CastaliaSchema" RENAME TO "Kept""#],
        &[r#"ALTER TABLE "Kept" RENAME TO "CastaliaSchema""#],
    ],
];
const INSTALLATION: &str = r#"SELECT "Name" FROM "CastaliaInstallation""#;

/// S92. Nothing is stored, or the rows of the backup would be refused.
async fn a_start_waits_for_the_record_of_steps(fresh: Option<&Fresh>) {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let url = fresh.map(|fresh| fresh.database.url.as_str());
    let databases: Vec<&str> = url.into_iter().flat_map(|url| ["--config-db", url]).collect();
    let arguments = [&ROLES[..], &databases[..]].concat();
    let migrated = run(&[&["migrate"][..], &arguments].concat(), &data);
    assert!(migrated.status.success(), "{migrated:?}");

    let database = url.map_or_else(|| Database::file(&data, "config.db"), Database::at);
    let installation = database.rows(INSTALLATION).await;
    for [begin, complete] in RESTORATIONS {
        database.run(begin).await;
        for mode in ["apply", "check", "off"] {
            let text = refused(&[&arguments[..], &["--schema", mode]].concat(), &data);
            assert!(text.contains("--config-db: "), "{mode}: {text}");
            assert!(text.contains("a restore is not complete"), "{mode}: {text}");
        }
        assert_eq!(database.rows(INSTALLATION).await, installation);
        database.run(complete).await;
    }
    let flags = arguments.chunks_exact(2);
    let options = flags.fold(Options::new(), |options, flag| options.flag(flag[0], flag[1]));
    let server = Server::start_in(&data, options);
    assert_eq!(Http::new(&server.admin).get("/apps").await.status, 401);
}

#[tokio::test]
async fn on_sqlite() {
    a_start_waits_for_the_record_of_steps(None).await;
}

#[tokio::test]
async fn on_mysql() {
    let Some(fresh) = Fresh::on(Engine::MySql).await else { return };
    a_start_waits_for_the_record_of_steps(Some(&fresh)).await;
    fresh.remove().await;
}

#[tokio::test]
async fn on_postgres() {
    let Some(fresh) = Fresh::on(Engine::Postgres).await else { return };
    a_start_waits_for_the_record_of_steps(Some(&fresh)).await;
    fresh.remove().await;
}
