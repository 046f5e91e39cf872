//! The JSON Schema of a namespace: stored, and in force for each publish but for no edit and no
//! rollback.

use castalia_store::entity::castalia_namespace_schema::Entity;
use sea_orm::{ConnectionTrait as _, DatabaseBackend, EntityTrait as _};
use serde_json::{Value, json};

use super::audit::{Log, influences};
use super::recent::{rename, run};
use super::world::{Answer, Caller, NS, World, item};

const ENV: &str = "/openapi/v1/apps/demo/envs/LOCAL";

/// Path of another namespace of the cluster.
fn of(namespace: &str) -> String {
    NS.replace("/application", &format!("/{namespace}"))
}

async fn put_schema(user: &Caller<'_>, path: &str, schema: Value) -> Answer {
    user.put(&format!("{path}/schema"), json!({ "schema": schema })).await
}

async fn schema(user: &Caller<'_>, path: &str) -> Value {
    user.get(&format!("{path}/schema")).await.ok()["schema"].clone()
}

async fn set(user: &Caller<'_>, path: &str, key: &str, value: &str) {
    let path = format!("{path}/items/{key}?createIfNotExists=true");
    user.put(&path, item(key, value)).await.empty();
}

async fn publish(user: &Caller<'_>, path: &str) -> Answer {
    user.post(&format!("{path}/releases"), json!({ "releaseTitle": "r" })).await
}

async fn violations(user: &Caller<'_>, path: &str) -> Value {
    user.get(&format!("{path}/schema/violations")).await.ok()
}

async fn live(user: &Caller<'_>) -> Value {
    user.get(&format!("{NS}/releases/latest")).await.ok()["configurations"].clone()
}

fn assert_violated(answer: &Answer, places: &[&str]) {
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (400, &json!("schema_violated")),
        "{answer:?}"
    );
    for place in places {
        assert!(answer.body.contains(place), "{place}: {answer:?}");
    }
}

fn ports() -> Value {
    json!({
        "type": "object",
        "properties": {
            "port": { "type": "integer", "minimum": 1 },
            "password": { "maxLength": 8 },
        },
        "required": ["port"],
    })
}

async fn declare(user: &Caller<'_>, name: &str, format: &str) {
    let body = json!({ "appId": "demo", "name": name, "format": format, "isPublic": false });
    user.post("/openapi/v1/apps/demo/appnamespaces", body).await.ok();
}

