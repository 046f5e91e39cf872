//! Callers that disconnect before the answer, of the admin API and of the portal.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use castalia_server::background::Background;
use castalia_server::domain::permission::{Action, NamedRole, assignment};
use castalia_server::http::admission::{Admission, Sharing};
use castalia_server::http::{Port, bind, serve};
use castalia_server::role::{admin, portal};
use castalia_server::server_config::ServerConfig;
use castalia_server::settings::Installation;
use castalia_server::state::{EnvironmentState, PortalState};
use castalia_store::{Store, StoreError};
use futures_util::FutureExt as _;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::environment::{far, listen, meta_server, set_far};
use super::events::Stream;
use super::restoration_unused::{KEYS_READ, in_time};
use super::world::{HOST, World, item};

const KEY: &str = "demo+default+application";
const NAMESPACES: &str = "/apps/demo/clusters/default/namespaces";
/// More than continue without their callers.
const MANY: usize = 100;
/// Length of a body whose caller disconnects. With `NEXT` it is more than one caller may have in
/// memory.
const ABANDONED: usize = 24 << 20;
/// Length of the next body of that caller.
const NEXT: usize = 12 << 20;
/// Grants that are made after the first one is seen.
const GRANTS: usize = 150;
const PATIENCE: Duration = Duration::from_secs(60);

/// The tests share the limit of those that continue.
static ALONE: Mutex<()> = Mutex::const_new(());

fn publish() -> Request<Body> {
    Request::post(format!("{NAMESPACES}/application/releases"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from("name=r&operator=u1"))
        .unwrap()
}

fn request(method: Method, path: &str, body: &Value) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("content-type", "application/json");
    request.body(Body::from(body.to_string())).unwrap()
}

async fn call(environment: &EnvironmentState, request: Request<Body>) -> Value {
    let answer = admin::in_process(environment.clone()).oneshot(request).await.unwrap();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    serde_json::from_slice(&body).unwrap_or_default()
}

async fn get(environment: &EnvironmentState, path: &str) -> Value {
    call(environment, request(Method::GET, path, &Value::Null)).await
}

/// Sends a request and disconnects.
fn leave(environment: &EnvironmentState, request: Request<Body>) {
    assert!(admin::in_process(environment.clone()).oneshot(request).now_or_never().is_none());
}

/// The writer of a SQLite file, which waits with all that use it.
struct HeldWriter {
    is_held: Arc<Notify>,
    opened: Arc<Notify>,
    work: JoinHandle<Result<(), StoreError>>,
}

impl HeldWriter {
    fn of(store: &Store) -> Self {
        let (is_held, opened) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let gates = (Arc::clone(&is_held), Arc::clone(&opened));
        let store = store.clone();
        let work = tokio::spawn(async move {
            let wait = store.write(gates, |_, (is_held, opened)| {
                Box::pin(async move {
                    is_held.notify_one();
                    opened.notified().await;
                    // The work runs again if another one of its transaction fails.
                    opened.notify_one();
                    Ok::<_, StoreError>(())
                })
            });
            wait.await
        });
        Self { is_held, opened, work }
    }

    async fn release(self) {
        self.opened.notify_one();
        self.work.await.unwrap().unwrap();
    }
}

/// What it published reaches clients without the next scan.
#[tokio::test]
async fn what_a_publisher_commits_that_disconnects_is_announced() {
    let _alone = ALONE.lock().await;
    let world = World::with_demo().await;
    world.set_in_environment("apollo.message-scan.interval", "3600000");
    let environment = world.environment();
    // The scan takes the interval into account after the present one.
    environment.feed.deliver_committed().await;
    let before = environment.feed.positions().of(KEY);
    leave(environment, publish());
    let announced = async {
        while environment.feed.positions().of(KEY) == before {
            sleep(Duration::from_millis(10)).await;
        }
    };
    // Less than the interval of the reconciliation, which would announce it too.
    timeout(Duration::from_secs(20), announced).await.unwrap();
}

/// An app with access keys is restored in two steps, and an app without its namespaces cannot be
/// restored again. X112: the end of the node did not wait for the second step.
#[tokio::test]
async fn a_restoration_ends_however_many_callers_disconnect() {
    let _alone = ALONE.lock().await;
    in_time(restore_among_many).await;
}

