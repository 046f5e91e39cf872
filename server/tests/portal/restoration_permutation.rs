//! A namespace, its cluster and its definition are deleted in every order and restored in every
//! order: everything that existed comes back, and no empty namespace takes its place.

use castalia_store::now;
use serde_json::{Value, json};

use super::restoration::{DEFINITIONS, RESTORATIONS, content, define, deletion, publish, set};
use super::world::{Caller, NS, World, app};

/// The kinds of what is deleted, as the list of deletions names them.
const NAMESPACE: &str = "namespace";
const CLUSTER: &str = "cluster";
const DEFINITION: &str = "appNamespace";

/// An app of its own, with the namespace `extra` in the clusters `default` and `c2`.
struct Case<'w> {
    root: &'w Caller<'w>,
    app_id: String,
}

impl<'w> Case<'w> {
    async fn create(root: &'w Caller<'w>, app_id: String) -> Self {
        root.post("/openapi/v1/apps", app(&app_id, "u1")).await.empty();
        define(root, &app_id, "extra", false).await;
        let case = Self { root, app_id };
        let cluster = json!({ "name": "c2", "appId": case.app_id });
        root.post(&case.path("/openapi/v1/envs/LOCAL/apps/demo/clusters"), cluster).await.ok();
        for (namespace, value) in case.namespaces().iter().zip(["1", "2"]) {
            set(root, namespace, "k", value).await;
            publish(root, namespace).await;
        }
        case
    }

    fn path(&self, of_demo: &str) -> String {
        of_demo.replace("/demo", &format!("/{}", self.app_id))
    }

    /// Paths of the namespace in both clusters.
    fn namespaces(&self) -> [String; 2] {
        let extra = self.path(NS).replace("application", "extra");
        [extra.replace("default", "c2"), extra]
    }

    async fn contents(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for namespace in self.namespaces() {
            all.push(content(self.root, &namespace).await);
        }
        all
    }

    /// Deletes the object of a kind; of the namespace, that in `c2` only.
    async fn delete(&self, kind: &str) {
        let path = match kind {
            NAMESPACE => deletion("c2", "extra"),
            CLUSTER => "/openapi/v1/envs/LOCAL/apps/demo/clusters/c2".to_owned(),
            _ => format!("{DEFINITIONS}/extra"),
        };
        self.root.delete(&self.path(&path)).await.empty();
        // Rows with the same millisecond belong to the same deletion.
        let deleted = now().timestamp_millis();
        while now().timestamp_millis() <= deleted {}
    }

    async fn deleted(&self) -> Vec<Value> {
        let path = self.path("/openapi/v1/apps/demo/deleted");
        self.root.get(&path).await.ok()["objects"].as_array().unwrap().clone()
    }

    /// Restores the object of a kind if it is listed. A refusal says what is to be restored first.
    async fn restore(&self, kind: &str) {
        let Some(one) = self.deleted().await.into_iter().find(|one| one["kind"] == kind) else {
            return;
        };
        let answer = self.root.post(&self.path(RESTORATIONS), one).await;
        if answer.status != 200 {
            let message = answer.json()["message"].to_string();
            assert!(message.contains("it first"), "{answer:?}");
            assert!(kind == NAMESPACE, "{answer:?}");
        }
    }
}

/// All orders of the elements.
fn orders(kinds: &[&'static str]) -> Vec<Vec<&'static str>> {
    if kinds.is_empty() {
        return vec![Vec::new()];
    }
    let after = |first: &&'static str| {
        let rest: Vec<_> = kinds.iter().copied().filter(|kind| kind != first).collect();
        let first = *first;
        orders(&rest).into_iter().map(move |order| [vec![first], order].concat())
    };
    kinds.iter().flat_map(after).collect()
}

#[tokio::test]
async fn everything_comes_back_in_whatever_order_it_was_deleted_and_is_restored() {
    let world = World::adopted().await;
    let root = world.user("apollo").await;
    let mut number = 0;
    // The namespace can only be deleted before the others, which it belongs to.
    for deletions in [
        &[NAMESPACE, CLUSTER][..],
        &[NAMESPACE, DEFINITION],
        &[CLUSTER, DEFINITION],
        &[DEFINITION, CLUSTER],
        &[NAMESPACE, CLUSTER, DEFINITION],
        &[NAMESPACE, DEFINITION, CLUSTER],
    ] {
        for restorations in orders(deletions) {
            let case = Case::create(&root, format!("app{number}")).await;
            number += 1;
            let before = case.contents().await;
            for kind in deletions {
                case.delete(kind).await;
            }
            // What was refused is accepted after all else.
            for kind in restorations.iter().chain([&NAMESPACE]) {
                case.restore(kind).await;
            }
            let left = case.deleted().await;
            let orders = format!("deleted {deletions:?}, restored {restorations:?}: {left:?}");
            assert!(left.is_empty(), "{orders}");
            assert_eq!(case.contents().await, before, "{orders}");
        }
    }
}
