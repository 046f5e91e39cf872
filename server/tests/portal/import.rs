//! Imports of archives that exports wrote, and of those that Apollo's portal writes.

use serde_json::{Value, json};

use super::archive::{archive, entries};
use super::audit::Log;
use super::events::{Stream, publish};
use super::world::{NS, World, app, item};

const CLUSTER: &str = "/openapi/v1/apps/demo/envs/local/clusters/default";
const ALL: &str = "/openapi/v1/configs";

/// The app `demo` with comments, blank lines and items in `application`, the document `second.yml`,
/// the public namespace `shared`, and the cluster `other`.
async fn filled() -> World {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    let text = json!({ "format": "properties", "configText": "# note\nb = 2\n\na = 1\n# note" });
    owner.put(&format!("{NS}/items"), text).await.empty();
    for (name, format, is_public) in [("second", "yml", false), ("shared", "properties", true)] {
        let definition = json!({
            "appId": "demo", "name": name, "format": format, "isPublic": is_public,
            "appendNamespacePrefix": false,
        });
        owner.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
    }
    let text = json!({ "format": "yml", "configText": "a: <1>" });
    owner.put(&format!("{}/items", NS.replace("application", "second.yml")), text).await.empty();
    let cluster = json!({ "appId": "demo", "name": "other" });
    owner.post("/openapi/v1/envs/LOCAL/apps/demo/clusters", cluster).await.ok();
    owner.post(&format!("{}/items", NS.replace("default", "other")), item("k", "v")).await.ok();
    drop(owner);
    world
}

/// Keys, values and comments of all items in an archive, by path.
fn items(archive: &[u8]) -> Vec<(String, Vec<[String; 3]>)> {
    let found = entries(archive).into_iter().filter(|(path, _)| !path.ends_with(".metadata"));
    let text = |item: &Value, member: &str| item[member].as_str().unwrap_or_default().to_owned();
    let parsed = found.map(|(path, content)| {
        let items: Vec<Value> = serde_json::from_str(&content).unwrap();
        let members = |item: &Value| ["key", "value", "comment"].map(|member| text(item, member));
        (path, items.iter().map(members).collect())
    });
    parsed.collect()
}

/// The outcomes in a report.
fn outcomes(report: &Value) -> Vec<&str> {
    let entries = report["entries"].as_array().unwrap().iter();
    let mut outcomes: Vec<_> = entries.map(|entry| entry["outcome"].as_str().unwrap()).collect();
    outcomes.sort_unstable();
    outcomes.dedup();
    outcomes
}

/// A81: everything is exported, imported into an empty system, and exported again.
#[tokio::test]
async fn an_export_that_is_imported_elsewhere_is_the_same_export_there() {
    let old = filled().await;
    let exported = old.user("apollo").await.get(&format!("{ALL}/export?envs=LOCAL")).await.bytes;
    let new = World::adopted().await;
    let root = new.user("apollo").await;
    let import = async |action: &str| {
        let path = format!("{ALL}/import?envs=local{action}");
        root.upload(&path, "all.zip", &exported).await.ok()
    };
    let report = import("").await;
    assert_eq!(report["entries"].as_array().unwrap().len(), entries(&exported).len());
    assert!(outcomes(&report).contains(&"created"), "{report}");
    let again = root.get(&format!("{ALL}/export?envs=LOCAL")).await.bytes;
    assert_eq!(items(&again), items(&exported));
    assert!(
        items(&again)[0].1.len() >= 5,
        "comments and blank lines are kept: {:?}",
        items(&again)
    );
    // Both repetitions change nothing; comments are not duplicated.
    assert_eq!(outcomes(&import("").await), ["created", "skipped", "unchanged"][1..]);
    assert_eq!(outcomes(&import("&conflictAction=cover").await), ["unchanged"]);
    let third = root.get(&format!("{ALL}/export?envs=LOCAL")).await.bytes;
    assert_eq!(items(&third), items(&exported));
    // Owner and editors are those of the archive, and nothing is published.
    new.user("u1").await.post(&format!("{NS}/items"), item("new", "1")).await.ok();
    root.get(&format!("{NS}/releases/latest")).await.empty();
}

