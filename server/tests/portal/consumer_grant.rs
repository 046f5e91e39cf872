//! What single operations on an app, a namespace or a cluster allow a consumer to do.

use castalia_server::settings::Installation;
use serde_json::{Value, json};

use super::world::{Caller, World, app, item};

const CONSUMERS: &str = "/openapi/v1/consumers";
const DEMO: &str = "/openapi/v1/envs/LOCAL/apps/demo/clusters";
/// Clusters and namespaces of the app.
const PLACES: [[&str; 2]; 4] =
    [["default", "application"], ["default", "extra"], ["c", "application"], ["c", "extra"]];

/// A scope: the query and the body of the request, and which of the places are within it.
type Scope = (&'static str, &'static str, fn([&str; 2]) -> bool);

const SCOPES: [Scope; 5] = [
    ("type=AppRole", r#"{"appId":"demo"}"#, |_| true),
    ("type=NamespaceRole", r#"{"appId":"demo","namespaceName":"extra"}"#, |place| {
        place[1] == "extra"
    }),
    ("type=NamespaceRole&envs=local", r#"{"appId":"demo","namespaceName":"extra"}"#, |place| {
        place[1] == "extra"
    }),
    ("type=NamespaceRole&envs=PRO", r#"{"appId":"demo","namespaceName":"extra"}"#, |_| false),
    ("type=ClusterRole&envs=LOCAL", r#"{"appId":"demo","clusterName":"c"}"#, |place| {
        place[0] == "c"
    }),
];

/// The app `demo` with a second cluster and a second namespace, and another app.
async fn world(installation: Installation) -> World {
    let mut world = World::with(installation, &[]).await;
    world.set("apollo.portal.envs", "local,pro");
    let root = world.user("apollo").await;
    for app_id in ["demo", "second"] {
        root.post("/openapi/v1/apps", app(app_id, "u1")).await.empty();
    }
    root.post(DEMO, json!({ "appId": "demo", "name": "c" })).await.ok();
    let extra = json!({ "appId": "demo", "name": "extra", "format": "properties" });
    root.post("/openapi/v1/apps/demo/appnamespaces", extra).await.ok();
    for place in PLACES {
        root.post(&format!("{}/items", path(place)), item("k", "v")).await.ok();
    }
    drop(root);
    world
}

fn path([cluster, namespace]: [&str; 2]) -> String {
    format!("{DEMO}/{cluster}/namespaces/{namespace}")
}

async fn register(root: &Caller<'_>, app_id: &str) -> String {
    let consumer = json!({ "appId": app_id, "name": "CI", "orgId": "TEST1", "ownerName": "u1" });
    let made = root.post(CONSUMERS, consumer).await.ok();
    made["token"].as_str().unwrap().to_owned()
}

fn assign(consumer: &str, query: &str) -> String {
    format!("{CONSUMERS}/{consumer}/assign-role?{query}")
}

/// Whether it may read items, read releases, edit and publish a namespace.
async fn allowed(consumer: &Caller<'_>, namespace: &str) -> [bool; 4] {
    let release = json!({ "releaseTitle": "r", "releasedBy": "u1" });
    let change = json!({
        "key": "k", "value": "w", "type": 0, "dataChangeCreatedBy": "u1", "dataChangeLastModifiedBy": "u1",
    });
    let answers = [
        consumer.get(&format!("{namespace}/items")).await,
        consumer.get(&format!("{namespace}/releases/active")).await,
        consumer.put(&format!("{namespace}/items/k?operator=u1"), change).await,
        consumer.post(&format!("{namespace}/releases"), release).await,
    ];
    answers.map(|answer| match answer.status {
        200 => true,
        403 => false,
        _ => panic!("{answer:?}"),
    })
}

