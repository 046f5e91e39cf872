//! Several grants and revocations of roles in one call: each is checked and recorded as the
//! operation of its role.

use serde_json::{Value, json};

use super::audit::Log;
use super::world::{Caller, NS, World, app, item};

const GRANTS: &str = "/openapi/v1/access-grants";

fn grant(role: &str, user: &str) -> Value {
    json!({ "appId": "demo", "namespaceName": "application", "roleType": role, "userId": user })
}

fn with(mut grant: Value, members: &[(&str, Value)]) -> Value {
    members.iter().for_each(|(member, value)| grant[*member] = value.clone());
    grant
}

async fn change(caller: &Caller<'_>, grants: &[Value]) -> Vec<(u64, String)> {
    let results = caller.post(GRANTS, json!(grants)).await.ok();
    let shown = |result: &Value| {
        let message = result["message"].as_str().unwrap_or_default().to_owned();
        (result["status"].as_u64().unwrap(), message)
    };
    results.as_array().unwrap().iter().map(shown).collect()
}

#[tokio::test]
async fn each_grant_has_its_result_and_its_record() {
    let world = World::with_demo().await;
    let (owner, member) = (world.user("u1").await, world.user("u2").await);
    owner
        .post(
            "/openapi/v1/apps/demo/namespaces/application/roles/ModifyNamespace?userId=u2",
            Value::Null,
        )
        .await
        .empty();
    let mut log = Log::of(&world).await;
    let results = change(
        &owner,
        &[
            with(grant("ModifyNamespace", "u2"), &[("isRevocation", json!(true))]),
            with(grant("ModifyNamespace", "u2"), &[("env", json!("LOCAL"))]),
            grant("ReleaseNamespace", "nobody"),
            json!({ "appId": "demo", "env": "LOCAL", "clusterName": "default",
                "roleType": "ReleaseNamespacesInCluster", "userId": "u2" }),
            json!({ "appId": "demo", "roleType": "Master", "userId": "u2" }),
        ],
    )
    .await;
    let statuses: Vec<_> = results.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [200, 200, 400, 200, 200], "{results:?}");
    assert!(results[2].1.contains("nobody"), "{results:?}");
    let names: Vec<_> =
        log.shown().await.into_iter().map(|[_, name, operator]| (name, operator)).collect();
    // As with a request of its own, a name that does not exist leaves no record.
    let expected = [
        "Auth.removeNamespaceRoleFromUser",
        "Auth.assignNamespaceEnvRoleToUser",
        "Auth.assignClusterNamespaceRoleToUser",
        "Auth.assignAppRoleToUser",
    ];
    assert_eq!(names, expected.map(|name| (name.to_owned(), "u1".to_owned())));
    member.post(&format!("{NS}/items"), item("a", "1")).await.ok();
    member.post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" })).await.ok();
}

#[tokio::test]
async fn each_grant_is_checked_for_its_own_app() {
    let world = World::with_demo().await;
    world.user("u2").await.post("/openapi/v1/apps", app("second", "u2")).await.empty();
    let owner = world.user("u1").await;
    let foreign = with(grant("ModifyNamespace", "u1"), &[("appId", json!("second"))]);
    let results = change(&owner, &[foreign, grant("ModifyNamespace", "u2")]).await;
    assert_eq!(results, [(403, "Access is denied".to_owned()), (200, String::new())]);
    // No name leads to another operation.
    for (member, value) in [("appId", "demo/roles/Master"), ("roleType", "../../roles/Master")] {
        let results = change(&owner, &[with(grant("x", "u2"), &[(member, json!(value))])]).await;
        assert_ne!(results[0].0, 200, "{member}");
    }
    assert_eq!(change(&owner, &[json!({})]).await[0].0, 404);
    let many = vec![grant("ModifyNamespace", "u2"); 201];
    owner.post(GRANTS, json!(many)).await.fails(400, "More than 200 grants in one call");
    let token = world.token("ci", &["demo"]).await;
    world.consumer(&token).post(GRANTS, json!([])).await.fails(403, "Portal user session");
}