/// A namespace that lost its public definition with the app that had it is in the export, and the
/// export is imported elsewhere and in the same system.
#[tokio::test]
async fn an_export_with_a_namespace_without_a_definition_is_imported() {
    let old = filled().await;
    let root = old.user("apollo").await;
    root.post("/openapi/v1/apps", app("user", "u1")).await.empty();
    let shared = NS.replace("demo", "user").replace("application", "shared");
    let lent = json!([{
        "env": "LOCAL", "appId": "user", "clusterName": "default", "appNamespaceName": "shared",
    }]);
    root.post("/openapi/v1/namespaces", lent).await.empty();
    root.post(&format!("{shared}/items"), item("kept", "v")).await.ok();
    root.delete("/openapi/v1/apps/demo").await.empty();
    let exported = root.get(&format!("{ALL}/export?envs=LOCAL")).await.bytes;
    let path = format!("{ALL}/import?envs=local");
    for world in [&World::adopted().await, &old] {
        let root = world.user("apollo").await;
        let report = root.upload(&path, "all.zip", &exported).await.ok();
        assert!(!outcomes(&report).contains(&"failed"), "{report}");
        let item = root.get(&format!("{shared}/items/kept")).await.ok();
        assert_eq!(item["value"], "v");
    }
}

/// As Apollo's portal on Windows writes it: other separators, and times in the form of a locale.
#[tokio::test]
async fn an_archive_of_apollo_is_imported_with_either_separator() {
    let time = "Aug 22, 2026, 1:44:05 PM";
    let of_app = json!({
        "name": "Win", "appId": "win", "orgId": "TEST1", "orgName": "One", "ownerName": "u1",
        "ownerEmail": "x", "id": 7, "isDeleted": false, "deletedAt": 0, "dataChangeCreatedTime": time,
    });
    let definition = json!({
        "id": 3, "name": "n.json", "appId": "win", "format": "json", "isPublic": false,
        "comment": "", "dataChangeCreatedTime": time,
    });
    let cluster = json!({ "id": 9, "name": "default", "appId": "win", "parentClusterId": 0 });
    let items = json!([{
        "id": 0, "namespaceId": 0, "key": "content", "type": 0, "value": "{}", "lineNum": 1,
        "dataChangeCreatedTime": time,
    }]);
    let bytes = archive(&[
        ("u1\\win\\app.metadata", of_app.to_string()),
        ("win+n.json.appnamespace.metadata", definition.to_string()),
        ("u1\\win\\LOCAL\\default.cluster.metadata", cluster.to_string()),
        ("u1\\win\\LOCAL\\win+default+n.json", items.to_string()),
        ("u1\\win\\PRO\\win+default+n.json", items.to_string()),
    ]);
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    // The other name of the operation.
    let report = root.upload("/openapi/v1/import?envs=LOCAL", "a.zip", &bytes).await.ok();
    assert_eq!(report["entries"][4]["outcome"], "skipped", "{report}");
    let path = "/openapi/v1/envs/LOCAL/apps/win/clusters/default/namespaces/n.json";
    let found = root.get(&format!("{path}/items")).await.ok();
    assert_eq!(found["content"][0]["value"], "{}");
    let namespace = root.get(path).await.ok();
    assert_eq!(namespace["format"], "json", "{namespace}");
}

#[tokio::test]
async fn a_cluster_is_covered_or_ignored_and_loses_nothing() {
    let world = filled().await;
    let owner = world.user("u1").await;
    let exported = owner.get(&format!("{CLUSTER}/export")).await.bytes;
    owner.put(&format!("{NS}/items/a"), item("a", "changed")).await.empty();
    owner.post(&format!("{NS}/items"), item("only", "here")).await.ok();
    let value =
        async |key: &str| owner.get(&format!("{NS}/items/{key}")).await.ok()["value"].clone();
    let report = owner.upload(&format!("{CLUSTER}/import"), "c.zip", &exported).await.ok();
    assert_eq!(report["entries"][0]["outcome"], "skipped", "{report}");
    assert_eq!(value("a").await, "changed");
    let path = format!("{CLUSTER}/import?conflictAction=cover");
    let report = owner.upload(&path, "c.zip", &exported).await.ok();
    let entry = &report["entries"][0];
    assert_eq!((&entry["outcome"], &entry["items"]), (&json!("changed"), &json!(1)));
    assert_eq!((value("a").await, value("only").await), (json!("1"), json!("here")));
    owner
        .upload(&format!("{CLUSTER}/import?conflictAction=x"), "c.zip", &exported)
        .await
        .fails(400, "ConflictAction is incorrect.");
}

