//! A key that has two items, as nodes of Apollo can store it. Calls for one item by its key do not
//! guess which of them is meant; everything else works, also what leaves only one of them.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::revision::{options, start_apart, start_apart_on};
use crate::support::app::App;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::demo::Demo;
use crate::support::health::is_well;
use crate::support::http::{Answer, Http};
use crate::support::server::Server;
use crate::support::session;

/// A namespace that is one text.
const DOCUMENT: &str = "conf.yml";

/// Stores an item with the key behind the last line, as another node does.
async fn store_again(database: &Database, value: &str) {
    store_in(database, "application", "k", value).await;
}

async fn store_in(database: &Database, namespace: &str, key: &str, value: &str) {
    let sql = format!(
        r#"INSERT INTO "Item" ("NamespaceId","Key","Value","LineNum")
           SELECT "Id",'{key}','{value}',9 FROM "Namespace"
           WHERE "AppId" = 'demo' AND "NamespaceName" = '{namespace}'"#
    );
    database.run(&[&sql]).await;
}

/// Apollo's status, but with a message that says what is wrong.
#[track_caller]
fn assert_ambiguous(answer: &Answer) {
    let body = answer.json();
    assert_eq!((answer.status, &body["code"]), (500, &json!("service")), "{answer:?}");
    let message = body["message"].as_str().unwrap();
    assert_eq!(message, "the key k exists more than once in the namespace", "{answer:?}");
}

#[track_caller]
fn assert_exists(answer: &Answer) {
    let body = answer.json();
    assert_eq!((answer.status, &body["code"]), (400, &json!("item_exists")), "{answer:?}");
}

/// Both interfaces to the items of the app, and the database behind them.
struct World<'a> {
    demo: Demo,
    admin: Http,
    config: Http,
    database: &'a Database,
    /// Administrator with a session.
    root: Http,
}

impl<'a> World<'a> {
    async fn new(demo: Demo, [portal, environment]: [&Server; 2], database: &'a Database) -> Self {
        let (admin, config) = (Http::new(&environment.admin), Http::new(&environment.config));
        Self { demo, admin, config, database, root: session::root(portal).await }
    }

    /// Path below the namespace on the admin port.
    fn on_admin(&self, rest: &str) -> String {
        App::existing(&self.admin, "demo").path("default", "application") + rest
    }

    /// The same in the open API.
    fn on_portal(&self, rest: &str) -> String {
        self.demo.path() + rest
    }

    /// The items in the file that users download.
    async fn exported(&self) -> Value {
        let Demo { env, .. } = &self.demo;
        let path = format!(
            "/openapi/v1/apps/demo/envs/{env}/clusters/default/namespaces/application/items/export"
        );
        self.root.get(&path).await.ok().json()
    }

    /// The items by line.
    async fn items(&self) -> Vec<Value> {
        let items = self.admin.get(&self.on_admin("/items")).await.ok().json();
        items.as_array().unwrap().clone()
    }

    /// The answers of both interfaces to who asks for the item by its key.
    async fn by_key(&self) -> [Answer; 4] {
        [
            self.admin.get(&self.on_admin("/items/k")).await,
            self.admin.get(&self.on_admin("/encodedItems/aw")).await,
            self.demo.api.get(&self.on_portal("/items/k")).await,
            self.demo.api.get(&self.on_portal("/encodedItems/aw")).await,
        ]
    }
}

/// Case 44: the key cannot be read, changed, deleted or created by its name, and what is published
/// has the value of the later line.
async fn nothing_guesses_which_item_is_meant(world: &World<'_>) {
    let World { demo, admin, config, database, .. } = world;
    demo.set("k", "first").await;
    store_again(database, "second").await;
    for answer in world.by_key().await {
        assert_ambiguous(&answer);
    }
    let item = json!({
        "key": "k", "value": "new", "dataChangeCreatedBy": "apollo",
        "dataChangeLastModifiedBy": "apollo",
    });
    let create_or_change = world.on_portal("/items/k?createIfNotExists=true");
    assert_ambiguous(&demo.api.put(&create_or_change, item.clone()).await);
    let delete = world.on_portal("/items/k?operator=apollo");
    assert_ambiguous(&demo.api.delete(&delete).await);
    assert_exists(&admin.post(&world.on_admin("/items"), item.clone()).await);
    assert_exists(&demo.api.post(&world.on_portal("/items"), item).await);

    let items = world.items().await;
    let values: Vec<_> = items.iter().map(|item| item["value"].as_str().unwrap()).collect();
    assert_eq!(values, ["first", "second"]);
    let page = demo.api.get(&world.on_portal("/items")).await.ok().json();
    assert_eq!(page["total"], 2, "{page}");
    assert_eq!(demo.publish().await["configurations"], json!({ "k": "second" }));
    // An import accepts each key once.
    let exported = world.exported().await;
    let [item] = exported.as_array().unwrap().as_slice() else { panic!("{exported}") };
    assert_eq!((&item["key"], &item["value"]), (&json!("k"), &json!("second")));
    let served = config.get("/configs/demo/default/application").await.ok().json();
    assert_eq!(served["configurations"], json!({ "k": "second" }));
    is_well(config).await;
}

