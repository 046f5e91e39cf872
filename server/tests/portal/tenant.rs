//! One tenant repeats every request of another (SEC-07, SEC-28): as a user of another app, as a
//! consumer with permissions on another app, and with a user token that is limited to another app.
//! The table is compared with the routes, so a new route needs a row.

use castalia_server::settings::Installation;
use castalia_store::Store;
use http::Method;
use sea_orm::{ConnectionTrait as _, DatabaseBackend, Statement};
use serde_json::{Value, json};

use super::tenant_table::Gets::{self, Description, NoSession, Nothing, Refused};
use super::tenant_table::{ABOUT_NO_APP, TABLE};
use super::world::{Answer, Caller, NS, World, app, item};

/// A value that must not reach anyone else.
const HIDDEN: &str = "hidden-value";

const CLUSTER: &str = "/envs/{env}/apps/{appId}/clusters/{clusterName}";
/// The other order, in which paths of later versions of Apollo begin.
const ENV: &str = "/apps/{appId}/envs/{env}";

/// The row of the table for a route.
fn row(method: &Method, path: &str) -> String {
    let below = path.strip_prefix("/openapi/v1").unwrap_or(path);
    let namespace = format!("{CLUSTER}/namespaces/{{namespaceName}}");
    if let Some(rest) = below.strip_prefix(namespace.as_str()) {
        return format!("{method} {{namespaceName}}{rest}");
    }
    if let Some(rest) = below.strip_prefix(ENV) {
        let rest =
            rest.replace("/clusters/{clusterName}/namespaces/{namespaceName}", "{namespaceName}");
        return format!("{method} {{env}}{rest}");
    }
    match below.strip_prefix(CLUSTER) {
        Some(rest) if !rest.is_empty() => format!("{method} {{clusterName}}{rest}"),
        _ => format!("{method} {below}"),
    }
}

/// The path for the app `demo`, with an operator for consumers, and a body that its owner could
/// send.
fn request(method: &Method, path: &str, filled: &Filled) -> (String, Value) {
    let Filled { release_id, branch, access_key_id } = filled;
    let at = path
        .replace("{env}", "LOCAL")
        .replace("{appId}", "demo")
        .replace("{clusterName}", "default")
        .replace("{namespaceName}", "application")
        .replace("{releaseId}", &release_id.to_string())
        .replace("{branchName}", branch)
        .replace("{accessKeyId}", &access_key_id.to_string())
        .replace("{roleType}", role_type(path))
        .replace("{permissionType}", "AssignRole")
        .replace("{key}", if path.contains("encodedItems") { "aw" } else { "k" });
    let named = |name: &str| json!({ "appId": "demo", "name": name, "format": "properties", "isPublic": false });
    let last = path.rsplit('/').next().unwrap_or_default();
    let body = match (method.as_str(), last) {
        ("PUT", "{appId}") => app("demo", "u2")["app"].clone(),
        ("POST", "appnamespaces" | "clusters") => named("taken"),
        ("POST", "namespaces") => {
            json!([{ "appId": "demo", "env": "LOCAL", "clusterName": "default", "appNamespaceName": "other" }])
        }
        ("PUT", "items") => json!({ "format": "properties", "configText": "k = taken" }),
        ("POST" | "PUT", "items" | "{key}") => item("k", "taken"),
        ("POST", "releases" | "gray-del-releases" | "merge" | "{branchName}") => {
            json!({ "releaseTitle": "taken", "grayDelKeys": ["k"] })
        }
        ("POST", "{env}") => app("demo", "u2")["app"].clone(),
        ("POST", "diff" | "synchronize") => json!({
            "syncToNamespaces": [{ "appId": "demo", "env": "LOCAL", "clusterName": "default", "namespaceName": "application" }],
            "syncItems": [item("k", "taken")],
        }),
        ("POST", "validation") => json!({ "format": "json", "configText": "{}" }),
        ("PUT", "rules") => json!({ "ruleItems": [] }),
        _ => Value::Null,
    };
    let query = match last {
        "by-key-or-value" => "?key=k".to_owned(),
        "search" => "?q=demo".to_owned(),
        "comparison" => format!("?baseReleaseId=0&toCompareReleaseId={release_id}"),
        "by-namespace" | "by-namespace-and-releases-not-in" => {
            "?appId=demo&clusterName=default&namespaceName=application&releaseIds=1000".to_owned()
        }
        "by-release" => format!("?releaseId={release_id}"),
        _ => "?operator=u2&createIfNotExists=true&userId=u1".to_owned(),
    };
    (format!("{at}{query}"), body)
}

