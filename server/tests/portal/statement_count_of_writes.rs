//! No operation that writes sends a statement for each element: the same steps send the same number
//! of statements on few rows and on many, with few elements in their bodies and with many.
//!
//! Not compared, because each element is a change of its own with its own answer, transaction and
//! record: what fans out to several environments, clusters, targets, grants or namespaces that a
//! body lists, and the entries of an import.

use http::Method;
use serde_json::{Value, json};

use super::audit::A;
use super::many_rows::{Rows, Size};
use super::restoration::{RESTORATIONS, deleted};
use super::world::{Caller, NS, item};

/// Statements that many rows may add: they are written in pieces of some hundreds, and the scans of
/// the feed send some meanwhile. Each kind has 27 rows more at least.
const PIECES: u64 = 16;

const FEW: Size = Size { items: 10, namespaces: 3, clusters: 2, apps: 3, others: 3 };
const MANY: Size = Size { items: 60, namespaces: 30, clusters: 25, apps: 25, others: 25 };

const ENV: &str = "/openapi/v1/envs/LOCAL/apps/demo";

/// How often the steps are performed on many rows: a slow computer scans more during a step, never
/// less.
const ATTEMPTS: usize = 3;

#[tokio::test]
async fn more_rows_and_longer_bodies_cost_no_more_statements() {
    let few = write(&Rows::create(FEW).await, FEW).await;
    let mut growing = Vec::new();
    for _ in 0..ATTEMPTS {
        growing = growing_steps(&few, &write(&Rows::create(MANY).await, MANY).await);
        if growing.is_empty() {
            break;
        }
    }
    assert!(growing.is_empty(), "statements for each element:\n{}", growing.join("\n"));
}

/// The steps that sent more statements on many rows than on few, and how many.
fn growing_steps(few: &[(String, u64)], many: &[(String, u64)]) -> Vec<String> {
    assert_eq!(few.len(), many.len());
    // The items of a deleted app are deleted in portions of 50 namespaces, in two statements each;
    // the app also has some namespaces and clusters that every app has or that earlier steps
    // added.
    let portions = ((MANY.namespaces + 8) * (MANY.clusters + 8)) as u64 / 50 * 2;
    let allowed = |step: &str| if step == format!("DELETE {A}") { portions } else { 0 };
    few.iter()
        .zip(many)
        .filter(|((step, few), (_, many))| *many > few + PIECES + allowed(step))
        .map(|((step, few), (_, many))| format!("{step}: {few} statements, then {many}"))
        .collect()
}

/// Performs the steps on these rows, and returns each with the number of its statements.
pub(super) async fn write(rows: &Rows, size: Size) -> Vec<(String, u64)> {
    Counted { rows, size, steps: Vec::new() }.run().await
}

/// Performs the steps, and counts the statements of each.
struct Counted<'r> {
    rows: &'r Rows,
    size: Size,
    steps: Vec<(String, u64)>,
}

