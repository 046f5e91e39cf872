//! Imports that fail after their archive was accepted (REL-64): no half of one stays.

use std::sync::Arc;

use castalia_server::domain::permission::{Action, NamedRole};
use sea_orm::EntityTrait as _;
use serde_json::json;
use tempfile::NamedTempFile;

use super::archive::archive;
use super::process;
use super::trigger::Trigger;
use super::world::{Answer, Caller, NS, World, app, item};

const CLUSTER: &str = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default/import";
const ALL: &str = "/openapi/v1/configs/import?envs=LOCAL&conflictAction=cover";
const FIRST: &str = "demo/LOCAL/demo+default+application.properties";
/// The last one of an archive, whose only item the database refuses.
const LAST: &str = "demo/LOCAL/demo+default+last.properties";
const REFUSED: &str = "refused-by-a-trigger";
/// An item that cannot be removed again.
const KEPT: &str = "kept-by-a-trigger";
/// A namespace of an app of an archive, and the path of its items there.
const EXTRA: &str = "/openapi/v1/envs/LOCAL/apps/second/clusters/c/namespaces/extra";
const OF_EXTRA: &str = "u1/second/LOCAL/second+c+extra.properties";

/// Makes the database refuse to add one item and to remove another one, as if it failed there,
/// until the triggers are dropped.
async fn run(world: &World, make: bool) {
    let store = &world.environment_store;
    for (name, when, key) in [
        ("failure_of_insert", "BEFORE INSERT", REFUSED),
        ("failure_of_update", "BEFORE UPDATE", KEPT),
    ] {
        let row = Some(("Key", key));
        let trigger = Trigger { name, table: "Item", when, row, statement: None };
        match make {
            true => trigger.create(store).await,
            false => trigger.drop(store).await,
        }
    }
}

fn items(keys: &[&str]) -> String {
    json!(keys.iter().map(|key| item(key, "imported")).collect::<Vec<_>>()).to_string()
}

async fn define(user: &Caller<'_>, names: &[&str]) {
    for name in names {
        let definition = json!({ "appId": "demo", "name": name, "format": "properties" });
        user.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
    }
}

async fn delete(user: &Caller<'_>, name: &str) {
    let path = CLUSTER.replace("import", "namespaces");
    user.delete(&format!("{path}/{name}")).await.empty();
}

/// What some work returns, and what this thread logs meanwhile.
pub(super) async fn logged<T>(work: impl Future<Output = T>) -> (T, String) {
    let file = NamedTempFile::new().unwrap();
    let lines = Arc::new(file.reopen().unwrap());
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(lines).finish();
    let _log = tracing::subscriber::set_default(log);
    (work.await, std::fs::read_to_string(file.path()).unwrap())
}

/// Items that it changed have their values again, and those that it added are gone, as are
/// namespaces that it created. What it did not touch stays, and the same archive can be imported
/// afterwards.
#[tokio::test]
async fn a_failed_import_is_taken_back() {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    define(&owner, &["last", "new"]).await;
    let new = NS.replace("application", "new");
    delete(&owner, "new").await;
    let before = json!({ "key": "k", "value": "before", "comment": "why", "type": 0 });
    owner.post(&format!("{NS}/items"), before).await.ok();
    owner.post(&format!("{NS}/items"), item("other", "o")).await.ok();
    let shown = async || {
        let items = owner.get(&format!("{NS}/items")).await.ok();
        let parts = |item: &serde_json::Value| {
            ["key", "value", "comment"].map(|name| item[name].as_str().unwrap().to_owned())
        };
        items["content"].as_array().unwrap().iter().map(parts).collect::<Vec<_>>()
    };
    let original = shown().await;
    let of_new = FIRST.replace("application", "new");
    let bytes = archive(&[
        (FIRST, items(&["added", "k"])),
        (&of_new, items(&["k"])),
        (LAST, items(&[REFUSED])),
    ]);
    run(&world, true).await;
    let path = format!("{CLUSTER}?conflictAction=cover");
    let fails = async || {
        let answer = owner.upload(&path, "c.zip", &bytes).await;
        answer.fails(400, &format!("Nothing was imported. {LAST}: "));
        assert_eq!(shown().await, original);
        owner.get(&new).await.fails(404, "");
    };
    // Before anything is changed.
    fails().await;
    // A namespace that is created cannot be tried before.
    delete(&owner, "last").await;
    fails().await;
    owner.get(&NS.replace("application", "last")).await.fails(404, "");
    run(&world, false).await;
    owner.upload(&path, "c.zip", &bytes).await.ok();
    assert_eq!(shown().await.len(), 3);
    assert_eq!(owner.get(&format!("{new}/items")).await.ok()["total"], 1);
}

