//! The page that says which operations of Apollo's OpenAPI contract are served says it truly.

use std::collections::BTreeSet;

use super::world::World;

const PAGE: &str = include_str!("../../../docs/openapi.md");

/// Operations of the contract: `apollo-openapi.yaml` of 2026-05-31.
const OPERATIONS: usize = 136;

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
    assert_eq!(seen.len(), OPERATIONS);
}