async fn restore_among_many() -> Option<()> {
    let world = World::with_demo().await;
    let environment = world.environment();
    let key = json!({ "appId": "demo", "secret": "s".repeat(32), "dataChangeCreatedBy": "u1" });
    let key = call(environment, request(Method::POST, "/apps/demo/accesskeys", &key)).await;
    let enable = format!("/apps/demo/accesskeys/{}/enable?mode=0&operator=u1", key["id"]);
    call(environment, request(Method::PUT, &enable, &Value::Null)).await;
    let delete = request(Method::DELETE, "/apps/demo?operator=u1", &Value::Null);
    call(environment, delete).await;
    let deleted = get(environment, "/apps/demo/deleted").await;
    let app = deleted.as_array().unwrap().iter().find(|row| row["kind"] == "app").unwrap();
    let restore = request(Method::POST, "/apps/demo/restorations?operator=u1", app);
    let begun = Instant::now();
    let restoring = tokio::spawn(admin::in_process(environment.clone()).oneshot(restore));
    while get(environment, "/apps/demo").await["appId"] != "demo" {
        sleep(Duration::from_millis(10)).await;
    }
    let namespaces = get(environment, NAMESPACES).await.as_array().map_or(0, Vec::len);
    // They may have been back already.
    if namespaces > 0 && begun.elapsed() >= KEYS_READ {
        return None;
    }
    assert_eq!(namespaces, 0);
    let held = HeldWriter::of(&environment.store);
    (0..MANY).for_each(|_| leave(environment, publish()));
    restoring.abort();
    let (is_answered, took) = (restoring.await.is_ok(), begun.elapsed());
    held.release().await;
    // It may have ended before the writer was held.
    if is_answered && took >= KEYS_READ {
        return None;
    }
    assert!(!is_answered, "after {took:?}");
    environment.changes.close();
    timeout(PATIENCE, environment.changes.wait()).await.unwrap();
    let restored = get(environment, NAMESPACES).await;
    assert_eq!(restored.as_array().map(Vec::len), Some(1), "{restored}");
    Some(())
}

/// The portal of a world on a socket, with room for one connection: the next one is accepted once
/// the end of the previous one was noticed.
fn serve_one(world: &World) -> SocketAddr {
    let environment = world.environment().clone();
    let state = PortalState {
        settings: Arc::clone(&environment.settings),
        compat: environment.compat,
        installation: Installation::Adopted,
        store: world.store.clone(),
        config: ServerConfig::new(BTreeMap::new()),
        environments: world.environments.clone(),
        environment: Some(environment),
        changes: TaskTracker::new(),
        notices: Arc::default(),
        ready: world.ready.clone(),
    };
    let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let port = Port::plain(portal::router(state).0);
    let admission = Admission::new(1, Sharing::Direct);
    tokio::spawn(serve(listener, port, Background::default(), admission));
    address
}

/// Creates an item in the environment FAR, with a body of this length of which only so many bytes
/// are sent.
async fn send(address: SocketAddr, token: &str, length: usize, sent: usize) -> TcpStream {
    let path = format!("{}/items/batch-create?operator=u1", far());
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: {token}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    let mut body = format!("[{}", item("k", "v"));
    body += &" ".repeat(length - body.len() - 1);
    body += "]";
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Fails if the answer does not wait for it.
    if stream.write_all(head.as_bytes()).await.is_ok() {
        stream.write_all(&body.as_bytes()[..sent]).await.ok();
    }
    stream
}

