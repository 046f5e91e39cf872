//! What users have chosen for the web UI.

use castalia_store::entity::castalia_preference::Entity;
use castalia_store::user::preference;
use sea_orm::{ConnectionTrait as _, DatabaseBackend, EntityTrait as _};
use serde_json::{Value, json};

use super::recent::{rename, run};
use super::world::{Caller, World};

const PREFERENCES: &str = "/openapi/v1/preferences";

async fn choose(caller: &Caller<'_>, chosen: Value) {
    caller.put(PREFERENCES, chosen).await.empty();
}

async fn chosen(caller: &Caller<'_>) -> Value {
    caller.get(PREFERENCES).await.ok()
}

async fn rows(world: &World) -> usize {
    Entity::find().all(world.store.read()).await.unwrap().len()
}

#[tokio::test]
async fn what_a_user_chose_is_there_in_each_browser_and_for_no_other_user() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    assert_eq!(chosen(&user).await, json!({}));
    choose(&user, json!({})).await;
    let all = json!({
        "language": "zh", "theme": "light", "density": "compact", "shortcuts": false,
    });
    choose(&user, all.clone()).await;
    assert_eq!(chosen(&user).await, all);
    let other_browser = world.user("u1").await;
    choose(&other_browser, json!({ "theme": "dark" })).await;
    choose(&user, json!({ "shortcuts": true, "density": null })).await;
    let changed = json!({
        "language": "zh", "theme": "dark", "density": "compact", "shortcuts": true,
    });
    assert_eq!(chosen(&other_browser).await, changed);
    assert_eq!(rows(&world).await, 4);

    let second = world.user("u2").await;
    assert_eq!(chosen(&second).await, json!({}));
    choose(&second, json!({ "theme": "auto" })).await;
    assert_eq!(chosen(&user).await, changed);

    let token = world.token_for_all("all").await;
    let refusal = "Portal user session is required";
    world.consumer(&token).get(PREFERENCES).await.fails(403, refusal);
    world.consumer(&token).put(PREFERENCES, all).await.fails(403, refusal);
}

#[tokio::test]
async fn only_known_values_are_stored() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    for (body, status, message) in [
        (
            json!({ "theme": "dark", "colour": "red" }),
            400,
            "JSON parse error: unknown field `colour`, expected one of `language`",
        ),
        (
            json!({ "theme": "blue" }),
            400,
            "JSON parse error: unknown variant `blue`, expected one of `auto`",
        ),
        (
            json!({ "language": "fr" }),
            400,
            "JSON parse error: unknown variant `fr`, expected `en` or `zh`",
        ),
        (json!({ "density": 1 }), 400, "JSON parse error"),
        (
            json!({ "shortcuts": "no" }),
            400,
            "JSON parse error: invalid type: string, expected a boolean",
        ),
        (json!(["dark"]), 400, "JSON parse error"),
        (json!({ "theme": "x".repeat(2000) }), 413, "The body is larger than 1024 bytes"),
    ] {
        user.put(PREFERENCES, body).await.fails(status, message);
    }
    assert_eq!(rows(&world).await, 0);
}

/// A node of a later version may know more.
#[tokio::test]
async fn values_of_a_later_version_are_left_out_and_stay() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let stored =
        [("theme", "\"sepia\""), ("zoom", "2"), ("density", "no JSON"), ("language", "\"zh\"")];
    let written = world.store.write(stored.map(pair), |tx, stored| {
        Box::pin(async move { preference::put(tx, "u1", stored).await })
    });
    written.await.unwrap();
    assert_eq!(chosen(&user).await, json!({ "language": "zh" }));
    choose(&user, json!({ "density": "relaxed" })).await;
    assert_eq!(chosen(&user).await, json!({ "language": "zh", "density": "relaxed" }));
    assert_eq!(rows(&world).await, 4);
}

#[tokio::test]
async fn browsers_that_choose_at_the_same_time_agree() {
    let world = World::with_demo().await;
    let (first, second) = (world.user("u1").await, world.user("u1").await);
    for _ in 0..10 {
        tokio::join!(
            choose(&first, json!({ "theme": "dark", "language": "en" })),
            choose(&second, json!({ "language": "zh", "theme": "light" })),
        );
        let found = chosen(&first).await;
        let (one, other) = (
            json!({ "theme": "dark", "language": "en" }),
            json!({ "language": "zh", "theme": "light" }),
        );
        assert!(found == one || found == other, "{found}");
    }
}

/// An administrator of a database may have created the tables of an older version only.
#[tokio::test]
async fn nothing_is_stored_without_the_table() {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    choose(&user, json!({ "theme": "dark" })).await;
    rename(&world, "CastaliaPreference", "Hidden").await;
    let found = chosen(&user).await;
    let refused = user.put(PREFERENCES, json!({ "theme": "light" })).await;
    let deleted = root.delete("/openapi/v1/users/u2").await;
    rename(&world, "Hidden", "CastaliaPreference").await;
    assert_eq!(found, json!({}));
    refused.fails(503, "The table CastaliaPreference cannot be used");
    deleted.empty();
    assert_eq!(chosen(&user).await, json!({ "theme": "dark" }));
}

/// An administrator of a database may have granted the tables of an older version only.
#[tokio::test]
async fn nothing_is_stored_without_the_privilege() {
    let world = World::with_demo().await;
    if world.store.read().get_database_backend() != DatabaseBackend::Postgres {
        return;
    }
    let user = world.user("u1").await;
    run(&world, r#"REVOKE ALL ON "CastaliaPreference" FROM CURRENT_USER"#.to_owned()).await;
    let found = chosen(&user).await;
    let refused = user.put(PREFERENCES, json!({ "theme": "light" })).await;
    // Other tests use the database again.
    run(&world, r#"GRANT ALL ON "CastaliaPreference" TO CURRENT_USER"#.to_owned()).await;
    assert_eq!(found, json!({}));
    refused.fails(503, "The table CastaliaPreference cannot be used");
}
