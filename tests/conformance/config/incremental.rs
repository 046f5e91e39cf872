//! Cases C038 to C040: answers as changes, where the operator allows them.

use serde_json::{Value, json};

use super::fixture::{compatible, special};
use crate::support::http::Http;

/// C038 to C040: a known older key gives the changes, added before deleted before modified; no key or an unknown one gives a full
/// answer, the present one a 304.
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
