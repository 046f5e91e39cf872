//! Gray branches: created, published to some clients, merged, abandoned.

use castalia_server::domain::permission::{Action, NamedRole};
use castalia_server::settings::Installation;
use castalia_store::entity::{Standard as _, gray_release_rule};
use serde_json::{Value, json};

use super::world::{Answer, Caller, NS, World, item};

/// Creates the branch of the namespace `application`; returns its path.
pub(super) async fn branch(user: &Caller<'_>) -> String {
    let made = user.post(&format!("{NS}/branches"), Value::Null).await.ok();
    format!("{NS}/branches/{}", made["clusterName"].as_str().unwrap())
}

/// Path of the namespace of a branch, for edits.
pub(super) fn items_of(branch: &str) -> String {
    NS.replace("default", branch.rsplit('/').next().unwrap())
}

pub(super) async fn set(user: &Caller<'_>, path: &str, key: &str, value: &str) {
    let path = format!("{path}/items/{key}?createIfNotExists=true");
    user.put(&path, item(key, value)).await.empty();
}

pub(super) async fn publish(user: &Caller<'_>, path: &str) -> Value {
    user.post(&format!("{path}/releases"), json!({ "releaseTitle": "r" })).await.ok()
}

pub(super) async fn latest(user: &Caller<'_>) -> Value {
    user.get(&format!("{NS}/releases/latest")).await.ok()["configurations"].clone()
}

pub(super) fn title() -> Value {
    json!({ "releaseTitle": "merged", "releasedBy": "u1" })
}

#[tokio::test]
async fn a_namespace_has_one_branch() {
    // A60: the second attempt is refused, and the branch is found.
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    user.post(&format!("{NS}/items"), item("k", "v")).await.ok();
    user.get(&format!("{NS}/branches")).await.empty();
    let made = user.post(&format!("{NS}/branches"), Value::Null).await.ok();
    let refused = user.post(&format!("{NS}/branches"), Value::Null).await;
    refused.fails(400, "The namespace application already has the branch");
    assert_eq!(refused.json()["code"], "branch_exists");
    let found = user.get(&format!("{NS}/branches")).await;
    let items = user.get(&format!("{}/items", items_of(&branch_path(&user).await))).await;
    let revision = |answer: &Answer| answer.header("castalia-revision").to_owned();
    assert_eq!(revision(&found), revision(&items), "edits of the branch are based on it");
    assert_ne!(revision(&found), revision(&user.get(&format!("{NS}/items")).await));
    let found = found.ok();
    assert_eq!(found["clusterName"], made["clusterName"]);
    assert_eq!(
        (&found["extendInfo"]["isConfigHidden"], &found["items"]),
        (&json!(false), &json!([]))
    );
    assert_eq!(found["dataChangeCreatedByDisplayName"], "Name of u1");
}

#[tokio::test]
async fn a_list_marks_gray_releases_and_editors() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let list = NS.trim_end_matches("/application");
    let other =
        json!({ "appId": "demo", "name": "other", "format": "properties", "isPublic": false });
    user.post("/openapi/v1/apps/demo/appnamespaces", other).await.ok();
    branch(&user).await;
    let marks = async || -> Vec<Value> {
        let found = world.user("u1").await.get(&format!("{list}?extendInfo=true")).await.ok();
        let mark = |name: &str| {
            let row = found.as_array().unwrap().iter().find(|row| row["namespaceName"] == name);
            let extend = &row.unwrap()["extendInfo"];
            json!([extend["isGray"], extend["lockedBy"]])
        };
        vec![mark("application"), mark("other")]
    };
    assert_eq!(marks().await, [json!([true, null]), json!([false, null])]);
    world.set_in_environment("namespace.lock.switch", "true");
    set(&user, &format!("{list}/other"), "k", "1").await;
    assert_eq!(marks().await, [json!([true, null]), json!([false, "u1"])]);
    // A lock that remains has no effect while the switch is off.
    world.set_in_environment("namespace.lock.switch", "false");
    assert_eq!(marks().await, [json!([true, null]), json!([false, null])]);
    user.delete(&branch_path(&user).await).await;
    assert_eq!(marks().await, [json!([false, null]), json!([false, null])]);
}

