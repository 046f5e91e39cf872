//! A user who is deleted or disabled while somebody signs in as this user, creates and rotates
//! access tokens, and grants a role: a later user of the name, or the same one when enabled again,
//! must not get what belonged to the earlier account.

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use reqwest::Method;
use serde_json::{Value, json};

use super::operations::{Request, request};
use super::overlap::{self, Rows, TRIES};
use super::subject::Subject;
use super::{Nodes, invariant, premise};
use crate::support::database::Engine;
use crate::support::http::{Answer, Http};
use crate::support::server::PASSWORD;

/// Rounds, each with another user.
const ROUNDS: usize = 4;
/// Operations that end the access of a user.
const ENDS: [&str; 2] =
    ["portal DELETE /openapi/v1/users/{userId}", "portal PUT /openapi/v1/users/enabled"];

async fn nothing_outlives_an_account(nodes: Nodes) {
    let mut subject = Subject::create(0, &nodes.admin(0), Some(&nodes.portal(0))).await;
    let last = Http::new(&nodes.servers[nodes.servers.len() - 1].portal);
    let (mut round, mut tries) = (0, 0);
    while round < ROUNDS {
        tries += 1;
        assert!(tries <= ROUNDS + TRIES, "the callers did not meet");
        subject.user = format!("user{tries}");
        let user = premise::add_user(&nodes, &mut subject).await;
        let Subject { app_id, user: name, user_token_id, .. } = &subject;
        let rotation = format!("/openapi/v1/user-tokens/{user_token_id}/rotate");
        let form = [("username", &**name), ("password", PASSWORD)];
        let path = format!("/openapi/v1/apps/{app_id}/roles/Master?operator=apollo&userId={name}");
        let role = Request { is_portal: true, method: Method::POST, path, body: None };
        let end = ENDS[round % ENDS.len()];
        let mut calls: [LocalBoxFuture<'_, Answer>; 5] = [
            nodes.send(1, request(end, &subject, "end")).boxed_local(),
            user.post("/openapi/v1/user-tokens", json!({ "name": "late" })).boxed_local(),
            user.post(&rotation, Value::Null).boxed_local(),
            nodes.send(0, role).boxed_local(),
            last.form("/signin", &form).boxed_local(),
        ];
        // A database usually serves callers in the order in which they came.
        calls.rotate_left(round);
        let met = overlap::meet(&nodes, &subject, Rows::User, calls).await;
        let Some(mut answers) = met else { continue };
        answers.rotate_right(round);
        assert_eq!(answers[0].status, 200, "{end}: {answers:?}");
        assert!(answers.iter().all(|answer| answer.status < 500), "{end}: {answers:?}");
        let what = format!("{end} beside other changes of the account");
        invariant::check_portal(&nodes.portal, &what).await;
        round += 1;
    }
    nodes.end().await;
}

#[tokio::test]
async fn nothing_outlives_an_account_on_mysql() {
    let Some(nodes) = Nodes::on(Engine::MySql).await else { return };
    nothing_outlives_an_account(nodes).await;
}

#[tokio::test]
async fn nothing_outlives_an_account_on_postgres() {
    let Some(nodes) = Nodes::on(Engine::Postgres).await else { return };
    nothing_outlives_an_account(nodes).await;
}

#[tokio::test]
async fn nothing_outlives_an_account_on_sqlite() {
    nothing_outlives_an_account(Nodes::on_sqlite().await).await;
}
