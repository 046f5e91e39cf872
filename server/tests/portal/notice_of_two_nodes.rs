//! Two portal nodes look for what became of two publishes of one namespace by one user: each
//! publish is given to one notice, whatever the order in which the nodes ask and store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use castalia_server::domain::history::ReleaseOperation;
use castalia_server::domain::notice::{self, Announcement, Notice, NoticeState};
use castalia_server::domain::permission::requirement::Resource;
use castalia_server::settings::Installation;
use castalia_store::entity::castalia_notice::Entity;
use castalia_store::{Part, Store};
use chrono::TimeDelta;
use futures_util::future::join;
use sea_orm::EntityTrait as _;
use serde_json::json;
use tokio::sync::Barrier;

use super::environment::{admin_router, far, listen, meta_server, set_far};
use super::receiver::{Receiver, register, states, until};
use super::webhook_fault::{age_notices, set_state};
use super::world::{Caller, World, app, item};
use crate::database::{Database, apply};

/// Rounds in which two nodes store at the same time.
const ROUNDS: i64 = 10;

/// Holds two requests for a release until both have arrived.
#[derive(Clone)]
struct Meeting {
    has_begun: Arc<AtomicBool>,
    arrived: Arc<AtomicUsize>,
    barrier: Arc<Barrier>,
}

async fn meet(State(meeting): State<Meeting>, request: Request, next: Next) -> Response {
    let id = request.uri().path().strip_prefix("/releases/");
    let is_release = id.is_some_and(|id| id.parse::<i64>().is_ok());
    let has_begun = meeting.has_begun.load(Ordering::SeqCst);
    if is_release && has_begun && meeting.arrived.fetch_add(1, Ordering::SeqCst) < 2 {
        meeting.barrier.wait().await;
    }
    next.run(request).await
}

/// A portal whose webhooks may call this machine, with the app `demo` in FAR.
async fn world_with_far(meeting: Meeting) -> World {
    let flags = [("security.webhook_hosts", "127.0.0.1")];
    let mut world = World::with(Installation::Adopted, &flags).await;
    let service = admin_router().await.0.layer(from_fn_with_state(meeting, meet));
    set_far(&mut world, meta_server(&[listen(service).await]).await);
    world.user("u1").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    world
}

async fn publish(user: &Caller<'_>, value: &str) -> i64 {
    let path = format!("{}/items/a?createIfNotExists=true", far());
    user.put(&path, item("a", value)).await.empty();
    let title = json!({ "releaseTitle": "r" });
    user.post(&format!("{}/releases", far()), title).await.ok()["id"].as_i64().unwrap()
}

/// Both nodes have chosen a history entry before either stores its choice.
#[tokio::test]
async fn two_nodes_give_two_publishes_to_two_notices() {
    let barrier = Arc::new(Barrier::new(2));
    let meeting = Meeting { has_begun: Arc::default(), arrived: Arc::default(), barrier };
    let world = world_with_far(meeting.clone()).await;
    let receiver = Receiver::start().await;
    register(&world, &receiver.url).await;
    let user = world.user("u1").await;
    let published = [publish(&user, "1").await, publish(&user, "2").await];
    let store = &world.store;
    until("both outcomes are recorded", async || {
        let rows = Entity::find().all(store.read()).await.unwrap();
        rows.len() == 2 && rows.iter().all(|row| row.state == NoticeState::Published.code())
    })
    .await;
    // As if the portal had ended before it could record them.
    set_state(&world, NoticeState::Announced as i16).await;
    age_notices(&world, TimeDelta::seconds(1)).await;
    meeting.has_begun.store(true, Ordering::SeqCst);
    let (_first, _second) = (world.run(), world.second_node().run());
    let mut releases: Vec<_> = receiver
        .wait(2)
        .await
        .iter()
        .map(|received| received.json()["releaseId"].as_i64().unwrap())
        .collect();
    releases.sort_unstable();
    assert_eq!(releases, published);
    states(&world, &["delivered", "delivered"]).await;
}

/// Two notices whose outcome is not known.
async fn announced(store: &Store, env: &str) -> [Notice; 2] {
    for _ in 0..2 {
        let announcement = Announcement {
            place: Resource {
                app_id: "demo".to_owned(),
                env: env.to_owned(),
                cluster: "default".to_owned(),
                namespace: "application".to_owned(),
            },
            operation: ReleaseOperation::Publish,
            operator: "u1".to_owned(),
            left_release: 0,
        };
        notice::announce(store, announcement).await.unwrap();
    }
    let open = notice::open(store, env).await.unwrap();
    <[Notice; 2]>::try_from(open).unwrap()
}

/// Whether a node gave a notice the publish with these ids.
async fn gives(store: &Store, found: &Notice, ids: (i64, i64)) -> bool {
    notice::queue(store, found, ids, "{}".to_owned(), Vec::new(), 10).await.unwrap()
}

async fn one_notice_gets_a_publish(database: Database) {
    let here = database.connect().await;
    apply(&here, Part::Portal).await.unwrap();
    let there = database.connect().await;
    for round in 1..=ROUNDS {
        let [one, other] = announced(&here, &format!("E{round}")).await;
        let ids = (round, round);
        let given = join(gives(&here, &one, ids), gives(&there, &other, ids)).await;
        assert_ne!(given.0, given.1, "round {round}");
        let late = if given.0 { &other } else { &one };
        assert!(!gives(&there, late, ids).await, "round {round}");
        let next = (round + ROUNDS, round + ROUNDS);
        assert!(gives(&there, late, next).await, "round {round}: the next one");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_notice_gets_a_publish_on_sqlite() {
    one_notice_gets_a_publish(Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_notice_gets_a_publish_on_mysql() {
    if let Some(database) = Database::mysql().await {
        one_notice_gets_a_publish(database).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_notice_gets_a_publish_on_postgres() {
    if let Some(database) = Database::postgres().await {
        one_notice_gets_a_publish(database).await;
    }
}
