//! Kubernetes describes each service of a namespace in variables of all its pods. Services that are
//! called like the server have variables that begin like its settings.

use std::process::Stdio;

use crate::support::server::{command, terminate_when_ready};

/// The variables of a service with one named port.
fn variables(service: &str) -> Vec<(String, &'static str)> {
    let prefix = service.replace('-', "_").to_uppercase();
    let members = [
        ("SERVICE_HOST", "10.0.0.1"),
        ("SERVICE_PORT", "8090"),
        ("SERVICE_PORT_HTTP", "8090"),
        ("PORT", "tcp://10.0.0.1:8090"),
        ("PORT_8090_TCP", "tcp://10.0.0.1:8090"),
        ("PORT_8090_TCP_PROTO", "tcp"),
        ("PORT_8090_TCP_PORT", "8090"),
        ("PORT_8090_TCP_ADDR", "10.0.0.1"),
    ];
    members.map(|(member, value)| (format!("{prefix}_{member}"), value)).to_vec()
}

/// I17: the ports are in the file, because a flag would hide a variable with the name of a setting.
#[test]
fn services_that_are_called_like_the_server_do_not_stop_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("castalia.toml");
    std::fs::write(&file, "config_port = 0\nadmin_port = 0\nportal_port = 0\n").unwrap();
    let services = ["castalia", "castalia-config", "castalia-admin", "castalia-portal"];
    let mut serve = command(&["serve", "--log-format", "json", "--sample-app", "off"]);
    serve.args(["--config-file".as_ref(), file.as_os_str()]);
    serve.args(["--data-dir".as_ref(), directory.path().join("data").as_os_str()]);
    serve.envs(services.into_iter().flat_map(variables));
    let text = terminate_when_ready(serve.stdout(Stdio::piped()).spawn().unwrap());
    let settings: Vec<_> = text.lines().filter(|line| line.contains("differs")).collect();
    assert!(settings.iter().any(|line| line.contains("admin_port")), "{text}");
    assert!(!settings.iter().any(|line| line.contains("CASTALIA_")), "{settings:?}");
}
