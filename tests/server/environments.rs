//! One portal over three environments in three other processes. One is killed and one is suspended:
//! the third is used in normal time, both are shown as down with the reason, and they are used
//! again once they are back.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::demo::Demo;
use crate::support::health::becomes;
use crate::support::http::{Answer, Http};
use crate::support::server::{Options, Server};
use crate::support::session;
use crate::support::stopwatch::{Limit, Stopwatch};

/// Read timeout of the portal towards an environment.
const READ_TIMEOUT: Duration = Duration::from_secs(7);
/// Three read timeouts, because a list may ask for the services and then for the data, with a
/// margin for a machine that is busy with other tests.
const AT_ONCE: Duration = Duration::from_secs(40);
/// Two probes and their pauses, with the same margin.
const NOTICED: Duration = Duration::from_secs(120);
/// Time until an environment is used once it is well again: a probe, and the pause of two seconds
/// before it. Between the probes of one that answers are ten seconds.
const BACK: Duration = Duration::from_secs(8);
/// A call of an environment that is known to be down does not wait for it, not even the first.
const NO_WAIT: Limit =
    Limit { usual: Duration::from_secs(1), most: Duration::from_secs(READ_TIMEOUT.as_secs() - 1) };

/// An environment at addresses that a restart keeps.
fn start(env: &str, directory: &Path, before: Option<&Server>) -> Server {
    let port = |address: &str| address.rsplit(':').next().unwrap().to_owned();
    let mut options = Options::new()
        .flag("--roles", "config,meta,admin")
        .flag("--env", env)
        .flag("--advertise", "http://127.0.0.1")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    if let Some(before) = before {
        options = options
            .flag("--config-port", &port(&before.config))
            .flag("--admin-port", &port(&before.admin));
    }
    Server::start_in(directory, options)
}

fn signal(server: &Server, name: &str) {
    let status = Command::new("kill").args([name, &server.pid().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Requests whose answer has to come in normal time. None is repeated, because an environment that
/// is down must not cause a refusal by another.
struct Quick<'h>(&'h Http);

impl Quick<'_> {
    async fn get(&self, path: &str) -> Answer {
        within(path, self.0.get(path)).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        within(path, self.0.post(path, body)).await
    }
}

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    let begun = Stopwatch::start();
    let answer = work.await;
    assert!(begun.elapsed() < AT_ONCE, "{what} took {:?}", begun.elapsed());
    answer
}

/// The answer to a call that does not wait.
async fn get_now(http: &Http, path: &str) -> Answer {
    let mut answer = None;
    let call = async || {
        let begun = Stopwatch::start();
        answer = Some(http.get(path).await);
        begun.elapsed()
    };
    NO_WAIT.check(path, call).await;
    answer.unwrap()
}

/// Publishes a value and a gray release of it, and ends the branch.
async fn change_all(api: &Http, demo: &Demo, value: &str) {
    let (quick, path) = (Quick(api), demo.path());
    let title = json!({ "releaseTitle": "r", "releasedBy": "apollo" });
    let item = json!({
        "key": "k", "value": value, "dataChangeCreatedBy": "apollo",
        "dataChangeLastModifiedBy": "apollo",
    });
    let set = format!("{path}/items/k?createIfNotExists=true");
    within("an item", api.put(&set, item)).await.ok();
    let release = quick.post(&format!("{path}/releases"), title.clone()).await.ok().json();
    assert_eq!(release["configurations"]["k"], value);
    let made = quick.post(&format!("{path}/branches?operator=apollo"), Value::Null).await.ok();
    let name = made.json()["clusterName"].as_str().unwrap().to_owned();
    let branch = format!("{path}/branches/{name}");
    let line =
        json!({ "clientAppId": "demo", "clientIpList": ["10.0.0.1"], "clientLabelList": [] });
    let rules = json!({ "ruleItems": [line] });
    within("rules", api.put(&format!("{branch}/rules?operator=apollo"), rules)).await.ok();
    quick.post(&format!("{branch}/releases?operator=apollo"), title).await.ok();
    within("an end", api.delete(&format!("{branch}?operator=apollo"))).await.ok();
    assert_eq!(quick.get(&format!("{path}/instances")).await.ok().json(), json!(0));
}

