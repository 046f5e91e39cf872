//! Changes of accounts on a node that does not know yet that another one has changed the list of
//! super administrators, and of the list while an account changes: one who may sign in is left.

use castalia_server::domain::permission::grant;
use castalia_server::settings::Installation;
use castalia_store::user::{self, UserRow, role};
use castalia_store::{StoreError, server_config};
use serde_json::{Value, json};

use super::held;
use super::world::{PASSWORD, World};

const U1: &str = "/openapi/v1/users/u1";
const ENABLED: &str = "/openapi/v1/users/enabled";
const SETTINGS: &str = "/openapi/v1/server/portal-db/config";
const DELETED: &str = "The last super administrator cannot be deleted";
const DISABLED: &str = "The last super administrator cannot be disabled";

fn disabled(name: &str) -> Value {
    json!({ "username": name, "enabled": 0 })
}

/// A portal with two super administrators. Its node reads their list again after a minute.
async fn world() -> World {
    let mut world = World::adopted().await;
    world.set("superAdmin", "apollo,u1");
    world.store_settings().await;
    // A process creates the system roles at its start.
    grant::seed_system_roles(&world.store).await.unwrap();
    world
}

/// Another node changes the list.
async fn store_list(world: &World, list: &'static str) {
    let stored = world.store.write(list, |tx, list| {
        Box::pin(async move {
            server_config::upsert_of_portal(tx, "superAdmin", list, None, "u1").await?;
            Ok::<_, StoreError>(())
        })
    });
    stored.await.unwrap();
}

#[tokio::test]
async fn the_last_super_administrator_of_the_stored_list_remains() {
    let world = world().await;
    let root = world.user("apollo").await;
    store_list(&world, "u1").await;
    root.delete(U1).await.fails(400, DELETED);
    root.put(ENABLED, disabled("u1")).await.fails(400, DISABLED);
    let changed = json!({
        "username": "u1", "password": "Tulip-Vortex-91", "userDisplayName": "u1",
        "email": "u1@example.org", "enabled": 0,
    });
    root.post("/openapi/v1/users?isCreate=false", changed).await.fails(400, DISABLED);
    assert!(world.accepts("u1", PASSWORD).await);
    // One who cannot sign in is not left.
    store_list(&world, "u1,gone").await;
    root.delete(U1).await.fails(400, DELETED);
    // One who was added is left.
    store_list(&world, "u1,u2").await;
    root.delete(U1).await.empty();
}

/// A row has no effect where the node fixes the list.
#[tokio::test]
async fn the_last_super_administrator_of_a_fixed_list_remains() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("castalia.toml");
    std::fs::write(&file, "[server-config]\nsuperAdmin = 'apollo,u1'\n").unwrap();
    let world = World::with_file(Installation::Adopted, file).await;
    grant::seed_system_roles(&world.store).await.unwrap();
    let root = world.user("apollo").await;
    store_list(&world, "u1").await;
    root.put(ENABLED, disabled("u1")).await.empty();
    store_list(&world, "apollo,u1,u2").await;
    root.put(ENABLED, disabled("apollo")).await.fails(400, DISABLED);
    root.post(SETTINGS, json!({ "key": "superAdmin", "value": "gone" })).await.ok();
}

#[tokio::test]
async fn an_account_ends_after_a_change_of_the_list_that_has_begun() {
    let world = world().await;
    let root = world.user("apollo").await;
    let answer = held::beside(
        &world.store,
        |tx| {
            Box::pin(async move {
                server_config::upsert_of_portal(tx, "superAdmin", "u1", None, "u1").await?;
                Ok(())
            })
        },
        root.delete(U1),
    );
    answer.await.fails(400, DELETED);
    assert!(world.accepts("u1", PASSWORD).await);
}

#[tokio::test]
async fn a_list_is_stored_after_a_change_of_an_account_that_has_begun() {
    let world = world().await;
    let root = world.user("apollo").await;
    let answer = held::beside(
        &world.store,
        |tx| {
            Box::pin(async move {
                // As the change of an account begins.
                role::lock(tx, "CreateApplication+SystemRole").await?;
                let u1 = user::lock(tx, "u1").await?.unwrap();
                let row = UserRow {
                    username: "u1".to_owned(),
                    display_name: None,
                    email: None,
                    password: None,
                    is_enabled: Some(false),
                };
                user::change(tx, u1, &row).await?;
                Ok(())
            })
        },
        root.post(SETTINGS, json!({ "key": "superAdmin", "value": "u1" })),
    );
    answer.await.fails(400, "superAdmin must name an enabled user");
}