#[tokio::test]
async fn a_schema_is_stored_with_its_author_and_in_its_order_and_removed() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    assert_eq!(user.get(&format!("{NS}/schema")).await.ok(), json!({ "schema": null }));
    let text = r#"{"schema":{"type":"object","additionalProperties":{"z":1,"a":2},"$schema":"http://json-schema.org/draft-07/schema#"}}"#;
    user.send(http::Method::PUT, &format!("{NS}/schema"), "application/json", text.to_owned())
        .await
        .empty();
    let stored = user.get(&format!("{NS}/schema")).await;
    assert!(stored.body.starts_with(&text[..text.len() - 1]), "{stored:?}");
    let stored = stored.ok();
    assert_eq!(stored["dataChangeLastModifiedBy"], "u1");
    assert_eq!(stored["dataChangeLastModifiedByDisplayName"], "Name of u1");
    assert!(stored["dataChangeLastModifiedTime"].is_string());

    put_schema(&user, NS, Value::Null).await.empty();
    assert_eq!(user.get(&format!("{NS}/schema")).await.ok(), json!({ "schema": null }));
    put_schema(&user, NS, Value::Null).await.empty();
    let refused = user.put(&format!("{NS}/schema"), json!({})).await;
    refused.fails(400, "Params(schema) can not be empty");
    put_schema(&user, &of("missing"), json!({})).await.fails(404, "");
    assert_eq!(Entity::find().all(world.store.read()).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_no_usable_schema_is_refused() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    declare(&user, "page", "xml").await;
    for (schema, message) in [
        (json!([]), "A JSON Schema is a JSON object"),
        (json!({ "type": "text" }), "Not a valid JSON Schema, at /type"),
        (json!({ "pattern": "(" }), "Not a valid JSON Schema, at /pattern"),
        // Only a regular expression of linear time is accepted.
        (json!({ "pattern": "(?=a)b" }), "Not a valid JSON Schema, at /pattern"),
        (json!({ "$schema": "https://example.com/own" }), "Not a valid JSON Schema"),
        (
            json!({ "properties": { "a": { "$ref": "http://10.0.0.1/x" } } }),
            "refers to what is no schema in it",
        ),
        (json!({ "$ref": "file:///etc/passwd" }), "refers to what is no schema in it"),
        (json!({ "$ref": "other.json#/a" }), "refers to what is no schema in it"),
        (json!({ "$ref": "#/$defs/none" }), "refers to what is no schema in it"),
        (json!({ "$ref": "#a", "$defs": { "a": { "$anchor": "a" } } }), "anchors are not followed"),
        // Neither data nor a list of names is a schema, so its keywords are not checked.
        (json!({ "$ref": "#/default", "default": {} }), "refers to what is no schema in it"),
        (json!({ "$ref": "#/enum/0", "enum": [{}] }), "refers to what is no schema in it"),
        (json!({ "$ref": "#/properties", "properties": {} }), "refers to what is no schema in it"),
        (json!({ "$ref": "#/allOf", "allOf": [{}] }), "refers to what is no schema in it"),
        (json!({ "$ref": "#/own", "own": {} }), "refers to what is no schema in it"),
        (
            json!({ "$ref": "#/$defs/a%2Fdefault", "$defs": { "a/default": {}, "a": { "default": {} } } }),
            "refers to what is no schema in it",
        ),
        (
            json!({ "not": { "$id": "https://example.com/a" } }),
            "at the root of the JSON Schema only",
        ),
        (json!({ "allOf": vec![json!({ "pattern": "a" }); 201] }), "201 patterns"),
        (json!({ "pattern": "^[ab]*a[ab]{1000}c" }), "Not a valid JSON Schema, at /pattern"),
        // Each level repeats those below it.
        (
            json!({ "allOf": [{ "unevaluatedProperties": false }] }),
            "`unevaluatedProperties` is not",
        ),
        // The name of a property is no keyword.
        (
            json!({ "properties": { "default": { "$id": "https://example.com/a" } } }),
            "at the root of the JSON Schema only",
        ),
    ] {
        let refused = put_schema(&user, NS, schema.clone()).await;
        refused.fails(400, "");
        assert_eq!(refused.json()["code"], "invalid_schema", "{schema}: {refused:?}");
        assert!(refused.body.contains(message), "{schema}: {refused:?}");
    }
    put_schema(&user, &of("page.xml"), json!({})).await.fails(400, "A JSON Schema describes");
    let long = json!({ "title": "x".repeat(65_000) });
    put_schema(&user, NS, long).await.empty();
    let longer = json!({ "title": "x".repeat(65_530) });
    put_schema(&user, NS, longer).await.fails(400, "The JSON Schema is larger than 65536 bytes");
    let much = json!({ "title": "x".repeat(70_000) });
    put_schema(&user, NS, much).await.fails(413, "The body is larger than");
}

#[tokio::test]
async fn only_administrators_of_the_app_store_a_schema() {
    let world = World::with_demo().await;
    let (owner, other, root) =
        (world.user("u1").await, world.user("u2").await, world.user("apollo").await);
    put_schema(&other, NS, json!({})).await.fails(403, "");
    put_schema(&root, NS, json!({ "title": "of root" })).await.empty();
    assert_eq!(schema(&owner, NS).await, json!({ "title": "of root" }));
}

#[tokio::test]
async fn a_schema_on_an_older_revision_is_refused() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let revision =
        async || user.get(&format!("{NS}/schema")).await.header("castalia-revision").to_owned();
    let none = revision().await;
    let first = world.user("u1").await.with("castalia-revision", &none);
    put_schema(&first, NS, json!({ "title": "first" })).await.empty();
    let refused = put_schema(&first, NS, json!({ "title": "late" })).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert_eq!(
        (&refused.json()["code"], &refused.json()["by"]),
        (&json!("stale_revision"), &json!("u1"))
    );
    let second = world.user("u1").await.with("castalia-revision", &revision().await);
    put_schema(&second, NS, Value::Null).await.empty();
    assert_eq!((schema(&user, NS).await, revision().await), (Value::Null, none));
}

