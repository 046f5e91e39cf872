//! The order that a caller requests for a list.

use serde_json::json;

use super::client::Admin;

/// Properties that no list has: the last two are a part of `id`, and `id` in another case.
const UNKNOWN: [&str; 5] = ["nothing", "%C3%A9", "id,nothing,desc", "i", "ID"];

/// Every list that callers may sort, with the parameters that it requires.
fn lists(admin: &Admin, public: &str, release: i64) -> Vec<String> {
    let (app_id, n) = (&admin.app_id, admin.n());
    let names = format!("appId={app_id}&clusterName=default&namespaceName=application");
    let of_release = "/releases/histories/by_release_id_and_operation";
    let of_previous = "/releases/histories/by_previous_release_id_and_operation";
    vec![
        "/apps?name=".to_owned(),
        format!("/appnamespaces/{public}/namespaces?size=10"),
        "/namespaces/find-by-item?itemKey=k".to_owned(),
        format!("{n}/items-with-page?size=10"),
        "/items-search/key-and-value?key=k&value=".to_owned(),
        format!("{n}/commit?key="),
        format!("{n}/commit?key=k"),
        format!("{n}/releases/active?size=10"),
        format!("{n}/releases/all?size=10"),
        format!("{n}/releases/histories?size=10"),
        format!("{of_release}?releaseId={release}&operation=0"),
        format!("{of_previous}?previousReleaseId={release}&operation=0"),
        format!("/instances/by-release?releaseId={release}"),
        format!("/instances/by-namespace?{names}"),
        format!("/instances/by-namespace?{names}&instanceAppId={app_id}"),
    ]
}

#[tokio::test]
async fn no_list_is_sorted_by_an_unknown_property() {
    let admin = Admin::start().await;
    if !admin.has_process() {
        return;
    }
    admin.create_app().await.ok();
    let public = format!("pub.{}", admin.app_id);
    let definition = json!({
        "appId": admin.app_id, "name": public, "format": "properties", "comment": "", "isPublic": true,
        "dataChangeCreatedBy": "u",
    });
    admin.post(&format!("/apps/{}/appnamespaces", admin.app_id), definition).await.ok();
    admin.item("k", "1").await.ok();
    let release = admin.publish().await.id();
    for list in lists(&admin, &public, release) {
        let known = admin.get(&format!("{list}&sort=id,desc")).await;
        assert_eq!(known.status, 200, "{list}: {known:?}");
        for unknown in UNKNOWN {
            let answer = admin.get(&format!("{list}&sort={unknown}")).await;
            assert_eq!(answer.status, 400, "{list} by {unknown}: {answer:?}");
            assert!(answer.body.contains("to sort by"), "{list} by {unknown}: {answer:?}");
        }
    }
}
