//! S18: a change that an environment missed is sent again only when the request that makes it is
//! over, and what the environment deleted although the portal has it returns.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use castalia_server::domain::pending_change as domain;
use castalia_server::domain::portal_app;
use castalia_server::environment::Address;
use castalia_store::Store;
use castalia_store::entity::{Standard as _, item as item_row};
use castalia_store::pending_change::{self, NewPendingChange, PendingChange, PendingOperation};
use http::Method;

use super::environment::{admin_router, listen, world};
use super::fan_out::{SOON, apps, come_back, unless_away};
use super::world::{NS, World, app, item};

/// Longer than a change waits whose request has ended.
const LONG: Duration = Duration::from_secs(8);

fn deletion(app_id: &str, row: castalia_store::Id) -> NewPendingChange {
    NewPendingChange {
        app_id: app_id.to_owned(),
        namespace: String::new(),
        operation: PendingOperation::Delete(row),
        operator: "apollo".to_owned(),
    }
}

async fn owed(store: &Store) -> Vec<PendingChange> {
    pending_change::of_environment(store, "FAR", 10).await.unwrap().readable
}

#[tokio::test]
async fn a_change_is_not_sent_again_while_its_request_lasts() {
    let world = World::with_demo().await;
    let app = portal_app::find(&world.store, "demo").await.unwrap();
    let announced =
        domain::announce(&world.store, deletion("demo", app.id), vec!["FAR".to_owned()]).await;
    let ids = announced.unwrap().into_iter().map(|announced| announced.id).collect();
    let request = tokio::spawn(domain::hold(world.store.clone(), ids));
    let begun = Instant::now();
    while begun.elapsed() < LONG {
        for change in owed(&world.store).await {
            assert!(!domain::claim(&world.store, &change).await.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    request.abort();
    let begun = Instant::now();
    while !domain::claim(&world.store, &owed(&world.store).await[0]).await.unwrap() {
        assert!(begun.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The environment has executed the deletion when the app is restored in the portal, and whoever
/// sent it could not send the app afterwards.
#[tokio::test]
async fn what_was_restored_while_its_deletion_was_sent_returns() {
    let away = Arc::new(AtomicBool::new(false));
    let (router, far) = admin_router().await;
    let service = listen(router.layer(from_fn_with_state(Arc::clone(&away), unless_away))).await;
    let world = world(&[service]).await;
    world.user("apollo").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let path = NS.replace("/LOCAL/", "/FAR/");
    world.user("u1").await.post(&format!("{path}/items"), item("k", "v")).await.ok();

    let row = portal_app::find(&world.store, "demo").await.unwrap();
    let environment = world.environments.find("FAR").unwrap();
    let address = Address::new(["apps", "demo"]).with(&[("operator", "apollo")]);
    environment.delete(address).await.unwrap();
    assert!(apps(&far).await.is_empty());
    let owe = world.store.write(deletion("demo", row.id), |tx, change| {
        Box::pin(async move {
            pending_change::insert(tx, change, &["FAR".to_owned()], Duration::ZERO).await.map(drop)
        })
    });
    owe.await.unwrap();

    let _background = world.run();
    come_back(&world, &away).await;
    assert_eq!(apps(&far).await.len(), 1);
    let items = item_row::Entity::live().all(far.read()).await.unwrap();
    assert_eq!(items.len(), 1, "with its content");
}

/// Deletes the app in the portal, if it is known, while it is being created in the environment.
async fn delete_meanwhile(
    State(portal): State<Arc<OnceLock<Store>>>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(store) = portal.get()
        && request.method() == Method::POST
        && let Ok(row) = portal_app::find(store, "demo").await
    {
        portal_app::delete(store, &row, "apollo").await.unwrap();
    }
    next.run(request).await
}

/// X152: the environment refused nothing, and a later app of this name must not wait a minute.
#[tokio::test]
async fn a_change_whose_app_was_deleted_meanwhile_is_done() {
    let (away, portal) = (Arc::new(AtomicBool::new(true)), Arc::default());
    let (router, far) = admin_router().await;
    let router = router.layer(from_fn_with_state(Arc::clone(&portal), delete_meanwhile));
    let service = listen(router.layer(from_fn_with_state(Arc::clone(&away), unless_away))).await;
    let world = world(&[service]).await;
    world.user("apollo").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    portal.set(world.store.clone()).unwrap();
    let _background = world.run();
    away.store(false, Ordering::SeqCst);
    let begun = Instant::now();
    while let [owed] = &*owed(&world.store).await {
        assert_eq!(owed.problem, "", "the environment refused nothing");
        assert!(begun.elapsed() < SOON, "{owed:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(apps(&far).await.is_empty());
}