/// A role that the object of the path can have.
pub(super) fn role_type(path: &str) -> &str {
    if path.contains("{clusterName}") {
        "ModifyNamespacesInCluster"
    } else if path.contains("{namespaceName}") {
        "ModifyNamespace"
    } else {
        "Master"
    }
}

async fn send(caller: &Caller<'_>, method: &Method, path: &str, body: &Value) -> Answer {
    if *method == Method::GET {
        return caller.get(path).await;
    }
    caller.send(method.clone(), path, "application/json", body.to_string()).await
}

/// The complete content of a database except for the records of calls and sign-ins.
async fn content(store: &Store) -> String {
    let backend = store.read().get_database_backend();
    let texts = async |sql: &str| -> Vec<String> {
        let statement = Statement::from_string(backend, sql);
        let rows = store.read().query_all_raw(statement).await.unwrap();
        rows.iter().map(|row| row.try_get::<String>("", "line").unwrap()).collect()
    };
    let (tables, columns) = catalogue(backend);
    let mut content = String::new();
    for table in texts(tables).await {
        // The row of a user token has the time of its last use.
        let records = [
            "ConsumerAudit",
            "CastaliaConsumerUse",
            "UserToken",
            "UserTokenAudit",
            "AuditLog",
            "AuditLogDataInfluence",
        ];
        if ["CastaliaSession", "CastaliaAuditSeal", "sqlite_sequence"]
            .iter()
            .chain(&records)
            .any(|name| *name == table)
        {
            continue;
        }
        let columns = texts(&columns.replace("{table}", &table)).await;
        content +=
            &format!("{table}\n{}\n", texts(&rows(backend, &table, &columns)).await.join("\n"));
    }
    content
}

/// Queries for the names of the tables, and of the columns of a table.
fn catalogue(backend: DatabaseBackend) -> (&'static str, &'static str) {
    match backend {
        DatabaseBackend::Sqlite => (
            "SELECT name AS line FROM sqlite_master WHERE type = 'table' ORDER BY name",
            "SELECT name AS line FROM pragma_table_info('{table}')",
        ),
        DatabaseBackend::MySql => (
            "SELECT TABLE_NAME AS line FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME",
            "SELECT COLUMN_NAME AS line FROM information_schema.COLUMNS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{table}' ORDER BY ORDINAL_POSITION",
        ),
        _ => (
            "SELECT table_name::text AS line FROM information_schema.tables \
             WHERE table_schema = current_schema() ORDER BY table_name",
            "SELECT column_name::text AS line FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = '{table}' ORDER BY ordinal_position",
        ),
    }
}

/// A query for the rows of a table, each in one text of quoted values.
fn rows(backend: DatabaseBackend, table: &str, columns: &[String]) -> String {
    let all = |each: fn(&String) -> String, between: &str| {
        columns.iter().map(each).collect::<Vec<_>>().join(between)
    };
    match backend {
        DatabaseBackend::Sqlite => {
            let values = all(|name| format!("quote(\"{name}\")"), "||','||");
            format!("SELECT {values} AS line FROM \"{table}\" ORDER BY 1")
        }
        DatabaseBackend::MySql => {
            let values = all(|name| format!("QUOTE(`{name}`)"), ",");
            format!(
                "SELECT CONVERT(CONCAT_WS(',', {values}) USING utf8mb4) AS line FROM `{table}` ORDER BY 1"
            )
        }
        _ => {
            let values = all(|name| format!("quote_nullable(\"{name}\")"), "||','||");
            format!("SELECT {values} AS line FROM \"{table}\" ORDER BY 1")
        }
    }
}

/// What a request about the app `demo` may name.
pub(super) struct Filled {
    pub(super) release_id: i64,
    pub(super) branch: String,
    pub(super) access_key_id: i64,
}

