//! Sessions of the administrator, for what tokens may not do, and of users.

use super::http::Http;
use super::server::{PASSWORD, Server};

/// Signs in at the portal.
pub(crate) async fn root(server: &Server) -> Http {
    let root = sign_in(&server.portal, PASSWORD).await;
    for header in ["Cookie", "X-CSRF-Token"] {
        server.plant(root.header(header).trim_start_matches("SESSION="));
    }
    root
}

/// Signs in as the administrator at a portal, ours or Apollo's.
pub(crate) async fn sign_in(portal: &str, password: &str) -> Http {
    sign_in_as(portal, "apollo", password).await
}

/// Signs in at a portal; Apollo's has no token against forged requests.
pub(crate) async fn sign_in_as(portal: &str, user: &str, password: &str) -> Http {
    let portal = Http::new(portal);
    let answer = portal.form("/signin", &[("username", user), ("password", password)]).await;
    let cookies = answer.headers.get_all("set-cookie").iter();
    let mut cookies = cookies.filter_map(|value| value.to_str().ok());
    let session = cookies.find(|text| text.starts_with("SESSION=")).expect("a session");
    let portal = portal.with("Cookie", session.split(';').next().unwrap());
    let user = portal.get("/openapi/v1/user").await.ok();
    let token = user.header("x-csrf-token").to_owned();
    portal.with("X-CSRF-Token", &token)
}