/// A script deletes one of the items by its id; a user writes the key once in the text of the
/// namespace.
async fn one_item_is_left_by_its_id_or_by_a_text(world: &World<'_>) {
    let World { demo, admin, database, .. } = world;
    let later = world.items().await[1]["id"].clone();
    let found = admin.get(&format!("/items/{later}")).await.ok().json();
    assert_eq!(found["value"], "second");
    admin.delete(&format!("/items/{later}?operator=apollo")).await.ok();
    for answer in world.by_key().await {
        assert_eq!(answer.ok().json()["value"], "first");
    }
    assert_eq!(demo.publish().await["configurations"], json!({ "k": "first" }));

    store_again(database, "third").await;
    let keys = world.on_portal("/items/batch-delete?operator=apollo");
    demo.api.post(&keys, json!(["k"])).await.ok();
    assert_eq!(world.items().await, [Value::Null; 0]);

    demo.set("k", "first").await;
    store_again(database, "third").await;
    let text = json!({ "configText": "k = one", "format": "properties", "operator": "apollo" });
    demo.api.put(&world.on_portal("/items"), text).await.ok();
    assert_eq!(world.items().await.len(), 1);
    for answer in world.by_key().await {
        assert_eq!(answer.ok().json()["value"], "one");
    }
}

/// X101: an edit changed the item that is not published.
async fn an_edit_of_a_document_changes_what_is_published(world: &World<'_>) {
    let World { demo, admin, database, .. } = world;
    let app = App::existing(admin, "demo");
    app.add_namespace(DOCUMENT, false).await;
    let path = demo.path().replace("application", DOCUMENT);
    let edit = async |text: &str| {
        let body = json!({ "configText": text, "format": "yml", "operator": "apollo" });
        demo.api.put(&format!("{path}/items"), body).await.ok();
    };
    edit("a: 1").await;
    store_in(database, DOCUMENT, "content", "a: 2").await;
    edit("a: 3").await;
    let release = json!({ "releaseTitle": "test", "releasedBy": "apollo" });
    let release = demo.api.post(&format!("{path}/releases"), release).await.ok().json();
    assert_eq!(release["configurations"], json!({ "content": "a: 3" }));
    let items = admin.get(&format!("{}/items", app.path("default", DOCUMENT))).await.ok().json();
    assert_eq!(items.as_array().map(Vec::len), Some(1), "{items}");
}

async fn a_key_with_two_items_stays_usable(demo: Demo, nodes: [&Server; 2], database: &Database) {
    let world = World::new(demo, nodes, database).await;
    nothing_guesses_which_item_is_meant(&world).await;
    one_item_is_left_by_its_id_or_by_a_text(&world).await;
    an_edit_of_a_document_changes_what_is_published(&world).await;
}

/// In the environment of the portal's process, and in a remote one.
#[tokio::test]
async fn a_key_with_two_items_stays_usable_on_sqlite() {
    let server = Server::start_with(options());
    let demo = Demo::create(&server, "demo").await;
    let database = Database::file(server.data_dir(), "config.db");
    a_key_with_two_items_stays_usable(demo, [&server, &server], &database).await;
    let [environment, portal] = start_apart(None);
    let demo = Demo::create_in(portal.open_api(), "FAT", "demo").await;
    let database = Database::file(environment.data_dir(), "config.db");
    a_key_with_two_items_stays_usable(demo, [&portal, &environment], &database).await;
}

#[tokio::test]
async fn a_key_with_two_items_stays_usable_on_mysql() {
    on(Engine::MySql).await;
}

#[tokio::test]
async fn a_key_with_two_items_stays_usable_on_postgres() {
    on(Engine::Postgres).await;
}

async fn on(engine: Engine) {
    let Some((nodes, databases)) = start_apart_on(engine).await else { return };
    let demo = Demo::create_in(nodes[1].open_api(), "FAT", "demo").await;
    let [environment, portal] = &nodes;
    a_key_with_two_items_stays_usable(demo, [portal, environment], &databases[0].database).await;
    drop(nodes);
    join_all(databases.map(Fresh::remove)).await;
}
