//! Environments whose private namespaces are visible to members only.

use castalia_server::domain::event::{self, EventKind};
use castalia_server::domain::permission::requirement::Resource;
use castalia_server::domain::permission::{Action, NamedRole};
use castalia_server::settings::Installation;
use serde_json::{Value, json};

use super::branch::{branch, items_of, set};
use super::events::{Stream, edit};
use super::world::{NS, World, app, item};

const NAMESPACES: &str = "/openapi/v1/envs/LOCAL/apps/demo/clusters/default/namespaces";

async fn member_only() -> World {
    let mut world = World::with_demo().await;
    world.set("configView.memberOnly.envs", "local");
    let owner = world.user("u1").await;
    let public =
        json!({ "appId": "demo", "name": "pub", "format": "properties", "isPublic": true });
    owner.post("/openapi/v1/apps/demo/appnamespaces", public).await.ok();
    owner.post(&format!("{NS}/items"), item("k", "hidden value")).await.ok();
    owner.post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" })).await.ok();
    drop(owner);
    world
}

/// Id of the release that `member_only` published.
async fn release_id(world: &World) -> Value {
    let owner = world.user("u1").await;
    owner.get(&format!("{NS}/releases/latest")).await.ok()["id"].clone()
}

#[tokio::test]
async fn an_outsider_sees_no_value_of_a_private_namespace() {
    let world = member_only().await;
    let outsider = world.user("u2").await;
    let list = outsider.get(NAMESPACES).await.ok();
    let names: Vec<_> =
        list.as_array().unwrap().iter().map(|namespace| &namespace["namespaceName"]).collect();
    assert_eq!(names, [&json!("TEST1.pub")]);
    for path in ["", "/items/k", "/encodedItems/aw", "/lock", "/releases/latest"] {
        outsider.get(&format!("{NS}{path}")).await.empty();
    }
    assert_eq!(outsider.get(&format!("{NS}/releases/active")).await.ok(), json!([]));
    let page = outsider.get(&format!("{NS}/items?page=2&size=7")).await.ok();
    assert_eq!(page, json!({ "total": 0, "content": [], "page": 2, "size": 7 }));
    let id = release_id(&world).await;
    let releases = "/openapi/v1/envs/LOCAL/releases";
    outsider.get(&format!("{releases}/{id}")).await.fails(403, "Access is denied");
    let compare = format!("{releases}/comparison?baseReleaseId=0&toCompareReleaseId={id}");
    outsider.get(&compare).await.fails(403, "Access is denied");
}

#[tokio::test]
async fn members_root_and_any_user_of_an_open_environment_see_values() {
    let world = member_only().await;
    world.user("apollo").await.get(&format!("{NS}/items/k")).await.ok();
    world.grant("u2", vec![NamedRole::cluster(Action::Release, "demo", "LOCAL", "default")]).await;
    let member = world.user("u2").await;
    member.get(&format!("{NS}/items/k")).await.ok();
    let id = release_id(&world).await;
    member.get(&format!("/openapi/v1/envs/LOCAL/releases/{id}")).await.ok();
    assert_eq!(member.get(NAMESPACES).await.ok().as_array().unwrap().len(), 2);

    let open = World::with_demo().await;
    open.user("u1").await.post(&format!("{NS}/items"), item("k", "v")).await.ok();
    open.user("u2").await.get(&format!("{NS}/items/k")).await.ok();
}

/// X144
#[tokio::test]
async fn missed_events_of_a_branch_reach_those_with_rights_on_its_cluster() {
    let mut world = World::with_demo().await;
    world.set("configView.memberOnly.envs", "local");
    world.grant("u2", vec![NamedRole::cluster(Action::Modify, "demo", "LOCAL", "default")]).await;
    let (owner, editor) = (world.user("u1").await, world.user("u2").await);
    let mut stream = Stream::open(&editor, "").await;
    stream.kind().await;
    let made = branch(&owner).await;
    let last = stream.next().await.unwrap().id.unwrap().to_string();
    edit(&owner, &items_of(&made), "1").await;
    edit(&owner, NS, "1").await;
    let live = [stream.next().await, stream.next().await];
    let name = made.rsplit('/').next().unwrap();
    assert_eq!(live[0].as_ref().unwrap().data["clusterName"], name);
    let editor = world.user("u2").await.with("last-event-id", &last);
    let mut again = Stream::open(&editor, "").await;
    assert_eq!([again.next().await, again.next().await], live);
}

/// X145
#[tokio::test]
async fn items_of_a_branch_are_found_by_those_with_rights_on_its_cluster() {
    let mut world = World::with_demo().await;
    world.set("configView.memberOnly.envs", "local");
    world.add_user("u3", "{noop}secret of a test").await;
    for (user, cluster) in [("u2", "default"), ("u3", "other")] {
        let role = NamedRole::cluster(Action::Read, "demo", "LOCAL", cluster);
        world.grant(user, vec![role]).await;
    }
    let owner = world.user("u1").await;
    let made = branch(&owner).await;
    set(&owner, &items_of(&made), "rare.key", "1").await;
    let searches = [
        ("/openapi/v1/apps/search/by-appid-or-name?query=rare.key", "content", "name"),
        ("/openapi/v1/global-search/item-info/by-key-or-value?key=rare.key", "body", "clusterName"),
    ];
    for (path, list, member) in searches {
        let found = async |user: &str| -> Vec<Value> {
            let answer = world.user(user).await.get(path).await.ok();
            answer[list].as_array().unwrap().iter().map(|hit| hit[member].clone()).collect()
        };
        let by_owner = found("u1").await;
        assert_eq!(by_owner.len(), 1, "{path}");
        assert!(by_owner[0].as_str().unwrap().contains(made.rsplit('/').next().unwrap()));
        assert_eq!(found("u2").await, by_owner, "{path}");
        assert!(found("u3").await.is_empty(), "{path}");
    }
}

