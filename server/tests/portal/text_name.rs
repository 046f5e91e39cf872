//! X126: Apollo accepts `x.txt` as the name of a namespace of any format. What the portal does with
//! the content depends on the format of the definition, not on the name.

use serde_json::json;

use super::mail::{MailServer, with_mail};
use super::world::{NS, item};

#[tokio::test]
async fn properties_may_have_the_name_of_a_text() {
    let (server, address) = MailServer::start().await;
    let world = with_mail(&address).await;
    let _background = world.run();
    let user = world.user("u1").await;
    let definition = json!({ "appId": "demo", "name": "x.txt", "format": "properties" });
    let made = user.post("/openapi/v1/apps/demo/appnamespaces", definition).await.ok();
    assert_eq!(made["name"], "x.txt");
    let text = json!({ "appId": "demo", "name": "y", "format": "txt" });
    user.post("/openapi/v1/apps/demo/appnamespaces", text).await.ok();

    // In the order that its user chooses.
    let [place, document] = ["x.txt", "y.txt"].map(|name| NS.replace("application", name));
    let (port, host) = (item("port", "none"), item("host", "here"));
    let lines = json!([{ "key": "host" }, { "key": "port" }]);
    let changes = json!({ "create": [port, host], "lines": lines });
    user.post(&format!("{place}/changes"), changes).await.empty();
    let page = user.get(&format!("{place}/items")).await.ok();
    let rows = page["content"].as_array().unwrap().iter();
    let keys: Vec<_> = rows.map(|row| row["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["host", "port"]);
    let changes = json!({ "create": [item("content", "text")], "lines": [{ "key": "content" }] });
    let refused = user.post(&format!("{document}/changes"), changes).await;
    refused.fails(400, "The namespace is one document");

    let schema = json!({ "schema": { "properties": { "port": { "type": "integer" } } } });
    user.put(&format!("{place}/schema"), schema.clone()).await.empty();
    let refused = user.put(&format!("{document}/schema"), schema).await;
    refused.fails(400, "A JSON Schema describes namespaces of the formats");
    let (releases, title) = (format!("{place}/releases"), json!({ "releaseTitle": "r" }));
    user.post(&releases, title.clone())
        .await
        .fails(400, "The content violates the JSON Schema of the namespace: /port");
    user.put(&format!("{place}/items/port"), item("port", "80")).await.empty();
    user.post(&releases, title).await.ok();

    let mail = server.wait(1).await.remove(0).text.replace("=\r\n", "");
    assert!(mail.contains("ADDED") && mail.contains("host"), "{mail}");
}
