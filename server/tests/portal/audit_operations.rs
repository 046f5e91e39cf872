//! Performs every operation that changes something or reads a secret, and compares the list with
//! the routes: a new operation needs a step here, and leaves its record in the audit log (SEC-31).

use castalia_server::environment::Address;
use castalia_store::audit::AuditLogDataInfluence;
use http::Method;
use serde_json::{Value, json};

use super::archive::archive;
use super::audit::{A, Log, influences, records};
use super::audit_of_portal::portal;
use super::audit_of_users::{access_requests, user_tokens};
use super::world::{Answer, Caller, NS, World, app, item};

/// Operations whose method is not GET although they change nothing, or only what pages show of the
/// caller, and those whose parts are recorded as operations of their own (`access_grant.rs`).
const READS: [&str; 9] = [
    "syntaxCheck",
    "compareItems",
    "checkExportAppConfig",
    "openApp",
    "changePreferences",
    "previewBranchRules",
    "announcePresence",
    "changeAccessGrants",
    "changeItemsOfNamespaces",
];

/// Operations that read secrets, or all values of an app.
const SECRETS: [&str; 6] = [
    "findAccessKeys",
    "getConsumerTokenByAppId",
    "findAllPortalDBConfig",
    "findAllConfigDBConfig",
    "exportAllConfigs",
    "exportAppConfig",
];

/// Operations that concern no app, several, or a row of their caller.
const WITHOUT_APP: [&str; 22] = [
    "addCreateApplicationRoleToUsers",
    "deleteCreateApplicationRoleFromUser",
    "exportAllConfigs",
    "createOrUpdatePortalDBConfig",
    "findAllPortalDBConfig",
    "deletePortalDBConfig",
    "createOrUpdateConfigDBConfig",
    "findAllConfigDBConfig",
    "deleteConfigDBConfig",
    "createOrUpdateUser",
    "changeUserEnabled",
    "deleteUser",
    "topFavorite",
    "deleteFavorite",
    "createUserToken",
    "createUserToken",
    "createUserToken",
    "rotateUserToken",
    "revokeUserToken",
    "deleteUserToken",
    "adminRevokeUserToken",
    "adminDeleteUserToken",
];

/// Performs operations, and checks after each that it left one record.
pub(super) struct Script<'w> {
    pub(super) log: Log<'w>,
    performed: Vec<&'static str>,
    /// Those that a search by app does not find.
    without_app: Vec<&'static str>,
}