/// What somebody deleted while an import ran has nothing to be taken back: it is not reported as
/// changed.
#[tokio::test]
async fn a_namespace_that_is_deleted_during_a_failed_import_is_not_reported() {
    const DELETING: &str = "deletes-the-first";
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    define(&owner, &["last", "new"]).await;
    // A namespace that is created cannot be tried before.
    delete(&owner, "last").await;
    run(&world, true).await;
    // As somebody may between two steps of the import.
    let deletion = Trigger {
        name: "deletion_during_import",
        table: "Item",
        when: "AFTER INSERT",
        row: Some(("Key", DELETING)),
        statement: Some(
            r#"UPDATE "Namespace" SET "IsDeleted" = TRUE, "DeletedAt" = 1 WHERE "NamespaceName" = 'application'"#,
        ),
    };
    deletion.create(&world.environment_store).await;
    let of_new = FIRST.replace("application", "new");
    let bytes = archive(&[
        (FIRST, items(&["added"])),
        (&of_new, items(&[DELETING])),
        (LAST, items(&[REFUSED])),
    ]);
    let answer = owner.upload(&format!("{CLUSTER}?conflictAction=cover"), "c.zip", &bytes).await;
    answer.fails(400, &format!("Nothing was imported. {LAST}: "));
    owner.get(NS).await.fails(404, "");
    let new = NS.replace("application", "new");
    assert_eq!(owner.get(&format!("{new}/items")).await.ok()["total"], 0);
    run(&world, false).await;
    deletion.drop(&world.environment_store).await;
}

/// The app `second` with the namespace `extra` and the cluster `c`, which has items, as an archive.
async fn exported() -> Vec<u8> {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    root.post("/openapi/v1/apps", app("second", "u1")).await.empty();
    let extra = json!({ "appId": "second", "name": "extra", "format": "properties" });
    root.post("/openapi/v1/apps/second/appnamespaces", extra).await.ok();
    let cluster = json!({ "appId": "second", "name": "c" });
    root.post("/openapi/v1/envs/LOCAL/apps/second/clusters", cluster).await.ok();
    let application = EXTRA.replace("extra", "application");
    root.post(&format!("{application}/items"), item("other", "v")).await.ok();
    root.post(&format!("{EXTRA}/items"), item(REFUSED, "v")).await.ok();
    root.get("/openapi/v1/configs/export?envs=LOCAL").await.bytes
}

/// The apps in the environment.
async fn apps(world: &World) -> Vec<String> {
    let rows = castalia_store::entity::app::Entity::find();
    let rows = rows.all(world.environment_store.read()).await.unwrap();
    rows.into_iter().filter(|row| !row.is_deleted).map(|row| row.app_id).collect()
}

/// No trace of it is left, in the portal or in an environment, and the same archive can be imported
/// afterwards.
#[tokio::test]
async fn apps_definitions_and_clusters_of_a_failed_import_are_removed() {
    let archive = exported().await;
    let world = World::with_demo().await;
    run(&world, true).await;
    let root = world.user("apollo").await;
    let answer = root.upload(ALL, "all.zip", &archive).await;
    answer.fails(400, &format!("Nothing was imported. {OF_EXTRA}: "));
    root.get("/openapi/v1/apps/second").await.fails(400, "App not found: second");
    assert_eq!(apps(&world).await, ["demo"]);
    run(&world, false).await;
    root.upload(ALL, "all.zip", &archive).await.ok();
    assert_eq!(root.get(&format!("{EXTRA}/items")).await.ok()["total"], 1);
}

