//! The search over all environments.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::Query;
use axum::routing::get;
use axum::{Json, Router};
use castalia_server::domain::permission::{Action, NamedRole};
use http::StatusCode;
use serde_json::{Value, json};

use super::environment::{listen, meta_server, set_far};
use super::reads::GatedWorld;
use super::world::{NS, World, app, item};

const SEARCH: &str = "/openapi/v1/global-search/item-info/by-key-or-value";

fn values(answer: &Value) -> Vec<&str> {
    let found = answer["body"].as_array().unwrap().iter();
    let mut values: Vec<_> = found.map(|item| item["value"].as_str().unwrap()).collect();
    values.sort_unstable();
    values
}

/// An item in each of the apps `demo` of `u1` and `second` of `u2`.
async fn filled() -> World {
    let world = World::with_demo().await;
    world.user("u2").await.post("/openapi/v1/apps", app("second", "u2")).await.empty();
    for (user, app_id) in [("u1", "demo"), ("u2", "second")] {
        let path = format!("{}/items", NS.replace("demo", app_id));
        world.user(user).await.post(&path, item("the.key", app_id)).await.ok();
    }
    world
}

/// A search needs a criterion, and says when an environment has more than it returns (A79).
#[tokio::test]
async fn a_search_by_key_or_value_finds_items_of_all_apps() {
    let mut world = filled().await;
    let root = world.user("apollo").await;
    root.get(SEARCH).await.fails(400, "Please enter at least one search criterion");
    root.get(&format!("{SEARCH}?key=&value=")).await.fails(400, "Please enter at least one");
    let found = root.get(&format!("{SEARCH}?value=emo")).await.ok();
    let expected = json!({
        "code": 200, "message": "OK", "hasMoreData": false,
        "body": [{
            "appId": "demo", "envName": "LOCAL", "clusterName": "default",
            "namespaceName": "application", "key": "the.key", "value": "demo",
        }],
    });
    assert_eq!(found, expected);
    let both = root.get(&format!("{SEARCH}?key=the.k")).await.ok();
    assert_eq!((values(&both), &both["hasMoreData"]), (vec!["demo", "second"], &json!(false)));
    world.set("apollo.portal.search.perEnvMaxResults", "1");
    let first = world.user("apollo").await.get(&format!("{SEARCH}?key=the.k")).await.ok();
    assert_eq!((values(&first).len(), &first["hasMoreData"]), (1, &json!(true)));
    let message = first["message"].as_str().unwrap();
    assert!(message.starts_with("In LOCAL , more than 1 items found"), "{message}");
}

/// Who may not see a namespace finds nothing in it.
#[tokio::test]
async fn a_search_finds_what_the_user_may_see() {
    let mut world = filled().await;
    let search = format!("{SEARCH}?key=the.key");
    assert_eq!(values(&world.user("u1").await.get(&search).await.ok()), ["demo", "second"]);
    world.set("configView.memberOnly.envs", "local");
    for (user, expected) in
        [("u1", &["demo"][..]), ("u2", &["second"]), ("apollo", &["demo", "second"])]
    {
        assert_eq!(values(&world.user(user).await.get(&search).await.ok()), expected, "{user}");
    }
    world
        .grant("u1", vec![NamedRole::cluster(Action::Release, "second", "LOCAL", "default")])
        .await;
    assert_eq!(values(&world.user("u1").await.get(&search).await.ok()), ["demo", "second"]);
    let token = world.token_for_all("all").await;
    world.consumer(&token).get(&search).await.fails(403, "Portal user session is required");
}

/// Hits that a user may not see do not take the place of those that the user may see.
#[tokio::test]
async fn hidden_hits_do_not_use_up_the_number_of_results() {
    let mut world = World::with_demo().await;
    world.user("u2").await.post("/openapi/v1/apps", app("second", "u2")).await.empty();
    let owner = world.user("u1").await;
    for number in 0..5 {
        let hidden = item(&format!("the.key.{number}"), "hidden");
        owner.post(&format!("{NS}/items"), hidden).await.ok();
    }
    let own = format!("{}/items", NS.replace("demo", "second"));
    for number in 0..3 {
        let visible = item(&format!("the.key.{number}"), &format!("own {number}"));
        world.user("u2").await.post(&own, visible).await.ok();
    }
    world.set("configView.memberOnly.envs", "local");
    let search = format!("{SEARCH}?key=the.key");
    for (most, expected, has_more) in
        [("2", &["own 0", "own 1"][..], true), ("3", &["own 0", "own 1", "own 2"], false)]
    {
        world.set("apollo.portal.search.perEnvMaxResults", most);
        let found = world.user("u2").await.get(&search).await.ok();
        assert_eq!((values(&found), &found["hasMoreData"]), (expected.to_vec(), &json!(has_more)));
    }
}

