//! A row of ServerConfig whose text turns a switch off, although it looks like the opposite. The text
//! keeps Apollo's meaning; the log names the key.

use super::run;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::http::Http;
use crate::support::logged::Logged;

const KEY: &str = "admin-service.access.control.enabled";

/// I9. The database has its tables, and access control is on, as after a first start.
async fn a_row_that_opens_the_admin_port_is_logged(fresh: Option<&Fresh>) {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut arguments = vec!["--roles", "config,meta,admin"];
    if let Some(fresh) = fresh {
        arguments.extend(["--config-db", &fresh.database.url]);
    }
    let migrated = run(&[&["migrate"][..], &arguments].concat(), &data);
    assert!(migrated.status.success(), "{migrated:?}");
    let database = match fresh {
        Some(fresh) => fresh.database.clone(),
        None => Database::file(&data, "config.db"),
    };
    let start = |text: &str| {
        let file = directory.path().join(format!("{text}.log"));
        Logged::start(&data, &file, 2, &arguments, &[])
    };
    let is_told = |server: &Logged| {
        let log = server.log();
        log.lines().any(|line| line.contains(KEY) && line.contains("a switch is then off"))
    };
    for (text, status, is_expected) in
        [("true", 401, false), ("on", 200, true), ("TRUE", 200, true), ("false", 200, false)]
    {
        let row = format!(r#"UPDATE "ServerConfig" SET "Value" = '{text}' WHERE "Key" = '{KEY}'"#);
        database.run(&[&row]).await;
        let server = start(text);
        assert_eq!(is_told(&server), is_expected, "{text}: {}", server.log());
        let answer = Http::new(&server.address("admin")).get("/apps").await;
        assert_eq!(answer.status, status, "{text}: {answer:?}");
    }
}

#[tokio::test]
async fn on_sqlite() {
    a_row_that_opens_the_admin_port_is_logged(None).await;
}

#[tokio::test]
async fn on_mysql() {
    let Some(fresh) = Fresh::on(Engine::MySql).await else { return };
    a_row_that_opens_the_admin_port_is_logged(Some(&fresh)).await;
    fresh.remove().await;
}

#[tokio::test]
async fn on_postgres() {
    let Some(fresh) = Fresh::on(Engine::Postgres).await else { return };
    a_row_that_opens_the_admin_port_is_logged(Some(&fresh)).await;
    fresh.remove().await;
}
