//! What an operator learns at the start.

use std::net::UdpSocket;
use std::process::Stdio;

use super::free_port;
use crate::support::database::Database;
use crate::support::server::{Options, Server, command, terminate_after};

/// Case 95: rows that Apollo's guide describes have no effect, which one line states for all of
/// them.
#[tokio::test]
async fn rows_that_do_not_protect_eureka_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::new().flag("--roles", "config,meta");
    assert!(Server::start_in(directory.path(), options).terminate().success());
    let names = ["enabled", "security.enabled", "security.password", "security.username"];
    let rows = names.map(|name| {
        format!(
            r#"INSERT INTO "ServerConfig" ("Key","Cluster","Value") VALUES ('apollo.eureka.server.{name}','default','true')"#
        )
    });
    Database::file(directory.path(), "config.db").run(&rows.each_ref().map(String::as_str)).await;
    let hosting = ["--eureka-host", "on", "--eureka-username", "eu"];
    for (arguments, password, expected) in [
        (&[][..], None, 0),
        (&hosting[..], Some("p@w/\u{e9}"), 1),
        (&hosting[..], Some("a-Z.0_~"), 0),
    ] {
        let mut serve = command(&["serve", "--roles", "config,meta", "--config-port", "0"]);
        serve.args(["--log-format", "json"]).args(arguments);
        serve.envs(password.map(|password| ("CASTALIA_EUREKA_PASSWORD", password)));
        serve.arg("--data-dir").arg(directory.path()).stdout(Stdio::piped());
        let printed = terminate_after(1, r#""listening""#, serve.spawn().unwrap());
        let mut lines = printed.lines().filter(|line| line.contains("do not protect it"));
        let line = lines.next().unwrap_or_else(|| panic!("no line: {printed}"));
        assert!(names.iter().all(|name| line.contains(name)), "{line}");
        assert_eq!(lines.next(), None);
        assert_eq!(printed.matches("percent-encoded").count(), expected, "{printed}");
        assert!(!printed.contains("p@w"), "{printed}");
    }
}

/// Whoever sets a password expects it to protect.
#[test]
fn a_password_without_effect_is_reported() {
    let open = ("CASTALIA_EUREKA_OPEN", "on");
    let unsecured = ("CASTALIA_APOLLO_EUREKA_SERVER_SECURITY_ENABLED", "false");
    let password = ("CASTALIA_EUREKA_PASSWORD", "planted-4be1c0d2");
    for (variable, expected) in [(Some(open), 1), (Some(unsecured), 1), (None, 0)] {
        let directory = tempfile::tempdir().unwrap();
        let mut serve = command(&["serve", "--roles", "config,meta", "--config-port", "0"]);
        serve.args(["--eureka-host", "on", "--eureka-username", "eu", "--log-format", "json"]);
        serve.envs(variable).envs([password]);
        serve.arg("--data-dir").arg(directory.path()).stdout(Stdio::piped());
        let printed = terminate_after(1, r#""listening""#, serve.spawn().unwrap());
        let warnings = printed.matches("eureka.password have no effect").count();
        assert_eq!(warnings, expected, "{variable:?}: {printed}");
        assert!(!printed.contains(password.1), "{printed}");
    }
}

/// Its own address in the list of servers, by whatever name, is no other server.
#[test]
fn a_node_that_lists_only_itself_is_refused() {
    // The address of this machine in its network, if it has one.
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let reached = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr());
    let host = reached.map_or("127.0.0.1".to_owned(), |address| address.ip().to_string());
    let port = free_port().to_string();
    let directory = tempfile::tempdir().unwrap();
    let mut serve = command(&["serve", "--registry", "eureka", "--roles", "config,meta"]);
    serve.args(["--config-port", &port, "--data-dir"]).arg(directory.path());
    serve.env("CASTALIA_EUREKA_SERVICE_URL", format!("http://{host}:{port}/eureka/"));
    let output = serve.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let output = crate::support::server::wait_with_output(output);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("another server"), "{text}");
}