impl Counted<'_> {
    async fn run(mut self) -> Vec<(String, u64)> {
        let world = &self.rows.world;
        let (owner, root) = (world.user("u1").await, world.user("apollo").await);
        self.items(&owner).await;
        self.releases(&owner).await;
        self.roles(&owner, &root).await;
        self.definitions(&owner).await;
        self.clusters(&root).await;
        self.portal(&root).await;
        self.steps
    }

    /// Returns the answer of a step, which must succeed.
    async fn step(
        &mut self,
        caller: &Caller<'_>,
        method: Method,
        path: &str,
        body: Value,
    ) -> Value {
        let world = &self.rows.world;
        let sent = || world.store.statements() + world.environment_store.statements();
        let before = sent();
        let body = body.to_string();
        let answer = caller.send(method.clone(), path, "application/json", body).await;
        let sent = sent() - before;
        assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
        self.steps.push((format!("{method} {path}"), sent));
        serde_json::from_str(&answer.body).unwrap_or_default()
    }

    async fn items(&mut self, owner: &Caller<'_>) {
        let all = |prefix: &str, value: &str| -> Vec<Value> {
            (0..self.size.items).map(|number| item(&format!("{prefix}{number}"), value)).collect()
        };
        let (new, changed) = (all("new", "1"), all("new", "2"));
        let keys: Vec<_> = new.iter().map(|item| item["key"].clone()).collect();
        let (more, other) = (all("more", "1"), all("k", "3"));
        let text = other.iter().map(|item| format!("{} = 4", item["key"].as_str().unwrap()));
        let text =
            json!({ "format": "properties", "configText": text.collect::<Vec<_>>().join("\n") });
        let synced = all("k", "5");
        let at = |rest: &str| format!("{NS}{rest}");
        let (post, put) = (|| Method::POST, || Method::PUT);
        self.step(owner, post(), &at("/items/batch-create"), json!(new)).await;
        self.step(owner, put(), &at("/items/batch-update"), json!(changed)).await;
        self.step(owner, post(), &at("/items/batch-delete"), json!(keys)).await;
        let body = json!({ "create": more, "update": other });
        self.step(owner, post(), &at("/changes"), body).await;
        self.step(owner, put(), &at("/items"), text).await;
        let target = json!({ "appId": "demo", "env": "LOCAL", "clusterName": "c0", "namespaceName": "application" });
        let body = json!({ "syncToNamespaces": [target], "syncItems": synced });
        self.step(owner, post(), &at("/items/synchronize"), body).await;
        self.step(owner, post(), &at("/items/revocation"), Value::Null).await;
    }

    async fn releases(&mut self, owner: &Caller<'_>) {
        let at = |rest: &str| format!("{NS}{rest}");
        let title = || json!({ "releaseTitle": "r" });
        let (post, put) = (|| Method::POST, || Method::PUT);
        self.step(owner, post(), &at("/releases"), title()).await;
        let branch = at(&self.rows.fill("", "/branches/{branchName}"));
        let addresses: Vec<_> = (0..self.size.others).map(|n| format!("10.1.0.{n}")).collect();
        let rules = json!({ "ruleItems": [{ "clientAppId": "demo", "clientIpList": addresses }] });
        self.step(owner, put(), &format!("{branch}/rules"), rules).await;
        let gray = self.rows.fill("", &NS.replace("default", "{branchName}"));
        owner.post(&format!("{gray}/items"), item("gray", "1")).await.ok();
        self.step(owner, post(), &format!("{branch}/releases"), title()).await;
        self.step(owner, post(), &format!("{branch}/merge?deleteBranch=true"), title()).await;
        let made = self.step(owner, post(), &at("/releases"), title()).await;
        let rollback = format!("/openapi/v1/envs/LOCAL/releases/{}/rollback", made["id"]);
        self.step(owner, put(), &rollback, Value::Null).await;
    }

    async fn roles(&mut self, owner: &Caller<'_>, root: &Caller<'_>) {
        let users: Vec<_> = (0..self.size.others).map(|number| format!("user{number}")).collect();
        let creators = "/openapi/v1/system/roles/create-application";
        let one = format!("{creators}?userId=user0");
        self.step(root, Method::DELETE, &one, Value::Null).await;
        self.step(root, Method::POST, creators, json!(users)).await;
        let master = format!("{A}/roles/Master?userId=user0");
        self.step(owner, Method::DELETE, &master, Value::Null).await;
        self.step(owner, Method::POST, &master, Value::Null).await;
        let details = json!({ "appId": "demo", "name": "renamed", "orgId": "TEST1", "orgName": "One", "ownerName": "u1" });
        self.step(owner, Method::PUT, A, details).await;
    }

    /// A definition has a namespace in each cluster.
    async fn definitions(&mut self, owner: &Caller<'_>) {
        let new =
            json!({ "appId": "demo", "name": "own", "format": "properties", "isPublic": false });
        self.step(owner, Method::POST, &format!("{A}/appnamespaces"), new).await;
        let one = format!("{A}/appnamespaces/own");
        self.step(owner, Method::DELETE, &one, Value::Null).await;
        self.restore(owner).await;
        let application = format!("{A}/appnamespaces/application");
        self.step(owner, Method::DELETE, &application, Value::Null).await;
        self.restore(owner).await;
        let one = format!("{A}/envs/LOCAL/clusters/default/namespaces/application");
        self.step(owner, Method::DELETE, &one, Value::Null).await;
        self.restore(owner).await;
    }

    /// A cluster has a namespace of each definition.
    async fn clusters(&mut self, root: &Caller<'_>) {
        let new = json!({ "appId": "demo", "name": "late" });
        self.step(root, Method::POST, &format!("{ENV}/clusters"), new).await;
        self.step(root, Method::DELETE, &format!("{ENV}/clusters/late"), Value::Null).await;
        self.restore(root).await;
        self.step(root, Method::DELETE, &format!("{ENV}/clusters/c0"), Value::Null).await;
        self.restore(root).await;
    }

    async fn restore(&mut self, caller: &Caller<'_>) {
        let latest = deleted(caller).await[0].clone();
        self.step(caller, Method::POST, RESTORATIONS, latest).await;
    }

    async fn portal(&mut self, root: &Caller<'_>) {
        let row = json!({ "key": "x.0", "value": "w", "cluster": "default" });
        for path in ["portal-db/config", "envs/LOCAL/config-db/config"] {
            let path = format!("/openapi/v1/server/{path}");
            self.step(root, Method::POST, &path, row.clone()).await;
        }
        let consumer = "/openapi/v1/consumers/by-appId?appId=consumer0";
        self.step(root, Method::DELETE, consumer, Value::Null).await;
        self.step(root, Method::DELETE, "/openapi/v1/users/user0", Value::Null).await;
        self.step(root, Method::DELETE, A, Value::Null).await;
        let apps = root.get("/openapi/v1/deleted-apps").await.ok();
        let app = json!({ "kind": "app", "deletedTime": apps[0]["deletedTime"] });
        self.step(root, Method::POST, &format!("{A}/restorations"), app).await;
    }
}
