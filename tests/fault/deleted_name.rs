//! The definition of a namespace is deleted while other definitions have its name: clients receive
//! what the name now leads to, on every node, before they would after the next complete read of all
//! names, which is a minute later.

use std::time::Duration;

use super::feed_node::{Kind, Node, on_each_kind, value_of};
use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting};
use crate::support::server::{Options, Server};

/// Far less than the minute between two complete reads.
const SOON: Duration = Duration::from_secs(25);

/// The node, and another one on the same database unless that is a file.
struct Cluster {
    node: Node,
    other: Option<(Server, tempfile::TempDir)>,
    nodes: Vec<Http>,
}

impl Cluster {
    async fn start(kind: Kind) -> Option<Self> {
        let node = Node::start(kind, &[]).await?;
        let other = (kind != Kind::Sqlite).then(|| {
            let directory = tempfile::tempdir().unwrap();
            let options = Options::new()
                .flag("--roles", "config,meta,admin")
                .flag("--config-db", &node.database.url);
            (Server::start_in(directory.path(), options), directory)
        });
        let mut nodes = vec![node.http.clone()];
        nodes.extend(other.iter().map(|(server, _)| Http::new(&server.config)));
        Some(Self { node, other, nodes })
    }

    fn admin(&self) -> Http {
        Http::new(&self.node.server.admin)
    }

    async fn app(&self, id: &str) -> App {
        App::create(&self.admin(), id).await
    }

    async fn delete_definition(&self, app: &App, name: &str) {
        let path = format!("/apps/{}/appnamespaces/{name}?operator=apollo", app.id);
        self.admin().delete(&path).await.ok();
    }

    async fn end(self) {
        drop(self.other);
        self.node.end().await;
    }
}

async fn value(node: &Http, app: &str, namespace: &str) -> String {
    value_of(&node.get(&format!("/configs/{app}/default/{namespace}?ip=10.0.0.1")).await)
}

async fn soon(node: &Http, app: &str, namespace: &str, expected: &str) {
    let served = eventually(expected, async || {
        (value(node, app, namespace).await == expected).then_some(())
    });
    let what = format!("{expected} in {namespace} for {app} at {}", node.base());
    tokio::time::timeout(SOON, served).await.unwrap_or_else(|_| panic!("{what}"));
}

/// Otherwise clients of all apps would receive what its owner publishes for itself.
async fn a_namespace_that_became_private_is_served_to_its_app_only(kind: Kind) {
    let Some(cluster) = Cluster::start(kind).await else { return };
    let owner = cluster.app("owner").await;
    owner.add_namespace("shared", true).await;
    owner.release("default", "shared", &[("k", "public")]).await;
    for node in &cluster.nodes {
        soon(node, "stranger", "shared", "public").await;
    }
    cluster.delete_definition(&owner, "shared").await;
    owner.add_namespace("shared", false).await;
    owner.release("default", "shared", &[("k", "private")]).await;
    for node in &cluster.nodes {
        soon(node, "stranger", "shared", "404").await;
        soon(node, "owner", "shared", "private").await;
    }
    cluster.end().await;
}

/// The client is woken once: what it then asks for is the public namespace, not the deleted one.
async fn a_client_whose_namespace_is_deleted_receives_the_public_one_of_that_name(kind: Kind) {
    let Some(cluster) = Cluster::start(kind).await else { return };
    let (owner, demo) = (cluster.app("owner").await, cluster.node.app.clone());
    owner.add_namespace("shared", true).await;
    owner.release("default", "shared", &[("k", "public")]).await;
    demo.add_namespace("shared", false).await;
    demo.release("default", "shared", &[("k", "own")]).await;
    let mut polls = Vec::new();
    for node in &cluster.nodes {
        soon(node, "demo", "shared", "own").await;
        let known = poll::position(node, "demo", "shared").await;
        let path = poll::path("demo", &[("shared", known)]);
        polls.push((node, Waiting::start(node, &path).await));
    }
    cluster.delete_definition(&demo, "shared").await;
    for (node, poll) in polls {
        poll.soon().await.ok();
        assert_eq!(value(node, "demo", "shared").await, "public", "{}", node.base());
    }
    cluster.end().await;
}

async fn a_name_that_returns_in_another_case_is_served(kind: Kind) {
    let Some(cluster) = Cluster::start(kind).await else { return };
    let demo = cluster.node.app.clone();
    demo.add_namespace("Settings", false).await;
    demo.release("default", "Settings", &[("k", "old")]).await;
    for node in &cluster.nodes {
        soon(node, "demo", "settings", "old").await;
    }
    cluster.delete_definition(&demo, "Settings").await;
    demo.add_namespace("settings", false).await;
    demo.release("default", "settings", &[("k", "new")]).await;
    for node in &cluster.nodes {
        soon(node, "demo", "settings", "new").await;
        soon(node, "demo", "Settings", "new").await;
    }
    cluster.end().await;
}

on_each_kind!(
    a_namespace_that_became_private_is_served_to_its_app_only,
    a_client_whose_namespace_is_deleted_receives_the_public_one_of_that_name,
    a_name_that_returns_in_another_case_is_served
);
