//! Objects on which both portals work and of which only ours knows a part: revisions, JSON Schemas,
//! roles for reading, tokens that only propose. `handover.txt` cannot have them, because Apollo's
//! portal alone does not.

use serde_json::{Value, json};

use super::{PASSWORD, set, set_password};
use crate::support::eventually::eventually;
use crate::support::http::{Answer, Http};
use crate::support::server::{Options, Server};
use crate::support::session::{sign_in, sign_in_as};

const REVISION: &str = "Castalia-Revision";

/// Both portals on the same databases, and an app that Apollo's has made.
struct Turns {
    theirs: Http,
    ours: Http,
    server: Server,
    app: &'static str,
    user: String,
}

impl Turns {
    async fn with(app: &'static str) -> Self {
        let [portal, config_db, portal_db] = ["PORTAL_URL", "CONFIG_DB", "PORTAL_DB"].map(set);
        set_password(&portal_db);
        let options = Options::new().flag("--config-db", &config_db);
        let options = options.flag("--portal-db", &portal_db).flag("--registry", "custom");
        let server = Server::start_with(options);
        let theirs = sign_in(&portal, PASSWORD).await;
        let ours = sign_in(&server.portal, PASSWORD).await;
        let user = format!("{app}-reader");
        let body = json!({
            "username": user, "userDisplayName": "A Reader", "password": PASSWORD,
            "confirmPassword": PASSWORD, "email": "reader@example.com", "enabled": 1,
        });
        theirs.post("/openapi/v1/users?isCreate=true", body).await.ok();
        let turns = Self { theirs, ours, server, app, user };
        turns.create_app(&turns.theirs).await.ok();
        turns
    }

    async fn create_app(&self, portal: &Http) -> Answer {
        let app = json!({
            "appId": self.app, "name": "Turns", "orgId": "TEST1", "orgName": "样例部门1", "ownerName": "apollo",
        });
        let body = json!({ "app": app, "admins": ["apollo"], "assignAppRoleToSelf": false });
        portal.post("/openapi/v1/apps", body).await
    }

    async fn define(&self, portal: &Http) {
        let body = json!({
            "appId": self.app, "name": "limits", "comment": "", "isPublic": false, "format": "json",
            "appendNamespacePrefix": false,
        });
        portal.post(&self.below_app("/appnamespaces"), body).await.ok();
    }

    fn below_app(&self, path: &str) -> String {
        format!("/openapi/v1/apps/{}{path}", self.app)
    }

    fn cluster(&self) -> String {
        format!("/openapi/v1/envs/DEV/apps/{}/clusters/default/namespaces", self.app)
    }

    fn application(&self, path: &str) -> String {
        format!("{}/application{path}", self.cluster())
    }

    fn limits(&self, path: &str) -> String {
        format!("{}/limits.json{path}", self.cluster())
    }

    async fn set_max(&self, portal: &Http, max: u32) {
        let body = json!({ "configText": format!("{{\"max\": {max}}}"), "format": "json" });
        portal.put(&self.limits("/items"), body).await.ok();
    }

    async fn publish(&self, portal: &Http, namespace: &str) -> Answer {
        let body =
            json!({ "releaseTitle": "r", "releaseComment": "", "isEmergencyPublish": false });
        portal.post(&format!("{}/{namespace}/releases", self.cluster()), body).await
    }

    async fn schema(&self) -> Value {
        self.ours.get(&self.limits("/schema")).await.ok().json()["schema"].clone()
    }

    /// Waits until clients of our config service receive this value.
    async fn served(&self, namespace: &str, key: &str, value: &str) {
        let config = Http::new(&self.server.config);
        let path = format!("/configs/{}/default/{namespace}", self.app);
        eventually(&format!("{value} at {path}"), || async {
            let found = config.get(&path).await;
            (found.status == 200 && found.json()["configurations"][key] == value).then_some(())
        })
        .await;
    }

    async fn revision(&self, path: &str) -> String {
        self.ours.get(path).await.ok().header(REVISION).to_owned()
    }

    /// Our portal with a revision.
    fn on(&self, revision: &str) -> Http {
        self.ours.clone().with(REVISION, revision)
    }

