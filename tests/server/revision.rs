//! `Castalia-Revision`: a change or a publish that is based on an outdated draft is refused, and
//! the answer describes the current one (REL-63), on the admin API and through the portal.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::demo::Demo;
use crate::support::http::{Answer, Http};
use crate::support::server::{Options, Server};

pub(crate) const REVISION: &str = "Castalia-Revision";

pub(crate) fn options() -> Options {
    Options::new()
        .flag("--advertise", "http://127.0.0.1")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
}

fn item(value: &str) -> Value {
    json!({ "key": "k", "value": value, "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u" })
}

fn publish_path(path: &str, name: &str) -> String {
    format!("{path}/releases?name={name}&operator=u&comment=&isEmergencyPublish=false")
}

/// The answer to a late caller.
#[track_caller]
fn assert_stale(answer: &Answer, base: &str, current: &str) {
    assert_eq!(answer.status, 409, "{answer:?}");
    let body = answer.json();
    let said = (&body["code"], &body["revision"], &body["current"]);
    assert_eq!(said, (&json!("stale_revision"), &json!(base), &json!(current)), "{answer:?}");
}

/// The records of the changes of an item: the commits of its app, oldest first, and the number of
/// audit entries.
async fn recorded(database: &Database, item: &Value) -> (Vec<Value>, usize) {
    let commits = r#"SELECT "ChangeSets" FROM "Commit" WHERE "AppId" = 'demo' ORDER BY "Id""#;
    let audit = format!(
        r#"SELECT "Id" FROM "Audit" WHERE "EntityName" = 'Item' AND "OpName" = 'UPDATE' AND "EntityId" = {item}"#
    );
    let read = |row: &Value| serde_json::from_str(row["ChangeSets"].as_str().unwrap()).unwrap();
    let commits = database.rows(commits).await.iter().map(read).collect();
    (commits, database.rows(&audit).await.len())
}

/// Fifty callers at once, based on the same revision, through all nodes: four of five edit one
/// item, of whom one is kept and recorded, and the others publish, what they saw or nothing.
async fn one_change_wins_for_each_base(servers: &[Server], database: &Database) {
    let admins: Vec<_> = servers.iter().map(|server| Http::new(&server.admin)).collect();
    let app = App::create(&admins[0], "demo").await;
    app.publish("0").await;
    let path = app.path("default", "application");
    let id = admins[0].get(&format!("{path}/items/k")).await.ok().json()["id"].clone();
    let (begun, audited) = recorded(database, &id).await;
    for round in 0..5 {
        let read = admins[0].get(&format!("{path}/items")).await.ok();
        let base = read.header(REVISION).to_owned();
        let seen = read.json()[0]["value"].as_str().unwrap().to_owned();
        let calls = (0..50).map(|caller| {
            // The nodes in turn, also for those who publish.
            let http = admins[caller / 5 % admins.len()].clone().with(REVISION, &base);
            let name = format!("{round}-{caller}");
            let (edit, publish) = (format!("{path}/items/{id}"), publish_path(&path, &name));
            async move {
                let (is_publish, mut repetitions) = (caller % 5 == 0, 0..10);
                loop {
                    let answer = match is_publish {
                        true => http.post(&publish, json!(null)).await,
                        false => http.put(&edit, item(&name)).await,
                    };
                    // All connections of a busy node wait for the row; nothing was changed.
                    let is_busy = answer.status == 503 && answer.json()["code"] == "unavailable";
                    if !is_busy || repetitions.next().is_none() {
                        return (is_publish, answer);
                    }
                }
            }
        });
        let (publishes, edits): (Vec<_>, Vec<_>) =
            join_all(calls).await.into_iter().partition(|(is_publish, _)| *is_publish);
        let answers: Vec<Answer> = edits.into_iter().map(|(_, answer)| answer).collect();
        let kept: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(kept.len(), 1, "{answers:?}");
        let now = admins[0].get(&format!("{path}/items")).await.ok();
        assert_eq!(now.json()[0]["value"], kept[0].json()["value"]);
        let (commits, audits) = recorded(database, &id).await;
        assert_eq!(commits.len(), begun.len() + round + 1, "{commits:?}");
        let update = &commits[commits.len() - 1]["updateItems"][0];
        assert_eq!(update["oldItem"]["value"], read.json()[0]["value"]);
        assert_eq!(update["newItem"]["value"], kept[0].json()["value"]);
        assert_eq!(audits, audited + round + 1);
        for (_, answer) in &publishes {
            if answer.status == 200 {
                let configurations = answer.json()["configurations"].as_str().unwrap().to_owned();
                assert_eq!(configurations, json!({ "k": seen }).to_string());
            }
        }
        let publishes = publishes.iter().map(|(_, answer)| answer);
        for answer in answers.iter().chain(publishes).filter(|answer| answer.status != 200) {
            assert_stale(answer, &base, now.header(REVISION));
        }
    }
}

