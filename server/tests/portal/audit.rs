//! The audit log of the portal (SEC-31): every change, every read of secrets, every sign-in and
//! sign-out leaves one record, refusals up to a limit, and none shows a secret.

use castalia_server::role::portal::PortalAccess;
use castalia_store::audit::{AuditLog, AuditLogDataInfluence, influences_of_spans, logs};
use castalia_store::consumer;
use castalia_store::entity::consumer_audit;
use castalia_store::{Page, Store};
use http::Method;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};

use super::access::{call, concrete};
use super::world::{NS, PASSWORD, World, app, item};

/// Path of the app `demo`.
pub(crate) const A: &str = "/openapi/v1/apps/demo";

/// Calls of one caller that are all recorded if they are refused.
const FEW: usize = 90;

/// All records, oldest first.
pub(crate) async fn records(store: &Store) -> Vec<AuditLog> {
    let mut found = logs(store.read(), &Page::new(0, 100_000)).await.unwrap();
    found.reverse();
    found
}

/// What the records of an operation say that it wrote.
pub(crate) async fn influences(store: &Store, record: &AuditLog) -> Vec<AuditLogDataInfluence> {
    influences_of_spans(store.read(), &[&record.span_id]).await.unwrap()
}

/// The records since the last call.
pub(crate) struct Log<'w> {
    pub(crate) world: &'w World,
    seen: usize,
}

impl<'w> Log<'w> {
    pub(crate) async fn of(world: &'w World) -> Self {
        Self { world, seen: records(&world.store).await.len() }
    }

    pub(crate) async fn take(&mut self) -> Vec<AuditLog> {
        let mut all = records(&self.world.store).await;
        let new = all.split_off(self.seen);
        self.seen += new.len();
        new
    }

    /// Kind, name and operator of the new records.
    pub(crate) async fn shown(&mut self) -> Vec<[String; 3]> {
        let new = self.take().await;
        new.into_iter().map(|record| [record.op_type, record.op_name, record.operator]).collect()
    }

    /// The one new record.
    #[track_caller]
    pub(crate) fn one(&mut self) -> impl Future<Output = AuditLog> + use<'_, 'w> {
        let location = std::panic::Location::caller();
        async move {
            let mut new = self.take().await;
            assert_eq!(new.len(), 1, "{location}: {new:?}");
            new.remove(0)
        }
    }
}

#[tokio::test]
async fn each_refused_call_of_a_known_caller_leaves_one_record() {
    let world = World::with_demo().await;
    let mut log = Log::of(&world).await;
    let mut refused = 0;
    for (number, routes) in world.routes.chunks(FEW).enumerate() {
        let (name, ci) = (format!("stranger{number}"), format!("ci{number}"));
        world.add_user(&name, &format!("{{noop}}{PASSWORD}")).await;
        let token = world.token(&ci, &[]).await;
        let (user, consumer) = (world.user(&name).await, world.consumer(&token));
        log.take().await;
        for route in routes {
            if matches!(route.access, PortalAccess::Open | PortalAccess::Page) {
                continue;
            }
            for (caller, operator) in [(&user, name.clone()), (&consumer, format!("consumer {ci}"))]
            {
                let answer = call(caller, &route.method, &concrete(route.path)).await;
                let new = log.take().await;
                if answer.status != 403 {
                    assert!(new.iter().all(|record| record.op_name != "Auth.refused"), "{route:?}");
                    continue;
                }
                refused += 1;
                let shown: Vec<_> =
                    new.iter().map(|r| (&*r.op_name, &*r.op_type, &*r.operator)).collect();
                assert_eq!(shown, [("Auth.refused", "RPC", &*operator)], "{route:?}");
                let description = new[0].description.clone().unwrap();
                assert!(description.contains("127.0.0.1"), "{description}");
            }
        }
    }
    assert!(refused > 100, "{refused}");

    // Unknown callers cannot fill the table.
    for route in &world.routes {
        call(&world.nobody(), &route.method, &concrete(route.path)).await;
        let wrong = world.nobody().with("authorization", "none");
        call(&wrong, &route.method, &concrete(route.path)).await;
    }
    assert_eq!(log.take().await, []);
}

