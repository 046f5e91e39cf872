//! What a server prints at its start is true for this installation.

use std::path::Path;
use std::process::Stdio;

use serde_json::json;

use crate::support::server::{Options, Server, command, terminate_after};

/// Standard output of a start with the text log, as an operator reads it.
fn first_output(data_dir: &Path, options: &[&str]) -> String {
    let mut command = command(&["serve"]);
    command
        .args(["--config-port", "0", "--admin-port", "0", "--portal-port", "0", "--data-dir"])
        .arg(data_dir)
        .args(options);
    terminate_after(1, "Press Ctrl-C", command.stdout(Stdio::piped()).spawn().unwrap())
}

/// I8: the command to try names an app that exists.
#[test]
fn a_command_to_try_is_printed_only_if_its_app_exists() {
    let directory = tempfile::tempdir().unwrap();
    let without = first_output(directory.path(), &["--sample-app", "off"]);
    assert!(without.contains("APOLLO_META=") && !without.contains("Try it"), "{without}");
    let directory = tempfile::tempdir().unwrap();
    for _ in ["first start", "restart"] {
        let with = first_output(directory.path(), &[]);
        assert!(with.contains("/configs/sample-app/default/application"), "{with}");
    }
}

/// The addresses lead to the server, which serves nothing outside of its base path.
#[test]
fn the_addresses_have_the_base_path() {
    let directory = tempfile::tempdir().unwrap();
    let output = first_output(directory.path(), &["--base-path", "/apollo/"]);
    let addresses: Vec<_> = output.lines().filter(|line| line.contains("http://")).collect();
    assert_eq!(addresses.len(), 3, "{output}");
    for (line, end) in addresses.iter().zip(["/apollo/", "/apollo", "/apollo/configs/"]) {
        let (_, path) = line.split_once("http://127.0.0.1:").unwrap();
        assert!(path.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(end), "{line}");
    }
}

/// I5: a portal without an environment answers with an empty list, and its log says which settings
/// name one.
#[tokio::test]
async fn a_portal_without_environments_names_the_setting() {
    let portal = Server::start_with(Options::new().flag("--roles", "portal"));
    let envs = portal.open_api().get("/openapi/v1/envs").await;
    assert_eq!(envs.ok().json(), json!([]));
    let directory = tempfile::tempdir().unwrap();
    let mut command = command(&["serve", "--log-format", "json", "--roles", "portal"]);
    command.args(["--portal-port", "0", "--data-dir"]).arg(directory.path());
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let log = terminate_after(1, r#""listening""#, child);
    for setting in ["apollo.portal.meta.servers", "DEV_META"] {
        assert!(log.contains(setting), "{log}");
    }
}
