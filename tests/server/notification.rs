//! Long polls: at once, held, pushed, and never lost.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::demo::Demo;
use crate::support::eventually::eventually;
use crate::support::http::{Answer, Http};
use crate::support::server::{Options, Server};

fn poll_path(app_id: &str, namespace: &str, id: i64) -> String {
    let list = json!([{ "namespaceName": namespace, "notificationId": id }]).to_string();
    let list: String = list.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("/notifications/v2?appId={app_id}&cluster=default&notifications={list}")
}

fn newest(answer: &Answer) -> i64 {
    answer.json()[0]["notificationId"].as_i64().unwrap()
}

/// The newest id of a namespace, once there is one.
async fn position(http: &Http, app_id: &str) -> i64 {
    let answer = eventually("a first notification", || async {
        Some(http.get(&poll_path(app_id, "application", -1)).await)
            .filter(|answer| answer.status == 200)
    });
    newest(&answer.await)
}

/// Cases 61, 66, 77, 85, 86: a client that is behind is answered at once, with all keys that ever moved.
#[tokio::test]
async fn a_client_that_is_behind_is_answered_at_once() {
    let server = Server::start();
    let demo = Demo::create(&server, "demo").await;
    demo.set("k", "1").await;
    demo.publish().await;
    let http = Http::new(&server.config);
    let id = position(&http, "demo").await;
    let expected = json!([{
        "namespaceName": "application", "notificationId": id,
        "messages": { "details": { "demo+default+application": id } },
    }]);
    assert_eq!(
        http.get(&poll_path("demo", "application.properties", -1)).await.ok().json(),
        expected
    );
    let legacy = http
        .get("/notifications?appId=demo&cluster=default&notificationId=999999")
        .await
        .ok()
        .json();
    assert_eq!(legacy, json!({ "namespaceName": "application", "notificationId": id }));
}

/// Cases 62, 63, 76, 78, 79: a client that knows the newest id, or one above it, is held and ends in 304; bad lists are 400.
#[tokio::test]
async fn a_client_that_knows_everything_is_held() {
    let server = Server::start_with(Options::new().variable("CASTALIA_LONG_POLLING_TIMEOUT", "2"));
    let demo = Demo::create(&server, "demo").await;
    demo.set("k", "1").await;
    demo.publish().await;
    let http = Http::new(&server.config);
    let id = position(&http, "demo").await;
    for known in [id, id + 1000] {
        let start = Instant::now();
        let answer = http.get(&poll_path("demo", "application", known)).await;
        assert_eq!((answer.status, answer.text.as_str()), (304, ""));
        assert!(start.elapsed() > Duration::from_millis(1500), "{:?}", start.elapsed());
    }
    for list in ["%5B%5D", "abc", "%7B%7D", "", "null", "%5B%7B%7D%5D"] {
        let answer = http
            .get(&format!("/notifications/v2?appId=demo&cluster=default&notifications={list}"))
            .await;
        assert_eq!(answer.status, 400, "{list}");
        assert!(
            answer.json()["message"].as_str().unwrap().starts_with("invalid notifications format:"),
            "{answer:?}"
        );
    }
    assert_eq!(
        http.get("/notifications/v2?cluster=default&notifications=%5B%5D").await.status,
        400
    );
    assert_eq!(http.get("/notifications/v2?appId=demo&notifications=%5B%5D").await.status, 400);
}

/// Case 65: a parked poll is answered by a publish, with exactly the key that moved; a publish of another app wakes nobody.
#[tokio::test]
async fn a_parked_poll_is_woken_by_a_publish() {
    let server = Server::start();
    let demo = Demo::create(&server, "demo").await;
    let other = Demo::create(&server, "other").await;
    demo.set("k", "1").await;
    demo.publish().await;
    let http = Http::new(&server.config);
    let id = position(&http, "demo").await;
    let parked = tokio::spawn({
        let http = http.clone();
        async move { http.get(&poll_path("demo", "application", id)).await }
    });
    other.set("k", "1").await;
    other.publish().await;
    demo.set("k", "2").await;
    demo.publish().await;
    let answer = parked.await.unwrap().ok();
    let moved = newest(&answer);
    assert!(moved > id);
    let details: Value = json!({ "demo+default+application": moved });
    assert_eq!(answer.json()[0]["messages"]["details"], details);
    // What is fetched after the notification is not older than it.
    let config = http.get("/configs/demo/default/application").await.ok().json();
    assert_eq!(config["configurations"]["k"], "2");
}

/// Case 82: whatever the moment of the publish, the running or the next poll reports it.
#[tokio::test]
async fn no_notification_is_lost() {
    let server = Server::start();
    let demo = Demo::create(&server, "demo").await;
    demo.set("k", "0").await;
    demo.publish().await;
    let http = Http::new(&server.config);
    let mut known = position(&http, "demo").await;
    for round in 1..=50_u64 {
        let publisher = tokio::spawn({
            let demo = demo.clone();
            async move {
                demo.set("k", &round.to_string()).await;
                // A different offset against the poll in each round.
                tokio::time::sleep(Duration::from_micros(round * 37 % 3000)).await;
                demo.publish().await
            }
        });
        let start = Instant::now();
        let answer = http.get(&poll_path("demo", "application", known)).await.ok();
        known = newest(&answer);
        publisher.await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(2), "round {round}: {:?}", start.elapsed());
        let config = http.get("/configs/demo/default/application").await.ok().json();
        assert_eq!(config["configurations"]["k"], round.to_string());
    }
}