#[tokio::test]
async fn one_change_wins_for_each_base_on_sqlite() {
    let server = Server::start_with(options());
    let database = Database::file(server.data_dir(), "config.db");
    one_change_wins_for_each_base(&[server], &database).await;
}

#[tokio::test]
async fn one_change_wins_for_each_base_on_two_nodes_of_mysql() {
    on(Engine::MySql).await;
}

#[tokio::test]
async fn one_change_wins_for_each_base_on_two_nodes_of_postgres() {
    on(Engine::Postgres).await;
}

async fn on(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    let options =
        options().flag("--roles", "config,meta,admin").flag("--config-db", &fresh.database.url);
    let servers = [Server::start_with(options.clone()), Server::start_with(options)];
    one_change_wins_for_each_base(&servers, &fresh.database).await;
    drop(servers);
    fresh.remove().await;
}

/// Every operation that edits, publishes or deletes accepts the revision of its caller, and every
/// read returns it.
#[tokio::test]
async fn every_change_of_a_namespace_takes_a_base() {
    let server = Server::start_with(options());
    let http = Http::new(&server.admin);
    let app = App::create(&http, "demo").await;
    let release = app.publish("0").await;
    let branch = app.add_branch("application", &["10.0.0.1"], &[]).await;
    let path = app.path("default", "application");
    let old = http.get(&path).await.ok().header(REVISION).to_owned();
    let namespace = http.get(&path).await.ok().json()["id"].clone();
    let id = http.get(&format!("{path}/items/k")).await.ok().json()["id"].clone();
    http.put(&format!("{path}/items/{id}"), item("1")).await.ok();
    let current = http.get(&path).await.ok().header(REVISION).to_owned();
    assert_ne!(old, current);
    for read in ["/items", "/items-with-page", "/items/k", "/encodedItems/aw=="] {
        let answer = http.get(&format!("{path}{read}")).await.ok();
        assert_eq!(answer.header(REVISION), current, "{read}");
    }

    let late = http.clone().with(REVISION, &old);
    let set = json!({ "dataChangeLastModifiedBy": "u" });
    let comment = json!({ "namespaceId": namespace, "comment": "# c", "dataChangeCreatedBy": "u" });
    let rules = json!({
        "appId": "demo", "clusterName": "default", "namespaceName": "application", "branchName": branch,
        "ruleItems": [], "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u",
    });
    let refused = [
        late.post(&format!("{path}/items"), item("2")).await,
        late.post(&format!("{path}/comment_items"), comment).await,
        late.put(&format!("{path}/items/{id}"), item("2")).await,
        late.delete(&format!("/items/{id}?operator=u")).await,
        late.post(&format!("{path}/itemset"), set.clone()).await,
        late.post(&format!("{path}/releases?name=r&operator=u"), Value::Null).await,
        late.post(&format!("{path}/updateAndPublish?releaseName=r&branchName={branch}"), set).await,
        late.put(&format!("/releases/{}/rollback?operator=u", release.id), Value::Null).await,
        late.post(&format!("{path}/branches?operator=u"), Value::Null).await,
        late.delete(&format!("{path}?operator=u")).await,
    ];
    for answer in refused {
        assert_stale(&answer, &old, &current);
    }
    // Rules have a revision of their own.
    let rules_path = format!("{path}/branches/{branch}/rules");
    let of_rules = http.get(&rules_path).await.ok().header(REVISION).to_owned();
    let answer = late.put(&rules_path, rules.clone()).await;
    assert_stale(&answer, &old, &of_rules);
    http.clone().with(REVISION, &of_rules).put(&rules_path, rules).await.ok();
    // So has a branch, whose values are lost with it.
    let gray = app.path(&branch, "application");
    let of_branch = http.get(&gray).await.ok().header(REVISION).to_owned();
    let answer = late.delete(&format!("{path}/branches/{branch}?operator=u")).await;
    assert_stale(&answer, &old, &of_branch);
    let query = "releaseName=r&operator=u&grayDelKeys=k";
    let answer = late.post(&format!("{gray}/gray-del-releases?{query}"), Value::Null).await;
    assert_eq!(answer.status, 409, "the draft of a branch is its own: {answer:?}");
    http.with(REVISION, &current)
        .post(&format!("{path}/releases?name=r&operator=u"), Value::Null)
        .await
        .ok();
}