impl Script<'_> {
    /// Performs an operation of this name in the audit log, and returns its answer.
    pub(super) async fn run(
        &mut self,
        (caller, operator): (&Caller<'_>, &str),
        id: &'static str,
        name: &str,
        (method, path): (Method, &str),
        body: Value,
    ) -> Value {
        let answer = match method {
            Method::GET => caller.get(path).await,
            method => caller.send(method, path, "application/json", body.to_string()).await,
        };
        self.check(operator, id, name, &answer).await;
        serde_json::from_str(&answer.body).unwrap_or_default()
    }

    /// Sends a file.
    async fn upload(
        &mut self,
        (caller, operator): (&Caller<'_>, &str),
        id: &'static str,
        name: &str,
        path: &str,
        file: &[u8],
    ) {
        let answer = caller.upload(path, "file.properties", file).await;
        self.check(operator, id, name, &answer).await;
    }

    async fn check(&mut self, operator: &str, id: &'static str, name: &str, answer: &Answer) {
        assert_eq!(answer.status, 200, "{id}: {answer:?}");
        let record = self.log.one().await;
        assert_eq!((record.op_name.as_str(), record.operator.as_str()), (name, operator), "{id}");
        let description = record.description.clone().unwrap();
        assert!(description.starts_with("127.0.0.1 "), "{id}: {description}");
        let rows = influences(&self.log.world.store, &record).await;
        let is_app = |row: &AuditLogDataInfluence| {
            row.influence_entity_name == "Resource" && row.field_name.as_deref() == Some("App")
        };
        if !rows.iter().any(is_app) {
            self.without_app.push(id);
        }
        self.performed.push(id);
    }
}

const ENV: &str = "/openapi/v1/apps/demo/envs/LOCAL";

#[tokio::test]
async fn each_operation_that_changes_something_leaves_its_record() {
    let world = World::adopted().await;
    let (root, user) = (world.user("apollo").await, world.user("u1").await);
    let (root, user) = ((&root, "apollo"), (&user, "u1"));
    let asking = world.user("u2").await;
    let mut script =
        Script { log: Log::of(&world).await, performed: Vec::new(), without_app: Vec::new() };
    let no = Value::Null;
    let (post, put, delete) = (|| Method::POST, || Method::PUT, || Method::DELETE);
    let s = &mut script;

    s.run(user, "createApp", "App.create", (post(), "/openapi/v1/apps"), app("demo", "u1")).await;
    s.run(user, "updateApp", "App.update", (put(), A), app("demo", "u1")["app"].clone()).await;
    edit(s, user).await;
    branches(s, user).await;
    namespaces(s, user, root, &world).await;
    roles(s, user, root).await;
    access_requests(s, user, (&asking, "u2")).await;
    transfers(s, user, root).await;
    portal(s, user, root).await;
    user_tokens(s, user, root).await;
    let lost = Address::new(["apps", "demo"]).with(&[("operator", "apollo")]);
    world.environments.find("LOCAL").unwrap().delete(lost).await.unwrap();
    let again = app("demo", "u1")["app"].clone();
    let path = "/openapi/v1/apps/envs/LOCAL";
    s.run(user, "createAppInEnv", "App.create.forEnv", (post(), path), again).await;
    s.run(root, "deleteApp", "App.delete", (delete(), A), no).await;
    let apps = root.0.get("/openapi/v1/deleted-apps").await.ok();
    let deleted = json!({ "kind": "app", "deletedTime": apps[0]["deletedTime"] });
    let path = format!("{A}/restorations");
    s.run(root, "createRestoration", "Restoration.create", (post(), &path), deleted).await;

    let mut missing: Vec<_> = world
        .routes
        .iter()
        .filter_map(|route| Some((route, route.operation?.about.id)))
        .filter(|(route, id)| {
            (route.method != Method::GET && !READS.contains(id)) || SECRETS.contains(id)
        })
        .map(|(_, id)| id)
        .filter(|id| !script.performed.contains(id))
        .collect();
    missing.sort_unstable();
    assert!(missing.is_empty(), "operations that this test does not perform: {missing:?}");
    assert_eq!(script.without_app, WITHOUT_APP);
}

async fn transfers(s: &mut Script<'_>, user: (&Caller<'_>, &str), root: (&Caller<'_>, &str)) {
    let get = || Method::GET;
    let all = "/openapi/v1/configs/export?envs=LOCAL";
    s.run(root, "exportAllConfigs", "Configs.export", (get(), all), Value::Null).await;
    let cluster = format!("{ENV}/clusters/default");
    let (id, name) = ("exportAppConfig", "Configs.exportCluster");
    s.run(user, id, name, (get(), &format!("{cluster}/export")), Value::Null).await;
    let items = |value: &str| json!([item("imported", value)]).to_string();
    let entry = "demo/LOCAL/demo+default+application.properties";
    for (id, path, value) in [
        ("importAllConfigs", "/openapi/v1/configs/import", "1"),
        ("importConfig", "/openapi/v1/import", "2"),
    ] {
        let file = archive(&[(format!("u1/{entry}"), items(value))]);
        let path = format!("{path}?envs=LOCAL&conflictAction=cover");
        s.upload(root, id, "Configs.import", &path, &file).await;
    }
    let path = format!("{cluster}/import?conflictAction=cover");
    let file = archive(&[(entry, items("3"))]);
    s.upload(user, "importAppConfig", "Configs.importCluster", &path, &file).await;
    let path = format!("{cluster}/namespaces/application/items/import");
    let (id, name) = ("importNamespaceItems", "Configs.importNamespace");
    s.upload(user, id, name, &path, items("4").as_bytes()).await;
}

async fn edit(s: &mut Script<'_>, user: (&Caller<'_>, &str)) {
    let at = |rest: &str| format!("{NS}{rest}");
    let (post, put, delete) = (|| Method::POST, || Method::PUT, || Method::DELETE);
    let title = || json!({ "releaseTitle": "r" });
    s.run(user, "createItem", "Item.create", (post(), &at("/items")), item("k", "v")).await;
    s.run(user, "updateItem", "Item.update", (put(), &at("/items/k")), item("k", "w")).await;
    let encoded = at("/encodedItems/aw");
    s.run(user, "updateItemByEncodedKey", "Item.update", (put(), &encoded), item("k", "x")).await;
    let first =
        s.run(user, "createRelease", "Release.create", (post(), &at("/releases")), title()).await;
    let schema = json!({ "schema": { "type": "object" } });
    s.run(user, "updateNamespaceSchema", "NamespaceSchema.update", (put(), &at("/schema")), schema)
        .await;
    let (some, other) = (json!([item("b", "v")]), json!([item("b", "w")]));
    s.run(user, "batchCreateItems", "Item.batchCreate", (post(), &at("/items/batch-create")), some)
        .await;
    s.run(user, "batchUpdateItems", "Item.batchUpdate", (put(), &at("/items/batch-update")), other)
        .await;
    let keys = json!(["b"]);
    s.run(user, "batchDeleteItems", "Item.batchDelete", (post(), &at("/items/batch-delete")), keys)
        .await;
    let changes = json!({ "create": [item("c", "1")], "update": [item("k", "w")] });
    s.run(user, "changeItems", "Item.change", (post(), &at("/changes")), changes).await;
    let text = json!({ "format": "properties", "configText": "k = y\nl = 1" });
    s.run(user, "batchUpdateItemsByText", "Item.updateByText", (put(), &at("/items")), text).await;
    let second =
        s.run(user, "createRelease", "Release.create", (post(), &at("/releases")), title()).await;
    assert_ne!(first["id"], second["id"]);
    let rollback = format!("/openapi/v1/envs/LOCAL/releases/{}/rollback", second["id"]);
    s.run(user, "rollback", "Release.rollback", (put(), &rollback), Value::Null).await;
    let withdrawal = format!("/openapi/v1/envs/LOCAL/releases/{}/withdrawal", first["id"]);
    s.run(user, "withdrawRelease", "Release.withdraw", (put(), &withdrawal), Value::Null).await;
    let instance = at("/instances/1");
    s.run(user, "forgetInstance", "Instance.forget", (delete(), &instance), Value::Null).await;
    s.run(user, "createRelease", "Release.create", (post(), &at("/releases")), title()).await;
    s.run(user, "revertItems", "Item.revert", (post(), &at("/items/revocation")), Value::Null)
        .await;
    let target = json!({ "appId": "demo", "env": "LOCAL", "clusterName": "default", "namespaceName": "application" });
    let body = json!({ "syncToNamespaces": [target], "syncItems": [item("m", "1")] });
    s.run(user, "syncItems", "Item.synchronize", (post(), &at("/items/synchronize")), body).await;
    s.run(user, "deleteItem", "Item.delete", (delete(), &at("/items/m")), Value::Null).await;
    s.run(user, "deleteItemByEncodedKey", "Item.delete", (delete(), &encoded), Value::Null).await;
    let keys = format!("{ENV}/accesskeys");
    let key =
        s.run(user, "createAccessKey", "AccessKey.create", (post(), &keys), Value::Null).await;
    s.run(user, "findAccessKeys", "AccessKey.read", (Method::GET, &keys), Value::Null).await;
    let key = format!("{keys}/{}", key["id"]);
    let on = format!("{key}/activation");
    s.run(user, "enableAccessKey", "AccessKey.enable", (put(), &on), Value::Null).await;
    let off = format!("{key}/deactivation");
    s.run(user, "disableAccessKey", "AccessKey.disable", (put(), &off), Value::Null).await;
    s.run(user, "deleteAccessKey", "AccessKey.delete", (delete(), &key), Value::Null).await;
}

