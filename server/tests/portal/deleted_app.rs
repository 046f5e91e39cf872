//! Nothing is added to an app that another caller deletes meanwhile, and its id can be used again,
//! also where Apollo left rows of it.

use castalia_server::domain::permission::{Action, NamedRole, assignment};
use castalia_server::domain::portal_namespace::{self, NewDefinition};
use castalia_server::domain::{favorite, portal_app};
use castalia_server::error::Result;
use castalia_store::entity::{app_namespace, role};
use castalia_store::namespace::{AppNamespaceRow, insert_app_namespace};
use castalia_store::{Authorship, StoreError};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::{Value, json};

use super::world::{NS, World, app, item};

const ALL: &str = "/openapi/v1/configs";
const ROUNDS: usize = 30;

/// Definitions and roles of the app `demo` that are not deleted.
async fn left(world: &World) -> Vec<String> {
    let db = world.store.read();
    let definitions = app_namespace::Entity::find()
        .filter(app_namespace::Column::AppId.eq("demo"))
        .filter(app_namespace::Column::IsDeleted.eq(false));
    let roles = role::Entity::find().filter(role::Column::IsDeleted.eq(false));
    let definitions = definitions.all(db).await.unwrap().into_iter().map(|row| row.name);
    let roles = roles.all(db).await.unwrap().into_iter().map(|row| row.role_name);
    definitions.chain(roles.filter(|name| NamedRole::app_of(name) == Some("demo"))).collect()
}

/// What callers do who looked the app up before it was deleted.
#[tokio::test]
async fn nothing_is_added_to_a_deleted_app() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    root.delete("/openapi/v1/apps/demo").await.empty();
    let (store, envs) = (&world.store, ["LOCAL".to_owned()]);
    let definition = |name: &str| NewDefinition {
        app_id: "demo".to_owned(),
        name: name.to_owned(),
        format: "properties".to_owned(),
        is_public: false,
        append_prefix: false,
        comment: String::new(),
    };
    let editor = NamedRole::namespace(Action::Modify, "demo", "application");
    let roles = vec![editor.clone()];
    let users = ["u1".to_owned()];
    let refusals: [Result<()>; 6] = [
        portal_namespace::restore(store, definition("n"), &envs, "u1").await.map(drop),
        portal_namespace::open(store, "demo", "n", "u1").await,
        portal_app::ensure_roles(store, "demo", roles, "u1").await,
        assignment::assign(store, editor.clone(), "u1", "u1").await,
        assignment::assign_all(store, editor, &users, "u1").await,
        favorite::add(store, "u1", "demo").await.map(drop),
    ];
    for (at, refusal) in refusals.into_iter().enumerate() {
        let error = refusal.expect_err(&format!("operation {at} changed something"));
        let message = error.message();
        assert!(message.starts_with("App not found") || message.contains("doesn't exist"), "{at}");
    }
    assert_eq!(left(&world).await, [""; 0]);
}

/// A deletion that slow environments delayed does not reach what another caller created meanwhile.
#[tokio::test]
async fn a_late_deletion_leaves_what_was_created_again() {
    let world = World::with_demo().await;
    let (root, store) = (world.user("apollo").await, &world.store);
    let definition =
        json!({ "name": "n", "appId": "demo", "format": "properties", "isPublic": false });
    let definitions = "/openapi/v1/apps/demo/appnamespaces";
    root.post(definitions, definition.clone()).await.ok();
    let row = portal_namespace::find(store, "demo", "n").await.unwrap();
    root.delete(&format!("{definitions}/n")).await.empty();
    root.post(definitions, definition).await.ok();
    let late = portal_namespace::delete(store, &row, "apollo").await;
    assert!(late.unwrap_err().message().starts_with("AppNamespace not exist"));
    assert!(!portal_namespace::is_present(store, &row).await.unwrap());
    portal_namespace::find(store, "demo", "n").await.unwrap();

    let row = portal_app::find(store, "demo").await.unwrap();
    root.delete("/openapi/v1/apps/demo").await.empty();
    root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let before = left(&world).await;
    let late = portal_app::delete(store, &row, "apollo").await;
    assert!(late.unwrap_err().message().starts_with("App not found"));
    assert!(!portal_app::is_present(store, &row).await.unwrap());
    assert_eq!(left(&world).await, before);
}

/// Both are answered, in either order nothing is left of a deleted app, and the id can be used
/// again.
#[tokio::test]
async fn an_import_beside_a_deletion_leaves_an_id_that_can_be_used_again() {
    let world = World::with_demo().await;
    let other = world.second_node();
    let (root, second) = (world.user("apollo").await, other.user("apollo").await);
    // Who is no super administrator cannot create an app that an environment has.
    let owner = world.user("u1").await;
    let create = || owner.post("/openapi/v1/apps", app("demo", "u1"));
    let definition = json!({
        "appId": "demo", "name": "second", "format": "yml", "isPublic": false,
        "appendNamespacePrefix": false,
    });
    root.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
    let cluster = json!({ "appId": "demo", "name": "other" });
    root.post("/openapi/v1/envs/LOCAL/apps/demo/clusters", cluster).await.ok();
    let exported = root.get(&format!("{ALL}/export?envs=LOCAL")).await.bytes;
    let path = format!("{ALL}/import?envs=local&conflictAction=cover");
    for round in 0..ROUNDS {
        let (imported, deleted) = tokio::join!(
            root.upload(&path, "all.zip", &exported),
            second.delete("/openapi/v1/apps/demo")
        );
        // 503 asks to retry, because the deletion is going on.
        assert!(matches!(imported.status, 200 | 400 | 409 | 503), "{round}: {imported:?}");
        assert!(matches!(deleted.status, 200 | 400 | 404), "{round}: {deleted:?}");
        if root.get("/openapi/v1/apps/demo").await.status != 200 {
            assert_eq!(left(&world).await, [""; 0], "{round}");
            create().await.empty();
        }
    }
}

