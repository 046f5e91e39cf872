//! The documentation of `/openapi/v1` agrees with the code: the OpenAPI document, and the page that
//! lists which operations of Apollo's contract are served.

use std::collections::BTreeSet;

use castalia_server::settings::Installation;
use serde_json::{Value, json};

use super::world::World;

const PAGE: &str = include_str!("../../../docs/openapi.md");
pub(super) const DOCUMENT: &str = include_str!("../../../docs/openapi.json");
/// Apollo's contract: `apollo-openapi.yaml` of 2026-05-31 in the repository
/// apolloconfig/apollo-openapi (Apache-2.0), without its texts and examples.
pub(super) const CONTRACT: &str = include_str!("apollo-openapi.json");

/// Operations of Apollo's portal that are newer than this contract.
const NEWER: [&str; 16] = [
    "adminDeleteUserToken",
    "adminListUserTokens",
    "adminRevokeUserToken",
    "batchCreateItems",
    "batchDeleteItems",
    "batchUpdateItems",
    "createUserToken",
    "deleteUserToken",
    "getCurrentUserToken",
    "getCurrentUserTokenCapabilities",
    "getCurrentUserTokenWhoami",
    "getUserByUserId",
    "getUserTokenCapabilities",
    "listUserTokens",
    "revokeUserToken",
    "rotateUserToken",
];

/// Method and path without the names of its parameters, which differ.
fn shape(method: &str, path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() };
    format!("{method} {}", path.split('/').map(part).collect::<Vec<_>>().join("/"))
}

#[tokio::test]
async fn the_page_lists_which_operations_of_the_contract_are_served() {
    let world = World::fresh().await;
    let routes: BTreeSet<_> =
        world.routes.iter().map(|route| shape(route.method.as_str(), route.path)).collect();
    let mut seen = BTreeSet::new();
    for line in PAGE.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let (method, path, served) = (cells[1], cells[2], cells[3]);
        let shape = shape(method, path);
        assert_eq!(routes.contains(&shape), served == "yes", "docs/openapi.md is wrong: {line}");
        assert!(seen.insert(shape), "twice: {line}");
    }
    let contract: BTreeSet<_> = operations(CONTRACT).into_iter().map(|(shape, _)| shape).collect();
    assert_eq!(seen, contract);
}

/// The operations of a document.
fn operations(document: &str) -> Vec<(String, Value)> {
    let document: Value = serde_json::from_str(document).unwrap();
    let items = document["paths"].as_object().unwrap().iter();
    let operations = items.flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, about)| (shape(&method.to_uppercase(), path), about.clone()))
    });
    operations.collect()
}

#[test]
fn the_document_marks_the_operations_that_apollos_portal_does_not_have() {
    let contract: BTreeSet<_> = operations(CONTRACT).into_iter().map(|(shape, _)| shape).collect();
    let mut newer: BTreeSet<_> = NEWER.into_iter().collect();
    for (shape, operation) in operations(DOCUMENT) {
        let id = operation["operationId"].as_str().unwrap();
        let is_apollos = contract.contains(&shape) || newer.remove(id);
        let mark = operation.get("x-castalia-extension");
        assert_eq!(mark, (!is_apollos).then_some(&json!(true)), "{id}, {shape}");
    }
    assert!(newer.is_empty(), "{newer:?}");
}

#[tokio::test]
async fn the_document_in_the_repository_is_the_one_that_is_served() {
    let world = World::fresh().await;
    let answer = world.user("u1").await.get("/openapi/openapi.json").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let served = format!("{}\n", answer.body);
    let differs = served.lines().zip(DOCUMENT.lines()).find(|(new, old)| new != old);
    if served != DOCUMENT {
        let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/openapi.json");
        std::fs::write(file, &served).unwrap();
        panic!(
            "the operations changed; run `cp {file} docs/openapi.json`. The first difference: {differs:?}"
        );
    }
}

#[tokio::test]
async fn the_document_names_the_path_in_front_of_its_operations() {
    let world = World::with(Installation::Fresh, &[("base_path", "/apollo")]).await;
    let document = world.user("u1").await.get("/openapi/openapi.json").await.json();
    assert_eq!(document["servers"], json!([{ "url": "/apollo" }]));
}

/// An operation that is registered as a plain route would be missing in the document.
#[tokio::test]
async fn every_operation_is_in_the_document() {
    let world = World::fresh().await;
    let answer = world.user("u1").await.get("/openapi/openapi.json").await.json();
    let mut ids = BTreeSet::new();
    for route in world.routes.iter().filter(|route| route.path.starts_with("/openapi/v1/")) {
        let operation = &answer["paths"][route.path][route.method.as_str().to_lowercase()];
        let id = operation["operationId"].as_str().unwrap_or_default();
        assert!(ids.insert(id.to_owned()), "`{id}` of {} {}", route.method, route.path);
    }
}
