//! Other implementations of Eureka on the other side: clients that register with our server,
//! Spring's servers as peers and as the servers that we register with, and Apollo's services.

mod apollo;
mod clients;
mod outside;
mod peers;
mod program;
mod spring;
mod three_servers;

use serde_json::{Value, json};

use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// A node that hosts Eureka for a user `eu`, and sends its own heartbeats each second.
fn hosting() -> Options {
    Options::new()
        .flag("--registry", "eureka")
        .flag("--eureka-host", "on")
        .flag("--eureka-username", "eu")
        .variable("CASTALIA_EUREKA_PASSWORD", "pw")
        .flag("--eureka-instance-lease-renewal-interval", "1")
        .flag("--roles", "config,meta,admin")
}

/// The address for clients of a node at this one, with this password.
fn address(base: &str, password: &str) -> String {
    format!("{}/eureka/", base.replace("http://", &format!("http://eu:{password}@")))
}

/// Calls with the right password.
fn calls(server: &Server) -> Http {
    json_calls(&server.config).with("authorization", "Basic ZXU6cHc=")
}

fn json_calls(base: &str) -> Http {
    Http::new(base).with("accept", "application/json")
}

/// A description as Spring's clients send it.
fn instance(app: &str, id: &str, dirty: i64, port: u16) -> Value {
    json!({"instance": {
        "instanceId": id, "hostName": "10.0.0.21", "app": app, "ipAddr": "10.0.0.21",
        "status": "UP", "port": {"$": port, "@enabled": "true"},
        "securePort": {"$": 443, "@enabled": "false"},
        "dataCenterInfo": {
            "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", "name": "MyOwn",
        },
        "leaseInfo": {"renewalIntervalInSecs": 30, "durationInSecs": 90},
        "metadata": {"management.port": "8080"},
        "homePageUrl": "http://10.0.0.21:8080/", "vipAddress": app.to_lowercase(),
        "lastDirtyTimestamp": dirty.to_string(),
    }})
}

/// The instance at this path, if the server has it.
async fn found(eureka: &Http, path: &str) -> Option<Value> {
    let answer = eureka.get(path).await;
    (answer.status == 200).then(|| answer.json()["instance"].clone())
}

/// `Some` if the list of a server has this hash, which is the number of instances with each status.
async fn has_hash(eureka: &Http, expected: &str) -> Option<()> {
    let list = eureka.get("/eureka/apps").await;
    (list.status == 200 && list.json()["applications"]["apps__hashcode"] == expected).then_some(())
}

/// A port that is free now, for servers that have to know each other's before they start.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
