//! Cases C061 to C064, C066 to C071 and C074 to C079: which long polls are answered immediately,
//! and which are held.

use std::time::Duration;

use serde_json::json;

use super::fixture::{Fixture, compatible, special};
use crate::support::health::becomes;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, newest, position};
use crate::support::raw;
use crate::support::stopwatch::{Limit, Stopwatch};

/// How much longer than its hold a poll may take, in seconds, on a busy machine. Other holds are
/// 25 s longer or more.
const LATE: u64 = 20;
/// Time until a new name is known. It is read at once; everything is read again after a minute.
const KNOWN: Limit = Limit { usual: Duration::from_secs(2), most: Duration::from_secs(20) };

/// C061, C066: a client that is behind is answered immediately, with all watch keys that ever
/// changed; `.properties` is not repeated.
#[tokio::test]
async fn a_client_that_is_behind_is_answered_at_once() {
    let fixture = Fixture::shared().await;
    let id = position(&fixture.config, "demo", "application").await;
    let expected = json!([{
        "namespaceName": "application", "notificationId": id,
        "messages": { "details": { "demo+default+application": id } },
    }]);
    for name in ["application", "application.properties"] {
        let answer = fixture.config.get(&poll::path("demo", &[(name, -1)])).await.ok();
        assert_eq!(answer.json(), expected, "{name}");
    }
}

/// C062, C063, C074: a client that knows the newest id, or a greater one, and one whose namespace
/// can never change, is held for the configured time and then receives an empty 304.
#[tokio::test]
async fn a_client_that_knows_everything_is_held() {
    let options = compatible().variable("CASTALIA_LONG_POLLING_TIMEOUT", "5");
    let Some((server, app)) = special("C062, C063 and C074", "demo", options).await else { return };
    app.publish("1").await;
    let http = Http::new(&server.config);
    let id = position(&http, "demo", "application").await;
    let paths = [
        poll::path("demo", &[("application", id)]),
        poll::path("demo", &[("application", id + 1000)]),
        poll::path("ApolloNoAppIdPlaceHolder", &[("application", -1)]),
    ];
    let waiting = paths.map(|path| {
        let http = http.clone();
        tokio::spawn(async move { Waiting::start(&http, &path).await.end().await })
    });
    for poll in waiting {
        let (answer, time) = poll.await.unwrap();
        assert_eq!((answer.status, answer.text.as_str()), (304, ""));
        assert!((4..5 + LATE).contains(&time.as_secs()), "{time:?}");
    }
}

/// C064, C087: by default the hold is a minute; that of the deprecated poll is always half a
/// minute.
#[tokio::test]
async fn the_usual_hold_is_a_minute() {
    let fixture = Fixture::shared().await;
    let id = position(&fixture.config, "demo", "application").await;
    let v2 = Waiting::start(&fixture.config, &poll::path("demo", &[("application", id)])).await;
    let path = format!("/notifications?appId=demo&cluster=default&notificationId={id}");
    let v1 = Waiting::start(&fixture.config, &path).await;
    let ((v1, v1_time), (v2, v2_time)) = tokio::join!(v1.end(), v2.end());
    assert_eq!((v1.status, v1.text.as_str(), v2.status, v2.text.as_str()), (304, "", 304, ""));
    assert!((29..30 + LATE).contains(&v1_time.as_secs()), "{v1_time:?}");
    assert!((59..60 + LATE).contains(&v2_time.as_secs()), "{v2_time:?}");
}

/// C067, C069, C070: the client's spelling is returned, the watch keys are the stored ones; of two
/// spellings of one namespace the one with the smaller id is used.
#[tokio::test]
async fn spellings_come_back_as_the_client_wrote_them() {
    let fixture = Fixture::shared().await;
    let answer = fixture.config.get(&poll::path("demo", &[("TEAM.common", -1)])).await.ok();
    let (max, body) = (newest(&answer), answer.json());
    let details = body[0]["messages"]["details"].as_object().unwrap();
    assert_eq!(
        details.keys().collect::<Vec<_>>(),
        ["demo+default+Team.common", "lib+default+Team.common"]
    );
    assert_eq!(details.values().filter_map(|id| id.as_i64()).max(), Some(max));
    assert_eq!(body[0]["namespaceName"], "TEAM.common");

    for (known, spelling) in [
        ([("Team.common", 1), ("TEAM.COMMON", max)], "Team.common"),
        ([("Team.common", max), ("TEAM.COMMON", 1)], "TEAM.COMMON"),
    ] {
        let body = fixture.config.get(&poll::path("demo", &known)).await.ok().json();
        assert_eq!(
            (body.as_array().unwrap().len(), &body[0]["namespaceName"]),
            (1, &json!(spelling))
        );
    }
}

