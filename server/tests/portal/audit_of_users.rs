//! The part of `audit_operations.rs` about what belongs to single users: their requests for access
//! and their tokens.

use http::Method;
use serde_json::{Value, json};

use super::audit_operations::Script;
use super::world::Caller;

pub(super) async fn access_requests(
    s: &mut Script<'_>,
    user: (&Caller<'_>, &str),
    asking: (&Caller<'_>, &str),
) {
    const REQUESTS: &str = "/openapi/v1/access-requests";
    let mut ids = Vec::new();
    for role in ["ModifyNamespace", "ReleaseNamespace"] {
        let (id, name) = ("createAccessRequest", "AccessRequest.create");
        let body = json!({ "appId": "demo", "namespaceName": "application", "roleType": role });
        let made = s.run(asking, id, name, (Method::POST, REQUESTS), body).await;
        ids.push(made["id"].clone());
    }
    let (id, name) = ("decideAccessRequest", "AccessRequest.decide");
    let path = format!("{REQUESTS}/{}/decision", ids[0]);
    s.run(user, id, name, (Method::PUT, &path), json!({ "granted": true })).await;
    let (id, name) = ("withdrawAccessRequest", "AccessRequest.withdraw");
    let path = format!("{REQUESTS}/{}", ids[1]);
    s.run(asking, id, name, (Method::DELETE, &path), Value::Null).await;
}

pub(super) async fn user_tokens(
    s: &mut Script<'_>,
    user: (&Caller<'_>, &str),
    root: (&Caller<'_>, &str),
) {
    let (post, delete, no) = (|| Method::POST, || Method::DELETE, Value::Null);
    let tokens = "/openapi/v1/user-tokens";
    let mut ids = Vec::new();
    for _ in 0..3 {
        let body = json!({ "name": "ci" });
        let made = s.run(user, "createUserToken", "UserToken.create", (post(), tokens), body).await;
        ids.push(made["id"].clone());
    }
    let path = format!("{tokens}/{}/rotate", ids[0]);
    s.run(user, "rotateUserToken", "UserToken.rotate", (post(), &path), no.clone()).await;
    let path = format!("{tokens}/{}/revoke", ids[1]);
    s.run(user, "revokeUserToken", "UserToken.revoke", (post(), &path), no.clone()).await;
    let path = format!("{tokens}/{}", ids[1]);
    s.run(user, "deleteUserToken", "UserToken.delete", (delete(), &path), no.clone()).await;
    let path = format!("{tokens}/admin/{}/revoke", ids[2]);
    s.run(root, "adminRevokeUserToken", "UserToken.revoke", (post(), &path), no.clone()).await;
    let path = format!("{tokens}/admin/{}", ids[2]);
    s.run(root, "adminDeleteUserToken", "UserToken.delete", (delete(), &path), no).await;
}
