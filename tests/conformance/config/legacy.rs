//! Cases C085 to C088: the deprecated poll for one namespace.

use serde_json::json;

use super::fixture::Fixture;
use crate::support::poll::{Waiting, position};

/// C085, C086: the answer has no messages; an id that differs is out of date, even one above the
/// newest.
#[tokio::test]
async fn any_other_id_is_answered_at_once() {
    let fixture = Fixture::shared().await;
    let id = position(&fixture.config, "demo", "application").await;
    let expected = json!({ "namespaceName": "application", "notificationId": id });
    for known in ["".to_owned(), format!("&notificationId={}", id + 1000)] {
        let path = format!("/notifications?appId=demo&cluster=default{known}");
        assert_eq!(fixture.config.get(&path).await.ok().json(), expected, "{known}");
    }
}

/// C087: a poll with the newest id is held, and a publish ends it. (A case of `notification.rs`
/// checks that the hold is half a minute.)
#[tokio::test]
async fn the_newest_id_waits_for_a_publish() {
    let fixture = Fixture::shared().await;
    let app = fixture.app("c087").await;
    app.publish("1").await;
    let id = position(&fixture.config, &app.id, "application").await;
    let path = format!("/notifications?appId={}&cluster=default&notificationId={id}", app.id);
    let waiting = Waiting::start(&fixture.config, &path).await;
    app.publish("2").await;
    let body = waiting.soon().await.ok().json();
    assert_eq!((&body["namespaceName"], body.get("messages")), (&json!("application"), None));
    assert!(body["notificationId"].as_i64().unwrap() > id);
}

/// C088: an id that is not a number is refused; this server answers 400, the reference 500.
#[tokio::test]
async fn an_id_that_is_no_number_is_refused() {
    let fixture = Fixture::shared().await;
    let answer =
        fixture.config.get("/notifications?appId=demo&cluster=default&notificationId=abc").await;
    assert!(matches!(answer.status, 400 | 500), "{answer:?}");
}
