//! Definitions of namespaces, namespaces of clusters, their visibility, and their editors.

use castalia_server::domain::permission::NamedRole;
use serde_json::{Value, json};

use super::world::{NS, World, app, item};

const DEFINITIONS: &str = "/openapi/v1/apps/demo/appnamespaces";

fn definition(name: &str, format: &str, is_public: bool) -> Value {
    json!({ "appId": "demo", "name": name, "format": format, "isPublic": is_public, "comment": "what it is for" })
}

#[tokio::test]
async fn a_private_namespace_gets_its_suffix_and_its_maker_the_right() {
    // A29, A30
    let world = World::with_demo().await;
    world.grant("u2", vec![NamedRole::master("demo")]).await;
    let user = world.user("u2").await;
    let made = user.post(DEFINITIONS, definition("sample", "yml", false)).await.ok();
    assert_eq!(
        (&made["name"], &made["format"], &made["isPublic"]),
        (&json!("sample.yml"), &json!("yml"), &json!(false))
    );
    let sample = NS.replace("application", "sample.yml");
    user.put(&format!("{sample}/items"), json!({ "format": "yml", "configText": "a: 1" }))
        .await
        .empty();
    user.post(&format!("{sample}/releases"), json!({ "releaseTitle": "r" })).await.ok();
    user.post(DEFINITIONS, definition("x.yml", "properties", false))
        .await
        .fails(400, "Invalid Namespace format");
    user.post(DEFINITIONS, definition("sample", "yml", false))
        .await
        .fails(400, "AppNamespace sample.yml already exists");
    user.post(DEFINITIONS, definition("odd", "toml", false))
        .await
        .fails(400, "toml can not map enum");
    assert_eq!(user.get(DEFINITIONS).await.ok().as_array().unwrap().len(), 2);
    let one = user.get(&format!("{DEFINITIONS}/sample.yml")).await.ok();
    assert_eq!(
        (&one["comment"], &one["dataChangeCreatedBy"]),
        (&json!("what it is for"), &json!("u2"))
    );
    user.get(&format!("{DEFINITIONS}/ghost")).await.fails(400, "appNamespace not exist for appId:");
}

#[tokio::test]
async fn private_namespaces_can_be_left_to_root() {
    let mut world = World::with_demo().await;
    world.set("admin.createPrivateNamespace.switch", "false");
    let (owner, root) = (world.user("u1").await, world.user("apollo").await);
    owner
        .post(DEFINITIONS, definition("a", "properties", false))
        .await
        .fails(403, "Access is denied");
    owner.post(DEFINITIONS, definition("b", "properties", true)).await.ok();
    root.post(DEFINITIONS, definition("a", "properties", false)).await.ok();
}

#[tokio::test]
async fn a_public_name_belongs_to_one_app() {
    // A31
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let made = user.post(DEFINITIONS, definition("pub", "properties", true)).await.ok();
    assert_eq!(made["name"], "TEST1.pub");
    user.post("/openapi/v1/apps", app("second", "u1")).await.empty();
    let mut taken = definition("TEST1.pub", "properties", false);
    taken["appId"] = "second".into();
    let there = "/openapi/v1/apps/second/appnamespaces";
    user.post(there, taken)
        .await
        .fails(400, "Public AppNamespace TEST1.pub already exists in appId: demo!");
    user.post(there, definition("x", "properties", false))
        .await
        .fails(400, "The App Id of path variable");
    let public = user.get("/openapi/v1/appnamespaces").await.ok();
    assert_eq!((public.as_array().unwrap().len(), &public[0]["name"]), (1, &json!("TEST1.pub")));
}

#[tokio::test]
async fn namespaces_are_associated_one_by_one() {
    // A32
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    user.post(DEFINITIONS, definition("pub", "properties", true)).await.ok();
    world.user("u2").await.post("/openapi/v1/apps", app("second", "u2")).await.empty();
    let wanted = |app_id: &str, cluster: &str| json!({ "appId": app_id, "env": "local", "clusterName": cluster, "appNamespaceName": "TEST1.pub" });
    let both = json!([wanted("second", "default"), wanted("second", "ghost")]);
    // The permission is checked on every app before anything is created.
    user.post("/openapi/v1/namespaces", both.clone()).await.fails(403, "Access is denied");
    let mixed = json!([wanted("demo", "default"), wanted("second", "default")]);
    user.post("/openapi/v1/namespaces", mixed).await.fails(403, "Access is denied");
    let there = "/openapi/v1/envs/LOCAL/apps/second/clusters/default/namespaces";
    assert_eq!(user.get(there).await.ok().as_array().unwrap().len(), 1);

    let other = world.user("u2").await;
    other
        .post("/openapi/v1/namespaces", both)
        .await
        .fails(400, "create namespace failed for: LOCAL/ghost/TEST1.pub (cluster not found");
    let made = other.get(&format!("{there}/TEST1.pub?extendInfo=true")).await.ok();
    assert_eq!(
        (&made["isPublic"], &made["extendInfo"]["parentAppId"], &made["comment"]),
        (&json!(true), &json!("demo"), &json!("what it is for"))
    );
    other.post(&format!("{there}/TEST1.pub/items"), item("k", "v")).await.ok();
    other
        .post("/openapi/v1/namespaces", json!([{ "appId": "second" }]))
        .await
        .fails(400, "Params(env) can not be empty");
}