#[tokio::test]
async fn a_namespace_alone_is_marked_as_in_a_list() {
    let world = World::with_demo().await;
    world.set_in_environment("namespace.lock.switch", "true");
    let user = world.user("u1").await;
    let list = NS.trim_end_matches("/application");
    let marks = async || -> [Value; 2] {
        let alone = user.get(&format!("{NS}?extendInfo=true")).await.ok();
        let query = "fillItemDetail=false&extendInfo=true&countChanges=true";
        let listed = user.get(&format!("{list}?{query}")).await.ok();
        let extended = [&alone["extendInfo"], &listed[0]["extendInfo"]];
        extended.map(|extend| json!([extend["isGray"], extend["lockedBy"]]))
    };
    assert_eq!(marks().await, [json!([false, null]), json!([false, null])]);
    branch(&user).await;
    set(&user, NS, "k", "1").await;
    assert_eq!(marks().await, [json!([true, "u1"]), json!([true, "u1"])]);
}

async fn branch_path(user: &Caller<'_>) -> String {
    let found = user.get(&format!("{NS}/branches")).await.ok();
    format!("{NS}/branches/{}", found["clusterName"].as_str().unwrap())
}

#[tokio::test]
async fn rules_belong_to_the_branch_of_the_path() {
    // A61: names of another app or cluster in the body are ignored.
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let branch = branch(&user).await;
    user.get(&format!("{branch}/rules")).await.empty();
    let line =
        json!({ "clientAppId": "demo", "clientIpList": ["10.0.0.1"], "clientLabelList": ["x"] });
    let rules = json!({
        "appId": "other", "clusterName": "other", "namespaceName": "other", "branchName": "other",
        "ruleItems": [line],
    });
    user.put(&format!("{branch}/rules"), rules).await.empty();
    let rows = gray_release_rule::Entity::live().all(world.environment_store.read()).await.unwrap();
    let names: Vec<_> = rows.iter().map(|row| (&*row.app_id, &*row.cluster_name)).collect();
    assert_eq!(names, [("demo", "default")]);
    let stored = user.get(&format!("{branch}/rules")).await.ok();
    assert_eq!((&stored["appId"], &stored["ruleItems"]), (&json!("demo"), &json!([line])));
}

#[tokio::test]
async fn a_gray_release_is_the_main_line_with_the_items_of_the_branch() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    set(&user, NS, "a", "1").await;
    set(&user, NS, "b", "1").await;
    publish(&user, NS).await;
    let branch = branch(&user).await;
    set(&user, &items_of(&branch), "a", "gray").await;
    let listed = user.get(&format!("{branch}/items")).await.ok();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["value"]), (1, &json!("gray")));
    user.post(&format!("{branch}/releases"), json!({}))
        .await
        .fails(400, "Params(releaseTitle) can not be empty");
    let gray = publish(&user, &branch).await;
    assert_eq!(gray["configurations"], json!({ "a": "gray", "b": "1" }));
    assert_eq!(latest(&user).await, json!({ "a": "1", "b": "1" }));
    let without = |keys: Value| json!({ "releaseTitle": "r", "grayDelKeys": keys });
    let path = format!("{branch}/gray-del-releases");
    user.post(&path, without(json!([]))).await.fails(400, "Params(grayDelKeys) can not be empty");
    let gray = user.post(&path, without(json!(["b"]))).await.ok();
    assert_eq!(gray["configurations"], json!({ "a": "gray" }));
}