/// X145
#[tokio::test]
async fn an_event_of_an_environment_that_does_not_exist_any_more_is_not_sent_and_ends_no_stream() {
    let mut world = World::with_demo().await;
    world.set("configView.memberOnly.envs", "gone");
    world.grant("u2", vec![NamedRole::cluster(Action::Modify, "demo", "GONE", "default")]).await;
    let (owner, editor) = (world.user("u1").await, world.user("u2").await);
    let mut stream = Stream::open(&editor, "").await;
    stream.kind().await;
    edit(&owner, NS, "1").await;
    let last = stream.next().await.unwrap().id.unwrap().to_string();
    let [app_id, env, cluster, namespace] =
        ["demo", "GONE", "other", "application"].map(str::to_owned);
    let gone = Resource { app_id, env, cluster, namespace };
    let events = vec![event::about(&gone, EventKind::Edit, "u1", 0)];
    event::store(&world.store, events).await.unwrap();
    edit(&owner, NS, "2").await;
    let seen = stream.next().await;
    assert_eq!(seen.as_ref().unwrap().data["env"], "LOCAL");
    let editor = world.user("u2").await.with("last-event-id", &last);
    assert_eq!(Stream::open(&editor, "").await.next().await, seen);
}

#[tokio::test]
async fn what_is_public_stays_visible() {
    let world = member_only().await;
    let public = NS.replace("application", "TEST1.pub");
    assert_eq!(world.user("u2").await.get(&public).await.ok()["namespaceName"], "TEST1.pub");
}

#[tokio::test]
async fn on_our_own_databases_a_token_reads_no_app_without_a_role_on_it() {
    let world = World::fresh().await;
    for (app_id, owner) in [("demo", "u1"), ("second", "u2")] {
        world.user(owner).await.post("/openapi/v1/apps", app(app_id, owner)).await.empty();
    }
    let owner = world.user("u1").await;
    owner.post(&format!("{NS}/items"), item("k", "hidden value")).await.ok();
    let foreign = world.token("foreign", &["second"]).await;
    let foreign = world.consumer(&foreign);
    for path in ["", "/items", "/items/k", "/encodedItems/aw", "/lock", "/releases/latest"] {
        let answer = foreign.get(&format!("{NS}{path}")).await;
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
    }
    assert_eq!(foreign.get(NAMESPACES).await.ok(), json!([]));
    let own = world.token("own", &["demo"]).await;
    world.consumer(&own).get(&format!("{NS}/items/k")).await.ok();
    assert_eq!(world.consumer(&own).get(NAMESPACES).await.ok().as_array().unwrap().len(), 1);
    let all = world.token_for_all("all").await;
    world.consumer(&all).get(&format!("{NS}/items/k")).await.ok();
}

/// X5: on a fresh installation members are those with a role on the app, also if they are programs.
#[tokio::test]
async fn on_our_own_databases_a_token_reads_the_drafts_of_its_app_only() {
    let mut world = World::fresh().await;
    world.set("configView.memberOnly.envs", "local");
    let own = NS.replace("demo", "second");
    for (app_id, owner, namespace) in [("demo", "u1", NS), ("second", "u2", own.as_str())] {
        let owner_of_app = world.user(owner).await;
        owner_of_app.post("/openapi/v1/apps", app(app_id, owner)).await.empty();
        owner_of_app.post(&format!("{namespace}/items"), item("k", "draft value")).await.ok();
    }
    let token = world.token("ci", &["second"]).await;
    let ci = world.consumer(&token);
    assert_eq!(ci.get(&format!("{own}/items/k")).await.ok()["value"], "draft value");
    for path in ["", "?fillItemDetail=true", "/items", "/items/k", "/encodedItems/aw"] {
        let answer = ci.get(&format!("{NS}{path}")).await;
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
        assert!(!answer.body.contains("draft value"), "{path}: {answer:?}");
    }
    assert_eq!(ci.get(NAMESPACES).await.ok(), json!([]));
}

#[tokio::test]
async fn a_setting_opens_reads_to_every_token() {
    let world = World::with(Installation::Fresh, &[("compat.token_reads_all", "true")]).await;
    world.user("u1").await.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    world.user("u1").await.post(&format!("{NS}/items"), item("k", "v")).await.ok();
    let token = world.token("ci", &[]).await;
    world.consumer(&token).get(&format!("{NS}/items/k")).await.ok();
}

#[tokio::test]
async fn consumers_read_items_and_need_the_right_for_releases() {
    let world = member_only().await;
    world.user("u2").await.post("/openapi/v1/apps", app("second", "u2")).await.empty();
    let token = world.token("ci", &["second"]).await;
    let ci = world.consumer(&token);
    ci.get(&format!("{NS}/items/k")).await.ok();
    for path in ["/releases/latest", "/releases/active"] {
        ci.get(&format!("{NS}{path}")).await.fails(403, "Access is denied");
    }
    let release = format!("/openapi/v1/envs/LOCAL/releases/{}", release_id(&world).await);
    ci.get(&release).await.fails(403, "Access is denied");
}
