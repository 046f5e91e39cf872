//! The addresses under which a node behind a proxy is announced.

use std::net::IpAddr;
use std::process::Stdio;

use serde_json::{Value, json};

use super::{client, hosting};
use crate::support::http::Http;
use crate::support::server::{Server, command, terminate_after};

#[tokio::test]
async fn a_node_behind_a_proxy_is_listed_as_stated() {
    let options = hosting()
        .flag("--advertise", "https://config.example")
        .flag("--advertise-admin", "https://admin.example:9443/apollo")
        .flag("--base-path", "/apollo");
    let server = Server::start_with(options);
    let eureka = client(&server);
    let entry = async |service: &str| {
        let app = eureka.get(&format!("/apollo/eureka/apps/APOLLO-{service}SERVICE")).await.ok();
        app.json()["application"]["instance"][0].clone()
    };
    let (config, admin) = (entry("CONFIG").await, entry("ADMIN").await);
    assert_eq!(config["homePageUrl"], "https://config.example/apollo/");
    assert_eq!(config["securePort"], json!({"$": 443, "@enabled": "true"}));
    assert_eq!(admin["homePageUrl"], "https://admin.example:9443/apollo/");
    let is_address = |entry: &Value| entry["ipAddr"].as_str().unwrap().parse::<IpAddr>().is_ok();
    assert!(is_address(&config) && is_address(&admin), "{config} {admin}");
    let listed = Http::new(&server.config).get("/apollo/services/config").await.ok().json();
    assert_eq!(listed[0]["homepageUrl"], "https://config.example/apollo/");
}

/// The proxy of the config role is probably not also on the admin port.
#[test]
fn an_admin_role_with_tls_on_its_own_port_is_warned_of() {
    for (stated, expected) in [(None, 1), (Some("https://admin.example"), 0)] {
        let directory = tempfile::tempdir().unwrap();
        let mut serve = command(&["serve", "--roles", "config,meta,admin", "--log-format", "json"]);
        serve.args(["--config-port", "0", "--admin-port", "0", "--advertise", "https://c.example"]);
        serve.args(stated.into_iter().flat_map(|stated| ["--advertise-admin", stated]));
        serve.arg("--data-dir").arg(directory.path()).stdout(Stdio::piped());
        let printed = terminate_after(2, r#""listening""#, serve.spawn().unwrap());
        let warnings = printed.matches("set advertise_admin").count();
        assert_eq!(warnings, expected, "{printed}");
    }
}
