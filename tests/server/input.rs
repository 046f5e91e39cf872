//! Input that is odd, large or hostile: lists of notifications (REL-60), names (REL-61), values
//! (REL-62).

use castalia_core::format::properties;
use castalia_core::protocol::route::encode;
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::poll::{self, position};
use crate::support::raw;
use crate::support::server::{Options, Server};
use crate::support::sign;

async fn start() -> (Server, App) {
    let options = Options::new()
        .flag("--roles", "config,meta,admin")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
        .variable("CASTALIA_LONG_POLLING_TIMEOUT", "1");
    let server = Server::start_with(options);
    let app = App::create(&Http::new(&server.admin), "demo").await;
    (server, app)
}

/// REL-60: what the reference accepts is accepted: duplicates, numbers as text, ids of all sizes,
/// unknown names; anything else is 400, and nothing causes a server error.
#[tokio::test]
async fn lists_of_notifications_are_read_as_the_reference_reads_them() {
    let (server, app) = start().await;
    app.publish("1").await;
    let http = Http::new(&server.config);
    let id = position(&http, "demo", "application").await;
    let one = |name: &str, id: Value| json!({ "namespaceName": name, "notificationId": id });
    let many: Vec<_> = (0..500).map(|at| one(&format!("n{at}"), json!(at))).collect();
    for (list, status) in [
        (json!([one("application", json!(-1))]).to_string(), 200),
        (json!([one("application", json!(i64::MIN))]).to_string(), 200),
        (json!([one("application", json!(i64::MAX))]).to_string(), 304),
        (json!([one("application", json!(id)), one("application", json!(id))]).to_string(), 304),
        (json!([one("application", json!(id)), one("APPLICATION", json!(-1))]).to_string(), 200),
        (json!([one("application", json!(format!("{id}")))]).to_string(), 304),
        (json!([one("unknown", json!(-1))]).to_string(), 304),
        (json!([one("application", json!(id + 100))]).to_string(), 304),
        (json!([{ "notificationId": 1 }, one("application", json!(-1))]).to_string(), 200),
        (Value::from(many).to_string(), 304),
        (
            r#"[{"namespaceName":"application","notificationId":9223372036854775808}]"#.to_owned(),
            400,
        ),
        (r#"[{"namespaceName":"application","notificationId":1.5}]"#.to_owned(), 400),
        (r#"[{"namespaceName":"application","notificationId":"x"}]"#.to_owned(), 400),
        (r#"[{"namespaceName":"application","notificationId":-1}"#.to_owned(), 400),
        ("[null]".to_owned(), 400),
        ("[[]]".to_owned(), 400),
        ("\u{0}".to_owned(), 400),
        (format!("{}{}", "[".repeat(5000), "]".repeat(5000)), 400),
    ] {
        let path =
            format!("/notifications/v2?appId=demo&cluster=default&notifications={}", encode(&list));
        let answer = http.get(&path).await;
        assert_eq!(answer.status, status, "{}: {answer:?}", &list[..list.len().min(80)]);
    }
}

/// REL-61: app ids outside the grammar are refused; all others are distinct, in all Unicode planes.
#[tokio::test]
async fn odd_names_are_refused_or_exact() {
    let (server, app) = start().await;
    app.publish("1").await;
    for name in [
        "",
        "%00",
        "%0a",
        "a%1f",
        "a%7f",
        "%",
        "%2",
        "%zz",
        "%ff",
        "%ed%a0%80",
        "%F0%9F%98%80",
        "%E2%80%AE",
        "a/b",
        "a%2Fb",
    ] {
        for path in [
            format!("/configs/{name}/default/application"),
            format!("/configs/demo/{name}/never"),
            format!("/configs/demo/default/{name}"),
            format!("/configfiles/raw/{name}/default/application"),
        ] {
            let answer =
                raw::send(&server.config, &raw::request("GET", &path, &server.config, &[])).await;
            let status = answer.as_ref().map_or(400, |answer| answer.status);
            assert!(matches!(status, 400 | 404), "{path}: {answer:?}");
        }
    }
    let long = "n".repeat(1024 * 1024);
    let found = raw::send(
        &server.config,
        &raw::request("GET", &format!("/configs/{long}/c/n"), &server.config, &[]),
    )
    .await;
    assert!(found.is_err() || found.is_ok_and(|answer| matches!(answer.status, 414 | 431)));
}

/// REL-61: words that occur in paths are valid app ids, and their access key protects all of their
/// paths.
#[tokio::test]
async fn words_of_paths_are_good_app_ids() {
    let (server, _) = start().await;
    let (admin, http) = (Http::new(&server.admin), Http::new(&server.config));
    for name in ["raw", "json", "default", "v2", "configs"] {
        let app = App::create(&admin, name).await;
        app.publish(name).await;
        let paths = [
            format!("/configs/{name}/default/application"),
            format!("/configfiles/{name}/default/application"),
            format!("/configfiles/json/{name}/default/application"),
            format!("/configfiles/raw/{name}/default/application"),
        ];
        for path in &paths {
            let has_value = async || (http.get(path).await.text.contains(name)).then_some(());
            eventually(path, has_value).await;
        }
        app.add_key("s1", 0, true).await;
        for path in &paths {
            eventually(path, async || (http.get(path).await.status == 401).then_some(())).await;
            assert_eq!(sign::get(&server.config, path, "s1").await.status, 200, "{path}");
        }
    }
}

/// REL-62: every accepted value is served byte for byte, as JSON, as properties text and as a
/// document.
#[tokio::test]
async fn accepted_values_are_served_byte_for_byte() {
    let (server, app) = start().await;
    let http = Http::new(&server.config);
    app.add_namespace("doc.txt", false).await;
    let limit = "中".repeat(20_000);
    let values = [
        "",
        " ",
        "  leading",
        "trailing  ",
        "\t",
        "a\r\nb",
        "\n",
        "x=y:z#!",
        "\\n",
        "'<>&\"",
        "\u{7f}",
        "\u{1}\u{1f}",
        "𝄞😀",
        "\u{202e}rtl",
        "e\u{301}",
        "\u{2028}\u{2029}",
        "${not} #{replaced}",
        "null",
        &limit,
    ];
    let keyed: Vec<(String, &str)> =
        values.iter().enumerate().map(|(at, value)| (format!("k {at}=:#!"), *value)).collect();
    let items: Vec<(&str, &str)> =
        keyed.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    app.release("default", "application", &items).await;
    position(&http, "demo", "application").await;
    let config = http.get("/configs/demo/default/application").await.ok().json();
    let json = http.get("/configfiles/json/demo/default/application").await.ok().json();
    let text = http.get("/configfiles/demo/default/application").await.ok().text;
    let parsed = properties::parse(&text).unwrap();
    for (key, value) in &items {
        assert_eq!(
            (&config["configurations"][key], &json[key]),
            (&json!(value), &json!(value)),
            "{key}"
        );
        assert_eq!(parsed.get(*key).map(String::as_str), Some(*value), "{key}");
    }
    for value in values.iter().filter(|value| !value.is_empty()) {
        let release = app.release("default", "doc.txt", &[("content", value)]).await;
        eventually("the document", async || {
            let known = http.get("/configs/demo/default/doc.txt").await;
            (known.status == 200 && known.json()["releaseKey"] == release.key).then_some(())
        })
        .await;
        assert_eq!(http.get("/configfiles/raw/demo/default/doc.txt").await.ok().text, *value);
    }
}

/// REL-62: values above the limit and invalid Unicode are refused with a reason.
#[tokio::test]
async fn values_that_cannot_be_kept_are_refused() {
    let (server, app) = start().await;
    let admin = Http::new(&server.admin);
    let path = format!("{}/items", app.path("default", "application"));
    let body =
        |value: &str| format!(r#"{{"key":"k","value":"{value}","dataChangeCreatedBy":"apollo"}}"#);
    for value in ["x".repeat(20_001), "\\ud800".to_owned()] {
        let body = body(&value);
        let length = body.len().to_string();
        let headers = [("content-type", "application/json"), ("content-length", length.as_str())];
        let mut request = raw::request("POST", &path, &server.admin, &headers);
        request.extend_from_slice(body.as_bytes());
        let answer = raw::send(&server.admin, &request).await.unwrap();
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.json()["message"].as_str().is_some_and(|message| !message.is_empty()));
    }
    assert_eq!(admin.get(&path).await.ok().json(), json!([]));
}

/// A list of ten thousand namespaces exceeds any URL limit; it is refused, not truncated.
#[tokio::test]
async fn ten_thousand_namespaces_are_too_many() {
    let (server, _) = start().await;
    let names: Vec<String> = (0..10_000).map(|at| format!("namespace{at}")).collect();
    let known: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), -1)).collect();
    let request = raw::request("GET", &poll::path("demo", &known), &server.config, &[]);
    let answer = raw::send(&server.config, &request).await;
    assert!(answer.is_err() || answer.is_ok_and(|answer| matches!(answer.status, 414 | 431)));
}