/// SEC-31: the audit log contains the revisions of a schema before and after its change, not its
/// text.
#[tokio::test]
async fn a_change_of_a_schema_is_recorded_with_its_revisions() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let revision =
        async || user.get(&format!("{NS}/schema")).await.header("castalia-revision").to_owned();
    let mut log = Log::of(&world).await;
    let mut before = revision().await;
    for schema in [json!({ "title": "secret" }), json!({}), Value::Null] {
        put_schema(&user, NS, schema).await.empty();
        let after = revision().await;
        assert_ne!(before, after);
        let written = influences(&world.store, &log.one().await).await;
        let of_schema: Vec<_> = written
            .iter()
            .filter(|row| row.influence_entity_name == "CastaliaNamespaceSchema")
            .map(|row| {
                (row.field_name.clone(), row.field_old_value.clone(), row.field_new_value.clone())
            })
            .collect();
        let expected = (Some("Revision".to_owned()), Some(before), Some(after.clone()));
        assert_eq!(of_schema, [expected]);
        assert!(!format!("{written:?}").contains("secret"), "{written:?}");
        before = after;
    }
}

#[tokio::test]
async fn what_violates_the_schema_is_saved_and_not_published() {
    let mut world = World::with_demo().await;
    world.set("emergencyPublish.supported.envs", "LOCAL");
    let user = world.user("u1").await;
    set(&user, NS, "port", "8080").await;
    put_schema(&user, NS, ports()).await.empty();
    assert_eq!(violations(&user, NS).await, json!([]));
    let first = publish(&user, NS).await.ok();

    set(&user, NS, "port", "none-of-your-business").await;
    set(&user, NS, "password", "s3cret-and-too-long").await;
    let refused = publish(&user, NS).await;
    assert_violated(&refused, &["/port: ", "/password: "]);
    for value in ["none-of-your", "s3cret"] {
        assert!(!refused.body.contains(value), "{refused:?}");
    }
    let emergency = json!({ "releaseTitle": "r", "isEmergencyPublish": true });
    assert_violated(&user.post(&format!("{NS}/releases"), emergency).await, &["/port: "]);
    let found = violations(&user, NS).await;
    let paths: Vec<_> = found.as_array().unwrap().iter().map(|one| &one["path"]).collect();
    assert_eq!(paths, ["/password", "/port"], "{found}");
    assert_eq!(live(&user).await, json!({ "port": "8080" }));

    set(&user, NS, "port", "9090").await;
    set(&user, NS, "password", "short").await;
    let second = publish(&user, NS).await.ok();
    // A rollback is always possible.
    put_schema(&user, NS, json!({ "required": ["password"] })).await.empty();
    let rollback = format!("/openapi/v1/envs/LOCAL/releases/{}/rollback", second["id"]);
    user.put(&rollback, Value::Null).await.empty();
    assert_eq!(live(&user).await, json!({ "port": "8080" }));
    assert_ne!(first["id"], second["id"]);
    user.delete(&format!("{NS}/items/password")).await;
    assert_violated(&publish(&user, NS).await, &["\"password\\\" is a required property"]);
    put_schema(&user, NS, Value::Null).await.empty();
    publish(&user, NS).await.ok();
}

#[tokio::test]
async fn documents_are_checked_as_they_are_parsed() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    for (name, format, good, bad) in [
        ("j.json", "json", r#"{"a":{"b":[1,2]}}"#, r#"{"a":{"b":[1,"2"]}}"#),
        ("y.yml", "yml", "a:\n  b: [1, 0x2]\n", "a:\n  b: [1, '2']\n"),
        ("z.yaml", "yaml", "a:\n  b: &b [1]\n", "a:\n  b: [1, two]\n"),
    ] {
        declare(&user, name.split('.').next().unwrap(), format).await;
        let numbers = json!({ "type": "array", "items": { "type": "integer" } });
        let rules = json!({ "properties": { "a": { "properties": { "b": numbers } } } });
        put_schema(&user, &of(name), rules).await.empty();
        set(&user, &of(name), "content", good).await;
        publish(&user, &of(name)).await.ok();
        set(&user, &of(name), "content", bad).await;
        assert_violated(&publish(&user, &of(name)).await, &["/a/b/1: "]);
    }
}

