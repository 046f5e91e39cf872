//! `castalia user delete`, beside a server on the same data.

use std::process::Output;

use serde_json::json;

use crate::support::http::Http;
use crate::support::server::{PASSWORD, Server, command};
use crate::support::session;

fn delete(server: &Server, name: &str) -> Output {
    let data_dir = server.data_dir().to_str().unwrap();
    command(&["user", "delete", name, "--data-dir", data_dir]).output().unwrap()
}

/// The access of the user ends at once for the running server, and the only super administrator
/// stays.
#[tokio::test]
async fn the_command_deletes_a_user() {
    let server = Server::start();
    let root = session::root(&server).await;
    let account = json!({
        "username": "leaver", "userDisplayName": "L", "email": "l@example.com",
        "password": PASSWORD, "enabled": 1,
    });
    root.post("/openapi/v1/users?isCreate=true", account).await.ok();
    let portal = Http::new(&server.portal);
    let form = [("username", "leaver"), ("password", PASSWORD)];
    let signed_in = portal.form("/signin", &form).await;
    let cookies = signed_in.headers.get_all("set-cookie").iter();
    let mut cookies = cookies.filter_map(|value| value.to_str().ok());
    let cookie = cookies.find(|text| text.starts_with("SESSION=")).unwrap().to_owned();
    let leaver = Http::new(&server.portal).with("Cookie", cookie.split(';').next().unwrap());
    leaver.get("/openapi/v1/apps").await.ok();

    let output = delete(&server, "leaver");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "The user leaver is deleted.\n");
    assert_eq!(leaver.get("/openapi/v1/apps").await.status, 401);
    let again = portal.form("/signin", &form).await;
    assert_eq!(again.header("location"), "/signin?#/error");
    let record = "/openapi/v1/apollo/audit/logs/opName?opName=User.delete&page=0&size=5";
    let records = root.get(record).await.ok().json();
    let by = |record: &serde_json::Value| record["operator"].clone();
    assert_eq!(
        records.as_array().unwrap().iter().map(by).collect::<Vec<_>>(),
        [json!("castalia user delete")]
    );

    for (name, problem) in
        [("leaver", "leaver"), ("apollo", "The last super administrator cannot be deleted")]
    {
        let output = delete(&server, name);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(problem), "{output:?}");
    }
    root.get("/openapi/v1/apps").await.ok();
}