    /// Sends changes of the app on this revision, which is out of date.
    async fn are_refused(&self, revision: &str) {
        let late = self.on(revision);
        let one = item("limit", "late");
        let text = json!({ "configText": "limit = late", "format": "properties" });
        for answer in [
            late.put(&self.application("/items/limit"), one.clone()).await,
            late.post(&self.application("/items"), item("new", "late")).await,
            late.delete(&self.application("/items/limit")).await,
            late.put(&self.application("/items"), text).await,
            late.post(&self.application("/branches"), json!({})).await,
            self.publish(&late, "application").await,
            late.delete(&self.below_app("/envs/DEV/clusters/default/namespaces/application")).await,
        ] {
            assert_eq!(answer.status, 409, "{answer:?}");
            assert_eq!(answer.json()["code"], "stale_revision");
        }
    }
}

fn item(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": value, "type": 0, "comment": "" })
}

#[tokio::test]
#[ignore = "needs Apollo's portal: tests/upstream.sh pages"]
async fn an_edit_is_refused_if_apollos_portal_changed_the_namespace_after_it_was_read() {
    let turns = Turns::with("turns-revision").await;
    let (theirs, items) = (&turns.theirs, turns.application("/items"));
    theirs.post(&items, item("limit", "1")).await.ok();
    let read = turns.revision(&items).await;
    let encoded = turns.application("/encodedItems/bGltaXQ?createIfNotExists=false");
    theirs.put(&encoded, item("limit", "2")).await.ok();
    turns.are_refused(&read).await;
    let shown = theirs.get(&turns.application("/items/limit")).await.ok().json();
    assert_eq!(shown["value"], "2");
    let releases = turns.application("/releases/active?page=0&size=10");
    assert_eq!(theirs.get(&releases).await.ok().json(), json!([]));

    let limit = turns.application("/items/limit");
    let read = turns.revision(&items).await;
    let made = turns.on(&read).put(&limit, item("limit", "3")).await.ok();
    assert_eq!(made.header(REVISION), turns.revision(&items).await);
    turns.on(made.header(REVISION)).put(&limit, item("limit", "4")).await.ok();
    turns.publish(theirs, "application").await.ok();
    turns.served("application", "limit", "4").await;

    // A publish changes no item.
    let read = turns.revision(&items).await;
    let link = turns.below_app("/envs/DEV/clusters/default/namespaces/application");
    theirs.delete(&link).await.ok();
    let again = json!([{
        "appId": turns.app, "env": "DEV", "clusterName": "default", "appNamespaceName": "application",
    }]);
    theirs.post("/openapi/v1/namespaces", again).await.ok();
    turns.are_refused(&read).await;

    let read = turns.revision(&turns.below_app("")).await;
    let mut details = theirs.get(&turns.below_app("")).await.ok().json();
    details["name"] = json!("Theirs");
    theirs.put(&turns.below_app(""), details.clone()).await.ok();
    details["name"] = json!("Ours");
    let late = turns.on(&read);
    for answer in
        [late.put(&turns.below_app(""), details).await, late.delete(&turns.below_app("")).await]
    {
        assert_eq!((answer.status, &answer.json()["code"]), (409, &json!("stale_revision")));
    }
    assert_eq!(theirs.get(&turns.below_app("")).await.ok().json()["name"], "Theirs");
}

/// Apollo's admin service ignores the header.
#[tokio::test]
#[ignore = "needs Apollo's portal: tests/upstream.sh pages"]
async fn an_edit_through_apollos_admin_service_is_not_made_on_a_revision() {
    let turns = Turns::with("turns-beside").await;
    let [config, portal_db] = ["CONFIG_URL", "PORTAL_DB"].map(set);
    let options = Options::new().flag("--roles", "portal").flag("--portal-db", &portal_db);
    let beside = Server::start_with(options.variable("DEV_META", &config));
    let beside = sign_in(&beside.portal, PASSWORD).await;
    let items = turns.application("/items");
    beside.post(&items, item("limit", "1")).await.ok();
    let read = turns.revision(&items).await;
    turns.theirs.put(&turns.application("/items/limit"), item("limit", "2")).await.ok();
    for revision in [&read, &turns.revision(&items).await] {
        let based = beside.clone().with(REVISION, revision);
        let answer = based.put(&turns.application("/items/limit"), item("limit", "3")).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    let shown = turns.theirs.get(&turns.application("/items/limit")).await.ok().json();
    assert_eq!(shown["value"], "2");

    // The schema is checked, whatever admin service publishes.
    let rules = json!({ "properties": { "limit": { "type": "integer", "maximum": 1 } } });
    let schema = turns.application("/schema");
    beside.put(&schema, json!({ "schema": rules })).await.ok();
    let refused = turns.publish(&beside, "application").await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("schema_violated")));
    beside.put(&schema, json!({ "schema": null })).await.ok();
    turns.publish(&beside, "application").await.ok();
}

