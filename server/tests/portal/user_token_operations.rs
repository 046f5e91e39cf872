//! The operation that a user token needs for each operation of the API. `user_token_operations.txt`
//! is compared with the routes, so a new route needs a line.

use std::collections::HashMap;

use castalia_server::domain::permission::token_scope::TokenOperation;
use serde_json::{Value, json};

use super::access::{call, concrete};
use super::world::{Caller, World};

const LIST: &str = include_str!("user_token_operations.txt");

/// Operations that set passwords, for which all permissions of an administrator are needed as well.
const OF_ACCOUNTS: [&str; 2] = ["createOrUpdateUser", "changeUserEnabled"];

/// Tokens of a super administrator by their operations.
struct Tokens<'w> {
    world: &'w World,
    made: HashMap<Vec<&'static str>, Caller<'w>>,
}

impl<'w> Tokens<'w> {
    async fn with(&mut self, operations: Vec<&'static str>) -> &Caller<'w> {
        if !self.made.contains_key(&operations) {
            let limits = json!({ "operations": operations });
            self.made.insert(operations.clone(), self.world.program("apollo", limits).await);
        }
        &self.made[&operations]
    }
}

/// Names of the operations that pass a filter.
fn operations(filter: impl Fn(&str) -> bool) -> Vec<&'static str> {
    TokenOperation::ALL.map(TokenOperation::name).into_iter().filter(|name| filter(name)).collect()
}

#[tokio::test]
async fn each_operation_needs_a_token_with_its_operation() {
    let world = World::with_demo().await;
    let mut tokens = Tokens { world: &world, made: HashMap::new() };
    let listed: HashMap<&str, &str> = LIST
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once(": ").unwrap())
        .collect();
    let unlimited = world.program("apollo", json!({})).await;
    let found = unlimited.get("/openapi/v1/user-tokens/whoami").await.ok();
    let mut seen = 0;
    for route in &world.routes {
        let Some(id) = route.operation.map(|operation| operation.about.id) else { continue };
        seen += 1;
        let what = format!("{id}, {} {}", route.method, route.path);
        let actions = found["actions"].as_array().unwrap();
        let action = actions.iter().find(|action| action["id"] == id);
        let expected = listed.get(id).copied().unwrap_or_default();
        let metadata = operations(|name| name != "user:manage").join(" ");
        let expected = if expected == "metadata" { &metadata } else { expected };
        let declared = match action.map(|action| &action["requiredOperations"]) {
            None => "session".to_owned(),
            Some(Value::Array(required)) if required.is_empty() => "none".to_owned(),
            Some(Value::Array(required)) => {
                required.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
            }
            Some(other) => panic!("{what}: {other}"),
        };
        assert_eq!(declared, expected, "{what}");
        let path = concrete(route.path);
        if expected == "session" {
            let answer = call(&unlimited, &route.method, &path).await;
            answer.fails(403, "Portal user session is required");
            continue;
        }
        let is_required = |name: &str| expected.split(' ').any(|wanted| wanted == name);
        if expected != "none" {
            let others = tokens.with(operations(|name| !is_required(name))).await;
            let answer = call(others, &route.method, &path).await;
            answer.fails(403, "Access is denied");
        }
        let first = expected.split(' ').next().unwrap();
        let is_of_accounts = OF_ACCOUNTS.contains(&id);
        let enough = match expected {
            "none" => vec!["config:read"],
            _ => operations(|name| name == first || (is_of_accounts && name == "system:admin")),
        };
        let answer = call(tokens.with(enough).await, &route.method, &path).await;
        assert!(![401, 403].contains(&answer.status), "{what}: {answer:?}");
    }
    assert_eq!(listed.len(), seen, "a line of the list is about no operation");
}