#[tokio::test]
async fn sign_ins_refused_ones_and_sign_outs_are_recorded() {
    let world = World::adopted().await;
    let mut log = Log::of(&world).await;
    let shown = |record: AuditLog| (record.op_type, record.op_name, record.operator);
    let of = |kind: &str, name: &str, operator: &str| {
        (kind.to_owned(), name.to_owned(), operator.to_owned())
    };
    let signed_in = world.nobody().sign_in("u1", PASSWORD).await.cookie().unwrap();
    let record = log.one().await;
    assert_eq!(record.description.as_deref(), Some("from 127.0.0.1"));
    assert_eq!(shown(record), of("CREATE", "Auth.signIn", "u1"));
    world.nobody().sign_in("u1", "wrong").await;
    assert_eq!(shown(log.one().await), of("RPC", "Auth.signInRefused", "u1"));
    // A password in the field of the name.
    world.nobody().sign_in("my secret", "x").await;
    let record = log.one().await;
    assert!(!format!("{record:?}").contains("my secret"));
    assert_eq!(shown(record), of("RPC", "Auth.signInRefused", "anonymous"));
    let browser = world.nobody().with("cookie", &signed_in);
    browser.send(Method::POST, "/user/logout", "", String::new()).await;
    assert_eq!(shown(log.one().await), of("DELETE", "Auth.signOut", "u1"));
    browser.send(Method::POST, "/user/logout", "", String::new()).await;
    assert_eq!(log.take().await, [], "the session has ended");
}

#[tokio::test]
async fn a_consumer_is_recorded_with_its_token_and_the_user_it_acts_for() {
    let world = World::with_demo().await;
    let token = world.token("ci", &["demo"]).await;
    let mut log = Log::of(&world).await;
    let consumer = world.consumer(&token);
    consumer.post(&format!("{NS}/items?operator=u2"), item("k", "v")).await.ok();
    let record = log.one().await;
    assert_eq!((record.op_name.as_str(), record.operator.as_str()), ("Item.create", "u2"));
    let description = record.description.unwrap();
    let id = consumer::by_app_id(world.store.read(), "ci").await.unwrap().unwrap().id;
    let beginning = format!("127.0.0.1 consumer {id} token ");
    let rest = description.strip_prefix(&beginning).expect(&description);
    let (token_id, request) = rest.split_once(' ').unwrap();
    assert!(token_id.parse::<u64>().is_ok(), "{description}");
    assert!(request.starts_with("POST /openapi/"), "{description}");
    // A token in the path of a call is in no record.
    consumer
        .post(&format!("/openapi/v1/consumers/{token}/assign-role?type=AppRole"), json!({}))
        .await;
    log.one().await;
    let calls = async || consumer_audit::Entity::find().all(world.store.read()).await.unwrap();
    while calls().await.len() < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let text = format!("{:?}{:?}", calls().await, records(&world.store).await);
    assert!(text.contains("{token}") && !text.contains(&token), "{text}");
}

#[tokio::test]
async fn the_records_of_both_databases_have_one_trace() {
    let world = World::adopted().await;
    world.user("u1").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let here = records(&world.store).await;
    let here = here.iter().find(|record| record.op_name == "App.create").unwrap();
    assert_eq!(here.parent_span_id, None);
    let there = records(&world.environment_store).await;
    let there: Vec<_> = there.iter().filter(|record| record.trace_id == here.trace_id).collect();
    let names: Vec<_> = there.iter().map(|record| record.op_name.as_str()).collect();
    assert_eq!(names, ["App.create", "AppNamespace.createDefault"]);
    for record in there {
        assert_eq!(record.operator, "u1");
        assert_eq!(record.parent_span_id.as_ref(), Some(&here.span_id));
    }
}

#[tokio::test]
async fn a_change_that_fails_leaves_no_record() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    let mut log = Log::of(&world).await;
    root.post("/openapi/v1/apps", app("demo", "u1")).await.fails(400, "app already exists");
    let path = format!("{A}/roles/Master?userId=u1");
    root.post(&path, Value::Null).await.fails(400, "u1 already authorized");
    assert_eq!(log.take().await, []);
}

#[tokio::test]
async fn nothing_is_recorded_while_the_log_is_switched_off() {
    let mut world = World::adopted().await;
    world.set("apollo.audit.log.enabled", "false");
    let user = world.user("u1").await;
    user.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    world.nobody().sign_in("u1", "wrong").await;
    user.delete(A).await.fails(403, "Access is denied");
    assert_eq!(records(&world.store).await, []);
}

