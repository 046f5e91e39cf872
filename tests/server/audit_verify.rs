//! `castalia audit verify`, beside a server that seals the audit log.

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

/// SEC-31: the server seals what it records; afterwards a change of one row is named.
#[tokio::test]
async fn the_command_names_a_changed_record() {
    let server = Server::start();
    let demo = Demo::create(&server, "demo").await;
    demo.set("k", "1").await;
    let text = eventually("all records are sealed", async || {
        let output = verify(server.data_dir(), &[]);
        assert!(output.status.success(), "{output:?}");
        let text = printed(&output);
        (text.contains("; 0 newer operations") && text.contains("Newest seal: ")).then_some(text)
    })
    .await;
    let head = text.split_whitespace().next_back().unwrap().to_owned();
    let again = verify(server.data_dir(), &["--expect", &head]);
    assert!(again.status.success(), "{again:?}");

    let portal = Database::file(server.data_dir(), "portal.db");
    let first = portal.rows(r#"SELECT MIN("Id") AS "Id" FROM "AuditLog""#).await;
    let id = first[0]["Id"].clone();
    let change = format!(r#"UPDATE "AuditLog" SET "Operator" = 'mallory' WHERE "Id" = {id}"#);
    portal.run(&[&change]).await;
    let output = verify(server.data_dir(), &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(&format!("AuditLog {id} was changed")), "{error}");
    assert!(error.contains("mallory"), "{error}");
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
