//! Paths of Apollo's portal before `/openapi/v1`, as scripts that imitate a sign-in call them.

use castalia_store::entity::audit_log;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};

use super::world::{World, app};

#[tokio::test]
async fn the_old_paths_of_reads_have_the_answers_of_their_operations() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    for path in [
        "/envs",
        "/organizations",
        "/page-settings",
        "/apps",
        "/apps?appIds=demo",
        "/apps/by-self",
        "/apps/search/by-appid-or-name?query=demo&page=0&size=10",
        "/apps/demo",
        "/users?keyword=u&includeInactiveUsers=false&offset=0&limit=10",
        "/users/u2",
        "/user",
    ] {
        let new = user.get(&format!("/openapi/v1{path}")).await.ok();
        assert_eq!(user.get(path).await.ok(), new, "{path}");
        world.nobody().get(path).await.fails(401, "Unauthorized");
    }
    user.get("/apps/none").await.fails(400, "App not found: none");
    user.get("/users/nobody").await.fails(400, "user not exists for userName:nobody");
    assert_eq!(user.get("/permissions/root").await.ok(), json!({ "hasPermission": false }));
    let tree = user.get("/apps/demo/navtree").await.ok();
    assert_eq!((&tree["code"], &tree["entities"][0]["code"]), (&json!(200), &json!(200)));
    let body = &tree["entities"][0]["body"];
    assert_eq!((&body["env"], &body["clusters"][0]["name"]), (&json!("LOCAL"), &json!("default")));
    user.get("/apollo/server").await.fails(403, "Access is denied");
    let root = world.user("apollo").await;
    assert_eq!(root.get("/permissions/root").await.ok(), json!({ "hasPermission": true }));
    assert!(root.get("/apollo/server").await.body.contains("env=LOCAL"));
    assert_eq!(root.get("/apollo/net").await.status, 200);
}

#[tokio::test]
async fn the_old_paths_of_changes_need_the_same_permissions_and_are_recorded() {
    let world = World::with_demo().await;
    let (user, other, root) =
        (world.user("u1").await, world.user("u2").await, world.user("apollo").await);
    let mut new = app("second", "u1")["app"].clone();
    new["admins"] = json!(["u2"]);
    let made = user.post("/apps", new.clone()).await.ok();
    assert_eq!((&made["appId"], &made["ownerName"]), (&json!("second"), &json!("u1")));
    let masters = user.get("/openapi/v1/apps/second/role-users").await.ok();
    assert_eq!(masters["masterUsers"].as_array().unwrap().len(), 2, "owner and administrator");
    new["name"] = "renamed".into();
    user.put("/apps/second", new.clone()).await.empty();
    assert_eq!(other.get("/apps/second").await.ok()["name"], "renamed");
    other.put("/apps/demo", app("demo", "u1")["app"].clone()).await.fails(403, "Access is denied");
    user.delete("/apps/second").await.fails(403, "Access is denied");
    root.delete("/apps/second").await.empty();
    user.get("/apps/second").await.fails(400, "App not found: second");

    let off = json!({ "username": "u2", "enabled": 0 });
    user.put("/users/enabled", off.clone()).await.fails(403, "Access is denied");
    let account = json!({ "username": "u9", "password": "a secret of 9 words", "userDisplayName": "N", "email": "n@example.com", "enabled": 1 });
    user.post("/users?isCreate=true", account.clone()).await.fails(403, "Access is denied");
    root.post("/users?isCreate=true", account).await.empty();
    root.put("/users/enabled", off).await.empty();
    other.get("/apps").await.fails(401, "Unauthorized");
    let logs = audit_log::Entity::find().all(world.store.read()).await.unwrap();
    for name in
        ["App.create", "App.update", "App.delete", "User.createOrUpdate", "User.changeEnabled"]
    {
        assert!(logs.iter().any(|log| log.op_name == name), "{name}");
    }
}

/// Apollo accepts tokens below `/openapi/` only.
#[tokio::test]
async fn an_old_path_refuses_tokens() {
    let world = World::with_demo().await;
    let token = world.token("ci", &["demo"]).await;
    for (program, status, message) in [
        (world.consumer(&token), 403, "Portal user session is required"),
        (world.program("apollo", json!({})).await, 401, "Unauthorized"),
    ] {
        program.get("/openapi/v1/apps").await.ok();
        for path in ["/apps", "/apps/demo", "/users/u1", "/user"] {
            program.get(path).await.fails(status, message);
        }
        program.delete("/apps/demo").await.fails(status, message);
        program.post("/apps", Value::Null).await.fails(status, message);
        program.post("/users", Value::Null).await.fails(status, message);
    }
    // Without the header that a browser's page sends, an unsafe request is refused.
    let forged = world.user("u1").await.with("origin", "http://evil.example");
    forged.delete("/apps/demo").await.fails(403, "");
}
