//! What an operation needs beside the app, so that it is accepted: mostly other operations of the
//! list, sent before its callers race.

use serde_json::{Value, json};

use super::Nodes;
use super::operations::request;
use super::subject::Subject;
use crate::support::http::{Answer, Http};
use crate::support::server::PASSWORD;
use crate::support::session::sign_in_as;

const SERVER_CONFIG: &str = "/server/";
const CONSUMERS: &str = "/openapi/v1/consumers";
const WEBHOOKS: &str = "/openapi/v1/webhooks";
const REQUESTS: &str = "/openapi/v1/access-requests";
const USERS: &str = "/openapi/v1/users";

/// Arranges that an operation is accepted. What was arranged for another one is used again.
pub(super) async fn arrange(nodes: &Nodes, operation: &str, subject: &mut Subject) {
    let [port, method, path] = *operation.splitn(3, ' ').collect::<Vec<_>>() else {
        panic!("{operation}")
    };
    let send = async |operation: &str, subject: &Subject| {
        nodes.send(0, request(operation, subject, "premise")).await
    };
    if path.contains("/roles/") {
        // Somebody who has the role already, or does not have it, is refused.
        let inverse = if method == "POST" { "DELETE" } else { "POST" };
        send(&format!("{port} {inverse} {path}"), subject).await;
    } else if path.contains(SERVER_CONFIG) && method == "DELETE" {
        send(&format!("{port} POST {path}"), subject).await.ok();
    } else if path.starts_with("/openapi/v1/consumer") && path != CONSUMERS {
        if !subject.has_consumer {
            let created = send(&format!("portal POST {CONSUMERS}"), subject).await.ok().json();
            subject.token = created["token"].as_str().unwrap().to_owned();
            subject.has_consumer = true;
        }
        if path.ends_with("/by-appId/roles") {
            send(&format!("portal POST {CONSUMERS}/{{token}}/assign-role"), subject).await.ok();
        }
    } else if path.contains("{webhookId}") {
        subject.webhook_id = id(&send(&format!("portal POST {WEBHOOKS}"), subject).await.ok());
    } else if path.contains("{requestId}") {
        subject.request_id = id(&send(&format!("portal POST {REQUESTS}"), subject).await.ok());
    } else if path == "/openapi/v1/namespaces" {
        let path = format!("/apps/{}/clusters/c1/namespaces/application", subject.app_id);
        nodes.admin(0).delete(&format!("{path}?operator=u")).await.ok();
    } else if path == "/openapi/v1/apps/envs/{env}" {
        send("admin DELETE /apps/{app_id}", subject).await.ok();
    } else if path.contains("/instances") {
        insert_instance(nodes, subject).await;
    } else if path.starts_with("/openapi/v1/user") && path != USERS && !subject.has_user {
        add_user(nodes, subject).await;
    }
}

fn id(answer: &Answer) -> i64 {
    let created: Value = answer.json();
    created["id"].as_i64().unwrap()
}

/// A user with an access token; returns the user's session at the first node.
pub(super) async fn add_user(nodes: &Nodes, subject: &mut Subject) -> Http {
    nodes.send(0, request(&format!("portal POST {USERS}"), subject, "premise")).await.ok();
    let user = sign_in_as(&nodes.servers[0].portal, &subject.user, PASSWORD).await;
    let token = user.post("/openapi/v1/user-tokens", json!({ "name": "premise" })).await.ok();
    subject.user_token_id = id(&token);
    subject.has_user = true;
    user
}

/// A client that reads the namespace.
async fn insert_instance(nodes: &Nodes, subject: &mut Subject) {
    // Far from each other, because instances that read get the ids behind the greatest one.
    subject.instance_id = 1_000 * (1 + i64::try_from(subject.number).unwrap());
    let Subject { instance_id, app_id, .. } = subject;
    let client = format!(
        r#"INSERT INTO "Instance" ("Id","AppId","ClusterName","DataCenter","Ip")
           VALUES ({instance_id},'{app_id}','default','','10.0.0.7')"#
    );
    let read = format!(
        r#"INSERT INTO "InstanceConfig"
           ("InstanceId","ConfigAppId","ConfigClusterName","ConfigNamespaceName","ReleaseKey","DataChange_LastTime")
           VALUES ({instance_id},'{app_id}','default','application','k','2037-01-01 00:00:00')"#
    );
    nodes.config.run(&[&client, &read]).await;
}
