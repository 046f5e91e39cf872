//! X122, X130: what an environment has to receive about names that differ only in case. Its
//! database may consider them one where that of the portal does not, as Apollo's services on MySQL
//! beside a portal on SQLite or PostgreSQL.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use castalia_server::domain::pending_change as domain;
use castalia_server::domain::portal_app::{self, NewApp, PortalAppDetails};
use castalia_server::domain::portal_namespace::{self, NewDefinition};
use castalia_server::environment::Environment;
use castalia_store::entity::{Standard as _, item as item_row};
use castalia_store::namespace::{AppNamespaceRow, insert_app_namespace};
use castalia_store::pending_change::{self, NewPendingChange, PendingChange, PendingOperation};
use castalia_store::{Authorship, Dialect, Id, Store, StoreError};
use http::{Method, StatusCode};
use serde_json::json;
use tower::Layer as _;

use super::environment::{admin_router, far, listen, meta_server, world};
use super::fan_out::{Away, SOON, apps, come_back, definitions, leave, unless_away};
use super::import_failed::logged;
use super::world::{World, app, item};

const DEFINITIONS: &str = "/openapi/v1/apps/demo/appnamespaces";

async fn owed(store: &Store) -> Vec<PendingChange> {
    pending_change::of_environment(store, "FAR", 10).await.unwrap().readable
}

#[tokio::test]
async fn a_deletion_concerns_all_spellings_of_its_names() {
    let world = World::adopted().await;
    let store = &world.store;
    let announce = async |app_id: &str, namespace: &str, operation: PendingOperation| {
        let change = NewPendingChange {
            app_id: app_id.to_owned(),
            namespace: namespace.to_owned(),
            operation,
            operator: "apollo".to_owned(),
        };
        let announced = domain::announce(store, change, vec!["FAR".to_owned()]).await.unwrap();
        announced[0].is_behind
    };
    assert!(!announce("demo", "Redis", PendingOperation::Delete(Id(1))).await);
    assert!(announce("demo", "redis", PendingOperation::Write).await);
    assert!(announce("Demo", "REDIS", PendingOperation::Write).await);
    assert!(!announce("demo", "other", PendingOperation::Write).await);
    assert!(!announce("Other", "", PendingOperation::Delete(Id(2))).await);
    assert!(announce("other", "redis", PendingOperation::Write).await);

    let objects =
        [("demo", "redis"), ("DEMO", "REDIS"), ("demo", "other"), ("demo", ""), ("other", "x")];
    let missed = domain::are_deletions_missed(store, "FAR", &objects).await.unwrap();
    assert_eq!(missed, [true, true, false, false, true]);
    let refused = domain::require_no_missed_deletion(store, "FAR", &objects).await.unwrap_err();
    let expected =
        "FAR still has to delete an earlier namespace Redis of the app demo; retry later";
    assert_eq!(refused.message(), expected);
}

/// Makes `Redis` another spelling of `redis`, and `Demo` of `demo`, as a database does that ignores
/// case.
async fn fold(request: Request, next: Next) -> Response {
    let folded = |text: &str| text.replace("Redis", "redis").replace("Demo", "demo");
    let (mut head, body) = request.into_parts();
    head.uri = folded(&head.uri.to_string()).parse().unwrap();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let body = folded(std::str::from_utf8(&body).unwrap());
    next.run(Request::from_parts(head, body.into())).await
}

/// Fails deletions of definitions while it is set, as for a row that is damaged.
async fn unless_kept(
    State(kept): State<Arc<AtomicBool>>,
    request: Request,
    next: Next,
) -> Response {
    let is_deletion = request.method() == Method::DELETE
        && request.uri().path().starts_with("/apps/demo/appnamespaces/");
    match is_deletion && kept.load(Ordering::SeqCst) {
        true => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        false => next.run(request).await,
    }
}

