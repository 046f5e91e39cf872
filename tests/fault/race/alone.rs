//! Each operation of the race is accepted when it runs alone: one that is always refused would race
//! nothing.

use super::Nodes;
use super::operations::{self, request};
use super::premise;
use super::subject::Subject;

#[tokio::test]
async fn every_operation_is_accepted_alone() {
    let nodes = Nodes::on_sqlite().await;
    let mut refused = Vec::new();
    for (number, operation) in operations::all().into_iter().enumerate() {
        let portal = nodes.portal(0);
        let is_portal = operation.starts_with("portal");
        let mut subject =
            Subject::create(number, &nodes.admin(0), is_portal.then_some(&portal)).await;
        premise::arrange(&nodes, operation, &mut subject).await;
        let answer = nodes.send(0, request(operation, &subject, "a")).await;
        if !matches!(answer.status, 200 | 201) {
            refused.push(format!("{operation}: {} {}", answer.status, answer.text));
        }
    }
    assert!(refused.is_empty(), "refused:\n{}", refused.join("\n"));
    nodes.end().await;
}
