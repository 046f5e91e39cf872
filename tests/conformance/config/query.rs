//! Cases C001 to C044: answers of `/configs`.

use serde_json::{Value, json};

use super::fixture::{DOCUMENT, Fixture, is_by_address};
use crate::support::http::Answer;
use crate::support::raw;

const APP: &str = "/configs/demo/default/application?ip=10.0.0.1";

/// The answer, by the members that tests compare.
#[track_caller]
fn is(answer: Answer, cluster: &str, release_key: &str, configurations: &Value) {
    let body = answer.ok().json();
    let found = (&body["cluster"], &body["releaseKey"], &body["configurations"]);
    assert_eq!(found, (&json!(cluster), &json!(release_key), configurations), "{body}");
}

fn app() -> Value {
    json!({ "timeout": "100", "mode": "a" })
}

/// C001, C002: a full answer has these members and no others; a newer release that was rolled back
/// is not served.
#[tokio::test]
async fn a_full_answer_has_five_members() {
    let fixture = Fixture::shared().await;
    let expected = json!({
        "appId": "demo", "cluster": "default", "namespaceName": "application",
        "configurations": app(), "releaseKey": fixture.key("APP"),
    });
    assert_eq!(fixture.config.get(APP).await.ok().json(), expected);
}

/// C003 to C005: the current key returns an empty 304; an empty or unknown key returns a full
/// answer.
#[tokio::test]
async fn the_known_release_key_gives_an_empty_304() {
    let fixture = Fixture::shared().await;
    let key = fixture.key("APP");
    let unchanged = raw::get(&fixture.base, &format!("{APP}&releaseKey={key}"), &[]).await;
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));
    for other in ["", "nonsense"] {
        is(fixture.config.get(&format!("{APP}&releaseKey={other}")).await, "default", key, &app());
    }
}

/// C006, C007: the suffix `.properties` and the case of a namespace have no effect; the answer
/// repeats the client's spelling.
#[tokio::test]
async fn the_answer_repeats_the_clients_spelling() {
    let fixture = Fixture::shared().await;
    for name in ["application.properties", "APPLICATION.PROPERTIES"] {
        let path = format!("/configs/demo/default/{name}?ip=10.0.0.1");
        let body = fixture.config.get(&path).await.ok().json();
        assert_eq!(body["namespaceName"], name);
        assert_eq!(body["releaseKey"], fixture.key("APP"));
    }
}

/// C008 to C012: requested cluster, then data center, then default; the answer contains the cluster
/// that was found.
#[tokio::test]
async fn clusters_are_tried_in_order() {
    let fixture = Fixture::shared().await;
    let timeout = |value: &str| json!({ "timeout": value });
    for (place, cluster, release, configurations) in [
        ("bj/application?ip=10.0.0.1", "bj", "BJ", timeout("200")),
        ("nowhere/application?ip=10.0.0.1", "default", "APP", app()),
        ("nowhere/application?dataCenter=dc1", "dc1", "DC", timeout("300")),
        ("bj/application?dataCenter=dc1", "bj", "BJ", timeout("200")),
        ("default/application?dataCenter=dc1", "dc1", "DC", timeout("300")),
    ] {
        let answer = fixture.config.get(&format!("/configs/demo/{place}")).await;
        is(answer, cluster, fixture.key(release), &configurations);
    }
}

