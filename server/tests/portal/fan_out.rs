//! Changes of apps and definitions reach every environment, also one that was away when they were
//! made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use castalia_store::entity::{Standard as _, app as app_row, app_namespace, item};
use castalia_store::pending_change::{self, NewPendingChange, PendingOperation};
use castalia_store::{Deletion, Id, Store, StoreError};
use http::StatusCode;
use sea_orm::{ConnectionTrait as _, DatabaseBackend};
use serde_json::json;

use super::environment::{admin_router, listen, probe, world};
use super::recent::rename;
use super::world::{Caller, NS, World, app, item as new_item};

/// Longer than a busy machine needs for some rounds of retries.
pub(super) const SOON: Duration = Duration::from_secs(90);
const HEADER: &str = "castalia-pending-environments";

pub(super) type Away = Arc<AtomicBool>;

pub(super) async fn unless_away(
    State(away): State<Away>,
    request: Request,
    next: Next,
) -> Response {
    match away.load(Ordering::SeqCst) {
        true => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        false => next.run(request).await,
    }
}

/// A portal with the environment FAR, which is away.
async fn world_beside_an_environment_that_is_away() -> (World, Store, Away) {
    let away = Arc::new(AtomicBool::new(true));
    let (router, store) = admin_router().await;
    let service = listen(router.layer(from_fn_with_state(Arc::clone(&away), unless_away))).await;
    (world(&[service]).await, store, away)
}

pub(super) async fn leave(world: &World, away: &Away) {
    away.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        probe(world).await;
    }
    assert!(world.environments.find("FAR").is_ok_and(|far| !far.is_up()));
}