/// It reads, edits or publishes what it was granted, and nothing else. Where Apollo created the
/// database, every consumer reads items, as in Apollo.
#[tokio::test]
async fn a_consumer_does_what_it_was_granted_and_nothing_else() {
    for installation in [Installation::Fresh, Installation::Adopted] {
        let world = world(installation).await;
        let root = world.user("apollo").await;
        let reads_all = installation == Installation::Adopted;
        for (number, (query, body, is_within)) in SCOPES.into_iter().enumerate() {
            for operation in ["read", "edit", "release", "edit,release"] {
                let name = format!("{number}-{}", operation.replace(',', "-"));
                let ci = world.consumer(&register(&root, &name).await);
                let grant = assign(&name, &format!("{query}&operations={operation}"));
                let body: Value = serde_json::from_str(body).unwrap();
                root.post(&grant, body).await.ok();
                for place in PLACES {
                    let has = |what| is_within(place) && operation.contains(what);
                    let expected = [
                        reads_all || is_within(place),
                        has("read") || has("release"),
                        has("edit"),
                        has("release"),
                    ];
                    let at = format!("{installation:?} {query} {operation} {place:?}");
                    assert_eq!(allowed(&ci, &path(place)).await, expected, "{at}");
                }
                let second = path(PLACES[0]).replace("demo", "second");
                let found = allowed(&ci, &second).await;
                assert_eq!(found, [reads_all, false, false, false], "{name}");
                creates_nothing(&ci).await;
            }
        }
    }
}

async fn creates_nothing(ci: &Caller<'_>) {
    let by = json!({ "appId": "demo", "name": "new", "format": "properties", "dataChangeCreatedBy": "u1" });
    for path in [DEMO, "/openapi/v1/apps/demo/appnamespaces"] {
        ci.post(path, by.clone()).await.fails(403, "Access is denied");
    }
    ci.post(&format!("{}/branches?operator=u1", path(PLACES[3])), json!({}))
        .await
        .fails(403, "Access is denied");
}

/// Without a list of operations, a grant is what it is in Apollo.
#[tokio::test]
async fn a_grant_without_operations_is_that_of_apollo() {
    let world = world(Installation::Fresh).await;
    let root = world.user("apollo").await;
    register(&root, "ci").await;
    let roles = async || root.get(&format!("{CONSUMERS}/by-appId/roles?appId=ci")).await.ok();
    for (query, body, expected) in [
        (SCOPES[0].0, SCOPES[0].1, &["Master+demo"][..]),
        (SCOPES[1].0, SCOPES[1].1, &["ModifyNamespace+demo+extra", "ReleaseNamespace+demo+extra"]),
        (
            SCOPES[4].0,
            SCOPES[4].1,
            &["ModifyNamespacesInCluster+demo+LOCAL+c", "ReleaseNamespacesInCluster+demo+LOCAL+c"],
        ),
    ] {
        let body: Value = serde_json::from_str(body).unwrap();
        root.post(&assign("ci", query), body).await.ok();
        assert_eq!(roles().await, json!(expected));
        for role in expected {
            let role = role.replace('+', "%2B");
            let revoke = format!("{CONSUMERS}/by-appId/roles?appId=ci&roleName={role}");
            root.delete(&revoke).await.empty();
        }
    }
}

/// A grant to read ends when it is revoked, and with the object: one that is created later under
/// the same name is not open.
#[tokio::test]
async fn a_grant_to_read_ends() {
    let world = world(Installation::Fresh).await;
    let root = world.user("apollo").await;
    let ci = world.consumer(&register(&root, "ci").await);
    let extra = format!("{}/items", path(PLACES[3]));
    let grant = async |scope: Scope| {
        let (query, body, _) = scope;
        let body: Value = serde_json::from_str(body).unwrap();
        root.post(&assign("ci", &format!("{query}&operations=read")), body).await.ok();
        assert_eq!(ci.get(&extra).await.status, 200, "{query}");
    };
    let roles = async || root.get(&format!("{CONSUMERS}/by-appId/roles?appId=ci")).await.ok();
    grant(SCOPES[0]).await;
    assert_eq!(roles().await, json!(["ReadNamespace+demo"]));
    let revoke = format!("{CONSUMERS}/by-appId/roles?appId=ci&roleName=ReadNamespace%2Bdemo");
    root.delete(&revoke).await.empty();
    ci.get(&extra).await.fails(403, "Access is denied");

    grant(SCOPES[4]).await;
    root.delete(&format!("{DEMO}/c")).await.empty();
    root.post(DEMO, json!({ "appId": "demo", "name": "c" })).await.ok();
    ci.get(&extra).await.fails(403, "Access is denied");

    grant(SCOPES[1]).await;
    root.delete("/openapi/v1/apps/demo/appnamespaces/extra").await.empty();
    assert_eq!(roles().await, json!([]));
    let again = json!({ "appId": "demo", "name": "extra", "format": "properties" });
    root.post("/openapi/v1/apps/demo/appnamespaces", again).await.ok();
    ci.get(&extra).await.fails(403, "Access is denied");

    grant(SCOPES[0]).await;
    root.delete("/openapi/v1/apps/demo").await.empty();
    assert_eq!(roles().await, json!([]));
}

