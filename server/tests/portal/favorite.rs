//! Favourite apps of a user.

use serde_json::{Value, json};

use super::world::{World, app};

const FAVORITES: &str = "/openapi/v1/favorites";

fn favorite(user: &str, app_id: &str) -> Value {
    json!({ "userId": user, "appId": app_id })
}

fn apps(found: &Value) -> Vec<&str> {
    found.as_array().unwrap().iter().map(|row| row["appId"].as_str().unwrap()).collect()
}

/// Adding a favourite twice returns the same one, and a query for an app that is none returns an
/// empty list (A78).
#[tokio::test]
async fn a_favourite_is_added_once_and_found_by_app() {
    let world = World::with_demo().await;
    let user = world.user("u2").await;
    let first = user.post(FAVORITES, favorite("u2", "demo")).await.ok();
    let second = user.post(FAVORITES, favorite("u2", "demo")).await.ok();
    assert_eq!((&first["id"], &first["position"]), (&second["id"], &json!(10000)));
    assert_eq!(first["dataChangeCreatedByDisplayName"], "Name of u2");
    let of = |app_id: &str| format!("{FAVORITES}?userId=u2&appId={app_id}");
    assert_eq!(user.get(&of("demo")).await.ok()[0]["id"], first["id"]);
    assert_eq!(user.get(&of("absent")).await.ok(), json!([]));
    user.get(FAVORITES).await.fails(400, "user id and app id can't be empty at the same time");
    user.post(FAVORITES, favorite("u1", "demo")).await.fails(400, "add favorite fail.");
    user.post(FAVORITES, favorite("u2", "none")).await.fails(400, "App not found: none");
    user.post(FAVORITES, json!({ "userId": "u2" })).await.fails(400, "Params(appId)");
}

#[tokio::test]
async fn the_favourites_of_a_user_are_in_the_order_that_the_user_chose() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let mut ids = Vec::new();
    for app_id in ["demo", "second", "third"] {
        if app_id != "demo" {
            user.post("/openapi/v1/apps", app(app_id, "u1")).await.empty();
        }
        ids.push(user.post(FAVORITES, favorite("u1", app_id)).await.ok()["id"].clone());
    }
    let own = format!("{FAVORITES}?userId=u1");
    assert_eq!(apps(&user.get(&own).await.ok()), ["demo", "second", "third"]);
    for id in [&ids[1], &ids[2]] {
        user.put(&format!("{FAVORITES}/{id}"), Value::Null).await.empty();
    }
    assert_eq!(apps(&user.get(&own).await.ok()), ["third", "second", "demo"]);
    let page = format!("{own}&page=1&size=2");
    assert_eq!(apps(&user.get(&page).await.ok()), ["demo"]);
    user.delete(&format!("{FAVORITES}/{}", ids[2])).await.empty();
    assert_eq!(apps(&user.get(&own).await.ok()), ["second", "demo"]);

    // Another user has a list of its own, and cannot change this one.
    let other = world.user("u2").await;
    assert_eq!(other.get(&own).await.ok(), json!([]));
    let path = format!("{FAVORITES}/{}", ids[0]);
    other.delete(&path).await.fails(400, "can not operate other person's favorite");
    other.put(&path, Value::Null).await.fails(400, "can not operate other person's favorite");
    other.delete(&format!("{FAVORITES}/999")).await.fails(400, "favorite not exist");
}

/// A deleted app is nobody's favourite, nor is a later app with the same id. Favourites of other
/// apps are kept.
#[tokio::test]
async fn a_deleted_app_is_no_favourite_of_anyone() {
    let world = World::with_demo().await;
    world.user("u1").await.post("/openapi/v1/apps", app("second", "u1")).await.empty();
    for name in ["u1", "u2"] {
        let user = world.user(name).await;
        for app_id in ["demo", "second"] {
            user.post(FAVORITES, favorite(name, app_id)).await.ok();
        }
    }
    world.user("apollo").await.delete("/openapi/v1/apps/demo").await.empty();
    world.user("u1").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    for name in ["u1", "u2"] {
        let found = world.user(name).await.get(&format!("{FAVORITES}?userId={name}")).await.ok();
        assert_eq!(apps(&found), ["second"], "{name}");
    }
}

/// Favourites belong to users, so tokens have none (A77).
#[tokio::test]
async fn a_token_has_no_favourites() {
    let world = World::with_demo().await;
    let token = world.token_for_all("all").await;
    let all = world.consumer(&token);
    all.get(FAVORITES).await.fails(403, "Portal user session is required");
    all.post(FAVORITES, favorite("u1", "demo")).await.fails(403, "Portal user session is required");
}