/// What somebody was granted a role on stays and is named, as does the app that it is in, so that
/// nothing that others rely on disappears.
#[tokio::test]
async fn what_others_use_of_a_failed_import_stays() {
    let archive = exported().await;
    let app = "u1/second/app.metadata";
    for (role, kept) in [
        (
            NamedRole::cluster(Action::Release, "second", "LOCAL", "c"),
            vec!["u1/second/LOCAL/c.cluster.metadata", app],
        ),
        (
            NamedRole::namespace(Action::Modify, "second", "extra"),
            vec!["second+extra.appnamespace.metadata", app],
        ),
        (NamedRole::master("second"), vec![app]),
    ] {
        let world = World::with_demo().await;
        // As soon as the import creates the role: what an earlier object of the name left is
        // deleted before.
        let name = role.name.clone();
        let granted = Trigger {
            name: "granted_meanwhile",
            table: "Role",
            when: "AFTER INSERT",
            row: Some(("RoleName", &name)),
            statement: Some(
                r#"INSERT INTO "UserRole" ("UserId", "RoleId", "DataChange_CreatedBy", "DataChange_LastTime") VALUES ('u2', NEW."Id", 'u1', NEW."DataChange_CreatedTime")"#,
            ),
        };
        granted.create(&world.store).await;
        run(&world, true).await;
        let root = world.user("apollo").await;
        let answer = root.upload(ALL, "all.zip", &archive).await;
        answer.fails(400, &format!("import failed for: {OF_EXTRA} ("));
        assert_eq!(answer.json()["code"], "partly_failed");
        assert_eq!(names_kept(&answer), kept);
        assert_eq!(apps(&world).await, ["demo", "second"]);
        run(&world, false).await;
        granted.drop(&world.store).await;
        root.upload(ALL, "all.zip", &archive).await.ok();
        assert_eq!(root.get(&format!("{EXTRA}/items")).await.ok()["total"], 1);
    }
}

/// What the environment did not receive needs no removal.
#[tokio::test]
async fn an_app_that_the_environment_refused_is_removed_from_the_portal() {
    let archive = exported().await;
    let world = World::with_demo().await;
    let row = Some(("AppId", "second"));
    let trigger =
        Trigger { name: "refused", table: "App", when: "BEFORE INSERT", row, statement: None };
    trigger.create(&world.environment_store).await;
    let root = world.user("apollo").await;
    let answer = root.upload(ALL, "all.zip", &archive).await;
    answer.fails(400, "Nothing was imported. u1/second/app.metadata: ");
    root.get("/openapi/v1/apps/second").await.fails(400, "App not found: second");
    trigger.drop(&world.environment_store).await;
    root.upload(ALL, "all.zip", &archive).await.ok();
}

/// The answer to its creation is lost, or the portal fails after it.
#[tokio::test]
async fn a_namespace_whose_creation_fails_afterwards_is_removed() {
    let world = World::with_demo().await;
    let (root, owner) = (world.user("apollo").await, world.user("u1").await);
    root.post("/openapi/v1/apps", app("second", "u1")).await.empty();
    let public = json!({
        "appId": "second", "name": "shared", "format": "properties", "isPublic": true,
        "appendNamespacePrefix": false,
    });
    root.post("/openapi/v1/apps/second/appnamespaces", public).await.ok();
    let trigger = Trigger {
        name: "refused",
        table: "Role",
        when: "BEFORE INSERT",
        row: None,
        statement: None,
    };
    trigger.create(&world.store).await;
    let of_shared = FIRST.replace("application", "shared");
    let bytes = archive(&[(&of_shared, items(&["k"]))]);
    let path = format!("{CLUSTER}?conflictAction=cover");
    let answer = owner.upload(&path, "c.zip", &bytes).await;
    answer.fails(400, &format!("Nothing was imported. {of_shared}: "));
    owner.get(&NS.replace("application", "shared")).await.fails(404, "");
    trigger.drop(&world.store).await;
    owner.upload(&path, "c.zip", &bytes).await.ok();
}

/// What clients receive cannot be taken back, so the answer names it.
#[tokio::test]
async fn what_was_published_during_a_failed_import_is_reported() {
    const PUBLISHING: &str = "publishes-the-first";
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    define(&owner, &["last", "new", "model"]).await;
    // What the import brings, as a release.
    let model = NS.replace("application", "model");
    owner.post(&format!("{model}/items"), item("added", "imported")).await.ok();
    let release = json!({ "releaseTitle": "r", "releasedBy": "u1" });
    owner.post(&format!("{model}/releases"), release).await.ok();
    // A namespace that is created cannot be tried before.
    delete(&owner, "last").await;
    run(&world, true).await;
    // As somebody may between two steps of the import.
    let publish = Trigger {
        name: "publish_during_import",
        table: "Item",
        when: "AFTER INSERT",
        row: Some(("Key", PUBLISHING)),
        statement: Some(
            r#"INSERT INTO "Release" ("ReleaseKey", "AppId", "ClusterName", "NamespaceName", "Configurations")
               SELECT 'published', 'demo', 'default', 'application', "Configurations" FROM "Release""#,
        ),
    };
    publish.create(&world.environment_store).await;
    let of_new = FIRST.replace("application", "new");
    let bytes = archive(&[
        (FIRST, items(&["added"])),
        (&of_new, items(&[PUBLISHING])),
        (LAST, items(&[REFUSED])),
    ]);
    let answer = owner.upload(&format!("{CLUSTER}?conflictAction=cover"), "c.zip", &bytes).await;
    answer.fails(400, &format!("import failed for: {LAST} ("));
    assert_eq!(names_kept(&answer), ["demo/LOCAL/default/application"]);
    assert_eq!(owner.get(&format!("{NS}/items")).await.ok()["total"], 0);
    run(&world, false).await;
    publish.drop(&world.environment_store).await;
}