/// The portal passes the revision on in both directions, to an environment in its own process.
#[tokio::test]
async fn the_portal_hands_revisions_on() {
    let server = Server::start_with(options());
    hands_revisions_on(Demo::create(&server, "demo").await, "DEV").await;
}

/// A remote environment and its portal, on these databases if they are available.
pub(crate) fn start_apart(databases: Option<[&str; 2]>) -> [Server; 2] {
    let on = |flag: &str, at: usize| {
        let options = options();
        match databases {
            Some(urls) => options.flag(flag, urls[at]),
            None => options,
        }
    };
    let environment =
        on("--config-db", 0).flag("--roles", "config,meta,admin").flag("--env", "FAT");
    let environment = Server::start_with(environment);
    let portal = on("--portal-db", 1)
        .flag("--roles", "portal")
        .variable("FAT_META", &environment.config)
        .variable("CASTALIA_APOLLO_PORTAL_ENVS", "FAT");
    let portal = Server::start_with(portal);
    [environment, portal]
}

/// The same, each on a database of a server, which the caller removes after the processes.
pub(crate) async fn start_apart_on(engine: Engine) -> Option<([Server; 2], [Fresh; 2])> {
    let databases = [Fresh::on(engine).await?, Fresh::on(engine).await?];
    let [config, portal] = &databases;
    let nodes = start_apart(Some([&config.database.url, &portal.database.url]));
    Some((nodes, databases))
}

/// The same with a remote environment.
#[tokio::test]
async fn the_portal_hands_revisions_on_to_an_environment_elsewhere() {
    let [_environment, portal] = start_apart(None);
    let demo = Demo::create_in(portal.open_api(), "FAT", "demo").await;
    hands_revisions_on(demo, "FAT").await;
}

async fn hands_revisions_on(demo: Demo, env: &str) {
    demo.set("k", "published").await;
    demo.publish().await;
    demo.set("k", "0").await;
    let published = demo.publish().await;
    let items = format!("{}/items", demo.path());
    let old = demo.api.get(&items).await.ok().header(REVISION).to_owned();
    assert!(!old.is_empty());
    demo.set("k", "1").await;
    let current = demo.api.get(&format!("{items}/k")).await.ok().header(REVISION).to_owned();
    assert_eq!(demo.api.get(&demo.path()).await.ok().header(REVISION), current);

    let late = demo.api.clone().with(REVISION, &old);
    let new = json!({ "key": "new", "value": "2", "dataChangeCreatedBy": "apollo" });
    let k = json!({ "key": "k", "value": "2", "dataChangeLastModifiedBy": "apollo" });
    let text = json!({ "configText": "k = 2", "format": "properties", "operator": "apollo" });
    let release = json!({ "releaseTitle": "r", "releasedBy": "apollo" });
    let changes = json!({ "create": [new], "update": [k] });
    let rollback = format!("/openapi/v1/envs/{env}/releases/{}/rollback", published["id"]);
    let refused = [
        late.put(&format!("{rollback}?operator=apollo"), Value::Null).await,
        late.post(&items, new.clone()).await,
        late.put(&format!("{items}/k"), k.clone()).await,
        late.delete(&format!("{items}/k?operator=apollo")).await,
        late.put(&items, text.clone()).await,
        late.post(&format!("{items}/revocation?operator=apollo"), Value::Null).await,
        late.post(&format!("{items}/batch-create?operator=apollo"), json!([new])).await,
        late.put(&format!("{items}/batch-update?operator=apollo"), json!([k])).await,
        late.post(&format!("{items}/batch-delete?operator=apollo"), json!(["k"])).await,
        late.post(&format!("{}/releases", demo.path()), release).await,
        late.post(&format!("{}/changes?operator=apollo", demo.path()), changes).await,
    ];
    for answer in refused {
        assert_stale(&answer, &old, &current);
    }
    demo.api.clone().with(REVISION, &current).put(&items, text).await.ok();
    let found = demo.api.get(&format!("{items}/k")).await.ok();
    assert_eq!(found.json()["value"], "2");
    let newest = demo.api.get(&items).await.ok().header(REVISION).to_owned();
    let on_time = demo.api.clone().with(REVISION, &newest);
    on_time.put(&format!("{rollback}?operator=apollo"), Value::Null).await.ok();
}

