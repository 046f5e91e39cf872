//! `castalia audit verify`, beside a server that seals the audit logs of its databases.

use std::path::Path;
use std::process::Output;

use crate::support::database::Database;
use crate::support::demo::Demo;
use crate::support::eventually::eventually;
use crate::support::server::{Server, command};

fn verify(data_dir: &Path, more: &[&str]) -> Output {
    let data_dir = data_dir.to_str().unwrap();
    let arguments = [&["audit", "verify", "--data-dir", data_dir], more].concat();
    command(&arguments).output().unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The argument with the newest seal that was printed for a flag.
fn head(text: &str, flag: &str) -> String {
    let (_, rest) = text.split_once(&format!("Newest seal, for {flag}: ")).unwrap();
    rest.lines().next().unwrap().to_owned()
}

/// Changes the first row of a table, and returns the id of the row.
async fn forge(database: &Database, table: &str, column: &str) -> String {
    let first = database.rows(&format!(r#"SELECT MIN("Id") AS "Id" FROM "{table}""#)).await;
    let id = first[0]["Id"].to_string();
    let change = format!(r#"UPDATE "{table}" SET "{column}" = 'mallory' WHERE "Id" = {id}"#);
    database.run(&[&change]).await;
    id
}

/// SEC-31: the server seals what it records in both databases; afterwards a change of one row is
/// named.
#[tokio::test]
async fn the_command_names_a_changed_record() {
    let server = Server::start();
    let demo = Demo::create(&server, "demo").await;
    demo.set("k", "1").await;
    let text = eventually("all records are sealed", async || {
        let output = verify(server.data_dir(), &[]);
        assert!(output.status.success(), "{output:?}");
        let text = printed(&output);
        let is_sealed = text.matches("; 0 newer operations").count() == 2;
        (is_sealed && text.matches("Newest seal").count() == 2).then_some(text)
    })
    .await;
    let (portal, environment) = (head(&text, "--expect"), head(&text, "--expect-config"));
    let again = verify(server.data_dir(), &["--expect", &portal, "--expect-config", &environment]);
    assert!(again.status.success(), "{again:?}");
    let mixed = verify(server.data_dir(), &["--expect", &environment]);
    let error = String::from_utf8(mixed.stderr).unwrap();
    assert!(error.contains("is not the expected one"), "{error}");

    let config = Database::file(server.data_dir(), "config.db");
    let id = forge(&config, "Audit", "DataChange_CreatedBy").await;
    let output = verify(server.data_dir(), &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    let expected = format!("config.db: Audit {id} was changed");
    assert!(error.contains(&expected) && error.contains("mallory"), "{error}");
    assert!(printed(&output).contains("portal.db: "));
    let only_portal = verify(server.data_dir(), &["--roles", "portal"]);
    assert!(only_portal.status.success(), "{only_portal:?}");
    let absent = ["--roles", "portal", "--expect-config", &environment];
    assert!(!verify(server.data_dir(), &absent).status.success());

    let portal = Database::file(server.data_dir(), "portal.db");
    let id = forge(&portal, "AuditLog", "Operator").await;
    let output = verify(server.data_dir(), &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(&format!("AuditLog {id} was changed")), "{error}");
    assert!(error.contains("config.db: Audit "), "both are named: {error}");
}

#[test]
fn the_command_creates_no_database_and_checks_its_arguments() {
    let directory = tempfile::tempdir().unwrap();
    let output = verify(directory.path(), &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("does not exist"), "{error}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    let output = verify(directory.path(), &["--expect", "seventeen"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("NUMBER:DIGEST"), "{error}");
}
