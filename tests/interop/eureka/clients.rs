//! Clients of other languages: each registers, sends heartbeats, finds our services, comes back
//! after the server lost it, and leaves.

use std::process::Command;

use serde_json::{Value, json};

use super::program::Program;
use super::spring::{directory, java};
use super::{address, calls, found, hosting};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::Server;

/// Case 74, and the calls of an operator of cases 37 and 39.
#[tokio::test]
async fn netflix_client() {
    let server = Server::start_with(hosting());
    let eureka = calls(&server);
    let mut client = Program::start(netflix(&address(&server.config, "pw")));
    assert_eq!(client.answer(), "started");
    let path = format!("/eureka/apps/NF-DEMO/{}", id(&eureka, "NF-DEMO").await);
    let has = async |status: &'static str| {
        let is_expected = |one: &Value| one["status"] == status;
        eventually(status, async || found(&eureka, &path).await.filter(is_expected)).await;
    };
    has("STARTING").await;
    client.ask("UP");
    has("UP").await;
    let ours = "APOLLO-ADMINSERVICE=1, APOLLO-CONFIGSERVICE=1";
    knows(&mut client, &format!("UP {{{ours}, NF-DEMO=1}}")).await;

    let status = format!("{path}/status");
    let out = eureka.put(&format!("{status}?value=OUT_OF_SERVICE"), json!({})).await;
    assert_eq!(out.status, 200);
    knows(&mut client, &format!("OUT_OF_SERVICE {{{ours}, NF-DEMO=0}}")).await;
    client.ask("DOWN");
    has("DOWN").await;
    client.ask("UP");
    has("OUT_OF_SERVICE").await;
    // Without a value the next heartbeat is refused, so that the client registers with its own.
    assert_eq!(eureka.delete(&status).await.status, 200);
    knows(&mut client, &format!("UP {{{ours}, NF-DEMO=1}}")).await;
    comes_back(&eureka, &path).await;

    for _ in 0..3 {
        client.line("Got delta update");
    }
    let full = |line: &&String| line.contains("Getting all instance registry info");
    assert_eq!(client.printed().iter().filter(full).count(), 1, "{:#?}", client.printed());
    assert_eq!(client.end(), "stopped");
    has_left(&eureka, &path, &mut client).await;
}

/// Case 75: it sends JSON and reads XML.
#[tokio::test]
async fn py_eureka_client() {
    registers_and_leaves("PY-DEMO", script("python/target/bin/python", "python/client.py")).await;
}

/// Case 76: its name is in lower case.
#[tokio::test]
async fn eureka_js_client() {
    registers_and_leaves("JS-DEMO", script("node", "node/client.js")).await;
}

/// Cases 73 and 77: its operator takes it out of service, as the actuator endpoint
/// `serviceregistry` does.
#[tokio::test]
async fn spring_cloud_application() {
    let server = Server::start_with(hosting());
    let eureka = calls(&server);
    let mut client = Program::start(spring(&address(&server.config, "pw"), "1"));
    assert_eq!(client.answer(), "started");
    let path = "/eureka/apps/CL-DEMO/cl-demo:9094";
    let statuses = async || {
        let one = found(&eureka, path).await?;
        Some([one["status"].clone(), one["overriddenStatus"].clone()])
    };
    let has = async |status: &'static str, overridden: &'static str| {
        let expected = [json!(status), json!(overridden)];
        let is_expected = async || statuses().await.filter(|statuses| *statuses == expected);
        eventually(status, is_expected).await;
    };
    has("UP", "UNKNOWN").await;
    let ours = "apollo-adminservice=1, apollo-configservice=1";
    let up = format!("{{{ours}, cl-demo=1}}");
    knows(&mut client, &format!("{{overriddenStatus=UNKNOWN, status=UP}} {up}")).await;

    for (status, known) in [("OUT_OF_SERVICE", &format!("{{{ours}}}")), ("UP", &up)] {
        client.ask(status);
        // It has waited for the server's answer.
        assert_eq!(statuses().await.unwrap(), [status, status]);
        let expected = format!("{{overriddenStatus={status}, status={status}}} {known}");
        knows(&mut client, &expected).await;
    }
    client.ask("CANCEL_OVERRIDE");
    has("UP", "UNKNOWN").await;
    is_renewed(&eureka, path).await;
    comes_back(&eureka, path).await;
    assert_eq!(client.end(), "stopped");
    has_left(&eureka, path, &mut client).await;

    // At its usual pace, since ten wrong passwords lock this machine out.
    let mut client = Program::start(spring(&address(&server.config, "wrong"), "30"));
    client.line("registration failed");
    nothing_is_registered(server, "CL-DEMO", client).await;
}

