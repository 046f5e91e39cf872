//! Remote environments, over real sockets: discovered through their meta server, tried in turn,
//! left out while they are unreachable.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::{Json, Router};
use castalia_server::background::Background;
use castalia_server::environment::Environment;
use castalia_server::http::admission::{Admission, Sharing};
use castalia_server::http::{self, failure};
use castalia_server::role::admin;
use castalia_server::settings::{Installation, Settings, Texts};
use castalia_server::state::EnvironmentState;
use castalia_store::Store;
use castalia_store::entity::{Standard as _, app as app_row, cluster, item as item_row};
use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};

use super::user_token::eventually;
use super::world::{NS, World, app, environment, item};

/// Timeout of an admin service that never answers in full.
const READ_TIMEOUT: Duration = Duration::from_millis(300);
/// The same beside a service that answers, and may be slow on a busy machine.
const PATIENT_TIMEOUT: Duration = Duration::from_secs(10);
/// Token of the admin service.
const TOKEN: &str = "token of the far environment";

pub(super) async fn listen(router: Router) -> SocketAddr {
    let listener = http::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(http::serve(
        listener,
        http::Port::plain(router),
        Background::default(),
        Admission::new(usize::MAX, Sharing::Direct),
    ));
    address
}

/// An admin service with its own database.
async fn admin_service() -> (SocketAddr, Store) {
    let (router, store) = admin_router().await;
    (listen(router).await, store)
}

pub(super) async fn admin_router() -> (Router, Store) {
    let state = admin_state().await;
    (router_of(&state), state.store)
}

pub(super) fn router_of(state: &EnvironmentState) -> Router {
    admin::router(state.clone()).0.layer(from_fn_with_state(false, failure::render))
}

/// The environment behind an admin service.
pub(super) async fn admin_state() -> EnvironmentState {
    let texts = Texts::gather(vec![("env", "FAR".to_owned())], None, std::iter::empty()).unwrap();
    let settings = Arc::new(Settings::from_texts(&texts).unwrap());
    let state = environment(&settings, Installation::Adopted).await;
    state.config.replace(
        [("admin-service.access.control.enabled", "true"), ("admin-service.access.tokens", TOKEN)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
    );
    state
}

/// An address that refuses connections: it is taken, but nobody listens.
fn refusing() -> SocketAddr {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    // Until the process ends, so that no other test listens there.
    std::mem::forget(socket);
    address
}

/// An address that accepts connections and never answers.
pub(super) async fn hanging() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    address
}

/// An address that answers each request endlessly, in chunks with a pause between them.
async fn endless(chunk: usize, pause: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                let chunk = format!("{chunk:x}\r\n{}\r\n", " ".repeat(chunk));
                let _ = stream.read(&mut [0; 4096]).await;
                let mut written = stream.write_all(head).await;
                while written.is_ok() {
                    tokio::time::sleep(pause).await;
                    written = stream.write_all(chunk.as_bytes()).await;
                }
            });
        }
    });
    address
}

pub(super) async fn meta_server(services: &[SocketAddr]) -> SocketAddr {
    meta_server_of(Arc::new(Mutex::new(services.to_vec()))).await
}

/// A meta server with the services that the list has at the moment.
async fn meta_server_of(services: Arc<Mutex<Vec<SocketAddr>>>) -> SocketAddr {
    let list = async move || {
        let services = services.lock().unwrap();
        let list = services.iter().map(|address| {
            json!({ "appName": "apollo-adminservice", "instanceId": address, "homepageUrl": format!("http://{address}/") })
        });
        Json(list.collect::<Vec<_>>())
    };
    listen(Router::new().route("/services/admin", get(list))).await
}

/// A portal with the environment FAR behind these services.
pub(super) async fn world(services: &[SocketAddr]) -> World {
    world_of(Arc::new(Mutex::new(services.to_vec()))).await
}

async fn world_of(services: Arc<Mutex<Vec<SocketAddr>>>) -> World {
    let mut world = World::adopted().await;
    set_far(&mut world, meta_server_of(services).await);
    world
}

/// Adds the environment FAR behind a meta server.
pub(super) fn set_far(world: &mut World, meta: SocketAddr) {
    world.set("apollo.portal.envs", "local,far");
    world
        .set("apollo.portal.meta.servers", &json!({ "far": format!("http://{meta}") }).to_string());
    world.set("admin-service.access.tokens", &json!({ "FAR": TOKEN }).to_string());
}