async fn branches(s: &mut Script<'_>, user: (&Caller<'_>, &str)) {
    let (post, put, delete) = (|| Method::POST, || Method::PUT, || Method::DELETE);
    let title = || json!({ "releaseTitle": "r", "grayDelKeys": ["k"] });
    let (create, publish) = (format!("{NS}/branches"), format!("{NS}/releases"));
    for end in ["merge", "mergeBranch", "deleteBranch"] {
        s.run(user, "createRelease", "Release.create", (post(), &publish), title()).await;
        let name = "NamespaceBranch.create";
        let made = s.run(user, "createBranch", name, (post(), &create), Value::Null).await;
        let branch = format!("{create}/{}", made["clusterName"].as_str().unwrap());
        let rules = (put(), format!("{branch}/rules"));
        let name = "NamespaceBranch.updateBranchRules";
        let body = json!({ "ruleItems": [] });
        s.run(user, "updateBranchRules", name, (rules.0, &rules.1), body).await;
        let publish = format!("{branch}/releases");
        let name = "Release.createGray";
        s.run(user, "createGrayRelease", name, (post(), &publish), title()).await;
        let publish = format!("{branch}/gray-del-releases");
        let name = "Release.createGrayDelete";
        s.run(user, "createGrayDelRelease", name, (post(), &publish), title()).await;
        let (method, path) = match end {
            "merge" => (post(), format!("{branch}/merge?deleteBranch=true")),
            "mergeBranch" => (post(), format!("{branch}?deleteBranch=true")),
            _ => (delete(), branch),
        };
        let name = match end {
            "deleteBranch" => "NamespaceBranch.delete",
            _ => "NamespaceBranch.merge",
        };
        s.run(user, end, name, (method, &path), title()).await;
    }
}

