//! One save of an editor: new, changed and deleted items are stored with one commit, or none is.

use serde_json::{Value, json};

use super::audit::Log;
use super::events::Stream;
use super::world::{Answer, Caller, NS, World, item};

/// The save of a caller in the namespace `application`.
pub(super) async fn save(caller: &Caller<'_>, changes: Value) -> Answer {
    caller.post(&format!("{NS}/changes"), changes).await
}

/// Keys and values in the order of their lines.
async fn stored(caller: &Caller<'_>) -> Vec<(String, String)> {
    let page = caller.get(&format!("{NS}/items?page=0&size=2000")).await.ok();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = page["content"].as_array().unwrap().iter();
    rows.map(|row| (text(&row["key"]), text(&row["value"]))).collect()
}

/// Keys, values and comments in the order of their lines.
async fn lines(caller: &Caller<'_>) -> Value {
    let page = caller.get(&format!("{NS}/items?page=0&size=2000")).await.ok();
    let rows = page["content"].as_array().unwrap().iter();
    rows.map(|row| json!([row["key"], row["value"], row["comment"]])).collect()
}

/// The change sets of the commits, newest first.
async fn commits(caller: &Caller<'_>) -> Vec<Value> {
    let path = "/openapi/v1/apps/demo/envs/LOCAL/clusters/default/namespaces/application/commits";
    let commits = caller.get(path).await.ok();
    let parse = |commit: &Value| serde_json::from_str(commit["changeSets"].as_str().unwrap());
    commits.as_array().unwrap().iter().map(|commit| parse(commit).unwrap()).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A namespace with the items `a`, `b` and `c`.
async fn editor(world: &World) -> Caller<'_> {
    let user = world.user("u1").await;
    fill(&user).await;
    user
}

async fn fill(user: &Caller<'_>) {
    let items = json!([item("a", "1"), item("b", "2"), item("c", "3")]);
    save(user, json!({ "create": items })).await.empty();
}

async fn revision(caller: &Caller<'_>) -> String {
    caller.get(&format!("{NS}/items")).await.header("castalia-revision").to_owned()
}

#[tokio::test]
async fn edits_of_all_kinds_are_one_commit() {
    let world = World::with_demo().await;
    let user = editor(&world).await;
    let typed = json!({ "key": "b", "value": "20", "type": 1, "comment": "c" });
    let changes = json!({ "create": [item("d", "4")], "update": [typed], "delete": ["a"] });
    let user = world.user("u1").await.with("castalia-revision", &revision(&user).await);
    save(&user, changes).await.empty();
    assert_eq!(stored(&user).await, pairs(&[("b", "20"), ("c", "3"), ("d", "4")]));
    let commits = commits(&user).await;
    assert_eq!(commits.len(), 2);
    let count = |list: &str| commits[0][list].as_array().unwrap().len();
    assert_eq!(["createItems", "updateItems", "deleteItems"].map(count), [1, 1, 1]);
    let b = user.get(&format!("{NS}/items/b")).await.ok();
    assert_eq!((&b["type"], &b["comment"]), (&json!(1), &json!("c")));
}

#[tokio::test]
async fn one_impossible_edit_changes_nothing_with_and_without_a_trial() {
    let world = World::with_demo().await;
    let user = editor(&world).await;
    let before = (stored(&user).await, commits(&user).await.len());
    let long = "x".repeat(20_001);
    let refused = [
        (json!({}), 400, "The list of items can not be empty"),
        (json!({ "create": [item("d", "4"), item("a", "9")] }), 400, "item already exists"),
        (json!({ "create": [item("d", "4")], "update": [item("e", "9")] }), 404, "item not found"),
        (json!({ "create": [item("d", "4")], "delete": ["e"] }), 404, "item not found"),
        (
            json!({ "update": [item("a", "9")], "delete": ["a"] }),
            400,
            "The list contains the key a",
        ),
        (json!({ "update": [item("a", "9"), { "key": "b" }] }), 400, "Item 1: Params(value)"),
        (json!({ "delete": [""] }), 400, "Params(key) can not be empty"),
        (json!({ "create": [item("d", &long)], "delete": ["a"] }), 400, "value too long"),
        (json!({ "create": [item(&"k".repeat(129), "")] }), 400, "key too long"),
        (json!({ "update": [{ "key": "a", "value": "1", "type": 4 }] }), 400, "type is invalid"),
    ];
    for (mut changes, status, message) in refused {
        save(&user, changes.clone()).await.fails(status, message);
        changes["dryRun"] = json!(true);
        save(&user, changes).await.fails(status, message);
    }
    assert_eq!((stored(&user).await, commits(&user).await.len()), before);
}

