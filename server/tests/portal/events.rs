//! Server-sent events: who gets which, at which node, and when a stream ends.

use std::time::Duration;

use axum::body::Body;
use castalia_store::event::{NewEvent, insert};
use castalia_store::{Id, Small, Store, StoreError};
use http::Method;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::instance;
use super::world::{Caller, NS, World, app, item};

const OTHER: &str = "/openapi/v1/apps/demo/envs/local/clusters/other";
const EVENTS: &str = "/openapi/v1/events";
const PATIENCE: Duration = Duration::from_secs(60);

/// One event; comments have no kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Received {
    pub(super) id: Option<i64>,
    pub(super) kind: String,
    pub(super) data: Value,
}

/// A stream that is read.
pub(super) struct Stream(Body);

impl Stream {
    pub(super) async fn open(caller: &Caller<'_>, query: &str) -> Self {
        Self(caller.open(&format!("{EVENTS}{query}")).await)
    }

    /// The next event; `None` at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<Received> {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.0.frame()).await.expect("an event");
            let bytes = frame?.unwrap().into_data().unwrap();
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let field = |name: &str| {
                text.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.to_owned())
            };
            if let Some(kind) = field("event: ") {
                let data = serde_json::from_str(&field("data: ").unwrap()).unwrap();
                let id = field("id: ").map(|id| id.parse().unwrap());
                return Some(Received { id, kind, data });
            }
        }
    }

    pub(super) async fn kind(&mut self) -> String {
        self.next().await.expect("the stream goes on").kind
    }
}

pub(super) async fn edit(user: &Caller<'_>, namespace: &str, value: &str) {
    user.put(&format!("{namespace}/items/a?createIfNotExists=true"), item("a", value))
        .await
        .empty();
}

pub(super) async fn publish(user: &Caller<'_>) -> i64 {
    let body = json!({ "releaseTitle": "r" });
    user.post(&format!("{NS}/releases"), body).await.ok()["id"].as_i64().unwrap()
}

#[tokio::test]
async fn edits_and_publishes_reach_pages_of_all_nodes() {
    let world = World::with_demo().await;
    let second = world.second_node();
    let user = world.user("u1").await;
    let mut here = Stream::open(&user, "").await;
    let mut there = Stream::open(&user.at(&second), "?app=demo").await;
    assert_eq!((here.kind().await, there.kind().await), ("start".to_owned(), "start".to_owned()));
    edit(&user, NS, "1").await;
    let release = publish(&user).await;
    let path = format!("/openapi/v1/envs/LOCAL/releases/{release}/rollback");
    publish(&user).await;
    user.send(Method::PUT, &path, "application/json", "null".to_owned()).await;
    for stream in [&mut here, &mut there] {
        let edited = stream.next().await.unwrap();
        assert_eq!(edited.kind, "edit");
        assert_eq!(
            edited.data,
            json!({
                "env": "LOCAL", "appId": "demo", "clusterName": "default",
                "namespaceName": "application", "operator": "u1",
            })
        );
        let published = stream.next().await.unwrap();
        assert_eq!(
            (published.kind.as_str(), &published.data["releaseId"]),
            ("publish", &json!(release))
        );
        assert!(published.id > edited.id);
    }
}

#[tokio::test]
async fn edits_of_other_namespaces_than_that_of_the_path_are_reported() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let cluster = json!({ "appId": "demo", "name": "other" });
    user.post("/openapi/v1/envs/LOCAL/apps/demo/clusters", cluster).await.ok();
    let mut stream = Stream::open(&user, "").await;
    stream.kind().await;
    let mut edited = async |cluster: &str| {
        let event = stream.next().await.unwrap();
        assert_eq!((event.kind.as_str(), &event.data["clusterName"]), ("edit", &json!(cluster)));
    };
    let target = json!({
        "appId": "demo", "env": "LOCAL", "clusterName": "other", "namespaceName": "application",
    });
    let body = json!({ "syncToNamespaces": [target], "syncItems": [item("a", "1")] });
    user.post(&format!("{NS}/items/synchronize"), body).await.empty();
    edited("other").await;
    let exported = user.get(&format!("{OTHER}/export")).await.bytes;
    edit(&user, &NS.replace("default", "other"), "2").await;
    edited("other").await;
    let path = format!("{OTHER}/import?conflictAction=cover");
    user.upload(&path, "c.zip", &exported).await.ok();
    edited("other").await;
    // An import that changes nothing.
    user.upload(&path, "c.zip", &exported).await.ok();
    edit(&user, NS, "3").await;
    edited("default").await;
}