/// Lists over all environments, and roles, which no environment stores.
async fn lists(root: &Http, found_in: &[&str]) {
    let quick = Quick(root);
    let search = "/openapi/v1/global-search/item-info/by-key-or-value?key=k";
    let found = quick.get(search).await.ok().json();
    let mut envs: Vec<_> = found["body"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| hit["envName"].as_str().unwrap())
        .collect();
    envs.sort_unstable();
    assert_eq!(envs, found_in, "{found}");
    for path in [
        "/openapi/v1/apps",
        "/openapi/v1/apps/demo",
        "/openapi/v1/apps/demo/envclusters",
        "/openapi/v1/apps/demo/miss-envs",
        "/openapi/v1/apps/demo/role-users",
        "/openapi/v1/apps/demo/namespaces/releases/status",
    ] {
        let answer = quick.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
}

/// The environments by name: whether the portal uses them, and the reason why it does not.
async fn states(root: &Http) -> Vec<(String, bool, String)> {
    let info = Quick(root).get("/openapi/v1/system-info").await.ok().json();
    let state = |environment: &Value| {
        let text = |name: &str| environment[name].as_str().unwrap_or_default().to_owned();
        (text("env"), environment["active"] == true, text("errorMessage"))
    };
    info["environments"].as_array().unwrap().iter().map(state).collect()
}

/// Pages of an app, and the namespace in an environment that is known to be down.
async fn calls_do_not_wait(root: &Http, down: &Demo) {
    for page in ["envclusters", "env-cluster-info", "miss-envs", "deleted"] {
        let path = format!("/openapi/v1/apps/demo/{page}");
        get_now(root, &path).await.ok();
    }
    let path = format!("{}/items", down.path());
    assert_eq!(get_now(root, &path).await.status, 500);
}

/// Waits until the portal uses exactly these environments.
async fn uses(api: &Http, expected: &[&str], limit: Duration) {
    let begun = Stopwatch::start();
    loop {
        let used = Quick(api).get("/openapi/v1/envs").await.ok().json();
        if used == json!(expected) {
            return;
        }
        assert!(begun.elapsed() < limit, "{used} instead of {expected:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_killed_and_a_frozen_environment_hold_up_no_other_and_are_used_again() {
    let directories = [0, 1, 2].map(|_| tempfile::tempdir().unwrap());
    let names = ["DEV", "FAT", "UAT"];
    let [dev, mut fat, uat] =
        [0, 1, 2].map(|index| start(names[index], directories[index].path(), None));
    let portal = Server::start_with(
        Options::new()
            .flag("--roles", "portal")
            .variable("DEV_META", &dev.config)
            .variable("FAT_META", &fat.config)
            .variable("UAT_META", &uat.config)
            .variable("CASTALIA_APOLLO_PORTAL_ENVS", "dev,fat,uat")
            .variable("CASTALIA_API_READTIMEOUT", &READ_TIMEOUT.as_millis().to_string()),
    );
    let api = portal.open_api();
    let root = session::root(&portal).await;
    let demo = Demo::create_in(api.clone(), "DEV", "demo").await;
    let places = names.map(|name| demo.in_env(name));
    for place in &places {
        change_all(&api, place, "all").await;
    }
    lists(&root, &names).await;

    fat.kill();
    signal(&uat, "-STOP");
    // Before the portal knows it, and after.
    for value in ["unnoticed", "noticed"] {
        change_all(&api, &places[0], value).await;
        lists(&root, &["DEV"]).await;
        for place in &places[1..] {
            let answer = within("a refusal", api.get(&format!("{}/items", place.path()))).await;
            assert_eq!(answer.status, 500, "{answer:?}");
        }
        uses(&api, &["DEV"], NOTICED).await;
    }
    for place in &places[1..] {
        calls_do_not_wait(&root, place).await;
    }
    for (name, is_used, reason) in states(&root).await {
        assert_eq!(is_used, name == "DEV", "{name}: {reason}");
        assert_eq!(reason.is_empty(), name == "DEV", "{name}: {reason}");
    }

    signal(&uat, "-CONT");
    becomes(&Http::new(&uat.admin), "/health", 200).await;
    uses(&api, &["DEV", "UAT"], BACK).await;
    fat = start("FAT", directories[1].path(), Some(&fat));
    becomes(&Http::new(&fat.admin), "/health", 200).await;
    uses(&api, &names, BACK).await;
    for place in &places {
        change_all(&api, place, "back").await;
    }
    lists(&root, &names).await;
    drop((fat, uat, dev));
}
