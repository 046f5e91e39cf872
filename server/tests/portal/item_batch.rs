//! Lists of items that are created, updated or deleted at once: all or none, with one commit.

use http::Method;
use serde_json::{Value, json};

use super::world::{Answer, Caller, NS, World, item};

/// The lists of a caller, in the namespace `application` or in its branch.
struct Batch<'w> {
    caller: Caller<'w>,
    items: String,
}

impl<'w> Batch<'w> {
    fn of(caller: Caller<'w>) -> Self {
        Self { caller, items: format!("{NS}/items") }
    }

    async fn create(&self, items: Value) -> Answer {
        self.caller.post(&format!("{}/batch-create", self.items), items).await
    }

    async fn update(&self, items: Value) -> Answer {
        self.caller.put(&format!("{}/batch-update", self.items), items).await
    }

    async fn delete(&self, keys: Value) -> Answer {
        self.caller.post(&format!("{}/batch-delete", self.items), keys).await
    }

    /// Keys and values in the order of their lines.
    async fn stored(&self) -> Vec<(String, String)> {
        let page = self.caller.get(&format!("{}?page=0&size=2000", self.items)).await.ok();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let rows = page["content"].as_array().unwrap().iter();
        rows.map(|row| (text(&row["key"]), text(&row["value"]))).collect()
    }

