//! Every operation that changes a namespace honours the revision of its caller (REL-63): on an
//! older one it answers 409 and changes nothing. A new operation on a namespace needs a row.

use http::Method;
use serde_json::{Value, json};

use super::access::{call, concrete};
use super::archive::archive;
use super::world::{Answer, Caller, NS, World, item};

/// Operations on a namespace that have no base, with the reason.
const WITHOUT_BASE: [(&str, &str); 11] = [
    ("announcePresence", "changes nothing"),
    ("assignNamespaceEnvRoleToUser", "changes roles"),
    ("assignNamespaceRoleToUser", "changes roles"),
    ("compareItems", "changes nothing"),
    ("deleteAppNamespace", "changes the namespaces of all clusters"),
    ("forgetInstance", "changes an instance"),
    ("initAppPermission", "changes roles"),
    ("previewBranchRules", "changes nothing"),
    ("removeNamespaceEnvRoleFromUser", "changes roles"),
    ("removeNamespaceRoleFromUser", "changes roles"),
    ("syntaxCheck", "changes nothing"),
];

/// Operations that compare a revision or whose parts do, and those that change nothing of value.
const NOT_REFUSED: [&str; 49] = [
    "announcePresence",
    "batchCreateItems",
    "batchDeleteItems",
    "batchUpdateItems",
    "batchUpdateItemsByText",
    "changeAccessGrants",
    "changeItems",
    "changeItemsOfNamespaces",
    "changePreferences",
    "checkExportAppConfig",
    "compareItems",
    "createBranch",
    "createGrayDelRelease",
    "createGrayRelease",
    "createItem",
    "createOrUpdateConfigDBConfig",
    "createOrUpdatePortalDBConfig",
    "createOrUpdateUser",
    "createRelease",
    "deleteApp",
    "deleteBranch",
    "deleteConfigDBConfig",
    "deleteConsumer",
    "deleteItem",
    "deleteItemByEncodedKey",
    "deleteNamespace",
    "deletePortalDBConfig",
    "deleteUser",
    "deleteWebhook",
    "importAllConfigs",
    "importAppConfig",
    "importConfig",
    "importNamespaceItems",
    "merge",
    "mergeBranch",
    "openApp",
    "previewBranchRules",
    "revertItems",
    "rollback",
    "syncItems",
    "syntaxCheck",
    "updateApp",
    "updateBranchRules",
    "updateConsumer",
    "updateItem",
    "updateItemByEncodedKey",
    "updateNamespaceSchema",
    "updateWebhook",
    "withdrawRelease",
];

/// The namespace in a second cluster, which has one release and no branch.
const OTHER: &str = "/openapi/v1/envs/LOCAL/apps/demo/clusters/other/namespaces/application";
const ENV: &str = "/openapi/v1/apps/demo/envs/LOCAL";
const COVER: &str = "conflictAction=cover";

/// A published namespace with a published branch.
pub(super) struct Scene<'w> {
    owner: Caller<'w>,
    /// The owner, and a super administrator, with an old revision.
    late: [Caller<'w>; 2],
    branch: String,
    /// The live release, and the only one of the second cluster.
    releases: [Value; 2],
}

impl<'w> Scene<'w> {
    pub(super) async fn of(world: &'w World) -> Self {
        let owner = world.user("u1").await;
        let cluster = json!({ "appId": "demo", "name": "other" });
        owner.post("/openapi/v1/envs/LOCAL/apps/demo/clusters", cluster).await.ok();
        let only = publish(&owner, OTHER, "1").await;
        let old = owner.get(&format!("{NS}/items")).await.header("castalia-revision").to_owned();
        publish(&owner, NS, "1").await;
        let live = publish(&owner, NS, "2").await;
        let made = owner.post(&format!("{NS}/branches"), Value::Null).await.ok();
        let branch = made["clusterName"].as_str().unwrap().to_owned();
        let of_branch = NS.replace("default", &branch);
        owner
            .put(&format!("{of_branch}/items/k?createIfNotExists=true"), item("k", "3"))
            .await
            .empty();
        let gray = format!("{NS}/branches/{branch}/releases");
        owner.post(&gray, json!({ "releaseTitle": "r" })).await.ok();
        let late = [world.user("u1").await, world.user("apollo").await]
            .map(|caller| caller.with("castalia-revision", &old));
        Self { owner, late, branch, releases: [live, only] }
    }

