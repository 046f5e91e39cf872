//! Changes of accounts on a node that does not know yet that another one has changed the list of
//! super administrators, and of the list while an account changes: one who may sign in is left, and
//! one who was removed changes nothing. Changes of the own account while it is lost change nothing
//! either.

use axum::body::Body;
use castalia_server::domain::permission::grant;
use castalia_server::domain::revision::Base;
use castalia_server::domain::user::{PasswordRule, account, set_password};
use castalia_server::server_config::ServerConfig;
use castalia_server::settings::Installation;
use castalia_store::user::{self, UserRow, role};
use castalia_store::{Secret, Store, StoreError, server_config};
use http::Method;
use serde_json::{Value, json};

use super::held;
use super::world::{PASSWORD, World};

const U1: &str = "/openapi/v1/users/u1";
const USERS: &str = "/openapi/v1/users";
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

/// What is stored of the user `u1`.
fn row(password: Option<Secret>, is_enabled: bool) -> UserRow {
    UserRow {
        username: "u1".to_owned(),
        display_name: None,
        email: None,
        password,
        is_enabled: Some(is_enabled),
    }
}

#[tokio::test]
async fn the_last_super_administrator_of_the_stored_list_remains() {
    let world = world().await;
    let root = world.user("apollo").await;
    // This node believes that `u1` is left.
    store_list(&world, "apollo").await;
    root.put(ENABLED, disabled("apollo")).await.fails(400, DISABLED);
    let changed = json!({
        "username": "apollo", "password": "Tulip-Vortex-91", "userDisplayName": "apollo",
        "email": "apollo@example.org", "enabled": 0,
    });
    root.post("/openapi/v1/users?isCreate=false", changed).await.fails(400, DISABLED);
    assert!(world.accepts("apollo", PASSWORD).await);
    // One who cannot sign in is not left.
    store_list(&world, "apollo,gone").await;
    root.put(ENABLED, disabled("apollo")).await.fails(400, DISABLED);
    // One who was added is left.
    store_list(&world, "apollo,u2").await;
    root.put(ENABLED, disabled("apollo")).await.empty();
}

/// Otherwise one who was removed would return to the list through a node that does not know it yet.
#[tokio::test]
async fn a_removed_super_administrator_changes_nothing_on_any_node() {
    let world = world().await;
    let removed = world.user("u1").await;
    let program = world.program("u1", json!({ "operations": ["system:admin"] })).await;
    store_list(&world, "apollo").await;
    let list = json!({ "key": "superAdmin", "value": "apollo,u1" });
    removed.post(SETTINGS, list.clone()).await.fails(403, "Access is denied");
    removed.put(ENABLED, disabled("u2")).await.fails(403, "Access is denied");
    removed.delete("/openapi/v1/users/u2").await.fails(403, "Access is denied");
    program.delete("/openapi/v1/users/u2").await.fails(403, "Access is denied");
    let stored = server_config::value_of_portal(world.store.read(), "superAdmin").await.unwrap();
    assert_eq!(stored, Some(Some("apollo".to_owned())));
    assert!(world.accepts("u2", PASSWORD).await);
    world.user("apollo").await.post(SETTINGS, list).await.ok();
    removed.put(ENABLED, disabled("u2")).await.empty();
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
    let answer = answer.await;
    // SQLite in memory has one connection, so that the request also reads after the change whether
    // its caller is on the list.
    match answer.status {
        403 => answer.fails(403, "Access is denied"),
        _ => answer.fails(400, DELETED),
    }
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
                user::change(tx, u1, &row(None, false)).await?;
                Ok(())
            })
        },
        root.post(SETTINGS, json!({ "key": "superAdmin", "value": "u1" })),
    );
    answer.await.fails(400, "superAdmin must name an enabled user");
}

/// The password that the user sets, one that an administrator sets, and a change by the user.
const OWN: &str = "horse52stable";
const RESET: &str = "zebra73river";
const CHANGE: &str = r#"{"username":"u1","password":"horse52stable","userDisplayName":"u1",
    "email":"u1@example.org","enabled":1}"#;

/// How the user `u1` loses the account.
#[derive(Clone, Copy, Debug)]
enum Loss {
    Disabled,
    Reset,
    /// Deleted, and created for somebody with the same password.
    Replaced,
}

async fn lose(store: Store, loss: Loss) {
    match loss {
        Loss::Disabled => account::set_enabled(&store, "u1", false, Vec::new()).await.unwrap(),
        Loss::Reset => {
            let rule = PasswordRule::new(Installation::Adopted, &ServerConfig::new([].into()));
            let password = Some(Secret::new(RESET));
            assert_eq!(set_password(&store, &rule, "u1", password).await.unwrap(), None);
        }
        Loss::Replaced => {
            let base = Base::default();
            account::delete(&store, "u1", Vec::new(), "apollo", base).await.unwrap();
            let row = row(Some(Secret::new(format!("{{noop}}{PASSWORD}"))), true);
            let created: Result<_, StoreError> =
                store.write(row, |tx, row| Box::pin(user::create(tx, row))).await;
            created.unwrap();
        }
    }
}

/// The body of a change that arrives when the account is lost, after its caller was admitted.
fn late_change(store: Store, loss: Loss) -> Body {
    let body = async move {
        // In a task of its own: it is not a part of the request, which is recorded.
        tokio::spawn(lose(store, loss)).await.unwrap();
        Ok::<_, std::io::Error>(CHANGE)
    };
    Body::from_stream(futures_util::stream::once(body))
}

#[tokio::test]
async fn a_user_who_loses_the_account_does_not_get_it_back() {
    for loss in [Loss::Disabled, Loss::Reset, Loss::Replaced] {
        let world = world().await;
        let own = world.user("u1").await;
        let body = late_change(world.store.clone(), loss);
        let answer = own.send(Method::POST, USERS, "application/json", body).await;
        answer.fails(401, "The account was changed meanwhile");
        assert!(!world.accepts("u1", OWN).await, "{loss:?}");
        let accepted = match loss {
            Loss::Disabled => None,
            Loss::Reset => Some(RESET),
            Loss::Replaced => Some(PASSWORD),
        };
        for password in [PASSWORD, RESET] {
            let is_accepted = world.accepts("u1", password).await;
            assert_eq!(is_accepted, accepted == Some(password), "{loss:?}: {password}");
        }
    }
    let world = world().await;
    let change = serde_json::from_str(CHANGE).unwrap();
    world.user("u1").await.post(USERS, change).await.empty();
    assert!(world.accepts("u1", OWN).await);
}