/// The six operations that the pages of Apollo's portal use.
#[tokio::test]
async fn super_administrators_read_the_log() {
    let world = World::with_demo().await;
    world.user("u1").await.post(&format!("{NS}/items"), item("k", "v")).await.ok();
    let root = world.user("apollo").await;
    let get = async |path: &str| root.get(&format!("/openapi/v1/apollo/audit/{path}")).await.ok();
    let names = |list: &Value, member: &str| -> Vec<String> {
        let texts = list.as_array().unwrap().iter().map(|row| row[member].as_str());
        texts.map(|text| text.unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(get("properties").await, json!({ "enabled": true }));
    let newest = get("logs?page=0&size=2").await;
    assert_eq!(names(&newest, "opName"), ["Auth.signIn", "Item.create"]);
    assert_eq!(names(&get("logs?page=1&size=2").await, "opName"), ["Auth.signIn", "App.create"]);
    let created = get("logs/opName?opName=App.create").await;
    assert_eq!(names(&created, "operator"), ["u1"]);
    assert!(created[0]["happenedTime"].is_string() && created[0]["description"].is_string());
    let later = "startDate=2999-01-01%2000:00:00.0&endDate=2999-01-02%2000:00:00.0";
    assert_eq!(get(&format!("logs/opName?opName=App.create&{later}")).await, json!([]));
    let trace = get(&format!("trace?traceId={}", created[0]["traceId"].as_str().unwrap())).await;
    assert_eq!(trace[0]["logDTO"], created[0]);
    let written = names(&trace[0]["dataInfluenceDTOList"], "influenceEntityName");
    assert!(
        ["App", "AppNamespace", "Role", "UserRole"]
            .iter()
            .all(|table| { written.iter().any(|written| written == table) })
    );
    let on_app = "entityName=Resource&entityId=demo&fieldName=Namespace";
    let on_app = get(&format!("logs/dataInfluences/field?{on_app}")).await;
    assert_eq!(names(&on_app, "fieldNewValue"), ["application"]);
    let found = get("logs/by-name-or-type-or-operator?query=tem.cre").await;
    assert_eq!(names(&found, "opName"), ["Item.create"]);
    root.get("/openapi/v1/apollo/audit/logs/opName?opName=x&startDate=now")
        .await
        .fails(400, "Invalid audit date format: now");
    assert_eq!(get("logs?size=1000000").await.as_array().unwrap().len(), 5);

    let user = world.user("u1").await;
    assert_eq!(user.get("/openapi/v1/apollo/audit/properties").await.status, 200);
    user.get("/openapi/v1/apollo/audit/logs").await.fails(403, "Access is denied");
    let token = world.token_for_all("ci").await;
    for path in ["properties", "logs"] {
        let answer = world.consumer(&token).get(&format!("/openapi/v1/apollo/audit/{path}")).await;
        answer.fails(403, "Portal user session is required");
    }
}

/// The search by app, user, operation and time, which Apollo does not have.
#[tokio::test]
async fn the_log_is_searched_by_app_user_operation_and_time() {
    let world = World::with_demo().await;
    let (root, owner) = (world.user("apollo").await, world.user("u1").await);
    root.post("/openapi/v1/apps", app("other", "u1")).await.empty();
    owner.post(&format!("{NS}/items"), item("k", "v")).await.ok();
    owner.post(&format!("{}/items", NS.replace("/demo/", "/other/")), item("k", "v")).await.ok();
    root.put(&format!("{NS}/items/k"), item("k", "w")).await.empty();
    world.user("u2").await.delete(A).await.fails(403, "Access is denied");
    let found = async |query: &str| -> Vec<String> {
        let path = "/openapi/v1/apollo/audit/logs/by-name-or-type-or-operator?query=";
        let rows = root.get(&format!("{path}{query}")).await.ok();
        let names = rows.as_array().unwrap().iter();
        names.map(|row| row["opName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        found("&appId=demo").await,
        ["Auth.refused", "Item.update", "Item.create", "App.create"]
    );
    assert_eq!(found("&appId=other").await, ["Item.create", "App.create"]);
    assert_eq!(found("&appId=oth").await, [""; 0], "an app id is not a part of one");
    assert_eq!(found("&appId=demo&operator=apollo").await, ["Item.update"]);
    assert_eq!(found("&appId=demo&operator=u2").await, ["Auth.refused"]);
    assert_eq!(found("&opName=Item.create").await, ["Item.create"; 2]);
    assert_eq!(found("item.&appId=demo&opName=Item.create&operator=u1").await, ["Item.create"]);
    assert_eq!(found("&appId=demo&size=1&page=1").await, ["Item.update"]);
    let past = "2020-01-01T00:00:00.000Z";
    assert_eq!(found(&format!("&appId=demo&endDate={past}")).await, [""; 0]);
    assert_eq!(found(&format!("item.u&startDate={past}&appId=&operator=")).await, ["Item.update"]);
    // The last year of a timestamp on MariaDB is 2038.
    let future = "2037-01-01%2000:00:00.0";
    assert_eq!(found(&format!("&startDate={future}")).await, [""; 0]);
    assert_eq!(found(&format!("item.u&endDate={future}")).await, ["Item.update"]);
}

/// SEC-31: the record of an edit contains the revisions before and after it, whether or not its
/// caller stated one, and the answer contains the latter.
#[tokio::test]
async fn an_edit_is_recorded_with_the_revisions_before_and_after_it() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let mut log = Log::of(&world).await;
    let present = async || -> String {
        user.get(&format!("{NS}/items")).await.header("castalia-revision").to_owned()
    };
    let mut revision = present().await;
    let text = json!({"configText": "k = 7", "format": "properties"});
    let changes = json!({"create": [{"key": "x", "value": "1"}], "update": [], "delete": ["k"]});
    let sync = json!({
        "syncToNamespaces": [{"appId": "demo", "env": "LOCAL", "clusterName": "default", "namespaceName": "application"}],
        "syncItems": [{"key": "s", "value": "1"}],
    });
    for (method, path, body) in [
        (Method::POST, "items", item("k", "1")),
        (Method::PUT, "items/k", item("k", "2")),
        (Method::PUT, "items/l?createIfNotExists=true", item("l", "1")),
        (Method::DELETE, "items/l", Value::Null),
        (Method::PUT, "items", text),
        (Method::POST, "changes", changes),
        (Method::POST, "items/synchronize", sync),
    ] {
        let answer = user
            .send(method.clone(), &format!("{NS}/{path}"), "application/json", body.to_string())
            .await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
        let now = present().await;
        assert_ne!(now, revision, "{method} {path}");
        assert_eq!(answer.header("castalia-revision"), now, "{method} {path}");
        let record = log.one().await;
        assert_eq!(revisions(&world, &record).await, [(revision, now.clone())], "{method} {path}");
        revision = now;
    }
    let based = world.user("u1").await.with("castalia-revision", &revision);
    log.take().await;
    let answer = based.post(&format!("{NS}/items"), item("n", "3")).await;
    let after = answer.header("castalia-revision").to_owned();
    assert_eq!(revisions(&world, &log.one().await).await, [(revision, after)]);
    let stale = based.post(&format!("{NS}/items"), item("m", "4")).await;
    assert_eq!(stale.status, 409, "{stale:?}");
    assert_eq!(log.take().await, [], "nothing was changed");
}

/// The values before and after of the influences on revisions.
async fn revisions(world: &World, record: &AuditLog) -> Vec<(String, String)> {
    let rows = influences(&world.store, record).await.into_iter();
    let rows = rows.filter(|row| row.field_name.as_deref() == Some("Revision"));
    rows.map(|row| (row.field_old_value.unwrap(), row.field_new_value.unwrap())).collect()
}

/// A change of another namespace than that of the path is recorded with its name.
#[tokio::test]
async fn the_revisions_of_several_namespaces_are_recorded_with_their_names() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    let user = world.user("u1").await;
    let mut log = Log::of(&world).await;
    let cluster = json!({"name": "other", "appId": "demo", "dataChangeCreatedBy": "apollo"});
    root.post("/openapi/v1/envs/LOCAL/apps/demo/clusters", cluster).await.ok();
    log.take().await;
    let target = |cluster: &str| json!({"appId": "demo", "env": "LOCAL", "clusterName": cluster, "namespaceName": "application"});
    let sync = json!({
        "syncToNamespaces": [target("default"), target("other")],
        "syncItems": [{"key": "s", "value": "1"}],
    });
    let answer = user.post(&format!("{NS}/items/synchronize"), sync).await;
    assert_eq!(answer.header("castalia-revision"), "", "two namespaces have no common revision");
    let found = revisions(&world, &log.one().await).await;
    let names: Vec<_> =
        found.iter().map(|(_, after)| after.split_once(' ').map(|(_, name)| name)).collect();
    assert_eq!(names, [None, Some("demo+LOCAL+other+application")], "{found:?}");
}

/// The driver of MySQL fails in the middle of a statement with such a time, and its connection with
/// it.
#[tokio::test]
async fn a_time_that_no_database_stores_is_refused_and_costs_no_connection() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    for operation in ["by-name-or-type-or-operator?query=", "opName?opName=App.create"] {
        for date in ["-1-01-01T00:00:00Z", "-262000-01-01 00:00:00.0", "0000-01-01 00:00:00.0"] {
            let date = date.replace(' ', "%20");
            let path = format!("/openapi/v1/apollo/audit/logs/{operation}&startDate={date}");
            root.get(&path).await.fails(400, "Invalid audit date format");
        }
    }
    root.get("/openapi/v1/apps").await.ok();
}