#[tokio::test]
async fn an_invalid_grant_is_refused() {
    let world = world(Installation::Adopted).await;
    let root = world.user("apollo").await;
    register(&root, "ci").await;
    for (query, body, message) in [
        ("type=AppRole&operations=", json!({}), "operation `` is none of read, edit and release"),
        ("type=ClusterRole&envs=,", json!({ "clusterName": "c" }), "Params(envs) can not be empty"),
        ("type=AppRole&operations=read,write", json!({}), "operation `write` is none of"),
        ("type=AppRole&operations=read", json!({ "appId": "none" }), "App's role does not exist."),
        (
            "type=NamespaceRole&operations=read",
            json!({ "namespaceName": "none" }),
            "Namespace's role does not exist.",
        ),
        (
            "type=ClusterRole&operations=read&envs=LOCAL",
            json!({ "clusterName": "none" }),
            "Cluster's role does not exist.",
        ),
        // Such a text would be the name of the role in one environment.
        ("type=NamespaceRole", json!({ "namespaceName": "extra+PRO" }), "Invalid NamespaceName"),
        ("type=ClusterRole&envs=LOCAL", json!({ "clusterName": "c+x" }), "Invalid ClusterName"),
        ("type=ClusterRole", json!({ "clusterName": "c" }), "Params(envs) can not be empty"),
        ("type=ClusterRole&envs=LOCAL", json!({}), "Params(ClusterName) can not be empty"),
    ] {
        let mut of_demo = json!({ "appId": "demo" });
        of_demo.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        root.post(&assign("ci", query), of_demo).await.fails(400, message);
    }
    let roles = root.get(&format!("{CONSUMERS}/by-appId/roles?appId=ci")).await;
    assert_eq!(roles.ok(), json!([]));
}

/// A role that survives its cluster or namespace would open the next one of that name.
#[tokio::test]
async fn a_grant_beside_the_deletion_of_its_object_does_not_survive_it() {
    let world = world(Installation::Fresh).await;
    let root = world.user("apollo").await;
    register(&root, "ci").await;
    for _ in 0..8 {
        let definition = json!({ "appId": "demo", "name": "rn", "format": "properties" });
        root.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
        root.post(DEMO, json!({ "appId": "demo", "name": "rc" })).await.ok();
        let grant = async |query: &str, body: Value| {
            let path = assign("ci", &format!("{query}&operations=read,edit"));
            let answer = root.post(&path, body).await;
            assert!([200, 400].contains(&answer.status), "{answer:?}");
        };
        let namespace = json!({ "appId": "demo", "namespaceName": "rn" });
        let cluster = json!({ "appId": "demo", "clusterName": "rc" });
        let (cluster_path, namespace_path) =
            (format!("{DEMO}/rc"), "/openapi/v1/apps/demo/appnamespaces/rn");
        let (of_cluster, of_namespace, ..) = tokio::join!(
            root.delete(&cluster_path),
            root.delete(namespace_path),
            grant("type=ClusterRole&envs=LOCAL", cluster.clone()),
            grant("type=NamespaceRole", namespace.clone()),
            grant("type=ClusterRole&envs=LOCAL", cluster),
            grant("type=NamespaceRole", namespace),
        );
        assert_eq!((of_cluster.status, of_namespace.status), (200, 200));
        let roles = root.get(&format!("{CONSUMERS}/by-appId/roles?appId=ci")).await;
        assert_eq!(roles.ok(), json!([]));
    }
}