#[tokio::test]
#[ignore = "needs Apollo's portal: tests/upstream.sh pages"]
async fn a_schema_belongs_to_one_namespace_whoever_deletes_and_creates_it() {
    let turns = Turns::with("turns-schema").await;
    let (theirs, ours) = (&turns.theirs, &turns.ours);
    turns.define(theirs).await;
    turns.set_max(theirs, 5).await;
    turns.publish(theirs, "limits.json").await.ok();
    let rules = json!({ "properties": { "max": { "maximum": 10 } } });
    ours.put(&turns.limits("/schema"), json!({ "schema": rules })).await.ok();

    // Apollo's portal neither knows the schema nor is disturbed by it.
    turns.set_max(theirs, 50).await;
    let broken = turns.publish(theirs, "limits.json").await.ok().json();
    turns.served("limits.json", "content", "{\"max\": 50}").await;
    let violations = ours.get(&turns.limits("/schema/violations")).await.ok().json();
    assert_eq!(violations[0]["path"], "/max");
    let refused = turns.publish(ours, "limits.json").await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("schema_violated")));
    let rollback = format!("/openapi/v1/envs/DEV/releases/{}/rollback", broken["id"]);
    ours.put(&rollback, json!({})).await.ok();
    turns.served("limits.json", "content", "{\"max\": 5}").await;

    theirs.delete(&turns.below_app("/appnamespaces/limits.json")).await.ok();
    assert_eq!(ours.get(&turns.limits("/schema")).await.status, 404);
    for creator in [ours, theirs] {
        turns.define(creator).await;
        assert_eq!(turns.schema().await, Value::Null);
        turns.set_max(ours, 60).await;
        turns.publish(ours, "limits.json").await.ok();
        theirs.delete(&turns.below_app("/appnamespaces/limits.json")).await.ok();
    }
}

#[tokio::test]
#[ignore = "needs Apollo's portal: tests/upstream.sh pages"]
async fn a_schema_is_restored_with_its_namespace_after_apollos_portal_used_the_name() {
    let turns = Turns::with("turns-restored").await;
    let (theirs, ours) = (&turns.theirs, &turns.ours);
    let rules = json!({ "properties": { "max": { "maximum": 10 } } });
    turns.define(ours).await;
    turns.set_max(theirs, 7).await;
    ours.put(&turns.limits("/schema"), json!({ "schema": rules })).await.ok();
    ours.delete(&turns.below_app("/appnamespaces/limits.json")).await.ok();
    let listed = ours.get(&turns.below_app("/deleted")).await.ok().json();
    let deleted = listed["objects"][0].clone();
    turns.define(theirs).await;
    let used = ours.post(&turns.below_app("/restorations"), deleted.clone()).await;
    assert_eq!(used.status, 400, "{used:?}");
    assert_eq!(turns.schema().await, Value::Null);
    theirs.delete(&turns.below_app("/appnamespaces/limits.json")).await.ok();
    ours.post(&turns.below_app("/restorations"), deleted).await.ok();
    assert_eq!(turns.schema().await, rules);
    turns.publish(theirs, "limits.json").await.ok();
    turns.served("limits.json", "content", "{\"max\": 7}").await;
    turns.set_max(theirs, 70).await;
    assert_eq!(turns.publish(ours, "limits.json").await.status, 400);
}

