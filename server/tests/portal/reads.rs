//! Several reads in one call: each is answered as a call of its own, and none waits for another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use futures_util::future::{join, join_all};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::environment::{self, admin_router, listen};
use super::frozen_environment::world_beside_a_frozen_environment;
use super::world::{Caller, NS, World, app, item};

/// Longest wait for an answer; the frozen environment is waited for 30 s.
const PATIENCE: Duration = Duration::from_secs(120);

/// Items in another environment.
const ITEMS: &str = "/openapi/v1/envs/FAR/apps/demo/clusters/default/namespaces/application/items";

fn address(paths: &[&str]) -> String {
    let lines = form_urlencoded::Serializer::new(String::new())
        .append_pair("paths", &paths.join("\n"))
        .finish();
    format!("/openapi/v1/reads?{lines}")
}

/// The answers in the order of the paths.
async fn read(caller: &Caller<'_>, paths: &[&str]) -> Vec<Value> {
    let answer = caller.get(&address(paths)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let mut lines: Vec<Value> =
        answer.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.sort_by_key(|line| line["index"].as_u64());
    assert_eq!(lines.len(), paths.len(), "{lines:?}");
    lines
}

#[tokio::test]
async fn reads_together_are_answered_like_calls_of_their_own() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    user.put(&format!("{NS}/items/a?createIfNotExists=true"), item("a", "1\n2")).await.empty();
    let namespace = NS.trim_start_matches("/openapi/v1/");
    let draft = format!("{namespace}?fillItemDetail=true");
    let paths = ["user", "apps/demo", &draft, "apps/unknown", "nothing/here"];
    for (line, path) in read(&user, &paths).await.iter().zip(paths) {
        let alone = user.get(&format!("/openapi/v1/{path}")).await;
        assert_eq!(line["status"], alone.status, "{path}");
        let mut body = line["body"].clone();
        // The time of an error.
        if let Some(body) = body.as_object_mut() {
            body.remove("timestamp");
        }
        let mut expected = alone.json();
        if let Some(expected) = expected.as_object_mut() {
            expected.remove("timestamp");
        }
        assert_eq!(body, expected, "{path}");
    }
    let lines = read(&user, &["user", &draft]).await;
    let header = |line: usize, name: &str| lines[line]["headers"][name].as_str().unwrap();
    let alone = user.get(&format!("/openapi/v1/{draft}")).await;
    assert_eq!(header(1, "castalia-revision"), alone.header("castalia-revision"));
    assert_eq!(
        header(0, "x-csrf-token"),
        user.get("/openapi/v1/user").await.header("x-csrf-token")
    );
    assert_eq!(lines[0]["headers"].get("castalia-revision"), None, "each has its own revision");
}

#[tokio::test]
async fn each_of_several_reads_is_checked() {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    owner.put(&format!("{NS}/items/a?createIfNotExists=true"), item("a", "hidden")).await.empty();
    assert_eq!(world.nobody().get(&address(&["envs", "user"])).await.status, 401);
    let token = world.token("script", &["demo"]).await;
    world
        .consumer(&token)
        .get(&address(&["user"]))
        .await
        .fails(403, "Portal user session is required");
    let lines = read(&owner, &["server/portal-db/config/find-all-config", "user"]).await;
    assert_eq!(lines[0]["status"], 403, "{lines:?}");
    assert_eq!(lines[1]["body"]["userId"], "u1");
}

#[tokio::test]
async fn only_json_is_read_together_and_no_call_contains_another() {
    let world = World::with_demo().await;
    let user = world.user("apollo").await;
    let export = "apps/demo/envs/LOCAL/clusters/default/namespaces/application/items/export";
    for line in read(&user, &["events", export]).await {
        assert_eq!(line["status"], 400, "{line}");
    }
    for path in ["reads", "reads?paths=user", " "] {
        assert_eq!(user.get(&address(&["user", path])).await.status, 400, "{path}");
    }
    assert_eq!(user.get(&address(&["user"; 201])).await.status, 400);
    assert_eq!(user.get("/openapi/v1/reads").await.body, "");
    assert_eq!(user.post("/openapi/v1/reads", json!({})).await.status, 405);
}

/// An environment that accepts connections and never answers delays its own answer only.
#[tokio::test]
async fn a_frozen_environment_delays_no_other_read() {
    let world = world_beside_a_frozen_environment().await;
    let user = world.user("u1").await;
    let frozen = "envs/FAR/apps/demo/clusters/default/namespaces/application";
    let mut body = user.open(&address(&[frozen, "user", "envs"])).await;
    let mut indices = Vec::new();
    while indices.len() < 2 {
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await.unwrap().unwrap().unwrap();
        let lines = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
        let index =
            |line: &str| serde_json::from_str::<Value>(line).unwrap()["index"].as_u64().unwrap();
        indices.extend(lines.lines().map(index));
    }
    indices.sort_unstable();
    assert_eq!(indices, [1, 2], "before the frozen one");
    let last = tokio::time::timeout(PATIENCE, body.frame()).await.unwrap().unwrap().unwrap();
    let line: Value = serde_json::from_slice(&last.into_data().unwrap()).unwrap();
    assert_eq!((line["index"].as_u64(), line["status"].as_u64()), (Some(0), Some(500)), "{line}");
}