/// The status of the next request with `NEXT` bytes that is not refused for want of room.
async fn next_status(address: SocketAddr, token: &str, sent: usize) -> u16 {
    loop {
        let mut stream = send(address, token, NEXT, sent).await;
        let mut start = [0; 12];
        let read = timeout(PATIENCE, stream.read_exact(&mut start)).await;
        // A connection that was refused may be closed before its answer is read.
        if read.expect("an answer").is_ok() && !start.ends_with(b"503") {
            return std::str::from_utf8(&start[9..]).unwrap().parse().unwrap();
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// An environment FAR that answers once its gate is open.
struct Frozen {
    /// Notified of each request.
    asked: Arc<Notify>,
    gate: watch::Sender<bool>,
}

impl Frozen {
    /// Adds it to the portal, with its answers to reads and to changes.
    async fn add_to(world: &mut World, answers: [(StatusCode, &'static str); 2]) -> Self {
        let (gate, is_open) = watch::channel(false);
        let asked = Arc::new(Notify::new());
        let seen = Arc::clone(&asked);
        let answer = move |method: Method| {
            let (mut is_open, seen) = (is_open.clone(), Arc::clone(&seen));
            async move {
                seen.notify_one();
                is_open.wait_for(|is_open| *is_open).await.unwrap();
                answers[usize::from(method != Method::GET)]
            }
        };
        let meta = meta_server(&[listen(Router::new().fallback(answer)).await]).await;
        world.set("api.readTimeout", "600000");
        set_far(world, meta);
        Self { asked, gate }
    }

    async fn is_asked(&self) {
        timeout(PATIENCE, self.asked.notified()).await.unwrap();
    }

    fn open(&self) {
        self.gate.send_replace(true);
    }
}

/// X28, of the portal: an environment that does not answer delays the end of a change.
#[tokio::test]
async fn a_body_takes_memory_of_its_caller_until_its_change_has_ended() {
    let mut world = World::with_demo().await;
    let frozen = Frozen::add_to(&mut world, [(StatusCode::NOT_FOUND, ""); 2]).await;
    let token = world.token_for_all("abandoned").await;
    let address = serve_one(&world);
    let sent = timeout(PATIENCE, send(address, &token, ABANDONED, ABANDONED)).await.unwrap();
    // The environment is asked after the whole body was read.
    frozen.is_asked().await;
    drop(sent);
    // Refused before it arrives.
    let refused = timeout(PATIENCE, next_status(address, &token, 0)).await;
    assert_eq!(refused.unwrap(), 429);
    frozen.open();
    let accepted = async { while next_status(address, &token, NEXT).await == 429 {} };
    timeout(PATIENCE, accepted).await.unwrap();
}

/// X100: without the audit log it ended between the read and the change of its environment, and
/// pages never learnt of it.
#[tokio::test]
async fn a_change_ends_and_is_reported_whether_or_not_it_is_recorded() {
    for is_recorded in ["true", "false"] {
        let mut world = World::with_demo().await;
        world.set("apollo.audit.log.enabled", is_recorded);
        let made = r#"{"id":1,"appId":"demo","clusterName":"b","namespaceName":"application"}"#;
        let answers = [(StatusCode::OK, ""), (StatusCode::OK, made)];
        let frozen = Frozen::add_to(&mut world, answers).await;
        let user = world.user("u1").await;
        let mut events = Stream::open(&user, "").await;
        assert_eq!(events.kind().await, "start");
        let path = format!("{}/branches", far());
        tokio::select! {
            answer = user.post(&path, Value::Null) => panic!("{answer:?}"),
            () = frozen.is_asked() => {}
        }
        frozen.open();
        let event = events.next().await.expect("the stream goes on");
        let reported = (event.kind.as_str(), &event.data["env"]);
        assert_eq!(reported, ("edit", &json!("FAR")), "recorded: {is_recorded}");
    }
}

/// X100: they ended with the one that was made when their caller disconnected.
#[tokio::test]
async fn all_grants_of_a_call_are_made_although_its_caller_disconnects() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let grant = |role: &str| {
        json!({
            "appId": "demo", "namespaceName": "application", "roleType": role, "userId": "u2",
        })
    };
    let is_granted = async |action: Action| {
        let role = NamedRole::namespace(action, "demo", "application");
        let [holders] = assignment::holders(&world.store, [role]).await.unwrap();
        holders.contains(&"u2".to_owned())
    };
    let granted = async |action: Action| {
        let seen = async {
            while !is_granted(action).await {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, seen).await.unwrap();
    };
    let mut grants = vec![grant("ReleaseNamespace"); GRANTS];
    grants.push(grant("ModifyNamespace"));
    // The caller disconnects while a later grant waits for the writer.
    let some_are_made = async {
        granted(Action::Release).await;
        // Not while the writer is held, which has the only connection.
        assert!(!is_granted(Action::Modify).await);
        let held = HeldWriter::of(&world.store);
        held.is_held.notified().await;
        held
    };
    let held = tokio::select! {
        answer = user.post("/openapi/v1/access-grants", json!(grants)) => panic!("{answer:?}"),
        held = some_are_made => held,
    };
    held.release().await;
    granted(Action::Modify).await;
}

/// X100: nothing limited the changes that a caller began and left.
#[tokio::test]
async fn a_caller_who_left_many_changes_begins_no_other_until_they_end() {
    let mut world = World::with_demo().await;
    let frozen = Frozen::add_to(&mut world, [(StatusCode::NOT_FOUND, ""); 2]).await;
    let user = world.user("u1").await;
    let path = format!("{}/branches", far());
    let mut left = 0;
    let refused = loop {
        tokio::select! {
            biased;
            answer = user.post(&path, Value::Null) => break answer,
            () = frozen.is_asked() => left += 1,
        }
        assert!(left <= 10 * MANY, "no change is refused");
    };
    assert_eq!(refused.status, 429, "{refused:?}");
    assert!(left >= 64, "{left}");
    for (path, body) in [
        ("/openapi/v1/change-sets", json!({ "changeSets": [] })),
        ("/openapi/v1/access-grants", json!([])),
    ] {
        user.post(path, body).await.fails(429, "64 changes of yours continue");
    }
    // It may read, and others may change.
    user.get("/openapi/v1/apps/demo").await.ok();
    let root = world.user("apollo").await;
    root.post("/openapi/v1/access-grants", json!([])).await.ok();
    frozen.open();
    let admitted = async { while user.post(&path, Value::Null).await.status == 429 {} };
    timeout(PATIENCE, admitted).await.unwrap();
}