/// An environment that does not answer is named, and the others are searched.
#[tokio::test]
async fn an_environment_that_does_not_answer_hides_no_other() {
    let mut world = filled().await;
    world.set("apollo.portal.envs", "local,away");
    world.set("apollo.portal.meta.servers", r#"{"away":"http://127.0.0.1:1"}"#);
    let found = world.user("apollo").await.get(&format!("{SEARCH}?key=the.key")).await.ok();
    assert_eq!(values(&found), ["demo", "second"]);
    let message = found["message"].as_str().unwrap();
    assert!(message.starts_with("AWAY cannot be searched: "), "{message}");
}

const EVERYWHERE: &str = "/openapi/v1/search";

fn names<'a>(list: &'a Value, member: &str) -> Vec<&'a str> {
    let list = list.as_array().unwrap().iter();
    let mut names: Vec<_> = list.map(|entry| entry[member].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn apps_namespaces_and_keys_are_found_by_one_text() {
    let mut world = filled().await;
    for (user, app_id) in [("u1", "demo"), ("u2", "second")] {
        let caller = world.user(user).await;
        for (name, is_public) in [("the.own", false), ("the.public", true)] {
            let definition = json!({
                "appId": app_id, "name": format!("{name}.{app_id}"), "format": "properties",
                "isPublic": is_public, "appendNamespacePrefix": false,
            });
            let path = format!("/openapi/v1/apps/{app_id}/appnamespaces");
            caller.post(&path, definition).await;
        }
    }
    world.set("configView.memberOnly.envs", "local");
    let user = world.user("u1").await;
    let found = user.get(&format!("{EVERYWHERE}?q=the.")).await.ok();
    let namespaces = ["the.own.demo", "the.own.second", "the.public.demo", "the.public.second"];
    assert_eq!(names(&found["namespaces"], "name"), namespaces);
    assert_eq!(names(&found["keys"], "appId"), ["demo"], "the other is hidden");
    assert_eq!((&found["apps"], &found["appTotal"]), (&json!([]), &json!(0)));
    let found = user.get(&format!("{EVERYWHERE}?q=sec&in=apps,namespaces")).await.ok();
    assert_eq!(names(&found["apps"], "appId"), ["second"]);
    assert_eq!(names(&found["namespaces"], "name"), ["the.own.second", "the.public.second"]);
    assert_eq!((&found["namespaceTotal"], found.get("keys")), (&json!(2), None));
    for wildcard in ["the_", "t%25e.", "%25"] {
        let found = user.get(&format!("{EVERYWHERE}?q={wildcard}")).await.ok();
        for kind in ["apps", "namespaces", "keys"] {
            assert_eq!(found[kind], json!([]), "{wildcard}");
        }
    }
    user.get(&format!("{EVERYWHERE}?q=%20")).await.fails(400, "q should not be empty");
    user.get(&format!("{EVERYWHERE}?q=a&in=values")).await.fails(400, "`values` is not one of");
}

#[tokio::test]
async fn a_search_returns_the_first_of_many_and_their_number() {
    let world = World::adopted().await;
    let user = world.user("u1").await;
    for number in 0..10 {
        let app_id = format!("many{number}");
        user.post("/openapi/v1/apps", app(&app_id, "u1")).await.empty();
        let items = NS.replace("demo", &app_id);
        user.post(&format!("{items}/items"), item("some.key", "v")).await.ok();
    }
    let found = user.get(&format!("{EVERYWHERE}?q=many")).await.ok();
    assert_eq!((found["apps"].as_array().unwrap().len(), &found["appTotal"]), (8, &json!(10)));
    let found = user.get(&format!("{EVERYWHERE}?q=some&in=keys")).await.ok();
    assert_eq!(found["keys"].as_array().unwrap().len(), 8);
    let found = user.get(&format!("{EVERYWHERE}?q=appli&in=namespaces")).await.ok();
    assert_eq!(
        (found["namespaces"].as_array().unwrap().len(), &found["namespaceTotal"]),
        (8, &json!(10))
    );
}

const BY_ID_OR_NAME: &str = "/openapi/v1/apps/search/by-appid-or-name";

/// X106: the total and the gaps in pages showed that namespaces of others have the key.
#[tokio::test]
async fn a_search_by_the_key_of_an_item_counts_what_its_caller_sees() {
    let mut world = World::adopted().await;
    for (app_id, owner) in [("a0", "u2"), ("a1", "u2"), ("a2", "u1"), ("a3", "u2"), ("a4", "u1")] {
        let user = world.user(owner).await;
        user.post("/openapi/v1/apps", app(app_id, owner)).await.empty();
        let path = format!("{}/items", NS.replace("demo", app_id));
        user.post(&path, item("rare.key", "v")).await.ok();
    }
    world.set("configView.memberOnly.envs", "local");
    let user = world.user("u1").await;
    for (page, size, expected) in
        [(0, 20, &["a2", "a4"][..]), (0, 1, &["a2"]), (1, 1, &["a4"]), (2, 1, &[])]
    {
        let search = format!("{BY_ID_OR_NAME}?query=rare.key&page={page}&size={size}");
        let found = user.get(&search).await.ok();
        assert_eq!(names(&found["content"], "appId"), expected, "{search}");
        assert_eq!(found["total"], 2, "{search}");
    }
}

/// X106: an environment with more namespaces than a search counts.
#[tokio::test]
async fn a_search_by_the_key_of_an_item_ends_where_very_many_have_it() {
    let mut world = World::adopted().await;
    let pages = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&pages);
    let find = async move |Query(wanted): Query<HashMap<String, String>>| {
        asked.fetch_add(1, Ordering::SeqCst);
        let [page, size] = ["page", "size"].map(|name| wanted[name].parse::<u64>().unwrap());
        let content: Vec<_> = (page * size..(page + 1) * size).map(namespace).collect();
        Json(json!({ "content": content, "total": size, "page": page, "size": size }))
    };
    let service = Router::new().route("/namespaces/find-by-item", get(find));
    set_far(&mut world, meta_server(&[listen(service).await]).await);
    let user = world.user("apollo").await;
    let search = format!("{BY_ID_OR_NAME}?query=some.key&page=3&size=2");
    let found = user.get(&search).await.ok();
    assert_eq!(names(&found["content"], "appId"), ["many6", "many7"]);
    assert_eq!((&found["total"], pages.load(Ordering::SeqCst)), (&json!(5_000), 10));
}