/// C013 to C015: an associated namespace is the public one, overridden by the app's own values; its
/// key has two parts, and a literal plus in a query is a space.
#[tokio::test]
async fn an_associated_namespace_is_merged() {
    let fixture = Fixture::shared().await;
    let (own, public) = (fixture.key("OVR"), fixture.key("LIB"));
    let path = "/configs/demo/default/Team.common";
    let answer = fixture.config.get(path).await.ok();
    assert!(
        answer.text.contains(r#""configurations":{"k1":"lib1","k2":"mine","k3":"extra"}"#),
        "{answer:?}"
    );
    let merged = json!({ "k1": "lib1", "k2": "mine", "k3": "extra" });
    is(answer, "default", &format!("{own}+{public}"), &merged);

    let encoded =
        raw::get(&fixture.base, &format!("{path}?releaseKey={own}%2B{public}"), &[]).await;
    assert_eq!(encoded.status, 304);
    let literal = raw::get(&fixture.base, &format!("{path}?releaseKey={own}+{public}"), &[]).await;
    assert_eq!(literal.status, 200);
}

/// C016: own and public releases are looked up independently, each through the clusters.
#[tokio::test]
async fn own_and_public_releases_are_found_independently() {
    let fixture = Fixture::shared().await;
    let answer = fixture.config.get("/configs/demo/bj/team.COMMON?dataCenter=dc1").await.ok();
    let key = format!("{}+{}", fixture.key("OVR"), fixture.key("LIBDC"));
    assert_eq!(answer.json()["namespaceName"], "team.COMMON");
    is(answer, "default", &key, &json!({ "k1": "dc1", "k2": "mine", "k3": "extra" }));
}

/// C018: a namespace of the app hides a public one with the same name.
#[tokio::test]
async fn an_own_namespace_hides_a_public_one() {
    let fixture = Fixture::shared().await;
    let answer = fixture.config.get("/configs/demo/default/shadow").await;
    is(answer, "default", fixture.key("SHO"), &json!({ "s": "own" }));
}

/// C019: the owner of a public namespace receives it once.
#[tokio::test]
async fn the_owner_of_a_public_namespace_gets_it_once() {
    let fixture = Fixture::shared().await;
    let answer = fixture.config.get("/configs/lib/default/Team.common").await;
    is(answer, "default", fixture.key("LIB"), &json!({ "k1": "lib1", "k2": "lib2" }));
}

/// C020, C021: without an app id only public namespaces exist.
#[tokio::test]
async fn without_an_app_id_there_are_only_public_namespaces() {
    let fixture = Fixture::shared().await;
    let body = fixture
        .config
        .get("/configs/ApolloNoAppIdPlaceHolder/default/Team.common")
        .await
        .ok()
        .json();
    assert_eq!(
        (&body["appId"], &body["releaseKey"]),
        (&json!("ApolloNoAppIdPlaceHolder"), &json!(fixture.key("LIB")))
    );
    let path = "/configs/apollonoappidplaceholder/default/application";
    assert_eq!(fixture.config.get(path).await.status, 404);
}

/// C022 to C024: an unpublished or unknown namespace, or one without its suffix, is 404, with the
/// status in the body.
#[tokio::test]
async fn what_was_never_published_is_404() {
    let fixture = Fixture::shared().await;
    for path in [
        "/configs/demo/default/never",
        "/configs/ghost/default/application",
        "/configs/demo/default/db",
    ] {
        let answer = fixture.config.get(path).await;
        assert_eq!((answer.status, &answer.json()["status"]), (404, &json!(404)), "{path}");
    }
}

/// C025, C026: a document has the single key `content`; a release without entries is an empty
/// object, not a missing one.
#[tokio::test]
async fn documents_have_one_key_and_empty_releases_none() {
    let fixture = Fixture::shared().await;
    let document = fixture.config.get("/configs/demo/default/db.json").await;
    is(document, "default", fixture.key("JSN"), &json!({ "content": DOCUMENT }));
    let empty = fixture.config.get("/configs/demo/default/empty").await;
    is(empty, "default", fixture.key("EMP"), &json!({}));
}

/// C027 to C031: a gray release is served to the listed addresses or labels, matched exactly, in
/// the clusters that fall back to its parent; the answer contains its branch.
#[tokio::test]
async fn a_gray_release_is_for_listed_addresses_or_labels() {
    let fixture = Fixture::shared().await;
    let gray = (fixture.branch.as_str(), "GRAY", "999");
    for (place, (cluster, release, timeout)) in [
        ("default/application?ip=10.9.9.9", gray),
        ("default/application?ip=10.0.0.1&label=canary", gray),
        ("default/application?ip=10.0.0.1&label=CANARY", ("default", "APP", "100")),
        ("bj/application?ip=10.9.9.9", ("bj", "BJ", "200")),
        ("nowhere/application?ip=10.9.9.9", gray),
    ] {
        let body = fixture.config.get(&format!("/configs/demo/{place}")).await.ok().json();
        let found = (&body["cluster"], &body["releaseKey"], &body["configurations"]["timeout"]);
        assert_eq!(
            found,
            (&json!(cluster), &json!(fixture.key(release)), &json!(timeout)),
            "{place}"
        );
    }
}

/// C032, C033: the address is the first of `X-Forwarded-For`, unless the parameter contains one.
#[tokio::test]
async fn the_address_is_the_parameter_or_the_first_forwarded_one() {
    let fixture = Fixture::shared().await;
    let forwarded = [("X-Forwarded-For", "10.9.9.9, 10.0.0.1")];
    for (path, release) in [("/configs/demo/default/application", "GRAY"), (APP, "APP")] {
        let answer = raw::get(&fixture.base, path, &forwarded).await.ok();
        assert_eq!(answer.json()["releaseKey"], fixture.key(release), "{path}");
    }
    // A header without an address is ignored: the peer's address is used (the reference fails with
    // 500).
    let blank =
        raw::get(&fixture.base, "/configs/demo/default/application", &[("X-Forwarded-For", " , ")])
            .await;
    assert!(blank.status == 200 || is_by_address("the blank header of C032"), "{blank:?}");
}

/// C034, C036: `messages` that is malformed or has no details is ignored.
#[tokio::test]
async fn unreadable_messages_are_ignored() {
    let fixture = Fixture::shared().await;
    for messages in ["%7Bbroken", "%7B%22details%22%3Anull%7D", "%7B%7D", "%5B%5D"] {
        let answer = fixture.config.get(&format!("{APP}&messages={messages}")).await;
        is(answer, "default", fixture.key("APP"), &app());
    }
}

/// C035: a client that another node notified of a release receives it here, even before this node
/// has scanned.
#[tokio::test]
async fn an_answer_is_not_older_than_what_the_client_was_told() {
    let fixture = Fixture::shared().await;
    let Some(database) = fixture.database("C035") else { return };
    let app = fixture.app("c035").await;
    app.publish("1").await;
    let path = format!("/configs/{}/default/application", app.id);
    fixture.config.get(&path).await.ok();
    let key = format!("20260101000000-{:016x}", 35);
    let id =
        database.release([&app.id, "default", "application"], &key, &json!({ "k": "2" })).await;
    let details =
        format!("%7B%22details%22%3A%7B%22{}%2Bdefault%2Bapplication%22%3A{id}%7D%7D", app.id);
    let answer = fixture.config.get(&format!("{path}?messages={details}")).await;
    is(answer, "default", &key, &json!({ "k": "2" }));
}

/// C037: if incremental answers are off, a known older key returns a full answer.
#[tokio::test]
async fn an_older_key_gives_a_full_answer() {
    let fixture = Fixture::shared().await;
    let path = format!("/configs/demo/default/inc?releaseKey={}", fixture.key("INC1"));
    let answer = fixture.config.get(&path).await.ok();
    assert!(answer.json().get("configSyncType").is_none());
    is(answer, "default", fixture.key("INC2"), &json!({ "a": "1", "b": "20", "d": "4" }));
}

/// C041: only GET is allowed. This server answers 405, the reference 400.
#[tokio::test]
async fn only_get_is_answered() {
    let fixture = Fixture::shared().await;
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let request = raw::request(
            method,
            "/configs/demo/default/application",
            &fixture.base,
            &[("content-length", "0")],
        );
        let answer = raw::send(&fixture.base, &request).await.unwrap();
        assert!(matches!(answer.status, 400 | 405), "{method}: {answer:?}");
    }
}

/// C042 to C044: an incomplete path, an app id that breaks the grammar and an empty namespace are
/// refused.
#[tokio::test]
async fn paths_that_name_nothing_are_refused() {
    let fixture = Fixture::shared().await;
    for path in [
        "/configs/demo",
        "/configs",
        "/configs/de%20mo/default/application",
        "/configs/.demo/default/application",
        "/configs/d%C3%A9mo/default/application",
    ] {
        assert_eq!(raw::get(&fixture.base, path, &[]).await.status, 400, "{path}");
    }
    let nameless = fixture.config.get("/configs/demo/default/.properties").await;
    assert!(nameless.status >= 400, "{nameless:?}");
}