/// The same where the answers of services are awaited for this long.
async fn world_that_waits(timeout: Duration, services: &[SocketAddr]) -> World {
    let mut world = world(services).await;
    world.set("api.readTimeout", &timeout.as_millis().to_string());
    world
}

/// Probes all environments at once.
pub(super) async fn probe(world: &World) {
    let environments = world.environments.all();
    join_all(environments.iter().map(Environment::probe)).await;
}

pub(super) fn far() -> String {
    NS.replace("LOCAL", "FAR")
}

#[tokio::test]
async fn an_environment_elsewhere_is_used_like_the_one_here() {
    let (service, store) = admin_service().await;
    let world = world(&[service]).await;
    let user = world.user("u1").await;
    user.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    assert_eq!(user.get("/openapi/v1/envs").await.ok(), json!(["LOCAL", "FAR"]));
    user.post(&format!("{}/items", far()), item("k", "x=1&y")).await.ok();
    user.post(&format!("{}/releases", far()), json!({ "releaseTitle": "a b&c" })).await.ok();
    let latest = user.get(&format!("{}/releases/latest", far())).await.ok();
    assert_eq!(
        (&latest["name"], &latest["configurations"]),
        (&json!("a b&c"), &json!({ "k": "x=1&y" }))
    );
    assert_eq!(item_row::Entity::live().all(store.read()).await.unwrap().len(), 1);
    // Refusals of the admin service are passed on unchanged.
    let refused = user.get(&format!("{}/items/ghost", far())).await;
    refused.fails(404, "item not found for");
    assert_eq!(
        refused.json()["exception"],
        "com.ctrip.framework.apollo.common.exception.NotFoundException"
    );
}

#[tokio::test]
async fn gray_releases_access_keys_and_histories_of_an_environment_elsewhere_are_used_too() {
    let (service, _) = admin_service().await;
    let world = world(&[service]).await;
    let user = world.user("u1").await;
    user.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    user.post(&format!("{}/items", far()), item("k", "1")).await.ok();
    let title = json!({ "releaseTitle": "r" });
    user.post(&format!("{}/releases", far()), title.clone()).await.ok();
    let made = user.post(&format!("{}/branches", far()), json!(null)).await.ok();
    let name = made["clusterName"].as_str().unwrap();
    let branch = format!("{}/branches/{name}", far());
    let line =
        json!({ "clientAppId": "demo", "clientIpList": ["10.0.0.1"], "clientLabelList": [] });
    user.put(&format!("{branch}/rules"), json!({ "ruleItems": [line] })).await.empty();
    assert_eq!(user.get(&format!("{branch}/rules")).await.ok()["ruleItems"], json!([line]));
    let gray = far().replace("/default/", &format!("/{name}/"));
    user.post(&format!("{gray}/items"), item("k", "2&3")).await.ok();
    user.post(&format!("{branch}/releases"), title.clone()).await.ok();
    let merged = user.post(&format!("{branch}/merge"), title).await.ok();
    assert_eq!(merged["configurations"], json!({ "k": "2&3" }));
    user.get(&format!("{}/branches", far())).await.empty();
    let past = "/openapi/v1/apps/demo/envs/FAR/clusters/default/namespaces/application";
    let history = user.get(&format!("{past}/releases/histories")).await.ok();
    assert_eq!(history[1]["operation"], 4, "{history}");
    assert!(!user.get(&format!("{past}/commits")).await.ok().as_array().unwrap().is_empty());
    let keys = "/openapi/v1/apps/demo/envs/FAR/accesskeys";
    let key = format!("{keys}/{}", user.post(keys, json!(null)).await.ok()["id"]);
    user.put(&format!("{key}/activation"), json!(null)).await.empty();
    user.put(&format!("{key}/deactivation"), json!(null)).await.empty();
    user.delete(&key).await.empty();
    assert_eq!(user.get(&format!("{}/instances", far())).await.ok(), json!(0));
}