/// Issue 12: an import reports its progress to the one who sent it, under the name that it has.
#[tokio::test]
async fn the_progress_of_an_import_reaches_who_sent_it() {
    let world = World::with_demo().await;
    let (user, other) = (world.user("u1").await, world.user("u2").await);
    edit(&user, NS, "1").await;
    let cluster = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default";
    let exported = user.get(&format!("{cluster}/export")).await.bytes;
    edit(&user, NS, "2").await;
    let mut own = Stream::open(&user, "?app=unconcerned").await;
    let mut foreign = Stream::open(&other, "").await;
    assert_eq!((own.kind().await, foreign.kind().await), ("start".to_owned(), "start".to_owned()));
    let import = format!("{cluster}/import?conflictAction=cover");
    user.upload(&format!("{import}&job=j1"), "c.zip", &exported).await.ok();
    let first = own.next().await.unwrap();
    assert_eq!((first.kind.as_str(), &first.data["done"]), ("job", &json!(0)), "{first:?}");
    let total = first.data["total"].as_u64().unwrap();
    assert!(first.id.is_none() && total > 0, "{first:?}");
    let mut last = own.next().await.unwrap();
    while last.data["done"] != json!(total) {
        last = own.next().await.unwrap();
    }
    assert_eq!(last.data, json!({ "id": "j1", "done": total, "total": total, "failed": 0 }));
    // Others see the edit only, and without a name nothing is reported.
    assert_eq!(foreign.kind().await, "edit");
    user.upload(&import, "c.zip", &exported).await.ok();
    let long = format!("{import}&job={}", "j".repeat(65));
    user.upload(&long, "c.zip", &exported).await.fails(400, "job is longer than 64 characters");
    user.upload(&format!("{import}&job=j2"), "c.zip", &exported).await.ok();
    assert_eq!(own.next().await.unwrap().data["id"], "j2");
    edit(&user, NS, "3").await;
    assert_eq!(foreign.kind().await, "edit");
}

#[tokio::test]
async fn nobody_gets_events_of_what_they_may_not_see() {
    let mut world = World::with_demo().await;
    world.set("configView.memberOnly.envs", "LOCAL");
    world.user("u2").await.post("/openapi/v1/apps", app("own", "u2")).await.empty();
    let (member, outsider) = (world.user("u1").await, world.user("u2").await);
    let mut of_member = Stream::open(&member, "").await;
    let mut of_outsider = Stream::open(&outsider, "").await;
    let mut of_app = Stream::open(&member, "?app=other").await;
    for stream in [&mut of_member, &mut of_outsider, &mut of_app] {
        assert_eq!(stream.kind().await, "start");
    }
    edit(&member, NS, "1").await;
    assert_eq!(of_member.next().await.unwrap().data["appId"], "demo");
    edit(&outsider, &NS.replace("demo", "own"), "1").await;
    // The first event that arrives is the own one.
    assert_eq!(of_outsider.next().await.unwrap().data["appId"], "own");
    let quiet = tokio::time::timeout(Duration::from_secs(2), of_app.next()).await;
    assert!(quiet.is_err(), "only events of the app in the query: {quiet:?}");
    let token = world.token_for_all("all").await;
    world.consumer(&token).get(EVENTS).await.fails(403, "Portal user session is required");
    world.nobody().get(EVENTS).await.fails(401, "Unauthorized");
}