    /// All that clients and editors see of the app.
    async fn state(&self) -> Vec<Value> {
        let branch = format!("{NS}/branches/{}", self.branch);
        let history = format!("{ENV}/clusters/default/namespaces/application");
        let mut found = Vec::new();
        for path in [
            format!("{NS}?extendInfo=true"),
            format!("{OTHER}?extendInfo=true"),
            format!("{NS}/branches?extendInfo=true"),
            format!("{branch}/items"),
            format!("{history}/commits"),
            format!("{history}/releases/histories"),
            format!("{NS}/releases/active"),
            format!("{OTHER}/releases/active"),
        ] {
            found.push(self.owner.get(&path).await.ok());
        }
        for release in found[5].as_array_mut().unwrap() {
            // It depends on the time of the request.
            release.as_object_mut().unwrap().remove("releaseTimeFormatted");
        }
        // It is empty until rules are set.
        found.push(json!(self.owner.get(&format!("{branch}/rules")).await.body));
        found
    }

    /// Sends an operation that would succeed without a base.
    async fn send(&self, id: &str) -> Option<Answer> {
        let [owner, root] = &self.late;
        self.send_as(id, [owner, root]).await
    }

    /// The same as other callers than the owner of the app and a super administrator.
    pub(super) async fn send_as(
        &self,
        id: &str,
        [owner, root]: [&Caller<'_>; 2],
    ) -> Option<Answer> {
        let at = |rest: &str| format!("{NS}{rest}");
        let branch = |rest: &str| format!("{NS}/branches/{}{rest}", self.branch);
        let in_cluster = |rest: &str| format!("{ENV}/clusters/default{rest}");
        let release = |number: usize, what: &str| {
            format!("/openapi/v1/envs/LOCAL/releases/{}/{what}", self.releases[number]["id"])
        };
        let (k, new) = (item("k", "late"), item("new", "late"));
        let title = json!({ "releaseTitle": "r", "grayDelKeys": ["k"] });
        let target = json!({
            "appId": "demo", "env": "LOCAL", "clusterName": "default", "namespaceName": "application",
        });
        let file = json!([k]).to_string();
        let entry = "demo/LOCAL/demo+default+application.properties";
        let (post, put, delete) = (Method::POST, Method::PUT, Method::DELETE);
        let (method, path, body) = match id {
            "createItem" => (post, at("/items"), new),
            "updateItem" => (put, at("/items/k"), k),
            "deleteItem" => (delete, at("/items/k"), Value::Null),
            "updateItemByEncodedKey" => (put, at("/encodedItems/aw"), k),
            "deleteItemByEncodedKey" => (delete, at("/encodedItems/aw"), Value::Null),
            "batchCreateItems" => (post, at("/items/batch-create"), json!([new])),
            "batchUpdateItems" => (put, at("/items/batch-update"), json!([k])),
            "batchDeleteItems" => (post, at("/items/batch-delete"), json!(["k"])),
            "changeItems" => (post, at("/changes"), json!({ "create": [new], "update": [k] })),
            "batchUpdateItemsByText" => {
                (put, at("/items"), json!({ "format": "properties", "configText": "k = late" }))
            }
            "revertItems" => (post, at("/items/revocation"), Value::Null),
            "syncItems" => {
                let body = json!({ "syncToNamespaces": [target], "syncItems": [k] });
                (post, at("/items/synchronize"), body)
            }
            "createRelease" => (post, at("/releases"), title),
            "rollback" => (put, release(0, "rollback"), Value::Null),
            "withdrawRelease" => (put, release(1, "withdrawal"), Value::Null),
            "createBranch" => (post, format!("{OTHER}/branches"), Value::Null),
            "deleteBranch" => (delete, branch(""), Value::Null),
            "updateNamespaceSchema" => (put, at("/schema"), json!({ "schema": {} })),
            "updateBranchRules" => (put, branch("/rules"), json!({ "ruleItems": [] })),
            "createGrayRelease" => (post, branch("/releases"), title),
            "createGrayDelRelease" => (post, branch("/gray-del-releases"), title),
            "merge" => (post, branch("/merge"), title),
            "mergeBranch" => (post, branch(""), title),
            "deleteNamespace" => (delete, in_cluster("/namespaces/application"), Value::Null),
            "importNamespaceItems" => {
                let path = in_cluster("/namespaces/application/items/import");
                return Some(owner.upload(&path, "file.properties", file.as_bytes()).await);
            }
            "importAppConfig" => {
                let path = in_cluster(&format!("/import?{COVER}"));
                return Some(owner.upload(&path, "a.zip", &archive(&[(entry, file)])).await);
            }
            "importAllConfigs" | "importConfig" => {
                let path = if id == "importConfig" { "import" } else { "configs/import" };
                let path = format!("/openapi/v1/{path}?envs=LOCAL&{COVER}");
                let file = archive(&[(format!("u1/{entry}"), file)]);
                return Some(root.upload(&path, "a.zip", &file).await);
            }
            _ => return None,
        };
        Some(owner.send(method, &path, "application/json", body.to_string()).await)
    }
}

async fn publish(owner: &Caller<'_>, namespace: &str, value: &str) -> Value {
    owner
        .put(&format!("{namespace}/items/k?createIfNotExists=true"), item("k", value))
        .await
        .empty();
    owner.post(&format!("{namespace}/releases"), json!({ "releaseTitle": "r" })).await.ok()
}

#[track_caller]
pub(super) fn assert_stale(id: &str, answer: &Answer) {
    let body = answer.json();
    assert_eq!((answer.status, &body["code"]), (409, &json!("stale_revision")), "{id}: {answer:?}");
    assert!(body["current"].is_string() && body["revision"].is_string(), "{id}: {answer:?}");
}

#[tokio::test]
async fn a_change_of_a_namespace_on_an_older_revision_is_refused() {
    let world = World::with_demo().await;
    let scene = Scene::of(&world).await;
    let before = scene.state().await;
    let mut found = Vec::new();
    for route in &world.routes {
        let Some(operation) = route.operation else { continue };
        let id = operation.about.id;
        if route.method == Method::GET || id == "revertItems" {
            continue;
        }
        match scene.send(id).await {
            Some(answer) => {
                assert_stale(id, &answer);
                assert!(scene.state().await == before, "{id} changed something");
            }
            None if route.path.contains("{namespaceName}") => found.push(id),
            None => {}
        }
    }
    found.sort_unstable();
    assert_eq!(found, WITHOUT_BASE.map(|(id, _)| id), "neither sent nor listed with a reason");

    // There is something to revert once the draft is not what is live.
    scene.owner.put(&format!("{NS}/items/k"), item("k", "draft")).await.empty();
    let before = scene.state().await;
    assert_stale("revertItems", &scene.send("revertItems").await.unwrap());
    assert!(scene.state().await == before);
}

/// A change that has no revision is refused with one, instead of being made whatever was changed
/// meanwhile.
#[tokio::test]
async fn a_change_that_compares_no_revision_is_refused_with_one() {
    let world = World::with_demo().await;
    let scene = Scene::of(&world).await;
    let [_, root] = &scene.late;
    let (mut compared, mut refused) = (Vec::new(), 0);
    for route in &world.routes {
        let Some(operation) = route.operation else { continue };
        let id = operation.about.id;
        if route.method == Method::GET {
            continue;
        }
        let answer = call(root, &route.method, &concrete(route.path)).await;
        match answer.body.contains("cannot compare Castalia-Revision") {
            true => refused += 1,
            false => compared.push(id),
        }
    }
    compared.sort_unstable();
    assert!(refused > 40, "{refused}");
    assert_eq!(compared, NOT_REFUSED, "neither refused nor listed");
}

/// A change that turns out to be none is refused as well, and a list of revisions is none.
#[tokio::test]
async fn a_change_without_effect_on_an_older_revision_is_refused() {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    owner.put(&format!("{NS}/items/k?createIfNotExists=true"), item("k", "1")).await.empty();
    publish(&owner, NS, "1").await;
    let late = world.user("u1").await.with("castalia-revision", "0");
    let reverted = late.post(&format!("{NS}/items/revocation"), Value::Null).await;
    assert_eq!(reverted.status, 409, "{reverted:?}");
    let read = owner.get(NS).await;
    let current = read.header("castalia-revision");
    let twice = world.user("u1").await;
    let twice = twice.with("castalia-revision", current).with("castalia-revision", "0");
    let put = twice.put(&format!("{NS}/items/k"), item("k", "2")).await;
    assert_eq!(put.status, 409, "{put:?}");
    let once = world.user("u1").await.with("castalia-revision", current);
    once.put(&format!("{NS}/items/k"), item("k", "2")).await.empty();
}

/// Gray rules have a revision of their own, which the answer to a read of them contains.
#[tokio::test]
async fn gray_rules_on_an_older_revision_are_refused() {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    publish(&owner, NS, "1").await;
    let made = owner.post(&format!("{NS}/branches"), Value::Null).await.ok();
    let path = format!("{NS}/branches/{}/rules", made["clusterName"].as_str().unwrap());
    let of = |address: &str| json!({ "ruleItems": [{ "clientAppId": "demo", "clientIpList": [address] }] });
    let revision = async || owner.get(&path).await.header("castalia-revision").to_owned();
    let none = revision().await;
    let first = world.user("u1").await.with("castalia-revision", &none);
    let answer = first.put(&path, of("10.0.0.1")).await;
    answer.empty();
    let stored = revision().await;
    assert_eq!(answer.header("castalia-revision"), stored);
    assert_ne!(stored, none);
    let refused = first.put(&path, of("10.0.0.2")).await;
    assert_stale("updateBranchRules", &refused);
    let theirs = refused.json()["items"][0]["theirs"].to_string();
    assert!(theirs.contains("10.0.0.1"), "{refused:?}");
    let second = world.user("u1").await.with("castalia-revision", &stored);
    second.put(&path, of("10.0.0.2")).await.empty();
    owner.put(&path, of("10.0.0.3")).await.empty();
}