/// It would be ended at any place.
#[tokio::test]
async fn an_import_ends_when_the_server_shuts_down() {
    let world = World::with_demo().await;
    world.ready.set(false);
    let bytes = archive(&[(FIRST, items(&["k"]))]);
    let answer = world.user("u1").await.upload(CLUSTER, "c.zip", &bytes).await;
    answer.fails(503, "the server shuts down; retry later");
    world.ready.set(true);
}

fn names_kept(answer: &Answer) -> Vec<String> {
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    let (_, kept) = message.split_once("; could not be removed again: ").unwrap();
    let mut kept: Vec<_> = kept.split(", ").map(str::to_owned).collect();
    kept.sort();
    kept
}

/// A cluster with an item that cannot be removed stays with it.
#[tokio::test]
async fn what_holds_items_after_a_failed_import_stays() {
    let world = World::with_demo().await;
    run(&world, true).await;
    let root = world.user("apollo").await;
    let cluster = |name: &str| json!({ "appId": "demo", "name": name }).to_string();
    let bytes = archive(&[
        ("u1/demo/LOCAL/c.cluster.metadata", cluster("c")),
        ("u1/demo/LOCAL/d.cluster.metadata", cluster("d")),
        ("u1/demo/LOCAL/demo+c+application.properties", items(&[KEPT])),
        // A namespace that is created cannot be tried before.
        ("u1/demo/LOCAL/demo+d+application.properties", items(&[REFUSED])),
    ]);
    let answer = root.upload(ALL, "all.zip", &bytes).await;
    let kept = ["demo/LOCAL/c/application", "u1/demo/LOCAL/c.cluster.metadata"];
    assert_eq!(names_kept(&answer), kept, "{answer:?}");
    root.get("/openapi/v1/envs/LOCAL/apps/demo/clusters/c").await.ok();
    assert_eq!(root.get("/openapi/v1/envs/LOCAL/apps/demo/clusters/d").await.status, 404);
    // Other cases get this database.
    run(&world, false).await;
}

/// The items of one file are refused, and so is the removal of the namespace that was created for
/// them: the answer names it.
#[tokio::test]
async fn what_stays_of_a_file_that_cannot_be_imported_is_named() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    define(&root, &["last"]).await;
    // A namespace that is created cannot be tried before.
    delete(&root, "last").await;
    run(&world, true).await;
    let kept = Trigger {
        name: "namespace_kept",
        table: "Namespace",
        when: "BEFORE UPDATE",
        row: Some(("NamespaceName", "last")),
        statement: None,
    };
    kept.create(&world.environment_store).await;
    let path = CLUSTER.replace("/import", "/namespaces/last/items/import");
    let file = items(&[REFUSED]);
    let (answer, log) = logged(root.upload(&path, "of.last.properties", file.as_bytes())).await;
    answer.fails(400, "import failed for: of.last.properties (");
    assert_eq!(answer.json()["code"], "partly_failed");
    assert_eq!(names_kept(&answer), ["demo/LOCAL/default/last"]);
    let line = r#"be taken back app_id="demo" env="LOCAL" cluster="default" namespace="last""#;
    // A process has a log of its own.
    assert!(process::is_wanted() || log.contains(line), "{log}");
    let stored = NS.replace("application", "last");
    assert_eq!(root.get(&format!("{stored}/items")).await.ok()["total"], 0);
    kept.drop(&world.environment_store).await;
    run(&world, false).await;
    root.upload(&path, "of.last.properties", file.as_bytes()).await.empty();
    assert_eq!(root.get(&format!("{stored}/items")).await.ok()["total"], 1);
}
