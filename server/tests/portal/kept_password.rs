//! X86: a change of a user without a password keeps the current one.

use serde_json::{Value, json};

use super::world::{PASSWORD, World};

const USERS: &str = "/openapi/v1/users";
const CREATE: &str = "/openapi/v1/users?isCreate=true";

fn account(name: &str, password: &Value) -> Value {
    json!({
        "username": name, "password": password, "userDisplayName": "New name",
        "email": "new@new.example", "enabled": 1,
    })
}

#[tokio::test]
async fn a_change_without_a_password_keeps_it_and_the_sessions() {
    for world in [World::adopted().await, World::fresh().await] {
        let (root, user) = (world.user("apollo").await, world.user("u1").await);
        for password in [json!(""), Value::Null] {
            root.post(USERS, account("u1", &password)).await.empty();
        }
        let found = root.get(&format!("{USERS}/u1")).await.ok();
        assert_eq!(found["name"], "New name");
        assert_eq!(found["email"], "new@new.example");
        user.get("/openapi/v1/user").await.ok();
        assert!(world.accepts("u1", PASSWORD).await && !world.accepts("u1", "").await);
        // What else a change does takes place: disabling ends the sessions.
        let mut disabled = account("u1", &json!(""));
        disabled["enabled"] = 0.into();
        root.post(USERS, disabled).await.empty();
        user.get("/openapi/v1/user").await.fails(401, "Unauthorized");
    }
}

#[tokio::test]
async fn the_own_account_is_changed_without_a_password() {
    let world = World::adopted().await;
    let user = world.user("u1").await;
    user.post(USERS, account("u1", &json!(""))).await.empty();
    assert_eq!(user.get("/openapi/v1/user").await.ok()["name"], "New name");
    assert!(world.accepts("u1", PASSWORD).await);
}

#[tokio::test]
async fn a_new_user_has_a_password() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    for password in [json!(""), Value::Null] {
        let message = "Username and password can not be empty.";
        root.post(CREATE, account("new", &password)).await.fails(400, message);
    }
    root.post(USERS, account("new", &json!("")))
        .await
        .fails(400, "user not exists for userName:new");
}