    async fn commits(&self) -> Vec<Value> {
        let path = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default/namespaces/application";
        let commits = self.caller.get(&format!("{path}/commits")).await.ok();
        commits.as_array().unwrap().clone()
    }
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_list_is_stored_in_its_order_with_one_commit() {
    let world = World::with_demo().await;
    let batch = Batch::of(world.user("u1").await);
    batch.caller.post(&batch.items, item("first", "1")).await.ok();
    let typed = json!({ "key": "a", "value": "2", "type": 1, "comment": "c", "lineNum": 1 });
    batch.create(json!([item("z", "1"), typed])).await.empty();
    assert_eq!(batch.stored().await, pairs(&[("first", "1"), ("z", "1"), ("a", "2")]));
    assert_eq!(batch.commits().await.len(), 2);

    let untyped = json!({ "key": "a", "value": "3" });
    batch.update(json!([untyped, item("z", "")])).await.empty();
    assert_eq!(batch.stored().await, pairs(&[("first", "1"), ("z", ""), ("a", "3")]));
    let a = batch.caller.get(&format!("{}/a", batch.items)).await.ok();
    // The type is kept, as by the update of one item; an absent comment is none.
    assert_eq!((&a["type"], &a["comment"]), (&json!(1), &json!("")));
    assert_eq!(a["dataChangeLastModifiedBy"], "u1");

    batch.delete(json!(["z", "first"])).await.empty();
    assert_eq!(batch.stored().await, pairs(&[("a", "3")]));
    let commits = batch.commits().await;
    assert_eq!(commits.len(), 4);
    let newest: Value = serde_json::from_str(commits[0]["changeSets"].as_str().unwrap()).unwrap();
    assert_eq!(newest["deleteItems"].as_array().unwrap().len(), 2);
    assert_eq!(commits[0]["dataChangeCreatedBy"], "u1");
}

#[tokio::test]
async fn one_bad_entry_changes_nothing() {
    let world = World::with_demo().await;
    let batch = Batch::of(world.user("u1").await);
    batch.create(json!([item("a", "1"), item("b", "2")])).await.empty();
    let before = (batch.stored().await, batch.commits().await.len());
    let good = item("c", "3");
    let long = "x".repeat(20_001);
    let refused = [
        (json!([good, item("", "1")]), 400, "Item 1: Params(key) can not be empty"),
        (json!([good, { "key": "d" }]), 400, "Item 1: Params(value) can not be empty"),
        (json!([good, { "key": "d", "value": "1", "comment": "c".repeat(257) }]), 400, "Item 1: "),
        (json!([good, { "key": "d", "value": "1", "type": 4 }]), 400, "type is invalid"),
        (json!([good, item("d", &long)]), 400, "value too long"),
        (json!([good, item("a", "9")]), 400, "item already exists for itemKey:a"),
        (json!([good, good]), 400, "The list contains the key c twice"),
        (json!([good, null]), 400, "JSON parse error"),
        (json!([]), 400, "The list of items can not be empty"),
        (good.clone(), 400, "JSON parse error"),
    ];
    for (list, status, message) in refused {
        batch.create(list).await.fails(status, message);
    }
    let (a, b) = (item("a", "9"), item("b", "9"));
    let refused = [
        (json!([a, good]), 404, "item not found for itemKey:c"),
        (json!([a, b, a]), 400, "The list contains the key a twice"),
        (json!([a, { "key": "b" }]), 400, "Item 1: Params(value) can not be empty"),
        (json!([a, { "key": "b", "value": "1", "type": 4 }]), 400, "type is invalid"),
        (json!([]), 400, "The list of items can not be empty"),
    ];
    for (list, status, message) in refused {
        batch.update(list).await.fails(status, message);
    }
    for (keys, status, message) in [
        (json!(["a", "c"]), 404, "item not found for itemKey:c"),
        (json!(["a", "a"]), 400, "The list contains the key a twice"),
        (json!(["a", ""]), 400, "Params(key) can not be empty"),
        (json!([]), 400, "The list of items can not be empty"),
        (json!([a]), 400, "JSON parse error"),
    ] {
        batch.delete(keys).await.fails(status, message);
    }
    assert_eq!((batch.stored().await, batch.commits().await.len()), before);
}

#[tokio::test]
async fn a_list_beyond_the_number_of_items_stores_nothing() {
    let world = World::with_demo().await;
    let batch = Batch::of(world.user("u1").await);
    world.set_in_environment("item.num.limit.enabled", "true");
    let list = |count: usize| -> Vec<_> {
        (0..count).map(|number| item(&format!("k{number}"), "v")).collect()
    };
    batch.create(json!(list(1001))).await.fails(400, "The maximum number of items (1000)");
    assert!(batch.stored().await.is_empty());
    batch.create(json!(list(1000))).await.empty();
    assert_eq!(batch.stored().await.len(), 1000);
}

#[tokio::test]
async fn a_list_needs_the_right_and_the_operator_of_single_items() {
    let world = World::with_demo().await;
    let owner = Batch::of(world.user("u1").await);
    let stranger = Batch::of(world.user("u2").await);
    stranger.create(json!([item("a", "1")])).await.fails(403, "");
    let token = world.token("tool", &["demo"]).await;
    let mut tool = Batch::of(world.consumer(&token));
    tool.create(json!([item("a", "1")])).await.fails(400, "operator");
    assert!(owner.stored().await.is_empty());
    let create = format!("{}/batch-create?operator=u2", tool.items);
    tool.caller.post(&create, json!([item("a", "1")])).await.empty();
    let stored = owner.caller.get(&format!("{}/a", owner.items)).await.ok();
    assert_eq!(stored["dataChangeCreatedBy"], "u2");
    stranger.update(json!([item("a", "2")])).await.fails(403, "");
    stranger.delete(json!(["a"])).await.fails(403, "");
    tool.items = tool.items.replace("/demo/", "/nothing/");
    assert_eq!(tool.delete(json!(["a"])).await.status, 403);
    assert_eq!(owner.stored().await, pairs(&[("a", "1")]));
}

#[tokio::test]
async fn a_list_edits_a_gray_branch() {
    let world = World::with_demo().await;
    let main = Batch::of(world.user("u1").await);
    main.create(json!([item("a", "1")])).await.empty();
    let made = main.caller.post(&format!("{NS}/branches"), Value::Null).await.ok();
    let branch = made["clusterName"].as_str().unwrap();
    let gray =
        Batch { caller: world.user("u1").await, items: main.items.replace("default", branch) };
    gray.create(json!([item("a", "2"), item("b", "2")])).await.empty();
    gray.update(json!([item("a", "3")])).await.empty();
    gray.delete(json!(["b"])).await.empty();
    let items = main.caller.get(&format!("{NS}/branches/{branch}/items")).await.ok();
    assert_eq!((items.as_array().unwrap().len(), &items[0]["value"]), (1, &json!("3")));
    assert_eq!(main.stored().await, pairs(&[("a", "1")]));
}

#[tokio::test]
async fn keys_with_the_names_of_the_operations_are_reached_encoded() {
    let world = World::with_demo().await;
    let batch = Batch::of(world.user("u1").await);
    let names = ["batch-create", "batch-update", "batch-delete"];
    batch.create(json!(names.map(|name| item(name, "1")))).await.empty();
    for (name, encoded) in
        names.into_iter().zip(["YmF0Y2gtY3JlYXRl", "YmF0Y2gtdXBkYXRl", "YmF0Y2gtZGVsZXRl"])
    {
        let path = format!("{NS}/encodedItems/{encoded}");
        batch.caller.put(&path, item(name, "2")).await.empty();
        assert_eq!(batch.caller.get(&path).await.ok()["value"], "2");
        batch.caller.delete(&path).await.empty();
    }
    assert!(batch.stored().await.is_empty());
    let path = format!("{}/batch-update", batch.items);
    assert_eq!(batch.caller.send(Method::POST, &path, "", String::new()).await.status, 405);
}

#[tokio::test]
async fn a_list_based_on_an_old_revision_is_refused() {
    let world = World::with_demo().await;
    let batch = Batch::of(world.user("u1").await);
    batch.create(json!([item("a", "1")])).await.empty();
    let old = batch.caller.get(&batch.items).await.header("castalia-revision").to_owned();
    batch.update(json!([item("a", "2")])).await.empty();
    let late = Batch::of(world.user("u1").await.with("castalia-revision", &old));
    for answer in [
        late.create(json!([item("b", "1")])).await,
        late.update(json!([item("a", "3")])).await,
        late.delete(json!(["a"])).await,
    ] {
        assert_eq!((answer.status, answer.json()["code"].as_str()), (409, Some("stale_revision")));
    }
    assert_eq!(batch.stored().await, pairs(&[("a", "2")]));
}