/// The app `demo` of `u1` with a published value, a branch and an access key, and the app `second`
/// of `u2`.
pub(super) async fn fill(world: &World) -> Filled {
    for (app_id, owner) in [("demo", "u1"), ("second", "u2")] {
        world.user(owner).await.post("/openapi/v1/apps", app(app_id, owner)).await.empty();
    }
    let owner = world.user("u1").await;
    owner.post(&format!("{NS}/items"), item("k", HIDDEN)).await.ok();
    let release = json!({ "releaseTitle": "r" });
    let made = owner.post(&format!("{NS}/releases"), release).await.ok();
    let branch = owner.post(&format!("{NS}/branches"), Value::Null).await.ok();
    let branch = branch["clusterName"].as_str().unwrap().to_owned();
    owner.post(&format!("{}/items", NS.replace("default", &branch)), item("k", HIDDEN)).await.ok();
    let keys = "/openapi/v1/apps/demo/envs/LOCAL/accesskeys";
    let access_key_id = owner.post(keys, Value::Null).await.ok()["id"].as_i64().unwrap();
    // Not published yet, so that a revert would change something.
    owner.post(&format!("{NS}/items"), item("draft", HIDDEN)).await.ok();
    Filled { release_id: made["id"].as_i64().unwrap(), branch, access_key_id }
}

#[track_caller]
fn check(what: &str, expected: Gets, answer: &Answer) {
    assert!(!answer.body.contains(HIDDEN), "{what}: {answer:?}");
    match expected {
        Refused => answer.fails(403, "Access is denied"),
        NoSession => answer.fails(403, "Portal user session is required"),
        Description => assert_eq!(answer.status, 200, "{what}: {answer:?}"),
        Nothing => {
            assert_eq!(answer.status, 200, "{what}: {answer:?}");
            let found = if answer.body.is_empty() { Value::Null } else { answer.json() };
            let names_demo = found.to_string().contains("demo");
            assert!(!names_demo, "{what}: {answer:?}");
        }
    }
}

/// Sends every request of the table as another identity, and compares both databases before and
/// after.
async fn replay(
    world: &World,
    caller: &Caller<'_>,
    filled: &Filled,
    column: fn(&(&str, Gets, Gets)) -> Gets,
) {
    let before = (content(&world.store).await, content(&world.environment_store).await);
    assert!(before.1.contains(HIDDEN), "the comparison sees what is stored");
    let mut rows: Vec<_> = TABLE.iter().map(|(row, ..)| *row).collect();
    for route in world.routes.iter().filter(|route| route.path.starts_with("/openapi/v1/")) {
        let name = row(&route.method, route.path);
        if ABOUT_NO_APP.contains(&name.as_str()) {
            continue;
        }
        let Some(expected) = TABLE.iter().find(|(row, ..)| *row == name) else {
            panic!("{name} needs a row: what may somebody with rights on another app get?");
        };
        rows.retain(|row| *row != name);
        let (path, body) = request(&route.method, route.path, filled);
        let answer = send(caller, &route.method, &path, &body).await;
        check(&name, column(expected), &answer);
    }
    assert!(rows.is_empty(), "no longer a route: {rows:?}");
    let after = (content(&world.store).await, content(&world.environment_store).await);
    assert_eq!(before, after);
}

/// SEC-07: a user with permissions on one app repeats every request about another: no value, no
/// change.
#[tokio::test]
async fn a_user_of_another_app_reads_no_value_and_changes_nothing() {
    for installation in [Installation::Fresh, Installation::Adopted] {
        let mut world = World::with(installation, &[]).await;
        world.set("configView.memberOnly.envs", "local");
        let filled = fill(&world).await;
        let other = world.user("u2").await;
        replay(&world, &other, &filled, |(_, user, _)| *user).await;
    }
}

/// SEC-28: a token with permissions on one app repeats every request about another: no value, no
/// change, whether or not the environment is for members only.
#[tokio::test]
async fn a_token_of_another_app_reads_no_value_and_changes_nothing() {
    for is_for_members in [false, true] {
        let mut world = World::fresh().await;
        if is_for_members {
            world.set("configView.memberOnly.envs", "local");
        }
        let filled = fill(&world).await;
        let token = world.token("second", &["second"]).await;
        let other = world.consumer(&token);
        replay(&world, &other, &filled, |(_, _, consumer)| *consumer).await;
    }
}

