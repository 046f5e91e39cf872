//! Who is editing a namespace, as pages announce it.

use serde_json::{Value, json};

use super::events::{Stream, edit};
use super::world::{NS, World};

/// Whoever edits is shown to the pages of all nodes, but not to one that comes back later.
#[tokio::test]
async fn who_is_editing_reaches_those_who_may_see_the_namespace() {
    let mut world = World::with_demo().await;
    world.set("configView.memberOnly.envs", "local");
    let second = world.second_node();
    let (user, root) = (world.user("u1").await, world.user("apollo").await);
    let outsider = world.user("u2").await;
    let mut there = Stream::open(&root.at(&second), "?app=demo").await;
    let mut hidden = Stream::open(&outsider, "?app=demo").await;
    assert_eq!((there.kind().await, hidden.kind().await), ("start".to_owned(), "start".to_owned()));
    edit(&user, NS, "0").await;
    let before = there.next().await.unwrap().id.unwrap();
    user.post(&format!("{NS}/presence"), Value::Null).await.empty();
    let shown = there.next().await.unwrap();
    assert_eq!((shown.kind.as_str(), &shown.data["operator"]), ("presence", &json!("u1")));
    assert_eq!(shown.data["namespaceName"], "application");
    outsider.post(&format!("{NS}/presence"), Value::Null).await.fails(403, "Access is denied");
    edit(&user, NS, "1").await;
    assert_eq!(there.kind().await, "edit");
    let mut back = Stream::open(&root, &format!("?lastEventId={before}")).await;
    assert_eq!(back.kind().await, "edit", "the presence is over");
}

/// An environment that does not exist has no namespaces, so nobody edits one.
#[tokio::test]
async fn presence_in_an_unknown_environment_is_refused() {
    let world = World::with_demo().await;
    let root = world.user("apollo").await;
    let unknown = format!("{}/presence", NS.replace("LOCAL", "NONE"));
    root.post(&unknown, Value::Null).await.fails(400, "invalid env format:NONE");
    root.post(&format!("{NS}/presence"), Value::Null).await.empty();
}