#[tokio::test]
async fn a_missing_namespace_of_a_cluster_is_created() {
    let world = filled().await;
    let owner = world.user("u1").await;
    let items = json!([item("k", "v")]).to_string();
    let bytes = archive(&[("demo/local/demo+default+shared.properties", &items)]);
    world.user("u2").await.post("/openapi/v1/apps", app("second", "u2")).await.empty();
    let path = CLUSTER.replace("demo", "second");
    let of_second = archive(&[("second/LOCAL/second+default+shared.properties", &items)]);
    // A public namespace of another app is associated.
    let second = world.user("u2").await;
    let report = second.upload(&format!("{path}/import"), "c.zip", &of_second).await.ok();
    assert_eq!(report["entries"][0]["outcome"], "created");
    owner.upload(&format!("{CLUSTER}/import"), "c.zip", &bytes).await.ok();
    let found = owner.get(&format!("{}/items", NS.replace("application", "shared"))).await.ok();
    assert_eq!(found["content"][0]["key"], "k");
}

#[tokio::test]
async fn a_file_with_the_items_of_a_namespace_is_imported() {
    let world = filled().await;
    let owner = world.user("u1").await;
    let path = format!("{CLUSTER}/namespaces/application/items");
    let exported = owner.get(&format!("{path}/export")).await.bytes;
    owner.put(&format!("{NS}/items/a"), item("a", "changed")).await.empty();
    for _ in 0..2 {
        owner.upload(&format!("{path}/import"), "any.name.properties", &exported).await.empty();
    }
    assert_eq!(owner.get(&format!("{path}/export")).await.ok()[3]["value"], "1");
    assert_eq!(owner.get(&format!("{path}/export")).await.ok().as_array().unwrap().len(), 5);
    for (name, content, message) in [
        ("name", &exported[..], "The file format is invalid."),
        ("a..properties", &exported, "The file format is invalid."),
        ("a.exe", &exported, "The file format is invalid."),
        ("a.yml", b"", "The file is empty. a.yml"),
        ("a.properties", b"k = v", "the JSON is invalid"),
        ("a.properties", b"\xff", "The file cannot be read"),
    ] {
        owner.upload(&format!("{path}/import"), name, content).await.fails(400, message);
    }
}

/// X108: a repeated copy does not replace the edits that were made since the first one.
#[tokio::test]
async fn a_file_leaves_a_namespace_with_items_as_it_is_if_the_request_says_so() {
    let world = filled().await;
    let owner = world.user("u1").await;
    let path = format!("{CLUSTER}/namespaces/application/items");
    let exported = owner.get(&format!("{path}/export")).await.bytes;
    let import = async |cluster: &str, action: &str| {
        let path = format!("{}/import?conflictAction={action}", path.replace("default", cluster));
        owner.upload(&path, "items.json", &exported).await
    };
    let cluster = json!({ "appId": "demo", "name": "empty" });
    owner.post("/openapi/v1/envs/LOCAL/apps/demo/clusters", cluster).await.ok();
    let copy = format!("{}/items/a", NS.replace("default", "empty"));
    for value in ["1", "edited"] {
        import("empty", "ignore").await.empty();
        assert_eq!(owner.get(&copy).await.ok()["value"], value);
        owner.put(&copy, item("a", "edited")).await.empty();
    }
    import("empty", "cover").await.empty();
    assert_eq!(owner.get(&copy).await.ok()["value"], "1");
    import("empty", "replace").await.fails(400, "ConflictAction is incorrect.");
}