#[tokio::test]
async fn requests_for_access_are_reported_to_who_made_them_and_to_who_decides() {
    const REQUESTS: &str = "/openapi/v1/access-requests";
    let world = World::with_demo().await;
    world.add_user("u3", "{noop}secret of a test").await;
    let second = world.second_node();
    let (owner, user, other) =
        (world.user("u1").await, world.user("u2").await, world.user("u3").await);
    let mut of_owner = Stream::open(&owner.at(&second), "?app=demo").await;
    let mut of_user = Stream::open(&user, "").await;
    let mut of_other = Stream::open(&other, "").await;
    for stream in [&mut of_owner, &mut of_user, &mut of_other] {
        assert_eq!(stream.kind().await, "start");
    }
    let wanted = json!({
        "appId": "demo", "namespaceName": "application", "roleType": "ModifyNamespace", "note": "",
    });
    let ask = async || user.post(REQUESTS, wanted.clone()).await.ok()["id"].to_string();
    let withdrawn = ask().await;
    user.delete(&format!("{REQUESTS}/{withdrawn}")).await.empty();
    let decision = format!("{REQUESTS}/{}/decision", ask().await);
    owner.put(&decision, json!({ "granted": true })).await.ok();
    edit(&user, NS, "1").await;
    let mut last = None;
    for stream in [&mut of_owner, &mut of_user] {
        for _ in 0..4 {
            let received = stream.next().await.unwrap();
            assert_eq!(received.kind, "request");
            assert_eq!(received.data, json!({ "appId": "demo", "userId": "u2" }));
        }
        last = stream.next().await;
        assert_eq!(last.as_ref().unwrap().kind, "edit");
    }
    assert_eq!(of_other.next().await, last, "nothing before the edit");
    // Those that were missed are for the same people.
    let missed = format!("?lastEventId={}", last.unwrap().id.unwrap() - 4);
    for (caller, kind) in [(&owner, "request"), (&user, "request"), (&other, "edit")] {
        assert_eq!(Stream::open(caller, &missed).await.kind().await, kind);
    }
}

#[tokio::test]
async fn a_page_resumes_behind_its_last_event_or_starts_anew() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let mut stream = Stream::open(&user, "").await;
    stream.kind().await;
    edit(&user, NS, "1").await;
    let first = stream.next().await.unwrap();
    drop(stream);
    edit(&user, NS, "2").await;
    edit(&user, NS, "3").await;
    let last = first.id.unwrap().to_string();
    let mut again = Stream::open(&world.user("u1").await.with("last-event-id", &last), "").await;
    for _ in 0..2 {
        assert_eq!(again.kind().await, "edit");
    }
    edit(&user, NS, "4").await;
    let next = again.next().await.unwrap();
    assert_eq!(next.id, first.id.map(|id| id + 3), "no event comes twice");
    let mut unknown = Stream::open(&user, "?lastEventId=999999").await;
    let reset = unknown.next().await.unwrap();
    assert_eq!((reset.kind.as_str(), reset.id), ("reset", next.id));
    for junk in ["x", "99999999999999999999"] {
        let caller = world.user("u1").await.with("last-event-id", junk);
        assert_eq!(Stream::open(&caller, "").await.kind().await, "reset", "{junk}");
    }
}

/// What is edited between the first reads of a page and the opening of its stream.
#[tokio::test]
async fn a_page_gets_the_events_since_its_first_reads() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let mut stream = Stream::open(&user, "").await;
    let start = stream.next().await.unwrap();
    edit(&user, NS, "1").await;
    let edited = stream.next().await.unwrap();
    drop(stream);
    let mut page = Stream::open(&user, "?app=demo&age=300000").await;
    let first = page.next().await.unwrap();
    assert_eq!((first.kind.as_str(), first.id), ("start", start.id));
    assert_eq!(page.next().await, Some(edited));
    edit(&user, NS, "2").await;
    let next = page.next().await.unwrap();
    assert_eq!(next.kind, "edit");
    // A last event is known more exactly than an age.
    let resumed = format!("?age=300000&lastEventId={}", next.id.unwrap());
    let mut resumed = Stream::open(&user, &resumed).await;
    edit(&user, NS, "3").await;
    assert!(resumed.next().await.unwrap().id > next.id);
    assert_eq!(Stream::open(&user, "?app=other&age=300000").await.kind().await, "start");
    for too_old in ["600001", "18446744073709551615"] {
        let mut page = Stream::open(&user, &format!("?age={too_old}")).await;
        assert_eq!(page.kind().await, "reset", "events are kept for ten minutes");
    }
    fill(&world.store, 550).await;
    assert_eq!(Stream::open(&user, "?age=300000").await.kind().await, "reset", "too many");
}

