//! Operations of super administrators, which tokens may not perform: sent with a session. Imports
//! send what an export returned before.

use reqwest::Method;
use serde_json::json;

use super::operations::Request;
use crate::support::http::{Answer, Http};

/// Parts of the paths of such operations.
const PATHS: [&str; 12] = [
    "/system/roles/",
    "/roles/master",
    "/roles/Master",
    "/webhooks",
    "/consumer",
    "/server/",
    "/import",
    "/access-grants",
    "/access-requests",
    "/restorations",
    "/openapi/v1/users",
    "/user-tokens/",
];

pub(super) fn is_needed(request: &Request) -> bool {
    let path = request.path.split('?').next().unwrap_or_default();
    let is_app = path.strip_prefix("/openapi/v1/apps/").is_some_and(|rest| !rest.contains('/'));
    request.is_portal
        && (is_app && request.method == Method::DELETE
            || PATHS.iter().any(|part| request.path.contains(part)))
}

pub(super) async fn send(root: &Http, request: Request) -> Answer {
    let Some((at, _)) = request.path.split_once("/import") else {
        return root.send(request.method, &request.path, request.body).await;
    };
    let file = match at {
        "/openapi/v1" | "/openapi/v1/configs" => {
            root.download("/openapi/v1/configs/export?envs=DEV").await
        }
        namespace if namespace.ends_with("/items") => {
            json!([{ "key": "new", "value": "imported", "type": 0 }]).to_string().into_bytes()
        }
        cluster => root.download(&format!("{cluster}/export")).await,
    };
    let parameters = "envs=DEV&conflictAction=cover";
    root.upload(&format!("{at}/import?{parameters}"), "items.properties", &file).await
}
