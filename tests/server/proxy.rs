//! Variables such as `HTTP_PROXY` in the server's environment: a proxy would resolve the names of
//! receivers itself, and nobody would check their addresses.

use serde_json::json;
use tokio::net::TcpListener;

use crate::support::eventually::eventually;
use crate::support::server::{Options, Server};
use crate::support::session;

/// SEC-18: an internal host is refused, and the proxy is never asked for it.
#[tokio::test]
async fn a_proxy_of_the_environment_does_not_bypass_the_check_of_webhook_addresses() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let variables = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"];
    let options =
        variables.iter().fold(Options::new(), |options, name| options.variable(name, &address));
    let server = Server::start_with(options);
    let root = session::root(&server).await;
    let urls = ["http://localhost:1/", "http://metadata.google.internal/", "https://vault.corp/"];
    for url in urls {
        let webhook = root.post("/openapi/v1/webhooks", json!({ "url": url })).await.ok().json();
        root.post(&format!("/openapi/v1/webhooks/{}/test", webhook["id"]), json!(null)).await.ok();
    }
    let tried = eventually("all were tried", async || {
        let log = root.get("/openapi/v1/webhooks/deliveries").await.ok().json();
        let tried = log.as_array().unwrap().clone();
        (tried.iter().filter(|row| row["attempts"] != 0).count() == urls.len()).then_some(tried)
    })
    .await;
    assert!(tried.iter().all(|row| row["state"] != "delivered"), "{tried:?}");
    let asked = tokio::time::timeout(std::time::Duration::from_millis(50), proxy.accept()).await;
    assert!(asked.is_err(), "the proxy was asked");
}
