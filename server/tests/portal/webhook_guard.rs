//! Webhooks never make the server call internal addresses, in whatever form they are written
//! (SEC-18).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::net::TcpListener;

use super::receiver::{
    Receiver, SECRET, Script, WEBHOOKS, log, publish, register, states, until, world,
};
use super::world::World;

/// Hosts that lead to this machine, to private networks or to metadata services.
const HOSTS: [&str; 60] = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "0177.1",
    "127.0.0.1.",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "0",
    "0.0.0.0",
    "0x0",
    "0.1.2.3",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "LocalHost.",
    "ⓛocalhost",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "[2002:a00:1::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[ff02::1]",
    "[2001:db8::1]",
    "[2001::1]",
    "10.0.0.1",
    "10.255.255.255",
    "012.0.0.1",
    "0xa.0.0.1",
    "167772161",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "0xc0a80001",
    "100.64.0.1",
    "198.18.0.1",
    "169.254.169.254",
    "0xa9fea9fe",
    "[::ffff:169.254.169.254]",
    "169.254.170.2",
    "100.100.100.200",
    "224.0.0.1",
];

/// Counts connections to the guard's port on both families.
async fn guard() -> (u16, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let v4 = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = v4.local_addr().unwrap().port();
    let v6 = TcpListener::bind(("::1", port)).await;
    for listener in [Some(v4), v6.ok()].into_iter().flatten() {
        let connections = Arc::clone(&connections);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                connections.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    (port, connections)
}

#[tokio::test]
async fn no_form_of_an_internal_address_is_called() {
    let world = World::fresh().await;
    let _background = world.run();
    let (port, connections) = guard().await;
    let root = world.user("apollo").await;
    let mut tested = 0;
    for host in HOSTS {
        let url = format!("http://{host}:{port}/");
        let made = root.post(WEBHOOKS, json!({ "url": url, "secret": SECRET })).await;
        if made.status == 200 {
            let path = format!("{WEBHOOKS}/{}/test", made.json()["id"]);
            root.post(&path, json!(null)).await.empty();
            tested += 1;
        }
    }
    assert!(tested > 50, "{tested}");
    for url in ["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/", "//127.0.0.1/"] {
        root.post(WEBHOOKS, json!({ "url": url })).await.fails(400, "url must be");
    }
    until("all were tried", async || {
        let size = format!("{WEBHOOKS}/deliveries?size=100");
        let rows = root.get(&size).await.ok();
        rows.as_array().unwrap().iter().filter(|row| row["attempts"] != 0).count() == tested
    })
    .await;
    assert_eq!(connections.load(Ordering::SeqCst), 0, "a connection was made");
    for row in log(&world).await {
        let problem = row["problem"].as_str().unwrap();
        assert!(!problem.contains("127."), "{row}");
        assert_ne!(row["state"], "delivered", "{row}");
    }
}

#[tokio::test]
async fn a_refused_address_is_named_in_the_log() {
    let world = World::fresh().await;
    let _background = world.run();
    let root = world.user("apollo").await;
    for url in ["http://127.0.0.1:1/", "http://localhost:1/"] {
        let id = root.post(WEBHOOKS, json!({ "url": url })).await.ok()["id"].clone();
        root.post(&format!("{WEBHOOKS}/{id}/test"), json!(null)).await.empty();
    }
    until("both were tried", async || {
        let rows = log(&world).await;
        rows.len() == 2 && rows.iter().all(|row| row["attempts"] != 0)
    })
    .await;
    for row in log(&world).await {
        assert_eq!(
            row["problem"], "The address is internal and not in security.webhook_hosts",
            "{row}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let world = world().await;
    let _background = world.run();
    let (from, to) = (Receiver::start().await, Receiver::start().await);
    from.answers([Script::Redirect(to.url.clone())]);
    register(&world, &from.url).await;
    publish(&world.user("u1").await, "1").await;
    // The second attempt is answered with success.
    let rows = states(&world, &["delivered"]).await;
    assert_eq!(rows[0]["attempts"], 2);
    assert!(to.received().is_empty());
}