/// C071: the answer contains each namespace that changed.
#[tokio::test]
async fn each_namespace_that_moved_is_told() {
    let fixture = Fixture::shared().await;
    let known = [("application", -1), ("Team.common", -1)];
    let body = fixture.config.get(&poll::path("demo", &known)).await.ok().json();
    let mut names: Vec<_> =
        body.as_array().unwrap().iter().map(|one| one["namespaceName"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Team.common", "application"]);
}

/// C075: without an app id a client is notified of public namespaces by their owner's watch key.
#[tokio::test]
async fn without_an_app_id_a_client_is_told_of_public_namespaces() {
    let fixture = Fixture::shared().await;
    let path = poll::path("ApolloNoAppIdPlaceHolder", &[("Team.common", -1)]);
    let body = fixture.config.get(&path).await.ok().json();
    let details = body[0]["messages"]["details"].as_object().unwrap();
    assert_eq!(details.keys().collect::<Vec<_>>(), ["lib+default+Team.common"]);
}

/// C076: a list without namespaces is refused with the reference's message.
#[tokio::test]
async fn a_list_that_names_no_namespace_is_refused() {
    let fixture = Fixture::shared().await;
    for (sent, text) in [
        ("%5B%5D", "[]"),
        ("abc", "abc"),
        ("%7B%7D", "{}"),
        ("", ""),
        ("null", "null"),
        ("%5B%7B%7D%5D", "[{}]"),
        (
            "%5B%7B%22namespaceName%22%3A%22%22%2C%22notificationId%22%3A1%7D%5D",
            r#"[{"namespaceName":"","notificationId":1}]"#,
        ),
    ] {
        let path = format!("/notifications/v2?appId=demo&cluster=default&notifications={sent}");
        let answer = fixture.config.get(&path).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["status"]), (400, &json!(400)), "{text}");
        assert_eq!(body["message"], format!("invalid notifications format:{text}"));
    }
}

/// C077: a namespace without an id has id zero.
#[tokio::test]
async fn a_namespace_without_an_id_counts_from_zero() {
    let fixture = Fixture::shared().await;
    let list = "%5B%7B%22namespaceName%22%3A%22application%22%7D%5D";
    let path = format!("/notifications/v2?appId=demo&cluster=default&notifications={list}");
    assert!(newest(&fixture.config.get(&path).await.ok()) > 0);
}

/// C078, C079: app id, cluster and list are required; this server answers 400 for each, the
/// reference 500 for the last two.
#[tokio::test]
async fn required_parameters_are_required() {
    let fixture = Fixture::shared().await;
    let list = poll::list(&[("application", -1)]);
    for (query, statuses) in [
        (format!("cluster=default&notifications={list}"), [400, 400]),
        (format!("appId=&cluster=default&notifications={list}"), [400, 400]),
        (format!("appId=demo&notifications={list}"), [400, 500]),
        ("appId=demo&cluster=default".to_owned(), [400, 500]),
    ] {
        let answer = raw::get(&fixture.base, &format!("/notifications/v2?{query}"), &[]).await;
        assert!(statuses.contains(&answer.status), "{query}: {answer:?}");
    }
}

/// C125: a public namespace is found by another spelling soon after its creation.
#[tokio::test]
async fn a_new_public_namespace_is_known_at_once() {
    let fixture = Fixture::shared().await;
    let finding = async || {
        let (owner, user) = (fixture.app("c125-lib").await, fixture.app("c125").await);
        let namespace = format!("{}.New", owner.id);
        owner.add_namespace(&namespace, true).await;
        owner.release("default", &namespace, &[("k", "v")]).await;
        let path = format!("/configs/{}/default/{}", user.id, namespace.to_uppercase());
        let start = Stopwatch::start();
        becomes(&fixture.config, &path, 200).await;
        start.elapsed()
    };
    KNOWN.check("a new namespace", finding).await;
}