async fn registers_and_leaves(app: &str, command: impl Fn(&str, &str) -> Command) {
    let server = Server::start_with(hosting());
    let eureka = calls(&server);
    let mut client = Program::start(command(&address(&server.config, "pw"), "1"));
    assert_eq!(client.answer(), "started");
    let path = format!("/eureka/apps/{app}/{}", id(&eureka, app).await);
    let one = found(&eureka, &path).await.unwrap();
    assert_eq!((&one["status"], &one["app"]), (&json!("UP"), &json!(app)));
    for _ in 0..3 {
        is_renewed(&eureka, &path).await;
    }
    let known = format!(r#"{{"APOLLO-ADMINSERVICE":1,"APOLLO-CONFIGSERVICE":1,"{app}":1}}"#);
    knows(&mut client, &known).await;
    comes_back(&eureka, &path).await;
    // py_eureka_client hangs if it is stopped while its own thread still registers.
    is_renewed(&eureka, &path).await;
    assert_eq!(client.end(), "stopped");
    assert!(found(&eureka, &path).await.is_none());
    // At its usual pace, since ten wrong passwords lock this machine out.
    let mut client = Program::start(command(&address(&server.config, "wrong"), "30"));
    // Its answer depends on the client: one reports the failure, another goes on trying.
    client.answer();
    nothing_is_registered(server, app, client).await;
}

/// Case 77: a client with a wrong password has registered nothing, and the log has one line about
/// it.
async fn nothing_is_registered(mut server: Server, app: &str, client: Program) {
    drop(client);
    assert_eq!(calls(&server).get(&format!("/eureka/apps/{app}")).await.status, 404);
    let printed = server.printed_until_exit();
    let reports = printed.iter().filter(|line| line.contains("wrong user name or password"));
    assert_eq!(reports.count(), 1, "{printed:#?}");
}

/// After the server lost it, a client registers again with its next heartbeat.
async fn comes_back(eureka: &Http, path: &str) {
    assert_eq!(eureka.delete(path).await.status, 200);
    eventually("the registration after it was lost", async || found(eureka, path).await).await;
}

/// Netflix's client does not wait for its heartbeat that is in flight when it leaves: that one may
/// find nothing, and then registers again.
async fn has_left(eureka: &Http, path: &str, client: &mut Program) {
    if found(eureka, path).await.is_none() {
        return;
    }
    let printed = client.printed();
    let mut later = printed.iter().skip_while(|line| !line.contains("Unregistering"));
    assert!(later.any(|line| line.contains("Re-registering")), "{printed:#?}");
}

async fn is_renewed(eureka: &Http, path: &str) {
    let renewed = async || {
        let one = found(eureka, path).await.unwrap();
        one["leaseInfo"]["lastRenewalTimestamp"].as_i64().unwrap()
    };
    let begun = renewed().await;
    eventually("a heartbeat", async || (renewed().await > begun).then_some(())).await;
}

/// Waits until the client has read this, for a minute; it reads once a second.
async fn knows(client: &mut Program, expected: &str) {
    let mut last = String::new();
    for _ in 0..600 {
        last = client.ask("").replace(' ', "");
        if last == expected.replace(' ', "") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the client does not know {expected}, but {last}");
}

/// The id of the only instance of an app.
async fn id(eureka: &Http, app: &str) -> String {
    let answer = eureka.get(&format!("/eureka/apps/{app}")).await.ok().json();
    let instances: &Vec<Value> = answer["application"]["instance"].as_array().unwrap();
    assert_eq!(instances.len(), 1, "{instances:?}");
    instances[0]["instanceId"].as_str().unwrap().to_owned()
}

/// Netflix's client, which reads, renews and reports once a second.
fn netflix(server: &str) -> Command {
    let properties = [
        ("eureka.serviceUrl.default", server),
        ("eureka.name", "nf-demo"),
        ("eureka.vipAddress", "nf-demo"),
        ("eureka.port", "9092"),
        ("eureka.lease.renewalInterval", "1"),
        ("eureka.lease.duration", "90"),
        ("eureka.client.refresh.interval", "1"),
        ("eureka.appinfo.replicate.interval", "1"),
        ("eureka.shouldEnforceRegistrationAtInit", "true"),
        ("org.slf4j.simpleLogger.logFile", "System.out"),
        ("org.slf4j.simpleLogger.log.com.netflix.discovery.DiscoveryClient", "debug"),
    ];
    java("netflix", "NetflixClient", &properties)
}

/// An application of Spring Cloud, which reads, renews and reports at this interval in seconds.
fn spring(server: &str, interval: &str) -> Command {
    let mut command = java("spring4-client", "SpringClient", &[]);
    let settings = [
        ("spring.application.name", "cl-demo"),
        // No server listens, but its port is registered.
        ("spring.main.web-application-type", "none"),
        ("server.port", "9094"),
        ("eureka.instance.instance-id", "cl-demo:9094"),
        ("eureka.client.service-url.defaultZone", server),
        ("eureka.instance.lease-renewal-interval-in-seconds", interval),
        ("eureka.client.registry-fetch-interval-seconds", interval),
        ("eureka.client.instance-info-replication-interval-seconds", interval),
    ];
    command.args(settings.map(|(name, value)| format!("--{name}={value}")));
    command
}

/// A script of `tests/interop/eureka` that registers at a server, and reads and renews at an
/// interval in seconds.
fn script(interpreter: &str, script: &str) -> impl Fn(&str, &str) -> Command {
    let directory = directory();
    let script = directory.join(script);
    // A bare name is looked up in the path.
    let own = directory.join(interpreter);
    let interpreter = if own.is_file() { own } else { interpreter.into() };
    move |server, interval| {
        let mut command = Command::new(&interpreter);
        command.arg(&script).args([server, interval]);
        command
    }
}
