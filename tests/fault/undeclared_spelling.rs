//! Namespaces without a definition, which a database that Apollo used may have: a client that writes
//! one in another case than its rows, which MySQL considers the same, receives each release.

use serde_json::json;

use super::feed_node::{Kind, Node, value_of};
use crate::support::eventually::eventually;
use crate::support::poll::{self, Waiting, newest, position};

const READ: &str = "/configs/demo/default/foo";

/// Stores a release of `Foo` and its message, as another node does.
async fn publish(node: &Node, value: &str) -> i64 {
    let place = ["demo", "default", "Foo"];
    node.database.release(place, &format!("key-{value}"), &json!({ "k": value })).await
}

async fn waiting(node: &Node, known: i64) -> Waiting {
    Waiting::start(&node.http, &poll::path("demo", &[("foo", known)])).await
}

async fn read(node: &Node) -> String {
    value_of(&node.get(READ).await)
}

async fn is_delivered(folds: &str) {
    let variables = [("CASTALIA_COMPAT_FOLD_NAMES", folds)];
    let Some(node) = Node::start(Kind::MySql, &variables).await else { return };
    let first = publish(&node, "0").await;
    assert_eq!(position(&node.http, "demo", "foo").await, first);
    assert_eq!(read(&node).await, "0");

    // While the client does not poll.
    let second = publish(&node, "1").await;
    eventually("the second message", async || {
        (position(&node.http, "demo", "foo").await == second).then_some(())
    })
    .await;
    assert_eq!(newest(&waiting(&node, first).await.soon().await.ok()), second);
    assert_eq!(read(&node).await, "1");

    let parked = waiting(&node, second).await;
    let third = publish(&node, "2").await;
    let answer = parked.soon().await.ok();
    assert_eq!((newest(&answer), &answer.json()[0]["namespaceName"]), (third, &json!("foo")));
    assert_eq!(read(&node).await, "2");

    // Another node notified the client before this one reads the message.
    let fourth = publish(&node, "3").await;
    let told = format!("%7B%22details%22%3A%7B%22demo%2Bdefault%2BFoo%22%3A{fourth}%7D%7D");
    assert_eq!(value_of(&node.get(&format!("{READ}?messages={told}")).await), "3");
    node.end().await;
}

#[tokio::test]
async fn each_release_arrives_in_another_case() {
    is_delivered("false").await;
}

#[tokio::test]
async fn each_release_arrives_in_another_case_where_names_are_folded() {
    is_delivered("true").await;
}