/// X107: a text with these lines cannot be read back.
#[tokio::test]
async fn lines_are_rearranged_with_one_commit_whatever_keys_and_values_contain() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let odd = [("a=b", "1"), ("#x", " edge "), ("k ", "C:\\new"), ("c", "3")];
    let items: Vec<_> = odd.iter().map(|(key, value)| item(key, value)).collect();
    save(&user, json!({ "create": items })).await.empty();
    let user = world.user("u1").await.with("castalia-revision", &revision(&user).await);
    let order = json!([
        { "comment": "# first" }, { "key": "k " }, {}, { "key": "#x" }, { "key": "a=b" },
        { "key": "d" },
    ]);
    let changes = json!({ "create": [item("d", "4")], "delete": ["c"], "lines": order });
    let mut trial = changes.clone();
    trial["dryRun"] = json!(true);
    save(&user, trial).await.empty();
    save(&user, changes).await.empty();
    let expected = json!([
        ["", "", "# first"],
        ["k ", "C:\\new", ""],
        ["", "", ""],
        ["#x", " edge ", ""],
        ["a=b", "1", ""],
        ["d", "4", ""],
    ]);
    assert_eq!(lines(&user).await, expected);
    assert_eq!(commits(&user).await.len(), 2);
    let late = save(&user, json!({ "lines": [{ "key": "d" }] })).await;
    assert_eq!((late.status, &late.json()["code"]), (409, &json!("stale_revision")), "{late:?}");
    assert_eq!(lines(&user).await, expected);
}

#[tokio::test]
async fn lines_that_do_not_name_each_item_once_change_nothing() {
    let world = World::with_demo().await;
    let user = editor(&world).await;
    let before = (lines(&user).await, commits(&user).await.len());
    let key = |key: &str| json!({ "key": key });
    let refused = [
        (json!([]), 400, "The lines lack the key a"),
        (json!([key("c"), key("a")]), 400, "The lines lack the key b"),
        (json!([key("a"), key("b"), key("a"), key("c")]), 400, "The list contains the key a"),
        (json!([key("c"), key("b"), key("a"), key("d")]), 404, "item not found"),
        (json!([{ "key": "a", "comment": "c" }, key("b"), key("c")]), 400, "Line 0: the line"),
        // They would be read back as items, or otherwise.
        (json!([key("a"), { "comment": "a=1" }, key("b"), key("c")]), 400, "Line 1: a comment"),
        (json!([{ "comment": "# x\ny" }, key("a"), key("b"), key("c")]), 400, "Line 0: a comment"),
        (json!([{ "comment": " # x" }, key("a"), key("b"), key("c")]), 400, "Line 0: a comment"),
        (json!([{ "comment": " " }, key("a"), key("b"), key("c")]), 400, "Line 0: a comment"),
    ];
    for (lines, status, message) in refused {
        for dry_run in [true, false] {
            let update = json!([item("a", "9")]);
            let changes = json!({ "update": update, "lines": lines, "dryRun": dry_run });
            save(&user, changes).await.fails(status, message);
        }
    }
    let spelled = json!({ "lines": [{ "key": "a", "lineNum": 3 }, key("b"), key("c")] });
    assert_eq!(save(&user, spelled).await.status, 400);
    assert_eq!((lines(&user).await, commits(&user).await.len()), before);
}

#[tokio::test]
async fn a_document_is_checked_in_its_format() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let body = json!({ "appId": "demo", "name": "doc", "format": "json", "isPublic": false });
    user.post("/openapi/v1/apps/demo/appnamespaces", body).await.ok();
    let at = format!("{}/changes", NS.replace("application", "doc.json"));
    for dry_run in [true, false] {
        let create = |text: &str| json!({ "create": [item("content", text)], "dryRun": dry_run });
        user.post(&at, create("{ a: [ ")).await.fails(400, "invalid json content");
        let mut arranged = create("{}");
        arranged["lines"] = json!([{ "key": "content" }]);
        user.post(&at, arranged).await.fails(400, "The namespace is one document");
        user.post(&at, create("{}")).await.empty();
    }
}

/// A flag that is spelled wrongly must not make a save of a trial.
#[tokio::test]
async fn an_unknown_member_is_refused() {
    let world = World::with_demo().await;
    let user = editor(&world).await;
    let before = stored(&user).await;
    let answer = save(&user, json!({ "update": [item("a", "9")], "dryrun": true })).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(stored(&user).await, before);
}

#[tokio::test]
async fn a_trial_changes_nothing_and_leaves_no_record() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let mut events = Stream::open(&user, "").await;
    assert_eq!(events.kind().await, "start");
    fill(&user).await;
    assert_eq!(events.kind().await, "edit");
    let before = (stored(&user).await, commits(&user).await.len());
    let mut log = Log::of(&world).await;
    let trial = json!({ "update": [item("a", "9")], "delete": ["b"], "dryRun": true });
    save(&user, trial).await.empty();
    assert!(log.shown().await.is_empty());
    assert_eq!((stored(&user).await, commits(&user).await.len()), before);
    // The next event is that of the save.
    save(&user, json!({ "update": [item("a", "9")] })).await.empty();
    assert_eq!(log.one().await.op_name, "Item.change");
    assert_eq!(events.kind().await, "edit");
    user.post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" })).await.ok();
    assert_eq!(events.kind().await, "publish");
}

