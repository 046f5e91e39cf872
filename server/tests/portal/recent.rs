//! The apps that a user opened last.

use castalia_store::Deletion;
use castalia_store::app::delete;
use castalia_store::entity::castalia_recent::Entity;
use sea_orm::{ConnectionTrait as _, DatabaseBackend, EntityTrait as _};
use serde_json::{Value, json};

use super::world::{Caller, World, app};

const RECENTS: &str = "/openapi/v1/recents";

async fn open(caller: &Caller<'_>, app_id: &str) {
    caller.put(&format!("{RECENTS}/{app_id}"), Value::Null).await.empty();
}

async fn recents(caller: &Caller<'_>) -> Vec<String> {
    let found = caller.get(RECENTS).await.ok();
    let id = |app: &Value| app["appId"].as_str().unwrap().to_owned();
    found.as_array().unwrap().iter().map(id).collect()
}

async fn rows(world: &World) -> usize {
    Entity::find().all(world.store.read()).await.unwrap().len()
}

#[tokio::test]
async fn the_app_that_a_user_opened_last_is_the_first_of_twelve_in_each_browser() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    for number in 0..13 {
        let id = format!("app{number}");
        user.post("/openapi/v1/apps", app(&id, "u1")).await.empty();
        open(&user, &id).await;
    }
    open(&user, "demo").await;
    open(&user, "app7").await;
    open(&user, "app7").await;
    let other_browser = world.user("u1").await;
    let newest = ["app7", "demo", "app12", "app11", "app10", "app9", "app8", "app6"];
    let found = recents(&other_browser).await;
    assert_eq!((&found[..8], found.len()), (&newest.map(str::to_owned)[..], 12));
    assert_eq!(rows(&world).await, 12);
    let demo = &user.get(RECENTS).await.ok()[1];
    assert_eq!(*demo, user.get("/openapi/v1/apps/demo").await.ok(), "the same body as elsewhere");

    assert!(recents(&world.user("u2").await).await.is_empty(), "those of another user");
    user.put(&format!("{RECENTS}/none"), Value::Null).await.fails(400, "App not found: none");
    let token = world.token_for_all("all").await;
    let refusal = "Portal user session is required";
    world.consumer(&token).get(RECENTS).await.fails(403, refusal);
    world.consumer(&token).put(&format!("{RECENTS}/demo"), Value::Null).await.fails(403, refusal);
}

/// A later app with the same id is another one, also if Apollo's portal deleted the first.
#[tokio::test]
async fn a_deleted_app_is_not_among_those_that_were_opened() {
    let world = World::with_demo().await;
    let (first, second) = (world.user("u1").await, world.user("u2").await);
    let root = world.user("apollo").await;
    first.post("/openapi/v1/apps", app("second", "u1")).await.empty();
    for user in [&first, &second] {
        open(user, "demo").await;
        open(user, "second").await;
    }
    root.delete("/openapi/v1/apps/demo").await.empty();
    assert_eq!(rows(&world).await, 2);
    // As Apollo's portal deletes it.
    let deleted = world
        .store
        .write((), |tx, ()| {
            Box::pin(async move { delete(tx, "second", &Deletion::by("u1")).await })
        })
        .await;
    deleted.unwrap();
    for app_id in ["demo", "second"] {
        root.post("/openapi/v1/apps", app(app_id, "u1")).await.empty();
    }
    for user in [&first, &second] {
        assert!(recents(user).await.is_empty());
        open(user, "second").await;
        assert_eq!(recents(user).await, ["second"]);
    }
}

#[tokio::test]
async fn the_apps_of_a_disabled_user_are_forgotten() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    open(&user, "demo").await;
    open(&world.user("u2").await, "demo").await;
    let body = json!({ "username": "u1", "enabled": 0 });
    world.user("apollo").await.put("/openapi/v1/users/enabled", body).await.empty();
    assert_eq!(rows(&world).await, 1);
}

/// Renames a table of the portal's database.
pub(super) async fn rename(world: &World, from: &str, to: &str) {
    let sql = match world.store.read().get_database_backend() {
        DatabaseBackend::MySql => format!("RENAME TABLE `{from}` TO `{to}`"),
        _ => format!(r#"ALTER TABLE "{from}" RENAME TO "{to}""#),
    };
    run(world, sql).await;
}

pub(super) async fn run(world: &World, sql: String) {
    let done = world.store.write(sql, |tx, sql| {
        Box::pin(async move {
            tx.execute_unprepared(sql).await?;
            Ok::<_, castalia_store::StoreError>(())
        })
    });
    done.await.unwrap();
}

/// An administrator of a database may have created the tables of an older version only.
#[tokio::test]
async fn nothing_is_remembered_without_the_table() {
    let world = World::with_demo().await;
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    rename(&world, "CastaliaRecent", "Hidden").await;
    open(&user, "demo").await;
    let found = recents(&user).await;
    let body = json!({ "username": "u2", "enabled": 0 });
    let disabled = root.put("/openapi/v1/users/enabled", body).await;
    let deleted = root.delete("/openapi/v1/apps/demo").await;
    rename(&world, "Hidden", "CastaliaRecent").await;
    assert!(found.is_empty());
    disabled.empty();
    deleted.empty();
}

/// An administrator of a database may have granted the tables of an older version only.
#[tokio::test]
async fn nothing_is_remembered_without_the_privilege() {
    let world = World::with_demo().await;
    if world.store.read().get_database_backend() != DatabaseBackend::Postgres {
        return;
    }
    let user = world.user("u1").await;
    run(&world, r#"REVOKE INSERT ON "CastaliaRecent" FROM CURRENT_USER"#.to_owned()).await;
    open(&user, "demo").await;
    // Not written: the database is not asked again soon.
    run(&world, r#"GRANT INSERT ON "CastaliaRecent" TO CURRENT_USER"#.to_owned()).await;
    open(&user, "demo").await;
    assert!(recents(&user).await.is_empty());
}