/// Waits until nothing is left to be sent.
pub(super) async fn come_back(world: &World, away: &Away) {
    away.store(false, Ordering::SeqCst);
    let begun = Instant::now();
    loop {
        let left = pending_change::of_environment(&world.store, "FAR", 10).await.unwrap().readable;
        if left.is_empty() {
            return;
        }
        assert!(begun.elapsed() < SOON, "{left:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until one change is left, with a problem, and returns its app and namespace.
pub(super) async fn come_back_with_a_problem(world: &World, away: &Away) -> [String; 2] {
    away.store(false, Ordering::SeqCst);
    let begun = Instant::now();
    loop {
        let left = pending_change::of_environment(&world.store, "FAR", 10).await.unwrap().readable;
        if let [one] = left.as_slice()
            && !one.problem.is_empty()
        {
            return [one.app_id.clone(), one.namespace_name.clone()];
        }
        assert!(begun.elapsed() < SOON, "{left:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub(super) async fn apps(far: &Store) -> Vec<(String, String)> {
    let rows = app_row::Entity::live().all(far.read()).await.unwrap();
    rows.into_iter().map(|row| (row.app_id, row.name)).collect()
}

pub(super) async fn definitions(far: &Store) -> Vec<String> {
    let rows = app_namespace::Entity::live().all(far.read()).await.unwrap();
    let mut names: Vec<_> = rows.into_iter().map(|row| row.name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_environment_that_was_away_gets_what_it_missed() {
    let (world, far, away) = world_beside_an_environment_that_is_away().await;
    let root = world.user("apollo").await;
    let made = root.post("/openapi/v1/apps", app("demo", "u1")).await;
    made.empty();
    assert_eq!(made.headers[HEADER], "FAR");
    // Until here the portal has not noticed.
    leave(&world, &away).await;
    let extra = json!({ "appId": "demo", "name": "extra", "format": "json", "isPublic": false });
    let made = root.post("/openapi/v1/apps/demo/appnamespaces", extra).await;
    made.ok();
    assert_eq!(made.headers[HEADER], "FAR");
    let mut changed = app("demo", "u1")["app"].clone();
    changed["name"] = json!("another name");
    let changed = root.put("/openapi/v1/apps/demo", changed).await;
    changed.empty();
    assert_eq!(changed.headers[HEADER], "FAR");
    root.post("/openapi/v1/apps", app("short", "u1")).await.empty();
    root.delete("/openapi/v1/apps/short").await.empty();
    assert!(apps(&far).await.is_empty());

    let _background = world.run();
    come_back(&world, &away).await;
    assert_eq!(apps(&far).await, [("demo".to_owned(), "another name".to_owned())]);
    assert_eq!(definitions(&far).await, ["application", "extra.json"]);

    // While it answers, nothing is pending.
    let second =
        json!({ "appId": "demo", "name": "second", "format": "properties", "isPublic": false });
    let made = root.post("/openapi/v1/apps/demo/appnamespaces", second).await;
    made.ok();
    assert!(!made.headers.contains_key(HEADER));
    assert_eq!(definitions(&far).await, ["application", "extra.json", "second"]);
}

#[tokio::test]
async fn an_environment_that_was_away_deletes_what_was_deleted() {
    let (world, far, away) = world_beside_an_environment_that_is_away().await;
    away.store(false, Ordering::SeqCst);
    let root = world.user("apollo").await;
    for name in ["demo", "kept", "again"] {
        root.post("/openapi/v1/apps", app(name, "u1")).await.empty();
    }
    let extra =
        json!({ "appId": "kept", "name": "extra", "format": "properties", "isPublic": false });
    root.post("/openapi/v1/apps/kept/appnamespaces", extra).await.ok();

    leave(&world, &away).await;
    for path in ["demo", "again", "kept/appnamespaces/extra"] {
        let deleted = root.delete(&format!("/openapi/v1/apps/{path}")).await;
        deleted.empty();
        assert_eq!(deleted.headers[HEADER], "FAR", "{path}");
    }
    // What the portal has again is not deleted.
    root.post("/openapi/v1/apps", app("again", "u1")).await.empty();
    assert_eq!(apps(&far).await.len(), 3);

    let _background = world.run();
    come_back(&world, &away).await;
    let left: Vec<_> = apps(&far).await.into_iter().map(|(app_id, _)| app_id).collect();
    assert_eq!(left, ["kept", "again"]);
    assert_eq!(definitions(&far).await, ["application", "application"]);
}

/// The items of an app in an environment.
async fn items(far: &Store) -> Vec<String> {
    let rows = item::Entity::live().all(far.read()).await.unwrap();
    rows.into_iter().map(|row| row.key).collect()
}

#[tokio::test]
async fn what_was_created_again_is_new_in_an_environment_that_was_away() {
    let (world, far, away) = world_beside_an_environment_that_is_away().await;
    away.store(false, Ordering::SeqCst);
    let root = world.user("apollo").await;
    let definition = |is_public: bool| {
        json!({
            "appId": "kept", "name": "shared", "format": "properties", "isPublic": is_public,
            "appendNamespacePrefix": false,
        })
    };
    for name in ["again", "kept"] {
        root.post("/openapi/v1/apps", app(name, "u1")).await.empty();
    }
    let shared = "/openapi/v1/apps/kept/appnamespaces";
    root.post(shared, definition(true)).await.ok();
    let secret = NS.replace("LOCAL", "FAR").replace("demo", "again");
    world.user("u1").await.post(&format!("{secret}/items"), new_item("secret", "v")).await.ok();
    assert_eq!(items(&far).await, ["secret"]);

    leave(&world, &away).await;
    root.delete("/openapi/v1/apps/again").await.empty();
    root.post("/openapi/v1/apps", app("again", "u2")).await.empty();
    root.delete(&format!("{shared}/shared")).await.empty();
    root.post(shared, definition(false)).await.ok();
    // Until the earlier one is deleted, nobody reads it, and nothing is stored that would be
    // deleted.
    away.store(false, Ordering::SeqCst);
    let owner = world.user("u2").await;
    let still = "FAR still has to delete an earlier app again";
    owner.get(&format!("{secret}/items")).await.fails(503, still);
    owner.post(&format!("{secret}/items"), new_item("k", "v")).await.fails(503, still);
    bodies_that_name_the_environment_wait(&owner, &root, still).await;
    let _background = world.run();
    come_back(&world, &away).await;
    assert!(items(&far).await.is_empty());
    owner.post(&format!("{secret}/items"), new_item("k", "v")).await.ok();
    assert_eq!(items(&far).await, ["k"]);
    let rows = app_namespace::Entity::live().all(far.read()).await.unwrap();
    let shared: Vec<_> = rows.iter().filter(|row| row.name == "shared").collect();
    assert_eq!(shared.len(), 1);
    assert!(!shared[0].is_public);
}

#[tokio::test]
async fn a_deletion_that_another_node_stored_is_known_at_once() {
    let (world, _, away) = world_beside_an_environment_that_is_away().await;
    away.store(false, Ordering::SeqCst);
    world.user("apollo").await.post("/openapi/v1/apps", app("again", "u1")).await.empty();
    let items = format!("{}/items", NS.replace("LOCAL", "FAR").replace("demo", "again"));
    let owner = world.user("u1").await;
    owner.get(&items).await.ok();
    let deletion = NewPendingChange {
        app_id: "again".to_owned(),
        namespace: String::new(),
        operation: PendingOperation::Delete(Id(1)),
        operator: "apollo".to_owned(),
    };
    let stored = world.store.write(deletion, |tx, deletion| {
        Box::pin(async move {
            let envs = ["FAR".to_owned()];
            pending_change::insert(tx, deletion, &envs, SOON).await
        })
    });
    stored.await.unwrap();
    owner.get(&items).await.fails(503, "FAR still has to delete an earlier app again");
}

async fn bodies_that_name_the_environment_wait(owner: &Caller<'_>, root: &Caller<'_>, still: &str) {
    let target = json!({
        "appId": "again", "env": "FAR", "clusterName": "default", "namespaceName": "application",
    });
    let sync = json!({ "syncToNamespaces": [target], "syncItems": [new_item("k", "v")] });
    for action in ["diff", "synchronize"] {
        let path = format!("{}/items/{action}", NS.replace("demo", "again"));
        owner.post(&path, sync.clone()).await.fails(503, still);
    }
    let namespace = json!([{
        "env": "FAR", "appId": "again", "clusterName": "default", "appNamespaceName": "shared",
    }]);
    owner.post("/openapi/v1/namespaces", namespace).await.fails(503, still);
    let added = app("again", "u2")["app"].clone();
    root.post("/openapi/v1/apps/envs/FAR", added).await.fails(503, still);
    let deleted = json!({
        "kind": "namespace", "env": "FAR", "clusterName": "default", "namespaceName": "application",
        "deletedTime": "2026-01-01T00:00:00Z",
    });
    owner.post("/openapi/v1/apps/again/restorations", deleted).await.fails(503, still);
    let clusters = owner.get("/openapi/v1/apps/again/envclusters").await.ok();
    let far = clusters.as_array().unwrap().iter().find(|one| one["env"] == "FAR").unwrap();
    assert!(far["error"].as_str().is_some_and(|error| error.contains(still)), "{far}");
    let all = "/openapi/v1/configs";
    // The app `kept`, which owes a definition, is exported before.
    let owed = "FAR still has to delete an earlier namespace shared of the app kept";
    root.get(&format!("{all}/export?envs=FAR")).await.fails(503, owed);
    let exported = root.get(&format!("{all}/export?envs=LOCAL")).await.bytes;
    let imported = root.upload(&format!("{all}/import?envs=FAR"), "all.zip", &exported).await;
    imported.fails(503, still);
}

#[tokio::test]
async fn a_refused_change_loses_no_earlier_one() {
    let (world, far, away) = world_beside_an_environment_that_is_away().await;
    away.store(false, Ordering::SeqCst);
    let root = world.user("apollo").await;
    root.post("/openapi/v1/apps", app("gone", "u1")).await.empty();
    leave(&world, &away).await;
    root.delete("/openapi/v1/apps/gone").await.empty();
    let ghost = app("gone", "u1")["app"].clone();
    root.put("/openapi/v1/apps/gone", ghost).await.fails(400, "");
    // Created, deleted and restored: the environment has to have it.
    root.post("/openapi/v1/apps", app("back", "u1")).await.empty();
    root.delete("/openapi/v1/apps/back").await.empty();
    let deleted = root.get("/openapi/v1/deleted-apps").await.ok();
    let back = deleted.as_array().unwrap().iter().find(|one| one["appId"] == "back").unwrap();
    let restoration = json!({ "kind": "app", "deletedTime": back["deletedTime"] });
    let restored = root.post("/openapi/v1/apps/back/restorations", restoration).await;
    restored.empty();
    assert_eq!(restored.headers[HEADER], "FAR");
    let _background = world.run();
    come_back(&world, &away).await;
    let left: Vec<_> = apps(&far).await.into_iter().map(|(app_id, _)| app_id).collect();
    assert_eq!(left, ["back"]);
}

#[tokio::test]
async fn a_change_that_an_environment_refuses_stops_no_other() {
    let (world, far, away) = world_beside_an_environment_that_is_away().await;
    away.store(false, Ordering::SeqCst);
    let root = world.user("apollo").await;
    root.post("/openapi/v1/apps", app("mine", "u1")).await.empty();
    // Another app has the public name in the environments.
    let public = |app_id: &str| {
        json!({
            "appId": app_id, "name": "common", "format": "properties", "isPublic": true,
            "appendNamespacePrefix": false,
        })
    };
    root.post("/openapi/v1/apps", app("owner", "u1")).await.empty();
    root.post("/openapi/v1/apps/owner/appnamespaces", public("owner")).await.ok();
    let sql = match world.store.read().get_database_backend() {
        DatabaseBackend::MySql => {
            "UPDATE `AppNamespace` SET `IsDeleted` = 1 WHERE `Name` = 'common'"
        }
        DatabaseBackend::Postgres | DatabaseBackend::Sqlite => {
            r#"UPDATE "AppNamespace" SET "IsDeleted" = TRUE WHERE "Name" = 'common'"#
        }
        other => panic!("{other:?}"),
    };
    super::recent::run(&world, sql.to_owned()).await;
    let refused = root.post("/openapi/v1/apps/mine/appnamespaces", public("mine")).await;
    refused.ok();
    assert_eq!(refused.header(HEADER), "LOCAL,FAR");
    leave(&world, &away).await;
    root.post("/openapi/v1/apps", app("later", "u1")).await.empty();
    root.delete("/openapi/v1/apps/mine/appnamespaces/application").await.empty();
    let _background = world.run();
    let left = come_back_with_a_problem(&world, &away).await;
    assert_eq!(left, ["mine", "common"]);
    assert_eq!(apps(&far).await.len(), 3);
    assert_eq!(definitions(&far).await, ["application", "application", "common"]);
}

#[tokio::test]
async fn a_definition_of_an_app_that_an_environment_lacks_is_not_owed() {
    let (world, far, away) = world_beside_an_environment_that_is_away().await;
    away.store(false, Ordering::SeqCst);
    let root = world.user("apollo").await;
    root.post("/openapi/v1/apps", app("mine", "u1")).await.empty();
    let gone: Result<bool, StoreError> = far
        .write((), |tx, ()| {
            Box::pin(
                async move { castalia_store::app::delete(tx, "mine", &Deletion::by("x")).await },
            )
        })
        .await;
    assert!(gone.unwrap());
    let extra =
        json!({ "appId": "mine", "name": "extra", "format": "properties", "isPublic": false });
    root.post("/openapi/v1/apps/mine/appnamespaces", extra).await.ok();
    let _background = world.run();
    come_back(&world, &away).await;
    assert!(apps(&far).await.is_empty());
}

#[tokio::test]
async fn a_request_that_fails_leaves_the_environments_as_they_are() {
    let (world, far, away) = world_beside_an_environment_that_is_away().await;
    away.store(false, Ordering::SeqCst);
    let root = world.user("apollo").await;
    root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    // The portal refuses them after it announced them.
    root.post("/openapi/v1/apps", app("demo", "u2")).await.fails(400, "");
    let ghost =
        json!({ "appId": "ghost", "name": "n", "orgId": "o", "orgName": "o", "ownerName": "u1" });
    root.put("/openapi/v1/apps/ghost", ghost).await.fails(400, "");
    let _background = world.run();
    come_back(&world, &away).await;
    let left: Vec<_> = apps(&far).await.into_iter().map(|(app_id, _)| app_id).collect();
    assert_eq!(left, ["demo"]);
}

/// An administrator of a database may have created the tables of an older version only.
#[tokio::test]
async fn without_the_table_environments_that_answer_get_their_changes() {
    let (world, far, away) = world_beside_an_environment_that_is_away().await;
    let root = world.user("apollo").await;
    rename(&world, "CastaliaPendingChange", "Hidden").await;
    let missed = root.post("/openapi/v1/apps", app("missed", "u1")).await;
    away.store(false, Ordering::SeqCst);
    let made = root.post("/openapi/v1/apps", app("demo", "u1")).await;
    let deleted = root.delete("/openapi/v1/apps/missed").await;
    rename(&world, "Hidden", "CastaliaPendingChange").await;
    assert_eq!((missed.status, missed.header(HEADER)), (200, "FAR"));
    assert_eq!((made.status, made.header(HEADER)), (200, ""));
    deleted.empty();
    assert_eq!(apps(&far).await, [("demo".to_owned(), "demo".to_owned())]);
}

/// SQLite, whose columns take any bytes.
#[tokio::test]
async fn a_change_that_cannot_be_decoded_holds_back_only_those_of_its_object() {
    let (world, far, away) = world_beside_an_environment_that_is_away().await;
    if world.store.read().get_database_backend() != DatabaseBackend::Sqlite {
        return;
    }
    let root = world.user("apollo").await;
    leave(&world, &away).await;
    for name in ["author", "held", "nameless", "other"] {
        root.post("/openapi/v1/apps", app(name, "u1")).await.empty();
    }
    for (column, name) in [("Operator", "author"), ("Operation", "held"), ("AppId", "nameless")] {
        let damage = format!(
            r#"UPDATE "CastaliaPendingChange" SET "{column}" = X'80FF' WHERE "AppId" = '{name}'"#
        );
        super::recent::run(&world, damage).await;
    }
    // A later change of the object whose first one cannot be decoded.
    let mut changed = app("held", "u1")["app"].clone();
    changed["name"] = json!("another name");
    root.put("/openapi/v1/apps/held", changed).await.empty();
    root.post("/openapi/v1/apps", app("last", "u1")).await.empty();

    let _background = world.run();
    away.store(false, Ordering::SeqCst);
    let begun = Instant::now();
    while !apps(&far).await.iter().any(|(app_id, _)| app_id == "last") {
        assert!(begun.elapsed() < SOON, "{:?}", apps(&far).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut arrived: Vec<_> = apps(&far).await.into_iter().map(|(app_id, _)| app_id).collect();
    arrived.sort();
    assert_eq!(arrived, ["author", "last", "other"]);

    let environment =
        r#"UPDATE "CastaliaPendingChange" SET "Env" = X'80FF' WHERE "AppId" = 'held'"#;
    super::recent::run(&world, environment.to_owned()).await;
    root.delete("/openapi/v1/apps/held").await.empty();
}