/// Which keys are equal and which texts can be stored depends on the database.
#[tokio::test]
async fn a_trial_refuses_what_the_database_refuses() {
    let world = World::with_demo().await;
    let user = editor(&world).await;
    let odd = [item("A", "1"), item("a ", "1"), item("nul", "\0")];
    for new in odd {
        let mut changes = json!({ "create": [new], "dryRun": true });
        let tried = save(&user, changes.clone()).await;
        changes["dryRun"] = json!(false);
        let saved = save(&user, changes).await;
        assert_eq!(tried.status, saved.status, "{new}: {tried:?} {saved:?}");
    }
}

#[tokio::test]
async fn another_editor_excludes_a_save_and_its_trial() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    world.set_in_environment("namespace.lock.switch", "true");
    let user = editor(&world).await;
    for dry_run in [true, false] {
        let changes = json!({ "update": [item("a", "9")], "dryRun": dry_run });
        save(&root, changes).await.fails(400, "namespace:application is modified by u1");
    }
    save(&user, json!({ "update": [item("a", "9")], "dryRun": true })).await.empty();
}

#[tokio::test]
async fn a_save_on_an_old_revision_is_refused_with_the_items_that_differ() {
    let world = World::with_demo().await;
    let user = editor(&world).await;
    let late = world.user("u1").await.with("castalia-revision", &revision(&user).await);
    let root = world.user("apollo").await;
    let theirs =
        json!({ "create": [item("d", "4")], "update": [item("a", "10")], "delete": ["c"] });
    save(&root, theirs).await.empty();
    let mine = json!({
        "create": [item("d", "5"), item("e", "6")],
        "update": [item("a", "11"), item("c", "30")],
        "delete": ["b"],
    });
    for dry_run in [true, false] {
        let mut mine = mine.clone();
        mine["dryRun"] = json!(dry_run);
        let answer = save(&late, mine).await;
        assert_eq!(answer.status, 409, "{answer:?}");
        let body = answer.json();
        assert_eq!((&body["code"], &body["itemCount"]), (&json!("stale_revision"), &json!(4)));
        assert_eq!(body["current"], revision(&user).await);
        let rows: Vec<_> = body["items"].as_array().unwrap().iter().collect();
        let shown =
            rows.iter().map(|row| json!([row["key"], row["yours"], row["theirs"], row["by"]]));
        assert_eq!(
            shown.collect::<Value>(),
            json!([
                ["d", "5", "4", "apollo"],
                ["a", "11", "10", "apollo"],
                ["c", "30", null, "apollo"],
                ["b", null, "2", "u1"],
            ])
        );
        assert!(rows.iter().all(|row| row["at"].is_string()), "{rows:?}");
    }
    assert_eq!(stored(&user).await, pairs(&[("a", "10"), ("b", "2"), ("d", "4")]));
}

/// A token that may edit and not read gets the revisions only.
#[tokio::test]
async fn a_conflict_shows_no_value_to_a_token_that_may_not_read_it() {
    let mut world = World::with_demo().await;
    world.set("configView.memberOnly.envs", "LOCAL");
    let user = editor(&world).await;
    let old = revision(&user).await;
    save(&user, json!({ "update": [item("a", "hidden")] })).await.empty();
    let limits = json!({ "operations": ["config:modify"] });
    let tool = world.program("u1", limits).await.with("castalia-revision", &old);
    let answer = save(&tool, json!({ "update": [item("a", "9")] })).await;
    assert_eq!(answer.status, 409, "{answer:?}");
    assert!(!answer.body.contains("hidden"), "{answer:?}");
    assert_eq!((&answer.json()["by"], &answer.json()["at"]), (&json!(null), &json!(null)));
    let answer = save(&tool, json!({ "create": [item("a", "9")] })).await;
    assert_eq!(answer.status, 409, "whether the key exists is told to readers only: {answer:?}");
    let limits = json!({ "operations": ["config:modify", "config:read"] });
    let tool = world.program("u1", limits).await.with("castalia-revision", &old);
    let answer = save(&tool, json!({ "update": [item("a", "9")] })).await;
    assert!(answer.body.contains("hidden"), "{answer:?}");
}

/// Nobody of them names a revision, so that nobody has to read again.
#[tokio::test]
async fn many_editors_of_one_namespace_at_once_all_succeed() {
    let world = World::with_demo().await;
    let user = world.user("u1").await;
    let save = async |number: usize| {
        let create = json!({ "create": [item(&format!("k{number}"), "1")] });
        user.post(&format!("{NS}/changes"), create).await.empty();
    };
    futures_util::future::join_all((0..25).map(save)).await;
    let items = user.get(&format!("{NS}/items?size=100")).await.ok();
    assert_eq!(items["content"].as_array().unwrap().len(), 25);
}
