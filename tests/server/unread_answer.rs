//! Answers that a user requests and does not receive, and bodies that a user sends slowly, have a
//! part of the memory only, and one user takes nothing of the part of another: X22, X24, X27, X29.
//! What clients of the client port do not receive: `unread_config.rs`.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, PASSWORD, Server, command};
use crate::support::{raw, session};

const ITEMS: &str =
    "envs/DEV/apps/demo/clusters/default/namespaces/application/items?page=0&size=500";
/// Each of them is an answer of 8 MB, of which a user may have 32 MB.
const PARTS: usize = 8;
const VALUE: usize = 18_000;
const KEYS: usize = 450;

/// For every signed-in user: its handler checks what the body names.
const DIFF: &str =
    "/openapi/v1/envs/DEV/apps/demo/clusters/default/namespaces/application/items/diff";
const ITEM_SET: &str = "/apps/demo/clusters/default/namespaces/application/itemset";
/// Length of a large body. Two of them fit in what one caller may have, and three do not.
const BODY: usize = 12 << 20;

fn without_access_control() -> Options {
    Options::new().variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
}

/// A server with an app whose items are a large answer, and its administrator.
async fn start() -> (Server, Http) {
    let server = Server::start_with(without_access_control());
    let root = session::root(&server).await;
    let app = json!({ "app": {
        "appId": "demo", "name": "demo", "orgId": "o", "orgName": "O", "ownerName": "apollo",
        "ownerEmail": "", "dataChangeCreatedBy": "apollo",
    } });
    server.open_api().post("/openapi/v1/apps", app).await.ok();
    let value = "x".repeat(VALUE);
    let keys: Vec<_> = (0..KEYS).map(|number| format!("k{number}")).collect();
    let items: Vec<_> = keys.iter().map(|key| (&**key, &*value)).collect();
    App::existing(&Http::new(&server.admin), "demo").set("default", "application", &items).await;
    (server, root)
}

/// A user without a role.
async fn other_user(server: &Server, root: &Http) -> Http {
    let user = json!({ "username": "other", "password": PASSWORD, "enabled": 1 });
    root.post("/openapi/v1/users?isCreate=true", user).await.ok();
    session::sign_in_as(&server.portal, "other", PASSWORD).await
}

/// Sends a request whose answer is not read.
async fn request(server: &Server, caller: &Http, path: &str) -> TcpStream {
    let headers = [("cookie", caller.header("Cookie"))];
    let mut stream = TcpStream::connect(raw::authority(&server.portal)).await.unwrap();
    stream.write_all(&raw::request("GET", path, &server.portal, &headers)).await.unwrap();
    stream
}

/// Sends a large body except for its last byte: a text, which is not what the handler expects.
async fn begin(base: &str, path: &str, headers: &[(&str, &str)]) -> TcpStream {
    let length = BODY.to_string();
    let mut all = vec![("content-type", "application/json"), ("content-length", &*length)];
    all.extend(headers);
    let mut stream = TcpStream::connect(raw::authority(base)).await.unwrap();
    stream.write_all(&raw::request("POST", path, base, &all)).await.unwrap();
    let mut body = vec![b'x'; BODY - 1];
    body[0] = b'"';
    // Fails if the answer does not wait for the body.
    let _ = stream.write_all(&body).await;
    stream
}

/// The status of the answer, after the last byte.
async fn end(mut stream: TcpStream) -> String {
    let _ = stream.write_all(b"\"").await;
    let mut answer = Vec::new();
    // Ends with an error if the server closed the connection with unread bytes.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).split(' ').nth(1).unwrap_or_default().to_owned()
}

/// Sends two large bodies and a third one beside them until the third one is refused, and returns
/// the two. A third one that overtakes what the system has buffered of the second is admitted
/// instead of it.
async fn third_is_refused(base: &str, path: &str, headers: &[(&str, &str)]) -> [TcpStream; 2] {
    eventually("the refusal of a third body", async || {
        let held = [begin(base, path, headers).await, begin(base, path, headers).await];
        if end(begin(base, path, headers).await).await == "429" {
            return Some(held);
        }
        for stream in held {
            end(stream).await;
        }
        None
    })
    .await
}

