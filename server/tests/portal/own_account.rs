//! X59: changes of the own account, each of which hashes a password, delay no sign-ins.

use serde_json::{Value, json};

use super::world::{Caller, World};

const USERS: &str = "/openapi/v1/users";
const PASSWORD: &str = "horse52stable";
/// Its hash, of a cost with which a verification takes a second.
const SLOW: &str = "{bcrypt}$2a$14$abcdefghijklmnopqrstuuhzFintn2rLfUlkbZxtDxdINFvyBqM2C";

fn account(password: &str) -> Value {
    json!({
        "username": "new", "password": password, "userDisplayName": "New",
        "email": "new@new.example", "enabled": 1,
    })
}

async fn signed_in<'w>(world: &'w World, stored: &str) -> Caller<'w> {
    world.add_user("new", stored).await;
    let cookie = world.nobody().sign_in("new", PASSWORD).await.cookie().unwrap();
    let user = world.nobody().with("cookie", &cookie);
    let csrf_token = user.get("/openapi/v1/user").await.header("x-csrf-token").to_owned();
    user.with("x-csrf-token", &csrf_token)
}

#[tokio::test]
async fn a_user_makes_one_change_of_the_own_account_at_a_time() {
    let world = World::adopted().await;
    let user = signed_in(&world, SLOW).await;
    let change = || user.post(USERS, account("zebra73river"));
    let (one, two) = tokio::join!(change(), change());
    let (made, refused) = if one.status == 200 { (one, two) } else { (two, one) };
    made.empty();
    refused.fails(429, "Another change of your account has not ended");
    assert!(world.accepts("new", "zebra73river").await);
}

#[tokio::test]
async fn changes_of_the_own_account_are_limited_and_keep_no_user_out() {
    let world = World::adopted().await;
    let user = signed_in(&world, &format!("{{noop}}{PASSWORD}")).await;
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(user.post(USERS, account(PASSWORD)).await.status);
    }
    assert!(statuses.starts_with(&[200; 5]) && statuses.contains(&429), "{statuses:?}");
    world.nobody().sign_in("new", PASSWORD).await.leads_to("/");
    // An administrator is not limited.
    let root = world.user("apollo").await;
    for _ in 0..6 {
        root.post(USERS, account(PASSWORD)).await.empty();
    }
}
