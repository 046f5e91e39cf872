//! Imports that fail after their archive was accepted (REL-64): no half of one stays.

use sea_orm::ConnectionTrait as _;
use serde_json::json;

use castalia_store::{Dialect, StoreError};

use super::archive::archive;
use super::world::{NS, World, app, item};

const CLUSTER: &str = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default/import";
const ALL: &str = "/openapi/v1/configs/import?envs=LOCAL&conflictAction=cover";
const FIRST: &str = "demo/LOCAL/demo+default+application.properties";
/// The last one of an archive, whose only item the database refuses.
const LAST: &str = "demo/LOCAL/demo+default+last.properties";
const REFUSED: &str = "refused-by-a-trigger";

/// Makes the database refuse an item, as if it failed there, until the trigger is dropped.
async fn run(world: &World, make: bool) {
    let store = &world.environment_store;
    let condition = format!("NEW.\"Key\" = '{REFUSED}'");
    let statements = match (store.dialect(), make) {
        (Dialect::Sqlite, true) => vec![format!(
            r#"CREATE TRIGGER failure BEFORE INSERT ON "Item" WHEN {condition} BEGIN SELECT RAISE(ABORT, 'failure'); END"#
        )],
        (Dialect::MySql, true) => vec![format!(
            "CREATE TRIGGER failure BEFORE INSERT ON Item FOR EACH ROW IF NEW.`Key` = '{REFUSED}' THEN SIGNAL SQLSTATE '45000'; END IF"
        )],
        (Dialect::Postgres, true) => vec![
            "CREATE FUNCTION failure() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''failure''; END'".to_owned(),
            format!(r#"CREATE TRIGGER failure BEFORE INSERT ON "Item" FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION failure()"#),
        ],
        (Dialect::Postgres, false) => {
            vec![r#"DROP TRIGGER failure ON "Item""#.to_owned(), "DROP FUNCTION failure".to_owned()]
        }
        (_, false) => vec!["DROP TRIGGER failure".to_owned()],
    };
    let done: Result<_, StoreError> = store
        .write(statements, |tx, statements| {
            Box::pin(async move {
                for statement in statements.iter() {
                    tx.execute_unprepared(statement).await?;
                }
                Ok(())
            })
        })
        .await;
    done.unwrap();
}

fn items(keys: &[&str]) -> String {
    json!(keys.iter().map(|key| item(key, "imported")).collect::<Vec<_>>()).to_string()
}

/// Items that it changed have their values again, and those that it added are gone, as are namespaces
/// that it created. What it did not touch stays, and the same archive can be imported afterwards.
#[tokio::test]
async fn a_failed_import_is_taken_back() {
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    for name in ["last", "new"] {
        let definition = json!({ "appId": "demo", "name": name, "format": "properties" });
        owner.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
    }
    let new = NS.replace("application", "new");
    let delete = async |name: &str| {
        let path = format!("{}/namespaces/{name}", CLUSTER.replace("/import", ""));
        owner.delete(&path).await.empty();
    };
    delete("new").await;
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
    delete("last").await;
    fails().await;
    owner.get(&NS.replace("application", "last")).await.fails(404, "");
    run(&world, false).await;
    owner.upload(&path, "c.zip", &bytes).await.ok();
    assert_eq!(shown().await.len(), 3);
    assert_eq!(owner.get(&format!("{new}/items")).await.ok()["total"], 1);
}

/// Others may use them already, so they stay, without items, and are named.
#[tokio::test]
async fn apps_and_clusters_of_a_failed_import_stay_empty() {
    let old = World::with_demo().await;
    let root = old.user("apollo").await;
    old.user("u1").await.post("/openapi/v1/apps", app("second", "u1")).await.empty();
    let of_second = NS.replace("demo", "second");
    root.post(&format!("{of_second}/items"), item(REFUSED, "v")).await.ok();
    let exported = root.get("/openapi/v1/configs/export?envs=LOCAL").await.bytes;

    let new = World::with_demo().await;
    run(&new, true).await;
    let root = new.user("apollo").await;
    let answer = root.upload(ALL, "all.zip", &exported).await;
    answer.fails(400, "import failed for: u1/second/LOCAL/second+default+application.properties (");
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    let rest = message.split_once("; created without items: ").unwrap().1;
    let (created, kept) = rest.split_once("; ").unwrap();
    assert!(created.contains("u1/second/app.metadata"), "{message}");
    assert_eq!(kept, "items that could not be removed again: none");
    assert_eq!(answer.json()["code"], "partly_failed");
    assert_eq!(root.get(&format!("{of_second}/items")).await.ok()["total"], 0);
    run(&new, false).await;
    root.upload(ALL, "all.zip", &exported).await.ok();
    assert_eq!(root.get(&format!("{of_second}/items")).await.ok()["total"], 1);
}