#[tokio::test]
async fn an_app_is_compared_with_and_deleted_from_an_environment_elsewhere() {
    let (service, store) = admin_service().await;
    let world = world(&[service]).await;
    let user = world.user("u1").await;
    user.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let far_target = json!({ "appId": "demo", "env": "FAR", "clusterName": "default", "namespaceName": "application" });
    let sync = json!({ "syncToNamespaces": [far_target], "syncItems": [item("k", "1")] });
    let diffs = user.post(&format!("{NS}/items/diff"), sync.clone()).await.ok();
    assert_eq!(diffs[0]["createItems"][0]["key"], "k");
    user.post(&format!("{NS}/items/synchronize"), sync).await.empty();
    assert_eq!(user.get(&format!("{}/items", far())).await.ok()["total"], 1);
    assert_eq!(user.get("/openapi/v1/apps/demo/miss-envs").await.ok(), json!([]));
    let usage = "/openapi/v1/apps/demo/envs/FAR/clusters/default/namespaces/application/usage";
    assert_eq!(user.get(usage).await.ok()[0]["envName"], "FAR");
    world.user("apollo").await.delete("/openapi/v1/apps/demo").await.empty();
    assert!(app_row::Entity::live().all(store.read()).await.unwrap().is_empty());
    let gone = world_without_services().await;
    let root = gone.user("apollo").await;
    root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let missing = root.get("/openapi/v1/apps/demo/miss-envs").await.ok();
    assert_eq!(missing[0]["code"], 500, "{missing}");
}

/// The environment FAR has an address, and nobody answers there.
async fn world_without_services() -> World {
    world(&[refusing()]).await
}

#[tokio::test]
async fn an_environment_that_is_away_is_left_out_until_it_is_back() {
    // A83
    let world = world(&[refusing()]).await;
    let user = world.user("u1").await;
    assert_eq!(user.get("/openapi/v1/envs").await.ok(), json!(["LOCAL", "FAR"]));
    probe(&world).await;
    assert_eq!(user.get("/openapi/v1/envs").await.ok(), json!(["LOCAL", "FAR"]));
    probe(&world).await;
    assert_eq!(user.get("/openapi/v1/envs").await.ok(), json!(["LOCAL"]));
    // It may have an app of this id; only a super administrator may take that risk.
    user.post("/openapi/v1/apps", app("demo", "u1"))
        .await
        .fails(503, "FAR does not answer, so it is unknown whether the app demo exists there");
    let root = world.user("apollo").await;
    root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    user.post(&format!("{}/items", far()), item("k", "v"))
        .await
        .fails(500, "Admin servers are unresponsive.");
    let nowhere = self::world(&[]).await;
    let user = nowhere.user("apollo").await;
    user.get(&far()).await.fails(500, "No available admin server.");
}