#[tokio::test]
async fn a_key_with_a_comma_is_left_out_as_one_key() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let text = json!({ "format": "properties", "configText": "a,b = 1\na = 2\nb = 3" });
    user.put(&format!("{NS}/items"), text).await.empty();
    publish(&user, NS).await;
    let branch = branch(&user).await;
    let body = json!({ "releaseTitle": "r", "grayDelKeys": ["a,b"] });
    let gray = user.post(&format!("{branch}/gray-del-releases"), body).await.ok();
    assert_eq!(gray["configurations"], json!({ "a": "2", "b": "3" }));
}

#[tokio::test]
async fn a_merge_waits_until_the_main_line_is_published() {
    // A62: a merge would publish the other changes too.
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    set(&user, NS, "a", "1").await;
    publish(&user, NS).await;
    let branch = branch(&user).await;
    set(&user, &items_of(&branch), "a", "2").await;
    set(&user, NS, "b", "draft").await;
    for path in [format!("{branch}/merge"), branch.clone()] {
        let refused = user.post(&path, title()).await;
        refused.fails(400, "Merge operation failed. Because master has modified items");
    }
    user.delete(&format!("{NS}/items/a")).await.empty();
    user.post(&format!("{branch}/merge"), title()).await.fails(400, "Merge operation failed.");
    assert_eq!(latest(&user).await, json!({ "a": "1" }));
}

#[tokio::test]
async fn a_merge_brings_values_over_and_deletes_none() {
    // A63: the branch stays if the caller wants that; keys that only the main line has stay.
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let text = json!({ "format": "properties", "configText": "# kept\na = 1\nb = 1" });
    user.put(&format!("{NS}/items"), text).await.empty();
    publish(&user, NS).await;
    let branch = branch(&user).await;
    let gray = json!({ "format": "properties", "configText": "# of the branch\na = 2\nc = 3" });
    user.put(&format!("{}/items", items_of(&branch)), gray).await.empty();
    publish(&user, &branch).await;
    let made = user.post(&format!("{branch}/merge?deleteBranch=false"), title()).await.ok();
    assert_eq!(made["clusterName"], "default");
    assert_eq!(latest(&user).await, json!({ "a": "2", "b": "1", "c": "3" }));
    let items = user.get(&format!("{NS}/items")).await.ok();
    let keys: Vec<_> =
        items["content"].as_array().unwrap().iter().map(|item| item["key"].clone()).collect();
    assert_eq!(keys, ["", "a", "b", "c"]);
    user.get(&format!("{NS}/branches")).await.ok();
    set(&user, &items_of(&branch), "a", "4").await;
    user.post(&branch, title()).await.ok();
    assert_eq!(latest(&user).await["a"], "4");
    user.get(&format!("{NS}/branches")).await.empty();
    let history = user.get("/openapi/v1/apps/demo/envs/LOCAL/clusters/default/namespaces/application/releases/histories").await.ok();
    let operations: Vec<_> =
        history.as_array().unwrap().iter().map(|row| row["operation"].as_i64().unwrap()).collect();
    assert_eq!(operations, [8, 4, 4, 2, 0]);
}

/// The merge deletes the branch, so an edit that was acknowledged before is part of it.
#[tokio::test]
async fn a_merge_loses_no_edit_of_the_branch() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    set(&user, NS, "a", "1").await;
    publish(&user, NS).await;
    for round in 0..24 {
        let branch = branch(&user).await;
        let path = items_of(&branch);
        set(&user, &path, "a", &format!("gray {round}")).await;
        let late = format!("late {round}");
        let edit = async {
            for _ in 0..round * 8 {
                tokio::task::yield_now().await;
            }
            user.put(&format!("{path}/items/a"), item("a", &late)).await
        };
        let merging = format!("{branch}/merge");
        let merge = user.post(&merging, title());
        let (edited, merged) = tokio::join!(edit, merge);
        merged.ok();
        let published = latest(&user).await["a"].clone();
        assert_eq!(published == late.as_str(), edited.status == 200, "{published}: {edited:?}");
    }
}