#[tokio::test]
async fn reads_that_nobody_receives_are_refused() {
    let (server, root) = start().await;
    let paths = [ITEMS; PARTS].join("%0A").replace('?', "%3F").replace('&', "%26");
    let mut unread = request(&server, &root, &format!("/openapi/v1/reads?paths={paths}")).await;
    let path = format!("/openapi/v1/{ITEMS}");
    eventually("the refusal of another answer", async || {
        (root.get(&path).await.status == 429).then_some(())
    })
    .await;
    let mut answer = Vec::new();
    unread.read_to_end(&mut answer).await.unwrap();
    let text = String::from_utf8_lossy(&answer);
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines: Vec<_> = lines.filter(|line| line["index"].is_u64()).collect();
    assert_eq!(lines.len(), PARTS);
    let is_known = |line: &Value| line["status"] == 200 || line["status"] == 429;
    assert!(lines[0]["status"] == 200 && lines.iter().all(is_known), "each part has an answer");
    // What was read takes no memory any more.
    eventually("an answer", async || (root.get(&path).await.status == 200).then_some(())).await;
}

/// All users may be behind one address.
#[tokio::test]
async fn a_user_that_does_not_read_leaves_the_memory_to_another_of_the_same_address() {
    let (server, root) = start().await;
    let other = other_user(&server, &root).await;
    let path = format!("/openapi/v1/{ITEMS}");
    let mut unread = Vec::new();
    for _ in 0..PARTS {
        unread.push(request(&server, &root, &path).await);
    }
    eventually("the refusal of another answer", async || {
        let answer = root.get(&path).await;
        let is_refused = answer.status == 429 && !answer.header("retry-after").is_empty();
        is_refused.then_some(())
    })
    .await;
    let answer = other.get(&path).await.ok();
    assert!(answer.text.len() > KEYS * VALUE, "{} bytes", answer.text.len());
    drop(unread);
    eventually("an answer", async || (root.get(&path).await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn a_user_that_sends_slowly_leaves_the_memory_to_another_of_the_same_address() {
    let server = Server::start();
    let root = session::root(&server).await;
    let other = other_user(&server, &root).await;
    let headers =
        |user: &Http| ["Cookie", "X-CSRF-Token"].map(|name| (name, user.header(name).to_owned()));
    let (of_root, of_other) = (headers(&root), headers(&other));
    let of_root = of_root.each_ref().map(|(name, value)| (*name, &**value));
    let of_other = of_other.each_ref().map(|(name, value)| (*name, &**value));
    let held = third_is_refused(&server.portal, DIFF, &of_root).await;
    // It is read whole, and then found to be a text.
    assert_eq!(end(begin(&server.portal, DIFF, &of_other).await).await, "400");
    for stream in held {
        assert_eq!(end(stream).await, "400");
    }
    assert_eq!(end(begin(&server.portal, DIFF, &of_root).await).await, "400");
}

/// The portal has limited each of its users.
#[tokio::test]
async fn a_portal_may_send_more_large_bodies_than_a_user() {
    let server = Server::start_with(Options::new().flag("--roles", "config,meta,admin"));
    let output = command(&["token", "admin", "--data-dir"]).arg(server.data_dir()).output();
    let token = String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned();
    assert!(token.len() >= 32, "{token}");
    let headers = [("authorization", &*token)];
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(begin(&server.admin, ITEM_SET, &headers).await);
    }
    for stream in held {
        assert_eq!(end(stream).await, "400");
    }
}

/// Everyone may be the caller where no token is required.
#[tokio::test]
async fn a_caller_of_the_admin_port_without_a_token_has_the_limit_of_a_user() {
    let options = without_access_control().flag("--roles", "config,meta,admin");
    let server = Server::start_with(options);
    let held = third_is_refused(&server.admin, ITEM_SET, &[]).await;
    for stream in held {
        assert_eq!(end(stream).await, "400");
    }
}
