//! An environment that accepts connections and never answers delays no other environment.

use std::time::{Duration, Instant};

use castalia_store::event::{self, NewEvent};
use castalia_store::notice::{self, NewNotice};
use castalia_store::{Id, Small, Store, StoreError};
use serde_json::json;

use super::environment::{hanging, meta_server};
use super::events::{Stream, edit};
use super::receiver::{Receiver, publish, register, world};
use super::world::{NS, World};

/// Time in which the other environment is served; the frozen one costs seconds for each request.
const SOON: Duration = Duration::from_secs(8);

/// A portal with the environment FAR, whose admin service is frozen.
pub(super) async fn world_beside_a_frozen_environment() -> World {
    let mut world = world().await;
    let meta = meta_server(&[hanging().await]).await;
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
        state: notice::State::Announced,
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