async fn namespaces(
    s: &mut Script<'_>,
    user: (&Caller<'_>, &str),
    root: (&Caller<'_>, &str),
    world: &World,
) {
    let (post, delete) = (|| Method::POST, || Method::DELETE);
    let new =
        json!({ "appId": "demo", "name": "extra", "format": "properties", "isPublic": false });
    let definitions = format!("{A}/appnamespaces");
    s.run(user, "createAppNamespace", "AppNamespace.create", (post(), &definitions), new).await;
    let cluster = json!({ "appId": "demo", "name": "c2" });
    let clusters = "/openapi/v1/envs/LOCAL/apps/demo/clusters";
    s.run(user, "createCluster", "Cluster.create", (post(), clusters), cluster).await;
    let extra = format!("{ENV}/clusters/c2/namespaces/extra");
    let name = "Namespace.deleteLinkedNamespace";
    s.run(user, "deleteNamespace", name, (delete(), &extra), Value::Null).await;
    let missing = format!("{ENV}/clusters/c2/missing-namespaces");
    let name = "Namespace.createMissingNamespaces";
    s.run(user, "createMissingNamespaces", name, (post(), &missing), Value::Null).await;
    s.run(
        user,
        "deleteNamespace",
        "Namespace.deleteLinkedNamespace",
        (delete(), &extra),
        Value::Null,
    )
    .await;
    let wanted = json!([{ "appId": "demo", "env": "LOCAL", "clusterName": "c2", "appNamespaceName": "extra" }]);
    let all = "/openapi/v1/namespaces";
    s.run(user, "createNamespaces", "Namespace.create", (post(), all), wanted).await;
    let path = format!("{clusters}/c2");
    s.run(root, "deleteCluster", "Cluster.delete", (delete(), &path), Value::Null).await;
    let path = format!("{definitions}/extra");
    s.run(user, "deleteAppNamespace", "AppNamespace.delete", (delete(), &path), Value::Null).await;
    let all = records(&world.store).await;
    let record = all.iter().find(|record| record.op_name == "AppNamespace.create").unwrap();
    let wrote = influences(&world.store, record).await;
    let of = |entity: &str, field: &str| {
        let mut rows = wrote.iter();
        let found = rows.find(|row| {
            row.influence_entity_name == entity && row.field_name.as_deref() == Some(field)
        });
        found.and_then(|row| row.field_new_value.clone())
    };
    assert_eq!(of("Resource", "App").as_deref(), Some("demo"));
    assert_eq!(of("AppNamespace", "Name").as_deref(), Some("extra"));
    assert_eq!(of("AppNamespace", "IsPublic").as_deref(), Some("false"));
    assert!(of("Role", "RoleName").is_some());
}

async fn roles(s: &mut Script<'_>, user: (&Caller<'_>, &str), root: (&Caller<'_>, &str)) {
    let (post, delete) = (|| Method::POST, || Method::DELETE);
    let grants = [
        format!("{A}/roles/Master"),
        format!("{A}/namespaces/application/roles/ModifyNamespace"),
        format!("{ENV}/namespaces/application/roles/ModifyNamespace"),
        format!("{ENV}/clusters/default/roles/ModifyNamespacesInCluster"),
    ];
    let ids = [
        ("assignAppRoleToUser", "removeAppRoleFromUser"),
        ("assignNamespaceRoleToUser", "removeNamespaceRoleFromUser"),
        ("assignNamespaceEnvRoleToUser", "removeNamespaceEnvRoleFromUser"),
        ("assignClusterNamespaceRoleToUser", "removeClusterNamespaceRoleFromUser"),
    ];
    for (path, (assign, remove)) in grants.iter().zip(ids) {
        let path = format!("{path}?userId=u2");
        let name = format!("Auth.{assign}");
        s.run(user, assign, &name, (post(), &path), Value::Null).await;
        let name = format!("Auth.{remove}");
        s.run(user, remove, &name, (delete(), &path), Value::Null).await;
    }
    for (id, path) in [
        ("initAppPermission", format!("{A}/namespaces/application")),
        ("initClusterNamespacePermission", format!("{ENV}/clusters/default/namespaces")),
    ] {
        let path = format!("{path}/permission-init");
        s.run(user, id, &format!("Auth.{id}"), (post(), &path), Value::Null).await;
    }
    let creators = "/openapi/v1/system/roles/create-application";
    let (id, name) = ("addCreateApplicationRoleToUsers", "Auth.addCreateApplicationRoleToUser");
    s.run(root, id, name, (post(), creators), json!(["u2"])).await;
    let (id, name) =
        ("deleteCreateApplicationRoleFromUser", "Auth.deleteCreateApplicationRoleFromUser");
    let path = format!("{creators}?userId=u2");
    s.run(root, id, name, (delete(), &path), Value::Null).await;
    let path = format!("{A}/roles/master?userId=u2");
    let (id, name) = ("addManageAppMasterRoleToUser", "Auth.addManageAppMasterRoleToUser");
    s.run(root, id, name, (post(), &path), Value::Null).await;
    let (id, name) = ("removeManageAppMasterRoleFromUser", "Auth.forbidManageAppMaster");
    s.run(root, id, name, (delete(), &path), Value::Null).await;
}
