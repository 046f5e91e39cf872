//! Imports beside other imports, and beside changes of others: nothing that was reported as there
//! is taken back, and no app stays in an environment without the portal (REL-64).

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use castalia_server::domain::permission::{Action, NamedRole};
use castalia_store::entity::{Standard as _, app as app_row};
use castalia_store::{Dialect, Store, StoreError};
use http::StatusCode;
use sea_orm::ConnectionTrait as _;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::archive::archive;
use super::environment::{admin_router, listen, world};
use super::world::{Answer, Caller, NS, World, app, item};

const IMPORT: &str = "/openapi/v1/configs/import?envs=FAR&conflictAction=cover";
const APP: &str = "/openapi/v1/apps/second";
const ENTRY_OF_APP: &str = "u1/second/app.metadata";
const ENTRY_OF_ITEMS: &str = "u1/second/FAR/second+default+extra.properties";
/// A request that adds the app to the environment.
const ADDITION: &str = "/apps";
/// A request that brings the items of [`ENTRY_OF_ITEMS`].
const ITEMS: &str = "/namespaces/extra/itemset";
/// Longer than an import takes that need not wait.
const A_WHILE: Duration = Duration::from_secs(3);
/// Longer than the 5 s in which a node that shuts down takes an import back. Nothing waits for its
/// end.
const SLOW: Duration = Duration::from_secs(60);
/// Longer than a busy machine needs for anything here.
const SOON: Duration = Duration::from_secs(60);

/// Holds back the first request to the environment with this end of its path until it is opened.
#[derive(Debug)]
struct Gate {
    path: &'static str,
    /// Whether that request is refused then.
    refuses: bool,
    is_used: AtomicBool,
    /// Whether removals take longer than a node that shuts down waits for them.
    is_slow: AtomicBool,
    reached: Notify,
    opened: Notify,
}

async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let is_held =
        request.method() == http::Method::POST && request.uri().path().ends_with(gate.path);
    if is_held && !gate.is_used.swap(true, Ordering::SeqCst) {
        gate.reached.notify_one();
        gate.opened.notified().await;
        if gate.refuses {
            return StatusCode::BAD_REQUEST.into_response();
        }
    }
    if request.method() == http::Method::DELETE && gate.is_slow.load(Ordering::SeqCst) {
        sleep(SLOW).await;
    }
    next.run(request).await
}

/// A portal with the environment FAR behind a gate.
async fn gated(path: &'static str, refuses: bool) -> (World, Store, Arc<Gate>) {
    let (reached, opened) = (Notify::new(), Notify::new());
    let (is_used, is_slow) = (AtomicBool::new(false), AtomicBool::new(false));
    let gate = Arc::new(Gate { path, refuses, is_used, is_slow, reached, opened });
    let (router, far) = admin_router().await;
    let service = listen(router.layer(from_fn_with_state(Arc::clone(&gate), pass))).await;
    (world(&[service]).await, far, gate)
}

/// The app `second` with the namespace `extra` and the cluster `c`, and further entries.
fn archived(more: &[&str]) -> Vec<u8> {
    let details = app("second", "u1")["app"].clone();
    let extra = json!({ "appId": "second", "name": "extra", "format": "properties" });
    let cluster = json!({ "appId": "second", "name": "c" });
    let mut entries = vec![
        (ENTRY_OF_APP, details.to_string()),
        ("second+extra.appnamespace.metadata", extra.to_string()),
        ("u1/second/FAR/c.cluster.metadata", cluster.to_string()),
    ];
    entries.extend(more.iter().map(|path| (*path, json!([item("k", "v")]).to_string())));
    archive(&entries)
}

