//! `castalia doctor`, on databases as Apollo's installations leave them.

use std::path::Path;
use std::process::Output;

use super::eureka::{client, free_port, hosting_with, instance};
use crate::support::database::{Database, Engine, Fresh};
use crate::support::server::{Options, Server, command};

fn doctor(arguments: &[&str]) -> (Output, String) {
    let output = command(&[&["doctor"], arguments].concat()).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, printed)
}

/// Whether the command advises this, and shows no password.
#[track_caller]
fn check(database: &str, more: &[&str], expected: &[&str]) {
    let arguments = [&["--roles", "config,meta,admin", "--config-db", database], more].concat();
    let (output, printed) = doctor(&arguments);
    assert!(output.status.success(), "{output:?}");
    for expected in expected {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!printed.contains(":pw") && !errors.contains(":pw"), "{printed}{errors}");
}

async fn set(database: &Database, key: &str, value: &str) {
    let delete = format!(r#"DELETE FROM "ServerConfig" WHERE "Key" = '{key}'"#);
    let insert = format!(
        r#"INSERT INTO "ServerConfig" ("Key","Cluster","Value") VALUES ('{key}','default','{value}')"#
    );
    database.run(&[&delete, &insert]).await;
}

/// Case 103, and the three situations of Eureka: an installation without it, one whose config
/// services host it, and one with a server of its own.
#[tokio::test]
async fn the_way_in_which_services_are_found_is_reported() {
    let Some(fresh) = Fresh::on(Engine::MySql).await else { return };
    let url = fresh.database.url.as_str();
    let migrate = ["migrate", "--roles", "config,meta,admin", "--config-db", url];
    assert!(command(&migrate).output().unwrap().status.success());
    check(url, &[], &["0 live services", "No service is found anywhere: for a new installation"]);

    let port = free_port();
    let eureka = hosting_with("eureka", "config,meta").flag("--config-port", &port.to_string());
    let mut eureka = Server::start_with(eureka);
    let stated = format!("http://eu:pw@127.0.0.1:{port}/eureka/");
    set(&fresh.database, "eureka.service.url", &stated).await;
    let shown = format!("http://127.0.0.1:{port}/eureka/: Eureka with 1 config and 0 admin");
    check(url, &[], &["0 live services", &shown, "which the config services host: join them"]);

    let mut java = Server::start_with(
        Options::new()
            .flag("--roles", "config,meta,admin")
            .flag("--config-db", url)
            .flag("--advertise", "http://127.0.0.1"),
    );
    check(url, &[], &["2 live services", "both in the table and in Eureka: use the bridge"]);
    assert!(eureka.terminate().success());
    let unusable = format!("http://127.0.0.1:{port}/eureka/: no Eureka that can be used");
    check(url, &[], &["2 live services", &unusable, "found in the table: use registry=database"]);
    assert!(java.terminate().success());

    let eureka = Server::start_with(hosting_with("database", "config,meta"));
    let admin = instance("APOLLO-ADMINSERVICE", "java", 1);
    client(&eureka).post("/eureka/apps/APOLLO-ADMINSERVICE", admin).await;
    let address = eureka.config.replacen("http://", "http://eu:pw@", 1);
    set(&fresh.database, "eureka.service.url", &format!("{address}/eureka/")).await;
    check(url, &[], &["1 admin services", "Eureka server: register with it by registry=eureka"]);
}

/// What weakens Eureka, or seems to protect it.
#[tokio::test]
async fn settings_without_the_expected_effect_are_reported() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().to_str().unwrap();
    let (output, printed) = doctor(&["--data-dir", data_dir]);
    assert!(output.status.success() && printed.contains("does not exist"), "{output:?}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is created");

    assert!(command(&["migrate", "--data-dir", data_dir]).output().unwrap().status.success());
    let (_, printed) = doctor(&["--data-dir", data_dir]);
    assert!(!printed.contains("everyone") && !printed.contains("do not protect"), "{printed}");
    let key = "apollo.eureka.server.security.enabled";
    let row = format!(
        r#"INSERT INTO "ServerConfig" ("Key","Cluster","Value") VALUES ('{key}','default','true')"#
    );
    Database::file(directory.path(), "config.db").run(&[&row]).await;
    let open = ["--data-dir", data_dir, "--eureka-host", "on", "--eureka-open", "on"];
    let (_, printed) = doctor(&open);
    assert!(printed.contains(&format!("{key}: rows of ServerConfig cannot")), "{printed}");
    assert!(printed.contains("everyone who reaches the config port"), "{printed}");
}

/// Before the first start: a database without tables, on a server or in a file that an interrupted
/// start left.
#[tokio::test]
async fn an_empty_database_is_described() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().to_str().unwrap();
    for name in ["config.db", "portal.db"] {
        let path = directory.path().join(name);
        std::fs::write(&path, "").unwrap();
    }
    let (output, printed) = doctor(&["--data-dir", data_dir]);
    assert!(output.status.success(), "{output:?}");
    assert!(printed.contains("for a new installation use registry=database"), "{printed}");
    for engine in [Engine::MySql, Engine::Postgres] {
        let Some(fresh) = Fresh::on(engine).await else { return };
        check(&fresh.database.url, &[], &["tables to create: ", "for a new installation"]);
    }
}

/// Its start is refused, so that a check must not say that nothing is to be done.
#[test]
fn a_portal_whose_environment_was_lost_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().to_str().unwrap();
    let migrate = ["migrate", "--data-dir", data_dir];
    assert!(command(&migrate).output().unwrap().status.success());
    let lost = directory.path().join("config.db");
    let check = [&migrate[..], &["--check"]].concat();
    let doctor = ["doctor", "--data-dir", data_dir];
    for arguments in [&check[..], &doctor] {
        assert!(command(arguments).output().unwrap().status.success());
    }
    let other = tempfile::tempdir().unwrap();
    let migrate = ["migrate", "--data-dir", other.path().to_str().unwrap()];
    assert!(command(&migrate).output().unwrap().status.success());
    for replace in [
        |lost: &Path, _: &Path| std::fs::remove_file(lost),
        |lost: &Path, other: &Path| std::fs::copy(other, lost).map(drop),
    ] {
        replace(&lost, &other.path().join("config.db")).unwrap();
        for arguments in [&check[..], &doctor] {
            let output = command(arguments).output().unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            let expected = "this is not the database of environment DEV";
            assert!(!output.status.success() && error.contains(expected), "{output:?}");
        }
    }
}

/// Addresses that an operator states, as in Kubernetes.
#[tokio::test]
async fn stated_addresses_are_reported() {
    let Some(fresh) = Fresh::on(Engine::MySql).await else { return };
    let url = fresh.database.url.as_str();
    let migrate = ["migrate", "--roles", "config,meta,admin", "--config-db", url];
    assert!(command(&migrate).output().unwrap().status.success());
    let addresses = "http://config:8080,http://config-2:8080";
    set(&fresh.database, "apollo.config-service.url", addresses).await;
    set(&fresh.database, "apollo.admin-service.url", "http://admin:8090").await;
    check(url, &[], &["2 config and 1 admin services", "ServerConfig only: use registry=custom"]);
}

/// A schema that a start would refuse.
#[tokio::test]
async fn a_database_that_cannot_be_adopted_is_refused() {
    let Some(fresh) = Fresh::on(Engine::MySql).await else { return };
    let url = fresh.database.url.as_str();
    fresh.database.run(&[r#"CREATE TABLE "Item" ("Id" INT PRIMARY KEY)"#]).await;
    let (output, _) = doctor(&["--roles", "config", "--config-db", url]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("--config-db"), "{output:?}");
}