/// X108: it was answered like an import.
#[tokio::test]
async fn a_file_that_is_skipped_is_neither_recorded_nor_reported() {
    let world = filled().await;
    let (owner, root) = (world.user("u1").await, world.user("apollo").await);
    let path = format!("{CLUSTER}/namespaces/application/items");
    let exported = owner.get(&format!("{path}/export")).await.bytes;
    owner.put(&format!("{NS}/items/a"), item("a", "edited")).await.empty();
    let mut events = Stream::open(&owner, "").await;
    let mut log = Log::of(&world).await;
    let import = async |action: &str| {
        let path = format!("{path}/import?conflictAction={action}");
        root.upload(&path, "items.json", &exported).await.empty();
    };
    import("ignore").await;
    assert!(log.shown().await.is_empty());
    publish(&owner).await;
    let mut published = events.next().await.unwrap();
    while published.kind != "publish" {
        assert_ne!(published.data["operator"], "apollo", "{published:?}");
        published = events.next().await.unwrap();
    }
    log.take().await;
    import("cover").await;
    log.one().await;
    while events.next().await.unwrap().data["operator"] != "apollo" {}
}

/// Two super administrators import the same archive at the same time: both succeed, and the result
/// is that of one import.
#[tokio::test]
async fn two_imports_of_one_archive_at_once_have_the_result_of_one() {
    let old = filled().await;
    let exported = old.user("apollo").await.get(&format!("{ALL}/export?envs=LOCAL")).await.bytes;
    for action in ["", "&conflictAction=cover"] {
        let new = World::adopted().await;
        let other = new.second_node();
        let (first, second) = (new.user("apollo").await, other.user("apollo").await);
        let path = format!("{ALL}/import?envs=local{action}");
        let (one, two) = tokio::join!(
            first.upload(&path, "all.zip", &exported),
            second.upload(&path, "all.zip", &exported)
        );
        one.ok();
        two.ok();
        let again = first.get(&format!("{ALL}/export?envs=LOCAL")).await.bytes;
        assert_eq!(items(&again), items(&exported), "{action}: {one:?} {two:?}");
        let clusters = "/openapi/v1/apps/demo/envclusters";
        let found = first.get(clusters).await.ok();
        assert_eq!(found[0]["clusters"].as_array().unwrap().len(), 2, "{found}");
    }
}

/// Clusters whose names differ only in case are two clusters; a database that cannot keep both
/// (MySQL, MariaDB) never merges them.
#[tokio::test]
async fn clusters_that_differ_in_case_are_never_merged() {
    let old = filled().await;
    let exported = old.user("apollo").await.get(&format!("{ALL}/export?envs=LOCAL")).await.bytes;
    let mut all: Vec<(String, String)> = entries(&exported).into_iter().collect();
    let is_other = |(path, _): &&(String, String)| path.contains("other");
    let renamed = |text: &str| text.replace("other", "Other").replace("\"v\"", "\"w\"");
    let second: Vec<_> =
        all.iter().filter(is_other).map(|(p, t)| (renamed(p), renamed(t))).collect();
    assert!(second.len() >= 2 && second.iter().any(|(_, text)| text.contains("\"w\"")));
    all.extend(second);
    let new = World::adopted().await;
    let root = new.user("apollo").await;
    let path = format!("{ALL}/import?envs=local&conflictAction=cover");
    let answer = root.upload(&path, "all.zip", &archive(&all)).await;
    let value = async |cluster: &str| {
        let items = root.get(&format!("{}/items", NS.replace("default", cluster))).await.ok();
        items["content"][0]["value"].clone()
    };
    if super::engine::ignores_case() {
        answer.fails(400, "Nothing was imported. ");
        assert!(answer.body.contains("does not distinguish"), "{answer:?}");
        let other = root.get(&NS.replace("default", "other")).await;
        assert_ne!(other.status, 200, "no half of it stays: {answer:?}");
    } else {
        answer.ok();
        assert_eq!([value("other").await, value("Other").await], ["v", "w"]);
    }
}