#[tokio::test]
async fn a_namespace_says_how_it_differs_from_what_is_published() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    for (key, value) in [("same", "1"), ("changed", "1"), ("deleted", "1")] {
        user.post(&format!("{NS}/items"), item(key, value)).await.ok();
    }
    user.post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" })).await.ok();
    user.put(&format!("{NS}/items/changed"), item("changed", "2")).await.empty();
    user.delete(&format!("{NS}/items/deleted")).await.empty();
    user.post(&format!("{NS}/items"), item("added", "3")).await.ok();

    let plain = user.get(NS).await.ok();
    assert_eq!((plain["items"].as_array().unwrap().len(), plain.get("extendInfo")), (3, None));
    assert_eq!(user.get(&format!("{NS}?fillItemDetail=false")).await.ok()["items"], json!([]));
    let shown = user.get(&format!("{NS}?extendInfo=true")).await.ok();
    assert_eq!(
        (&shown["format"], &shown["extendInfo"]["itemModifiedCnt"]),
        (&json!("properties"), &json!(3))
    );
    let extend = |key: &str| {
        let items = shown["items"].as_array().unwrap();
        let mut extend =
            items.iter().find(|item| item["key"] == key).unwrap()["extendInfo"].clone();
        extend.as_object_mut().unwrap().remove("namespaceId");
        extend
    };
    let flags = |modified: bool, deleted: bool, added: bool| json!({ "isModified": modified, "isDeleted": deleted, "isNewlyAdded": added });
    let with = |mut flags: Value, old: &str, new: &str| {
        flags["oldValue"] = old.into();
        flags["newValue"] = new.into();
        flags
    };
    assert_eq!(extend("same"), flags(false, false, false));
    assert_eq!(extend("changed"), with(flags(true, false, false), "1", "2"));
    assert_eq!(extend("deleted"), with(flags(true, true, false), "1", ""));
    assert_eq!(extend("added"), with(flags(true, false, true), "", "3"));
    assert_eq!(shown["items"][0]["dataChangeCreatedByDisplayName"], "Name of u1");
}

#[tokio::test]
async fn the_lock_names_who_edits() {
    let mut world = World::with_demo().await;
    world.set_in_environment("namespace.lock.switch", "true");
    world.set("emergencyPublish.supported.envs", "local");
    let user = world.user("u1").await;
    let free = json!({ "namespaceName": "application", "isLocked": false, "isEmergencyPublishAllowed": true });
    assert_eq!(user.get(&format!("{NS}/lock")).await.ok(), free);
    user.post(&format!("{NS}/items"), item("k", "v")).await.ok();
    let lock = user.get(&format!("{NS}/lock")).await.ok();
    assert_eq!((&lock["isLocked"], &lock["lockedBy"]), (&json!(true), &json!("u1")));
}

/// Clients request namespaces in any case, so another case is not another name.
#[tokio::test]
async fn a_public_name_belongs_to_one_app_in_any_case() {
    let world = World::with_demo().await;
    let mut lib = definition("common.mysql", "properties", true);
    lib["appendNamespacePrefix"] = false.into();
    world.user("u1").await.post(DEFINITIONS, lib.clone()).await.ok();
    let other = world.user("u2").await;
    other.post("/openapi/v1/apps", app("second", "u2")).await.empty();
    lib["appId"] = "second".into();
    for (name, is_public) in [("COMMON.mysql", true), ("Common.MySQL", false)] {
        (lib["name"], lib["isPublic"]) = (name.into(), is_public.into());
        other
            .post("/openapi/v1/apps/second/appnamespaces", lib.clone())
            .await
            .fails(400, "Public AppNamespace common.mysql already exists in appId: demo!");
    }
    lib["name"] = "Application".into();
    other
        .post("/openapi/v1/apps/second/appnamespaces", lib)
        .await
        .fails(400, "AppNamespace application already exists in appId: ");
}

/// The revision on a page with items is that of the items which it shows, and does not cost another
/// read of all of them.
#[tokio::test]
async fn a_page_of_a_namespace_reads_its_items_once() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    user.post(&format!("{NS}/items"), item("k", "v")).await.ok();
    let (page, name) = (format!("{NS}?fillItemDetail=true"), format!("{NS}?fillItemDetail=false"));
    let revision = user.get(&page).await.header("castalia-revision").to_owned();
    assert_eq!(user.get(&name).await.header("castalia-revision"), revision);
    let mut fewest = u64::MAX;
    // The scan of the feed may send statements meanwhile.
    for _ in 0..5 {
        let before = world.environment_store.statements();
        user.get(&page).await.ok();
        fewest = fewest.min(world.environment_store.statements() - before);
    }
    assert_eq!(fewest, 3, "the namespace, the same for its items, and the items");
}
