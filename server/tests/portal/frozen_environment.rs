//! An environment that accepts connections and never answers delays no other environment.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use castalia_store::event::{self, NewEvent};
use castalia_store::notice::{self, NewNotice};
use castalia_store::{Id, Small, Store, StoreError};
use http::Method;
use serde_json::json;
use tokio::sync::watch;

use super::environment::{self, admin_router, hanging, listen, meta_server, probe};
use super::events::{Stream, edit};
use super::receiver::{Receiver, publish, register, world};
use super::user_token::eventually;
use super::world::{NS, World, app, item};
use crate::stopwatch::Stopwatch;

/// Time in which the other environment is served, on a busy machine; the frozen one costs 30 s for
/// each request.
const SOON: Duration = Duration::from_secs(20);

/// Time until an environment is used after its return; the next probe of one that answers is due
/// after 10 s.
const BACK: Duration = Duration::from_secs(8);

/// A portal with the environment FAR, whose admin service is frozen.
pub(super) async fn world_beside_a_frozen_environment() -> World {
    let mut world = world().await;
    let meta = meta_server(&[hanging().await]).await;
    world.set("api.readTimeout", "30000");
    world.set("apollo.portal.envs", "local,far");
    world
        .set("apollo.portal.meta.servers", &json!({ "far": format!("http://{meta}") }).to_string());
    world
}

/// Publishes in FAR whose outcome is not known, more than are read at once.
async fn announce(store: &Store, count: usize) {
    let new = NewNotice {
        env: "FAR".to_owned(),
        app_id: "demo".to_owned(),
        cluster: "default".to_owned(),
        namespace: "application".to_owned(),
        operation: Small(0),
        operator: "u1".to_owned(),
        release_id: Id(0),
        state: notice::NoticeState::Announced,
        pause: Duration::ZERO,
        body: None,
    };
    let done: Result<(), StoreError> = store
        .write((new, count), |tx, (new, count)| {
            Box::pin(async move {
                for _ in 0..*count {
                    notice::insert(tx, new.clone()).await?;
                }
                Ok(())
            })
        })
        .await;
    done.unwrap();
}

#[tokio::test]
async fn notices_of_a_frozen_environment_delay_no_other() {
    let world = world_beside_a_frozen_environment().await;
    let receiver = Receiver::start().await;
    register(&world, &receiver.url).await;
    announce(&world.store, 130).await;
    let _background = world.run();
    let start = Instant::now();
    let release = publish(&world.user("u1").await, "1").await;
    assert_eq!(receiver.wait(1).await[0].json()["releaseId"], release);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

/// The instances of twenty publishes in the frozen environment are counted meanwhile.
#[tokio::test]
async fn events_do_not_wait_for_a_frozen_environment() {
    let world = world_beside_a_frozen_environment().await;
    let user = world.user("u1").await;
    let mut stream = Stream::open(&user, "").await;
    stream.kind().await;
    let events: Vec<_> = (1..=20)
        .map(|release| NewEvent {
            env: "FAR".to_owned(),
            app_id: "demo".to_owned(),
            cluster: "default".to_owned(),
            namespace: "application".to_owned(),
            kind: Small(1),
            operator: "u1".to_owned(),
            release_id: Id(release),
        })
        .collect();
    let insert = world.store.write(events, |tx, events| Box::pin(event::insert(tx, events)));
    let done: Result<(), StoreError> = insert.await;
    done.unwrap();
    for _ in 0..20 {
        assert_eq!(stream.kind().await, "publish");
    }
    let start = Instant::now();
    for value in ["1", "2", "3"] {
        edit(&user, NS, value).await;
        assert_eq!(stream.kind().await, "edit");
        // The next count of instances begins within this time.
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

/// An admin service that counts its requests, and answers nothing while the channel has `true`.
async fn freezable(frozen: watch::Receiver<bool>, asked: Arc<AtomicUsize>) -> Router {
    let hold = move |request: Request, next: Next| {
        let (mut frozen, asked) = (frozen.clone(), Arc::clone(&asked));
        async move {
            asked.fetch_add(1, Ordering::SeqCst);
            frozen.wait_for(|is_frozen| !is_frozen).await.unwrap();
            next.run(request).await
        }
    };
    admin_router().await.0.layer(from_fn(hold))
}

/// Calls of an environment that is known to be down fail without a request to it, and it is used
/// again soon after its return, although another one is still frozen.
#[tokio::test]
async fn a_frozen_environment_costs_nothing_once_it_is_known_to_be_down() {
    let (frozen, is_frozen) = watch::channel(false);
    let (_always, is_always_frozen) = watch::channel(true);
    let asked = Arc::new(AtomicUsize::new(0));
    let mut world = environment::world(&[]).await;
    let far = listen(freezable(is_frozen, Arc::clone(&asked)).await).await;
    let near = listen(freezable(is_always_frozen, Arc::clone(&asked)).await).await;
    let (far, near) = (meta_server(&[far]).await, meta_server(&[near]).await);
    let metas = json!({ "far": format!("http://{far}"), "near": format!("http://{near}") });
    world.set("apollo.portal.envs", "local,far,near");
    world.set("apollo.portal.meta.servers", &metas.to_string());
    world.set("api.readTimeout", "3000");
    let root = world.user("apollo").await;
    let far = NS.replace("LOCAL", "FAR");
    let items = format!("{far}/items");
    root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    root.get(&items).await.ok();
    frozen.send_replace(true);
    for _ in 0..2 {
        probe(&world).await;
    }
    assert_eq!(root.get("/openapi/v1/envs").await.ok(), json!(["LOCAL"]));
    let probed = asked.load(Ordering::SeqCst);
    for (method, path, body, status) in [
        (Method::GET, "/openapi/v1/apps/demo/env-cluster-info", json!(null), 200),
        (Method::GET, "/openapi/v1/apps/demo/envclusters", json!(null), 200),
        (Method::GET, "/openapi/v1/apps/demo/miss-envs", json!(null), 200),
        (Method::GET, "/openapi/v1/apps/demo/deleted", json!(null), 200),
        (Method::GET, items.as_str(), json!(null), 500),
        (Method::POST, items.as_str(), item("k", "v"), 500),
        (Method::POST, "/openapi/v1/apps", app("other", "u1"), 200),
    ] {
        let answer = root.send(method.clone(), path, "application/json", body.to_string()).await;
        assert_eq!(asked.load(Ordering::SeqCst), probed, "{method} {path}");
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        if status == 500 {
            answer.fails(500, "Admin servers are unresponsive.");
            assert_eq!(answer.json()["code"], "env_unreachable");
        }
    }
    frozen.send_replace(false);
    let _background = world.run();
    let begun = Stopwatch::start();
    eventually(async || (root.get(&items).await.status == 200).then_some(())).await;
    assert!(begun.elapsed() < BACK, "{:?}", begun.elapsed());
}
