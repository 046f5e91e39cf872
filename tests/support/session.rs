//! The session of the administrator, for what tokens may not do.

use super::http::Http;
use super::server::{PASSWORD, Server};

/// Signs in at the portal.
pub(crate) async fn root(server: &Server) -> Http {
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
