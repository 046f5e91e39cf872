//! Operations of super administrators, which tokens may not perform: sent with a session. Imports
//! send what an export returned before.

use serde_json::json;

use super::operations::Request;
use crate::support::http::{Answer, Http};
use crate::support::server::{PASSWORD, Server};

/// Parts of the paths of such operations.
const PATHS: [&str; 5] = ["/system/roles/", "/roles/master", "/consumers", "/server/", "/import"];

pub(super) fn is_needed(request: &Request) -> bool {
    request.is_portal && PATHS.iter().any(|part| request.path.contains(part))
}

/// Signs in.
pub(super) async fn root(server: &Server) -> Http {
    let portal = Http::new(&server.portal);
    let answer = portal.form("/signin", &[("username", "apollo"), ("password", PASSWORD)]).await;
    let cookies = answer.headers.get_all("set-cookie").iter();
    let mut cookies = cookies.filter_map(|value| value.to_str().ok());
    let session = cookies.find(|text| text.starts_with("SESSION=")).expect("a session");
    let portal = portal.with("Cookie", session.split(';').next().unwrap());
    let user = portal.get("/openapi/v1/user").await.ok();
    let token = user.header("x-csrf-token").to_owned();
    portal.with("X-CSRF-Token", &token)
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