/// SEC-28: a token of a super administrator that is limited to one app repeats every request about
/// another: not even its name, no change.
#[tokio::test]
async fn a_user_token_that_is_limited_to_another_app_reads_nothing_and_changes_nothing() {
    let world = World::fresh().await;
    let filled = fill(&world).await;
    let other = world.program("apollo", json!({ "appIds": ["second"] })).await;
    replay(&world, &other, &filled, |(row, _, consumer)| match (*row, *consumer) {
        ("GET /apps" | "GET /apps/by-self" | "GET /apps/authorized", _) => Nothing,
        ("POST /apps/{appId}/roles/master" | "DELETE /apps/{appId}/roles/master", _) => Refused,
        (_, NoSession) => NoSession,
        _ => Refused,
    })
    .await;
}

/// SEC-08: a request for the caller's own app never affects another app in its body or its query.
#[tokio::test]
async fn a_body_never_names_another_target_than_its_path() {
    let world = World::fresh().await;
    let foreign = fill(&world).await.release_id;
    let own = NS.replace("demo", "second");
    let user = world.user("u2").await;
    user.post(&format!("{own}/items"), item("k", "1")).await.ok();
    let release = json!({ "releaseTitle": "r" });
    let first = user.post(&format!("{own}/releases"), release.clone()).await.ok()["id"].clone();
    user.put(&format!("{own}/items/k"), item("k", "2")).await.empty();
    let second = user.post(&format!("{own}/releases"), release).await.ok()["id"].clone();
    let before = content(&world.environment_store).await;
    let foreign_items: Vec<_> =
        before.lines().filter(|line| line.contains(HIDDEN)).map(str::to_owned).collect();
    let foreign_item = |key: &str| {
        let mut item = item(key, "taken");
        for (name, value) in [("id", 1), ("namespaceId", 1), ("itemId", 1)] {
            item[name] = value.into();
        }
        item["appId"] = "demo".into();
        item["namespaceName"] = "application".into();
        item
    };
    user.post(&format!("{own}/items"), foreign_item("new")).await;
    user.put(&format!("{own}/items/k"), foreign_item("k")).await;
    let text =
        json!({ "format": "properties", "configText": "k = 3", "namespaceId": 1, "appId": "demo" });
    user.put(&format!("{own}/items"), text).await;
    for (path, body) in [
        ("/openapi/v1/apps/second".to_owned(), app("demo", "u2")["app"].clone()),
        (
            "/openapi/v1/apps/second/appnamespaces".to_owned(),
            json!({ "appId": "demo", "name": "n", "format": "properties", "isPublic": false }),
        ),
        (
            "/openapi/v1/envs/LOCAL/apps/second/clusters".to_owned(),
            json!({ "appId": "demo", "name": "c" }),
        ),
    ] {
        let method = if path.ends_with("second") { Method::PUT } else { Method::POST };
        let answer = send(&user, &method, &path, &body).await;
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
    }
    let both = json!([
        { "appId": "second", "env": "LOCAL", "clusterName": "default", "appNamespaceName": "application" },
        { "appId": "demo", "env": "LOCAL", "clusterName": "default", "appNamespaceName": "application" },
    ]);
    user.post("/openapi/v1/namespaces", both).await.fails(403, "Access is denied");
    for query in
        [format!("toReleaseId={foreign}"), format!("toReleaseId={foreign}&toReleaseId={first}")]
    {
        let path = format!("/openapi/v1/envs/LOCAL/releases/{second}/rollback?{query}");
        let answer = user.put(&path, Value::Null).await;
        assert!(answer.status >= 400, "{answer:?}");
    }
    let after = content(&world.environment_store).await;
    let unchanged: Vec<_> =
        after.lines().filter(|line| line.contains(HIDDEN)).map(str::to_owned).collect();
    assert_eq!(foreign_items, unchanged);
    assert!(!after.contains("'demo','n'") && !after.contains("taken','demo"));
}
