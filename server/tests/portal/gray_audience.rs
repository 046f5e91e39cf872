//! Audiences of gray releases, which can be used again.

use castalia_store::entity::gray_release_rule::{Column, Entity};
use castalia_store::{Id, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::EntityTrait as _;
use sea_orm::sea_query::Expr;
use serde_json::{Value, json};

use super::instance::read;
use super::owed_deletion::owe_deletion;
use super::world::{Caller, NS, World, item};

const AUDIENCES: &str = "/openapi/v1/envs/LOCAL/apps/demo/gray-audiences";

/// Creates the branch of the namespace `application`; returns its path.
async fn branch(user: &Caller<'_>) -> String {
    branch_of(user, NS).await
}

/// The same of the namespace at this path.
async fn branch_of(user: &Caller<'_>, namespace: &str) -> String {
    let made = user.post(&format!("{namespace}/branches"), Value::Null).await.ok();
    format!("{namespace}/branches/{}", made["clusterName"].as_str().unwrap())
}

/// A line of rules with this address.
fn line(ip: &str) -> Value {
    json!({ "clientAppId": "demo", "clientIpList": [ip], "clientLabelList": [] })
}

/// The address of each audience that the caller is shown.
async fn audiences(caller: &Caller<'_>) -> Vec<Value> {
    let found = caller.get(AUDIENCES).await.ok();
    let rows = found.as_array().unwrap().iter();
    rows.map(|row| row["ruleItems"][0]["clientIpList"][0].clone()).collect()
}

#[tokio::test]
async fn the_audiences_of_an_app_are_listed_once_and_only_where_they_may_be_seen() {
    let mut world = World::with_demo().await;
    let (user, other) = (world.user("u1").await, world.user("u2").await);
    assert!(audiences(&user).await.is_empty());
    let first = branch(&user).await;
    for ips in [vec!["10.0.0.1"], vec!["10.0.0.2"], vec!["10.0.0.1"], vec![]] {
        let lines: Vec<_> = ips.into_iter().map(line).collect();
        user.put(&format!("{first}/rules"), json!({ "ruleItems": lines })).await.empty();
    }
    user.delete(&first).await.empty();
    let second = branch(&user).await;
    let body = json!({ "ruleItems": [line("10.0.0.3")] });
    user.put(&format!("{second}/rules"), body).await.empty();
    assert_eq!(audiences(&user).await, ["10.0.0.3", "10.0.0.1", "10.0.0.2"]);
    let newest = &user.get(AUDIENCES).await.ok()[0];
    for (member, value) in [
        ("appId", "demo"),
        ("clusterName", "default"),
        ("namespaceName", "application"),
        ("dataChangeCreatedBy", "u1"),
        ("dataChangeCreatedByDisplayName", "Name of u1"),
    ] {
        assert_eq!(newest[member], value, "{member}");
    }
    assert!(newest["dataChangeCreatedTime"].is_string());
    assert_eq!(audiences(&other).await.len(), 3);
    world.set("configView.memberOnly.envs", "LOCAL");
    assert_eq!(audiences(&world.user("u1").await).await.len(), 3);
    assert!(audiences(&world.user("u2").await).await.is_empty());
    // Rules from before the app was created are those of another app.
    let app = castalia_store::app::by_app_id(world.environment_store.read(), "demo").await.unwrap();
    let before = *app.unwrap().data_change_created_time - TimeDelta::days(1);
    backdate_rules(&world, before).await;
    assert!(audiences(&world.user("u1").await).await.is_empty());
}

/// X144
#[tokio::test]
async fn the_audiences_of_a_definition_that_is_still_to_be_deleted_are_not_listed() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let definition = json!({ "appId": "demo", "name": "x", "format": "properties" });
    user.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
    for (name, ip) in [("application", "10.0.0.1"), ("x", "10.0.0.2")] {
        let made = branch_of(&user, &NS.replace("application", name)).await;
        let body = json!({ "ruleItems": [line(ip)] });
        user.put(&format!("{made}/rules"), body).await.empty();
    }
    assert_eq!(audiences(&user).await, ["10.0.0.2", "10.0.0.1"]);
    owe_deletion(&world, "x").await;
    assert_eq!(audiences(&user).await, ["10.0.0.1"]);
}