/// The app `second`, the items of [`ENTRY_OF_ITEMS`], and after them those of `last` in `more`.
fn archived_with_two_namespaces(last: &str) -> Vec<u8> {
    let more = json!({ "appId": "second", "name": "more", "format": "properties" });
    archive(&[
        (ENTRY_OF_APP, app("second", "u1")["app"].to_string()),
        ("second+extra.appnamespace.metadata", more.to_string().replace("more", "extra")),
        ("second+more.appnamespace.metadata", more.to_string()),
        (ENTRY_OF_ITEMS, json!([item("k", "v")]).to_string()),
        (last, json!([item("k", "v")]).to_string()),
    ])
}

async fn apps(store: &Store) -> Vec<String> {
    let rows = app_row::Entity::live().all(store.read()).await.unwrap();
    rows.into_iter().map(|row| row.app_id).collect()
}

/// Imports while another import is held back, which goes on when this one has ended, or waits.
async fn imports(world: &World, gate: &Gate, one: &[u8], two: &[u8]) -> [Answer; 2] {
    let other = world.second_node();
    let (first, second) = (world.user("apollo").await, other.user("apollo").await);
    let overtake = async {
        gate.reached.notified().await;
        let mut second = pin!(second.upload(IMPORT, "all.zip", two));
        let early = timeout(A_WHILE, &mut second).await;
        gate.opened.notify_one();
        match early {
            Ok(answer) => answer,
            Err(_) => second.await,
        }
    };
    let (one, two) = tokio::join!(first.upload(IMPORT, "all.zip", one), overtake);
    [one, two]
}

#[tokio::test]
async fn what_an_import_reports_as_there_is_not_taken_back_by_another_one() {
    let (world, far, gate) = gated(ITEMS, true).await;
    let [one, two] = imports(&world, &gate, &archived(&[ENTRY_OF_ITEMS]), &archived(&[])).await;
    one.fails(400, &format!("Nothing was imported. {ENTRY_OF_ITEMS}: "));
    two.ok();
    let root = world.user("apollo").await;
    root.get(APP).await.ok();
    root.get(&format!("{APP}/appnamespaces/extra")).await.ok();
    root.get("/openapi/v1/envs/FAR/apps/second/clusters/c").await.ok();
    assert_eq!(apps(&far).await, ["second"]);
}

#[tokio::test]
async fn an_import_does_not_meet_a_half_created_app_of_another_one() {
    let (world, far, gate) = gated(ADDITION, false).await;
    let bytes = archived(&[ENTRY_OF_ITEMS]);
    for answer in imports(&world, &gate, &bytes, &bytes).await {
        answer.ok();
    }
    world.user("apollo").await.get(APP).await.ok();
    assert_eq!(apps(&far).await, ["second"]);
}

/// It stays in the portal as well, where it can be managed.
#[tokio::test]
async fn an_app_of_a_failed_import_that_a_user_adds_to_an_environment_stays() {
    for env in ["FAR", "LOCAL"] {
        let (world, far, gate) = gated(ADDITION, true).await;
        let root = world.user("apollo").await;
        let add = async {
            gate.reached.notified().await;
            let details = app("second", "u1")["app"].clone();
            root.post(&format!("/openapi/v1/apps/envs/{env}"), details).await.empty();
            gate.opened.notify_one();
        };
        let bytes = archived(&[]);
        let (answer, ()) = tokio::join!(root.upload(IMPORT, "all.zip", &bytes), add);
        answer.fails(400, &format!("import failed for: {ENTRY_OF_APP} ("));
        let kept = format!("; could not be removed again: {ENTRY_OF_APP}");
        assert!(answer.json()["message"].as_str().unwrap().ends_with(&kept), "{answer:?}");
        root.get(APP).await.ok();
        let store = if env == "FAR" { &far } else { &world.environment_store };
        assert_eq!(apps(store).await, ["second"], "{env}");
    }
}