#[tokio::test]
async fn a_gray_release_is_checked_on_top_of_the_release() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    set(&user, NS, "port", "8080").await;
    publish(&user, NS).await.ok();
    put_schema(&user, NS, ports()).await.empty();
    let made = user.post(&format!("{NS}/branches"), Value::Null).await.ok();
    let name = made["clusterName"].as_str().unwrap();
    let (branch, items) = (format!("{NS}/branches/{name}"), NS.replace("default", name));
    // The required key is in the main line.
    set(&user, &items, "password", "short").await;
    publish(&user, &branch).await.ok();
    let without = json!({ "releaseTitle": "r", "grayDelKeys": ["port"] });
    let refused = user.post(&format!("{branch}/gray-del-releases"), without).await;
    assert_violated(&refused, &["is a required property"]);

    set(&user, &items, "port", "0").await;
    assert_violated(&publish(&user, &branch).await, &["/port: "]);
    let path = format!("{NS}/schema/violations?branchName={name}");
    assert_eq!(user.get(&path).await.ok()[0]["path"], "/port");
    assert_eq!(violations(&user, NS).await, json!([]));
    for path in [format!("{branch}/merge"), branch.clone()] {
        let refused = user.post(&path, json!({ "releaseTitle": "r", "releasedBy": "u1" })).await;
        assert_violated(&refused, &["/port: "]);
    }
    assert_eq!(live(&user).await, json!({ "port": "8080" }));
    set(&user, &items, "port", "1").await;
    publish(&user, &branch).await.ok();
    user.post(&format!("{branch}/merge"), json!({ "releaseTitle": "r" })).await.ok();
    assert_eq!(live(&user).await, json!({ "port": "1", "password": "short" }));
}

#[tokio::test]
async fn a_namespace_that_is_created_again_has_no_schema() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    declare(&user, "other", "properties").await;
    let other = of("other");
    put_schema(&user, &other, ports()).await.empty();
    assert_violated(&publish(&user, &other).await, &["is a required property"]);
    user.delete(&format!("{ENV}/clusters/default/namespaces/other")).await.empty();
    user.get(&format!("{other}/schema")).await.fails(404, "");
    let again = json!([{
        "env": "LOCAL", "appId": "demo", "clusterName": "default", "appNamespaceName": "other",
    }]);
    user.post("/openapi/v1/namespaces", again).await.empty();
    assert_eq!(schema(&user, &other).await, Value::Null);
    publish(&user, &other).await.ok();
    put_schema(&user, &other, json!({ "title": "new" })).await.empty();
    assert_eq!(schema(&user, &other).await, json!({ "title": "new" }));
}

/// The publish is based on the items that were checked: an edit in between makes it check again.
#[tokio::test]
async fn an_edit_during_a_publish_cannot_publish_a_violation() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    set(&user, NS, "port", "1").await;
    put_schema(&user, NS, ports()).await.empty();
    let editor = world.user("u1").await;
    for round in 0..30 {
        set(&user, NS, "port", "1").await;
        let revision =
            user.get(&format!("{NS}/items")).await.header("castalia-revision").to_owned();
        let based = world.user("u1").await.with("castalia-revision", &revision);
        let (published, of_revision, ()) =
            tokio::join!(publish(&user, NS), publish(&based, NS), set(&editor, NS, "port", "0"),);
        assert!([200, 400].contains(&published.status), "{round}: {published:?}");
        assert!([200, 409].contains(&of_revision.status), "{round}: {of_revision:?}");
        if published.status == 200 || of_revision.status == 200 {
            assert_eq!(live(&user).await, json!({ "port": "1" }), "{round}");
        }
    }
}