/// Many concurrent changes of one item through a portal, based on the same revision: one is kept,
/// the others are refused.
async fn one_change_wins_through_a_portal(demo: &Demo) {
    demo.set("k", "0").await;
    let items = format!("{}/items", demo.path());
    for round in 0..4 {
        let base = demo.api.get(&items).await.ok().header(REVISION).to_owned();
        let edits = (0..12).map(|caller| {
            let http = demo.api.clone().with(REVISION, &base);
            let value = format!("{round}-{caller}");
            let path = format!("{items}/k?operator=apollo");
            async move {
                let answer = http.put(&path, json!({ "key": "k", "value": value })).await;
                (value, answer)
            }
        });
        let answers = join_all(edits).await;
        let kept: Vec<_> = answers.iter().filter(|(_, answer)| answer.status == 200).collect();
        assert_eq!(kept.len(), 1, "{answers:?}");
        let now = demo.api.get(&items).await.ok();
        assert_eq!(now.json()["content"][0]["value"], kept[0].0);
        // A busy machine may have no connection left for some, which is not a conflict.
        let late = answers.iter().filter(|(_, answer)| !matches!(answer.status, 200 | 503));
        for (_, answer) in late {
            assert_stale(answer, &base, now.header(REVISION));
        }
    }
}

#[tokio::test]
async fn one_change_wins_through_a_portal_over_an_environment_elsewhere() {
    let [_environment, portal] = start_apart(None);
    let demo = Demo::create_in(portal.open_api(), "FAT", "demo").await;
    one_change_wins_through_a_portal(&demo).await;
    for engine in [Engine::MySql, Engine::Postgres] {
        let Some((nodes, databases)) = start_apart_on(engine).await else { return };
        let demo = Demo::create_in(nodes[1].open_api(), "FAT", "demo").await;
        one_change_wins_through_a_portal(&demo).await;
        drop(nodes);
        join_all(databases.map(Fresh::remove)).await;
    }
}

/// A change of the value alone never reverts a concurrent change of the type: what a request does
/// not contain is read and written in the same transaction.
#[tokio::test]
async fn a_change_without_a_revision_undoes_nothing_that_it_does_not_name() {
    let server = Server::start_with(options());
    let demo = Demo::create(&server, "demo").await;
    let items = format!("{}/items", demo.path());
    for round in 0..12 {
        let key = format!("k{round}");
        demo.set(&key, "0").await;
        let path = format!("{items}/{key}?operator=apollo");
        let put = |body: Value| {
            let (http, path) = (demo.api.clone(), path.clone());
            async move { http.put(&path, body).await }
        };
        let values = (0..6).map(|at| put(json!({ "key": key, "value": at.to_string() })));
        let typed = put(json!({ "key": key, "value": "1", "type": 1 }));
        let (answers, typed) = futures_util::future::join(join_all(values), typed).await;
        for answer in answers.iter().chain([&typed]) {
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        let found = demo.api.get(&format!("{items}/{key}")).await.ok().json();
        assert_eq!(found["type"], 1, "the type was acknowledged, and nobody else named one");
    }
}