#[tokio::test]
async fn a_definition_waits_until_one_in_another_case_is_deleted() {
    let (away, kept) = (Away::default(), Arc::new(AtomicBool::new(false)));
    let (router, far_store) = admin_router().await;
    // Before the router reads the path.
    let folding = from_fn(fold).layer(router);
    let service = Router::new()
        .fallback_service(folding)
        .layer(from_fn_with_state(Arc::clone(&kept), unless_kept))
        .layer(from_fn_with_state(Arc::clone(&away), unless_away));
    let world = world(&[listen(service).await]).await;
    let (root, owner) = (world.user("apollo").await, world.user("u1").await);
    owner.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let definition = |name: &str| json!({ "appId": "demo", "name": name, "format": "properties" });
    owner.post(DEFINITIONS, definition("Redis")).await.ok();
    let items = |name: &str| format!("{}/items", far().replace("application", name));
    owner.post(&items("Redis"), item("old", "v")).await.ok();

    leave(&world, &away).await;
    owner.delete(&format!("{DEFINITIONS}/Redis")).await.empty();
    owner.post(DEFINITIONS, definition("redis")).await.ok();
    root.post("/openapi/v1/apps", app("later", "u1")).await.empty();
    kept.store(true, Ordering::SeqCst);
    away.store(false, Ordering::SeqCst);
    let still = "FAR still has to delete an earlier namespace Redis of the app demo";
    owner.get(&items("redis")).await.fails(503, still);
    owner.post(&items("redis"), item("new", "v")).await.fails(503, still);

    // The environment has the earlier definition, so it would accept the new one as known.
    let _background = world.run();
    let begun = Instant::now();
    let left = loop {
        let left = owed(&world.store).await;
        // The change of the other app is removed after it was made.
        if apps(&far_store).await.len() == 2 && left.len() <= 2 {
            break left;
        }
        assert!(begun.elapsed() < SOON, "{left:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let names: Vec<_> = left.iter().map(|change| change.namespace_name.as_str()).collect();
    assert_eq!(names, ["Redis", "redis"]);

    kept.store(false, Ordering::SeqCst);
    let ids: Vec<_> = left.iter().map(|change| change.id).collect();
    // Not as late as after a failure.
    let due = world.store.write(ids, |tx, ids| {
        Box::pin(async move { pending_change::extend(tx, ids, Duration::ZERO).await })
    });
    due.await.unwrap();
    come_back(&world, &away).await;
    owner.post(&items("redis"), item("new", "v")).await.ok();
    let rows = item_row::Entity::live().all(far_store.read()).await.unwrap();
    let keys: Vec<_> = rows.iter().map(|row| row.key.as_str()).collect();
    assert_eq!(keys, ["new"]);
}

/// Replaces an object by one in another case when the environment has received it, before the
/// portal asks whether it was deleted meanwhile.
async fn replace(
    State(portal): State<Arc<OnceLock<Store>>>,
    request: Request,
    next: Next,
) -> Response {
    let is_creation = request.method() == Method::POST;
    let path = request.uri().path().to_owned();
    let answer = next.run(request).await;
    match (path.as_str(), portal.get().filter(|_| is_creation)) {
        ("/apps", Some(store)) => replace_app(store).await,
        ("/apps/demo/appnamespaces", Some(store)) => replace_definition(store).await,
        _ => {}
    }
    answer
}

async fn replace_app(store: &Store) {
    let Ok(row) = portal_app::find(store, "Demo").await else { return };
    portal_app::delete(store, &row, "apollo").await.unwrap();
    let details = PortalAppDetails {
        app_id: "demo".to_owned(),
        name: "demo".to_owned(),
        org_id: "TEST1".to_owned(),
        org_name: "One".to_owned(),
        owner_name: "u1".to_owned(),
    };
    portal_app::create(store, NewApp { details, ..NewApp::default() }, "apollo").await.unwrap();
}

async fn replace_definition(store: &Store) {
    let row = portal_namespace::find(store, "demo", "Redis").await.unwrap();
    portal_namespace::delete(store, &row, "apollo").await.unwrap();
    let new = NewDefinition {
        app_id: "demo".to_owned(),
        name: "redis".to_owned(),
        format: "properties".to_owned(),
        is_public: false,
        append_prefix: false,
        comment: String::new(),
    };
    portal_namespace::restore(store, new, &[], "apollo").await.unwrap();
}

/// A portal whose objects are replaced when FAR, behind this router, has received them.
async fn world_that_replaces(router: Router) -> World {
    let portal = Arc::new(OnceLock::new());
    let service = router.layer(from_fn_with_state(Arc::clone(&portal), replace));
    let world = world(&[listen(service).await]).await;
    portal.set(world.store.clone()).unwrap();
    world
}

#[tokio::test]
async fn what_was_created_in_another_case_is_not_deleted_with_the_earlier_one() {
    let (router, far_store) = admin_router().await;
    let folding = Router::new().fallback_service(from_fn(fold).layer(router));
    let world = world_that_replaces(folding).await;
    let root = world.user("apollo").await;
    root.post("/openapi/v1/apps", app("Demo", "u1")).await.empty();
    assert_eq!(apps(&far_store).await, [("demo".to_owned(), "demo".to_owned())]);
    let definition = json!({ "appId": "demo", "name": "Redis", "format": "properties" });
    root.post(DEFINITIONS, definition).await.ok();
    assert_eq!(definitions(&far_store).await, ["application", "redis"]);
}

/// Nothing else deletes it, where the database of the environment distinguishes case.
#[tokio::test]
async fn what_an_environment_may_keep_beside_one_in_another_case_is_logged() {
    let world = world_that_replaces(admin_router().await.0).await;
    let root = world.user("apollo").await;
    let (created, log) = logged(root.post("/openapi/v1/apps", app("Demo", "u1"))).await;
    created.empty();
    let kept = "an environment may keep an app that the portal deleted";
    assert!(log.contains(kept) && log.contains(r#"app_id="Demo" stored="demo""#), "{log}");

    let world = world_that_replaces(admin_router().await.0).await;
    let root = world.user("apollo").await;
    root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let definition = json!({ "appId": "demo", "name": "Redis", "format": "properties" });
    let (created, log) = logged(root.post(DEFINITIONS, definition)).await;
    created.ok();
    let kept = "an environment may keep an app namespace that the portal deleted";
    assert!(log.contains(kept) && log.contains(r#"namespace="Redis" stored="redis""#), "{log}");
}

type Meanwhile = Arc<OnceLock<(Store, Environment, Away)>>;

/// The only thing that an environment beside FAR does: when the portal has it delete `Redis`, and
/// has not deleted that itself, FAR returns, and another node creates `redis`.
async fn create_meanwhile(State(meanwhile): State<Meanwhile>, request: Request) -> StatusCode {
    let is_deletion = request.method() == Method::DELETE;
    if let Some((store, far, away)) = meanwhile.get().filter(|_| is_deletion) {
        away.store(false, Ordering::SeqCst);
        far.probe().await;
        assert!(far.is_up());
        create_redis(store).await;
    }
    StatusCode::OK
}

async fn create_redis(store: &Store) {
    let change = NewPendingChange {
        app_id: "demo".to_owned(),
        namespace: "redis".to_owned(),
        operation: PendingOperation::Write,
        operator: "apollo".to_owned(),
    };
    let announced = domain::announce(store, change, vec!["FAR".to_owned()]).await.unwrap();
    assert!(announced[0].is_behind);
    let row = AppNamespaceRow {
        name: "redis".to_owned(),
        app_id: "demo".to_owned(),
        format: "properties".to_owned(),
        is_public: false,
        comment: String::new(),
    };
    let created: Result<_, StoreError> = store
        .write(row, |tx, row| {
            Box::pin(insert_app_namespace(tx, row.clone(), Authorship::of("apollo")))
        })
        .await;
    created.unwrap();
}

#[tokio::test]
async fn an_environment_that_returns_during_a_deletion_deletes_the_earlier_object() {
    let (away, meanwhile) = (Away::default(), Meanwhile::default());
    let (router, far_store) = admin_router().await;
    let folding = Router::new().fallback_service(from_fn(fold).layer(router));
    let service = folding.layer(from_fn_with_state(Arc::clone(&away), unless_away));
    let near = Router::new().fallback(create_meanwhile).with_state(Arc::clone(&meanwhile));
    let (service, near) = (listen(service).await, listen(near).await);
    let mut world = world(&[service]).await;
    if world.store.dialect() == Dialect::MySql {
        // Considers them one, so that the portal cannot have both.
        return;
    }
    let (service, near) = (meta_server(&[service]).await, meta_server(&[near]).await);
    let metas = json!({ "far": format!("http://{service}"), "near": format!("http://{near}") });
    world.set("apollo.portal.envs", "local,far,near");
    world.set("apollo.portal.meta.servers", &metas.to_string());
    let far_environment = world.environments.find("FAR").unwrap();
    meanwhile.set((world.store.clone(), far_environment, Arc::clone(&away))).unwrap();
    let root = world.user("apollo").await;
    root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let definition = json!({ "appId": "demo", "name": "Redis", "format": "properties" });
    root.post(DEFINITIONS, definition).await.ok();
    let items = format!("{}/items", far().replace("application", "Redis"));
    root.post(&items, item("old", "v")).await.ok();

    leave(&world, &away).await;
    let deleted = root.delete(&format!("{DEFINITIONS}/Redis")).await;
    deleted.empty();
    assert!(world.environments.find("FAR").is_ok_and(|far| far.is_up()));
    assert_eq!(deleted.header("castalia-pending-environments"), "FAR");
    let _background = world.run();
    come_back(&world, &away).await;
    assert_eq!(definitions(&far_store).await, ["application", "redis"]);
    assert!(item_row::Entity::live().all(far_store.read()).await.unwrap().is_empty());
}