#[tokio::test]
async fn an_editor_abandons_only_a_branch_that_was_never_published() {
    // A64: once it is published, abandoning it changes what clients receive.
    let world = World::with_demo().await;
    world.grant("u2", vec![NamedRole::namespace(Action::Modify, "demo", "application")]).await;
    let (owner, editor) = (world.user("u1").await, world.user("u2").await);
    let unpublished = branch(&editor).await;
    editor.delete(&unpublished).await.empty();
    let published = branch(&editor).await;
    publish(&owner, &published).await;
    editor.delete(&published).await.fails(403, "Access is denied");
    owner.delete(&published).await.empty();
    owner.get(&format!("{NS}/branches")).await.empty();
}

#[tokio::test]
async fn on_a_fresh_installation_a_merge_needs_the_right_to_publish() {
    for (installation, may_merge) in [(Installation::Adopted, true), (Installation::Fresh, false)] {
        let world = World::with(installation, &[]).await;
        let owner = world.user("u1").await;
        owner.post("/openapi/v1/apps", super::world::app("demo", "u1")).await.empty();
        world.grant("u2", vec![NamedRole::namespace(Action::Modify, "demo", "application")]).await;
        let editor = world.user("u2").await;
        let branch = branch(&editor).await;
        set(&editor, &items_of(&branch), "a", "1").await;
        let answer = editor.post(&format!("{branch}/merge"), title()).await;
        assert_eq!(answer.status, if may_merge { 200 } else { 403 }, "{answer:?}");
    }
}

/// The admin API takes any cluster for a branch; a right on one cluster would otherwise publish
/// another.
#[tokio::test]
async fn a_cluster_is_not_a_branch() {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    let cluster = json!({ "appId": "demo", "name": "other" });
    owner.post("/openapi/v1/envs/LOCAL/apps/demo/clusters", cluster).await.ok();
    let other = NS.replace("default", "other");
    set(&owner, &other, "k", "of another cluster").await;
    let roles = [Action::Modify, Action::Release]
        .map(|act| NamedRole::cluster(act, "demo", "LOCAL", "default"));
    world.grant("u2", roles.to_vec()).await;
    let member = world.user("u2").await;
    for name in ["other", "default", "ghost"] {
        let path = format!("{NS}/branches/{name}");
        let body = json!({ "releaseTitle": "r", "grayDelKeys": ["k"], "ruleItems": [] });
        for answer in [
            member.get(&format!("{path}/items")).await,
            member.get(&format!("{path}/rules")).await,
            member.put(&format!("{path}/rules"), body.clone()).await,
            member.post(&format!("{path}/releases"), body.clone()).await,
            member.post(&format!("{path}/gray-del-releases"), body.clone()).await,
            member.post(&format!("{path}/merge"), body.clone()).await,
            member.post(&path, body.clone()).await,
            member.delete(&path).await,
        ] {
            answer.fails(400, "Namespace's branch not exist.");
            assert_eq!(answer.json()["code"], "branch_not_found");
        }
    }
    owner.get(&format!("{other}/releases/latest")).await.empty();
    assert_eq!(owner.get(&format!("{other}/items")).await.ok()["total"], 1);
}

#[tokio::test]
async fn an_outsider_sees_that_there_is_a_branch_but_no_value() {
    let mut world = World::with_demo().await;
    world.set("configView.memberOnly.envs", "local");
    let owner = world.user("u1").await;
    let branch = branch(&owner).await;
    set(&owner, &items_of(&branch), "k", "hidden value").await;
    let outsider = world.user("u2").await;
    let found = outsider.get(&format!("{NS}/branches")).await.ok();
    assert_eq!(
        (&found["extendInfo"]["isConfigHidden"], &found["items"]),
        (&json!(true), &json!([]))
    );
    outsider.get(&format!("{branch}/rules")).await.empty();
    assert_eq!(outsider.get(&format!("{branch}/items")).await.ok(), json!([]));
    assert_eq!(owner.get(&format!("{branch}/items")).await.ok()[0]["value"], "hidden value");
}