/// Services that start again elsewhere are found while the portal runs.
#[tokio::test]
async fn services_that_moved_are_found() {
    let services = Arc::new(Mutex::new(vec![refusing()]));
    let world = world_of(Arc::clone(&services)).await;
    let user = world.user("u1").await;
    for _ in 0..2 {
        probe(&world).await;
    }
    assert_eq!(user.get("/openapi/v1/envs").await.ok(), json!(["LOCAL"]));
    *services.lock().unwrap() = vec![admin_service().await.0];
    eventually(async || {
        probe(&world).await;
        let found = user.get("/openapi/v1/envs").await.ok();
        (found == json!(["LOCAL", "FAR"])).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_service_that_refuses_connections_costs_nothing() {
    // A84
    let (service, store) = admin_service().await;
    let world = world(&[refusing(), service]).await;
    let user = world.user("u1").await;
    user.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    for number in 0..8 {
        user.post(&format!("{}/items", far()), item(&number.to_string(), "v")).await.ok();
        user.get(&far()).await.ok();
    }
    assert_eq!(item_row::Entity::live().all(store.read()).await.unwrap().len(), 8);
}

#[tokio::test]
async fn a_write_that_somebody_may_have_received_is_not_repeated() {
    // A85
    let (service, store) = admin_service().await;
    let direct = world(&[service]).await;
    direct.user("u1").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let world = world_that_waits(PATIENT_TIMEOUT, &[hanging().await, service]).await;
    // The environment has the app now.
    let root = world.user("apollo").await;
    root.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let user = world.user("u1").await;
    let clusters = async || cluster::Entity::live().all(store.read()).await.unwrap().len();
    let (before, mut made) = (clusters().await, 0);
    // The order of the services is random for each call, and nothing is read before this one.
    for number in 0..64 {
        let cluster = json!({ "appId": "demo", "name": format!("c{number}") });
        let answer = user.post("/openapi/v1/envs/FAR/apps/demo/clusters", cluster).await;
        if answer.status != 200 {
            answer.fails(500, "Admin servers are unresponsive.");
            break;
        }
        made += 1;
    }
    assert!(made < 64, "the silent service was never asked");
    for _ in 0..4 {
        user.get(&far()).await.ok();
    }
    assert_eq!(clusters().await, before + made);
}

#[tokio::test]
async fn a_wrong_token_of_the_portal_does_not_sign_its_users_out() {
    let (service, _) = admin_service().await;
    let mut world = world(&[service]).await;
    world.set("admin-service.access.tokens", &json!({ "FAR": "wrong" }).to_string());
    world.user("apollo").await.get(&far()).await.fails(500, "The admin service refuses the portal");
}

#[tokio::test]
async fn a_name_never_leads_the_portals_token_to_another_path() {
    let (service, store) = admin_service().await;
    let world = world(&[service]).await;
    let user = world.user("u1").await;
    user.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let root = world.user("apollo").await;
    for name in ["%2e%2e", "%2E%2e", "%2e", ".%2e"] {
        let cluster = format!("/openapi/v1/envs/FAR/apps/demo/clusters/{name}");
        for answer in [
            root.delete(&cluster).await,
            root.get(&format!("{cluster}/namespaces/application/items/k")).await,
        ] {
            assert_eq!(answer.json()["code"], "invalid_name", "{name}: {answer:?}");
        }
    }
    root.get("/openapi/v1/envs/FAR/apps/demo/clusters/default").await.ok();
    assert_eq!(app_row::Entity::live().all(store.read()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_environment_whose_answer_does_not_end_is_away_and_holds_up_no_other() {
    for (chunk, pause) in [(1, READ_TIMEOUT / 3), (64 * 1024, Duration::ZERO)] {
        let mut world = world_that_waits(READ_TIMEOUT, &[endless(chunk, pause).await]).await;
        world.set("api.connectTimeout", "300");
        for _ in 0..2 {
            let probe = tokio::time::timeout(Duration::from_secs(30), probe(&world));
            probe.await.expect("the probe has an end");
        }
        let root = world.user("apollo").await;
        assert_eq!(root.get("/openapi/v1/envs").await.ok(), json!(["LOCAL"]), "{chunk}");
    }
}

/// An environment whose admin service is healthy only if all are probed at the same time.
async fn well_together(barrier: Arc<tokio::sync::Barrier>) -> SocketAddr {
    let health = move || {
        let barrier = Arc::clone(&barrier);
        async move {
            barrier.wait().await;
            Json(json!({ "status": "UP" }))
        }
    };
    meta_server(&[listen(Router::new().route("/health", get(health))).await]).await
}

#[tokio::test]
async fn all_environments_are_probed_at_once() {
    const NAMES: [&str; 4] = ["A", "B", "C", "D"];
    let barrier = Arc::new(tokio::sync::Barrier::new(NAMES.len() + 1));
    let mut world = World::adopted().await;
    world.set("apollo.portal.envs", "local,a,b,c,d");
    // Longer than the test waits; sequential probes would wait for it.
    world.set("api.readTimeout", "60000");
    let mut servers = serde_json::Map::new();
    for name in NAMES {
        let meta = well_together(Arc::clone(&barrier)).await;
        servers.insert(name.to_owned(), json!(format!("http://{meta}")));
    }
    world.set("apollo.portal.meta.servers", &serde_json::Value::from(servers).to_string());
    let _background = world.run();
    let all = tokio::time::timeout(Duration::from_secs(30), barrier.wait()).await;
    assert!(all.is_ok(), "some environment is not probed before another has answered");
}

#[tokio::test]
async fn an_answer_of_an_environment_that_is_too_long_is_refused() {
    let endless = endless(1024 * 1024, Duration::ZERO).await;
    // Longer than any machine needs to receive as many bytes as an answer may have.
    let world = world_that_waits(Duration::from_secs(60), &[endless]).await;
    let root = world.user("apollo").await;
    let answer = root.get(&far()).await;
    assert_eq!((answer.status, answer.json()["code"] == "env_answer_too_long"), (500, true));
}
