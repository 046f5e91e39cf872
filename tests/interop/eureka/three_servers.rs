//! Three servers as peers, each of another make. Each is down for a minute while the instances go
//! on at the next one, as stock clients do; afterwards it knows what the others know.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::spring::{Spring, Stack};
use super::{address, calls, free_port, has_hash, hosting, instance, json_calls};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::Server;

const INSTANCES: usize = 20;
/// One instance is down and one out of service; our two services are listed as well.
const HASH: &str = "DOWN_1_OUT_OF_SERVICE_1_UP_20_";
/// The usual interval of heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(30);
const DOWN: Duration = Duration::from_secs(60);
/// Longest time between a restart and equal lists.
const AGREEMENT: Duration = Duration::from_secs(40);
/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Case 67.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes four minutes: cargo test -p castalia-tests --test suite three_servers -- --ignored --nocapture"]
async fn three_servers_agree_after_each_restart() {
    let [our_port, admin_port, port_2, port_4] = [0; 4].map(|_| free_port());
    let base = |port| format!("http://127.0.0.1:{port}");
    let [ours, boot_2, boot_4] = [our_port, port_2, port_4].map(base);
    let [ours_url, url_2, url_4] =
        [address(&ours, "pw"), format!("{boot_2}/eureka/"), format!("{boot_4}/eureka/")];
    let options = hosting()
        .flag("--config-port", &our_port.to_string())
        .flag("--admin-port", &admin_port.to_string())
        .variable("CASTALIA_EUREKA_SERVICE_URL", &format!("{ours_url},{url_2},{url_4}"));
    let launch_2 = || Spring::launch(Stack::Boot2, port_2, &format!("{ours_url},{url_4}"));
    let launch_4 = || Spring::launch(Stack::Boot4, port_4, &format!("{ours_url},{url_2}"));
    let (second, third) = (launch_2(), launch_4());
    let mut first = Server::start_with(options.clone());
    let (second, third) = (second.ready(), third.ready());
    let all = [calls(&first), json_calls(&boot_2), json_calls(&boot_4)];
    for number in 0..INSTANCES {
        let mut instance = instance("DEMO", &format!("i{number}"), 5, 8080);
        if number == 0 {
            instance["instance"]["status"] = json!("DOWN");
        }
        let (client, first) = (all.clone(), number % all.len());
        tokio::spawn(async move { live(instance, &client, first).await });
    }
    let out = async || {
        let path = "/eureka/apps/DEMO/i1/status?value=OUT_OF_SERVICE";
        (all[1].put(path, json!({})).await.status == 200).then_some(())
    };
    eventually("an instance to take out of service", out).await;
    let [ours, boot_2, boot_4] = &all;
    agree("the start", &[ours, boot_2, boot_4]).await;

    drop(second);
    stays_down(&[ours, boot_4]).await;
    let _second = launch_2().ready();
    agree("the restart of Boot 2", &[ours, boot_2, boot_4]).await;
    drop(third);
    stays_down(&[ours, boot_2]).await;
    let _third = launch_4().ready();
    agree("the restart of Boot 4", &[ours, boot_2, boot_4]).await;
    first.kill();
    stays_down(&[boot_2, boot_4]).await;
    let _first = Server::start_with(options);
    agree("our restart", &[ours, boot_2, boot_4]).await;
}

/// Registers at one of the servers and renews there; at the next one when it does not answer.
async fn live(instance: Value, servers: &[Http; 3], first: usize) {
    let described = &instance["instance"];
    let (id, status) = (described["instanceId"].as_str().unwrap(), described["status"].as_str());
    let renewal = format!(
        "/eureka/apps/DEMO/{id}?status={}&lastDirtyTimestamp={}",
        status.unwrap(),
        described["lastDirtyTimestamp"].as_str().unwrap()
    );
    let mut position = first;
    // Not all at the same time.
    tokio::time::sleep(HEARTBEAT.mul_f64(fastrand::f64() / 10.0)).await;
    loop {
        let server = &servers[position % servers.len()];
        let send = async |method, path, body| {
            server.try_send(method, path, body, ANSWER).await.map(|answer| answer.status)
        };
        let mut status = send(Method::PUT, &renewal, None).await;
        if status == Some(404) {
            status = send(Method::POST, "/eureka/apps/DEMO", Some(&instance)).await;
        }
        match status {
            Some(200..300) => tokio::time::sleep(HEARTBEAT).await,
            _ => {
                position += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Nothing is lost at the others while one is down.
async fn stays_down(others: &[&Http]) {
    tokio::time::sleep(DOWN).await;
    agree("the minute without one", others).await;
}

async fn agree(what: &str, servers: &[&Http]) {
    let begun = Instant::now();
    for server in servers {
        let what = format!("{HASH} at {} after {what}", server.base());
        eventually(&what, async || has_hash(server, HASH).await).await;
    }
    let elapsed = begun.elapsed();
    eprintln!("equal lists {elapsed:.1?} after {what}");
    assert!(elapsed < AGREEMENT, "{elapsed:?} after {what}");
}
