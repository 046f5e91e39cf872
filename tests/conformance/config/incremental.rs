//! Cases C038 to C040: answers as changes, if the operator allows them.

use serde_json::{Value, json};

use super::fixture::{compatible, special};
use crate::support::app::App;
use crate::support::http::Http;

/// C038 to C040: a known older key returns the changes, added before deleted before modified; no
/// key or an unknown one returns a full answer, the current one a 304.
#[tokio::test]
async fn a_known_older_key_gives_the_changes() {
    let options =
        compatible().variable("CASTALIA_CONFIG_SERVICE_INCREMENTAL_CHANGE_ENABLED", "true");
    let Some((server, demo)) = special("C038 to C040", "demo", options).await else { return };
    demo.add_namespace("inc", false).await;
    let old = demo.release("default", "inc", &[("a", "1"), ("b", "2"), ("c", "3")]).await;
    let new = demo.release("default", "inc", &[("a", "1"), ("b", "20"), ("d", "4")]).await;
    let http = Http::new(&server.config);
    let get =
        async |key: &str| http.get(&format!("/configs/demo/default/inc?releaseKey={key}")).await;

    let expected = json!({
        "appId": "demo", "cluster": "default", "namespaceName": "inc", "releaseKey": new.key,
        "configSyncType": "IncrementalSync",
        "configurationChanges": [
            { "key": "d", "newValue": "4", "configurationChangeType": "ADDED" },
            { "key": "c", "configurationChangeType": "DELETED" },
            { "key": "b", "newValue": "20", "configurationChangeType": "MODIFIED" },
        ],
    });
    assert_eq!(get(&old.key).await.ok().json(), expected);
    for key in ["", "unknown", &format!("{}%2Bunknown", old.key)] {
        let full = get(key).await.ok().json();
        assert_eq!(full["configSyncType"], Value::Null, "{key}");
        assert_eq!(full["configurations"], json!({ "a": "1", "b": "20", "d": "4" }), "{key}");
    }
    assert_eq!(get(&new.key).await.status, 304);
}

/// A release key of another app, cluster or namespace is not a base: the changes would reveal the
/// keys of that release.
#[tokio::test]
async fn a_release_key_of_something_else_gives_a_full_answer() {
    let options =
        compatible().variable("CASTALIA_CONFIG_SERVICE_INCREMENTAL_CHANGE_ENABLED", "true");
    let Some((server, open)) = special("foreign bases", "open", options).await else { return };
    let secret = App::create(&Http::new(&server.admin), "secret").await;
    secret.add_key("0123456789abcdef", 0, true).await;
    let foreign = secret.publish("1").await;
    secret.release("default", "application", &[("hidden", "1")]).await;
    open.add_namespace("other", false).await;
    open.add_cluster("bj").await;
    let other_namespace = open.release("default", "other", &[("n", "1")]).await;
    let other_cluster = open.release("bj", "application", &[("c", "1")]).await;
    let former = open.publish("1").await;
    open.publish("2").await;
    let http = Http::new(&server.config);
    let answer = async |key: &str| {
        let path = format!("/configs/open/default/application?releaseKey={key}");
        http.get(&path).await.ok().json()
    };
    for key in [&foreign.key, &other_namespace.key, &other_cluster.key] {
        let keys = format!("{}%2B{key}", former.key);
        for key in [key, &keys] {
            let full = answer(key).await;
            assert_eq!(full["configSyncType"], Value::Null, "{full}");
            assert_eq!(full["configurations"], json!({ "k": "2" }), "{full}");
        }
    }
    assert_eq!(answer(&former.key).await["configSyncType"], "IncrementalSync");
}