/// How long a read takes: those that are sent at once arrive within this time.
const READ: Duration = Duration::from_millis(20);

/// An admin service that notes how many reads of items it had at once.
async fn counting(most: Arc<AtomicUsize>) -> Router {
    let running = Arc::new(AtomicUsize::new(0));
    let count = move |request: Request, next: Next| {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        async move {
            if !request.uri().path().contains("/items") {
                return next.run(request).await;
            }
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(READ).await;
            let response = next.run(request).await;
            running.fetch_sub(1, Ordering::SeqCst);
            response
        }
    };
    admin_router().await.0.layer(from_fn(count))
}

/// A portal with the environment FAR, which has this admin service and the app `demo`.
async fn world_beside(service: Router) -> World {
    let mut world = environment::world(&[listen(service).await]).await;
    world.set("api.readTimeout", "120000");
    world.user("apollo").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    world
}

/// Otherwise the reads of one user occupy all connections of an environment to its database.
#[tokio::test]
async fn the_reads_of_one_user_share_a_limit_over_all_calls() {
    let most = Arc::new(AtomicUsize::new(0));
    let world = world_beside(counting(Arc::clone(&most)).await).await;
    let user = world.user("u1").await;
    let paths = [ITEMS.trim_start_matches("/openapi/v1/"); 10];
    // Contents have the same limit, whether they are read alone or together with others.
    let direct = join_all((0..4).map(|_| user.get(ITEMS)));
    let calls = join_all((0..6).map(|_| read(&user, &paths)));
    let (direct, calls) = join(direct, calls).await;
    assert!(direct.iter().all(|answer| answer.status == 200), "{direct:?}");
    for lines in calls {
        assert!(lines.iter().all(|line| line["status"] == 200), "{lines:?}");
    }
    let most = most.load(Ordering::SeqCst);
    assert!((1..=2).contains(&most), "{most} at once");
}

/// A portal beside an environment whose reads of items wait for a gate.
pub(super) struct GatedWorld {
    pub(super) world: World,
    pub(super) open: watch::Sender<bool>,
    arrived: Arc<AtomicUsize>,
}

impl GatedWorld {
    pub(super) async fn start() -> Self {
        let (open, gate) = watch::channel(false);
        let arrived = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&arrived);
        let wait = move |request: Request, next: Next| {
            let (mut gate, count) = (gate.clone(), Arc::clone(&count));
            async move {
                if request.uri().path().contains("/items") {
                    count.fetch_add(1, Ordering::SeqCst);
                    gate.wait_for(|is_open| *is_open).await.unwrap();
                }
                next.run(request).await
            }
        };
        let world = world_beside(admin_router().await.0.layer(from_fn(wait))).await;
        Self { world, open, arrived }
    }

    /// The number of reads that have arrived.
    fn arrived(&self) -> usize {
        self.arrived.load(Ordering::SeqCst)
    }

    /// Waits until so many reads have arrived.
    pub(super) async fn arrive(&self, count: usize) {
        while self.arrived() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The environment goes on to read for them; whoever waits for too long is asked to retry.
#[tokio::test]
async fn reads_of_contents_whose_callers_left_keep_their_turns() {
    let gated = GatedWorld::start().await;
    let user = gated.world.user("u1").await;
    tokio::select! {
        answers = join(user.get(ITEMS), user.get(ITEMS)) => panic!("{answers:?}"),
        () = gated.arrive(2) => {}
    }
    user.get(ITEMS).await.fails(503, "Too many concurrent reads");
    assert_eq!(gated.arrived(), 2);
    gated.open.send_replace(true);
    user.get(ITEMS).await.ok();
}

/// X73: all reads of an installation may have one token, and come together.
#[tokio::test]
async fn a_consumer_leaves_one_read_to_others_and_waits_longer_than_a_user() {
    let gated = GatedWorld::start().await;
    let user = gated.world.user("u1").await;
    let token = gated.world.token("script", &["demo"]).await;
    let consumer = gated.world.consumer(&token);
    let reads = join_all((0..6).map(|_| consumer.get(ITEMS)));
    let others = async {
        gated.arrive(5).await;
        let second = async {
            gated.arrive(6).await;
            user.get(ITEMS).await.fails(503, "Too many concurrent reads");
            assert_eq!(gated.arrived(), 6);
            gated.open.send_replace(true);
        };
        let (first, ()) = join(user.get(ITEMS), second).await;
        first.ok();
    };
    let (answers, ()) = join(reads, others).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
}
