//! Cases 83 and 84: which running clients read which release.

use castalia_store::StoreError;
use castalia_store::entity::{instance, instance_config};
use chrono::TimeDelta;
use sea_orm::Set;
use serde_json::json;

use super::client::{Admin, Answer, members};

/// A client of the test's app that read a release some hours ago.
async fn add_reader(admin: &Admin, ip: &str, release_key: &str, hours: i64) {
    let (app_id, time) = (admin.app_id.clone(), castalia_store::now() - TimeDelta::hours(hours));
    let (ip, release_key) = (ip.to_owned(), release_key.to_owned());
    let written: Result<_, StoreError> = admin
        .store()
        .write((app_id, ip, release_key), move |tx, (app_id, ip, release_key)| {
            Box::pin(async move {
                let row = instance::ActiveModel {
                    app_id: Set(app_id.clone()),
                    cluster_name: Set("default".into()),
                    data_center: Set(String::new()),
                    ip: Set(ip.clone()),
                    data_change_created_time: Set(time.into()),
                    data_change_last_time: Set(time.into()),
                    ..Default::default()
                };
                let reader = castalia_store::entity::insert(tx, row).await?;
                let row = instance_config::ActiveModel {
                    instance_id: Set(Some(reader.id)),
                    config_app_id: Set(app_id.clone()),
                    config_cluster_name: Set("default".into()),
                    config_namespace_name: Set("application".into()),
                    release_key: Set(release_key.clone()),
                    release_delivery_time: Set(Some(time.into())),
                    data_change_created_time: Set(time.into()),
                    data_change_last_time: Set(time.into()),
                    ..Default::default()
                };
                castalia_store::entity::insert(tx, row).await.map(drop)
            })
        })
        .await;
    written.unwrap();
}

fn key_of(release: &Answer) -> String {
    release.ok()["releaseKey"].as_str().unwrap().to_owned()
}

/// Cases 83 and 84: clients seen within 25 hours are listed by release and by namespace.
#[tokio::test]
async fn readers_are_told_by_release_and_namespace() {
    let admin = Admin::start().await;
    admin.create_app().await.ok();
    let (first, second) = (admin.publish().await, admin.publish().await);
    add_reader(&admin, "1.1.1.1", &key_of(&first), 24).await;
    add_reader(&admin, "2.2.2.2", &key_of(&first), 26).await;
    add_reader(&admin, "3.3.3.3", "gone", 1).await;
    let names = format!("appId={}&clusterName=default&namespaceName=application", admin.app_id);

    let all = admin.get(&format!("/instances/by-namespace?{names}")).await.ok();
    assert_eq!(
        (&all["total"], members(&all["content"], "ip")),
        (&json!(2), vec![json!("1.1.1.1"), json!("3.3.3.3")])
    );
    assert!(all["content"][0].get("configs").is_none());
    let of_app =
        admin.get(&format!("/instances/by-namespace?{names}&instanceAppId=other")).await.ok();
    assert_eq!(of_app, json!({"total": 0, "content": [], "page": 0, "size": 10}));
    assert_eq!(admin.get(&format!("/instances/by-namespace/count?{names}")).await.ok(), 2);

    let by_release =
        admin.get(&format!("/instances/by-release?releaseId={}", first.id())).await.ok();
    assert_eq!(by_release["total"], 1);
    let config = &by_release["content"][0]["configs"][0];
    assert!(
        config.get("release").is_none() && config["releaseDeliveryTime"].is_string(),
        "{config}"
    );
    let unknown = admin.get("/instances/by-release?releaseId=999999999").await;
    unknown.fails(404, "release not found for releaseId:999999999");

    let path =
        format!("/instances/by-namespace-and-releases-not-in?{names}&releaseIds={}", second.id());
    let others = admin.get(&path).await.ok();
    assert_eq!(members(&others, "ip"), ["1.1.1.1", "3.3.3.3"]);
    let release = &others[0]["configs"][0]["release"];
    assert_eq!(release["id"], first.id());
    assert!(release.get("configurations").is_none());
    assert!(others[1]["configs"][0].get("release").is_none());
    let path = format!(
        "/instances/by-namespace-and-releases-not-in?{names}&releaseIds=999999998,999999999"
    );
    admin.get(&path).await.fails(404, "release not found for releaseId:999999998,999999999");
}