async fn backdate_rules(world: &World, time: DateTime<Utc>) {
    let update = world.environment_store.write(time, |tx, time| {
        Box::pin(async move {
            let all =
                Entity::update_many().col_expr(Column::DataChangeCreatedTime, Expr::value(*time));
            all.exec(tx).await?;
            Ok::<_, StoreError>(())
        })
    });
    update.await.unwrap();
}

#[tokio::test]
async fn the_instances_that_rules_would_match_are_counted_before_they_are_stored() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    user.post(&format!("{NS}/items"), item("k", "v")).await.ok();
    let release = user.post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" })).await.ok();
    let key = castalia_store::release::by_id(
        world.environment_store.read(),
        Id(release["id"].as_i64().unwrap()),
    );
    let key = key.await.unwrap().unwrap().release_key;
    for ip in ["10.0.0.1", "10.0.0.2", "10.0.0.3"] {
        read(&world.environment_store, "demo", ip, &key).await;
    }
    read(&world.environment_store, "other", "10.0.0.1", &key).await;
    let path = branch(&user).await;
    let preview = async |app: &str, ips: Value, labels: Value| {
        let line = json!({ "clientAppId": app, "clientIpList": ips, "clientLabelList": labels });
        let body = json!({ "ruleItems": [line] });
        let found = user.post(&format!("{path}/rules/preview"), body).await.ok();
        assert_eq!((&found["total"], &found["compared"]), (&json!(4), &json!(4)), "{found}");
        let instances = found["instances"].as_array().unwrap().iter();
        let ips: Vec<_> = instances.map(|one| one["ip"].as_str().unwrap().to_owned()).collect();
        assert_eq!(found["matched"], ips.len(), "{found}");
        ips
    };
    assert_eq!(
        preview("demo", json!(["10.0.0.1", "10.0.0.3", "10.9.9.9"]), json!([])).await.len(),
        2
    );
    assert_eq!(preview("DEMO", json!(["*"]), json!([])).await.len(), 3);
    assert_eq!(preview("other", json!(["10.0.0.1"]), json!([])).await, ["10.0.0.1"]);
    // As for clients: every label, but the labels of instances are not known.
    assert_eq!(preview("demo", json!([]), json!(["*"])).await.len(), 3);
    assert!(preview("demo", json!([]), json!(["canary"])).await.is_empty());
    assert_eq!(user.get(&format!("{path}/rules")).await.body, "", "nothing is stored");
    let other = path.replace("/branches/", "/branches/x");
    user.post(&format!("{other}/rules/preview"), json!({})).await.fails(400, "");
}

/// Whoever may set the rules of a branch may also see which instances they would match.
#[tokio::test]
async fn a_consumer_that_may_only_edit_sets_rules_and_previews_them() {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    let path = branch(&user).await;
    let rules = json!({ "ruleItems": [], "dataChangeLastModifiedBy": "u1" });
    let register = json!({ "appId": "ci", "name": "CI", "orgId": "TEST1", "ownerName": "u1" });
    let made = root.post("/openapi/v1/consumers", register).await.ok();
    let token = made["token"].as_str().unwrap();
    let consumer = world.consumer(token);
    let calls = async || {
        let set = consumer.put(&format!("{path}/rules?operator=u1"), rules.clone()).await;
        let preview = consumer.post(&format!("{path}/rules/preview"), rules.clone()).await;
        [set.status, preview.status]
    };
    assert_eq!(calls().await, [403, 403]);
    let role =
        format!("/openapi/v1/consumers/{token}/assign-role?type=NamespaceRole&operations=edit");
    let demo = json!({ "appId": "demo", "namespaceName": "application" });
    root.post(&role, demo).await.ok();
    assert_eq!(calls().await, [200, 200]);
}