/// Roles and access keys that Apollo's portal leaves of an app open no later app.
#[tokio::test]
#[ignore = "needs Apollo's portal: tests/upstream.sh pages"]
async fn an_app_that_apollos_portal_deleted_is_created_anew() {
    let turns = Turns::with("turns-app").await;
    let (theirs, ours) = (&turns.theirs, &turns.ours);
    let consumer = json!({
        "appId": "turns-script", "name": "A script", "orgId": "TEST1", "orgName": "样例部门1", "ownerName": "apollo",
    });
    let token = ours.post("/openapi/v1/consumers", consumer).await.ok().json()["token"].clone();
    let token = token.as_str().unwrap();
    let script = Http::new(ours.base()).with("Authorization", token);
    let grant = async |query: &str, body: Value| {
        let path =
            format!("/openapi/v1/consumers/turns-script/assign-role?operations=read&{query}");
        ours.post(&path, body).await.ok();
    };
    let releases = turns.application("/releases/active");
    turns.define(theirs).await;
    turns.set_max(theirs, 50).await;
    let rules = json!({ "properties": { "max": { "maximum": 10 } } });
    ours.put(&turns.limits("/schema"), json!({ "schema": rules })).await.ok();
    theirs.post(&turns.application("/items"), item("limit", "1")).await.ok();
    turns.publish(theirs, "application").await.ok();
    let keys = turns.below_app("/envs/DEV/accesskeys");
    theirs.post(&format!("{keys}?operator=apollo"), json!({})).await.ok();
    let on_app = json!({ "appId": turns.app });
    let on_limits = json!({ "appId": turns.app, "namespaceName": "limits.json" });
    grant("type=AppRole", on_app.clone()).await;
    grant("type=NamespaceRole", on_limits.clone()).await;
    script.get(&releases).await.ok();

    theirs.delete(&turns.below_app("")).await.ok();
    assert_eq!(script.get(&releases).await.status, 403);
    turns.create_app(ours).await.ok();
    turns.define(ours).await;
    for path in [releases.clone(), turns.limits("/releases/active")] {
        assert_eq!(script.get(&path).await.status, 403, "{path}");
    }
    assert_eq!(ours.get(&keys).await.ok().json(), json!([]));
    assert_eq!(theirs.get(&keys).await.ok().json(), json!([]));
    assert_eq!(turns.schema().await, Value::Null);
    assert_eq!(ours.get(&turns.application("/items")).await.ok().json()["total"], 0);
    let listed = ours.get(&turns.below_app("/deleted")).await.ok().json();
    assert_eq!(listed["objects"], json!([]), "of the earlier app");

    // A new grant is effective, for what is new.
    grant("type=NamespaceRole", on_limits).await;
    script.get(&turns.limits("/releases/active")).await.ok();
    assert_eq!(script.get(&releases).await.status, 403);
    // Apollo's portal deletes a definition and keeps the role to read it.
    theirs.delete(&turns.below_app("/appnamespaces/limits.json")).await.ok();
    turns.define(ours).await;
    assert_eq!(script.get(&turns.limits("/releases/active")).await.status, 403);
    turns.set_max(theirs, 50).await;
    turns.publish(ours, "limits.json").await.ok();
    turns.served("limits.json", "content", "{\"max\": 50}").await;
}

#[tokio::test]
#[ignore = "needs Apollo's portal: tests/upstream.sh pages"]
async fn what_a_token_proposes_is_published_by_apollos_portal() {
    let turns = Turns::with("turns-proposal").await;
    let (theirs, ours) = (&turns.theirs, &turns.ours);
    for role in ["ModifyNamespace", "ReleaseNamespace"] {
        let path = format!("/namespaces/application/roles/{role}?operator=apollo");
        let path = format!("{}&userId={}", turns.below_app(&path), turns.user);
        theirs.post(&path, json!({})).await.ok();
    }
    let user = sign_in_as(ours.base(), &turns.user, PASSWORD).await;
    let body = json!({ "name": "proposer", "operations": ["config:read", "config:propose"] });
    let made = user.post("/openapi/v1/user-tokens", body).await.ok().json();
    let token = format!("Bearer {}", made["tokenValue"].as_str().unwrap());
    let proposer = Http::new(ours.base()).with("Authorization", &token);
    proposer.post(&turns.application("/items"), item("limit", "1")).await.ok();
    assert_eq!(turns.publish(&proposer, "application").await.status, 403);
    turns.publish(theirs, "application").await.ok();
    turns.served("application", "limit", "1").await;
    let commits = turns.below_app("/envs/DEV/clusters/default/namespaces/application/commits");
    let commits = theirs.get(&format!("{commits}?page=0&size=50")).await.ok().json();
    assert_eq!(commits[0]["dataChangeCreatedBy"], turns.user.as_str());
}