/// Neither is one that somebody created in its place, which stays.
#[tokio::test]
async fn what_a_user_deletes_during_a_failed_import_is_not_reported() {
    for is_created_again in [false, true] {
        let (world, far, gate) = gated(ITEMS, false).await;
        let root = world.user("apollo").await;
        let delete = async {
            gate.reached.notified().await;
            root.delete(APP).await.empty();
            if is_created_again {
                root.post("/openapi/v1/apps", app("second", "u1")).await.empty();
            }
            gate.opened.notify_one();
        };
        let bytes = archived(&[ENTRY_OF_ITEMS]);
        let (answer, ()) = tokio::join!(root.upload(IMPORT, "all.zip", &bytes), delete);
        answer.fails(400, &format!("Nothing was imported. {ENTRY_OF_ITEMS}: "));
        assert_eq!(root.get(APP).await.status, if is_created_again { 200 } else { 400 });
        assert_eq!(apps(&far).await.len(), usize::from(is_created_again));
    }
}

/// Imports while the node begins to shut down; afterwards it serves again.
async fn interrupted(world: &World, gate: &Gate, bytes: &[u8]) -> Answer {
    let root = world.user("apollo").await;
    let stop = async {
        gate.reached.notified().await;
        world.ready.set(false);
        gate.opened.notify_one();
    };
    let (answer, ()) = tokio::join!(root.upload(IMPORT, "all.zip", bytes), stop);
    world.ready.set(true);
    answer
}

/// The request is not at fault, and can be repeated elsewhere.
#[tokio::test]
async fn an_import_that_a_shutdown_interrupts_is_taken_back_and_503() {
    let last = "u1/second/FAR/second+default+more.properties";
    let (world, far, gate) = gated(ITEMS, false).await;
    let answer = interrupted(&world, &gate, &archived_with_two_namespaces(last)).await;
    answer.fails(503, &format!("Nothing was imported. {last}: the server shuts down"));
    assert!(apps(&far).await.is_empty());
}

/// A shutdown does not wait for an environment that removes slowly.
#[tokio::test]
async fn what_a_shutdown_leaves_no_time_to_take_back_stays_and_is_named() {
    let last = "u1/second/FAR/second+default+more.properties";
    let (world, far, gate) = gated(ITEMS, false).await;
    gate.is_slow.store(true, Ordering::SeqCst);
    let root = world.user("apollo").await;
    let bytes = archived_with_two_namespaces(last);
    let answer = interrupted(&world, &gate, &bytes).await;
    let reason = "the server shuts down; retry later";
    answer
        .fails(503, &format!("import failed for: {last} ({reason}); could not be removed again: "));
    gate.is_slow.store(false, Ordering::SeqCst);
    root.get(APP).await.ok();
    assert_eq!(apps(&far).await, ["second"]);
    // It can be repeated.
    root.upload(IMPORT, "all.zip", &bytes).await.ok();
}

/// Ends the session on a database server that holds the lock of imports; returns whether there is
/// one.
async fn lose_lock(store: &Store) -> bool {
    let end = match store.dialect() {
        Dialect::Sqlite => return false,
        Dialect::MySql => "KILL IS_USED_LOCK(CONCAT('castalia.import.', MD5(DATABASE())))",
        Dialect::Postgres => {
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        }
    };
    let ended = store.write(end, |tx, end| {
        Box::pin(async move { tx.execute_unprepared(end).await.map_err(StoreError::from) })
    });
    ended.await.unwrap();
    true
}

/// Another import may have begun, and rely on it.
#[tokio::test]
async fn what_an_import_did_stays_if_its_lock_was_lost() {
    let last = "u1/second/FAR/second+default+more.properties";
    let (world, far, gate) = gated(ITEMS, false).await;
    let root = world.user("apollo").await;
    let lose = async {
        gate.reached.notified().await;
        let is_lost = lose_lock(&world.store).await;
        gate.opened.notify_one();
        is_lost
    };
    let bytes = archived_with_two_namespaces(last);
    let (answer, is_lost) = tokio::join!(root.upload(IMPORT, "all.zip", &bytes), lose);
    match is_lost {
        true => {
            let reason = "the connection to the portal's database was lost; retry";
            answer.fails(
                503,
                &format!("import failed for: {last} ({reason}); could not be removed again: "),
            );
        }
        false => drop(answer.ok()),
    }
    root.get(APP).await.ok();
    assert_eq!(apps(&far).await, ["second"]);
    // It can be repeated.
    root.upload(IMPORT, "all.zip", &bytes).await.ok();
}