/// An administrator of a database may have created the tables of an older version only.
#[tokio::test]
async fn nothing_has_a_schema_without_the_table() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    set(&user, NS, "port", "0").await;
    put_schema(&user, NS, ports()).await.empty();
    rename(&world, "CastaliaNamespaceSchema", "Hidden").await;
    let (found, published) = (schema(&user, NS).await, publish(&user, NS).await);
    let refused = put_schema(&user, NS, json!({})).await;
    rename(&world, "Hidden", "CastaliaNamespaceSchema").await;
    assert_eq!(found, Value::Null);
    published.ok();
    refused.fails(503, "The table CastaliaNamespaceSchema cannot be used");
}

/// PostgreSQL: a table that cannot be read may contain a schema. MySQL does not tell it from a
/// missing one.
#[tokio::test]
async fn nothing_is_published_while_schemas_cannot_be_read() {
    let world = World::with_demo().await;
    if world.store.read().get_database_backend() != DatabaseBackend::Postgres {
        return;
    }
    let user = world.user("u1").await;
    set(&user, NS, "port", "0").await;
    put_schema(&user, NS, ports()).await.empty();
    let schemas = r#"ALL ON "CastaliaNamespaceSchema""#;
    run(&world, format!("REVOKE {schemas} FROM CURRENT_USER")).await;
    let published = publish(&user, NS).await;
    run(&world, format!("GRANT {schemas} TO CURRENT_USER")).await;
    assert_eq!(published.status, 503, "{published:?}");
    assert_violated(&publish(&user, NS).await, &["/port"]);
}

/// A branch is published by the path of its cluster as well.
#[tokio::test]
async fn a_branch_is_not_published_past_the_schema_of_its_namespace() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    set(&user, NS, "port", "80").await;
    publish(&user, NS).await.ok();
    put_schema(&user, NS, ports()).await.empty();
    let made = user.post(&format!("{NS}/branches"), Value::Null).await.ok();
    let name = made["clusterName"].as_str().unwrap();
    let branch = NS.replace("default", name);
    set(&user, &branch, "port", "none").await;
    assert_violated(&publish(&user, &format!("{NS}/branches/{name}")).await, &["/port"]);
    assert_violated(&publish(&user, &branch).await, &["is a gray branch"]);
    put_schema(&user, &branch, json!({})).await.fails(400, "A gray branch has the JSON Schema");
    set(&user, &branch, "port", "81").await;
    publish(&user, &format!("{NS}/branches/{name}")).await.ok();
}

/// A row of an earlier database of the environment has the id of another namespace.
#[tokio::test]
async fn the_schema_of_another_namespace_with_the_id_means_nothing() {
    use castalia_store::entity::castalia_namespace_schema::Column;
    use sea_orm::sea_query::Expr;

    let world = World::with_demo().await;
    let user = world.user("u1").await;
    put_schema(&user, NS, ports()).await.empty();
    let moved: Result<_, castalia_store::StoreError> = world
        .store
        .write((), |tx, ()| {
            let other = Entity::update_many().col_expr(Column::AppId, Expr::value("other"));
            Box::pin(async move { Ok(other.exec(tx).await?) })
        })
        .await;
    moved.unwrap();
    assert_eq!(schema(&user, NS).await, Value::Null);
    publish(&user, NS).await.ok();
    let stored = put_schema(&user, NS, ports()).await;
    stored.empty();
    let read = user.get(&format!("{NS}/schema")).await;
    assert_eq!(stored.header("castalia-revision"), read.header("castalia-revision"));
    assert_violated(&publish(&user, NS).await, &["port"]);
}

/// MySQL finds the namespace by other spellings.
#[tokio::test]
async fn another_spelling_leads_past_no_schema() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    put_schema(&user, NS, ports()).await.empty();
    for cluster in ["default", "Default", "default%20", "D%C3%A9fault"] {
        let answer = publish(&user, &NS.replace("default", cluster)).await;
        assert_ne!(answer.status, 200, "{cluster}: {answer:?}");
    }
}