/// X106: the pages that were read before were left out too.
#[tokio::test]
async fn a_search_by_the_key_of_an_item_keeps_the_pages_before_a_failure() {
    let mut world = World::adopted().await;
    let find = async move |Query(wanted): Query<HashMap<String, String>>| {
        let size = wanted["size"].parse::<u64>().unwrap();
        if wanted["page"] != "0" {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        let content: Vec<_> = (0..size).map(namespace).collect();
        Ok(Json(json!({ "content": content, "total": size, "page": 0, "size": size })))
    };
    let service = Router::new().route("/namespaces/find-by-item", get(find));
    set_far(&mut world, meta_server(&[listen(service).await]).await);
    let user = world.user("apollo").await;
    let found = user.get(&format!("{BY_ID_OR_NAME}?query=some.key&page=0&size=2")).await.ok();
    assert_eq!(names(&found["content"], "appId"), ["many0", "many1"]);
    assert_eq!(found["total"], 500);
}

/// A namespace as an admin service returns it.
fn namespace(id: u64) -> Value {
    json!({
        "id": id, "appId": format!("many{id}"), "clusterName": "default",
        "namespaceName": "application",
    })
}

/// X84: the first one continues although its caller left, as after a word was corrected.
#[tokio::test]
async fn two_searches_of_a_user_run_at_a_time() {
    let gated = GatedWorld::start().await;
    let user = gated.world.user("u1").await;
    let search = format!("{SEARCH}?key=k");
    tokio::select! {
        answer = user.get(&search) => panic!("{answer:?}"),
        () = gated.arrive(1) => {}
    }
    let mut corrected = pin!(user.get(&search));
    tokio::select! {
        answer = &mut corrected => panic!("{answer:?}"),
        () = gated.arrive(2) => {}
    }
    user.get(&search).await.fails(429, "Other searches of yours last");
    gated.open.send_replace(true);
    corrected.await.ok();
}