/// One that waits keeps neither the node from its end nor others from an export.
#[tokio::test]
async fn an_import_that_waits_is_refused_when_the_server_shuts_down() {
    let world = World::with_demo().await;
    let _lock = world.store.lock_imports(SOON).await.unwrap().unwrap();
    let root = world.user("apollo").await;
    let (path, bytes) = (here(IMPORT), archived(&[]));
    let mut waiting = pin!(root.upload(&path, "all.zip", &bytes));
    assert!(timeout(A_WHILE, &mut waiting).await.is_err());
    assert_eq!(root.get("/openapi/v1/configs/export?envs=LOCAL").await.status, 200);
    world.ready.set(false);
    let answer = timeout(SOON, waiting).await.unwrap();
    world.ready.set(true);
    answer.fails(503, "the server shuts down; retry later");
}

/// Of whatever kind both are.
#[tokio::test]
async fn an_import_that_waits_too_long_is_refused() {
    let world = World::with_demo().await;
    let _lock = world.store.lock_imports(SOON).await.unwrap().unwrap();
    world.grant("u2", vec![NamedRole::namespace(Action::Modify, "demo", "application")]).await;
    let (root, owner) = (world.user("apollo").await, world.user("u1").await);
    let editor = world.user("u2").await;
    let all = archived(&[]);
    let of_cluster = archive(&[(
        "demo/LOCAL/demo+default+application.properties",
        json!([item("k", "v")]).to_string(),
    )]);
    let of_namespace = json!([item("k", "v")]).to_string();
    let cluster = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default";
    let (path_of_all, path_of_cluster) = (here(IMPORT), format!("{cluster}/import"));
    let path_of_namespace = format!("{cluster}/namespaces/application/items/import");
    let answers = tokio::join!(
        root.upload(&path_of_all, "all.zip", &all),
        owner.upload(&path_of_cluster, "c.zip", &of_cluster),
        editor.upload(&path_of_namespace, "a.properties", of_namespace.as_bytes()),
    );
    for answer in [answers.0, answers.1, answers.2] {
        answer.fails(503, "Nothing was imported. Another import has been running for 30 s");
        assert_eq!(answer.json()["code"], "import_running");
        assert!(answer.headers.contains_key("retry-after"));
    }
    root.get(APP).await.fails(400, "App not found: second");
    assert_eq!(owner.get(&format!("{NS}/items")).await.ok()["total"], 0);
}

/// X62: the imports of one user take no turns of others.
#[tokio::test]
async fn a_user_has_one_import_that_runs_or_waits() {
    let world = World::with_demo().await;
    let lock = world.store.lock_imports(SOON).await.unwrap().unwrap();
    let (root, owner) = (world.user("apollo").await, world.user("u1").await);
    let items = json!([item("k", "v")]).to_string();
    let of_cluster = archive(&[("demo/LOCAL/demo+default+application.properties", items)]);
    let cluster = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default/import";
    let import = async |caller: &Caller<'_>| caller.upload(cluster, "c.zip", &of_cluster).await;
    let (mut first, mut other) = (pin!(import(&root)), pin!(import(&owner)));
    assert!(timeout(A_WHILE, &mut first).await.is_err());
    let second = timeout(SOON, import(&root)).await.unwrap();
    second.fails(429, "Nothing was imported. Another import of yours is running or waiting");
    assert_eq!(second.json()["code"], "import_running");
    assert!(timeout(A_WHILE, &mut other).await.is_err(), "it waits for its turn");
    drop(lock);
    let (first, other) = tokio::join!(first, other);
    first.ok();
    other.ok();
    import(&root).await.ok();
}

/// Into the environment of the portal's process.
fn here(path: &str) -> String {
    path.replace("FAR", "LOCAL")
}