/// D22: editors and publishers of a cluster work on the gray branches of its namespaces.
#[tokio::test]
async fn the_rights_on_a_cluster_include_its_branches() {
    let mut world = World::with_demo().await;
    world.set("configView.memberOnly.envs", "local");
    let owner = world.user("u1").await;
    let cluster = "/openapi/v1/envs/LOCAL/apps/demo/clusters";
    owner.post(cluster, json!({ "appId": "demo", "name": "other" })).await.ok();
    let branch = branch(&owner).await;
    let items = format!("{}/items", items_of(&branch));
    set(&owner, &items_of(&branch), "k", "1").await;
    let editor = world.user("u2").await;
    let roles = Action::CHANGING.map(|act| NamedRole::cluster(act, "demo", "LOCAL", "other"));
    world.grant("u2", roles.to_vec()).await;
    editor.post(&items, item("k2", "2")).await.fails(403, "Access is denied");
    assert_eq!(editor.get(&items).await.ok()["total"], 0);

    // A cluster that does not exist any more is not the parent.
    for cluster in ["a-former-one", "default"] {
        world.grant("u2", vec![NamedRole::cluster(Action::Modify, "demo", "LOCAL", cluster)]).await;
    }
    editor.post(&items, item("k2", "2")).await.ok();
    assert_eq!(editor.get(&items).await.ok()["total"], 2);
    // The right to edit does not publish.
    let release = format!("{}/releases", items_of(&branch));
    let title = json!({ "releaseTitle": "r" });
    editor.post(&release, title).await.fails(403, "Access is denied");

    let namespaces = items_of(&branch).replace("/application", "");
    assert_eq!(editor.get(&namespaces).await.ok().as_array().unwrap().len(), 1);
    publish(&owner, &branch).await;
    let latest = owner.get(&format!("{release}/latest")).await.ok();
    let release = format!("/openapi/v1/envs/LOCAL/releases/{}", latest["id"]);
    assert_eq!(editor.get(&release).await.ok()["id"], latest["id"]);
    let name = branch.rsplit('/').next().unwrap();
    let targets = [json!({
        "env": "LOCAL", "appId": "demo", "clusterName": name, "namespaceName": "application"
    })];
    let copy = json!({ "syncToNamespaces": targets, "syncItems": [item("k3", "3")] });
    let diffs = editor.post(&format!("{NS}/items/diff"), copy.clone()).await.ok();
    assert_eq!(diffs[0]["createItems"][0]["key"], "k3");
    editor.post(&format!("{NS}/items/synchronize"), copy).await.empty();
    assert_eq!(editor.get(&items).await.ok()["total"], 3);
}

#[tokio::test]
async fn a_consumer_works_with_branches_for_a_user() {
    let world = World::with_demo().await;
    let token = world.token("ci", &["demo"]).await;
    let ci = world.consumer(&token);
    ci.post(&format!("{NS}/branches"), Value::Null)
        .await
        .fails(400, "operator should not be null or empty");
    let made = ci.post(&format!("{NS}/branches?operator=u2"), Value::Null).await.ok();
    assert_eq!(made["dataChangeCreatedBy"], "u2");
    let branch = format!("{NS}/branches/{}", made["clusterName"].as_str().unwrap());
    ci.put(&format!("{branch}/rules?operator=u2"), json!({ "ruleItems": [] })).await.empty();
    set(&world.user("u1").await, &items_of(&branch), "a", "1").await;
    ci.post(&format!("{branch}?operator=u2"), json!({ "releaseTitle": "r" })).await.ok();
    let unable = world.token("other", &[]).await;
    world
        .consumer(&unable)
        .post(&format!("{NS}/branches?operator=u2"), Value::Null)
        .await
        .fails(403, "Access is denied");
}