#[tokio::test]
async fn a_page_that_returns_at_once_receives_each_event_once() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let mut last = None;
    for value in 0..5 {
        let mut stream = Stream::open(&user, "").await;
        let start = stream.next().await.unwrap();
        assert_eq!(start.kind, "start");
        assert!(last.is_none() || start.id == last, "{:?} after {last:?}", start.id);
        last = start.id;
        edit(&user, NS, &value.to_string()).await;
        edit(&user, NS, &format!("{value} again")).await;
        for _ in 0..2 {
            let edited = stream.next().await.unwrap();
            assert_eq!(edited.kind, "edit");
            // A database may leave out ids.
            assert!(edited.id > last, "{:?} after {last:?}", edited.id);
            last = edited.id;
        }
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let world = World::with_demo().await;
    let (leaving, user) = (world.user("u2").await, world.user("u1").await);
    let mut stream = Stream::open(&leaving, "").await;
    stream.kind().await;
    leaving.send(Method::POST, "/user/logout", "", String::new()).await;
    edit(&user, NS, "1").await;
    assert_eq!(stream.next().await, None);
}

async fn fill(store: &Store, count: i64) {
    let event = |release: i64| NewEvent {
        env: "LOCAL".to_owned(),
        app_id: "demo".to_owned(),
        cluster: "default".to_owned(),
        namespace: "application".to_owned(),
        kind: Small(0),
        operator: "u1".to_owned(),
        release_id: Id(release),
    };
    for batch in 0..count / 50 {
        let events: Vec<_> = (0..50).map(|at| event(batch * 50 + at)).collect();
        let done: Result<(), StoreError> =
            store.write(events, |tx, events| Box::pin(insert(tx, events))).await;
        done.unwrap();
    }
}

/// The database is restored, or fails over to a lagging replica, while pages are connected.
#[tokio::test]
async fn a_stream_starts_anew_if_the_ids_go_back() {
    use castalia_store::entity::castalia_event::{Column, Entity};
    use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    fill(&world.store, 50).await;
    let mut stream = Stream::open(&user, "").await;
    assert_eq!(stream.next().await.unwrap().kind, "start");
    user.post(&format!("{NS}/items"), item("before", "1")).await.ok();
    assert_eq!(stream.next().await.unwrap().kind, "edit");
    let removed = world.store.write((), |tx, ()| {
        Box::pin(async move {
            Ok::<_, StoreError>(Entity::delete_many().filter(Column::Id.gt(5)).exec(tx).await?)
        })
    });
    assert!(removed.await.unwrap().rows_affected > 20);
    assert_eq!(stream.next().await.unwrap().kind, "reset");
    user.post(&format!("{NS}/items"), item("after", "1")).await.ok();
    assert_eq!(stream.next().await.unwrap().kind, "edit");
}

#[tokio::test]
async fn a_slow_reader_is_disconnected_and_too_much_is_a_reset() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let (mut slow, mut quick) = (Stream::open(&user, "").await, Stream::open(&user, "").await);
    let start = slow.next().await.unwrap();
    quick.kind().await;
    for _ in 0..12 {
        fill(&world.store, 50).await;
        for _ in 0..50 {
            assert_eq!(quick.kind().await, "edit");
        }
    }
    // This one did not read meanwhile.
    assert_eq!(slow.next().await, None);
    let query = format!("?lastEventId={}", start.id.unwrap() + 50);
    let mut late = Stream::open(&user, &query).await;
    assert_eq!(late.kind().await, "reset", "550 events are too many to send again");
}

#[tokio::test]
async fn the_streams_of_a_user_are_bounded() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let mut streams = Vec::new();
    for _ in 0..12 {
        streams.push(Stream::open(&user, "").await);
    }
    user.get(EVENTS).await.fails(429, "Too many event streams are open");
    let _other = world.user("u2").await.open(EVENTS).await;
    streams.pop();
    Stream::open(&user, "").await;
}

#[tokio::test]
async fn instances_that_pick_up_a_release_are_reported() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let mut stream = Stream::open(&user, "").await;
    stream.kind().await;
    let release = publish(&user).await;
    assert_eq!(stream.kind().await, "publish");
    let store = &world.environment_store;
    let stored = castalia_store::release::by_id(store.read(), release).await.unwrap().unwrap();
    instance::read(store, "demo", "10.0.0.1", &stored.release_key).await;
    let picked_up = stream.next().await.unwrap();
    assert_eq!((picked_up.kind.as_str(), &picked_up.data["instances"]), ("instances", &json!(1)));
    assert_eq!(picked_up.data["releaseId"], release);
}