/// Definitions whose app is missing were left by Apollo, or by hand.
#[tokio::test]
async fn an_app_is_created_where_definitions_of_a_former_one_were_left() {
    let world = World::adopted().await;
    let left = AppNamespaceRow {
        name: "application".to_owned(),
        app_id: "demo".to_owned(),
        format: "properties".to_owned(),
        is_public: false,
        comment: String::new(),
    };
    let inserted = world.store.write(left, |tx, left| {
        Box::pin(async move {
            insert_app_namespace(tx, left.clone(), Authorship::of("u1")).await?;
            Ok::<_, StoreError>(())
        })
    });
    inserted.await.unwrap();
    let root = world.user("apollo").await;
    root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    assert_eq!(root.get("/openapi/v1/apps/demo").await.ok()["appId"], "demo");
}

/// Apollo deletes the roles that it knows: not those for reading, and not those for all of an app.
#[tokio::test]
async fn roles_that_apollo_left_do_not_open_what_is_created_under_the_name() {
    let mut world = World::adopted().await;
    world.set("configView.memberOnly.envs", "local");
    let (app_id, name, cluster) = ("demo", "n", "c");
    let of_app = [
        NamedRole::app(Action::Read, app_id),
        NamedRole::app(Action::Modify, app_id),
        NamedRole::namespace(Action::Read, app_id, "application"),
        NamedRole::cluster(Action::Read, app_id, "LOCAL", "default"),
    ];
    world.grant("u2", of_app.to_vec()).await;
    let owner = world.user("u1").await;
    owner.post("/openapi/v1/apps", app(app_id, "u1")).await.empty();
    let of_name = [
        NamedRole::namespace(Action::Read, app_id, name),
        NamedRole::namespace_in_env(Action::Read, app_id, name, "LOCAL"),
    ];
    world.grant("u2", of_name.to_vec()).await;
    let definition = json!({ "appId": app_id, "name": name, "format": "properties" });
    owner.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
    world.grant("u2", vec![NamedRole::cluster(Action::Read, app_id, "LOCAL", cluster)]).await;
    let body = json!({ "appId": app_id, "name": cluster });
    owner.post("/openapi/v1/envs/LOCAL/apps/demo/clusters", body).await.ok();

    let former = world.user("u2").await;
    for place in [NS.to_owned(), NS.replace("application", name), NS.replace("default", cluster)] {
        owner.post(&format!("{place}/items"), item("k", "hidden value")).await.ok();
        former.get(&format!("{place}/items/k")).await.empty();
        former.put(&format!("{place}/items/k"), item("k", "w")).await.fails(403, "");
    }
    let own = former.get("/openapi/v1/apps/by-self?page=0&size=20").await.ok();
    assert_eq!(own, json!([]));
    // A grant is effective: its role has its permission.
    world.grant("u2", vec![NamedRole::namespace(Action::Read, app_id, name)]).await;
    let path = format!("{}/items/k", NS.replace("application", name));
    assert_eq!(former.get(&path).await.ok()["value"], Value::from("hidden value"));
}

/// Apollo's portal deletes an app, and just after it the definitions.
#[tokio::test]
async fn definitions_of_an_app_that_apollo_deleted_are_not_offered_to_a_later_one() {
    use sea_orm::sea_query::{Expr, ExprTrait as _};
    let world = World::with_demo().await;
    let (root, owner) = (world.user("apollo").await, world.user("u1").await);
    let definition = json!({ "appId": "demo", "name": "n", "format": "properties" });
    owner.post("/openapi/v1/apps/demo/appnamespaces", definition.clone()).await.ok();
    root.delete("/openapi/v1/apps/demo").await.empty();
    let moved = world.store.write((), |tx, ()| {
        let later = Expr::col(app_namespace::Column::DeletedAt).add(3);
        let rows = app_namespace::Entity::update_many()
            .filter(app_namespace::Column::AppId.eq("demo"))
            .col_expr(app_namespace::Column::DeletedAt, later);
        Box::pin(async move { Ok::<_, StoreError>(rows.exec(tx).await?) })
    });
    assert_eq!(moved.await.unwrap().rows_affected, 2);
    let rows = app_namespace::Entity::find().all(world.store.read()).await.unwrap();
    let at = rows.iter().find(|row| row.name == "n").unwrap().deleted_at;

    owner.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let deleted = async || owner.get("/openapi/v1/apps/demo/deleted").await.ok();
    assert_eq!(deleted().await["objects"], json!([]));
    let time = chrono::DateTime::from_timestamp_millis(at).unwrap().to_rfc3339();
    let wanted = json!({ "kind": "appNamespace", "namespaceName": "n", "deletedTime": time });
    let restored = owner.post("/openapi/v1/apps/demo/restorations", wanted).await;
    restored.fails(400, "no appNamespace with this name was deleted at this time");

    // Its own ones are. Times of creation are whole seconds on some engines.
    while castalia_store::now().timestamp_millis() < at + 2_000 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    owner.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
    owner.delete("/openapi/v1/apps/demo/appnamespaces/n").await.empty();
    assert_eq!(deleted().await["objects"][0]["namespaceName"], "n");
}
